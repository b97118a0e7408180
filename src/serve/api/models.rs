//! `/api/v1/models`: who can be asked, what they can and cost.

use std::rc::Rc;

use futures_util::future::LocalBoxFuture;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::app::App;
use crate::app::views::model::{FailedProvider, ModelList, ModelView, WholeModel};
use crate::serve::access::Permission;
use crate::serve::call::Call;
use crate::serve::problem::Problem;
use crate::serve::route::{Draft, Route};

/// The routes.
pub fn routes() -> Vec<Route> {
    let read = |draft: Draft| draft.tag("models").may(Permission::ModelsRead);
    vec![
        read(Route::get("/api/v1/models", "List the models of everybody who is set up")).query::<Wanted>().talks(ls),
        read(Route::get("/api/v1/models/{name}", "What a model can, holds and costs")).talks(one),
    ]
}

/// Which models.
#[derive(Debug, Deserialize, JsonSchema)]
struct Wanted {
    /// Only names that hold this
    part: Option<String>,
    /// Ask the providers anew
    #[serde(default)]
    refresh: bool,
}

fn ls(call: Call<Wanted>, app: Rc<App>) -> LocalBoxFuture<'static, Result<ModelList, Problem>> {
    Box::pin(async move {
        let models = app.models()?;
        let (items, failed) = app.all_models(&models, call.query.part.as_deref(), call.query.refresh).await;
        Ok(ModelList {
            items: items.iter().map(ModelView::from).collect(),
            failed: failed.iter().map(|(name, error)| FailedProvider::of(name, error)).collect(),
            next: None,
        })
    })
}

fn one(call: Call, app: Rc<App>) -> LocalBoxFuture<'static, Result<WholeModel, Problem>> {
    Box::pin(async move {
        let models = app.models()?;
        let (choice, info) = app.model_named(&models, call.param("name")).await?;
        Ok(WholeModel::of(&choice, &info))
    })
}
