//! `/api/v1/plugins`: what hears and changes things beside us.

use crate::app::App;
use crate::app::views::page::Page;
use crate::app::views::plugin::PluginView;
use crate::serve::access::Permission;
use crate::serve::call::Call;
use crate::serve::problem::Problem;
use crate::serve::route::Route;

/// The routes.
pub fn routes() -> Vec<Route> {
    let get = Route::get("/api/v1/plugins", "List plugins");
    vec![get.tag("plugins").may(Permission::SystemRead).with(ls)]
}

fn ls(_: &Call, app: &App) -> Result<Page<PluginView>, Problem> {
    Ok(Page { items: app.known_plugins()?.iter().map(PluginView::from).collect(), next: None })
}
