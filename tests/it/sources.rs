//! Sources and trust through the binary, against the GitHub stand-in, small servers on loopback and folders.

use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use crate::support::github::{Change, Repo, Standin};
use crate::support::pty::Seat;
use crate::support::world::{Output, World, finish};

mod add;
mod bounds;
mod dialects;
mod local;
mod page;
mod secrets;
mod trouble;
mod trust;
mod update;

/// A world beside a GitHub of its own.
struct Lab {
    world: World,
    hub: Option<Standin>,
}

impl Lab {
    fn new() -> Lab {
        let mut world = World::new();
        let hub = Standin::start();
        world.set("GITHUB_API_URL", &hub.api_url);
        Lab { world, hub: Some(hub) }
    }

    fn hub(&self) -> &Standin {
        self.hub.as_ref().unwrap()
    }

    /// The network is gone from now on.
    fn go_offline(&mut self) {
        self.hub = None;
    }

    /// A repository with one native file, `kit.md`.
    fn kit(&self, full_name: &str, commands: &[(&str, &str)]) -> Arc<Repo> {
        let repo = self.hub().repo(full_name);
        repo.commit(&[("kit.md", &native(commands))], "First");
        repo
    }

    fn run(&self, args: &[&str]) -> Output {
        self.world.run(args)
    }

    /// `fac` on a terminal without colours.
    fn sit(&self, args: &[&str]) -> Seat {
        Seat::plain(&self.world, args, 100, 40)
    }

    /// What a command that must succeed answers under `--json`.
    #[track_caller]
    fn json(&self, args: &[&str]) -> Value {
        let out = self.run(&[args, &["--json"]].concat()).ok();
        serde_json::from_str(&out).unwrap_or_else(|e| panic!("{e}: {out}"))
    }

    /// The error object of a command that must fail with `code` under `--json`; nothing else is on stdout.
    #[track_caller]
    fn error(&self, code: i32, args: &[&str]) -> Value {
        let out = self.run(&[args, &["--json"]].concat());
        assert_eq!(out.code, code, "{out:?}");
        let value: Value = serde_json::from_str(&out.stdout).unwrap_or_else(|e| panic!("{e}: {out:?}"));
        assert_eq!(value["error"]["exit_code"], code, "{value}");
        value["error"].clone()
    }

    /// Names of the commands of a source.
    #[track_caller]
    fn names(&self, source: &str) -> Vec<String> {
        let list = self.json(&["commands", "ls", "--source", source]);
        list["commands"].as_array().unwrap().iter().map(|c| c["name"].as_str().unwrap().to_string()).collect()
    }

    /// The trust of one command.
    #[track_caller]
    fn trust(&self, key: &str) -> String {
        self.json(&["commands", "show", key])["command"]["trust"].as_str().unwrap().to_string()
    }

    /// One source of `source ls`.
    #[track_caller]
    fn source(&self, name: &str) -> Value {
        let list = self.json(&["source", "ls"]);
        let found = list["sources"].as_array().unwrap().iter().find(|s| s["name"] == name);
        found.unwrap_or_else(|| panic!("no source {name} in {list}")).clone()
    }

    /// A path below FAC_HOME.
    fn fac(&self, relative: &str) -> std::path::PathBuf {
        self.world.home().parent().unwrap().join("fac").join(relative)
    }

    /// What people see, without what differs from run to run.
    fn shown(&self, out: &Output) -> String {
        self.tidy(&format!("exit code {}\n--- stdout\n{}--- stderr\n{}", out.code, out.stdout, out.stderr))
    }

    /// The same for any text.
    fn tidy(&self, text: &str) -> String {
        let root = self.world.home().parent().unwrap().to_str().unwrap().to_string();
        let mut text = text.replace(&root, "[WORLD]");
        if let Some(hub) = &self.hub {
            text = text.replace(hub.api_url.trim_start_matches("http://"), "[HUB]");
        }
        text
    }
}

/// A native file of commands that each run one line of sh.
fn native(commands: &[(&str, &str)]) -> String {
    let mut text = "---\nfactotum: 1\n---\n# Kit\n".to_string();
    for (name, script) in commands {
        let word = name.split(' ').next().unwrap();
        text.push_str(&format!("\n## `/{name}`\n\nDoes {word}.\n\n```sh\n{script}\n```\n"));
    }
    text
}

/// Hides what differs between runs: times, ids and folders of a test's world.
macro_rules! snapshot {
    ($name:expr, $text:expr) => {
        insta::with_settings!({ filters => vec![
            (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", "[TIME]"),
            (r"\d{4}-\d\d-\d\d \d\d:\d\d", "[TIME]"),
            (r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}", "[ID]"),
            (r#""version": "0\.1\.0-[0-9a-f]{16}""#, r#""version": "[BUNDLE]""#),
            (r#"("kind": "bundled"[^}]*"commands": )\d+"#, "${1}[COUNT]"),
            (r"(?m)^(bundled +)\d+ +", "${1}[COUNT] "),
            (r"[ \t]+\n", "\n"),
        ], prepend_module_to_snapshot => false, snapshot_path => "../snapshots" }, { insta::assert_snapshot!($name, $text) })
    };
}
use snapshot;

/// Whether any file below `folder` holds `needle`, and which.
fn holds(folder: &Path, needle: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(dir) = open.pop() {
        for entry in std::fs::read_dir(&dir).unwrap().map(|e| e.unwrap().path()) {
            if entry.is_dir() {
                open.push(entry);
            } else if std::fs::read(&entry).unwrap().windows(needle.len()).any(|w| w == needle.as_bytes()) {
                found.push(entry.display().to_string());
            }
        }
    }
    found
}
