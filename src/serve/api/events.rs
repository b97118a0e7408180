//! `/api/v1/events`: the log of facts, from a position on.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::wrong_as;
use crate::app::App;
use crate::app::views::event::EventView;
use crate::app::views::page::{Page, Paging};
use crate::kernel::events::Position;
use crate::serve::access::Permission;
use crate::serve::call::Call;
use crate::serve::problem::Problem;
use crate::serve::route::{Draft, Route};

/// The routes.
pub fn routes() -> Vec<Route> {
    let read = |draft: Draft| draft.tag("events").may(Permission::EventsRead);
    vec![
        read(Route::get("/api/v1/events", "List events, oldest first; without `after` the latest"))
            .query::<Wanted>()
            .with(ls),
        read(Route::get("/api/v1/events/last", "The position of the last event, to go on from")).with(last),
    ]
}

/// Which events.
#[derive(Debug, Deserialize, JsonSchema)]
struct Wanted {
    #[serde(flatten)]
    page: Paging,
    /// Only kinds like this: run.*, trust.granted
    #[serde(default = "every")]
    kinds: String,
}

fn every() -> String {
    "*".to_string()
}

fn ls(call: &Call<Wanted>, app: &App) -> Result<Page<EventView>, Problem> {
    let (store, Paging { limit, after }) = (app.store()?, &call.query.page);
    let events = match after {
        None => store.tail(&call.query.kinds, *limit)?,
        Some(after) => {
            let position: Position = after.parse().map_err(|error| wrong_as("after", &error))?;
            store.events(Some(position), &call.query.kinds, *limit)?
        }
    };
    let whole = events.len() == *limit && after.is_some();
    let next = events.last().filter(|_| whole).map(|last| last.position.to_string());
    Ok(Page { items: events.iter().map(EventView::from).collect(), next })
}

/// Where the log ends.
#[derive(Debug, Serialize, JsonSchema)]
struct Last {
    /// The position of its last event; null when there is none.
    position: Option<String>,
}

fn last(_: &Call, app: &App) -> Result<Last, Problem> {
    Ok(Last { position: app.store()?.last_position()?.map(|position| position.to_string()) })
}
