//! What the shell itself opens: the palette, the help, the themes.

use ratatui::text::{Line, Span};

use super::{Open, Owner, Shell};
use crate::kernel::terminal::{pad, width};
use crate::tui::actions;
use crate::tui::happening::{Effect, Tell};
use crate::tui::keymap::{Action, Chord, Section};
use crate::tui::popups::{Card, Choice, Choose, Page, Popup, Reply};
use crate::tui::tabs::TabId;
use crate::tui::theme::{NAMES, Role};
use crate::tui::widgets::text::{Row, wrapped};

const PALETTE: &str = "palette";
/// What the keys of entries begin with that plugins added.
const PLUGGED: &str = "plugin-";
const THEMES: &str = "themes";
const HELP: &str = "help";
const QUIT: &str = "quit";

/// From this width on the help says how the settings call each action.
const NAMED: u16 = 100;

/// As many of the keys as there is room for, at least one.
fn keys(chords: &[Chord], room: usize) -> String {
    let mut said = chords.first().map_or("–".to_string(), ToString::to_string);
    for chord in chords.iter().skip(1).map(ToString::to_string) {
        if width(&said) + 2 + width(&chord) <= room {
            said = format!("{said}  {chord}");
        }
    }
    said
}

impl Shell {
    fn open(&mut self, name: &'static str, popup: Popup) -> Vec<(TabId, Effect)> {
        self.note = None;
        self.popups.push(self.opened(Owner::Shell, name, popup));
        Vec::new()
    }

    /// Leaves; asks where something would be cut short.
    pub(super) fn leave(&mut self) -> Vec<(TabId, Effect)> {
        let held: Vec<String> = self.tabs.iter().filter_map(|tab| tab.holds()).collect();
        if held.is_empty() {
            return vec![(self.front(), Effect::Quit)];
        }
        let rows = wrapped(&held.join("\n"), 80, self.settings.theme.style(Role::Text));
        self.open(QUIT, Popup::Card(Card::new("Leave all the same?", rows, &[('y', "leave"), ('n', "stay")])))
    }

    /// Whether the question on top is whether to leave.
    pub(super) fn asks_to_leave(&self) -> bool {
        self.popups.last().is_some_and(|open| open.owner == Owner::Shell && open.name == QUIT)
    }

    /// Every action that can be done from here, those of the tab in front first, then tabs, then the rest.
    pub(super) fn open_palette(&mut self) -> Vec<(TabId, Effect)> {
        let mut here = self.tabs[self.at].sections();
        here.extend(self.tabs[self.at].more_sections());
        let mut choices = Vec::new();
        let offered = |section: Section| section != Section::Typing && section != Section::Lists;
        for section in here.iter().copied().filter(|s| offered(*s)).chain([Section::Everywhere]) {
            let entries = self.settings.keys.entries().filter(|(entry, _)| entry.section == section);
            for (entry, chords) in entries.filter(|(e, _)| e.action != actions::PALETTE && !self.is_lacking(e.action)) {
                if entry.action.0.starts_with("tab-") {
                    continue;
                }
                let mut choice = Choice::new(entry.action.0, entry.title, section.title());
                choice.aside = chords.first().map(ToString::to_string).unwrap_or_default();
                choices.push(choice);
            }
        }
        for (number, (title, plugin, _)) in self.settings.extras.now().palette.iter().enumerate() {
            choices.push(Choice::new(format!("{PLUGGED}{number}"), title.as_str(), plugin.as_str()));
        }
        for (number, tab) in (1..).zip(&self.tabs) {
            let mut choice = Choice::new(format!("tab-{number}"), format!("Go to {}", tab.id().title()), "Tabs");
            choice.aside = (number % 10).to_string();
            choices.push(choice);
        }
        self.open(PALETTE, Popup::Choose(Choose::new("Do", choices, 0)))
    }

    /// Whether an action means nothing in the tab in front, or names a tab that is not there.
    pub(super) fn is_lacking(&self, action: Action) -> bool {
        let number = action.0.strip_prefix("tab-").and_then(|n| n.parse::<usize>().ok());
        number.is_some_and(|n| n > self.tabs.len()) || self.tabs[self.at].lacks().contains(&action)
    }

    /// Every key, by section; those that hold here first.
    pub(super) fn open_help(&mut self) -> Vec<(TabId, Effect)> {
        let theme = &self.settings.theme;
        let mut order: Vec<Section> = self.tabs[self.at].sections();
        order.push(Section::Everywhere);
        for (entry, _) in self.settings.keys.entries() {
            if !order.contains(&entry.section) {
                order.push(entry.section);
            }
        }
        // A narrow screen has room for the keys and what they do.
        let named = self.size.width >= NAMED;
        let room = if named { 16 } else { 10 };
        let mut rows = Vec::new();
        for section in order {
            let entries = self.settings.keys.entries().filter(|(e, _)| e.section == section);
            let entries: Vec<_> = entries.filter(|(e, _)| !self.is_lacking(e.action)).collect();
            if entries.is_empty() {
                continue;
            }
            if !rows.is_empty() {
                rows.push(Row::default());
            }
            rows.push(Row::of(Line::styled(section.title(), theme.style(Role::Title))));
            for (entry, chords) in entries {
                let keys = pad(&keys(chords, room), room);
                let mut line = vec![Span::styled(format!("  {keys}  "), theme.style(Role::Key))];
                if named {
                    line.push(Span::styled(format!("{}  ", pad(entry.title, 48)), theme.style(Role::Text)));
                    line.push(Span::styled(entry.action.0, theme.style(Role::Dim)));
                } else {
                    line.push(Span::styled(entry.title, theme.style(Role::Text)));
                }
                rows.push(Row::of(Line::from(line)));
            }
        }
        if named {
            rows.push(Row::default());
            let own = "The words at the right are the names for your settings: fac config set keys.NAME '[\"ctrl-x\"]'";
            rows.push(Row::of(Line::styled(own, theme.style(Role::Dim))));
        }
        self.open(HELP, Popup::Page(Page::new("Keys", rows)))
    }

    /// The themes.
    pub(super) fn open_themes(&mut self) -> Vec<(TabId, Effect)> {
        let now = self.settings.theme.name();
        let choices = NAMES.iter().map(|name| {
            let about = if *name == now { "in use" } else { "" };
            Choice::new(*name, name, about)
        });
        let at = NAMES.iter().position(|name| *name == now).unwrap_or(0);
        let choose = Choose::new("Theme", choices.collect(), at);
        self.before = Some(now.to_string());
        self.open(THEMES, Popup::Choose(choose))
    }

    /// The theme that the cursor of the menu stands on, when it is another than the one that is worn.
    pub(super) fn tried(&self, open: &Open) -> Option<String> {
        let Popup::Choose(choose) = &open.popup else { return None };
        let theirs = open.owner == Owner::Shell && open.name == THEMES;
        let name = choose.current().filter(|_| theirs)?;
        (name != self.settings.theme.name()).then(|| name.to_string())
    }

    /// Puts a theme on.
    pub(super) fn wear(&mut self, name: &str) -> Vec<(TabId, Effect)> {
        self.settings.theme = (self.settings.themes)(name);
        self.lay_out()
    }

    /// What became of a menu.
    pub(super) fn chosen(&mut self, name: &'static str, reply: Reply) -> Vec<(TabId, Effect)> {
        let Reply::Chosen(key) = reply else {
            let before = self.before.take().filter(|_| name == THEMES);
            return before.map(|theme| self.wear(&theme)).unwrap_or_default();
        };
        match name {
            QUIT if key == "y" => vec![(self.front(), Effect::Quit)],
            PALETTE if key.starts_with(PLUGGED) => {
                let number = key[PLUGGED.len()..].parse::<usize>().ok();
                let launch = number.and_then(|n| self.settings.extras.now().palette.get(n).map(|(.., l)| l.clone()));
                let told = launch.map(|launch| Effect::Tell(TabId::Runs, Tell::Launch(launch)));
                let front = self.front();
                self.perform(front, told.into_iter().collect())
            }
            PALETTE => {
                let found = self.settings.keys.entries().map(|(e, _)| e.action).find(|Action(n)| *n == key);
                found.map(|action| self.act(action)).unwrap_or_default()
            }
            THEMES => {
                self.say(format!("to keep it: fac config set tui.theme {key}"), Role::Good);
                let mut out = self.wear(&key);
                out.push((self.front(), Effect::Repaint));
                out
            }
            _ => Vec::new(),
        }
    }
}
