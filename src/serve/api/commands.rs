//! `/api/v1/commands`: what there is to run; and running it.

mod run;

use std::collections::BTreeMap;

use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::Deserialize;

pub use self::run::{Started, Wishes, start};
use crate::app::App;
use crate::app::check::{Checked, check_installed, check_text};
use crate::app::shelf::unknown_source;
use crate::app::views::command::{CheckView, CommandView, WholeCommand};
use crate::app::views::page::{Page, Paging};
use crate::commands::scan::fold_name;
use crate::kernel::error::{Error, Kind};
use crate::serve::access::Permission;
use crate::serve::call::Call;
use crate::serve::problem::Problem;
use crate::serve::route::Route;
use crate::store::DefinitionFilter;

/// The routes.
pub fn routes() -> Vec<Route> {
    let read = |draft: crate::serve::route::Draft| draft.tag("commands").may(Permission::CommandsRead);
    vec![
        read(Route::get("/api/v1/commands", "List commands by name, or find them")).query::<Wanted>().with(ls),
        read(Route::get("/api/v1/commands/{name}", "Show a command with its text")).with(show),
        Route::post("/api/v1/commands/{name}/runs", "Run a command")
            .tag("commands")
            .may(Permission::CommandsRun)
            .body_up_to(16 << 20)
            .takes::<run::Wanted>()
            .may_answer(StatusCode::ACCEPTED)
            .with(run::run),
        read(Route::post("/api/v1/checks", "Check definitions: a text, or those that are installed"))
            .takes::<Check>()
            .with(check),
    ]
}

/// Which commands.
#[derive(Debug, Deserialize, JsonSchema)]
struct Wanted {
    #[serde(flatten)]
    page: Paging,
    /// Only names that begin so
    prefix: Option<String>,
    /// Only of this source
    source: Option<String>,
    /// Only of this dialect
    dialect: Option<String>,
    /// Only of this category
    category: Option<String>,
    /// Find them by words of their name, description or text; then the best come first, all at once
    q: Option<String>,
}

fn ls(call: &Call<Wanted>, app: &App) -> Result<Page<CommandView>, Problem> {
    let wanted = &call.query;
    let catalog = app.whole_catalog()?;
    if let Some(words) = &wanted.q {
        return found(app, words, wanted.page.limit);
    }
    if let Some(source) = &wanted.source
        && app.store()?.source_by_name(source)?.is_none()
    {
        return Err(unknown_source(app.store()?, source).into());
    }
    let filter = DefinitionFilter {
        source: wanted.source.clone(),
        dialect: wanted.dialect.clone(),
        category: wanted.category.clone(),
        prefix: wanted.prefix.as_deref().map(fold_name),
        with_json: true,
    };
    let (rows, next) = catalog.page(&filter, wanted.page.after.as_deref(), wanted.page.limit)?;
    let hits = rows.into_iter().filter_map(crate::store::DefinitionRow::into_hit);
    let items = hits.map(|hit| Ok(CommandView::from(&catalog.resolved(hit)?)));
    Ok(Page { items: items.collect::<Result<_, Error>>()?, next })
}

/// What a search finds among commands.
fn found(app: &App, words: &str, limit: usize) -> Result<Page<CommandView>, Problem> {
    let catalog = app.whole_catalog()?;
    let query = app.query(&catalog, words, Some("command")).map_err(|error| super::wrong_as("q", &error))?;
    let mut items = Vec::new();
    for hit in app.index().find(catalog.store, &query, limit, false)?.hits {
        let Ok(id) = hit.key.parse() else { continue };
        let row = catalog.store.definition(id)?.filter(|row| catalog.is_visible(&row.source));
        if let Some(row) = row {
            items.push(CommandView::from(&catalog.resolved(row)?));
        }
    }
    Ok(Page { items, next: None })
}

fn show(call: &Call, app: &App) -> Result<WholeCommand, Problem> {
    let words = super::words(call.param("name"));
    let (resolved, used) = app.resolve(&words)?;
    if used < words.len() {
        let said = format!("there is no command `{}`", words.join(" "));
        return Err(Error::new(Kind::NotFound, said).hint(format!("the nearest is `{}`", resolved.key())).into());
    }
    Ok(WholeCommand::from(&resolved))
}

/// What is to be checked.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Check {
    /// This text, instead of what is installed
    text: Option<String>,
    /// The name of its file, by which dialects are told apart
    #[serde(default)]
    path: Option<String>,
    /// Only what is installed of this source
    source: Option<String>,
    /// Texts that stand beside it, by their path
    #[serde(default)]
    beside: BTreeMap<String, String>,
}

fn check(call: &Call<(), Check>, app: &App) -> Result<CheckView, Problem> {
    let wanted = &call.body;
    let checked: Checked = match &wanted.text {
        Some(text) => {
            let path = wanted.path.as_deref().unwrap_or("commands.md");
            if path.is_empty() || path.len() > 500 || path.starts_with('/') || path.split('/').any(|part| part == "..")
            {
                return Err(super::wrong("/path", "it wants a path below a folder"));
            }
            check_text(path, text.as_bytes(), &wanted.beside)
        }
        None => check_installed(app, wanted.source.as_deref())?,
    };
    Ok(checked.view())
}
