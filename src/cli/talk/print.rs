//! Prints a turn while it happens, and puts its questions to the person.
//!
//! Whatever a model or a tool says is made safe before it reaches the terminal, also where a control sequence comes in
//! several pieces.

use std::io::Write;

use dialoguer::Select;
use serde_json::{Value, json};

use super::super::ui::Role;
use super::super::{Context, draw};
use crate::chat::driver::Listener;
use crate::chat::filter::Change;
use crate::chat::policy::{Asker, Question, Verdict};
use crate::exec::Stop;
use crate::kernel::difference;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::markdown::highlight::Highlight;
use crate::kernel::markdown::stream::{StreamRenderer, StreamStyle};
use crate::kernel::terminal::{safe, safe_line};
use crate::providers::model::Piece;
use crate::voice::aloud::Speaking;

/// How pieces are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Form {
    /// Words as they come.
    Words,
    /// A JSON object a line.
    Json,
    /// Nothing: the whole is printed at the end.
    Silent,
}

/// Before a line of a model's thoughts.
const MARK: &str = "~ ";

/// The printer of one turn.
pub(in crate::cli) struct Printer {
    form: Form,
    /// Draws Markdown on a terminal; elsewhere only makes the text safe.
    renderer: StreamRenderer,
    /// Whether thoughts are shown, and on what they are shown dimmed.
    thoughts: bool,
    dim: (String, String),
    /// Stands before each line of thoughts where nothing is dimmed.
    mark: &'static str,
    quiet: bool,
    thinking: bool,
    stop: Stop,
    /// Whether what filters changed is shown, and in colour.
    explain: Option<bool>,
    /// Whoever reads it aloud.
    aloud: Option<Speaking>,
    /// Whether a line was begun on stdout and not ended.
    pub(in crate::cli) open_line: bool,
}

impl Printer {
    pub(in crate::cli) fn new(context: &Context, form: Form, stop: Stop) -> Result<Printer> {
        let shown = context.app.config()?.text("chat.reasoning").unwrap_or("dim") != "hide";
        let drawn = match context.app.config()?.text("chat.markdown").unwrap_or("auto") {
            "off" => false,
            "on" => true,
            _ => context.ui.stdout_terminal,
        };
        let painted = context.ui.paint_err(Role::Dim, "\u{0}");
        let (on, off) = painted.split_once('\u{0}').unwrap_or(("", ""));
        Ok(Printer {
            form,
            renderer: renderer(context, drawn),
            thoughts: shown && context.ui.stderr_terminal && !context.ui.quiet && form == Form::Words,
            dim: (on.to_string(), off.to_string()),
            mark: if on.is_empty() { MARK } else { "" },
            quiet: context.ui.quiet,
            thinking: false,
            stop,
            explain: None,
            aloud: None,
            open_line: false,
        })
    }

    /// Prints text as it is written, without drawing it.
    pub(in crate::cli) fn raw(mut self, context: &Context) -> Printer {
        self.renderer = renderer(context, false);
        self
    }

    /// Shows what filters changed.
    pub(in crate::cli) fn explaining(mut self, context: &Context, explain: bool) -> Printer {
        self.explain = explain.then(|| context.ui.stderr_terminal && context.ui.colour());
        self
    }

    /// Has the text read aloud as it comes; that was begun.
    pub(in crate::cli) fn aloud(mut self, context: &Context) -> Printer {
        self.aloud = Some(context.app.speaking.clone());
        self
    }

    /// Ends what was begun.
    pub(in crate::cli) fn finish(&mut self) {
        let rest = self.renderer.finish();
        self.end_thoughts();
        self.out(&rest);
        if self.form == Form::Words && self.open_line {
            self.out("\n");
        }
    }

    fn out(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        let mut stdout = std::io::stdout().lock();
        if stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).is_err() {
            // Nobody reads any more, so nothing more is asked for.
            self.stop.request();
        }
        self.open_line = !text.ends_with('\n');
    }

    fn line(&mut self, value: &Value) {
        self.out(&format!("{}\n", super::super::ui::json_line(value)));
    }

    fn say(&mut self, text: &str) {
        if self.quiet || self.form == Form::Json {
            return;
        }
        self.end_thoughts();
        // What is drawn so far ends here; what follows is drawn anew.
        let rest = self.renderer.finish();
        self.out(&rest);
        if self.open_line && self.form == Form::Words {
            self.out("\n");
        }
        // Nothing sensible is left to do when stderr is gone.
        let _ = writeln!(std::io::stderr().lock(), "{}{}{}", self.dim.0, safe_line(text), self.dim.1);
    }

    fn end_thoughts(&mut self) {
        if std::mem::take(&mut self.thinking) {
            let _ = writeln!(std::io::stderr().lock(), "{}", self.dim.1);
        }
    }
}

fn renderer(context: &Context, draw: bool) -> StreamRenderer {
    let ui = &context.ui;
    let highlight = ui.colour().then(|| Highlight::new(draw::CODE_THEME)).flatten();
    let style = StreamStyle { draw, colour: ui.colour(), dim: false, highlight };
    StreamRenderer::new(if draw { draw::text_width(ui) } else { 0 }, style)
}

impl Listener for Printer {
    fn piece(&mut self, piece: &Piece) {
        if let (Piece::Text(text), Some(speaking)) = (piece, &self.aloud) {
            speaking.say(text);
        }
        match (piece, self.form) {
            (Piece::Text(text), Form::Words) => {
                self.end_thoughts();
                let shown = self.renderer.push(text);
                self.out(&shown);
            }
            (Piece::Text(text), Form::Json) => self.line(&json!({"delta": text})),
            (Piece::Reasoning(text), Form::Words) if self.thoughts => {
                let on = if self.thinking { "" } else { &format!("{}{}", self.dim.0, self.mark) };
                let text = safe(text).replace('\n', &format!("\n{}", self.mark));
                let _ = write!(std::io::stderr().lock(), "{on}{text}");
                self.thinking = true;
            }
            (Piece::Reasoning(text), Form::Json) => self.line(&json!({"reasoning": text})),
            (Piece::Notice(text), Form::Json) => self.line(&json!({"notice": text})),
            (Piece::Notice(text), _) => self.say(text),
            _ => {}
        }
    }

    fn changed(&mut self, change: &Change<'_>) {
        let Some(colour) = self.explain else { return };
        if self.form == Form::Json {
            let what =
                json!({"by": change.by, "way": change.way.name(), "before": change.before, "after": change.after});
            return self.line(&json!({"changed": what}));
        }
        let paint = |code: &str, line: &str| match colour {
            true => format!("\x1b[{code}m{}\x1b[0m\n", safe(line)),
            false => format!("{}\n", safe(line)),
        };
        let mut text = paint("1", &format!("`{}` changed the {}:", change.by, change.way.name()));
        for line in difference::lines(change.before, change.after) {
            text.push_str(&match line {
                difference::Change::Gap => paint("2", "  ⋮"),
                difference::Change::Gone(line) => paint("31", &format!("- {line}")),
                difference::Change::New(line) => paint("32", &format!("+ {line}")),
                difference::Change::Kept(line) => paint("0", &format!("  {line}")),
            });
        }
        self.end_thoughts();
        // Nothing sensible is left to do when stderr is gone.
        let _ = std::io::stderr().lock().write_all(text.as_bytes());
    }

    fn tool_begins(&mut self, origin: &str, preview: &str) {
        match self.form {
            Form::Json => self.line(&json!({"tool": {"origin": origin, "runs": preview}})),
            _ => self.say(&format!("→ {origin}: {}", brief(preview))),
        }
    }

    fn tool_ended(&mut self, origin: &str, said: &str, failed: bool) {
        match self.form {
            Form::Json => self.line(&json!({"tool_result": {"origin": origin, "text": said, "failed": failed}})),
            _ if failed => self.say(&format!("✗ {origin}: {}", brief(said))),
            _ => {}
        }
    }

    fn finished(&mut self) {
        self.finish();
    }
}

/// The first line of a text, and how many follow.
fn brief(text: &str) -> String {
    let text = text.trim();
    let first = text.lines().next().unwrap_or_default();
    match text.lines().count() {
        0 | 1 => first.to_string(),
        2 => format!("{first} … (1 more line)"),
        n => format!("{first} … ({} more lines)", n - 1),
    }
}

/// The person at the terminal.
pub(in crate::cli) struct Person {
    there: bool,
    quiet: bool,
    colour: bool,
}

impl Person {
    pub(in crate::cli) fn new(context: &Context) -> Person {
        Person { there: context.ui.ask, quiet: context.ui.quiet, colour: context.ui.colour() }
    }
}

impl Asker for Person {
    fn is_there(&self) -> bool {
        self.there
    }

    fn refused(&mut self, question: &Question) {
        if self.quiet {
            return;
        }
        let origin = safe_line(&question.origin);
        let _ = writeln!(
            std::io::stderr().lock(),
            "{origin} was not run: nobody is there to allow it\n hint: to allow it always: fac config set tools.allow \
             \"'{origin}'\""
        );
    }

    fn allow(&mut self, question: &Question) -> Result<Verdict> {
        let preview = safe(&question.preview);
        let lines: String = preview.lines().map(|line| format!("    {line}\n")).collect();
        let what = if question.read_only { "only reads" } else { "may change things" };
        let _ = write!(
            std::io::stderr().lock(),
            "\nThe model wants to use {} ({what}):\n{lines}",
            safe_line(&question.origin)
        );
        let mut answers = vec!["No", "Yes, this once"];
        if question.read_only {
            answers.push("Yes, and do not ask again for this tool in this chat");
        }
        let theme = super::super::ask::theme_of(self.colour);
        super::super::ask::forget_keys();
        let chosen = Select::with_theme(&*theme).with_prompt("Allow it?").items(&answers).default(0).interact_opt();
        match chosen {
            Ok(Some(1)) => Ok(Verdict::Once),
            Ok(Some(2)) => Ok(Verdict::Session),
            Ok(_) => Ok(Verdict::No(None)),
            Err(dialoguer::Error::IO(error)) => {
                Err(Error::new(Kind::Interrupted, "the question was not answered").because(error))
            }
        }
    }
}
