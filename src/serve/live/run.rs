//! A run, told while it happens: `run:step`, `run:output` …, `run:end`.
//!
//! Only what is trusted runs. A program that writes more than its reader takes waits; where the reader goes away it is
//! stopped.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use base64::Engine as _;
use serde::Deserialize;
use serde_json::{Value as Json, json};
use tokio::runtime::Handle;

use super::outbox::Outbox;
use crate::app::App;
use crate::app::order::{Doing, Order};
use crate::app::tools::Host;
use crate::app::views::run::ReportView;
use crate::chat::driver::Listener;
use crate::chat::mcp::Offer;
use crate::chat::policy::Nobody;
use crate::commands::model::Step;
use crate::commands::prompt::Hands;
use crate::commands::run::{Unit, Watcher};
use crate::exec::{Stop, Stream};
use crate::kernel::error::Result;
use crate::kernel::ids::Id;
use crate::providers::model::Piece;
use crate::serve::running::{Begun, Running};

/// A run.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wish {
    /// The command's name.
    pub command: String,
    /// Its arguments, as on the command line.
    #[serde(default)]
    pub args: Vec<String>,
    /// Parameters by name.
    #[serde(default)]
    pub set: BTreeMap<String, String>,
    /// What prompts and scripts read.
    #[serde(default)]
    pub input: String,
}

/// Runs, and tells it; the record is given back.
///
/// # Errors
/// What kept it from beginning.
pub fn run(app: &App, wish: Wish, teller: &Teller) -> Result<Json> {
    let words = wish.command.split_whitespace().map(String::from).chain(wish.args).collect();
    let order = Order { words, sets: wish.set.into_iter().collect(), ..Order::default() };
    let (resolved, given) = app.ordered(&order)?;
    let plan = app.planned(resolved, given, &[], false)?;
    app.all_trusted(&plan)?;
    let catalog = app.catalog()?;
    let input = Some(wish.input.into_bytes());
    let doing = Doing { trigger: "api", input, terminal: false, tools: &[], keep: true, stop: &teller.stop };
    let hands = || Ok(Hands { listener: Box::new(teller.other()), asker: Box::new(Nobody) });
    let report = app.carried_out(&catalog, &plan, doing, &mut teller.other(), (hands, &mut teller.other()))?;
    app.keep_house();
    Ok(json!({"status": report.status.name(), "run": ReportView::from(&report)}))
}

/// Tells what happens during a run.
pub struct Teller {
    /// Whose it is.
    pub id: Json,
    /// Where it is told.
    pub outbox: Outbox,
    /// Ends it.
    pub stop: Stop,
    /// Where the reader is waited for.
    pub runtime: Handle,
    /// The runs of this process, of which it becomes one.
    pub running: Running,
    /// It is one of them as long as this is.
    pub begun: Option<Begun>,
}

impl Teller {
    /// Another that tells the same.
    fn other(&self) -> Teller {
        Teller {
            id: self.id.clone(),
            outbox: self.outbox.clone(),
            stop: self.stop.clone(),
            runtime: self.runtime.clone(),
            running: self.running.clone(),
            begun: None,
        }
    }

    fn put(&self, kind: &'static str, rest: Json) -> bool {
        let reads = self.outbox.put(Some(&self.id), kind, rest);
        if !reads {
            self.stop.request();
        }
        reads
    }
}

impl Watcher for Teller {
    fn begins(&mut self, run: Id) {
        self.begun = Some(self.running.begins(run, &self.stop));
        self.put("run:begin", json!({"run": run}));
    }

    fn starts(&mut self, _unit: &Unit, step: &Step, _shown: Option<&str>) {
        self.put("run:step", json!({"step": step.id, "kind": step.kind.name(), "lang": step.lang}));
    }

    fn skips(&mut self, step: &Step, why: &str) {
        self.put("run:step", json!({"step": step.id, "kind": step.kind.name(), "skipped": why}));
    }

    fn leaves_out(&mut self, unit: &Unit, condition: &str) {
        self.put("run:step", json!({"command": unit.resolved.full_name(), "skipped": condition}));
    }

    fn output(&mut self, stream: Stream, bytes: &[u8]) -> ControlFlow<()> {
        let reads = self.put("run:output", output(stream, bytes));
        // The program waits for its reader here.
        if reads && self.runtime.block_on(self.outbox.room()) {
            return ControlFlow::Continue(());
        }
        self.stop.request();
        ControlFlow::Break(())
    }
}

/// What a program printed, as it is told.
pub(super) fn output(stream: Stream, bytes: &[u8]) -> Json {
    let stream = match stream {
        Stream::Stdout => "stdout",
        Stream::Stderr => "stderr",
    };
    match std::str::from_utf8(bytes) {
        Ok(text) => json!({"stream": stream, "data": text}),
        Err(_) => {
            let data = base64::engine::general_purpose::STANDARD.encode(bytes);
            json!({"stream": stream, "data": data, "encoding": "base64"})
        }
    }
}

impl Listener for Teller {
    fn piece(&mut self, piece: &Piece) {
        if let Piece::Text(text) = piece {
            self.put("run:output", json!({"stream": "stdout", "data": text}));
        }
    }

    fn tool_begins(&mut self, origin: &str, preview: &str) {
        self.put("run:tool", json!({"tool": origin, "state": "running", "preview": preview}));
    }

    fn tool_ended(&mut self, origin: &str, said: &str, failed: bool) {
        self.put("run:tool", json!({"tool": origin, "state": if failed { "failed" } else { "done" }, "said": said}));
    }
}

impl Host for Teller {
    fn left_out(&mut self, said: &str) {
        self.put("run:notice", json!({"text": said}));
    }

    fn pinned(&mut self, _tools: &[String]) {}

    fn accepts(&mut self, _offer: &Offer, _before: &str) -> Result<bool> {
        Ok(false)
    }
}
