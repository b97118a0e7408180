//! Commands that are typed as in `fac chat`; each is also a key or in the palette.

use super::acts::note;
use super::keys as k;
use super::{Chat, Here, Picking, Request, ask};
use crate::chat::input::{self, Input};
use crate::chat::saying::GO_ON;
use crate::chat::slash::{self, SlashCommand as C};
use crate::kernel::error::Error;
use crate::kernel::ids::Id;
use crate::providers::model::Effort;
use crate::store::SessionEdit;
use crate::tui::happening::{Effect, Fault, Lend, Tell};
use crate::tui::keymap::Action;
use crate::tui::popups::{Page, Popup};
use crate::tui::tabs::TabId;
use crate::tui::widgets::text::wrapped;

impl Chat {
    /// Does the command that was typed; `None` when it is a message.
    pub(super) fn slash(&mut self, text: &str) -> Option<Vec<Effect>> {
        if self.composer.editing.is_some() || text.contains('\n') {
            return None;
        }
        let (command, argument) = match input::parse(text)? {
            Input::Command(command, argument) => (command, argument),
            Input::Unknown(error) => return Some(vec![Effect::Fail(Fault::from(error))]),
            _ => return None,
        };
        let files = std::mem::take(&mut self.composer.files);
        self.composer.take();
        self.composer.files = files;
        Some(self.command(command, argument))
    }

    fn command(&mut self, command: C, argument: String) -> Vec<Effect> {
        let full = Some(argument.clone()).filter(|a| !a.is_empty());
        match (command, full) {
            (C::Model, Some(name)) => self.set_model(name),
            (C::Model | C::Models, _) => self.pick_model(Picking::Chat),
            (C::System, Some(text)) => self.set_system(Some(text)),
            (C::System, None) => self.menu_of(k::SYSTEM),
            (C::Attach, Some(path)) => vec![ask("file", Request::File { path, pasted: None })],
            (C::Attach, None) => self.menu_of(k::ATTACH),
            (C::Detach, _) => self.menu_of(k::DETACH),
            (C::Edit, _) => {
                vec![Effect::Lend(Lend::Edit { name: "message", text: argument, extension: ".md" })]
            }
            (C::Retry, model) => self.retry(model),
            (C::Fix, None) => self.edit(true),
            (C::Fix, Some(text)) => {
                let mut out = self.edit(true);
                self.composer.set(&text);
                out.extend(self.send());
                out
            }
            (C::Branch, _) => self.edit(false),
            (C::Continue, _) => self.ask_for(Some(GO_ON.to_string()), Vec::new(), None),
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
            (C::Usage, _) => self.menu_of(k::USAGE),
            (C::Think, Some(word)) => self.think(&word),
            (C::Think, None) => self.menu_of(k::THINK),
            (C::Set, Some(words)) => self.set_tuning(&words),
            (C::Copy, _) => match self.thread.entries.iter().rev().find(|e| !e.is_question()) {
                Some(entry) => vec![Effect::Copy(entry.message.words.trim_end_matches('\n').to_string())],
                None => note("nothing was answered yet"),
            },
            (C::New, _) => self.begin(),
            (C::Sessions, words) => {
                self.side.filter = crate::tui::widgets::field::Field::of(words.as_deref().unwrap_or_default());
                self.pane = super::Pane::Side;
                self.list()
            }
            (C::Resume, Some(words)) => match self.find_chat(&words) {
                Some(id) => self.go(Here::Session(id)),
                None => {
                    self.side.filter = crate::tui::widgets::field::Field::of(&words);
                    self.pane = super::Pane::Side;
                    self.list()
                }
            },
            (C::Search, Some(words)) => vec![Effect::Tell(TabId::Search, Tell::Search(words))],
            (C::Quit, _) => vec![Effect::Quit],
            (C::Clear, _) => vec![Effect::Repaint],
            (C::Help, _) => {
                let style = ratatui::style::Style::default();
                let page = Page::new("Commands that can be typed; keys: F1", wrapped(&slash::help(), 96, style));
                vec![Effect::Open("help", Box::new(Popup::Page(page)))]
            }
            (C::Set | C::Resume | C::Search, None) => {
                self.fail_hint("something is missing", "/help shows how it is written")
            }
            (C::Show | C::Redact | C::Save | C::Context | C::Raw | C::Temp, _) => {
                self.fail_hint("that works at the prompt", "`fac chat` and `fac sessions` do it")
            }
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
        let effort = match word {
            "off" | "none" => Effort::None,
            "low" => Effort::Low,
            "on" | "medium" => Effort::Medium,
            "high" => Effort::High,
            other => return self.fail_hint(&format!("`{other}` is no effort"), "write on, off, low, medium or high"),
        };
        self.wish_mut().tuning.effort = Some(effort);
        note("it holds from the next answer on")
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
];
