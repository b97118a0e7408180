//! The search as it is wired here: where its index lies, and what it must not show.

use jiff::tz::TimeZone;

use super::App;
use crate::commands::catalog::Catalog;
use crate::kernel::error::Result;
use crate::knowledge::{Index, Query};

impl App {
    /// The index over everything that is kept.
    pub fn index(&self) -> Index {
        Index::new(&self.paths.cache.join("index"))
    }

    /// Takes what was erased out of the index too.
    ///
    /// # Errors
    /// When the store or the index cannot be read.
    pub fn drop_erased(&self) -> Result<()> {
        self.index().drop_erased(self.store()?).map(drop)
    }

    /// A query without the commands of other projects; `kind` narrows it, where it asks for something.
    pub fn query(&self, catalog: &Catalog<'_>, words: &str, kind: Option<&str>) -> Result<Query> {
        let query = Query::parse(words, self.clock.now(), &TimeZone::system())?;
        let sources = catalog.store.sources()?.into_iter();
        let hidden = sources.filter(|source| !catalog.shows(source.kind, &source.spec));
        let query = query.hiding(hidden.map(|source| source.name).collect());
        Ok(if let Some(kind) = kind.filter(|_| !query.is_empty()) { query.of_kind(kind) } else { query })
    }
}
