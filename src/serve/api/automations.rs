//! `/api/v1/automations`: what fires commands, what did, and what would.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use super::{conflict, words, wrong_as};
use crate::app::App;
use crate::app::auto::{Automation, Trial};
use crate::app::views::automation::{
    AutomationView, ComingView, FiredByHand, FiringView, TrialView, TriggerKind, WholeFiring,
};
use crate::app::views::job::JobView;
use crate::app::views::page::{Page, Paging};
use crate::app::views::run::StepView;
use crate::automations::trigger::REFERENCE;
use crate::kernel::when;
use crate::serve::access::Permission;
use crate::serve::call::Call;
use crate::serve::problem::Problem;
use crate::serve::route::{Draft, Route};

/// So many of the last firings are shown with an automation.
const LAST: usize = 5;

/// The routes.
pub fn routes() -> Vec<Route> {
    let read = |draft: Draft| draft.tag("automations").may(Permission::AutomationsRead);
    let write = |draft: Draft| draft.tag("automations").may(Permission::AutomationsWrite);
    vec![
        read(Route::get("/api/v1/automations", "List automations")).with(ls),
        read(Route::get("/api/v1/automations/{name}", "Show an automation with its last firings")).with(one),
        write(Route::post("/api/v1/automations/{name}/enable", "Let it fire, exactly as it is now")).with(enable),
        write(Route::post("/api/v1/automations/{name}/disable", "Let it fire no more")).with(disable),
        write(Route::post("/api/v1/automations/{name}/test", "What would happen, without doing it"))
            .takes::<Happening>()
            .with(test),
        write(Route::post("/api/v1/automations/{name}/run", "Fire it now, and wait for its end"))
            .takes::<Happening>()
            .with(run),
        write(Route::get("/api/v1/firings", "What happened, and what came of it, newest first"))
            .query::<Of>()
            .with(trace),
        write(Route::get("/api/v1/firings/{id}", "Show a firing with everything that is known of it")).with(firing),
        read(Route::get("/api/v1/coming", "What fires next")).query::<Soon>().with(next),
        read(Route::get("/api/v1/triggers", "What a command can be fired by")).with(triggers),
    ]
}

/// The automation that is named in the path.
fn named<Q, B>(call: &Call<Q, B>, app: &App) -> Result<Automation, Problem> {
    app.whole_catalog()?;
    Ok(app.automation(&words(call.param("name")))?)
}

/// Automations, and who runs them.
#[derive(Debug, Serialize, JsonSchema)]
struct Automations {
    /// The automations.
    items: Vec<AutomationView>,
    /// The process that runs them; null when nobody does.
    keeper: Option<Keeper>,
    /// Always null: they come all at once.
    next: Option<String>,
}

/// A process.
#[derive(Debug, Serialize, JsonSchema)]
struct Keeper {
    /// Its number.
    pid: u32,
}

fn ls(_: &Call, app: &App) -> Result<Automations, Problem> {
    app.whole_catalog()?;
    let now = app.clock.now();
    let items = app.automations()?.iter().map(|one| AutomationView::of(app, one, now)).collect::<Result<_, _>>()?;
    let keeper = app.keeper_process()?.map(|process| Keeper { pid: process.pid });
    Ok(Automations { items, keeper, next: None })
}

fn shown(app: &App, one: &Automation) -> Result<AutomationView, Problem> {
    let last = app.store()?.firings(Some(&one.key), None, LAST)?;
    let view = AutomationView::of(app, one, app.clock.now())?;
    Ok(AutomationView { last: Some(last.iter().map(FiringView::from).collect()), ..view })
}

fn one(call: &Call, app: &App) -> Result<AutomationView, Problem> {
    shown(app, &named(call, app)?)
}

fn enable(call: &Call, app: &App) -> Result<AutomationView, Problem> {
    app.enable_automation(&named(call, app)?)?;
    shown(app, &named(call, app)?)
}

fn disable(call: &Call, app: &App) -> Result<AutomationView, Problem> {
    let one = named(call, app)?;
    if !app.store()?.disable_automation(&one.key)? {
        return Err(conflict(format!("`{}` is not enabled", one.name())));
    }
    // What was disabled because its definition is gone is not there any more.
    let now = named(call, app).unwrap_or(one);
    shown(app, &now).or_else(|_| Ok(AutomationView::of(app, &now, app.clock.now())?))
}

/// What happens.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Happening {
    /// Its fields, such as {"kind": "mqtt", "topic": "home/door", "payload": "open"}
    with: Option<Map<String, Json>>,
    /// When it happens, for a test: 07:30, 2026-01-31T12:00 or 2026-01-31T12:00:00Z
    at: Option<String>,
}

fn test(call: &Call<(), Happening>, app: &App) -> Result<TrialView, Problem> {
    let one = named(call, app)?;
    let now = app.clock.now();
    let at = match &call.body.at {
        None => None,
        Some(text) => Some(when::next(text, now, &jiff::tz::TimeZone::system()).ok_or_else(|| {
            super::wrong("/at", format!("{text:?} is no time")).hint("07:30, 2026-01-31T12:00 or 2026-01-31T12:00:00Z")
        })?),
    };
    let data = call.body.with.clone().map(Json::Object);
    let tried = app.try_automation(&one, &Trial { data, at })?;
    Ok(TrialView::of(&one, &tried))
}

fn run(call: &Call<(), Happening>, app: &App) -> Result<FiredByHand, Problem> {
    if call.body.at.is_some() {
        return Err(super::wrong("/at", "it happens now"));
    }
    let one = named(call, app)?;
    let data = call.body.with.clone().map(Json::Object);
    let (job, _) = app.fire_by_hand(&one, data, &call.gone.stop()?)?;
    let run = job.run.map(|id| app.store()?.run(&id.to_string())).transpose()?;
    let steps = run.iter().flat_map(|run| &run.steps).map(StepView::from).collect();
    Ok(FiredByHand { job: JobView::from(&job), steps })
}

/// Of which automation.
#[derive(Debug, Deserialize, JsonSchema)]
struct Of {
    #[serde(flatten)]
    page: Paging,
    /// Only of this one
    automation: Option<String>,
}

fn trace(call: &Call<Of>, app: &App) -> Result<Page<FiringView>, Problem> {
    let of = match &call.query.automation {
        None => None,
        Some(name) => Some(app.automation(&words(name))?.key),
    };
    let Paging { limit, after } = &call.query.page;
    let after = after.as_deref().map(str::parse).transpose().map_err(|error| wrong_as("after", &error))?;
    let mut firings = app.store()?.firings(of.as_ref(), after, limit + 1)?;
    let more = firings.len() > *limit;
    firings.truncate(*limit);
    let next = firings.last().filter(|_| more).map(|last| last.id.to_string());
    Ok(Page { items: firings.iter().map(FiringView::from).collect(), next })
}

fn firing(call: &Call, app: &App) -> Result<WholeFiring, Problem> {
    let firing = app.store()?.firing(call.param("id"))?;
    Ok(WholeFiring::of(app, &firing)?)
}

/// How many.
#[derive(Debug, Deserialize, JsonSchema)]
struct Soon {
    /// At most this many
    #[serde(default = "ten")]
    #[schemars(range(min = 1, max = 200))]
    limit: usize,
}

fn ten() -> usize {
    10
}

fn next(call: &Call<Soon>, app: &App) -> Result<Page<ComingView>, Problem> {
    app.whole_catalog()?;
    let coming = app.coming(app.clock.now(), call.query.limit, None)?;
    Ok(Page { items: coming.iter().map(ComingView::from).collect(), next: None })
}

fn triggers(_: &Call, _: &App) -> Result<Page<TriggerKind>, Problem> {
    Ok(Page { items: REFERENCE.iter().map(TriggerKind::from).collect(), next: None })
}
