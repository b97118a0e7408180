//! How things look: a command, its help, a dry run, a diff, live output. Everything shown here was made safe first.

use std::ops::ControlFlow;

use serde_json::{Value, json};

use super::ui::{Role, Ui};
use crate::app::views::command::DryRunView;
use crate::app::views::run::ReportView;
use crate::commands::bind;
use crate::commands::catalog::Resolved;
use crate::commands::describe;
use crate::commands::model::{Command, Step};
use crate::commands::run::{Dry, Plan, Report, Unit, Watcher};
use crate::exec::Stream;
use crate::kernel::difference::{self, Change};
use crate::kernel::error::{Error, Result};
use crate::kernel::markdown::highlight::Highlight;
use crate::kernel::markdown::{self, render};
use crate::kernel::terminal::{pad, safe, safe_line, width};

/// The colours of code: the terminal's own.
pub(super) const CODE_THEME: &str = "ansi";

/// The width that text is read at: lines of more than 100 columns tire.
pub(super) fn text_width(ui: &Ui) -> usize {
    ui.width().min(100)
}

/// A text from outside as terminal lines: Markdown rendered to the width.
pub(super) fn markdown(ui: &Ui, text: &str) -> String {
    let clean = safe(text).into_owned();
    let doc = markdown::parse(&clean);
    // Without colours no grammar is loaded.
    let highlight = Highlight::new(CODE_THEME).filter(|_| ui.colour());
    let look = render::Look { width: text_width(ui), html: false, highlight };
    render::to_ansi(&render::render_as(&doc, &clean, &look), ui.colour())
}

/// `fac NAME --help`.
pub(super) fn command_help(ui: &Ui, resolved: &Resolved) -> String {
    let command = &resolved.command;
    let mut out = String::new();
    if !command.summary.is_empty() {
        out.push_str(&format!("{}\n\n", safe(&command.summary)));
    }
    out.push_str(&format!("{} fac {}\n", ui.paint(Role::Strong, "Usage:"), safe_line(&bind::usage(command))));
    if !command.params.is_empty() {
        out.push_str(&format!("\n{}\n", ui.paint(Role::Strong, "Parameters:")));
        out.push_str(&params(ui, command));
    }
    if !command.aliases.is_empty() {
        out.push_str(&format!(
            "\n{} {}\n",
            ui.paint(Role::Strong, "Also called:"),
            safe_line(&command.aliases.join(", "))
        ));
    }
    out.push_str(&format!("\n{} {} ({})\n", ui.paint(Role::Strong, "From:"), place(resolved), resolved.trust.name()));
    out
}

/// One line a parameter, aligned.
pub(super) fn params(ui: &Ui, command: &Command) -> String {
    let written: Vec<(String, String)> = command
        .params
        .iter()
        .map(|p| (safe_line(&describe::signature(p)).into_owned(), safe_line(&describe::about(p)).into_owned()))
        .collect();
    let widest = written.iter().map(|w| width(&w.0)).max().unwrap_or(0).min(34);
    let mut out = String::new();
    for (name, help) in written {
        let line = format!("  {}  {help}", ui.paint(Role::Name, &pad(&name, widest)));
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// Where a definition stands: `owner/repo@abc1234 path:12-30`.
pub(super) fn place(resolved: &Resolved) -> String {
    safe_line(&describe::place(resolved)).into_owned()
}

/// A snippet with the values it would get.
pub(super) fn snippet_card(ui: &Ui, plan: &Plan) -> String {
    let (texts, values) = describe::texts_and_values(plan);
    let mut out = String::new();
    for text in texts {
        out.push_str(&format!("{} {}\n", ui.paint_err(Role::Dim, "$"), safe(text)));
    }
    for (name, value) in values {
        out.push_str(&format!("  {} = {}\n", ui.paint_err(Role::Name, &safe_line(name)), safe_line(value)));
    }
    out.trim_end().to_string()
}

/// What changed of a definition since `before` was accepted.
pub(super) fn trust_diff(ui: &Ui, before: &str, resolved: &Resolved) -> String {
    let shown = diff(ui, before, &resolved.accepted_text());
    if shown.is_empty() {
        return "  its text is the same; files beside it that it can read have changed".to_string();
    }
    shown
}

/// A line diff of two definitions, three lines around each change.
pub(super) fn diff(ui: &Ui, before: &str, after: &str) -> String {
    let mut out = String::new();
    for change in difference::lines(before, after) {
        out.push_str(&match change {
            Change::Gap => ui.paint(Role::Dim, "  ⋮"),
            Change::Gone(line) => ui.paint(Role::Bad, &format!("- {}", safe(&line))),
            Change::New(line) => ui.paint(Role::Good, &format!("+ {}", safe(&line))),
            Change::Kept(line) => format!("  {}", safe(&line)),
        });
        out.push('\n');
    }
    out.trim_end().to_string()
}

/// Prints what would run.
pub(super) fn dry_run(ui: &Ui, plan: &Plan, steps: &[Dry]) -> Result<u8> {
    if ui.json {
        ui.value(&json!({"dry_run": DryRunView::of(plan, steps)}))?;
        return Ok(0);
    }
    let mut out = String::new();
    for step in steps {
        let title = format!("# {} ({}) {}", step.id, step.kind.name(), step.program);
        out.push_str(&ui.paint(Role::Strong, &safe_line(&title)));
        out.push('\n');
        if let Some(cwd) = &step.cwd {
            out.push_str(&ui.paint(Role::Dim, &format!("# in {}", safe_line(cwd))));
            out.push('\n');
        }
        if !step.tools.is_empty() {
            let said = format!("# offers the model {} (each use is asked about)", step.tools.join(", "));
            out.push_str(&ui.paint(Role::Dim, &safe_line(&said)));
            out.push('\n');
        }
        for note in &step.notes {
            out.push_str(&ui.paint(Role::Dim, &format!("# {}", safe_line(note))));
            out.push('\n');
        }
        for (name, value) in &step.env {
            out.push_str(&format!("{}={}\n", ui.paint(Role::Name, &safe_line(name)), quoted(value)));
        }
        for word in &step.argv {
            out.push_str(&format!("{} {}\n", ui.paint(Role::Name, "argv"), quoted(word)));
        }
        out.push_str(safe(&step.text).trim_end_matches('\n'));
        out.push_str("\n\n");
        if let Some(input) = &step.input {
            let title = format!("# {} (input)", step.id);
            out.push_str(&format!("{}\n", ui.paint(Role::Strong, &safe_line(&title))));
            out.push_str(safe(input).trim_end_matches('\n'));
            out.push_str("\n\n");
        }
    }
    ui.write(format!("{}\n", out.trim_end()).as_bytes())?;
    Ok(0)
}

fn quoted(text: &str) -> String {
    let safe = safe_line(text).into_owned();
    shlex::try_quote(&safe).map(|q| q.into_owned()).unwrap_or(safe)
}

/// Shows a run while it happens.
pub(super) struct Live<'u> {
    ui: &'u Ui,
    /// Whether what it wrote last left its line open.
    open: bool,
    /// Why the output could not be written on, where it could not.
    pub(super) stuck: Option<Error>,
}

impl<'u> Live<'u> {
    pub(super) fn new(ui: &'u Ui) -> Self {
        Live { ui, open: false, stuck: None }
    }

    /// Ends a line that a program left open on the terminal, before something of ours is said there.
    pub(super) fn part(&self) {
        if self.open && self.ui.stdout_terminal && self.ui.stderr_terminal {
            self.ui.write_err(b"\n");
        }
    }
}

impl Watcher for Live<'_> {
    fn starts(&mut self, unit: &Unit, _step: &Step, shown: Option<&str>) {
        if let Some(script) = shown.filter(|_| !self.ui.json) {
            let values: Vec<String> = unit
                .bound
                .values
                .iter()
                .map(|v| format!("{}={}", v.var, if v.secret { "***".to_string() } else { quoted(&v.text) }))
                .collect();
            let said = format!("$ {}", safe(script));
            self.ui.note(&self.ui.paint_err(Role::Dim, said.trim_end()));
            if !values.is_empty() {
                self.ui.note(&self.ui.paint_err(Role::Dim, &format!("  with {}", safe_line(&values.join(" ")))));
            }
        }
    }

    fn skips(&mut self, step: &Step, why: &str) {
        if self.ui.verbose > 0 && !self.ui.json {
            self.ui.note(&format!("skipped {}: {}", safe_line(&step.id), safe_line(why)));
        }
    }

    fn leaves_out(&mut self, unit: &Unit, condition: &str) {
        if !self.ui.json {
            let said = format!("left out `{}`: it runs only if {condition}", unit.resolved.command.name);
            self.ui.note(&safe_line(&said));
        }
    }

    fn tries_again(&mut self, exit_code: i32, number: u32, of: u32) {
        if !self.ui.json {
            self.part();
            self.ui.note(&format!("it failed with exit code {exit_code}; trying again ({number} of {of})"));
        }
    }

    fn output(&mut self, stream: Stream, bytes: &[u8]) -> ControlFlow<()> {
        if self.ui.json {
            return ControlFlow::Continue(());
        }
        self.open = bytes.last().map_or(self.open, |last| *last != b'\n');
        match stream {
            Stream::Stdout => {
                self.stuck = self.ui.write(bytes).err();
                if self.stuck.is_some() || self.ui.closed() {
                    return ControlFlow::Break(());
                }
            }
            Stream::Stderr => self.ui.write_err(bytes),
        }
        ControlFlow::Continue(())
    }
}

/// `{"run":…}`.
pub(super) fn report_json(report: &Report) -> Value {
    json!({"run": ReportView::from(report)})
}
