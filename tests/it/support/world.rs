//! A world of its own for one test: empty environment, temporary home, temporary folder to stand in.
//!
//! It knows how to start programs in it and nothing of what they should answer.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What a program said and how it ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// Its standard output; bytes that are not UTF-8 are replaced.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
    /// Its exit code; 128 and the signal's number when a signal ended it.
    pub code: i32,
}

impl Output {
    /// The standard output of a program that succeeded; otherwise the test fails with all that was said.
    #[track_caller]
    pub fn ok(self) -> String {
        assert_eq!(self.code, 0, "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        self.stdout
    }

    /// The standard error of a program that ended with `code`.
    #[track_caller]
    pub fn failed(self, code: i32) -> String {
        assert_eq!(self.code, code, "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        self.stderr
    }
}

/// Folders and environment of one test; gone when dropped.
pub struct World {
    root: tempfile::TempDir,
    env: Vec<(String, String)>,
}

impl World {
    /// A fresh world: `home/`, `fac/` (FAC_HOME) and `work/`, where programs start.
    pub fn new() -> World {
        let root = tempfile::Builder::new().prefix("fac-world-").tempdir().unwrap();
        for folder in ["home", "fac", "work"] {
            std::fs::create_dir(root.path().join(folder)).unwrap();
        }
        let git = "[user]\n\tname = Ada\n\temail = ada@example.org\n[init]\n\tdefaultBranch = main\n";
        std::fs::write(root.path().join("home/.gitconfig"), git).unwrap();
        let text = |folder: &str| root.path().join(folder).to_str().unwrap().to_string();
        let env = vec![
            ("PATH".to_string(), path_without_shims()),
            ("HOME".to_string(), text("home")),
            ("FAC_HOME".to_string(), text("fac")),
            ("LC_ALL".to_string(), "C.UTF-8".to_string()),
            ("TZ".to_string(), "UTC".to_string()),
            ("GIT_CONFIG_NOSYSTEM".to_string(), "1".to_string()),
        ];
        World { root, env }
    }

    /// Sets a variable for everything started from now on.
    pub fn set(&mut self, name: &str, value: &str) {
        self.env.retain(|(n, _)| n != name);
        self.env.push((name.to_string(), value.to_string()));
    }

    /// Puts a folder before all others in PATH.
    pub fn prepend_path(&mut self, folder: &Path) {
        self.set("PATH", &format!("{}:{}", folder.display(), path_without_shims()));
    }

    /// The folder programs start in.
    pub fn work(&self) -> PathBuf {
        self.root.path().join("work")
    }

    /// The home folder.
    pub fn home(&self) -> PathBuf {
        self.root.path().join("home")
    }

    /// What FAC_HOME names.
    pub fn fac(&self) -> PathBuf {
        self.root.path().join("fac")
    }

    /// Where this world's PATH has a program.
    pub fn which(&self, program: &str) -> Option<PathBuf> {
        let path = self.env.iter().find(|(name, _)| name == "PATH").map(|(_, value)| value.as_str()).unwrap_or("");
        path.split(':').map(|folder| Path::new(folder).join(program)).find(|file| file.is_file())
    }

    /// Every path below FAC_HOME with its content, sorted.
    pub fn tree(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut found = Vec::new();
        let mut folders = vec![self.fac()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path.clone());
                }
                found.push((path.clone(), std::fs::read(&path).unwrap_or_default()));
            }
        }
        found.sort();
        found
    }

    /// A path in the folder programs start in.
    pub fn path(&self, relative: &str) -> PathBuf {
        self.work().join(relative)
    }

    /// Writes a file below the folder programs start in, with the folders above it.
    pub fn write(&self, relative: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(relative);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Reads a file below the folder programs start in.
    pub fn read(&self, relative: &str) -> String {
        std::fs::read_to_string(self.path(relative)).unwrap()
    }

    /// `fac` with arguments, not yet started.
    pub fn command(&self, args: &[&str]) -> Command {
        self.program(env!("CARGO_BIN_EXE_fac"), args)
    }

    /// Any program with arguments in this world, not yet started.
    pub fn program(&self, program: impl AsRef<Path>, args: &[&str]) -> Command {
        let mut command = Command::new(program.as_ref());
        command.args(args).env_clear().envs(self.env.iter().cloned()).current_dir(self.work());
        command
    }

    /// Runs `fac` with nothing on its standard input.
    pub fn run(&self, args: &[&str]) -> Output {
        finish(self.command(args), b"")
    }

    /// Runs `fac` with `input` on its standard input.
    pub fn run_with(&self, args: &[&str], input: impl AsRef<[u8]>) -> Output {
        finish(self.command(args), input.as_ref())
    }

    /// Runs another program and expects it to succeed.
    #[track_caller]
    pub fn sh(&self, script: &str) -> String {
        finish(self.program("sh", &["-euc", script]), b"").ok()
    }
}

/// Starts a program, feeds it and waits.
pub fn finish(mut command: Command, input: &[u8]) -> Output {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    // A program may end without reading; that is its right.
    let feeder = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let out = child.wait_with_output().unwrap();
    feeder.join().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let code = out.status.code().unwrap_or_else(|| 128 + signal(&out.status));
    Output { stdout: text(&out.stdout), stderr: text(&out.stderr), code }
}

fn signal(status: &std::process::ExitStatus) -> i32 {
    std::os::unix::process::ExitStatusExt::signal(status).unwrap_or(0)
}

/// PATH without version managers' shims, which look for their own settings in HOME.
fn path_without_shims() -> String {
    let path = std::env::var("PATH").unwrap_or_default();
    let kept: Vec<&str> = path.split(':').filter(|p| !p.is_empty() && !p.ends_with("/shims")).collect();
    kept.join(":")
}
