//! What the commands behind `/` do.

use super::super::talk::{ask, models, sessions, within};
use super::super::ui::Role;
use super::conversation::Conversation;
use super::slash::{self, SlashCommand};
use super::{Next, input, voice};
use crate::app::models::this_process;
use crate::chat::copy;
use crate::chat::driver::Ask;
use crate::chat::saying::{self, GO_ON, sum_of};
use crate::cli::commands::open_editor;
use crate::cli::search;
use crate::exec::signals::StopOnSignals;
use crate::kernel::error::{Context as _, Error, Kind, Result};
use crate::kernel::files::write_atomic;
use crate::kernel::terminal::safe_line;
use crate::store::{Message, NewSession, SessionEdit, SessionFilter};

/// Does one command.
pub(super) fn act(chat: &mut Conversation<'_>, command: SlashCommand, argument: &str) -> Result<Next> {
    use SlashCommand as C;
    let context = chat.context;
    match command {
        C::Help => help(chat, argument)?,
        C::Model => model(chat, argument)?,
        C::Models => drop(models::list(context, Some(argument).filter(|a| !a.is_empty()), false)?),
        C::System => system(chat, argument)?,
        C::Attach => attach(chat, argument)?,
        C::Detach => detach(chat, argument)?,
        C::Edit => return edit(chat, argument),
        C::Retry => {
            let model = Some(argument).filter(|a| !a.is_empty());
            let model = model.map(|typed| chat.check_model(Some(typed))).transpose()?;
            return Ok(Next::Again(model));
        }
        C::Fix => return fix(chat, argument),
        C::Continue => return Ok(Next::Send(GO_ON.to_string())),
        C::Branch => branch(chat, argument)?,
        C::Show => match &chat.session {
            Some(session) if !argument.is_empty() => within::exchange(context, session, argument)?,
            Some(session) => drop(sessions::show(context, session)?),
            None => context.ui.note("nothing was said yet"),
        },
        C::Tree => match &chat.session {
            Some(session) => drop(sessions::show_tree(context, session)?),
            None => context.ui.note("nothing was said yet"),
        },
        C::Goto => goto(chat, argument)?,
        C::Save => save(chat, argument)?,
        C::Title => title(chat, argument)?,
        C::Rename => {
            need(argument, "/rename NAME")?;
            chat.edit(&[SessionEdit::Name(Some(argument.to_string()))])?;
        }
        C::Tag => tag(chat, argument)?,
        C::Tools => tools(chat, argument)?,
        C::Usage => usage(chat)?,
        C::Context => pieces(chat)?,
        C::Think => think(chat, argument)?,
        C::Set => set(chat, argument)?,
        C::Raw => {
            chat.raw = match argument {
                "on" => true,
                "off" => false,
                _ => !chat.raw,
            };
            context.ui.note(if chat.raw { "answers come as they are written" } else { "answers are drawn" });
        }
        C::Copy => copied(chat, argument)?,
        C::Clear => context.ui.write(b"\x1b[2J\x1b[H")?,
        C::New => {
            let name = Some(argument.to_string()).filter(|a| !a.is_empty());
            chat.move_to(None, NewSession { name, ..NewSession::default() })?;
            context.ui.note("a new chat begins");
        }
        C::Sessions => {
            let text = Some(argument.to_string()).filter(|a| !a.is_empty());
            sessions::list(context, &SessionFilter { text, ..SessionFilter::default() }, None, 50)?;
        }
        C::Resume => {
            need(argument, "/resume CHAT")?;
            let session = within::chat(chat.store, argument)?;
            chat.move_to(Some(session), NewSession::default())?;
            chat.greet()?;
        }
        C::Search => {
            need(argument, "/search WORDS")?;
            if search::search(context, argument, Some("message"), 20)? != 0 {
                context.ui.note("nothing was found");
            }
        }
        C::Find => {
            need(argument, "/find WORDS")?;
            within::find(context, here(chat)?, argument)?;
        }
        C::Questions => within::questions(context, here(chat)?)?,
        C::Redact => {
            need(argument, "/redact MESSAGE [WORDS]")?;
            let (message, words) = argument.split_once(' ').map_or((argument, None), |(m, w)| (m, Some(w.trim())));
            within::blacken(context, here(chat)?, Some(message), words)?;
            chat.reload()?;
        }
        C::Temp => {
            chat.move_to(None, NewSession { temporary: Some(this_process()), ..NewSession::default() })?;
            context.ui.note("this chat is forgotten when it ends");
        }
        C::Talk => return voice::talk(chat, argument),
        C::Speak => voice::speak(chat, argument)?,
        C::Quit => return Ok(Next::Leave),
    }
    Ok(Next::On)
}

fn need(argument: &str, usage: &str) -> Result<()> {
    if argument.is_empty() {
        return Err(Error::new(Kind::Usage, "something is missing").hint(format!("write `{usage}`")));
    }
    Ok(())
}

/// The chat, where something was said in it.
fn here<'a>(chat: &'a Conversation<'_>) -> Result<&'a crate::store::Session> {
    chat.session.as_ref().ok_or_else(|| Error::new(Kind::Usage, "nothing was said yet"))
}

fn help(chat: &Conversation<'_>, argument: &str) -> Result<()> {
    let ui = &chat.context.ui;
    if argument.is_empty() {
        return chat.context.page(&slash::help(ui.width()));
    }
    let name = argument.trim_start_matches('/');
    let found = slash::find(name).ok_or_else(|| {
        Error::new(Kind::NotFound, format!("there is no command `/{name}`")).hint("`/help` lists all")
    })?;
    ui.line(&format!("{}\n  {}", slash::usage(found), found.help))
}

fn model(chat: &mut Conversation<'_>, argument: &str) -> Result<()> {
    let ui = &chat.context.ui;
    if argument.is_empty() {
        return ui.line(&safe_line(&chat.sign()));
    }
    let name = chat.check_model(Some(argument))?;
    chat.model = Some(name.clone());
    chat.new.model = Some(name.clone());
    if chat.session.is_some() {
        chat.edit(&[SessionEdit::Model(Some(name.clone()))])?;
    }
    chat.context.ui.note(&format!("{} answers from now on", safe_line(&name)));
    Ok(())
}

fn system(chat: &mut Conversation<'_>, argument: &str) -> Result<()> {
    if argument.is_empty() {
        let own = chat.system.clone().or_else(|| chat.session.as_ref().and_then(|s| s.system.clone()));
        let text = own.or_else(|| chat.context.app.config().ok()?.text("chat.system").map(String::from));
        let text = text.filter(|t| !t.is_empty()).unwrap_or_else(|| "(no system text)".to_string());
        return chat.context.ui.line(&crate::kernel::terminal::safe(&text));
    }
    chat.system = Some(argument.to_string());
    chat.new.system = Some(argument.to_string());
    if chat.session.is_some() {
        chat.edit(&[SessionEdit::System(Some(argument.to_string()))])?;
    }
    chat.context.ui.note("the system text is set");
    Ok(())
}

fn attach(chat: &mut Conversation<'_>, argument: &str) -> Result<()> {
    need(argument, "/attach FILE")?;
    let words = shlex::split(argument)
        .ok_or_else(|| Error::new(Kind::Usage, "a quote is not closed").hint("write `/attach 'a name' other`"))?;
    for word in words {
        let path = chat.path_of(&word);
        let part = ask::file(chat.context, &path.to_string_lossy())?;
        chat.attached.push((safe_line(&word).into_owned(), part));
    }
    Ok(())
}

fn detach(chat: &mut Conversation<'_>, argument: &str) -> Result<()> {
    let before = chat.attached.len();
    chat.attached.retain(|(name, _)| !argument.is_empty() && name != argument);
    if chat.attached.len() == before {
        return Err(Error::new(Kind::NotFound, format!("`{argument}` is not attached")));
    }
    Ok(())
}

/// Opens the person's editor on a text; what it holds afterwards is sent.
fn edit(chat: &mut Conversation<'_>, argument: &str) -> Result<Next> {
    let file = chat.scratch();
    write_atomic(&file, argument.as_bytes(), true)?;
    let context = chat.context;
    chat.lend(|| open_editor(context, &file))?;
    let text = std::fs::read_to_string(&file).context(Kind::BadData, || "cannot read the draft back".to_string())?;
    // The draft must not outlive the message.
    let _ = std::fs::remove_file(&file);
    if text.trim().is_empty() {
        chat.context.ui.note("nothing was written, so nothing is sent");
        return Ok(Next::On);
    }
    Ok(Next::Send(text.trim_end().to_string()))
}

/// The last question on this branch.
fn asked(chat: &Conversation<'_>) -> Result<Message> {
    let found = chat.path()?.into_iter().rev().find(|m| m.role == "user");
    found.ok_or_else(|| Error::new(Kind::Usage, "nothing was asked yet"))
}

/// The last question is put otherwise, and what was answered to it goes. Without a text it stands on the next line.
fn fix(chat: &mut Conversation<'_>, argument: &str) -> Result<Next> {
    let old = asked(chat)?;
    let stood = chat.session.as_ref().and_then(|s| s.head);
    chat.edit(&[SessionEdit::Head(old.parent)])?;
    chat.replaced = Some((old.id, stood));
    if !argument.is_empty() {
        return Ok(Next::Send(argument.to_string()));
    }
    chat.unsent = Some(old.words);
    chat.aside("change it and send it: it takes the old one's place; Ctrl-C leaves all as it is");
    Ok(Next::On)
}

/// Goes to before a question, so that it can be put otherwise; without an argument before the last one.
fn branch(chat: &mut Conversation<'_>, argument: &str) -> Result<()> {
    let wanted = match (argument, &chat.session) {
        ("", _) => asked(chat)?,
        (_, Some(session)) => chat.store.message(session.id, argument)?,
        (_, None) => return Err(Error::new(Kind::Usage, "nothing was said yet")),
    };
    if wanted.role != "user" {
        return goto(chat, argument);
    }
    chat.replaced = None;
    chat.edit(&[SessionEdit::Head(wanted.parent)])?;
    let begin: String = wanted.words.chars().take(60).collect();
    chat.context.ui.note(&format!("the next question stands beside `{}`", safe_line(&begin)));
    Ok(())
}

fn goto(chat: &mut Conversation<'_>, argument: &str) -> Result<()> {
    need(argument, "/goto MESSAGE (`/tree` shows them)")?;
    let session = chat.session.as_ref().ok_or_else(|| Error::new(Kind::Usage, "nothing was said yet"))?;
    let message = chat.store.message(session.id, argument)?;
    chat.replaced = None;
    chat.edit(&[SessionEdit::Head(Some(message.id))])?;
    let begin: String = message.words.chars().take(60).collect();
    chat.context.ui.note(&format!("the next question follows `{}`", safe_line(&begin)));
    Ok(())
}

fn save(chat: &mut Conversation<'_>, argument: &str) -> Result<()> {
    need(argument, "/save FILE.md")?;
    let session = chat.session.clone().ok_or_else(|| Error::new(Kind::Usage, "nothing was said yet"))?;
    let path = chat.path_of(argument);
    let over = path.exists();
    if over && !crate::cli::ask::yes(chat.context, &format!("Write over {}?", path.display()), false)? {
        return Err(Error::new(Kind::Refused, format!("{} is there already", path.display())));
    }
    chat.context.app.save_chat(&session, &path, over)?;
    chat.context.ui.note(&format!("saved in {}", safe_line(&path.display().to_string())));
    Ok(())
}

fn title(chat: &mut Conversation<'_>, argument: &str) -> Result<()> {
    let mut text = argument.to_string();
    if text.is_empty() {
        let head = chat.session.as_ref().and_then(|s| Some((s.clone(), s.head?)));
        let (session, head) = head.ok_or_else(|| Error::new(Kind::Usage, "nothing was said yet"))?;
        let signals = StopOnSignals::new()?;
        let driver = chat.driver(signals.stop().clone())?;
        match chat.wait(driver.title(&session, head, chat.model.as_deref()))? {
            Some(title) => text = title,
            None => return Err(Error::new(Kind::Interrupted, "stopped")),
        }
    }
    chat.edit(&[SessionEdit::Title(Some(text.clone()))])?;
    chat.context.ui.note(&format!("this chat is called `{}`", safe_line(&text)));
    Ok(())
}

fn tag(chat: &mut Conversation<'_>, argument: &str) -> Result<()> {
    let one = |word: &str| match word.strip_prefix('-') {
        Some(tag) => SessionEdit::Untag(tag.to_string()),
        None => SessionEdit::Tag(word.trim_start_matches('+').to_string()),
    };
    let edits: Vec<SessionEdit> = argument.split_whitespace().map(one).collect();
    if !edits.is_empty() {
        chat.edit(&edits)?;
    }
    let tags = chat.session.as_ref().map(|s| s.tags.join(" ")).unwrap_or_default();
    chat.context.ui.line(if tags.is_empty() { "(no tags)" } else { &tags })
}

fn tools(chat: &mut Conversation<'_>, argument: &str) -> Result<()> {
    match argument {
        "" => {}
        "off" => chat.choose_tools(Vec::new())?,
        names => {
            let wanted = shlex::split(names).unwrap_or_else(|| vec![names.to_string()]);
            chat.choose_tools(wanted)?;
        }
    }
    let said = match chat.wanted.as_slice() {
        [] => "no tools are offered; `/tools marked`, `/tools source:*` or `/tools mcp:server` offers some".to_string(),
        wanted => format!("offered: {}; each use is asked about", safe_line(&wanted.join(" "))),
    };
    chat.context.ui.line(&said)
}

fn usage(chat: &mut Conversation<'_>) -> Result<()> {
    let Some(session) = &chat.session else { return chat.context.ui.line("nothing was asked yet") };
    let costs = chat.store.costs_of(session.id)?;
    chat.context.ui.line(&sum_of(&costs))
}

/// What would be sent now.
fn pieces(chat: &mut Conversation<'_>) -> Result<()> {
    let head = chat.session.as_ref().and_then(|s| Some((s.clone(), s.head?)));
    let (session, head) = head.ok_or_else(|| Error::new(Kind::Usage, "nothing was said yet"))?;
    let model = chat.model.clone();
    let ask = Ask { system: chat.system.clone(), memories: ask::memories(chat.context)?, model, ..Ask::default() };
    sessions::show_pieces(chat.context, &chat.models, &session, &ask, head)
}

fn think(chat: &mut Conversation<'_>, argument: &str) -> Result<()> {
    if !argument.is_empty() {
        chat.tuning.effort = Some(saying::effort(argument)?);
    }
    chat.context.ui.line(saying::thinks(chat.tuning.effort))
}

fn set(chat: &mut Conversation<'_>, argument: &str) -> Result<()> {
    if !argument.is_empty() {
        let (key, value) = input::setting(argument)?;
        let wrong =
            |what| Error::new(Kind::Usage, format!("`{argument}` {what}")).hint("for example /set temperature=0.2");
        chat.tuning.set(key, value).map_err(wrong)?;
    }
    chat.context.ui.line(&safe_line(&saying::set_in(&chat.tuning)))
}

fn copied(chat: &mut Conversation<'_>, argument: &str) -> Result<()> {
    let path = chat.path()?;
    let answer = path.iter().rev().find(|m| m.role == "assistant");
    let answer: &Message = answer.ok_or_else(|| Error::new(Kind::Usage, "nothing was answered yet"))?;
    let text = copy::pick(&answer.words, argument)?;
    let in_tmux = chat.context.app.env.text("TMUX").is_some();
    if !chat.context.ui.stdout_terminal {
        return Err(
            Error::new(Kind::Missing, "there is no terminal with a clipboard").hint("`/save FILE` writes a file")
        );
    }
    chat.context.ui.write(copy::sequence(&text, in_tmux)?.as_bytes())?;
    chat.context.ui.note(&format!("copied {} characters", text.chars().count()));
    Ok(())
}

/// Runs a line in the person's shell; Ctrl-C ends it and not the chat.
pub(super) fn shell(chat: &mut Conversation<'_>, line: &str) -> Result<()> {
    let _stays = StopOnSignals::new()?;
    let mut command = chat.context.app.shell_line(line);
    let shell = command.get_program().to_string_lossy().into_owned();
    let status =
        chat.lend(|| command.status()).context(Kind::Missing, || format!("the shell {shell} cannot be started"))?;
    if !status.success() {
        let said = match status.code() {
            Some(code) => format!("exit code {code}"),
            None => "ended by a signal".to_string(),
        };
        chat.context.ui.note(&chat.context.ui.paint_err(Role::Dim, &said));
    }
    Ok(())
}
