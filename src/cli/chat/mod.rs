//! `fac chat`: a conversation at the prompt, or over lines that are piped in.
//!
//! [`editor`] reads lines, [`input`] and [`slash`] say what they mean, [`conversation`] holds the chat and carries turns
//! out, [`acts`] does what the commands behind `/` say.

mod acts;
pub mod complete;
mod conversation;
pub mod editor;
mod hint;
mod history;
mod hush;
mod keys;
pub mod plain;
mod voice;

use std::io::IsTerminal;

use self::conversation::Conversation;
use self::editor::{Editor, Wishes};
use self::hush::Hush;
use self::input::Input;
use super::Context;
use super::talk;
use super::talk::question::{self, Question};
use crate::chat::attach;
pub use crate::chat::{input, slash};
use crate::exec::signals::StopOnSignals;
use crate::kernel::error::{Kind, Result};
use crate::kernel::terminal::safe_line;
use crate::providers::model::Part;

const EXAMPLES: &str = "\
Examples:
  fac chat                          a new chat; /help lists what it knows
  fac chat 'what is a monad?'       begins with a question
  fac chat -c                       goes on in the last chat
  fac chat --session trip           goes on in a named chat, or begins it
  fac chat -T 'git recent' -T mcp:files
  git diff | fac chat 'explain this'   what is piped in goes along; then you go on at the terminal
  printf 'hello\\nand again\\n' | fac chat --temp

In the chat: Enter sends, Alt-Enter or Ctrl-J begins a new line, Tab completes, Ctrl-R searches what you typed before,
Ctrl-O opens your editor, F8 lets you say it, Ctrl-C stops an answer, Ctrl-D leaves, !line runs a shell line.";

/// Talk to a model
#[derive(Debug, Default, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The model: `provider/model`, an alias, or a part of a name
    #[arg(short, long, value_name = "MODEL")]
    model: Option<String>,
    #[command(flatten)]
    question: Question,
    /// Let the model use this command (`name`, `source:*`, `marked`) or MCP tool (`mcp:server`); each use is asked about
    #[arg(short = 'T', long = "tool", value_name = "COMMAND")]
    tools: Vec<String>,
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
    /// Show what plugins changed on the way to the model and back
    #[arg(long)]
    explain: bool,
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
    let first = First::new(context, &args.question)?;
    let mut chat = Conversation::new(context, args)?;
    chat.attached.extend(first.files);
    let interactive = context.ui.ask && context.ui.stdout_terminal && std::io::stdin().is_terminal();
    let code =
        if interactive { at_terminal(&mut chat, first.words) } else { over_lines(&mut chat, first.words, first.ends) };
    chat.close()?;
    talk::within::expire(context);
    code
}

/// What the command line says before anything is typed.
struct First {
    words: Option<String>,
    /// Files for the first question, with what they are called.
    files: Vec<(String, Part)>,
    /// Whether nothing can be typed afterwards.
    ends: bool,
}

impl First {
    /// Words make what is piped in a part of the first question; the chat goes on from the terminal then, if there is
    /// one. Without words what is piped in are messages.
    fn new(context: &mut Context, question: &Question) -> Result<First> {
        let words = Some(question.words.join(" ")).filter(|words| !words.trim().is_empty());
        let mut files = Vec::new();
        if words.is_some()
            && let Some(piped) = question.piped(context)?
        {
            files.push(("what is piped in".to_string(), attach::part("stdin", piped, question::limit(context)?)?));
        }
        let names = question.files.iter().chain(&question.attachments);
        for (name, part) in names.zip(question.attached(context)?) {
            files.push((safe_line(name).into_owned(), part));
        }
        let takes = words.is_some() || question.reads_stdin();
        let ends = context.ui.no_input || (takes && !std::io::stdin().is_terminal() && !take_terminal(context));
        Ok(First { words, files, ends })
    }
}

/// Reads from the person's terminal from now on, where there is one and what is said is seen on it.
fn take_terminal(context: &mut Context) -> bool {
    let ui = &context.ui;
    if ui.json || ui.no_input || !ui.stdout_terminal || !ui.stderr_terminal {
        return false;
    }
    let Ok(terminal) = std::fs::File::options().read(true).write(true).open("/dev/tty") else { return false };
    context.ui.ask = rustix::stdio::dup2_stdin(&terminal).is_ok();
    context.ui.ask
}

fn at_terminal(chat: &mut Conversation<'_>, mut first: Option<String>) -> Result<u8> {
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
    let mut gave_up = false;
    loop {
        let input = match first.take() {
            Some(words) => Input::Message(words),
            None if chat.hands_free => match voice::next_said(chat) {
                Some(said) => said,
                None => continue,
            },
            None => {
                chat.refresh();
                editor.read(&chat.sign(), &chat.called(), !chat.is_temporary())?
            }
        };
        let again = std::mem::replace(&mut gave_up, matches!(input, Input::Interrupted));
        let next = match input {
            Input::Interrupted => {
                context.app.speaking.hush();
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
        if let Some(text) = chat.said.take() {
            editor.add(&text);
        }
    }
}

fn over_lines(chat: &mut Conversation<'_>, mut first: Option<String>, ends: bool) -> Result<u8> {
    let context = chat.context;
    let mut code = 0;
    let mut stdin = std::io::stdin().lock();
    let asked = first.is_some();
    loop {
        let input = match first.take() {
            Some(words) => Input::Message(words),
            None if ends || (asked && std::io::stdin().is_terminal()) => Input::End,
            None => plain::read(&mut stdin)?,
        };
        if matches!(input, Input::End) {
            return Ok(code);
        }
        match act(chat, input).and_then(|next| chat.go(next)) {
            Ok(true) => {
                code = chat.code;
                chat.hear_out()?;
            }
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
