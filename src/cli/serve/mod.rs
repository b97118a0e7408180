//! `fac serve`: the same, headless, for other programs.

mod cert;

use std::net::SocketAddr;

use serde_json::json;

use super::Context;
use super::ui::Role;
use crate::app::App;
use crate::app::auto::myself;
use crate::exec::signals::{StopOnSignals, flag_on_hup};
use crate::kernel::error::{Context as _, Kind, Result};
use crate::kernel::figures::counted;
use crate::kernel::files;
use crate::kernel::terminal::safe_line;
use crate::serve::run::{self, Told, Wishes};
use crate::serve::{openapi, routes, systemd};
use crate::store::Store;

const EXAMPLES: &str = "\
Examples:
  fac serve                             at 127.0.0.1:4000
  fac serve --listen 127.0.0.1:8080
  fac serve --print-openapi > openapi.json

Every request says who asks: `fac key create NAME` makes a key. It ends on Ctrl-C,
after what is under way has ended; a second Ctrl-C ends it at once. Settings and
certificates that change are taken up as they are saved, and at once on HUP.";

/// Serve everything over HTTP
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    what: Option<What>,
    /// Where to listen
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:4000", value_parser = address)]
    listen: SocketAddr,
    /// Do not run automations here
    #[arg(long)]
    no_automations: bool,
    /// A proxy on this machine encrypts and says who asks (serve.trusted_proxies names others)
    #[arg(long)]
    behind_proxy: bool,
    /// Print a unit for systemd that starts it with these options, and exit
    #[arg(long)]
    print_systemd: bool,
    /// Print the OpenAPI document and exit
    #[arg(long)]
    print_openapi: bool,
}

impl Args {
    /// The words that want the same again.
    fn words(&self) -> Vec<String> {
        let mut words = vec!["--listen".to_string(), self.listen.to_string()];
        words.extend(self.no_automations.then(|| "--no-automations".to_string()));
        words.extend(self.behind_proxy.then(|| "--behind-proxy".to_string()));
        words
    }
}

#[derive(Debug, clap::Subcommand)]
enum What {
    Cert(cert::Args),
}

/// Who runs what is enabled; `None` where nothing is.
fn who_automates(app: &App) -> Option<String> {
    let enabled = app.store().and_then(Store::automations).map_or(0, |all| all.len());
    let other = app.keeper_process().ok().flatten().filter(|process| *process != myself());
    let all = counted(Some(enabled).filter(|count| *count > 0)?, "automation");
    Some(match other {
        Some(process) => format!("{all} enabled, which process {} runs until it ends", process.pid),
        None => format!("{all} enabled, which may fire here; --no-automations keeps them from it"),
    })
}

pub(super) fn run(context: &mut Context, args: &Args) -> Result<u8> {
    if let Some(What::Cert(args)) = &args.what {
        return cert::run(context, args);
    }
    if args.print_openapi {
        let document = openapi::document(&routes());
        context.ui.line(&serde_json::to_string_pretty(&document).unwrap_or_default())?;
        return Ok(0);
    }
    if args.print_systemd {
        let program = std::env::current_exe().context(Kind::Failed, || "cannot find this program".to_string())?;
        context.ui.write(systemd::unit(&program, &args.words()).as_bytes())?;
        return Ok(0);
    }
    let signals = StopOnSignals::without_hup()?;
    context.app.apart = true;
    let wishes = Wishes {
        listen: args.listen,
        automations: !args.no_automations,
        behind_proxy: args.behind_proxy,
        reload: flag_on_hup()?,
    };
    let (app, ui) = (&context.app, &context.ui);
    let mut begun = false;
    run::run(app, &wishes, signals.stop(), &mut |told| match told {
        Told::Listening(address, encrypted) if ui.json => {
            // Whoever reads went away; the work goes on.
            let _ = ui.value(&json!({"listening": place(address, encrypted)}));
        }
        Told::Listening(address, encrypted) => {
            if begun {
                let here = here(address, encrypted);
                ui.note(&format!("try it: curl -H 'Authorization: Bearer KEY' {here}/api/v1/auth/me"));
            }
            let place = place(address, encrypted);
            ui.note(&format!("serving at {}; Ctrl-C ends", ui.paint_err(Role::Name, &place)));
            if let Some(said) = who_automates(app).filter(|_| wishes.automations) {
                ui.note(&said);
            }
        }
        Told::Begun { owner, key } if systemd::is_journaled(&app.env, if ui.json { 1 } else { 2 }) => {
            // A journal is kept, and not only its owner reads it.
            let path = app.paths.state.join("first-key");
            match files::write_atomic(&path, format!("{}\n", key.expose()).as_bytes(), true) {
                Ok(()) => ui.note(&format!(
                    "nobody was known yet, so {owner} was added; the key is in {}: read it, then remove it",
                    path.display()
                )),
                Err(error) => ui.warn(&format!("{}; another key: fac key create", error.full_message())),
            }
        }
        Told::Begun { owner, key } if ui.json => {
            let _ = ui.value(&json!({"user": owner, "key": key.expose()}));
        }
        Told::Begun { owner, key } => {
            ui.note(&format!(
                "nobody was known yet, so {} was added; this key is shown once:",
                ui.paint_err(Role::Name, owner)
            ));
            // Also where talk is silenced: nobody can be shown it again.
            ui.write_err(format!("\n  {}\n\n", key.expose()).as_bytes());
            begun = true;
        }
        Told::Reloaded => ui.note("the settings were read again"),
        Told::Trouble(said) => ui.warn(&safe_line(said)),
        Told::Draining => ui.note("ending; what is under way may end first"),
    })?;
    Ok(0)
}

/// An address of this machine with a port; the one name that is known without asking anybody is this machine's own.
fn address(text: &str) -> std::result::Result<SocketAddr, String> {
    let text = text.strip_prefix("localhost:").map_or_else(|| text.to_string(), |port| format!("127.0.0.1:{port}"));
    text.parse().map_err(|_| "write an address and a port, such as 127.0.0.1:4000 or [::1]:4000".to_string())
}

/// Where whoever sits at this machine finds a server that listens there.
fn here(address: SocketAddr, encrypted: bool) -> String {
    match address.ip().is_unspecified() {
        true => format!("{}://localhost:{}", if encrypted { "https" } else { "http" }, address.port()),
        false => place(address, encrypted),
    }
}

fn place(address: SocketAddr, encrypted: bool) -> String {
    format!("{}://{address}", if encrypted { "https" } else { "http" })
}
