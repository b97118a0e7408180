//! Commands that are typed as in `fac chat`; each is also a key or in the palette.

use super::acts::note;
use super::keys as k;
use super::{Chat, Here, Picking, Request, ask};
use crate::chat::copy;
use crate::chat::input::{self, Input};
use crate::chat::saying::{self, GO_ON};
use crate::chat::slash::{self, SlashCommand as C};
use crate::kernel::error::Error;
use crate::kernel::ids::Id;
use crate::store::SessionEdit;
use crate::tui::happening::{Effect, Fault, Lend, Tell};
use crate::tui::keymap::Action;
use crate::tui::tabs::TabId;

/// What was typed, understood.
pub(super) enum Meant {
    /// Something to say.
    Message(String),
    /// A command, done.
    Done(Vec<Effect>),
}

impl Chat {
    /// Does the command that was typed, or gives the message that it is. A question that is put otherwise is no command.
    pub(super) fn meant(&mut self, text: String) -> Meant {
        if self.composer.editing.is_some() {
            return Meant::Message(text.trim_end().to_string());
        }
        let effects = match input::parse(&text) {
            Some(Input::Message(text)) => return Meant::Message(text),
            Some(Input::Command(command, argument)) => {
                self.clear_line();
                self.command(command, argument)
            }
            Some(Input::Shell(line)) => {
                self.clear_line();
                self.past.push(text);
                vec![Effect::Lend(Lend::Shell { name: "shell", line })]
            }
            Some(Input::Unknown(error)) => vec![Effect::Fail(Fault::from(error))],
            _ => return Meant::Message(String::new()),
        };
        Meant::Done(effects)
    }

    /// Takes the line away; files that go along stay.
    fn clear_line(&mut self) {
        let files = std::mem::take(&mut self.composer.files);
        self.composer.take();
        self.composer.files = files;
        self.menu = None;
    }

    fn command(&mut self, command: C, argument: String) -> Vec<Effect> {
        let full = Some(argument.clone()).filter(|a| !a.is_empty());
        match (command, full) {
            (C::Model, Some(name)) => self.set_model(name),
            (C::Model | C::Models, _) => self.pick_model(Picking::Chat),
            (C::System, Some(text)) => self.set_system(Some(text)),
            (C::System, None) => self.menu_of(k::SYSTEM),
            (C::Attach, Some(paths)) => self.attach(&paths),
            (C::Attach, None) => self.menu_of(k::ATTACH),
            (C::Detach, Some(name)) => self.detach_named(&name),
            (C::Detach, None) => self.menu_of(k::DETACH),
            (C::Edit, _) => self.edit_outside(argument),
            (C::Retry, model) => self.retry(model),
            (C::Fix, None) => self.edit(true),
            (C::Fix, Some(text)) => {
                let mut out = self.edit(true);
                self.composer.set(&text);
                out.extend(self.send());
                out
            }
            (C::Branch, Some(which)) => self.branch_at(&which),
            (C::Branch, None) => self.edit(false),
            (C::Continue, _) => self.ask_for(Some(GO_ON.to_string()), Vec::new(), None),
            (C::Goto, Some(which)) => match self.here.id().filter(|_| self.turning().is_none()) {
                Some(session) => vec![ask("thread", Request::Goto { session, which, most: super::reads::PAGE })],
                None => note("nothing was said yet, or an answer comes here"),
            },
            (C::Tree | C::Goto, _) => self.menu_of(k::TREE),
            (C::Title, Some(title)) => self.change_here(SessionEdit::Title(Some(title))),
            (C::Title, None) => match (self.here, self.thread.leaf) {
                (Here::Session(id), Some(leaf)) => vec![ask("title", Request::Title(id, leaf))],
                _ => note("nothing was said yet"),
            },
            (C::Rename, Some(name)) => self.change_here(SessionEdit::Name(Some(name))),
            (C::Rename, None) => self.menu_of(k::RENAME),
            (C::Tag, None) => self.menu_of(k::TAG),
            (C::Tag, Some(words)) => self.tag(&words),
            (C::Tools, Some(words)) => self.set_tools(&words),
            (C::Tools, None) => self.menu_of(k::TOOLS),
            (C::Find, Some(words)) => {
                self.pane = super::Pane::Thread;
                self.look_for(words)
            }
            (C::Find, None) => {
                self.pane = super::Pane::Thread;
                self.finding = Some(crate::tui::widgets::field::Field::default());
                Vec::new()
            }
            (C::Questions, _) => self.menu_of(k::QUESTIONS),
            (C::Speak, Some(word)) if word == "on" || word == "off" => self.read_aloud(word == "on"),
            (C::Speak, None) => self.read_aloud(!self.reads_aloud()),
            (C::Speak, Some(word)) => self.fail_hint(&format!("`{word}` is neither on nor off"), "/speak on"),
            (C::Talk, _) => vec![Effect::Hand(TabId::Voice, Tell::Talk)],
            (C::Usage, _) => self.menu_of(k::USAGE),
            (C::Think, Some(word)) => self.think(&word),
            (C::Think, None) => self.menu_of(k::THINK),
            (C::Set, Some(words)) => self.set_tuning(&words),
            (C::Set, None) => note(saying::set_in(&self.wish().tuning)),
            (C::Copy, _) => match self.thread.entries.iter().rev().find(|e| !e.is_question()) {
                Some(entry) => match copy::pick(&entry.message.words, &argument) {
                    Ok(text) => vec![Effect::Copy(text)],
                    Err(error) => vec![Effect::Fail(Fault::from(error))],
                },
                None => note("nothing was answered yet"),
            },
            (C::New, name) => {
                let out = self.begin();
                self.wish_mut().name = name;
                out
            }
            (C::Sessions, words) => {
                self.side.filter = crate::tui::widgets::field::Field::of(words.as_deref().unwrap_or_default());
                self.pane = super::Pane::Side;
                self.list()
            }
            (C::Resume, Some(words)) => match self.find_chat(&words) {
                Some(id) => self.go(Here::Session(id)),
                None => vec![ask("chat", Request::Chat(words))],
            },
            (C::Search, Some(words)) => vec![Effect::Tell(TabId::Search, Tell::Search(words))],
            (C::Quit, _) => vec![Effect::Quit],
            (C::Clear, _) => vec![Effect::Repaint],
            (C::Help, Some(word)) => match slash::find(word.trim_start_matches('/')) {
                Some(found) => note(format!("{}: {}", slash::usage(found), found.help)),
                None => self.fail_hint(&format!("there is no command `/{word}`"), "`/help` lists all"),
            },
            (C::Help, None) => self.help(),
            (C::Show, Some(which)) => match self.here.id() {
                Some(session) => vec![ask("message", Request::Exchange(session, which))],
                None => note("nothing was said yet"),
            },
            (C::Show, None) => match self.here.id() {
                // The whole chat is on the screen: from its beginning, then.
                Some(session) => vec![ask("message", Request::Exchange(session, "1".to_string()))],
                None => note("nothing was said yet"),
            },
            (C::Save, Some(path)) => self.save(path),
            (C::Save, None) => self.menu_of(k::SAVE),
            (C::Redact, Some(words)) => {
                let (message, words) = match words.split_once(char::is_whitespace) {
                    Some((message, words)) => (message.to_string(), Some(words.trim().to_string())),
                    None => (words, None),
                };
                match self.here.id() {
                    Some(session) => vec![ask("black", Request::BlackOut { session, message, words })],
                    None => note("nothing was said yet"),
                }
            }
            (C::Redact, None) => self.menu_of(k::REDACT),
            (C::Context, _) => self.menu_of(k::CONTEXT),
            (C::Raw, word) => {
                let raw = word.as_deref().map_or(!self.raw, |word| word == "on" || (word != "off" && !self.raw));
                self.set_raw(raw)
            }
            (C::Temp, _) => self.begin_unkept(),
            (C::Resume | C::Search, None) => self.fail_hint("something is missing", "/help shows how it is written"),
        }
    }

    /// The commands that can be typed.
    pub(super) fn help(&self) -> Vec<Effect> {
        let columns = usize::from(self.room.saturating_sub(8).min(96));
        let lines: Vec<String> = slash::help(columns).lines().map(String::from).collect();
        self.read_page("Commands that can be typed; keys: F1", &lines)
    }

    /// Files that go along, parted by blanks.
    fn attach(&mut self, paths: &str) -> Vec<Effect> {
        let Some(words) = shlex::split(paths) else {
            return self.fail_hint("a quote is not closed", "write `/attach 'a name' other`");
        };
        let file = |path: &String| ask(format!("file:{path}"), Request::File { path: shlexed(path), pasted: None });
        words.iter().map(file).collect()
    }

    fn detach_named(&mut self, name: &str) -> Vec<Effect> {
        let before = self.composer.files.len();
        self.composer.files.retain(|f| f.path != name && f.path.rsplit('/').next() != Some(name));
        if self.composer.files.len() == before {
            return self.fail_hint(&format!("`{name}` is not attached"), "Alt-A lists what is");
        }
        self.composer.dirty = true;
        Vec::new()
    }

    /// Puts a question otherwise, named by its id or the end of it.
    fn branch_at(&mut self, which: &str) -> Vec<Effect> {
        let last = self.thread.last_question().map(|e| e.message.id);
        let named = |id: &Id| id.to_string().ends_with(&which.to_lowercase());
        let found = self.thread.entries.iter().find(|e| e.is_question() && named(&e.message.id)).cloned();
        match found {
            Some(entry) => self.edit_entry(&entry, last, false),
            None => self.fail_hint(&format!("no question `{which}` is shown here"), "scroll to it and press e"),
        }
    }

    fn fail_hint(&self, said: &str, hint: &str) -> Vec<Effect> {
        vec![Effect::Fail(Fault { said: said.to_string(), hint: Some(hint.to_string()) })]
    }

    fn menu_of(&mut self, action: Action) -> Vec<Effect> {
        self.menu(action).unwrap_or_default()
    }

    fn find_chat(&self, words: &str) -> Option<Id> {
        let named = self.side.all().iter().find(|s| s.name.as_deref() == Some(words) || s.id.tail() == words);
        named.map(|s| s.id).or_else(|| words.parse().ok())
    }

    fn change_here(&self, edit: SessionEdit) -> Vec<Effect> {
        match self.here {
            Here::Session(id) => vec![ask("edit", Request::Edit(id, vec![edit]))],
            Here::New(_) => note("this chat has not begun yet"),
        }
    }

    fn tag(&self, words: &str) -> Vec<Effect> {
        let one = |word: &str| match word.strip_prefix('-') {
            Some(tag) => SessionEdit::Untag(tag.to_string()),
            None => SessionEdit::Tag(word.trim_start_matches(['+', '#']).to_string()),
        };
        match self.here {
            Here::Session(id) => {
                vec![ask("edit", Request::Edit(id, words.split_whitespace().map(one).collect()))]
            }
            Here::New(_) => note("this chat has not begun yet"),
        }
    }

    fn set_tools(&mut self, words: &str) -> Vec<Effect> {
        let named = shlex::split(words).unwrap_or_else(|| vec![words.to_string()]);
        self.wish_mut().tools = if words == "off" { Vec::new() } else { named };
        match self.wish().tools.as_slice() {
            [] => note("no tools are offered"),
            tools => note(format!("offered: {}; each use is asked about", tools.join(" "))),
        }
    }

    fn think(&mut self, word: &str) -> Vec<Effect> {
        let effort = match saying::effort(word) {
            Ok(effort) => effort,
            Err(error) => return vec![Effect::Fail(Fault::from(error))],
        };
        self.wish_mut().tuning.effort = Some(effort);
        note(saying::thinks(Some(effort)))
    }

    fn set_tuning(&mut self, words: &str) -> Vec<Effect> {
        let set = input::setting(words).and_then(|(key, value)| {
            let wrong = |what| Error::new(crate::kernel::error::Kind::Usage, format!("`{words}` {what}"));
            self.wish_mut().tuning.set(key, value).map_err(wrong)
        });
        match set {
            Ok(()) => note("it holds from the next answer on"),
            Err(error) => vec![Effect::Fail(Fault::from(error))],
        }
    }
}

/// A word so that it is read as one.
fn shlexed(word: &str) -> String {
    shlex::try_quote(word).map_or_else(|_| word.to_string(), std::borrow::Cow::into_owned)
}

/// Everything that a command can be instead of typed: the action that does the same.
#[cfg(test)]
pub(super) const SAME: &[(C, Action)] = &[
    (C::Model, k::MODEL),
    (C::Models, k::MODEL),
    (C::System, k::SYSTEM),
    (C::Attach, k::ATTACH),
    (C::Detach, k::DETACH),
    (C::Edit, k::EDITOR),
    (C::Retry, k::RETRY),
    (C::Fix, k::FIX),
    (C::Continue, k::CONTINUE),
    (C::Branch, k::EDIT),
    (C::Tree, k::TREE),
    (C::Goto, k::TREE),
    (C::Title, k::TITLE),
    (C::Rename, k::RENAME),
    (C::Tag, k::TAG),
    (C::Tools, k::TOOLS),
    (C::Usage, k::USAGE),
    (C::Think, k::THINK),
    (C::Copy, crate::tui::actions::COPY),
    (C::New, k::NEW),
    (C::Sessions, k::CHATS),
    (C::Resume, k::CHATS),
    (C::Questions, k::QUESTIONS),
    (C::Find, crate::tui::actions::FIND),
    (C::Show, k::QUESTIONS),
    (C::Save, k::SAVE),
    (C::Context, k::CONTEXT),
    (C::Raw, k::RAW),
    (C::Redact, k::REDACT),
    (C::Temp, k::TEMP),
    (C::Help, k::COMMANDS),
];
