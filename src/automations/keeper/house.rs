//! What is looked after every other second: files, processes that are gone, sources, settings, the store's log.

use std::collections::BTreeMap;

use super::{Keeper, Note, Tell};
use crate::automations::happening::Trigger;
use crate::automations::times::Times;
use crate::kernel::clock::Timestamp;
use crate::kernel::error::{Error, Kind, Result};

/// How often files and processes are looked after, µs.
const ROUND: i64 = 2_000_000;

/// How often it is written down how far the log was read, where nothing else is, µs.
const SAVING: i64 = 10_000_000;

/// With less room than this the store's log is kept short, bytes.
const TIGHT: u64 = 64 << 20;

impl Keeper {
    /// Looks after what nobody tells: files, processes that are gone, how far the log was read.
    pub(super) fn keep_house(&mut self, now: Timestamp, tell: &mut Tell<'_>) -> Result<()> {
        if (0..ROUND).contains(&now.since(self.round)) {
            return Ok(());
        }
        self.look(tell);
        for said in (self.crew.said)() {
            tell(Note::Trouble(&Error::new(Kind::Failed, said)));
        }
        self.renew(tell)?;
        self.look_after_sources(tell);
        // What comes of it stands in the log.
        self.rescue.look(&self.world)?;
        self.machine.tidy(now);
        self.tight = self.world.store.room().is_some_and(|room| room < TIGHT);
        self.fold()?;
        if !(0..SAVING).contains(&now.since(self.saved)) {
            self.saved = now;
            self.save()?;
        }
        Ok(())
    }

    /// Folds the store's log where nothing happened for a round.
    fn fold(&mut self) -> Result<()> {
        let is_still = std::mem::replace(&mut self.round_saw, self.seen) == self.seen && self.pool.busy() == 0;
        if is_still && self.folded != self.seen {
            self.world.store.fold_log()?;
            self.folded = self.seen;
        }
        Ok(())
    }

    pub(super) fn look(&mut self, tell: &mut Tell<'_>) {
        if let Err(error) = (self.crew.refresh)() {
            tell(Note::Trouble(&error));
        }
        self.round = self.world.clock.now();
    }

    /// Tells what is away, and what came back.
    fn look_after_sources(&mut self, tell: &mut Tell<'_>) {
        let now: BTreeMap<String, String> = self.crew.sources.iter().flat_map(|source| source.trouble()).collect();
        for (what, why) in now.iter().filter(|(what, why)| self.away.get(*what) != Some(*why)) {
            tell(Note::Away(what, why));
        }
        self.away.keys().filter(|what| !now.contains_key(*what)).for_each(|what| tell(Note::Back(what)));
        self.away = now;
    }

    /// Takes up settings that have changed. What is being done goes on with those it began with.
    fn renew(&mut self, tell: &mut Tell<'_>) -> Result<()> {
        let mut crew = match (self.world.renew)() {
            Ok(Some(crew)) => crew,
            Ok(None) => return Ok(()),
            Err(error) => {
                tell(Note::Trouble(&error));
                return Ok(());
            }
        };
        let mut listening = vec![Vec::new(); crew.sources.len()];
        let known = std::mem::take(&mut self.listening);
        for (mut old, knew) in std::mem::take(&mut self.crew.sources).into_iter().zip(known) {
            // Where nothing that it is made of has changed, it goes on undisturbed with what it knows.
            let made_of = old.made_of().filter(|made| !made.is_empty());
            let same = |new: &dyn Trigger| new.kind() == old.kind() && made_of.is_some() && new.made_of() == made_of;
            match crew.sources.iter().position(|new| same(&**new)) {
                Some(at) => (crew.sources[at], listening[at]) = (old, knew),
                None => old.stop(),
            }
        }
        self.listening = listening;
        self.pool.renew(std::mem::take(&mut crew.hands));
        self.machine.set_bounds(crew.bounds);
        self.crew = crew;
        // The same schedule may mean other times now.
        self.times = Times::default();
        tell(Note::Settings);
        self.load(true, tell)
    }
}
