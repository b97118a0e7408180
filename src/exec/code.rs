//! A piece of code: put into a folder of its own, compiled where its language is, and run in a sandbox.
//!
//! Which program runs it is known by the table of interpreters and, for languages that are compiled, by the one here. It
//! knows neither who asks nor where the code came from.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use super::interpreters::asked_by_first_line;
use super::sandbox::{Folder, Line, PROGRAMS, Sandbox, Watched, path_for};
use super::{
    CaptureLimits, Captured, Input, Interpreters, Job, Outcome, Sink, Status, Stop, Stream, find_program, run, unix,
};
use crate::kernel::error::{Context, Error, Kind, Result};
use crate::kernel::near::nearest;

/// A language with tools of its own.
struct Toolchain {
    names: &'static [&'static str],
    /// What the code is called.
    file: &'static str,
    hint: &'static str,
    /// What compiles it, or nothing, and what runs it; the first of which all programs are there.
    ways: &'static [(&'static str, &'static str)],
}

/// Half of the memory, in MiB.
const HEAP: &str = "{heap}";

/// What a compiler makes.
const MADE: &str = "./main";

/// The languages that are compiled, and those whose interpreter wants to be told of the bounds. `{file}` is the code.
const TOOLCHAINS: &[Toolchain] = &[
    Toolchain {
        names: &["c"],
        file: "main.c",
        hint: "apt install gcc libc6-dev",
        ways: &[("gcc -O1 -o main {file} -lm", MADE), ("clang -O1 -o main {file} -lm", MADE)],
    },
    Toolchain {
        names: &["c++", "cpp", "cxx", "cc"],
        file: "main.cpp",
        hint: "apt install g++",
        ways: &[("g++ -O1 -o main {file}", MADE), ("clang++ -O1 -o main {file}", MADE)],
    },
    Toolchain { names: &["mjs"], file: "main.mjs", hint: "apt install nodejs", ways: &[("", "node {file}")] },
    Toolchain {
        names: &["java"],
        file: "Main.java",
        hint: "apt install default-jdk-headless",
        ways: &[("", "java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:-UsePerfData -Xmx{heap} {file}")],
    },
    Toolchain {
        names: &["rust", "rs"],
        file: "main.rs",
        hint: "apt install rustc",
        ways: &[("rustc -o main {file}", MADE)],
    },
    Toolchain {
        names: &["go"],
        file: "main.go",
        hint: "apt install golang-go",
        ways: &[("go build -o main {file}", MADE)],
    },
    Toolchain {
        names: &["typescript", "ts"],
        file: "main.ts",
        hint: "apt install node-typescript nodejs",
        ways: &[
            ("", "deno run --no-prompt -A {file}"),
            ("", "bun run {file}"),
            ("", "tsx {file}"),
            ("tsc --target es2020 --module commonjs {file}", "node main.js"),
        ],
    },
];

/// Code that is to be run.
#[derive(Debug)]
pub struct Code {
    /// A name of its language.
    pub language: String,
    /// The code.
    pub text: String,
    /// What it is given as its arguments.
    pub args: Vec<OsString>,
    /// What it reads.
    pub stdin: Input,
}

/// How far it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It was to be compiled.
    Compile,
    /// It ran.
    Run,
}

impl Stage {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Stage::Compile => "compile",
            Stage::Run => "run",
        }
    }
}

/// What came of it.
#[derive(Debug)]
pub struct Ran {
    /// How far it came.
    pub stage: Stage,
    /// How that ended.
    pub status: Status,
    /// What it had too much of, for which it was ended; a sentence without its full stop.
    pub limit: Option<String>,
    /// What was kept of its output.
    pub stdout: Captured,
    /// What was kept of its error output; when compiling, of all that the compiler said.
    pub stderr: Captured,
    /// Compiling and running.
    pub duration: Duration,
}

/// What runs a language here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Language {
    /// Its usual name.
    pub name: String,
    /// The programs, in the order they are used; empty when one is missing.
    pub programs: Vec<PathBuf>,
    /// How to get them.
    pub hint: String,
}

/// The language of a file: by its first line where that names one that is known, or else by what its name ends in.
pub fn language_of(interpreters: &Interpreters, file: Option<&Path>, text: &str) -> Option<String> {
    let is_known = |name: &String| {
        let name = known_as(name);
        !interpreters.get(&name).is_empty() || TOOLCHAINS.iter().any(|chain| chain.names.contains(&&*name))
    };
    let by_line = asked_by_first_line(text).map(|named| named.rsplit('/').next().unwrap_or(named).to_string());
    let by_name = file.and_then(Path::extension).and_then(OsStr::to_str).map(str::to_string);
    by_line.clone().filter(is_known).or_else(|| by_name.filter(is_known)).or(by_line)
}

/// A name of a language as the tables have it.
fn known_as(name: &str) -> String {
    let name = name.to_ascii_lowercase();
    match name.as_str() {
        // A plugin is what is meant elsewhere.
        "lua" => "plain-lua".to_string(),
        "cjs" => "js".to_string(),
        "mts" | "cts" | "tsx" => "ts".to_string(),
        _ => name,
    }
}

/// Every language, by its usual name, and what would run it.
pub fn languages(interpreters: &Interpreters, path_var: &OsStr) -> Vec<Language> {
    let path_var = &*path_for(path_var);
    let used = |way: Way| way.compile.into_iter().chain([way.run]).map(|line| PathBuf::from(line.program));
    let compiled = TOOLCHAINS.iter().map(|chain| {
        let way = chain.way(path_var, 0).ok();
        let programs = way.into_iter().flat_map(used).filter(|program| program != Path::new(MADE)).collect();
        Language { name: chain.names[0].to_string(), programs, hint: chain.hint.to_string() }
    });
    let own: Vec<&str> = TOOLCHAINS.iter().flat_map(|chain| chain.names).copied().collect();
    let mut all: Vec<Language> = compiled.collect();
    let mut seen: Vec<Vec<String>> = Vec::new();
    for name in interpreters.usual_names().filter(|name| !own.contains(name)) {
        let Some(first) = interpreters.get(name).first() else { continue };
        // Other names of the same.
        if seen.contains(&first.words) {
            continue;
        }
        seen.push(first.words.clone());
        if name == "cmd" && !cfg!(windows) {
            continue;
        }
        let programs = interpreters.way(name, path_var).map(|(_, program)| vec![program]).unwrap_or_default();
        let name = match name {
            "plain-lua" => "lua",
            "node" => "javascript",
            name => name,
        };
        all.push(Language { name: name.to_string(), programs, hint: first.install_hint.clone() });
    }
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}

/// What is to be done with the code's file.
struct Way {
    file: String,
    compile: Option<Line>,
    run: Line,
}

/// Runs it; what it prints goes to `sink` as it comes, what a compiler says as error output.
///
/// # Errors
/// `Usage` for a language nobody knows, `Missing` where nothing runs it here, `Failed` when the system gives no folder or
/// process. Whatever the code itself does is a [`Ran`].
pub fn execute(
    code: Code,
    sandbox: &Sandbox,
    interpreters: &Interpreters,
    path_var: &OsStr,
    sink: &mut dyn Sink,
    stop: &Stop,
) -> Result<Ran> {
    let begun = Instant::now();
    let way = way(&code.language, interpreters, &path_for(path_var), sandbox.bounds.memory)?;
    let folder = Folder::new()?;
    let place = folder.path.as_path();
    std::fs::write(place.join(&way.file), &code.text).context(Kind::Failed, || format!("cannot write {}", way.file))?;
    for (name, to) in &sandbox.reach.names {
        folder.link(name, to).context(Kind::Failed, || format!("cannot name {}", name.display()))?;
    }
    let inside = Inside { sandbox, place, begun, stop };
    if let Some(line) = way.compile {
        let mut said = |_: Stream, bytes: &[u8]| sink.output(Stream::Stderr, bytes);
        let (outcome, limit) = inside.run(line, Input::Null, &mut said)?;
        if !outcome.status.success() {
            return Ok(ran(Stage::Compile, outcome, limit, begun));
        }
        unix::make_executable(&place.join(MADE));
    }
    let mut line = way.run;
    line.args.extend(code.args);
    let (outcome, limit) = inside.run(line, code.stdin, sink)?;
    Ok(ran(Stage::Run, outcome, limit, begun))
}

fn ran(stage: Stage, outcome: Outcome, limit: Option<String>, begun: Instant) -> Ran {
    let Outcome { status, mut stdout, mut stderr, .. } = outcome;
    if stage == Stage::Compile && stderr.total == 0 {
        // Some compilers complain on the one stream, some on the other.
        std::mem::swap(&mut stdout, &mut stderr);
    }
    Ran { stage, status, limit, stdout, stderr, duration: begun.elapsed() }
}

/// Where and how programs run.
struct Inside<'a> {
    sandbox: &'a Sandbox,
    place: &'a Path,
    begun: Instant,
    stop: &'a Stop,
}

impl Inside<'_> {
    /// Runs one program to its end; with what it had too much of.
    fn run(&self, line: Line, stdin: Input, sink: &mut dyn Sink) -> Result<(Outcome, Option<String>)> {
        let bounds = &self.sandbox.bounds;
        let env = self.environment(&line.program);
        let Line { program, args } = self.sandbox.wrap(line, self.place)?;
        let (watched, began) = Watched::new(bounds, self.place);
        let half = bounds.output / 2;
        let job = Job {
            args,
            env,
            stdin,
            apart: true,
            timeout: Some(bounds.time.saturating_sub(self.begun.elapsed())),
            grace: Duration::from_millis(100),
            capture: CaptureLimits { head: half, tail: half, ..CaptureLimits::default() },
            began: Some(began),
            ..Job::new(program, self.place)
        };
        let (over, ends) = channel();
        let stop = self.stop.clone();
        let looking = std::thread::Builder::new().name("sandbox".into());
        let looking = looking
            .spawn(move || watched.watch(&ends, &stop))
            .context(Kind::Failed, || "cannot start a thread".to_string())?;
        let outcome = run(job, sink, self.stop);
        drop(over);
        let limit = looking.join().unwrap_or_default();
        Ok((outcome?, limit))
    }

    /// All that is in its environment: where it may write, and where programs are.
    fn environment(&self, program: &OsStr) -> Vec<(OsString, OsString)> {
        let home = self.sandbox.inside(self.place);
        let system = PROGRAMS.map(PathBuf::from);
        let own = Path::new(program).parent().filter(|folder| folder.is_absolute()).map(Path::to_path_buf);
        let folders = own.filter(|own| !system.contains(own)).into_iter().chain(system);
        // A folder with a colon in its name cannot stand on a path.
        let path = std::env::join_paths(folders).unwrap_or_else(|_| "/usr/bin:/bin".into());
        let home = home.into_os_string();
        let plain = [("LANG", "C.UTF-8"), ("PYTHONDONTWRITEBYTECODE", "1"), ("PYTHONUNBUFFERED", "1")];
        let plain = plain.map(|(name, value)| (name, OsString::from(value)));
        let own = [("HOME", home.clone()), ("PATH", path), ("TMPDIR", home)];
        own.into_iter().chain(plain).map(|(name, value)| (OsString::from(name), value)).collect()
    }
}

/// What compiles and runs a language here.
fn way(language: &str, interpreters: &Interpreters, path_var: &OsStr, memory: u64) -> Result<Way> {
    let asked = &*known_as(language);
    if let Some(chain) = TOOLCHAINS.iter().find(|chain| chain.names.contains(&asked)) {
        return chain.way(path_var, memory);
    }
    if interpreters.get(asked).is_empty() {
        let known = languages(interpreters, path_var);
        let names: Vec<&str> = known.iter().map(|one| one.name.as_str()).collect();
        let meant = nearest(asked, names.iter().copied()).map(|name| format!("did you mean {name}? "));
        return Err(Error::new(Kind::Usage, format!("{language:?} is no language that can be run")).hint(format!(
            "{}there are {}",
            meant.unwrap_or_default(),
            names.join(", ")
        )));
    }
    let (interpreter, program) = interpreters.way(asked, path_var)?;
    let file = format!("main.{}", interpreter.extension);
    let args = interpreter.on_file(&file);
    Ok(Way { file, compile: None, run: Line { program: program.into(), args } })
}

impl Toolchain {
    fn way(&self, path_var: &OsStr, memory: u64) -> Result<Way> {
        let heap = format!("{}m", (memory / 2) >> 20);
        let line = |words: &str| -> Option<Line> {
            let mut words = words.split(' ').map(|word| match word {
                "{file}" => self.file.to_string(),
                word => word.replace(HEAP, &heap),
            });
            let program = words.next()?;
            let program =
                if program == MADE { MADE.into() } else { find_program(&program, path_var)?.into_os_string() };
            Some(Line { program, args: words.map(OsString::from).collect() })
        };
        let found = self.ways.iter().find_map(|(compile, run)| {
            let compile = if compile.is_empty() { None } else { Some(line(compile)?) };
            Some(Way { file: self.file.to_string(), compile, run: line(run)? })
        });
        found.ok_or_else(|| {
            Error::new(Kind::Missing, format!("nothing that runs {} is installed", self.names[0])).hint(self.hint)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_is_known_by_the_first_line_or_the_name() {
        let table = Interpreters::default();
        let of = |file: &str, text: &str| language_of(&table, Some(Path::new(file)), text);
        assert_eq!(of("a.py", "#!/usr/bin/nobody\n").as_deref(), Some("py"));
        assert_eq!(of("a.xyz", "#!/usr/bin/nobody\n").as_deref(), Some("nobody"));
        assert_eq!((of("a.mjs", ""), of("a.CPP", ""), of("a.xyz", "")), (Some("mjs".into()), Some("CPP".into()), None));
        assert_eq!(of("a/b.py", "print(1)").as_deref(), Some("py"));
        assert_eq!(of("run", "#!/usr/bin/env -S python3 -u\n").as_deref(), Some("python3"));
        assert_eq!(of("x.txt", "#!/bin/bash\n").as_deref(), Some("bash"));
        assert_eq!(of("run", "echo"), None);
        assert_eq!(language_of(&table, None, "#!"), None);
    }

    #[test]
    fn every_language_is_there_once() {
        let known = languages(&Interpreters::default(), OsStr::new(""));
        let mut names: Vec<&str> = known.iter().map(|one| one.name.as_str()).collect();
        for name in ["python", "javascript", "typescript", "java", "c++", "lua", "sh"] {
            assert!(names.contains(&name), "{name} of {names:?}");
        }
        assert!(known.iter().all(|one| !one.hint.is_empty()));
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all);
    }

    #[test]
    fn an_unknown_language_is_told_with_those_that_are_known() {
        let error = way("cobol", &Interpreters::default(), OsStr::new("/usr/bin"), 1).err().unwrap();
        assert_eq!((error.kind(), error.message()), (Kind::Usage, "\"cobol\" is no language that can be run"));
        assert!(error.way_forward().unwrap().contains("python"));
    }
}
