//! What each interpreter is given, and what arrives.

use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::exec::tests::{go, sh, text};
use crate::exec::{Job, Status};

const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

fn os(words: &[&str]) -> Vec<OsString> {
    words.iter().map(OsString::from).collect()
}

/// Arguments that would do harm, or get lost, if anything but the script read them.
fn hostile() -> Vec<OsString> {
    os(&["x'; touch PWNED; #", "two\nlines", "$(id)", "{script}", "{{other}}", "-e", "--version", "", "$ARGUMENTS"])
}

fn job(prepared: &Prepared) -> Job {
    let mut job = Job::new(&prepared.program, "/");
    job.args.clone_from(&prepared.args);
    job.env = sh("").env;
    job
}

fn output(language: &str, script: &str, args: &[OsString]) -> String {
    let prepared = Interpreters::default().prepare(language, script, "fac", args, PATH).unwrap();
    let outcome = go(job(&prepared));
    assert_eq!(outcome.status, Status::Exited(0), "{}", String::from_utf8_lossy(&outcome.stderr.joined()));
    text(outcome.stdout.joined())
}

/// A table in which every program is there, so that the words can be compared.
fn words(way: &str, script: &str, needs_file: bool) -> Vec<OsString> {
    let way = Interpreter::from_words(way.split(' ').map(str::to_owned).collect(), "x").unwrap();
    let mut prepared = way.fill("/p".into(), script, "fac", &os(&["a"]), needs_file).unwrap();
    if let Some(folder) = prepared.folder.take() {
        for word in &mut prepared.args {
            if Path::new(word).starts_with(folder.path()) {
                *word = Path::new(word).file_name().unwrap().into();
            }
        }
    }
    prepared.args
}

#[test]
fn templates_are_filled_word_by_word() {
    assert_eq!(words("sh -c {script} {name}", "echo", false), os(&["-c", "echo", "fac", "a"]));
    assert_eq!(words("bash -eu -c {script} {name}", "echo", true), os(&["-eu", "script.x", "a"]));
    assert_eq!(words("node -e {script} --", "1", true), os(&["script.x", "a"]));
    assert_eq!(words("awk", "1", false), os(&["script.x", "a"]));
    assert_eq!(words("p x{script}", "1", false), os(&["x{script}", "script.x", "a"]));
}

#[test]
fn a_command_line_without_a_program_is_refused() {
    for words in [vec![], vec![""], vec!["{script}"], vec!["sh", "{script}", "{file}"]] {
        let words: Vec<String> = words.into_iter().map(str::to_owned).collect();
        assert_eq!(Interpreter::from_words(words, "").unwrap_err().kind(), Kind::BadData);
    }
}

#[test]
fn arguments_arrive_as_they_are() {
    let args = hostile();
    let expected: String = args.iter().map(|a| format!("<{}>\n", a.to_str().unwrap())).collect();
    for (language, script) in [
        ("sh", "for a in \"$@\"; do printf '<%s>\\n' \"$a\"; done"),
        ("bash", "for a in \"$@\"; do printf '<%s>\\n' \"$a\"; done"),
        ("python", "import sys\nfor a in sys.argv[1:]: print(f'<{a}>')"),
        ("node", "for (const a of process.argv.slice(1)) console.log(`<${a}>`)"),
        ("perl", "print \"<$_>\\n\" for @ARGV;"),
        ("ruby", "ARGV.each { |a| puts \"<#{a}>\" }"),
        ("php", "foreach (array_slice($argv, 1) as $a) echo \"<$a>\\n\";"),
        ("fish", "for a in $argv; printf '<%s>\\n' $a; end"),
        ("sh", "#!/usr/bin/env bash\nfor a in \"$@\"; do printf '<%s>\\n' \"$a\"; done"),
        ("text", "#!/bin/sh -u\nfor a in \"$@\"; do printf '<%s>\\n' \"$a\"; done"),
    ] {
        let table = Interpreters::default();
        if !script.starts_with("#!") && !table.get(language).iter().any(|i| find_program(i.program(), PATH).is_some()) {
            println!("skipped: {language} is not installed");
            continue;
        }
        assert_eq!(output(language, script, &args), expected, "{language}");
    }
}

#[test]
fn a_shell_knows_the_name_it_is_called_by() {
    assert_eq!(output("sh", "echo $0 $#", &os(&["a", "b"])), "fac 2\n");
}

#[test]
fn a_script_of_any_length_runs() {
    let long = format!("echo start; : {}\necho end $1", "x".repeat(MAX_STRING));
    assert_eq!(output("sh", &long, &os(&["here"])), "start\nend here\n");
}

#[test]
fn a_script_that_looks_like_an_option_runs() {
    let prepared = Interpreters::default().prepare("sh", "-x; echo fine", "fac", &[], PATH).unwrap();
    assert_eq!(text(go(job(&prepared)).stdout.joined()), "fine\n");
}

#[test]
fn a_script_file_is_private_and_goes_away() {
    let prepared = Interpreters::default().prepare("perl", "1;", "fac", &[], "/usr/bin").unwrap();
    let path = PathBuf::from(&prepared.args[0]);
    let mode = |p: &Path| std::fs::metadata(p).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o700, 0o700));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "1;");
    drop(prepared);
    assert!(!path.exists());
}

#[test]
fn a_first_line_is_read_as_the_kernel_reads_it() {
    let of = |script| Shebang::of(script).map(|s| (s.program, s.argument));
    assert_eq!(of("#!/bin/sh\n"), Some(("/bin/sh", None)));
    assert_eq!(of("#! /usr/bin/env -S deno run \r\nx"), Some(("/usr/bin/env", Some("-S deno run"))));
    assert_eq!(of("#!\necho"), None);
    assert_eq!(of("# comment\n"), None);
    let asked = |line| Shebang::of(line).and_then(|s| s.asked_of_env());
    assert_eq!(asked("#!/usr/bin/env -S A=1 deno run"), Some("deno"));
    assert_eq!(asked("#!/bin/sh -e"), None);
}

#[test]
fn what_is_missing_is_named_with_the_way_to_get_it() {
    let fail = |language: &str, script: &str, path: &str| {
        let error = Interpreters::default().prepare(language, script, "fac", &[], path).unwrap_err();
        (error.kind(), error.message().to_owned(), error.way_forward().unwrap().to_owned())
    };
    assert_eq!(
        fail("py", "1", "/nonexistent"),
        (Kind::Missing, "python3 is not installed".into(), "apt install python3".into())
    );
    let (kind, message, _) = fail("sh", "#!/usr/bin/env no-such-thing\n", PATH);
    assert_eq!((kind, message.as_str()), (Kind::Missing, "no-such-thing is not installed"));
    let (kind, message, _) = fail("cobol", "1", PATH);
    assert_eq!((kind, message.as_str()), (Kind::Usage, "no interpreter is known for \"cobol\""));
    assert_eq!(fail("lua", "1", PATH).0, Kind::Usage);
}

#[test]
fn settings_replace_an_interpreter_and_keep_what_they_do_not_say() {
    let mut table = Interpreters::default();
    table.set("Python", Interpreter::from_words(vec!["pypy3".into(), "-c".into(), "{script}".into()], "").unwrap());
    let [way] = table.get("PYTHON") else { panic!("one way") };
    assert_eq!(
        (way.program(), way.extension.as_str(), way.install_hint.as_str()),
        ("pypy3", "py", "apt install python3")
    );
    assert_eq!(table.get("py")[0].program(), "python3");
    assert!(table.languages().any(|l| l == "typescript"));
}

#[test]
fn php_with_an_opening_tag_gets_a_file() {
    let table = Interpreters::default();
    let way = &table.get("php")[0];
    let folder = tempfile::tempdir().unwrap();
    let fake = folder.path().join("php");
    std::fs::write(&fake, "").unwrap();
    std::fs::set_permissions(&fake, std::fs::Permissions::from_mode(0o700)).unwrap();
    let args = |script| table.prepare("php", script, "fac", &[], folder.path()).unwrap().args;
    assert_eq!(args("echo 1;"), os(&["-r", "echo 1;", "--"]));
    assert_eq!((args("<?php echo 1;").len(), way.program()), (1, "php"));
}
