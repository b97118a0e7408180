//! All commands as a list: by source and category with headings that fold, flat by name, or the matches of what is
//! typed. It reads nothing and draws nothing.

use std::collections::{BTreeMap, BTreeSet};

use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};

use crate::commands::catalog::Trust;
use crate::kernel::ids::Id;
use crate::store::SourceKind;
use crate::tui::popups::choose::ranked;

/// With more commands than this headings begin closed: those of sources where there are several, those of categories
/// where the source alone has as many.
const MANY: usize = 40;

/// A source in the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct From {
    /// What people call it.
    pub name: String,
    /// What kind of place it is.
    pub kind: SourceKind,
    /// Where it is, with its version.
    pub spec: String,
    /// What trust in it is given under.
    pub trust_spec: String,
    /// The commit it is at.
    pub commit: Option<String>,
    /// When it was fetched, as words.
    pub fetched: Option<String>,
    /// Why the last fetch failed.
    pub error: Option<String>,
}

/// A command in the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its id in the store.
    pub id: Id,
    /// The place of its source in the listing.
    pub source: usize,
    /// Its name, safe to show.
    pub name: String,
    /// The heading it stands under, safe to show.
    pub category: Option<String>,
    /// One line, safe to show.
    pub summary: String,
    /// Words it is found by beside its name and summary.
    pub words: String,
    /// Whether it may run.
    pub trust: Trust,
}

/// A heading that was opened or closed: its source, its category where it is one's, and whether it is closed.
pub type Fold = (String, Option<String>, bool);

/// Everything there is: sources in the order in which names resolve, commands by source, category and name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// Where they come from.
    pub sources: Vec<From>,
    /// What can be run.
    pub commands: Vec<Listed>,
    /// Which headings were opened and closed the last time.
    pub folds: Vec<Fold>,
}

/// A row of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item {
    /// The heading of a source, by its place; how many commands it has.
    Source(usize, usize),
    /// The heading of a category: the place of its first command; how many there are.
    Category(usize, usize),
    /// A command, by its place.
    Command(usize),
}

/// What stays the same of a row when the list is another one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// A source by name.
    Source(String),
    /// A category by source and name.
    Category(String, String),
    /// A command by id.
    Command(Id),
}

/// The key of a heading.
fn key(source: &str, category: &Option<String>) -> Key {
    match category {
        None => Key::Source(source.to_string()),
        Some(category) => Key::Category(source.to_string(), category.clone()),
    }
}

/// The list.
#[derive(Debug, Default)]
pub struct Tree {
    listing: Listing,
    items: Vec<Item>,
    /// The headings that the person opened or closed, and whether they are closed.
    chosen: BTreeMap<Key, bool>,
    begun: bool,
    /// How many commands each source has.
    counts: Vec<usize>,
    /// Whether all stand by name, without headings.
    pub flat: bool,
    words: String,
    found: Vec<(String, String)>,
}

impl Tree {
    /// Puts another listing in the place of this one; what is folded stays so.
    pub fn set(&mut self, listing: Listing) {
        self.listing = listing;
        self.counts = vec![0; self.listing.sources.len()];
        self.listing.commands.iter().for_each(|c| self.counts[c.source] += 1);
        if !std::mem::replace(&mut self.begun, true) {
            self.chosen =
                self.listing.folds.iter().map(|(source, category, closed)| (key(source, category), *closed)).collect();
        }
        let about = |c: &Listed| {
            let category = c.category.as_deref().unwrap_or("");
            format!("{} {} {category} {}", c.words, self.listing.sources[c.source].name, c.summary)
        };
        self.found = self.listing.commands.iter().map(|c| (c.name.clone(), about(c))).collect();
        self.arrange();
    }

    /// Everything there is.
    pub fn listing(&self) -> &Listing {
        &self.listing
    }

    /// The rows.
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// The words that narrow it down.
    pub fn words(&self) -> &str {
        &self.words
    }

    /// Narrows it down to what matches these words, the best first; no words show everything.
    pub fn narrow(&mut self, words: &str) {
        self.words = words.trim().to_string();
        self.arrange();
    }

    /// Whether rows stand under headings now.
    pub fn is_grouped(&self) -> bool {
        !self.flat && self.words.is_empty()
    }

    /// Headings or none.
    pub fn set_flat(&mut self, flat: bool) {
        self.flat = flat;
        self.arrange();
    }

    /// Makes the rows anew.
    fn arrange(&mut self) {
        self.items = if !self.words.is_empty() {
            let found = ranked(&self.words, self.found.iter().map(|(name, about)| (name.as_str(), about.as_str())));
            found.into_iter().map(Item::Command).collect()
        } else if self.flat {
            let mut all: Vec<usize> = (0..self.listing.commands.len()).collect();
            all.sort_by_cached_key(|at| self.listing.commands[*at].name.to_lowercase());
            all.into_iter().map(Item::Command).collect()
        } else {
            self.grouped()
        };
    }

    fn grouped(&self) -> Vec<Item> {
        let commands = &self.listing.commands;
        let mut items = Vec::new();
        let mut at = 0;
        for (source, count) in self.counts.iter().copied().enumerate() {
            items.push(Item::Source(source, count));
            let end = at + count;
            if self.is_folded(&Key::Source(self.listing.sources[source].name.clone())) {
                at = end;
                continue;
            }
            while at < end {
                let Some(category) = &commands[at].category else {
                    items.push(Item::Command(at));
                    at += 1;
                    continue;
                };
                let same = commands[at..end].iter().take_while(|c| c.category.as_ref() == Some(category)).count();
                items.push(Item::Category(at, same));
                if !self.is_folded(&self.key_of_category(at)) {
                    items.extend((at..at + same).map(Item::Command));
                }
                at += same;
            }
        }
        items
    }

    fn key_of_category(&self, first: usize) -> Key {
        let command = &self.listing.commands[first];
        Key::Category(self.listing.sources[command.source].name.clone(), command.category.clone().unwrap_or_default())
    }

    /// Whether what is under a heading is hidden.
    pub fn is_folded(&self, key: &Key) -> bool {
        self.chosen.get(key).copied().unwrap_or_else(|| self.begins_folded(key))
    }

    fn begins_folded(&self, key: &Key) -> bool {
        let of = |name: &str| self.listing.sources.iter().position(|s| s.name == name).map_or(0, |at| self.counts[at]);
        match key {
            Key::Source(_) => self.listing.commands.len() > MANY && self.listing.sources.len() > 1,
            Key::Category(source, _) => of(source) > MANY,
            Key::Command(_) => false,
        }
    }

    /// What was opened and closed, to be kept.
    pub fn folds(&self) -> Vec<Fold> {
        let of = |(key, closed): (&Key, &bool)| match key {
            Key::Source(source) => Some((source.clone(), None, *closed)),
            Key::Category(source, category) => Some((source.clone(), Some(category.clone()), *closed)),
            Key::Command(_) => None,
        };
        self.chosen.iter().filter_map(of).collect()
    }

    /// What stays the same of a row.
    pub fn key(&self, item: Item) -> Key {
        match item {
            Item::Source(at, _) => Key::Source(self.listing.sources[at].name.clone()),
            Item::Category(first, _) => self.key_of_category(first),
            Item::Command(at) => Key::Command(self.listing.commands[at].id),
        }
    }

    /// The row of a key, when it is shown.
    pub fn place(&self, key: &Key) -> Option<usize> {
        self.items.iter().position(|item| self.key(*item) == *key)
    }

    /// Opens or closes a heading.
    pub fn fold(&mut self, key: Key, folded: bool) {
        self.chosen.insert(key, folded);
        self.arrange();
    }

    /// Closes every heading, or opens them when all of a kind are closed already.
    pub fn fold_all(&mut self) {
        let mut all: BTreeSet<Key> = self.listing.sources.iter().map(|s| Key::Source(s.name.clone())).collect();
        let categories = (0..self.listing.commands.len()).filter(|at| self.listing.commands[*at].category.is_some());
        all.extend(categories.map(|at| self.key_of_category(at)));
        let sources = all.iter().filter(|k| matches!(k, Key::Source(_)));
        let closed = !sources.clone().all(|k| self.is_folded(k));
        self.chosen = all.into_iter().map(|key| (key, closed)).collect();
        self.arrange();
    }

    /// Opens the headings above a command.
    pub fn reveal(&mut self, at: usize) {
        let Some(command) = self.listing.commands.get(at) else { return };
        let source = Key::Source(self.listing.sources[command.source].name.clone());
        let category = self.key_of_category(at);
        for key in [source, category].into_iter().filter(|key| self.is_folded(key)).collect::<Vec<_>>() {
            self.chosen.insert(key, false);
        }
        self.arrange();
    }

    /// The command of `source:name`.
    pub fn find(&self, key: &str) -> Option<usize> {
        let (source, name) = key.split_once(':')?;
        self.listing.commands.iter().position(|c| c.name == name && self.listing.sources[c.source].name == source)
    }

    /// The heading above a row: of a command its category or source, of a category its source.
    pub fn above(&self, row: usize) -> Option<usize> {
        let row_item = *self.items.get(row)?;
        let heads = |item: &Item| match row_item {
            Item::Command(_) => !matches!(item, Item::Command(_)),
            Item::Category(..) => matches!(item, Item::Source(..)),
            Item::Source(..) => false,
        };
        self.items[..row].iter().rposition(heads)
    }

    /// The characters of a name that match what is typed.
    pub fn matched(&self, name: &str) -> Vec<u32> {
        if self.words.is_empty() {
            return Vec::new();
        }
        let mut matcher = Matcher::new(Config::DEFAULT);
        let pattern = Pattern::parse(&self.words, CaseMatching::Smart, Normalization::Smart);
        let (mut letters, mut places) = (Vec::new(), Vec::new());
        if pattern.indices(Utf32Str::new(name, &mut letters), &mut matcher, &mut places).is_none() {
            places.clear();
        }
        places.sort_unstable();
        places.dedup();
        places
    }
}
