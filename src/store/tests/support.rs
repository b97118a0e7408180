//! A store in a folder of its own, with a fixed clock and fixed ids.

use std::path::PathBuf;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::kernel::clock::Clock;
use crate::kernel::ids::{Id, Ids};
use crate::store::*;

/// 2026-01-02T03:04:05Z, the first reading of the fixed clock.
pub(super) const START: &str = "2026-01-02T03:04:05Z";

pub(super) struct World {
    folder: TempDir,
    pub(super) store: Store,
}

impl World {
    pub(super) fn new() -> World {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder, 1);
        World { folder, store }
    }

    pub(super) fn path(&self) -> PathBuf {
        self.folder.path().join("data/store.db")
    }

    /// The same database through a handle with other ids.
    pub(super) fn again(&self, seed: u64) -> Store {
        open(&self.folder, seed)
    }

    /// A connection behind the store's back.
    pub(super) fn raw(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.path()).unwrap()
    }
}

fn open(folder: &TempDir, seed: u64) -> Store {
    let clock = Clock::from_test_value(Some(START)).unwrap();
    Store::open(&folder.path().join("data/store.db"), clock, Ids::seeded(seed)).unwrap()
}

pub(super) fn new_source(name: &str) -> NewSource {
    NewSource {
        name: name.to_string(),
        kind: SourceKind::Github,
        spec: format!("github:someone/{name}"),
        reference: None,
        options: json!({}),
    }
}

pub(super) fn definition(name: &str) -> NewDefinition {
    NewDefinition {
        name: name.to_string(),
        folded: name.to_lowercase(),
        dialect: "mask".to_string(),
        summary: format!("Does {name}"),
        path: "maskfile.md".to_string(),
        digest: format!("digest of {name}"),
        json: format!("{{\"name\":\"{name}\"}}"),
        search_body: format!("words of {name}"),
        ..NewDefinition::default()
    }
}

pub(super) fn file(path: &str, stamp: i64) -> FileRow {
    FileRow { path: path.to_string(), stamp, size: 10, blob: None }
}

pub(super) fn new_run(command: &str) -> NewRun {
    NewRun {
        command: command.to_string(),
        source: "kit".to_string(),
        digest: "d1".to_string(),
        trigger: "cli".to_string(),
        args: json!({"version": "1.2"}),
        cwd: "/home/me".to_string(),
        zone: Some("Europe/Berlin".to_string()),
        process: Some(Process { pid: 42, start: 7, boot: "b".to_string() }),
        steps_planned: 1,
        status: Status::Running,
        job: None,
    }
}

pub(super) fn ended(status: Status, output: &str) -> RunEnd {
    RunEnd {
        status,
        exit_code: Some(if status == Status::Ok { 0 } else { 1 }),
        steps: vec![StepRecord {
            n: 0,
            id: "step1".to_string(),
            kind: "script".to_string(),
            lang: "bash".to_string(),
            status: status.name().to_string(),
            exit_code: Some(0),
            duration_us: 1500,
            stdout: Captured::whole(output),
            stderr: Captured::default(),
            undoes: None,
        }],
    }
}

/// The parts of a message of one text.
pub(super) fn text(words: &str) -> Value {
    json!([{"type": "text", "text": words}])
}

/// What a person says.
pub(super) fn said(session: Id, words: &str) -> NewMessage {
    NewMessage::whole(session, "user", text(words), words)
}

/// An answer that is awaited.
pub(super) fn awaited(session: Id) -> NewMessage {
    NewMessage {
        role: "assistant".to_string(),
        parts: json!([]),
        status: MessageStatus::Pending,
        model: Some("p/m".to_string()),
        process: Some(Process { pid: 42, start: 7, boot: "b".to_string() }),
        ..said(session, "")
    }
}

/// A whole answer.
pub(super) fn done(words: &str) -> MessageEnd {
    MessageEnd {
        status: MessageStatus::Done,
        parts: text(words),
        words: words.to_string(),
        model: Some("p/m2".to_string()),
        error: None,
        tokens: Some(3),
    }
}
