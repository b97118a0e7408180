//! How a comparison is shown: columns that grow, answers one after another, or a line of JSON each; and the table at
//! its end.

use std::sync::Arc;

use serde_json::json;

use super::super::super::table::Table;
use super::super::super::ui::{Role, json_line};
use super::super::super::{Context, draw};
use super::super::dollars;
use super::Verdict;
use super::columns::Columns;
use super::side::{Board, Stage};
use crate::kernel::error::Result;
use crate::kernel::terminal::{safe, safe_line};
use crate::store::Session;

/// From so many columns of a terminal on answers stand side by side.
const WIDE: usize = 100;
/// More answers than this do not fit side by side.
const MOST: usize = 4;

/// Where answers go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Side by side on a wide terminal.
    Columns,
    /// One after another.
    Rows,
    /// A JSON object a line.
    Json,
}

impl Place {
    /// Where so many answers fit best.
    pub(super) fn of(context: &Context, answers: usize) -> Place {
        let dumb = context.app.env.text("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
        let wide = context.ui.stdout_terminal && !dumb && context.ui.width() >= WIDE;
        if wide && answers <= MOST { Place::Columns } else { Place::Rows }
    }
}

/// The show.
pub(super) struct Show<'a> {
    context: &'a Context,
    board: Arc<Board>,
    place: Place,
    drawn: bool,
    columns: Option<Columns<'a>>,
    /// So many answers were shown.
    shown: usize,
}

impl<'a> Show<'a> {
    pub(super) fn new(context: &'a Context, place: Place, board: Arc<Board>) -> Result<Show<'a>> {
        let drawn = match context.app.config()?.text("chat.markdown").unwrap_or("auto") {
            "off" => false,
            "on" => true,
            _ => context.ui.stdout_terminal,
        };
        let columns = (place == Place::Columns).then(|| Columns::new(&context.ui, drawn, Arc::clone(&board)));
        Ok(Show { context, board, place, drawn, columns, shown: 0 })
    }

    /// Whether [`Show::frame`] has something to draw.
    pub(super) fn is_live(&self) -> bool {
        self.columns.is_some()
    }

    /// The next picture of answers that grow.
    pub(super) fn frame(&mut self) {
        if let Some(columns) = &mut self.columns {
            columns.frame();
        }
    }

    /// One more answer is over. Answers are shown in the order in which their models were named, each as soon as it
    /// and those before it are there.
    pub(super) fn ended(&mut self, verdicts: &[Option<Verdict>], session: &Session) -> Result<()> {
        let board = Arc::clone(&self.board);
        for (side, verdict) in board.sides().iter_mut().zip(verdicts) {
            side.stage = if verdict.is_some() { Stage::Over } else { side.stage };
        }
        if self.place == Place::Columns {
            return Ok(());
        }
        while let Some(Some(verdict)) = verdicts.get(self.shown) {
            self.shown += 1;
            if self.place == Place::Json {
                let line = json_line(&json!({"answer": verdict.view(session)}));
                self.context.ui.write(format!("{line}\n").as_bytes())?;
                continue;
            }
            let notices = board.sides()[self.shown - 1].notices.clone();
            notices.iter().for_each(|n| self.context.ui.note(&format!("{}: {}", verdict.name, safe_line(n))));
            self.row(verdict)?;
        }
        Ok(())
    }

    fn row(&self, verdict: &Verdict) -> Result<()> {
        let ui = &self.context.ui;
        let text = verdict.outcome.as_ref().map(|o| o.text()).unwrap_or_default();
        let gap = if self.shown == 1 { "" } else { "\n" };
        let mut out = format!("{gap}{}\n", ui.paint(Role::Name, &format!("── {}", safe_line(&verdict.name))));
        out.push_str(&if self.drawn { draw::markdown(ui, &text) } else { safe(&text).into_owned() });
        if !out.ends_with('\n') {
            out.push('\n');
        }
        ui.write(out.as_bytes())?;
        verdict.error.iter().for_each(|error| ui.failure(error));
        Ok(())
    }

    /// Everything is over: what grew stands where it can be scrolled to, and the figures below it.
    pub(super) fn finish(&mut self, verdicts: &[Verdict]) -> Result<()> {
        if self.place == Place::Json {
            return Ok(());
        }
        let ui = &self.context.ui;
        if let Some(columns) = self.columns.take() {
            for side in self.board.sides().iter() {
                side.notices.iter().for_each(|n| ui.note(&format!("{}: {}", safe_line(&side.name), safe_line(n))));
            }
            ui.write(columns.whole(verdicts).as_bytes())?;
            if verdicts.iter().all(|v| v.error.is_some()) {
                // With the way forward, which has no place in a column.
                verdicts.iter().take(1).filter_map(|v| v.error.as_ref()).for_each(|error| ui.failure(error));
            }
        }
        ui.write(format!("\n{}", self.table(verdicts)).as_bytes())
    }

    /// Times, tokens and money of each.
    fn table(&self, verdicts: &[Verdict]) -> String {
        let mut table = Table::new(&["model", "answer", "first word", "whole", "in", "out", "cost", "ended"]);
        for verdict in verdicts {
            let role = if verdict.error.is_none() { Role::Name } else { Role::Bad };
            let mut cells = vec![(verdict.name.clone(), Some(role))];
            let number = |n: Option<u64>| (n.map(|n| n.to_string()).unwrap_or_default(), None);
            match &verdict.outcome {
                Some(outcome) => {
                    let totals = &outcome.totals;
                    let first = totals.first_token_ms.map(seconds).unwrap_or_default();
                    let cost = totals.cost_micros.map_or_else(|| "?".to_string(), dollars);
                    cells.extend([
                        (outcome.answer.tail(), Some(Role::Dim)),
                        (first, None),
                        (seconds(outcome.duration_ms), None),
                        number(totals.usage.input),
                        number(totals.usage.output),
                        (cost, None),
                    ]);
                }
                None => cells.extend((0..6).map(|_| (String::new(), None))),
            }
            let good = verdict.error.is_none();
            cells.push((verdict.status.to_string(), Some(if good { Role::Good } else { Role::Bad })));
            table.row(cells);
        }
        table.render(&self.context.ui)
    }
}

/// Milliseconds as seconds, to the hundredth.
fn seconds(ms: u64) -> String {
    format!("{:.2} s", ms as f64 / 1000.0)
}
