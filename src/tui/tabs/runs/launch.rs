//! Running a command beside the screen: found, bound, planned, judged, run, and watched.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::pipe::{Chunk, Closing, Pipe};
use super::record::{ended, step_title};
use super::{Answer, Halt, Last, Start};
use crate::app::App;
use crate::app::prompts::{Asking, Wishes};
use crate::chat::driver::Listener;
use crate::commands::bind::{self, Given};
use crate::commands::catalog::Trust;
use crate::commands::model::Step;
use crate::commands::prompt::{self, Hands};
use crate::commands::run::{self as engine, Plan, Report, Unit, Watcher};
use crate::exec::{Stop, Stream};
use crate::kernel::error::Result;
use crate::kernel::secret::RedactStream;
use crate::providers::model::Piece;
use crate::store::{RunFilter, RunRow};
use crate::tui::happening::Fault;
use crate::tui::jobs::Desk;
use crate::tui::permission::{Person, Teller};
use crate::tui::tabs::Answer as AnyAnswer;
use crate::tui::theme::Role;

/// Runs a command from its name to its end.
pub fn run(start: &Start, desk: &Desk<'_>) {
    let send = |answer| desk.send(AnyAnswer::Runs(answer));
    match carry_out(start, desk) {
        Ok(last) => {
            send(Answer::Ended(start.number, Ok(last)));
            desk.app.keep_house();
        }
        Err(error) => send(Answer::Ended(start.number, Err(Fault::from(error)))),
    }
}

/// Everything before the first step. Nothing runs that is not trusted.
fn plan(app: &App, start: &Start) -> Result<Plan> {
    let (resolved, _) = app.resolve(std::slice::from_ref(&start.launch.command))?;
    let mut given = Given::default();
    for (name, value) in &start.launch.values {
        given.set(&resolved.command, name, value)?;
    }
    start.launch.rest.iter().for_each(|word| given.push_rest(word));
    let bound = bind::check(&resolved.command, &given, &app.param_env(&resolved.command))?;
    let plan = engine::plan(&app.catalog()?, resolved, bound)?;
    let refused = plan.all().find(|resolved| resolved.trust != Trust::Trusted).map(|stranger| stranger.refusal());
    refused.map_or(Ok(plan), Err)
}

/// Gives what is said below all that was written.
fn carry_out(start: &Start, desk: &Desk<'_>) -> Result<Last> {
    let app = desk.app;
    let plan = plan(app, start)?;
    let catalog = app.catalog()?;
    let pipe = Arc::new(Pipe::default());
    let redactor = app.redactor.fork();
    plan.units.iter().for_each(|unit| engine::hide(unit, &redactor));
    let command = plan.root().resolved.command.name.clone();
    let mut watcher = Live {
        desk,
        number: start.number,
        command,
        pipe: &pipe,
        clean: [redactor.stream(), redactor.stream()],
        begun: false,
    };
    let (post, number, stop) = (desk.post(), start.number, desk.stop);
    std::thread::scope(|scope| {
        let _closing = Closing(&pipe);
        scope.spawn(|| pipe.pump(stop, &|chunks, token| post(AnyAnswer::Runs(Answer::Wrote(number, chunks, token)))));
        let asking = prompt::asks_models(&plan).then(|| asking(app, &plan, stop, &pipe)).transpose()?;
        let mut engine = app.engine(&catalog, stop.clone(), false, &start.trigger)?;
        // The keyboard belongs to the screen.
        engine.input = Some(Vec::new());
        engine.runners.extend(asking.iter().map(|asking| asking.runner()));
        let report = engine.run(&plan, &mut watcher);
        drop(engine);
        asking.map_or(Ok(()), |asking| asking.end(app))?;
        Ok(watcher.end(&report?))
    })
}

/// Who asks the models for the prompts of a run. The person is asked about tools by a card.
fn asking(app: &App, plan: &Plan, stop: &Stop, pipe: &Arc<Pipe>) -> Result<Asking> {
    let person = || {
        let (pipe, stop) = (pipe.clone(), stop.clone());
        let to = stop.clone();
        Person { post: move |question, reply| pipe.push(Chunk::Asks(question, reply), &to), stop }
    };
    let say = |said| pipe.push(Chunk::Say(Role::Warn, said), stop);
    let listener = Box::new(Hearing { pipe: pipe.clone(), stop: stop.clone() });
    let hands = Hands { listener, asker: Box::new(person()) };
    let wishes = Wishes { typed: &[], keep: true, stop };
    Asking::new(app, plan, &wishes, hands, &mut Teller { say: &say, asker: &mut person() })
}

/// Watches a run and hands on what it writes.
struct Live<'a> {
    desk: &'a Desk<'a>,
    number: u64,
    command: String,
    pipe: &'a Pipe,
    clean: [RedactStream; 2],
    begun: bool,
}

impl Live<'_> {
    fn say(&mut self, role: Role, text: String) {
        self.begin();
        self.pipe.push(Chunk::Say(role, text), self.desk.stop);
    }

    /// Tells which run it is, once. The record is there before the first step.
    fn begin(&mut self) {
        if !std::mem::replace(&mut self.begun, true) {
            // A row that cannot be read is found by its news.
            if let Ok(Some(row)) = self.row() {
                self.desk.send(AnyAnswer::Runs(Answer::Began(
                    self.number,
                    Box::new(row),
                    Halt(self.desk.stop.clone()),
                )));
            }
        }
    }

    fn row(&self) -> Result<Option<RunRow>> {
        let filter = RunFilter { command: Some(self.command.clone()), ..RunFilter::default() };
        let (rows, _) = self.desk.app.store()?.runs(&filter, None, 20)?;
        Ok(rows.into_iter().find(|row| row.trace == self.desk.app.trace()))
    }

    fn write(&mut self, stream: Stream, bytes: Vec<u8>) {
        if !bytes.is_empty() {
            self.pipe.push(Chunk::Bytes(stream, bytes), self.desk.stop);
        }
    }

    /// Writes what is left; gives how it ended, which is told together with the end.
    fn end(&mut self, report: &Report) -> Last {
        self.begin();
        for (at, stream) in [Stream::Stdout, Stream::Stderr].into_iter().enumerate() {
            let rest = self.clean[at].rest();
            self.write(stream, rest);
        }
        let took = i64::try_from(report.duration_ms).unwrap_or(i64::MAX).saturating_mul(1000);
        let said = ended(report.status, Some(report.exit_code), took);
        let how = [(Role::Text, String::new()), (super::item::role(report.status), format!("━━ {said}"))];
        let problems = report.problem.iter().map(|(_, said, _)| said).chain(&report.unrecorded);
        how.into_iter().chain(problems.map(|said| (Role::Bad, said.clone()))).collect()
    }
}

impl Watcher for Live<'_> {
    fn starts(&mut self, _unit: &Unit, step: &Step, shown: Option<&str>) {
        self.say(Role::Text, String::new());
        self.say(Role::Accent, step_title(&step.id, &step.lang));
        for line in shown.unwrap_or_default().lines() {
            self.say(Role::Dim, format!("$ {line}"));
        }
    }

    fn skips(&mut self, step: &Step, why: &str) {
        self.say(Role::Dim, format!("{} · left out: {why}", step_title(&step.id, &step.lang)));
    }

    fn leaves_out(&mut self, unit: &Unit, condition: &str) {
        let name = unit.resolved.full_name();
        self.say(Role::Dim, format!("━━ {name} · left out: {condition} does not hold"));
    }

    fn tries_again(&mut self, exit_code: i32, number: u32, of: u32) {
        self.say(Role::Dim, format!("━━ it failed with exit code {exit_code} · trying again ({number} of {of})"));
    }

    fn output(&mut self, stream: Stream, bytes: &[u8]) -> ControlFlow<()> {
        self.begin();
        let at = usize::from(stream == Stream::Stderr);
        let clean = self.clean[at].push(bytes);
        self.write(stream, clean);
        ControlFlow::Continue(())
    }
}

/// Hears what a model says.
struct Hearing {
    pipe: Arc<Pipe>,
    stop: Stop,
}

impl Listener for Hearing {
    fn piece(&mut self, piece: &Piece) {
        let chunk = match piece {
            Piece::Text(text) => Chunk::Bytes(Stream::Stdout, text.as_bytes().to_vec()),
            Piece::Notice(said) => Chunk::Say(Role::Dim, said.clone()),
            Piece::Reasoning(_) | Piece::ToolStarts(_) => return,
        };
        self.pipe.push(chunk, &self.stop);
    }

    fn tool_begins(&mut self, origin: &str, preview: &str) {
        self.pipe.push(Chunk::Say(Role::Dim, format!("{origin}: {preview}")), &self.stop);
    }

    fn tool_ended(&mut self, origin: &str, said: &str, failed: bool) {
        if failed {
            self.pipe.push(Chunk::Say(Role::Warn, format!("{origin} failed: {said}")), &self.stop);
        }
    }
}
