//! `fac mcp add|ls|enable|disable|rm`: what stands in the settings. No server is started here.

use std::path::Path;

use serde_json::{Value as Json, json};
use url::Url;

use super::super::Context;
use super::super::table::Table;
use super::super::ui::Role;
use crate::app::mcp::no_server;
use crate::chat::mcp::{Pins as _, check_address, check_name};
use crate::kernel::config::{self, KeyPath, McpServer, Value, schema};
use crate::kernel::error::{Context as _, Error, Kind, Result};
use crate::kernel::secrets::Secrets;

/// Add a server: a program, or an address
#[derive(Debug, clap::Args)]
pub(super) struct AddArgs {
    /// What to call it
    name: String,
    /// Its address, instead of a program
    #[arg(long, conflicts_with = "command")]
    url: Option<String>,
    /// The name of the secret that is sent as bearer token
    #[arg(long, value_name = "NAME", requires = "url")]
    secret: Option<String>,
    /// A header for it: 'Name: text' or 'Name: secret:NAME'
    #[arg(long = "header", value_name = "HEADER", requires = "url")]
    headers: Vec<String>,
    /// A variable for its program: NAME, NAME=text or NAME=secret:NAME
    #[arg(long = "env", value_name = "VARIABLE", conflicts_with = "url")]
    env: Vec<String>,
    /// Offer only this tool of it (may be said again)
    #[arg(long = "only", value_name = "TOOL")]
    only: Vec<String>,
    /// How long it may take to start and to answer
    #[arg(long, value_name = "TIME")]
    timeout: Option<String>,
    /// Its program and arguments, after --
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,
}

pub(super) fn add(context: &mut Context, args: &AddArgs) -> Result<u8> {
    let name = &args.name;
    check_name(name)?;
    if context.app.config()?.mcp_servers().contains_key(name) {
        return Err(Error::new(Kind::Usage, format!("there is an MCP server `{name}` already"))
            .hint(format!("take it out first: fac mcp rm {name}")));
    }
    let mut list: Vec<(&str, Value)> = Vec::new();
    match &args.url {
        Some(address) => {
            let url = Url::parse(address).context(Kind::Usage, || format!("{address:?} is no address"))?;
            check_address(name, &url, args.secret.is_some() || !args.headers.is_empty())?;
            if url.password().is_some() {
                return Err(hidden("the address holds a password"));
            }
            list.push(("url", Value::Text(address.clone())));
        }
        None if args.command.is_empty() => {
            return Err(Error::new(Kind::Usage, "neither a program nor an address was given")
                .hint(format!("fac mcp add {name} -- PROGRAM ARGUMENTS… or fac mcp add {name} --url URL")));
        }
        None => list.push(("command", Value::List(args.command.clone()))),
    }
    check_values(args)?;
    let lists = [("env", &args.env), ("headers", &args.headers), ("tools", &args.only)];
    list.extend(lists.into_iter().filter(|(_, v)| !v.is_empty()).map(|(key, v)| (key, Value::List(v.clone()))));
    let texts = [("secret", &args.secret), ("timeout", &args.timeout)];
    list.extend(texts.into_iter().filter_map(|(key, v)| Some((key, Value::Text(v.clone()?)))));
    let settings: Vec<(KeyPath, Value)> =
        list.into_iter().map(|(key, value)| (KeyPath::new(["mcp", name, key]), value)).collect();
    config::edit::set_all(&context.app.paths.config_file, &settings)?;
    warn_of_missing_secrets(context, args);
    if context.ui.json {
        context.ui.value(&json!({"name": name, "added": true}))?;
    }
    context.ui.note(&format!("added `{name}`; `fac mcp tools {name}` shows what it offers"));
    Ok(0)
}

/// A value that stands in the open where the name of a secret should.
fn check_values(args: &AddArgs) -> Result<()> {
    for entry in &args.env {
        if let Some((key, value)) = entry.split_once('=')
            && schema::looks_secret(&KeyPath::new([key]))
            && !value.starts_with("secret:")
        {
            return Err(hidden(&format!("the variable {key} looks like a secret")));
        }
    }
    for (at, word) in args.command.iter().enumerate().filter(|(_, word)| word.starts_with('-')) {
        let (option, value) = match word.split_once('=') {
            Some((option, value)) => (option, value),
            None => (word.as_str(), args.command.get(at + 1).map(String::as_str).unwrap_or_default()),
        };
        // A file with a key in it may be named.
        let is_value = !value.is_empty() && !value.starts_with('-') && !Path::new(value).exists();
        if is_value && schema::looks_secret(&KeyPath::new([option])) {
            let what =
                format!("the value of {option} looks like a secret, and all who can list processes would see it");
            return Err(Error::new(Kind::Refused, what).hint(
                "keep it with `fac secret set NAME` and hand it over as a variable: --env VARIABLE=secret:NAME",
            ));
        }
    }
    for line in &args.headers {
        let Some((key, value)) = line.split_once(':') else {
            return Err(Error::new(Kind::Usage, format!("{line:?} is no header"))
                .hint("write it as 'Name: text' or 'Name: secret:NAME'"));
        };
        let telling =
            key.trim().eq_ignore_ascii_case("authorization") || schema::looks_secret(&KeyPath::new([key.trim()]));
        if telling && !value.trim().starts_with("secret:") {
            return Err(hidden(&format!("the header {} looks like a secret", key.trim())));
        }
    }
    Ok(())
}

fn hidden(what: &str) -> Error {
    Error::new(Kind::Refused, format!("{what}, and settings are no place for one"))
        .hint("keep it with `fac secret set NAME` and write secret:NAME in its place")
}

fn warn_of_missing_secrets(context: &Context, args: &AddArgs) {
    let secrets = Secrets::new(&context.app.env, &context.app.paths, &context.app.redactor);
    let marked = args.env.iter().chain(&args.headers).filter_map(|entry| entry.split_once("secret:").map(|(_, n)| n));
    for name in args.secret.as_deref().into_iter().chain(marked) {
        if !matches!(secrets.find(name.trim()), Ok(Some(_))) {
            let name = name.trim();
            context.ui.warn(&format!("there is no secret {name} yet; `fac secret set {name}` keeps it"));
        }
    }
}

pub(super) fn ls(context: &mut Context) -> Result<u8> {
    let servers = context.app.config()?.mcp_servers();
    if context.ui.json {
        let list: Vec<Json> = servers.iter().map(|(name, server)| as_json(name, server)).collect();
        context.ui.value(&json!({"servers": list}))?;
        return Ok(0);
    }
    if servers.is_empty() {
        context.ui.note("there are no MCP servers; `fac mcp add NAME -- PROGRAM` adds one");
        return Ok(0);
    }
    let mut table = Table::new(&["name", "state", "where"]);
    for (name, server) in &servers {
        let state = if server.disabled { ("off", Role::Dim) } else { ("on", Role::Good) };
        let place = server.url.clone().unwrap_or_else(|| words(&server.command));
        table.row(vec![(name.clone(), Some(Role::Name)), (state.0.to_string(), Some(state.1)), (place, None)]);
    }
    context.page(&table.render(&context.ui))?;
    Ok(0)
}

fn words(command: &[String]) -> String {
    shlex::try_join(command.iter().map(String::as_str)).unwrap_or_default()
}

/// A server without the values of its variables and headers.
fn as_json(name: &str, server: &McpServer) -> Json {
    let names = |list: &[String], at: char| -> Vec<String> {
        list.iter().map(|entry| entry.split(at).next().unwrap_or_default().trim().to_string()).collect()
    };
    json!({
        "name": name,
        "enabled": !server.disabled,
        "command": (!server.command.is_empty()).then_some(&server.command),
        "url": server.url,
        "env": names(&server.env, '='),
        "headers": names(&server.headers, ':'),
        "secret": server.secret,
        "tools": server.tools,
        "timeout_ms": server.timeout.map(|t| u64::try_from(t.as_millis()).unwrap_or(u64::MAX)),
        "trust_hints": server.trust_hints,
    })
}

/// The server's settings; it must be there.
fn known(context: &Context, name: &str) -> Result<McpServer> {
    let mut servers = context.app.config()?.mcp_servers();
    match servers.remove(name) {
        Some(server) => Ok(server),
        None => Err(no_server(name, servers.keys().map(String::as_str))),
    }
}

pub(super) fn switch(context: &mut Context, name: &str, on: bool) -> Result<u8> {
    let before = known(context, name)?;
    let word = if on { "on" } else { "off" };
    if before.disabled == on {
        let path = KeyPath::new(["mcp", name, "enabled"]);
        config::edit::set_all(&context.app.paths.config_file, &[(path, Value::Bool(on))])?;
        context.ui.note(&format!("`{name}` is {word} now"));
    } else {
        context.ui.note(&format!("`{name}` was {word} already"));
    }
    if context.ui.json {
        context.ui.value(&json!({"name": name, "enabled": on}))?;
    }
    Ok(0)
}

pub(super) fn rm(context: &mut Context, name: &str) -> Result<u8> {
    known(context, name)?;
    let path = KeyPath::new(["mcp", name]);
    let removed = config::edit::unset(&context.app.paths.config_file, &path.to_string())?;
    if !removed {
        return Err(Error::new(Kind::Failed, format!("`{name}` does not stand in your settings file"))
            .hint("`fac config explain mcp` says which file names it"));
    }
    context.app.mcp_pins()?.forget(name)?;
    context.ui.note(&format!("removed `{name}`, and forgot what was accepted of it"));
    if context.ui.json {
        context.ui.value(&json!({"name": name, "removed": true}))?;
    }
    Ok(0)
}
