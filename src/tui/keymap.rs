//! Keys and what they do: the table of actions, chords as they are written, and the person's own choices.
//!
//! Every action has a name that the settings use (`keys.NAME`), a title for help and palette, and the section in
//! which its keys hold. What an action does is the business of whoever it belongs to.

use std::collections::BTreeMap;
use std::fmt;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::kernel::near::nearest;
/// Something a person can do; the name is the one of the settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Action(pub &'static str);

/// Where keys hold. Earlier sections of a tab's list win.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Section {
    /// Everywhere.
    Everywhere,
    /// In lists and long texts.
    Lists,
    /// While a line is typed.
    Typing,
    /// While a form is filled in.
    Form,
    /// The chat tab.
    Chat,
    /// The conversation of the chat tab.
    Thread,
    /// The list of chats.
    Sessions,
    /// Where a message is written.
    Compose,
    /// The commands tab.
    Commands,
    /// The runs tab.
    Runs,
    /// The automations tab.
    Automations,
    /// The voice tab.
    Voice,
    /// The search tab.
    Search,
    /// The events tab.
    Events,
    /// The usage tab.
    Usage,
    /// The health tab.
    Health,
    /// The plugins tab.
    Plugins,
}

impl Section {
    /// Its heading in the help.
    pub fn title(self) -> &'static str {
        match self {
            Section::Everywhere => "Everywhere",
            Section::Lists => "Lists and texts",
            Section::Typing => "While typing",
            Section::Form => "Filling in a form",
            Section::Chat => "Chat",
            Section::Thread => "Conversation",
            Section::Sessions => "List of chats",
            Section::Compose => "Writing a message",
            Section::Commands => "Commands",
            Section::Runs => "Runs",
            Section::Automations => "Automations",
            Section::Voice => "Voice",
            Section::Search => "Search",
            Section::Events => "Events",
            Section::Usage => "Usage",
            Section::Health => "Health",
            Section::Plugins => "Plugins",
        }
    }
}

/// One action in the table.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The action.
    pub action: Action,
    /// What it does, in a few words.
    pub title: &'static str,
    /// A word for the hint bar; empty when it is not worth a hint.
    pub hint: &'static str,
    /// Where its keys hold.
    pub section: Section,
    /// Its keys when nobody chose others, the one to show first.
    pub keys: &'static [&'static str],
}

/// Makes an entry.
pub const fn entry(
    action: Action,
    section: Section,
    keys: &'static [&'static str],
    hint: &'static str,
    title: &'static str,
) -> Entry {
    Entry { action, title, hint, section, keys }
}

/// A key with its modifiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd)]
pub struct Chord {
    code: KeyCode,
    mods: KeyModifiers,
}

impl Chord {
    /// The chord of a key event. Shift is part of a character and not said beside it.
    pub fn of(event: &KeyEvent) -> Chord {
        let mut mods = event.modifiers & (KeyModifiers::CONTROL | KeyModifiers::ALT | KeyModifiers::SHIFT);
        let mut code = event.code;
        if let KeyCode::Char(c) = code {
            mods.remove(KeyModifiers::SHIFT);
            if mods.contains(KeyModifiers::CONTROL) {
                code = KeyCode::Char(c.to_ascii_lowercase());
            }
        }
        if code == KeyCode::BackTab {
            mods.insert(KeyModifiers::SHIFT);
        }
        Chord { code, mods }
    }

    /// Reads `ctrl-p`, `alt-enter`, `G`, `space`, `f1`.
    pub fn parse(text: &str) -> Option<Chord> {
        let mut mods = KeyModifiers::NONE;
        let mut rest = text;
        loop {
            let lower = rest.to_ascii_lowercase();
            let (modifier, length) = match lower.as_bytes() {
                [b'c', b't', b'r', b'l', b'-', _, ..] => (KeyModifiers::CONTROL, 5),
                [b'a', b'l', b't', b'-', _, ..] => (KeyModifiers::ALT, 4),
                [b's', b'h', b'i', b'f', b't', b'-', _, ..] => (KeyModifiers::SHIFT, 6),
                _ => break,
            };
            mods.insert(modifier);
            rest = &rest[length..];
        }
        let mut chars = rest.chars();
        let code = match (chars.next(), chars.next()) {
            (Some(c), None) if !c.is_control() => KeyCode::Char(c),
            _ => named(&rest.to_ascii_lowercase())?,
        };
        let event = KeyEvent::new(code, mods);
        Some(match code {
            KeyCode::Tab if mods.contains(KeyModifiers::SHIFT) => Chord { code: KeyCode::BackTab, mods },
            KeyCode::Char(c) if mods == KeyModifiers::SHIFT => {
                Chord { code: KeyCode::Char(c.to_ascii_uppercase()), mods: KeyModifiers::NONE }
            }
            _ => Chord::of(&event),
        })
    }

    /// The event of a press.
    pub fn pressed(self) -> KeyEvent {
        KeyEvent::new(self.code, self.mods)
    }

    /// Whether it writes a character where one can be typed.
    pub fn is_character(self) -> bool {
        matches!(self.code, KeyCode::Char(_)) && !self.mods.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT)
    }
}

const NAMED: &[(&str, KeyCode)] = &[
    ("space", KeyCode::Char(' ')),
    ("enter", KeyCode::Enter),
    ("esc", KeyCode::Esc),
    ("tab", KeyCode::Tab),
    ("backspace", KeyCode::Backspace),
    ("delete", KeyCode::Delete),
    ("insert", KeyCode::Insert),
    ("up", KeyCode::Up),
    ("down", KeyCode::Down),
    ("left", KeyCode::Left),
    ("right", KeyCode::Right),
    ("home", KeyCode::Home),
    ("end", KeyCode::End),
    ("pageup", KeyCode::PageUp),
    ("pagedown", KeyCode::PageDown),
];

fn named(name: &str) -> Option<KeyCode> {
    if let Some(number) = name.strip_prefix('f').and_then(|n| n.parse::<u8>().ok()) {
        return (1..=24).contains(&number).then_some(KeyCode::F(number));
    }
    NAMED.iter().find(|(n, _)| *n == name).map(|(_, code)| *code)
}

impl fmt::Display for Chord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.mods.contains(KeyModifiers::CONTROL) {
            f.write_str("Ctrl-")?;
        }
        if self.mods.contains(KeyModifiers::ALT) {
            f.write_str("Alt-")?;
        }
        if self.mods.contains(KeyModifiers::SHIFT) {
            f.write_str("Shift-")?;
        }
        match self.code {
            KeyCode::Char(' ') => f.write_str("Space"),
            KeyCode::Char(c) if self.mods.contains(KeyModifiers::CONTROL) => write!(f, "{}", c.to_ascii_uppercase()),
            KeyCode::Char(c) => write!(f, "{c}"),
            KeyCode::F(n) => write!(f, "F{n}"),
            KeyCode::BackTab => f.write_str("Tab"),
            KeyCode::Up => f.write_str("↑"),
            KeyCode::Down => f.write_str("↓"),
            KeyCode::Left => f.write_str("←"),
            KeyCode::Right => f.write_str("→"),
            KeyCode::PageUp => f.write_str("PgUp"),
            KeyCode::PageDown => f.write_str("PgDn"),
            KeyCode::Delete => f.write_str("Del"),
            code => match NAMED.iter().find(|(_, c)| *c == code) {
                Some((name, _)) => {
                    let mut chars = name.chars();
                    let first = chars.next().map(|c| c.to_ascii_uppercase());
                    write!(f, "{}{}", first.unwrap_or(' '), chars.as_str())
                }
                None => write!(f, "{code:?}"),
            },
        }
    }
}

/// Which key does what.
#[derive(Clone, Debug)]
pub struct Keymap {
    entries: Vec<(Entry, Vec<Chord>)>,
}

impl Keymap {
    /// The tables with the person's choices over them; the second value says which choices are wrong.
    pub fn new(tables: &[&[Entry]], own: &BTreeMap<String, Vec<String>>) -> (Keymap, Vec<String>) {
        let mut said = Vec::new();
        let entries: Vec<Entry> = tables.iter().flat_map(|table| table.iter().copied()).collect();
        for name in own.keys().filter(|name| !entries.iter().any(|e| e.action.0 == **name)) {
            let near = nearest(name, entries.iter().map(|e| e.action.0));
            let hint = near.map(|near| format!("; the nearest is `{near}`")).unwrap_or_default();
            said.push(format!("keys.{name}: there is no such action{hint}"));
        }
        let mut map = Keymap { entries: Vec::with_capacity(entries.len()) };
        for entry in entries {
            let chords = match own.get(entry.action.0) {
                Some(words) => read(entry.action.0, words, &mut said),
                None => entry.keys.iter().filter_map(|k| Chord::parse(k)).collect(),
            };
            map.entries.push((entry, chords));
        }
        map.yield_to(own);
        (map, said)
    }

    /// A chord that the person gave to one action is taken from the others of its section.
    fn yield_to(&mut self, own: &BTreeMap<String, Vec<String>>) {
        let chosen: Vec<(Section, Action, Chord)> = self
            .entries
            .iter()
            .filter(|(entry, _)| own.contains_key(entry.action.0))
            .flat_map(|(entry, chords)| chords.iter().map(|c| (entry.section, entry.action, *c)))
            .collect();
        for (entry, chords) in &mut self.entries {
            if !own.contains_key(entry.action.0) {
                chords.retain(|c| !chosen.iter().any(|(s, a, x)| *s == entry.section && *a != entry.action && x == c));
            }
        }
    }

    /// What a chord does where these sections hold, the first of them first.
    pub fn action(&self, sections: &[Section], chord: Chord) -> Option<Action> {
        sections.iter().find_map(|section| {
            let mut here = self.entries.iter().filter(|(entry, _)| entry.section == *section);
            here.find(|(_, chords)| chords.contains(&chord)).map(|(entry, _)| entry.action)
        })
    }

    /// The key to show for an action.
    pub fn key(&self, action: Action) -> Option<Chord> {
        self.entries.iter().find(|(e, _)| e.action == action).and_then(|(_, chords)| chords.first().copied())
    }

    /// Every action with its keys, section by section.
    pub fn entries(&self) -> impl Iterator<Item = (&Entry, &[Chord])> {
        self.entries.iter().map(|(entry, chords)| (entry, chords.as_slice()))
    }

    /// The entry of an action.
    pub fn entry(&self, action: Action) -> Option<&Entry> {
        self.entries.iter().map(|(entry, _)| entry).find(|entry| entry.action == action)
    }
}

fn read(name: &str, words: &[String], said: &mut Vec<String>) -> Vec<Chord> {
    let chords: Vec<Chord> = words
        .iter()
        .filter_map(|word| {
            let chord = Chord::parse(word);
            if chord.is_none() {
                said.push(format!("keys.{name}: `{word}` is no key; write ctrl-p, alt-enter, f2, space or G"));
            }
            chord
        })
        .collect();
    chords
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Action = Action("one");
    const TWO: Action = Action("two");
    const TABLE: &[Entry] = &[
        entry(ONE, Section::Lists, &["j", "down"], "down", "One down"),
        entry(TWO, Section::Everywhere, &["ctrl-p", "f1"], "", "The palette"),
    ];

    fn press(code: KeyCode, mods: KeyModifiers) -> Chord {
        Chord::of(&KeyEvent::new(code, mods))
    }

    #[test]
    fn chords_are_read_as_they_are_shown() {
        for text in ["Ctrl-P", "Alt-Enter", "G", "Space", "F12", "Shift-Tab", "PageUp", "?", "Ctrl-Alt-x", "-"] {
            let chord = Chord::parse(text).unwrap_or_else(|| panic!("{text}"));
            let shown = chord.to_string();
            let again = Chord::parse(&shown.replace("PgUp", "pageup")).unwrap();
            assert_eq!(chord, again, "{text} {shown}");
        }
        assert_eq!(Chord::parse("shift-g"), Some(press(KeyCode::Char('G'), KeyModifiers::SHIFT)));
        assert_eq!(Chord::parse("ctrl-p"), Some(press(KeyCode::Char('p'), KeyModifiers::CONTROL)));
        for wrong in ["", "ctrl-", "hyper-x", "f25", "enterr"] {
            assert_eq!(Chord::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_first_section_wins_and_choices_replace() {
        let (map, said) = Keymap::new(&[TABLE], &BTreeMap::new());
        assert!(said.is_empty());
        let j = press(KeyCode::Char('j'), KeyModifiers::NONE);
        assert_eq!(map.action(&[Section::Everywhere, Section::Lists], j), Some(ONE));
        assert_eq!(map.action(&[Section::Everywhere], j), None);
        let own = BTreeMap::from([
            ("one".to_string(), vec!["n".to_string(), "nope".to_string()]),
            ("onne".to_string(), vec![]),
        ]);
        let (map, said) = Keymap::new(&[TABLE], &own);
        assert_eq!(map.action(&[Section::Lists], j), None);
        assert_eq!(map.key(ONE).map(|c| c.to_string()), Some("n".into()));
        assert_eq!(said.len(), 2, "{said:?}");
        assert!(said[0].contains("the nearest is `one`"), "{said:?}");
    }
}
