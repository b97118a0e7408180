//! `fac demo`: fac at work in a world of its own, from what the program carries. No network, no key, nothing of the
//! person's own is read or written, nothing is left behind.
//!
//! It knows no command from the inside: every step is a command line that this very program is started with, as a person
//! would type it. What is typed stands in [`parts`], the world in [`world`].

mod parts;
mod pause;
mod world;

use std::ops::ControlFlow;

use serde_json::{Value, json};

use self::parts::{ELSEWHERE, PARTS, Part, Step};
use self::world::World;
use super::Context;
use super::table::Table;
use super::ui::{Role, Ui};
use crate::exec::signals::StopOnSignals;
use crate::exec::{self, Output, Stop, Stream};
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::terminal;

const EXAMPLES: &str = "\
Examples:
  fac demo              all of it
  fac demo --step       part by part: Enter goes on, q leaves
  fac demo --list       what its parts are
  fac demo trust        only this one

It plays in a temporary folder with samples of its own: no network, no key,
and nothing of yours is read, written or left behind.";

/// Show fac at work, offline, in a world that goes with it
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Print its parts and show nothing
    #[arg(long, conflicts_with_all = ["step", "part"])]
    list: bool,
    /// Wait between the parts: Enter goes on, q leaves
    #[arg(long)]
    step: bool,
    /// Only this part
    #[arg(value_name = "PART", value_parser = clap::builder::PossibleValuesParser::new(PARTS.iter().map(|p| p.name)))]
    part: Option<String>,
}

pub(super) fn run(context: &Context, args: &Args) -> Result<u8> {
    let ui = &context.ui;
    if args.list {
        return list(ui);
    }
    if args.step && !ui.ask {
        let error = Error::new(Kind::Usage, "`--step` waits for a key and needs a terminal");
        return Err(error.hint("without it, `fac demo` goes through by itself; `fac demo PART` shows one part"));
    }
    let signals = StopOnSignals::new()?;
    let mut stage = Stage {
        ui,
        world: World::new(&context.app.env, ui.colour())?,
        stop: signals.stop(),
        output: if ui.stdout_terminal && !ui.json { Output::Terminal } else { Output::Pipes },
        told: Vec::new(),
        steps: 0,
        wrong: 0,
    };
    let shown: Vec<&Part> = PARTS.iter().filter(|p| args.part.as_deref().is_none_or(|name| name == p.name)).collect();
    if let [alone] = shown[..] {
        stage.prepare(alone)?;
    }
    for (at, part) in shown.iter().enumerate() {
        if args.step && at > 0 && !pause::goes_on(ui, part.title, stage.stop)? {
            return Ok(u8::from(stage.wrong > 0));
        }
        stage.part(part)?;
        if ui.closed() {
            return Ok(0);
        }
    }
    stage.end(args.part.is_some())
}

fn list(ui: &Ui) -> Result<u8> {
    if ui.json {
        let one = |p: &Part| json!({"name": p.name, "title": p.title, "about": p.about, "steps": p.steps.len()});
        ui.value(&json!({"parts": PARTS.iter().map(one).collect::<Vec<_>>()}))?;
        return Ok(0);
    }
    let mut table = Table::new(&["part", "what it shows"]);
    for part in PARTS {
        table.row(vec![(part.name.to_string(), Some(Role::Name)), (part.title.to_string(), None)]);
    }
    ui.write(table.render(ui).as_bytes())?;
    Ok(0)
}

/// On a narrower terminal tables cut words off, and only exit codes tell how a step went.
const WIDE_ENOUGH: usize = 80;

/// What came of one step.
struct Came {
    code: i32,
    said: Vec<u8>,
}

/// Where the parts are played.
struct Stage<'a> {
    ui: &'a Ui,
    world: World,
    stop: &'a Stop,
    output: Output,
    /// For `--json`.
    told: Vec<Value>,
    steps: usize,
    wrong: usize,
}

impl Stage<'_> {
    /// What the part needs of those before it, unseen.
    fn prepare(&mut self, part: &Part) -> Result<()> {
        for line in part.before {
            let came = self.start(line, Output::Pipes, false)?;
            if came.code != 0 {
                let said = String::from_utf8_lossy(&came.said);
                return Err(Error::new(Kind::Failed, format!("`{line}` ended with {}: {}", came.code, said.trim())));
            }
        }
        Ok(())
    }

    fn part(&mut self, part: &Part) -> Result<()> {
        self.say(&format!("\n{}\n", self.ui.paint(Role::Name, &format!("── {}", part.title))))?;
        self.say(&format!("{}\n", self.ui.paint(Role::Dim, part.about)))?;
        let mut told = Vec::new();
        for step in part.steps {
            told.push(self.step(step)?);
            if self.ui.closed() {
                return Ok(());
            }
        }
        self.told.push(json!({"name": part.name, "title": part.title, "steps": told}));
        Ok(())
    }

    fn step(&mut self, step: &Step) -> Result<Value> {
        let prompt = format!("\n{} {}\n", self.ui.paint(Role::Good, "$"), self.ui.paint(Role::Strong, step.line));
        self.say(&prompt)?;
        let came = self.start(step.line, self.output, !self.ui.json)?;
        if came.code != 0 {
            self.say(&format!("{}\n", self.ui.paint(Role::Dim, &format!("(exit code {})", came.code))))?;
        }
        let said = plain(&came.said);
        let is_whole = self.output == Output::Pipes || self.ui.width() >= WIDE_ENOUGH;
        let wrong = odd(step, came.code, is_whole.then_some(said.as_str()), self.world.is_harmed());
        self.steps += 1;
        if let Some(why) = &wrong {
            self.wrong += 1;
            self.say(&format!("{}\n", self.ui.paint(Role::Bad, &format!("✗ {why}"))))?;
        }
        Ok(json!({"line": step.line, "exit_code": came.code, "expected_exit_code": step.code, "ok": wrong.is_none(),
            "wrong": wrong, "output": said}))
    }

    /// Starts a line and waits for its end; what it says is shown as it comes.
    fn start(&self, line: &str, output: Output, shown: bool) -> Result<Came> {
        let mut said = Vec::new();
        let mut sink = |_: Stream, bytes: &[u8]| {
            said.extend_from_slice(bytes);
            // A pipe that somebody closed is seen after the step.
            if shown && self.ui.write(bytes).is_err() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let outcome = exec::run(self.world.job(line, output)?, &mut sink, self.stop)?;
        if self.stop.is_requested() || outcome.status == exec::Status::Interrupted {
            return Err(Error::new(Kind::Interrupted, "interrupted"));
        }
        Ok(Came { code: outcome.status.code(), said })
    }

    /// What this was, and what it was not.
    fn end(self, alone: bool) -> Result<u8> {
        if self.ui.json {
            let all = json!({"parts": self.told, "steps": self.steps, "wrong": self.wrong});
            self.ui.value(&json!({"demo": all}))?;
            return Ok(u8::from(self.wrong > 0));
        }
        if !alone {
            self.say("\nNot shown, for it needs more than this:\n")?;
            for (needs, how) in ELSEWHERE {
                self.say(&format!("  {}  {how}\n", self.ui.paint(Role::Strong, &format!("{needs:<12}"))))?;
            }
        }
        if self.wrong > 0 {
            let said = format!("{} of {} steps did not behave as they should", self.wrong, self.steps);
            return Err(Error::new(Kind::Failed, said)
                .hint("they are marked with ✗ above; `fac doctor` says what is missing on this machine"));
        }
        self.ui
            .note(&format!("\nThat was a throw-away home, and it is gone. {} steps did as they should.", self.steps));
        Ok(0)
    }

    fn say(&self, text: &str) -> Result<()> {
        if self.ui.json { Ok(()) } else { self.ui.write(text.as_bytes()) }
    }
}

/// What was said, without colours and as lines.
fn plain(said: &[u8]) -> String {
    terminal::safe(&String::from_utf8_lossy(said)).replace('\r', "")
}

/// Why a step did not behave as it should; what it said counts where it can be read whole.
fn odd(step: &Step, code: i32, said: Option<&str>, harmed: bool) -> Option<String> {
    if harmed {
        return Some("an argument was taken for code".to_string());
    }
    if code != step.code {
        return Some(format!("exit code {} was expected", step.code));
    }
    // A terminal breaks lines anywhere.
    let without_breaks = |text: &str| text.split_whitespace().collect::<String>();
    let whole = without_breaks(said?);
    let missing = step.says.iter().find(|wanted| !whole.contains(&without_breaks(wanted)))?;
    Some(format!("`{missing}` was expected"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_odd_by_its_code_its_words_or_the_harm_it_did() {
        let step = Step { line: "fac x", code: 4, says: &["not trusted yet"] };
        assert_eq!(odd(&step, 4, Some("it is not\ntrusted yet"), false), None);
        assert_eq!(odd(&step, 4, None, false), None);
        assert_eq!(odd(&step, 0, Some("not trusted yet"), false).as_deref(), Some("exit code 4 was expected"));
        assert_eq!(odd(&step, 4, Some("trusted"), false).as_deref(), Some("`not trusted yet` was expected"));
        assert_eq!(odd(&step, 4, Some("not trusted yet"), true).as_deref(), Some("an argument was taken for code"));
    }

    #[test]
    fn names_of_parts_are_words_and_lines_are_command_lines() {
        let mut names: Vec<&str> = PARTS.iter().map(|p| p.name).collect();
        assert!(names.iter().all(|n| n.chars().all(|c| c.is_ascii_lowercase() || c == '-')), "{names:?}");
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), PARTS.len());
        for line in PARTS.iter().flat_map(|p| p.steps.iter().map(|s| s.line).chain(p.before.iter().copied())) {
            assert!(shlex::split(line).is_some_and(|words| words.len() > 1), "{line}");
        }
    }
}
