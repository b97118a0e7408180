//! What is shown of a run: its arguments, its steps, and what they wrote.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::tz::TimeZone;

use super::item::{length, role, sign, word};
use crate::exec::Stream;
use crate::store::{Captured, Run, RunRow, Status, StepRecord};
use crate::tui::theme::Role;
use crate::tui::widgets::output::{Index, Output};

/// A run that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// The run.
    pub row: RunRow,
    /// What is shown of it.
    pub output: Output,
}

/// Begins with what was run, how and where.
pub fn head(output: &mut Output, row: &RunRow, zone: &TimeZone) {
    let values = row.args.get("values").and_then(|v| v.as_object());
    let names = values.iter().flat_map(|v| v.keys()).map(|name| name.chars().count()).max().unwrap_or(0).min(20);
    for (name, value) in values.into_iter().flatten() {
        output.say(Role::Second, &format!("{name:<names$}  {}", value.as_str().unwrap_or_default()));
    }
    let rest = row.args.get("rest").and_then(|r| r.as_array());
    let rest: Vec<&str> = rest.into_iter().flatten().filter_map(|w| w.as_str()).collect();
    if !rest.is_empty() {
        output.say(Role::Second, &shlex::try_join(rest.iter().copied()).unwrap_or_else(|_| rest.join(" ")));
    }
    let trigger = match row.trigger.strip_prefix("rerun ") {
        Some(id) => format!("again {}", id.get(id.len().saturating_sub(8)..).unwrap_or(id)),
        None => row.trigger.clone(),
    };
    output.say(Role::Dim, &format!("{} · {trigger} · {}", row.started.short_in(zone.clone()), row.cwd));
}

/// The line above what a step wrote.
pub fn step_title(id: &str, lang: &str) -> String {
    if lang.is_empty() || lang == id { format!("━━ {id}") } else { format!("━━ {id} · {lang}") }
}

/// How something ended: `✗ failed · exit 2 · 1.2 s`.
pub fn ended(status: Status, exit_code: Option<i32>, micros: i64) -> String {
    let mut said = format!("{} {}", sign(status), word(status, None));
    if let Some(code) = exit_code.filter(|code| *code != 0) {
        said.push_str(&format!(" · exit {code}"));
    }
    format!("{said} · {}", length(micros))
}

/// Whether some of what it wrote stands in files.
pub fn is_large(run: &Run) -> bool {
    run.steps.iter().any(|step| step.stdout.spill.is_some() || step.stderr.spill.is_some())
}

/// Puts a stored run together. `folder` holds the whole of what was too large; without it there are the beginnings and
/// the ends. `None` when `go_on` said no.
pub fn of(run: Run, folder: Option<&Path>, zone: &TimeZone, go_on: &dyn Fn() -> bool) -> Option<Record> {
    let mut output = Output::default();
    head(&mut output, &run.row, zone);
    for step in &run.steps {
        output.say(Role::Text, "");
        output.say(step_role(step), &step_line(step));
        for (stream, captured, name) in
            [(Stream::Stdout, &step.stdout, "stdout"), (Stream::Stderr, &step.stderr, "stderr")]
        {
            let file = folder.map(|folder| folder.join(format!("{}.{name}", step.n)));
            written(&mut output, stream, captured, file, go_on)?;
        }
    }
    if run.steps.is_empty() {
        let said = match run.row.status {
            Status::Running | Status::Pending => "another process runs it; what it writes is kept when it ends",
            Status::Lost => "its process ended without a word, so nothing of its output is kept",
            _ => "no step was run",
        };
        output.say(Role::Text, "");
        output.say(Role::Dim, said);
    }
    Some(Record { row: run.row, output })
}

fn step_role(step: &StepRecord) -> Role {
    step.status.parse().map_or(Role::Dim, role)
}

fn step_line(step: &StepRecord) -> String {
    let title = step_title(&step.id, &step.lang);
    match step.status.parse::<Status>() {
        Ok(status) => format!("{title} · {}", ended(status, step.exit_code, step.duration_us) + &step.purpose()),
        Err(_) => format!("{title} · {}", step.status),
    }
}

fn written(
    output: &mut Output,
    stream: Stream,
    captured: &Captured,
    file: Option<PathBuf>,
    go_on: &dyn Fn() -> bool,
) -> Option<()> {
    let coming = captured.spill.is_some() && file.is_none();
    if let Some(file) = file.filter(|_| captured.spill.is_some()) {
        match Index::of(&file, go_on) {
            Ok(Some(index)) if index.lines > 0 => {
                output.file(stream, file, Arc::new(index));
                return Some(());
            }
            Ok(None) => return None,
            // Without the file there are still the beginning and the end.
            Ok(Some(_)) | Err(_) => {}
        }
    }
    output.bytes(stream, &captured.head);
    if captured.truncated() {
        let kept = (captured.head.len() + captured.tail.len()) as u64;
        let missing = captured.total.saturating_sub(kept) >> 10;
        let said = if coming { "are being read" } else { "are not kept" };
        output.say(Role::Dim, &format!("… {missing} KB between {said} …"));
    }
    output.bytes(stream, &captured.tail);
    Some(())
}
