//! A home with 10,000 commands from 20 folders, made of text of our own.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// How many sources there are.
pub const SOURCES: usize = 20;
/// Commands of each source: half native, half tldr pages.
pub const EACH: usize = 500;

/// Where everything lies.
pub struct Place {
    root: tempfile::TempDir,
    /// The binary under test.
    pub fac: PathBuf,
}

impl Place {
    /// Empty folders. `FAC_BENCH_DIR` says on which disk.
    pub fn new(fac: PathBuf) -> Place {
        let base = std::env::var_os("FAC_BENCH_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
        let root = tempfile::Builder::new().prefix("fac-bench-").tempdir_in(base).unwrap();
        for folder in ["home", "fac", "work"] {
            std::fs::create_dir(root.path().join(folder)).unwrap();
        }
        Place { root, fac }
    }

    /// A path in it.
    pub fn path(&self, relative: &str) -> PathBuf {
        self.root.path().join(relative)
    }

    /// `fac` with arguments in this home.
    pub fn fac(&self, args: &[&str]) -> Command {
        self.program(&self.fac, args)
    }

    /// Any program in the same environment.
    pub fn program(&self, program: &Path, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(args).env_clear().current_dir(self.path("work"));
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", self.path("home")).env("FAC_HOME", self.path("fac")).env("LC_ALL", "C.UTF-8");
        command
    }

    /// Writes the folders of definitions and a maskfile with one line of shell; gives their paths.
    pub fn write(&self) -> Vec<PathBuf> {
        (0..SOURCES)
            .map(|source| {
                let folder = self.path(&format!("sources/s{source:02}"));
                native(&folder, source);
                pages(&folder, source);
                folder
            })
            .collect()
    }

    /// The maskfile that both `fac` and `mask` run.
    pub fn maskfile(&self) -> PathBuf {
        let folder = self.path("one");
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("maskfile.md");
        std::fs::write(&path, "# One\n\n## hi\n\n> Say hi\n\n```sh\necho hi\n```\n").unwrap();
        path
    }
}

fn native(folder: &Path, source: usize) {
    std::fs::create_dir_all(folder).unwrap();
    for file in 0..10 {
        let mut text = format!("---\nfactotum: 1\n---\n# Jobs {file}\n\n## Group {file}\n");
        for number in 0..EACH / 20 {
            let number = file * EACH / 20 + number;
            let _ = write!(
                text,
                "\n### `/job s{source:02} n{number:03} <host> [--level=<n>] [files...]`\n\
                 **Description:** Carry out job {number} of source {source} on a host\\\n**Effects:** write\\\n\
                 **Options:**\n- `host`: Where to do it\n- `-l`, `--level` (integer, default=3): How thoroughly\n\n\
                 ```sh\nprintf '%s\\n' \"$host\" \"$level\" \"$@\"\n```\n"
            );
        }
        std::fs::write(folder.join(format!("jobs{file}.md")), text).unwrap();
    }
}

fn pages(folder: &Path, source: usize) {
    let pages = folder.join("pages/common");
    std::fs::create_dir_all(&pages).unwrap();
    for page in 0..EACH / 10 {
        let name = format!("tool{source:02}x{page:02}");
        let mut text =
            format!("# {name}\n\n> Do things of kind {page}.\n> More information: <https://example.org/{name}>.\n");
        for (number, what) in ["List", "Create", "Remove", "Rename", "Compare"].iter().enumerate() {
            let _ = write!(
                text,
                "\n- {what} things number {number}:\n\n`{name} {{{{[-v|--verbose]}}}} {{{{path/to/file}}}}`\n"
            );
        }
        std::fs::write(pages.join(format!("{name}.md")), text).unwrap();
    }
}
