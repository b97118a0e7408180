//! The MCP servers that are switched on: whether they could be used. None is started, no address is asked.

use super::Findings;
use crate::app::App;

pub(super) fn look(app: &App, found: &mut Findings) {
    // Settings that cannot be read were named already.
    let Ok(config) = app.config() else { return };
    for (name, server) in config.mcp_servers().into_iter().filter(|(_, server)| !server.disabled) {
        match app.mcp_check(&name, &server) {
            Ok(place) => found.good("mcp", format!("{name} can be used ({place}); it was not started")),
            Err(error) => found.error("mcp", &error, &format!("fac mcp disable {name}")),
        }
    }
}
