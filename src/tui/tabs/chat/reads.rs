//! What the tab asks the rooms, beside turns: lists, conversations, branches, models, tools, files, drafts.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;

use super::composer::Attached;
use super::messages::Entry;
use super::thread::{Loaded, goes_on};
use super::turn::Ask;
use super::{Answer, Found, Knows, Request, post, rescue};
use crate::app::chats;
use crate::app::house::draft_key;
use crate::app::mcp::PATTERN;
use crate::app::runtime::wait;
use crate::chat::attach;
use crate::chat::driver::{self, stopped};
use crate::chat::offers::{Candidates, Offers, offers};
use crate::chat::saying::{called, sum_of};
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::figures::counted;
use crate::kernel::ids::Id;
use crate::kernel::terminal::{safe_line, truncate_to_width};
use crate::providers::model::{Part, ToolResult};
use crate::providers::table::{Facts, known};
use crate::providers::{ModelInfo, Needs};
use crate::store::{Message, SessionEdit, SessionFilter, Store};
use crate::tui::happening::Fault;
use crate::tui::jobs::Desk;
use crate::tui::popups::Choice;

/// Messages that are read at once.
pub const PAGE: usize = 80;

/// Rows of a tree that are offered.
const TREE: usize = 5_000;

/// How long a list of models may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Does what was asked for.
pub fn work(request: Request, desk: &Desk<'_>) {
    let answer = match request {
        Request::Turn(ask) => return super::turn::work(&ask, desk),
        Request::List { filter, after, limit } => {
            let more = after.is_some();
            Answer::List(list(desk, &filter, after.as_deref(), limit).map_err(Fault::from), more)
        }
        Request::Thread { session, leaf, most, to } => {
            Answer::Thread(session, thread(desk, session, leaf, most, to).map(Box::new).map_err(Fault::from))
        }
        Request::Older { session, leaf, most } => {
            Answer::Older(session, older(desk, session, leaf, most).map_err(Fault::from))
        }
        Request::Switch { session, version, most } => {
            Answer::Thread(session, switch(desk, session, version, most).map(Box::new).map_err(Fault::from))
        }
        Request::Find { leaf, words } => {
            let found = || desk.app.store()?.said_on_the_way(leaf, &words);
            Answer::Hits(words.clone(), found().map_err(Fault::from))
        }
        Request::Tree(session) => Answer::Tree(tree(desk, session).map_err(Fault::from)),
        Request::Edit(session, edits) => Answer::Edited(session, edit(desk, session, &edits).map_err(Fault::from)),
        Request::Title(session, leaf) => Answer::Edited(session, title(desk, session, leaf).map_err(Fault::from)),
        Request::Remove(session) => Answer::Removed(session, remove(desk, session).map_err(Fault::from)),
        Request::HearOut => Answer::Spoken(desk.app.speaking.hear_out(desk.stop).map(Fault::from)),
        Request::Knows => Answer::Knows(Box::new(knows(desk))),
        Request::Models { open } => Answer::Models(models(desk).map_err(Fault::from), open),
        Request::Tools => Answer::Tools(tools(desk).map_err(Fault::from)),
        Request::File { path, pasted } => Answer::File(file(desk, &path).map_err(Fault::from), pasted),
        Request::Usage(session) => Answer::Usage(usage(desk, session).map_err(Fault::from)),
        Request::Goto { session, which, most } => {
            Answer::Thread(session, goto(desk, session, &which, most).map(Box::new).map_err(Fault::from))
        }
        Request::Exchange(session, which) => {
            let found = || -> Result<Id> {
                let store = desk.app.store()?;
                let said = chats::exchange(store, &store.session_by_id(session)?, &which)?;
                let nothing = || Error::new(Kind::NotFound, "nothing was said yet");
                said.first().map(|message| message.id).ok_or_else(nothing)
            };
            Answer::Message(session, found().map_err(Fault::from))
        }
        Request::Chat(words) => {
            let found = || chats::find(desk.app.store()?, &words).map(|session| session.id);
            Answer::Chat(found().map_err(Fault::from))
        }
        Request::Pieces { session, leaf, ask } => {
            Answer::Pieces(pieces(desk, session, leaf, &ask).map_err(Fault::from))
        }
        Request::Save { session, path, over } => match save(desk, session, &path, over) {
            Ok(None) => Answer::Exists(session, path),
            Ok(Some(said)) => Answer::Done(session, Ok(said)),
            Err(error) => Answer::Done(session, Err(Fault::from(error))),
        },
        Request::BlackOut { session, message, words } => {
            let black = || {
                let session = desk.app.store()?.session_by_id(session)?;
                desk.app.black_out(&session, Some(&message), words.as_deref())
            };
            let done = black().map(|count| format!("blacked out in {}", counted(count, "message")));
            Answer::Done(session, done.map_err(Fault::from))
        }
        Request::Offers { before, session, attached } => {
            let found = offers_for(desk, &before, session, attached).unwrap_or_default();
            Answer::Offers(before, found)
        }
        Request::SaveDraft { of, text, files, last } => {
            // The store may be locked for longer than one waits at the end.
            let state = &desk.app.paths.state;
            let kept = if last { rescue::keep(state, of, &text) } else { Ok(()) };
            let kept = save_draft(desk, of, &text, &files).and(kept);
            if last && kept.is_ok() {
                rescue::drop(state, of);
            }
            match kept {
                Ok(()) => return,
                Err(error) => Answer::Failed(Fault::from(error)),
            }
        }
        Request::Picture(wanted) => super::pictures::work(&wanted, desk),
        Request::Draft(of) => {
            let rescued = bring_back(desk, of).unwrap_or_default();
            let (text, files) = draft(desk, of).unwrap_or_default();
            Answer::Draft { of, text, files, rescued }
        }
    };
    post(desk, answer);
}

fn list(desk: &Desk<'_>, filter: &SessionFilter, after: Option<&str>, limit: usize) -> Result<Found> {
    let (sessions, next) = desk.app.store()?.sessions(filter, after, limit)?;
    Ok(Found { sessions, next })
}

/// A conversation up to `leaf`, or to where it goes on; with `to` in it, wherever that stands.
pub(super) fn thread(desk: &Desk<'_>, id: Id, leaf: Option<Id>, most: usize, to: Option<Id>) -> Result<Loaded> {
    let store = desk.app.store()?;
    let session = store.session_by_id(id)?;
    let mut most = most;
    let (mut leaf, mut messages) = end_of(store, session.head, leaf, most)?;
    if let Some(to) = to.filter(|to| !messages.iter().any(|m| m.id == *to)) {
        // Further back, or on another branch.
        most = usize::MAX / 2;
        messages = leaf.map(|leaf| store.thread_end(leaf, most)).transpose()?.unwrap_or_default();
        match messages.iter().position(|m| m.id == to) {
            Some(at) => drop(messages.drain(..at.saturating_sub(PAGE))),
            None => {
                leaf = store.newest_below(to)?.or(leaf);
                messages = leaf.map(|leaf| store.thread_end(leaf, most)).transpose()?.unwrap_or_default();
                let at = messages.iter().position(|m| m.id == to).unwrap_or(0);
                messages.drain(..at.saturating_sub(PAGE));
            }
        }
    }
    let costs = store.costs_of(id)?;
    let cost_micros = costs.iter().filter_map(|c| c.cost_micros).sum();
    let costs = costs.into_iter().map(|c| (c.message, c)).collect();
    let older = messages.first().and_then(|m| m.parent);
    Ok(Loaded { session, leaf, entries: entries(store, messages, &costs)?, older, cost_micros })
}

/// Where a chat goes on for who stands at `leaf`: there, or further on where others said something behind it.
fn end_of(store: &Store, head: Option<Id>, leaf: Option<Id>, most: usize) -> Result<(Option<Id>, Vec<Message>)> {
    let read =
        |leaf: Option<Id>| leaf.map(|leaf| store.thread_end(leaf, most)).transpose().map(Option::unwrap_or_default);
    let messages = read(head)?;
    let Some(own) = leaf.filter(|own| !messages.iter().any(|m| m.id == *own)) else { return Ok((head, messages)) };
    match read(Some(own))? {
        // It was taken away.
        gone if gone.is_empty() => Ok((head, messages)),
        messages => Ok((Some(own), messages)),
    }
}

fn goto(desk: &Desk<'_>, session: Id, which: &str, most: usize) -> Result<Loaded> {
    let store = desk.app.store()?;
    let message = store.message(session, which)?;
    store.edit_session(session, &[SessionEdit::Head(Some(message.id))])?;
    thread(desk, session, Some(message.id), most, Some(message.id))
}

/// What would be sent, a line each, and what it takes.
fn pieces(desk: &Desk<'_>, session: Id, leaf: Id, ask: &Ask) -> Result<Vec<String>> {
    let (app, models) = (desk.app, desk.app.models()?);
    let asked = driver::Ask {
        model: ask.model.clone(),
        system: ask.system.clone(),
        tuning: ask.tuning.clone(),
        memories: app.memories()?,
        ..driver::Ask::default()
    };
    let session = app.store()?.session_by_id(session)?;
    let pieces = wait(app.pieces(&models, &session, &asked, leaf, desk.stop))??;
    let mut lines: Vec<String> = Vec::with_capacity(pieces.all.len() + 2);
    for piece in &pieces.all {
        let words = piece.turn.words().split_whitespace().take(40).collect::<Vec<_>>().join(" ");
        lines.push(format!(
            "{:>8}  {:<10} {:<10} {}",
            chats::counted_tokens(piece.size),
            piece.turn.role.name(),
            piece.why.name(),
            truncate_to_width(&safe_line(&words), 40)
        ));
    }
    lines.extend([String::new(), pieces.sum()]);
    Ok(lines)
}

/// Writes a chat into a file; `None` when that is there already.
fn save(desk: &Desk<'_>, session: Id, typed: &str, over: bool) -> Result<Option<String>> {
    let path = path_of(typed, &desk.app.cwd, desk.app.paths.user_home.as_deref());
    let session = desk.app.store()?.session_by_id(session)?;
    let saved = desk.app.save_chat(&session, &path, over)?;
    Ok(saved.then(|| format!("saved in {}", safe_line(&path.display().to_string()))))
}

fn offers_for(desk: &Desk<'_>, before: &str, session: Option<Id>, attached: Vec<String>) -> Result<Offers> {
    let models = desk.app.known_models()?;
    let candidates = Candidates { attached, ..desk.app.candidates(models, session) };
    let tools = desk.app.tool_names()?;
    Ok(offers(before, &candidates, &tools))
}

fn older(desk: &Desk<'_>, session: Id, leaf: Id, most: usize) -> Result<(Vec<Entry>, Option<Id>)> {
    let store = desk.app.store()?;
    let messages = store.thread_end(leaf, most)?;
    let before = messages.first().and_then(|m| m.parent);
    let costs = store.costs_of(session)?.into_iter().map(|c| (c.message, c)).collect();
    Ok((entries(store, messages, &costs)?, before))
}

/// Messages with what stands around them; accounts of tools go to the answer that asked for them.
fn entries(store: &Store, messages: Vec<Message>, costs: &HashMap<Id, crate::store::AnswerCost>) -> Result<Vec<Entry>> {
    let mut all: Vec<Entry> = Vec::with_capacity(messages.len());
    for message in messages {
        let parts: Vec<Part> = serde_json::from_value(message.parts.clone()).unwrap_or_default();
        let results: Vec<ToolResult> = parts
            .iter()
            .filter_map(|part| match part {
                Part::ToolResult(result) => Some(result.clone()),
                _ => None,
            })
            .collect();
        if let Some(before) = all.last_mut().filter(|e| message.role == "tool" && e.message.role == "assistant") {
            before.results.extend(results);
            continue;
        }
        let versions = store.versions(&message)?;
        let cost = costs.get(&message.id).copied();
        let mut entry = Entry { message, parts, results, versions, cost, goes_on: false };
        entry.goes_on = all.last().is_some_and(|before| goes_on(before, &entry));
        all.push(entry);
    }
    Ok(all)
}

/// Goes on at the newest end below another version.
fn switch(desk: &Desk<'_>, session: Id, version: Id, most: usize) -> Result<Loaded> {
    let store = desk.app.store()?;
    let leaf = store.newest_below(version)?;
    store.edit_session(session, &[SessionEdit::Head(leaf)])?;
    thread(desk, session, leaf, most, Some(version))
}

/// Questions and what has several versions, indented by branch.
fn tree(desk: &Desk<'_>, session: Id) -> Result<(Vec<Choice>, usize)> {
    let store = desk.app.store()?;
    let head = store.session_by_id(session)?.head;
    let messages: Vec<Message> = store.tree(session)?.into_iter().filter(|m| m.summary_of.is_empty()).collect();
    let mut below: HashMap<Option<Id>, Vec<usize>> = HashMap::new();
    messages.iter().enumerate().for_each(|(at, m)| below.entry(m.parent).or_default().push(at));
    let parents: HashMap<Id, Option<Id>> = messages.iter().map(|m| (m.id, m.parent)).collect();
    let mut here = std::collections::HashSet::new();
    let mut at = head;
    while let Some(id) = at {
        here.insert(id);
        at = parents.get(&id).copied().flatten();
    }
    let mut out = Vec::new();
    let mut current = 0;
    let mut waiting: Vec<(usize, usize)> = below.get(&None).into_iter().flatten().rev().map(|at| (*at, 0)).collect();
    while let Some((at, depth)) = waiting.pop() {
        let message = &messages[at];
        let beside = below.get(&message.parent).map_or(0, Vec::len);
        if (message.role == "user" || beside > 1) && out.len() < TREE {
            let line = message.words.split_whitespace().collect::<Vec<_>>().join(" ");
            let sign = if message.role == "user" { "›" } else { "◆" };
            let mark = if here.contains(&message.id) { "●" } else { "○" };
            let label =
                format!("{}{mark} {sign} {}", "│ ".repeat(depth.min(12)), truncate_to_width(&safe_line(&line), 60));
            let mut choice = Choice::new(message.id.to_string(), label, message.model.clone().unwrap_or_default());
            if here.contains(&message.id) {
                current = out.len();
            }
            choice.aside = message.id.tail();
            out.push(choice);
        }
        let children = below.get(&Some(message.id)).map(Vec::as_slice).unwrap_or_default();
        let deeper = if children.len() > 1 { depth + 1 } else { depth };
        waiting.extend(children.iter().rev().map(|at| (*at, deeper)));
    }
    Ok((out, current))
}

fn edit(desk: &Desk<'_>, session: Id, edits: &[SessionEdit]) -> Result<()> {
    desk.app.store()?.edit_session(session, edits)
}

/// Has the model find a title.
fn title(desk: &Desk<'_>, session: Id, leaf: Id) -> Result<()> {
    let store = desk.app.store()?;
    let models = desk.app.models()?;
    let chat = desk.app.chat(&models, desk.stop.clone())?;
    let found = wait(async { chat.title(&store.session_by_id(session)?, leaf, None).await })??;
    match found {
        Some(title) => store.edit_session(session, &[SessionEdit::Title(Some(title))]),
        None => Ok(()),
    }
}

fn remove(desk: &Desk<'_>, session: Id) -> Result<()> {
    desk.app.store()?.remove_session(session)?;
    desk.app.forget_draft(session)?;
    desk.app.drop_erased()
}

/// What the tab wants to know when it is first shown: who answers, and answers nobody waits for any more.
fn knows(desk: &Desk<'_>) -> Knows {
    let look = || -> Result<Knows> {
        let app = desk.app;
        app.adopt()?;
        let names = app.known_models()?;
        let choices = names.into_iter().map(|name| model_choice(&name, &known(&name))).collect();
        let models = app.models()?;
        let needs = Needs { task: "chat".to_string(), ..Needs::default() };
        let first = wait(async {
            tokio::select! {
                found = models.resolve(None, &needs) => Some(found),
                () = stopped(desk.stop) => None,
            }
        })?;
        let home = app.paths.user_home.clone();
        let (default, nobody) = match first {
            Some(Ok(choices)) => (choices.first().map(|c| c.name()), None),
            Some(Err(error)) if error.kind() == Kind::Missing => (None, Some(Fault::from(error))),
            _ => (None, None),
        };
        Ok(Knows { models: choices, default, nobody, home, aloud: app.config()?.flag("voice.answers"), fault: None })
    };
    look().unwrap_or_else(|error| Knows { fault: Some(Fault::from(error)), ..Knows::default() })
}

/// Everything that can be asked, each with its context and price.
fn models(desk: &Desk<'_>) -> Result<Vec<Choice>> {
    let models = desk.app.models()?;
    let found: Vec<ModelInfo> = wait(async {
        let all = async {
            let (lists, here) = (models.list(false).await, models.probe().await);
            let mut all: Vec<ModelInfo> = lists.into_iter().filter_map(|(_, list)| list.ok()).flatten().collect();
            for entry in here {
                all.extend(models.models_of(&entry).await.unwrap_or_default());
            }
            all
        };
        tokio::select! {
            all = all => all,
            () = stopped(desk.stop) => Vec::new(),
            () = tokio::time::sleep(PATIENCE) => Vec::new(),
        }
    })?;
    let mut choices: Vec<Choice> = models
        .settings()
        .aliases
        .iter()
        .map(|(alias, model)| Choice::new(alias, alias, format!("is {model}")))
        .collect();
    choices.extend(found.iter().map(|info| model_choice(&info.name, &info.facts)));
    if choices.is_empty() {
        choices = desk.app.known_models()?.into_iter().map(|name| model_choice(&name, &known(&name))).collect();
    }
    Ok(choices)
}

fn model_choice(name: &str, facts: &Facts) -> Choice {
    let thousands = |n: u64| if n >= 1_000_000 { format!("{}M", n / 1_000_000) } else { format!("{}k", n / 1000) };
    let dollars = |micros: i64| format!("${}", micros as f64 / 1e6);
    let mut choice =
        Choice::new(name, name, facts.context.map(|n| format!("{} context", thousands(n))).unwrap_or_default());
    choice.aside =
        facts.price.map(|p| format!("{} in {} out", dollars(p.input), dollars(p.output))).unwrap_or_default();
    choice
}

/// What can be offered as a tool.
fn tools(desk: &Desk<'_>) -> Result<Vec<Choice>> {
    let mut all = vec![Choice::new("marked", "marked", "every command that says it is meant for models")];
    let servers = desk.app.config()?.mcp_servers();
    all.extend(
        servers.keys().map(|name| Choice::new(format!("{PATTERN}{name}"), format!("{PATTERN}{name}"), "MCP server")),
    );
    desk.app.whole_catalog()?;
    let names = desk.app.store()?.names_feed(false)?;
    all.extend(
        names.into_iter().filter(|c| !c.alias).map(|c| Choice::new(c.row.name.clone(), &c.row.name, &c.row.summary)),
    );
    Ok(all)
}

/// A file as somebody typed or pasted its name.
fn file(desk: &Desk<'_>, typed: &str) -> Result<Attached> {
    let path = path_of(typed, &desk.app.cwd, desk.app.paths.user_home.as_deref());
    let shown = path.to_string_lossy().into_owned();
    let part = attach::read(&shown, &mut std::io::empty(), desk.app.largest_attachment()?)?;
    let bytes = std::fs::metadata(&path).map(|meta| meta.len()).unwrap_or(0);
    let mime = match part {
        Part::File { mime, .. } => mime,
        _ => "text".to_string(),
    };
    Ok(Attached { path: shown, mime, bytes })
}

/// The path that was meant: quotes, `file://` and `~` are understood, as terminals paste them.
pub fn path_of(typed: &str, cwd: &Path, home: Option<&Path>) -> PathBuf {
    let typed = typed.trim();
    let typed = typed.strip_prefix("file://").unwrap_or(typed);
    let word = shlex::split(typed).filter(|words| words.len() == 1).and_then(|mut words| words.pop());
    let word = word.unwrap_or_else(|| typed.to_string());
    match (word.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => cwd.join(word),
    }
}

fn usage(desk: &Desk<'_>, session: Id) -> Result<String> {
    let costs = desk.app.store()?.costs_of(session)?;
    Ok(sum_of(&costs))
}

/// Makes drafts again of what stood in an editor when the program was killed; gives a sentence about it.
fn bring_back(desk: &Desk<'_>, here: Option<Id>) -> Result<Option<String>> {
    let mut said = None;
    for (path, of) in rescue::lost(&desk.app.paths.state) {
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let text = text.trim_end_matches('\n');
        // What was written to a chat that was erased meanwhile went with it.
        let is_there = of.is_none_or(|id| desk.app.store().and_then(|store| store.session_by_id(id)).is_ok());
        if !text.is_empty() && is_there {
            let (_, files) = draft(desk, of)?;
            save_draft(desk, of, text, &files)?;
            let place = match of {
                of if of == here => "here".to_string(),
                None => "in a new chat".to_string(),
                Some(id) => format!("in the chat `{}`", desk.app.store()?.session_by_id(id).map(|s| called(&s))?),
            };
            said = Some(format!("what you were writing when fac was ended is {place} again"));
        }
        // Once it is a draft the file has done its work.
        let _ = std::fs::remove_file(&path);
    }
    Ok(said)
}

fn save_draft(desk: &Desk<'_>, of: Option<Id>, text: &str, files: &[Attached]) -> Result<()> {
    let paths: Vec<&str> = files.iter().map(|f| f.path.as_str()).collect();
    let value = match text.is_empty() && files.is_empty() {
        true => serde_json::Value::Null,
        false => json!({"text": text, "files": paths}),
    };
    desk.app.store()?.set_state(&draft_key(of), &value)
}

fn draft(desk: &Desk<'_>, of: Option<Id>) -> Result<(String, Vec<Attached>)> {
    let Some((value, _)) = desk.app.store()?.state(&draft_key(of))? else { return Ok(Default::default()) };
    let text = value["text"].as_str().unwrap_or_default().to_string();
    let files = value["files"].as_array().into_iter().flatten().filter_map(|f| f.as_str());
    // A file that is gone is left out; whoever sends sees what goes along.
    Ok((text, files.filter_map(|path| file(desk, path).ok()).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_screen_goes_on_from_its_own_leaf_and_follows_what_is_said_behind_it() {
        use crate::kernel::clock::{Clock, Timestamp};
        use crate::kernel::ids::Ids;
        use crate::store::{NewMessage, NewSession};
        let place = tempfile::tempdir().unwrap();
        let clock = Clock::fixed(Timestamp::from_micros(1_700_000_000_000_000));
        let store = Store::open(&place.path().join("store.db"), clock, Ids::seeded(3)).unwrap();
        let session = store.begin_session(&NewSession::default()).unwrap().id;
        let say = |parent: Option<Id>, words: &str| {
            let said = NewMessage::whole(session, "user", json!([Part::text(words)]), words.to_string());
            store.add_message(&NewMessage { parent, ..said }).unwrap()
        };
        let start = say(None, "start");
        let (mine, theirs) = (say(Some(start), "mine"), say(Some(start), "theirs"));
        let further = say(Some(theirs), "further");
        let of = |head, leaf| {
            let (leaf, messages) = end_of(&store, Some(head), leaf, 80).unwrap();
            (leaf.unwrap(), messages.into_iter().map(|m| m.words).collect::<Vec<_>>())
        };
        assert_eq!(of(further, Some(mine)), (mine, vec!["start".to_string(), "mine".to_string()]));
        assert_eq!(of(further, Some(theirs)).0, further);
        assert_eq!(of(further, Some(start)).0, further);
        assert_eq!(of(further, None).0, further);
        store.remove_message(mine).unwrap();
        assert_eq!(of(further, Some(mine)).0, further, "what was taken away is no place to stay");
    }

    #[test]
    fn paths_are_read_as_terminals_paste_them() {
        let of = |typed: &str| path_of(typed, Path::new("/w"), Some(Path::new("/home/me")));
        assert_eq!(of("'/a b.png' "), Path::new("/a b.png"));
        assert_eq!(of("/a\\ b.png"), Path::new("/a b.png"));
        assert_eq!(of("file:///x.txt"), Path::new("/x.txt"));
        assert_eq!(of("~/y"), Path::new("/home/me/y"));
        assert_eq!(of("rel.md"), Path::new("/w/rel.md"));
    }
}
