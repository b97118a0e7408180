//! `fac chat`: a conversation at the prompt, or over lines that are piped in.
//!
//! [`editor`] reads lines, [`input`] and [`slash`] say what they mean, [`conversation`] holds the chat and carries turns
//! out, [`acts`] does what the commands behind `/` say.

mod acts;
pub mod complete;
mod conversation;
pub mod copy;
pub mod editor;
mod hint;
mod history;
mod hush;
mod keys;
pub mod plain;

use std::io::IsTerminal;

use self::conversation::Conversation;
use self::editor::{Editor, Wishes};
use self::hush::Hush;
use self::input::Input;
use super::Context;
use super::talk::{self, ask};
pub use crate::chat::{input, slash};
use crate::exec::signals::StopOnSignals;
use crate::kernel::error::{Kind, Result};
use crate::kernel::terminal::safe_line;

const EXAMPLES: &str = "\
Examples:
  fac chat                          a new chat; /help lists what it knows
  fac chat 'what is a monad?'       begins with a question
  fac chat -c                       goes on in the last chat
  fac chat --session trip           goes on in a named chat, or begins it
  fac chat -T 'git recent' -T mcp:files
  printf 'hello\\nand again\\n' | fac chat --temp

In the chat: Enter sends, Alt-Enter or Ctrl-J begins a new line, Tab completes, Ctrl-R searches what you typed before,
Ctrl-O opens your editor, Ctrl-C stops an answer, Ctrl-D leaves, !line runs a shell line.";

/// Talk to a model
#[derive(Debug, Default, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The first question
    words: Vec<String>,
    /// The model: `provider/model`, an alias, or a part of a name
    #[arg(short, long, value_name = "MODEL")]
    model: Option<String>,
    /// What the model is to be and to do
    #[arg(short, long, value_name = "TEXT")]
    system: Option<String>,
    /// Send a file along with the first question
    #[arg(short, long = "file", value_name = "FILE")]
    files: Vec<String>,
    /// Send a picture or another file along with the first question
    #[arg(short, long = "attach", value_name = "FILE")]
    attachments: Vec<String>,
    /// Let the model use this command (`name`, `source:*`, `marked`) or MCP tool (`mcp:server`); each use is asked about
    #[arg(short = 'T', long = "tool", value_name = "COMMAND")]
    tools: Vec<String>,
    /// Tune the answers: temperature, top_p, max_tokens, seed, stop, or a field the provider knows
    #[arg(short, long = "option", value_name = "KEY=VALUE")]
    options: Vec<String>,
    /// How hard to think: none, low, medium or high
    #[arg(long, value_name = "EFFORT", value_parser = ["none", "low", "medium", "high"], hide_possible_values = true)]
    think: Option<String>,
    /// Go on in the chat used last
    #[arg(short = 'c', long = "continue", conflicts_with = "session")]
    go_on: bool,
    /// Go on in this chat, or begin it
    #[arg(long, value_name = "NAME")]
    session: Option<String>,
    /// Keep nothing of it
    #[arg(long, conflicts_with_all = ["session", "go_on"])]
    temp: bool,
    /// Print answers as they are written, not drawn
    #[arg(long)]
    raw: bool,
    /// Ask anew, whatever the cache holds
    #[arg(long)]
    no_cache: bool,
}

impl Args {
    /// A chat that goes on in this session.
    pub(super) fn resume(session: String) -> Args {
        Args { session: Some(session), ..Args::default() }
    }
}

/// What a round of the chat came to.
enum Next {
    /// Read on.
    On,
    /// Send the model what was said.
    Send(String),
    /// Let it answer the last question again, another model perhaps.
    Again(Option<String>),
    /// Leave.
    Leave,
}

pub(super) fn run(context: &mut Context, args: &Args) -> Result<u8> {
    talk::adopt(context)?;
    let mut chat = Conversation::new(context, args)?;
    let interactive = context.ui.ask && context.ui.stdout_terminal && std::io::stdin().is_terminal();
    let code = if interactive { at_terminal(&mut chat, args) } else { over_lines(&mut chat, args) };
    chat.close()?;
    code
}

fn at_terminal(chat: &mut Conversation<'_>, args: &Args) -> Result<u8> {
    let context = chat.context;
    let config = context.app.config()?;
    let words = config.text("editor").and_then(shlex::split).unwrap_or_default();
    let mut editor = Editor::new(Wishes {
        history: context.app.paths.state.join("chat_history"),
        vi: config.text("chat.keys") == Some("vi"),
        colour: context.ui.colour(),
        editor: words,
        scratch: chat.scratch(),
        candidates: chat.candidates.clone(),
        tools: chat.tools_by_name(),
    })?;
    // Between two lines Ctrl-C is a signal, and no reason to leave.
    let _stays = StopOnSignals::only_ctrl_c()?;
    chat.hush = Some(Hush::new());
    chat.greet()?;
    let mut first = Some(args.words.join(" ")).filter(|words| !words.trim().is_empty());
    let mut gave_up = false;
    loop {
        let input = match first.take() {
            Some(words) => Input::Message(words),
            None => {
                chat.refresh();
                editor.read(&chat.sign(), &chat.called(), !chat.is_temporary())?
            }
        };
        let again = std::mem::replace(&mut gave_up, matches!(input, Input::Interrupted));
        let next = match input {
            Input::Interrupted => {
                if again {
                    chat.aside("Ctrl-D leaves");
                }
                chat.leave_as_it_is().map(|()| Next::On)
            }
            Input::End => return Ok(0),
            other => act(chat, other),
        };
        let answered = matches!(next, Ok(Next::Send(_) | Next::Again(_)));
        // What failed is said, and the chat goes on; what was typed is not lost.
        match next.and_then(|next| chat.go(next)) {
            Ok(true) => {}
            Ok(false) => return Ok(chat.exit),
            Err(error) => context.ui.failure(&error),
        }
        if answered {
            context.ui.note("");
        }
        if let Some(text) = chat.unsent.take() {
            editor.put(&text);
        }
    }
}

fn over_lines(chat: &mut Conversation<'_>, args: &Args) -> Result<u8> {
    let context = chat.context;
    let mut code = 0;
    let mut stdin = std::io::stdin().lock();
    let mut first = Some(args.words.join(" ")).filter(|words| !words.trim().is_empty());
    let asked = first.is_some();
    loop {
        let input = match first.take() {
            Some(words) => Input::Message(words),
            None if context.ui.no_input || (asked && std::io::stdin().is_terminal()) => Input::End,
            None => plain::read(&mut stdin)?,
        };
        if matches!(input, Input::End) {
            return Ok(code);
        }
        match act(chat, input).and_then(|next| chat.go(next)) {
            Ok(true) => code = chat.code,
            Ok(false) => return Ok(chat.exit.max(code)),
            Err(error) if error.kind() == Kind::Interrupted => return Err(error),
            Err(error) => {
                code = error.kind().exit_code();
                context.ui.failure(&error);
            }
        }
    }
}

/// What an input asks for.
fn act(chat: &mut Conversation<'_>, input: Input) -> Result<Next> {
    Ok(match input {
        Input::Message(text) => Next::Send(text),
        Input::Command(command, argument) => return acts::act(chat, command, &argument),
        Input::Shell(line) => {
            acts::shell(chat, &line)?;
            Next::On
        }
        Input::Unknown(error) => {
            chat.context.ui.failure(&error);
            Next::On
        }
        Input::Interrupted => Next::On,
        Input::End => Next::Leave,
    })
}

/// Files of the command line as they will go along.
fn attached(chat: &mut Conversation<'_>, names: &[String]) -> Result<()> {
    for name in names {
        let part = ask::file(chat.context, name)?;
        chat.attached.push((safe_line(name).into_owned(), part));
    }
    Ok(())
}
