//! The tabs: each with its own state, update and view. What a tab asks for is a [`Request`]; whoever does it answers.

pub mod automations;
pub mod chat;
pub mod commands;
pub mod events;
pub mod health;
pub mod plugins;
pub mod runs;
pub mod search;
pub mod usage;
pub mod voice;

use crossterm::event::KeyEvent;
use ratatui::buffer::Buffer;
use ratatui::layout::Position;

use super::happening::{Effect, Happening, World};
use super::jobs::Desk;
use super::keymap::{Action, Entry, Section};

/// A tab.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TabId {
    /// Talking to models.
    Chat,
    /// What can be run.
    Commands,
    /// What runs and ran.
    Runs,
    /// What fires by itself.
    Automations,
    /// Talking, and what was said.
    Voice,
    /// Everything that can be found.
    Search,
    /// The log of facts.
    Events,
    /// Tokens, money and time.
    Usage,
    /// What is wrong here, and what to do about it.
    Health,
    /// Small programs of others, and what they may do.
    Plugins,
}

impl TabId {
    /// All that work, in their order on the screen.
    pub const ALL: &[TabId] = &[
        TabId::Chat,
        TabId::Commands,
        TabId::Runs,
        TabId::Automations,
        TabId::Voice,
        TabId::Search,
        TabId::Events,
        TabId::Usage,
        TabId::Health,
        TabId::Plugins,
    ];

    /// Its title.
    pub fn title(self) -> &'static str {
        match self {
            TabId::Chat => "Chat",
            TabId::Commands => "Commands",
            TabId::Runs => "Runs",
            TabId::Automations => "Automations",
            TabId::Voice => "Voice",
            TabId::Search => "Search",
            TabId::Events => "Events",
            TabId::Usage => "Usage",
            TabId::Health => "Health",
            TabId::Plugins => "Plugins",
        }
    }

    /// The tab of this name, as the settings and the command line write it.
    pub fn named(name: &str) -> Option<TabId> {
        TabId::ALL.iter().copied().find(|tab| tab.title().eq_ignore_ascii_case(name))
    }

    /// Makes it.
    pub fn open(self) -> Box<dyn Tab> {
        match self {
            TabId::Chat => Box::new(chat::Chat::default()),
            TabId::Commands => Box::new(commands::Commands::default()),
            TabId::Runs => Box::new(runs::Runs::default()),
            TabId::Automations => Box::new(automations::Automations::default()),
            TabId::Voice => Box::new(voice::Voice::default()),
            TabId::Search => Box::new(search::Search::default()),
            TabId::Events => Box::new(events::Events::default()),
            TabId::Usage => Box::new(usage::Usage::default()),
            TabId::Health => Box::new(health::Health::default()),
            TabId::Plugins => Box::new(plugins::Plugins::default()),
        }
    }
}

/// The actions of all tabs.
pub const TABLES: &[&[Entry]] = &[
    chat::TABLE,
    commands::TABLE,
    runs::TABLE,
    automations::TABLE,
    voice::TABLE,
    search::TABLE,
    events::TABLE,
    usage::TABLE,
    health::TABLE,
    plugins::TABLE,
];

/// What a tab is for the shell.
pub trait Tab {
    /// Which one it is.
    fn id(&self) -> TabId;

    /// Takes what happened; gives what is to be done. Calls nobody.
    fn update(&mut self, happening: Happening, world: &World<'_>) -> Vec<Effect>;

    /// Draws it into `world.area`; gives the place of the cursor where something is typed.
    fn draw(&self, buffer: &mut Buffer, world: &World<'_>) -> Option<Position>;

    /// Where keys hold now, the most particular first. [`Section::Everywhere`] is added by the shell.
    fn sections(&self) -> Vec<Section>;

    /// Where more actions are that the palette offers, though their keys do not hold now.
    fn more_sections(&self) -> Vec<Section> {
        Vec::new()
    }

    /// Whether characters are typed into it now.
    fn is_typing(&self) -> bool {
        false
    }

    /// Whether a typed key is the tab's own business even though the keymap knows it.
    fn wants(&self, _key: &KeyEvent) -> bool {
        false
    }

    /// Actions of lists and of everywhere that mean nothing in it; help and palette leave them out.
    fn lacks(&self) -> &'static [Action] {
        &[]
    }

    /// Whether there is nothing in it now that could be moved in, found, opened or copied.
    fn is_bare(&self) -> bool {
        false
    }

    /// What the hint bar offers now, the most useful first.
    fn hints(&self) -> Vec<Action>;

    /// Whether something in it moves by itself.
    fn is_moving(&self) -> bool {
        false
    }

    /// What would be cut short if one left now, in a few words.
    fn holds(&self) -> Option<String> {
        None
    }

    /// A sign beside its title, such as that something goes on in it.
    fn badge(&self) -> Option<char> {
        None
    }
}

/// What a tab wants to have done.
#[derive(Debug, PartialEq)]
pub enum Request {
    /// Of the chat tab.
    Chat(chat::Request),
    /// Of the commands tab.
    Commands(commands::Request),
    /// Of the runs tab.
    Runs(runs::Request),
    /// Of the automations tab.
    Automations(automations::Request),
    /// Of the voice tab.
    Voice(voice::Request),
    /// Of the search tab.
    Search(search::Request),
    /// Of the events tab.
    Events(events::Request),
    /// Of the usage tab.
    Usage(usage::Request),
    /// Of the health tab.
    Health(health::Request),
    /// Of the plugins tab.
    Plugins(plugins::Request),
}

impl Request {
    /// What would be lost if the program did not wait for its end; `None` for what only reads.
    pub fn keeps(&self) -> Option<&'static str> {
        match self {
            Request::Chat(request) => request.keeps(),
            Request::Runs(runs::Request::Start(_)) => Some("a run that is being stopped"),
            Request::Runs(runs::Request::Remove(_)) => Some("runs that are being removed"),
            Request::Commands(_) => Some("what the Commands tab was at"),
            Request::Automations(automations::Request::Up) => Some("automations that run here"),
            Request::Automations(automations::Request::Run(_)) => Some("an automation that is being run"),
            Request::Automations(_) => None,
            Request::Voice(voice::Request::Listen(_)) => Some("what was being heard"),
            Request::Voice(_) => None,
            Request::Plugins(plugins::Request::List | plugins::Request::Log(_)) => None,
            Request::Plugins(_) => Some("a plugin that is being switched"),
            Request::Runs(_) | Request::Search(_) | Request::Events(_) | Request::Usage(_) | Request::Health(_) => None,
        }
    }
}

/// What came of a request.
#[derive(Debug, PartialEq)]
pub enum Answer {
    /// For the chat tab.
    Chat(chat::Answer),
    /// For the commands tab.
    Commands(commands::Answer),
    /// For the runs tab.
    Runs(runs::Answer),
    /// For the automations tab.
    Automations(automations::Answer),
    /// For the voice tab.
    Voice(Box<voice::Answer>),
    /// For the search tab.
    Search(search::Answer),
    /// For the events tab.
    Events(events::Answer),
    /// For the usage tab.
    Usage(usage::Answer),
    /// For the health tab.
    Health(health::Answer),
    /// For the plugins tab.
    Plugins(plugins::Answer),
}

/// Does what was asked for, on a thread of its own; answers as often as it has something to say.
pub fn work(request: Request, desk: &Desk<'_>) {
    match request {
        Request::Chat(request) => chat::work(request, desk),
        Request::Commands(request) => commands::work(request, desk),
        Request::Runs(request) => runs::work(request, desk),
        Request::Automations(request) => automations::work(request, desk),
        Request::Voice(request) => voice::work(request, desk),
        Request::Search(request) => search::work(request, desk),
        Request::Events(request) => events::work(request, desk),
        Request::Usage(request) => usage::work(request, desk),
        Request::Health(request) => health::work(request, desk),
        Request::Plugins(request) => plugins::work(request, desk),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::config::schema::{KEYS, Type};

    #[test]
    fn the_setting_knows_every_tab() {
        let kind = KEYS.iter().find(|key| key.name == "tui.tab").map(|key| key.kind);
        let Some(Type::Choice(words)) = kind else { panic!("it is a choice") };
        let titles: Vec<String> = TabId::ALL.iter().map(|tab| tab.title().to_lowercase()).collect();
        assert_eq!(words, titles);
    }
}
