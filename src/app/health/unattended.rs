//! What is to happen by itself and does not: automations that were enabled, plugins that are switched on, work that was given up.

use super::Findings;
use crate::app::App;
use crate::app::auto::Standing;
use crate::store::JobStatus;

pub(super) fn look(app: &App, found: &mut Findings) {
    // What keeps the settings or the store from being read was named already.
    if app.config().is_err() || app.store().is_err() {
        return;
    }
    automations(app, found);
    plugins(app, found);
    let counts = app.store().and_then(|store| store.job_counts()).unwrap_or_default();
    if let Some((_, dead)) = counts.into_iter().find(|(status, dead)| *status == JobStatus::Dead && *dead > 0) {
        let said = if dead == 1 { "1 job was given up".to_string() } else { format!("{dead} jobs were given up") };
        found.note("jobs", said, "`fac jobs ls --status dead` shows them, `fac jobs retry` owes them again");
    }
}

fn automations(app: &App, found: &mut Findings) {
    let all = match app.automations() {
        Ok(all) => all,
        Err(error) => return found.error("automations", &error, "`fac auto ls` shows them"),
    };
    let enabled: Vec<_> = all.iter().filter(|one| one.enabled.is_some()).collect();
    let firing = enabled.iter().filter(|one| one.standing == Standing::On).count();
    if firing > 0 {
        let said = if firing == 1 { "1 automation fires".to_string() } else { format!("{firing} automations fire") };
        found.good("automations", said);
    }
    for one in enabled {
        let name = one.name();
        match &one.standing {
            Standing::On | Standing::Off => {}
            Standing::Changed => {
                let said = format!("{name} has changed since it was enabled, and does not fire");
                found.note("automations", said, format!("look at it, then `fac auto enable {name}`"));
            }
            Standing::Untrusted => {
                let said = format!("{name} is not trusted, and does not fire");
                found.note("automations", said, format!("look at it, then `fac auto enable {name}`"));
            }
            Standing::Gone => {
                found.bad("automations", format!("{name} is gone"), format!("`fac auto disable {name}` forgets it"));
            }
            Standing::Stopped(why) | Standing::Broken(why) => {
                let said = format!("{name} does not fire: {why}");
                found.bad("automations", said, format!("mend it, then `fac auto enable {name}`"));
            }
        }
    }
}

fn plugins(app: &App, found: &mut Findings) {
    for plugin in app.known_plugins().unwrap_or_default() {
        let name = &plugin.name;
        match (plugin.state(), &plugin.found) {
            ("changed", _) => {
                let said = format!("{name} has changed since it was allowed, and is left out");
                found.note("plugins", said, format!("`fac plugin enable {name}` shows what changed, and allows it"));
            }
            ("failed", _) => {
                let said = format!("{name} failed several times in a row, and is switched off");
                found.bad("plugins", said, format!("`fac plugin log {name}` says why"));
            }
            (_, Err(error)) => found.error("plugins", error, &format!("mend it, or `fac plugin rm {name}`")),
            _ => {}
        }
    }
}
