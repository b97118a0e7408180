//! Changes of states as a source of triggers. Which of them fires something is the business of others.

use std::collections::HashMap;
use std::sync::mpsc::{SyncSender, TrySendError};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use super::link::{HomeLink, News};
use super::mirror::{Change, States};
use super::rest::Home;
use crate::automations::happening::{Happening, Trigger};
use crate::chat::policy::fits;
use crate::commands::model;
use crate::kernel::clock::Clock;
use crate::kernel::error::Result;

/// How long it is remembered that a change is the consequence of a call of ours, and how many are.
const MEMORY: Duration = Duration::from_secs(30);
const MOST: usize = 4096;

/// Finds the Home Assistant of the settings.
pub type FindHome = Arc<dyn Fn() -> Result<Home> + Send + Sync>;

/// In which contexts calls of ours happened, and of how many firings they are the consequence. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Contexts(Arc<Mutex<HashMap<String, (u32, Instant)>>>);

impl Contexts {
    /// A call of ours happened in this context.
    pub fn note(&self, context: &str, depth: u32) {
        if depth == 0 {
            return;
        }
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST {
            all.retain(|_, (_, at)| at.elapsed() < MEMORY);
        }
        if all.len() < MOST {
            all.insert(context.to_string(), (depth, Instant::now()));
        }
    }

    fn depth(&self, change: &Change) -> u32 {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let noted = change.context().and_then(|c| all.get(c)).filter(|(_, at)| at.elapsed() < MEMORY);
        noted.map_or(0, |(depth, _)| *depth)
    }
}

/// Listens to Home Assistant.
pub struct HomeSource {
    home: FindHome,
    clock: Clock,
    states: States,
    contexts: Contexts,
    wanted: Arc<RwLock<Vec<String>>>,
    link: Option<HomeLink>,
}

impl HomeSource {
    /// A source that listens to nothing yet. `states` is what is known of all entities, once it does.
    pub fn new(home: FindHome, states: States, contexts: Contexts, clock: Clock) -> HomeSource {
        HomeSource { home, clock, states, contexts, wanted: Arc::default(), link: None }
    }
}

impl Trigger for HomeSource {
    fn kind(&self) -> &'static str {
        "homeassistant"
    }

    fn listen(&mut self, wanted: &[model::Trigger], heard: &SyncSender<Happening>) -> Result<()> {
        let ours = wanted.iter().filter(|t| t.kind == "homeassistant");
        let entities: Vec<String> = ours.flat_map(|t| t.args.clone()).collect();
        let nothing = entities.is_empty();
        *self.wanted.write().unwrap_or_else(PoisonError::into_inner) = entities;
        if nothing {
            self.link = None;
            return Ok(());
        }
        if self.link.is_none() {
            let home = (self.home)()?;
            let (clock, contexts, wanted) = (self.clock.clone(), self.contexts.clone(), self.wanted.clone());
            let heard = heard.clone();
            self.link = Some(HomeLink::start(&home, self.states.clone(), Vec::new(), move |news| {
                let News::Changed(change) = news else {
                    say(&news);
                    return None;
                };
                let all = wanted.read().unwrap_or_else(PoisonError::into_inner);
                if !all.iter().any(|want| fits(want, &change.entity)) {
                    return None;
                }
                let at = clock.now();
                let happening = Happening {
                    kind: "homeassistant",
                    data: change.data(&at.to_string()),
                    at,
                    key: change.key(),
                    depth: contexts.depth(&change),
                    kept: None,
                };
                match heard.try_send(happening) {
                    Ok(()) | Err(TrySendError::Disconnected(_)) => None,
                    Err(TrySendError::Full(_)) => Some(News::Changed(change)),
                }
            })?);
        }
        Ok(())
    }

    fn state(&self) -> String {
        self.link.as_ref().map_or_else(|| "listening to nothing".to_string(), HomeLink::said)
    }

    fn trouble(&self) -> Vec<(String, String)> {
        let standing = self.link.as_ref().map(HomeLink::standing).filter(|standing| !standing.up);
        standing
            .and_then(|standing| standing.trouble)
            .map(|(_, said, _)| ("Home Assistant".into(), said))
            .into_iter()
            .collect()
    }

    fn is_settled(&self) -> bool {
        let standing = self.link.as_ref().map(HomeLink::standing);
        standing.is_none_or(|standing| standing.up || standing.trouble.is_some())
    }

    fn stop(&mut self) {
        self.link = None;
    }
}

fn say(news: &News) {
    match news {
        News::Up(states) => tracing::info!(states, "connected to Home Assistant"),
        News::Down(said, wait) => tracing::warn!(said, seconds = wait.as_secs(), "not connected to Home Assistant"),
        News::Changed(_) | News::Event(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        for (want, entity, fit) in [
            ("light.a", "light.a", true),
            ("light.a", "light.ab", false),
            ("*", "light.a", true),
            ("light.*", "light.a", true),
            ("light.*", "switch.a", false),
            ("*.kitchen_*", "light.kitchen_1", true),
            ("binary_sensor.*_motion", "binary_sensor.hall_motion", true),
            ("binary_sensor.*_motion", "binary_sensor.hall", false),
            ("a*a", "a", false),
        ] {
            assert_eq!(fits(want, entity), fit, "{want} {entity}");
        }
    }
}
