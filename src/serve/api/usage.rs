//! `/api/v1/usage`: tokens and money, summed.

use schemars::JsonSchema;
use serde::Deserialize;

use super::wrong;
use crate::app::App;
use crate::app::views::usage::{UsageList, UsageView};
use crate::serve::access::Permission;
use crate::serve::call::Call;
use crate::serve::problem::Problem;
use crate::serve::route::Route;
use crate::store::{UsageBy, UsageFilter};

/// The routes.
pub fn routes() -> Vec<Route> {
    let get = Route::get("/api/v1/usage", "Tokens and cost: by day, model, chat or command");
    vec![get.tag("usage").may(Permission::UsageRead).query::<Wanted>().with(usage)]
}

/// How it is summed.
#[derive(Debug, Deserialize, JsonSchema)]
struct Wanted {
    /// By day, model, session or command
    #[serde(default = "day")]
    by: String,
    /// Only the last so many days
    #[schemars(range(min = 1, max = 100_000))]
    days: Option<u32>,
}

fn day() -> String {
    "day".to_string()
}

fn usage(call: &Call<Wanted>, app: &App) -> Result<UsageList, Problem> {
    let Wanted { by, days } = &call.query;
    let sum = match by.as_str() {
        "day" => UsageBy::Day,
        "model" => UsageBy::Model,
        "session" => UsageBy::Session,
        "command" => UsageBy::Command,
        other => {
            return Err(wrong("by", format!("nothing is summed by {other:?}")).hint("day, model, session or command"));
        }
    };
    let now = app.clock.now();
    let here = jiff::Timestamp::from_microsecond(now.as_micros()).unwrap_or_default();
    let offset = i64::from(here.to_zoned(jiff::tz::TimeZone::system()).offset().seconds());
    let since = days.map(|days| now.plus_micros(-i64::from(days) * 86_400_000_000));
    let filter = UsageFilter { since, ..UsageFilter::default() };
    let store = app.store()?;
    let items = store.usage(&filter, sum, offset)?.iter().map(|row| UsageView::by(by, row)).collect();
    let total = store.usage(&filter, UsageBy::All, offset)?.pop().unwrap_or_default();
    Ok(UsageList { items, total: UsageView::by("key", &total), next: None })
}
