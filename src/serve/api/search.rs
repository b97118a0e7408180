//! `/api/v1/search`: one search over commands, runs, chats and what is remembered.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{wrong, wrong_as};
use crate::app::App;
use crate::app::find::describe;
use crate::app::views::hit::{HitList, HitView};
use crate::serve::access::Permission;
use crate::serve::call::Call;
use crate::serve::problem::Problem;
use crate::serve::route::Route;

/// Hits that are looked at where some of them are not for whoever asks.
const LOOKED_AT: usize = 1000;
/// The longest query, characters.
const LONGEST: usize = 2000;

/// The routes.
pub fn routes() -> Vec<Route> {
    let get = Route::get("/api/v1/search", "Find commands, past runs, messages of chats and memories");
    vec![get.tag("search").may(Permission::SearchRead).query::<Wanted>().with(search)]
}

/// What to look for.
#[derive(Debug, Deserialize, JsonSchema)]
struct Wanted {
    /// Words, "phrases", -words, field:value; every part must match
    q: String,
    /// Only of this kind: command, run, message, memory or recording
    kind: Option<String>,
    /// At most this many
    #[serde(default = "usual")]
    #[schemars(range(min = 1, max = 200))]
    limit: usize,
    /// Count what was found by kind, role, model, source, status and tag
    #[serde(default)]
    facets: bool,
}

fn usual() -> usize {
    20
}

fn search(call: &Call<Wanted>, app: &App) -> Result<HitList, Problem> {
    let Wanted { q, kind, limit, facets } = &call.query;
    if q.chars().count() > LONGEST {
        return Err(wrong("q", format!("it is longer than {LONGEST} characters")));
    }
    if let Some(kind) = kind.as_deref().filter(|k| !["command", "run", "message", "memory", "recording"].contains(k)) {
        return Err(
            wrong("kind", format!("there is no kind {kind:?}")).hint("command, run, message, memory or recording")
        );
    }
    let catalog = app.whole_catalog()?;
    let query = app.query(&catalog, q, kind.as_deref()).map_err(|error| wrong_as("q", &error))?;
    let all = call.caller.sees(None);
    let looked = if all { *limit } else { LOOKED_AT };
    // What others have is not even counted for who does not see it.
    let found = app.index().find(catalog.store, &query, looked, all && *facets)?;
    let mut items = Vec::new();
    for hit in &found.hits {
        if !all && matches!(hit.kind.as_str(), "memory" | "recording") {
            continue;
        }
        if let Some(line) = describe(&catalog, hit)? {
            items.push(HitView::of(hit, &line));
        }
        if items.len() == *limit {
            break;
        }
    }
    let counted = found.facets.map(|facets| (facets.total, facets.fields));
    let (total, facets) = counted.unzip();
    Ok(HitList { items, next: None, total, facets })
}
