//! `fac serve cert`: a certificate of one's own for the server, named in the settings.

use std::path::PathBuf;

use serde_json::json;

use super::super::Context;
use super::super::ui::Role;
use crate::kernel::config::{KeyPath, Value, edit};
use crate::kernel::error::Result;
use crate::serve::tls::make::{self, DAYS};

const EXAMPLES: &str = "\
Examples:
  fac serve cert                              good for localhost
  fac serve cert fac.home.arpa 192.168.1.20   and for these
  fac serve cert --force fac.home.arpa        anew, before it ends
  curl --cacert server.pem https://fac.home.arpa:4000/livez

Whoever is to believe it needs the certificate (server.pem), never the key.
The settings name both from then on, and the names as the server's own (serve.hosts); a running server is restarted
once.";

/// Make a certificate that nobody vouches for but itself
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// More names and addresses that it is good for
    names: Vec<String>,
    /// How long it is good
    #[arg(long, default_value_t = DAYS, value_parser = clap::value_parser!(u32).range(1..=36_500))]
    days: u32,
    /// The folder for it (beside the settings)
    #[arg(long)]
    dir: Option<PathBuf>,
    /// In the place of the one that stands there; a running server takes it up by itself
    #[arg(long)]
    force: bool,
    /// Do not name it in the settings
    #[arg(long)]
    no_settings: bool,
}

pub(super) fn run(context: &Context, args: &Args) -> Result<u8> {
    let app = &context.app;
    let folder = args.dir.clone().unwrap_or_else(|| app.paths.config.join("tls"));
    let folder = std::path::absolute(&folder).unwrap_or(folder);
    let made = make::make(&folder, &args.names, args.days, app.clock.now(), args.force)?;
    if !args.no_settings {
        let text = |path: &std::path::Path| Value::Text(path.display().to_string());
        // A server answers to no name but its own.
        let mut hosts = app.config()?.list("serve.hosts");
        let words = args.names.iter().filter(|name| name.parse::<std::net::IpAddr>().is_err());
        let more: Vec<String> = words.filter(|name| !hosts.contains(name)).cloned().collect();
        hosts.extend(more);
        let mut settings = vec![
            (KeyPath::new(["serve", "cert_file"]), text(&made.cert)),
            (KeyPath::new(["serve", "key_file"]), text(&made.key)),
        ];
        if !hosts.is_empty() {
            settings.push((KeyPath::new(["serve", "hosts"]), Value::List(hosts)));
        }
        edit::set_all(&app.paths.config_file, &settings)?;
    }
    if context.ui.json {
        let said = json!({"cert": made.cert, "key": made.key, "names": made.names, "ends": made.ends});
        context.ui.value(&json!({"certificate": said}))?;
        return Ok(0);
    }
    let ui = &context.ui;
    ui.line(&format!("{}  {}", ui.paint(Role::Strong, "certificate"), made.cert.display()))?;
    ui.line(&format!("{}  {}", ui.paint(Role::Strong, "key        "), made.key.display()))?;
    ui.note(&format!("good for {} until {}", made.names.join(", "), made.ends.local_short()));
    Ok(0)
}
