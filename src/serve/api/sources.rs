//! `/api/v1/sources`: where commands come from, and which of them may run.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{conflict, wrong_as};
use crate::app::App;
use crate::app::shelf::{changed_views, dialect};
use crate::app::sources::Watch;
use crate::app::views::page::Page;
use crate::app::views::source::{
    AddedSource, ChangedCommand, RemovedSource, SourceView, UpdatedView, UpdatesView, WholeSource,
};
use crate::commands::source::remote::Report;
use crate::serve::access::Permission;
use crate::serve::call::Call;
use crate::serve::problem::Problem;
use crate::serve::route::{Draft, Route};
use crate::store::{NewGrant, Source, SourceKind};

/// The routes.
pub fn routes() -> Vec<Route> {
    let read = |draft: Draft| draft.tag("sources").may(Permission::SourcesRead);
    let write = |draft: Draft| draft.tag("sources").may(Permission::SourcesWrite);
    vec![
        read(Route::get("/api/v1/sources", "List sources")).with(ls),
        read(Route::get("/api/v1/sources/{name}", "Show a source")).with(show),
        read(Route::get("/api/v1/sources/{name}/changes", "What changed since it was trusted")).with(changes),
        write(Route::post("/api/v1/sources", "Take definitions from a place")).creates().takes::<Add>().with(add),
        write(Route::post("/api/v1/sources/update", "Fetch what is new of all sources")).with(update_all),
        write(Route::post("/api/v1/sources/{name}/update", "Fetch what is new of a source")).with(update),
        write(Route::post("/api/v1/sources/{name}/trust", "Allow commands to run exactly as they are now"))
            .takes::<Trust>()
            .with(trust),
        write(Route::delete("/api/v1/sources/{name}/trust", "Take trust back")).query::<Untrust>().with(untrust),
        write(Route::delete("/api/v1/sources/{name}", "Remove a source and everything fetched from it")).with(rm),
    ]
}

fn ls(_: &Call, app: &App) -> Result<Page<SourceView>, Problem> {
    app.whole_catalog()?;
    let counts = app.command_counts()?;
    let view = |source: &Source| app.source_view(source, counts.get(&source.name).copied().unwrap_or(0));
    let items = app.visible_sources()?.iter().map(view).collect::<Result<_, _>>()?;
    Ok(Page { items, next: None })
}

fn show(call: &Call, app: &App) -> Result<WholeSource, Problem> {
    app.whole_catalog()?;
    Ok(app.whole_source(&app.source_named(call.param("name"))?)?)
}

/// What changed.
#[derive(Debug, Serialize, JsonSchema)]
struct Changes {
    /// The commands that are not what was trusted.
    items: Vec<ChangedCommand>,
    /// Always null: they come all at once.
    next: Option<String>,
}

fn changes(call: &Call, app: &App) -> Result<Changes, Problem> {
    let catalog = app.whole_catalog()?;
    let source = app.source_named(call.param("name"))?;
    let items = changed_views(&app.changed_since_trusted(&catalog, &[source])?);
    Ok(Changes { items, next: None })
}

/// A place to take definitions from.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Add {
    /// github:owner/repo[/path][@ref], a github.com page, an https:// Markdown file, or a folder of the server
    #[schemars(length(min = 1, max = 2000))]
    spec: String,
    /// What to call it
    name: Option<String>,
    /// Read files as this dialect where they cannot be told apart
    #[serde(rename = "as")]
    dialect: Option<String>,
}

fn add(call: &Call<(), Add>, app: &App) -> Result<AddedSource, Problem> {
    let wanted = &call.body;
    let read_as = wanted.dialect.as_deref().map(dialect).transpose().map_err(|error| wrong_as("/as", &error))?;
    let spec = app.source_spec(&wanted.spec).map_err(|error| wrong_as("/spec", &error))?;
    let (stop, nobody) = (call.gone.stop()?, nobody());
    let watch = Watch { report: &nobody, stop: &stop };
    let (name, synced) = app.add_source(&spec, wanted.name.as_deref(), read_as, watch)?;
    let commands = synced.replaced.added + synced.replaced.unchanged + synced.replaced.changed;
    let source = app.source_view(&app.source_named(&name)?, commands)?;
    Ok(AddedSource { source, notes: synced.notes })
}

/// Nobody watches how far a download is.
fn nobody() -> Report {
    Arc::new(|_: &str, _| {})
}

fn update(call: &Call, app: &App) -> Result<UpdatesView, Problem> {
    let source = app.source_named(call.param("name"))?;
    updated(call, app, vec![source])
}

fn update_all(call: &Call, app: &App) -> Result<UpdatesView, Problem> {
    let all = app.store()?.sources()?.into_iter();
    let fetched = |s: &Source| matches!(s.kind, SourceKind::Github | SourceKind::Url | SourceKind::Dir);
    updated(call, app, all.filter(fetched).collect())
}

fn updated(call: &Call, app: &App, chosen: Vec<Source>) -> Result<UpdatesView, Problem> {
    let (stop, nobody) = (call.gone.stop()?, nobody());
    let answers = app.update_sources(chosen, Watch { report: &nobody, stop: &stop })?;
    app.look_again();
    let failed = answers.iter().filter(|one| one.result.is_err()).count();
    Ok(UpdatesView { updated: answers.iter().map(UpdatedView::from).collect(), failed })
}

/// What is to be trusted.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Trust {
    /// Only this command, and what it requires
    command: Option<String>,
    /// Only if the command is still this (its `digest`)
    digest: Option<String>,
}

/// What is trusted now.
#[derive(Debug, Serialize, JsonSchema)]
struct Trusted {
    /// The commands that were not before.
    trusted: Vec<String>,
}

fn trust(call: &Call<(), Trust>, app: &App) -> Result<Trusted, Problem> {
    let catalog = app.whole_catalog()?;
    let source = app.source_named(call.param("name"))?;
    let command = call.body.command.as_deref();
    let wanting = app.wanting_trust(&catalog, &source, command)?;
    if let Some(digest) = &call.body.digest
        && !wanting.is_empty()
        && !wanting.iter().any(|one| one.digest == *digest)
    {
        return Err(conflict("it is not what you have seen").hint("show it again"));
    }
    let mut grants: Vec<NewGrant> = wanting.iter().map(|one| one.grant("source trust")).collect();
    grants.extend(app.settings_grant(&source, command));
    if !grants.is_empty() {
        catalog.store.grant(&grants)?;
    }
    Ok(Trusted { trusted: grants.into_iter().map(|grant| grant.command).collect() })
}

/// What is trusted no more.
#[derive(Debug, Deserialize, JsonSchema)]
struct Untrust {
    /// Only this command
    command: Option<String>,
}

/// What is trusted no more.
#[derive(Debug, Serialize, JsonSchema)]
struct Untrusted {
    /// The source.
    untrusted: String,
    /// How many permissions were taken back.
    permissions: usize,
}

fn untrust(call: &Call<Untrust>, app: &App) -> Result<Untrusted, Problem> {
    let source = app.source_named(call.param("name"))?;
    let permissions = app.untrust(&source, call.query.command.as_deref())?;
    Ok(Untrusted { untrusted: source.name, permissions })
}

fn rm(call: &Call, app: &App) -> Result<RemovedSource, Problem> {
    let source = app.source_named(call.param("name"))?;
    let removed = app.remove_source(&source)?;
    app.look_again();
    Ok(removed)
}
