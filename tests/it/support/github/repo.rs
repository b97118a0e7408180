//! Real repositories, written with `git fast-import` and read with plumbing commands.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// The time of the first commit; each one is a minute later.
const EPOCH: u64 = 1_700_000_000;

/// One change in a commit. Paths are bytes: git takes any but NUL.
#[derive(Clone, Debug)]
pub enum Change {
    File(Vec<u8>, Vec<u8>),
    Executable(Vec<u8>, Vec<u8>),
    Symlink(Vec<u8>, Vec<u8>),
    Submodule(Vec<u8>, String),
    Remove(Vec<u8>),
    RemoveAll,
}

impl Change {
    pub fn file(path: impl AsRef<[u8]>, bytes: impl AsRef<[u8]>) -> Change {
        Change::File(path.as_ref().to_vec(), bytes.as_ref().to_vec())
    }

    pub fn executable(path: &str, bytes: &str) -> Change {
        Change::Executable(path.into(), bytes.into())
    }

    pub fn symlink(path: &str, target: &str) -> Change {
        Change::Symlink(path.into(), target.into())
    }

    pub fn submodule(path: &str, commit: &str) -> Change {
        Change::Submodule(path.into(), commit.into())
    }

    pub fn remove(path: &str) -> Change {
        Change::Remove(path.into())
    }
}

/// How GitHub sees a repository beside its git data.
#[derive(Clone, Debug)]
pub struct Settings {
    pub full_name: String,
    /// Names it had before.
    pub old_names: Vec<String>,
    pub default_branch: String,
    /// The only token that may see it; `None`: public.
    pub token: Option<String>,
    /// Recursive listings hold so many entries at most.
    pub truncate_above: usize,
}

pub struct Repo {
    pub dir: PathBuf,
    pub id: u64,
    settings: Mutex<Settings>,
    clock: AtomicU64,
}

impl Repo {
    pub fn create(dir: &Path, full_name: &str, id: u64) -> Repo {
        let repo = Repo {
            dir: dir.to_path_buf(),
            id,
            settings: Mutex::new(Settings {
                full_name: full_name.into(),
                old_names: Vec::new(),
                default_branch: "main".into(),
                token: None,
                truncate_above: 100_000,
            }),
            clock: AtomicU64::new(EPOCH),
        };
        std::fs::create_dir_all(dir).unwrap();
        repo.git(&["init", "--quiet", "--bare", "--initial-branch=main"], b"");
        repo
    }

    pub fn settings(&self) -> Settings {
        self.settings.lock().unwrap().clone()
    }

    pub fn is_called(&self, full_name: &str) -> bool {
        self.settings().full_name.eq_ignore_ascii_case(full_name)
    }

    /// Commits files on `main`; returns the commit's SHA.
    pub fn commit(&self, files: &[(&str, &str)], message: &str) -> String {
        let changes: Vec<Change> = files.iter().map(|(path, bytes)| Change::file(path, bytes)).collect();
        self.commit_changes("main", &changes, message)
    }

    /// Commits changes on top of `branch`; returns the commit's SHA.
    pub fn commit_changes(&self, branch: &str, changes: &[Change], message: &str) -> String {
        let time = self.clock.fetch_add(60, Ordering::SeqCst);
        let mut stream =
            format!("commit refs/heads/{branch}\ncommitter Test <test@example.com> {time} +0000\n").into_bytes();
        data(&mut stream, message.as_bytes());
        if self.resolve(branch).is_some() {
            stream.extend(format!("from refs/heads/{branch}^0\n").bytes());
        }
        for change in changes {
            let mut put = |mode: &str, path: &[u8], bytes: &[u8]| {
                stream.extend(format!("M {mode} inline {}\n", quoted(path)).bytes());
                data(&mut stream, bytes);
            };
            match change {
                Change::File(path, bytes) => put("100644", path, bytes),
                Change::Executable(path, bytes) => put("100755", path, bytes),
                Change::Symlink(path, target) => put("120000", path, target),
                Change::Submodule(path, sha) => stream.extend(format!("M 160000 {sha} {}\n", quoted(path)).bytes()),
                Change::Remove(path) => stream.extend(format!("D {}\n", quoted(path)).bytes()),
                Change::RemoveAll => stream.extend(b"deleteall\n"),
            }
        }
        self.git(&["fast-import", "--quiet", "--force"], &stream);
        self.resolve(branch).unwrap()
    }

    /// Commits a tree with one folder of any name, `..` too, that holds one file; returns the commit's SHA.
    pub fn commit_folder_named(&self, folder: &str, file: &str, bytes: &str) -> String {
        let blob = self.line(&["hash-object", "-w", "--stdin"], bytes.as_bytes());
        let inner = self.line(&["mktree", "-z"], format!("100644 blob {blob}\t{file}\0").as_bytes());
        let outer = self.line(&["mktree", "-z"], format!("040000 tree {inner}\t{folder}\0").as_bytes());
        let commit = self.line(&["commit-tree", "-m", "Odd folder", &outer], b"");
        self.point("main", &commit);
        commit
    }

    /// Commits folders that all hold the same: `a.md` and so many other files.
    pub fn commit_copies(&self, files: usize, folders: &[&str]) {
        let blob = self.line(&["hash-object", "-w", "--stdin"], b"x");
        let lines: String = (1..files).map(|n| format!("100644 blob {blob}\t{n}\0")).collect();
        let inner = self.line(&["mktree", "-z"], format!("100644 blob {blob}\ta.md\0{lines}").as_bytes());
        let lines: String = folders.iter().map(|name| format!("040000 tree {inner}\t{name}\0")).collect();
        let outer = self.line(&["mktree", "-z"], lines.as_bytes());
        let commit = self.line(&["commit-tree", "-m", "Copies", &outer], b"");
        self.point("main", &commit);
    }

    /// Moves a branch, forwards or not; makes it where it does not exist.
    pub fn point(&self, branch: &str, commit: &str) {
        self.git(&["update-ref", &format!("refs/heads/{branch}"), commit], b"");
    }

    pub fn tag(&self, name: &str, commit: &str) {
        self.git(&["update-ref", &format!("refs/tags/{name}"), commit], b"");
    }

    pub fn delete_branch(&self, branch: &str) {
        self.git(&["update-ref", "-d", &format!("refs/heads/{branch}")], b"");
    }

    pub fn set_default_branch(&self, branch: &str) {
        self.settings.lock().unwrap().default_branch = branch.into();
    }

    /// Only `token` sees it from now on.
    pub fn make_private(&self, token: &str) {
        self.settings.lock().unwrap().token = Some(token.into());
    }

    /// Recursive listings are cut after `entries`.
    pub fn truncate_above(&self, entries: usize) {
        self.settings.lock().unwrap().truncate_above = entries;
    }

    /// Gives it another name; the old one redirects.
    pub fn rename(&self, full_name: &str) {
        let mut settings = self.settings.lock().unwrap();
        let old = std::mem::replace(&mut settings.full_name, full_name.into());
        settings.old_names.push(old);
    }

    /// The commit of a branch, tag, `HEAD` or commit id.
    pub fn resolve(&self, git_ref: &str) -> Option<String> {
        let default = format!("refs/heads/{}", self.settings().default_branch);
        let names = match git_ref {
            "HEAD" => vec![default],
            _ if git_ref.len() == 40 && git_ref.bytes().all(|b| b.is_ascii_hexdigit()) => vec![git_ref.to_string()],
            _ => vec![format!("refs/heads/{git_ref}"), format!("refs/tags/{git_ref}")],
        };
        let ask = |name: &String| self.try_git(&["rev-parse", "--quiet", "--verify", &format!("{name}^{{commit}}")]);
        names.iter().find_map(ask).map(|out| text(&out))
    }

    /// Whether no branch has a commit.
    pub fn is_empty(&self) -> bool {
        self.git(&["for-each-ref", "--count=1"], b"").is_empty()
    }

    /// What a read-only git command prints; `None` when it fails.
    pub fn try_git(&self, args: &[&str]) -> Option<Vec<u8>> {
        let out = self.command(args).stdin(Stdio::null()).output().unwrap();
        out.status.success().then_some(out.stdout)
    }

    fn line(&self, args: &[&str], input: &[u8]) -> String {
        text(&self.git(args, input))
    }

    fn git(&self, args: &[&str], input: &[u8]) -> Vec<u8> {
        let mut command = self.command(args);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("git is installed");
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_vec();
        let writer = std::thread::spawn(move || stdin.write_all(&input));
        let out = child.wait_with_output().unwrap();
        let _ = writer.join();
        assert!(out.status.success(), "git {args:?} failed in {}", self.dir.display());
        out.stdout
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new("git");
        command.arg("--git-dir").arg(&self.dir).args(args);
        for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"] {
            command.env_remove(name);
        }
        for role in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{role}_NAME"), "Test").env(format!("GIT_{role}_EMAIL"), "test@example.com");
            command.env(format!("GIT_{role}_DATE"), format!("{EPOCH} +0000"));
        }
        command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
        command
    }
}

/// A commit's worth of changes that brings in everything below a folder.
pub fn folder_changes(folder: &Path) -> Vec<Change> {
    use std::os::unix::ffi::OsStrExt;
    let mut changes = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(dir) = open.pop() {
        let mut inside: Vec<PathBuf> = std::fs::read_dir(&dir).unwrap().map(|e| e.unwrap().path()).collect();
        inside.sort();
        for path in inside {
            let name = path.strip_prefix(folder).unwrap().as_os_str().as_bytes().to_vec();
            if path.is_symlink() {
                let target = std::fs::read_link(&path).unwrap();
                changes.push(Change::Symlink(name, target.as_os_str().as_bytes().to_vec()));
            } else if path.is_dir() {
                open.push(path);
            } else {
                changes.push(Change::File(name, std::fs::read(&path).unwrap()));
            }
        }
    }
    changes
}

fn data(stream: &mut Vec<u8>, bytes: &[u8]) {
    stream.extend(format!("data {}\n", bytes.len()).bytes());
    stream.extend(bytes);
    stream.push(b'\n');
}

/// A path in C quotes, which fast-import reads back byte for byte.
fn quoted(path: &[u8]) -> String {
    let mut out = String::from("\"");
    for &byte in path {
        match byte {
            b'"' | b'\\' => out.extend(['\\', byte as char]),
            b' '..=b'~' => out.push(byte as char),
            _ => out.push_str(&format!("\\{byte:03o}")),
        }
    }
    out.push('"');
    out
}

fn text(out: &[u8]) -> String {
    String::from_utf8_lossy(out).trim().to_string()
}
