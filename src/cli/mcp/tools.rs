//! `fac mcp tools|call`: servers are started, asked, and ended again.

use std::io::Read;

use serde_json::{Map, Value as Json, json};

use super::super::table::{self, Table};
use super::super::talk::wait_or_stop;
use super::super::ui::Role;
use super::super::{Context, draw};
use crate::chat::mcp::{Definition, Offer, Offers, Servers, Standing, differs, pins};
use crate::kernel::error::{Context as _, Error, Kind, Result};
use crate::kernel::terminal::{safe, safe_line};

/// The largest arguments that are read from stdin.
const MAX_ARGUMENTS: u64 = 16 << 20;

/// List the tools of all servers, or of one, and how their definitions stand
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only this server, also when it is switched off
    name: Option<String>,
    /// Pin the definitions as they are now, showing what changed
    #[arg(long)]
    accept: bool,
}

/// Call a tool yourself
#[derive(Debug, clap::Args)]
pub(super) struct CallArgs {
    /// The server
    server: String,
    /// The tool, by its own name
    tool: String,
    /// Its arguments: a JSON object, - to read one from stdin, or NAME=text and NAME:=JSON
    arguments: Vec<String>,
}

pub(super) fn list(context: &mut Context, args: &Args) -> Result<u8> {
    let mut offers = ask(context, args.name.as_deref())?;
    // With a single server its failure is the answer.
    if args.name.is_some()
        && let Some((_, error)) = offers.failures.pop()
    {
        return Err(error);
    }
    for (server, note) in &offers.notes {
        context.ui.warn(&safe(&format!("{server}: {note}")));
    }
    if args.accept {
        accept(context, &offers)?;
    }
    if context.ui.json {
        context.ui.value(&as_json(&offers, args.accept))?;
    } else {
        show(context, &offers, args)?;
    }
    Ok(offers.failures.first().map_or(0, |(_, error)| error.kind().exit_code()))
}

/// Starts the servers, asks what they offer, ends them.
fn ask(context: &Context, only: Option<&str>) -> Result<Offers> {
    let (servers, broken) = context.app.mcp(only)?;
    let pins = context.app.mcp_pins()?;
    let mut offers = wait_or_stop(async {
        let offers = servers.offers(&pins).await;
        servers.close().await;
        offers
    })??;
    offers.failures.extend(broken);
    Ok(offers)
}

/// Pins everything.
fn accept(context: &Context, offers: &Offers) -> Result<()> {
    let store = context.app.mcp_pins()?;
    offers.tools.iter().try_for_each(|offer| pins::accept(&offer.server, &offer.definition, &store))
}

/// What is different from what was pinned, for a person.
fn difference(context: &Context, server: &str, before: &str, now: &Definition) -> String {
    let name = pins::key(server, &now.name);
    format!("{} changed:\n{}", safe_line(&name), draw::diff(&context.ui, &safe(before), &safe(&now.text())))
}

fn show(context: &Context, offers: &Offers, args: &Args) -> Result<()> {
    let mut list = Table::new(&["tool", "state", "server says", "what it does"]);
    for offer in &offers.tools {
        let standing = if args.accept { "pinned" } else { offer.standing.name() };
        let role = match (&offer.standing, args.accept) {
            (Standing::Pinned, _) | (_, true) => Role::Good,
            (Standing::New, _) => Role::Dim,
            (Standing::Changed(_), _) => Role::Warn,
        };
        let hint = if offer.definition.read_only_hint { "read-only" } else { "" };
        let about = table::one_line(&context.ui, offer.definition.description.lines().next().unwrap_or_default());
        list.row(vec![
            (pins::key(&offer.server, &offer.definition.name), Some(Role::Name)),
            (standing.to_string(), Some(role)),
            (hint.to_string(), Some(Role::Dim)),
            (about, None),
        ]);
    }
    let mut page = list.render(&context.ui);
    for offer in &offers.tools {
        if let Standing::Changed(before) = &offer.standing {
            page.push_str(&format!("\n{}\n", difference(context, &offer.server, before, &offer.definition).trim_end()));
        }
    }
    context.page(&page)?;
    for (_, error) in &offers.failures {
        let hint = error.way_forward().map(|hint| format!(" ({hint})")).unwrap_or_default();
        context.ui.warn(&safe(&format!("{}{hint}", error.full_message())));
    }
    let waiting = offers.tools.iter().filter(|offer| offer.standing != Standing::Pinned).count();
    if args.accept {
        context.ui.note(&format!("accepted {} definitions as they are now", offers.tools.len()));
    } else if waiting > 0 {
        let name = args.name.as_deref().map(|name| format!(" {name}")).unwrap_or_default();
        context
            .ui
            .note(&format!("{waiting} are new or changed; `fac mcp tools{name} --accept` accepts them as they are"));
    } else if offers.tools.is_empty() && offers.failures.is_empty() {
        context.ui.note("there are no tools; `fac mcp ls` lists the servers");
    }
    Ok(())
}

fn as_json(offers: &Offers, accepted: bool) -> Json {
    let before = |offer: &Offer| match &offer.standing {
        Standing::Changed(before) => Some(before.clone()),
        Standing::New | Standing::Pinned => None,
    };
    let one = |offer: &Offer| {
        json!({
            "server": offer.server,
            "name": offer.definition.name,
            "offered_as": offer.tool.spec().name,
            "standing": if accepted { "pinned" } else { offer.standing.name() },
            "digest": offer.definition.digest,
            "pinned_text": before(offer),
            "read_only_hint": offer.definition.read_only_hint,
            "destructive_hint": offer.definition.destructive_hint,
            "description": offer.definition.description,
            "schema": offer.definition.schema,
        })
    };
    let failed = |(server, error): &(String, Error)| json!({"server": server, "kind": error.kind().name(), "message": error.full_message(), "hint": error.way_forward()});
    json!({
        "tools": offers.tools.iter().map(one).collect::<Vec<_>>(),
        "failures": offers.failures.iter().map(failed).collect::<Vec<_>>(),
        "notes": offers.notes.iter().map(|(server, note)| json!({"server": server, "note": note})).collect::<Vec<_>>(),
    })
}

pub(super) fn call(context: &mut Context, args: &CallArgs) -> Result<u8> {
    let arguments = arguments(&args.arguments)?;
    let (servers, mut broken) = context.app.mcp(Some(&args.server))?;
    if let Some((_, error)) = broken.pop() {
        return Err(error);
    }
    let answer = wait_or_stop(async {
        let answer = asked(context, &servers, args, &arguments).await;
        servers.close().await;
        answer
    })??;
    if context.ui.json {
        let structured: Option<Json> =
            serde_json::from_str(&answer).ok().filter(|v: &Json| v.is_object() || v.is_array());
        context.ui.value(&json!({"server": args.server, "tool": args.tool, "text": answer, "json": structured}))?;
    } else if context.ui.stdout_terminal {
        context.ui.line(safe(&answer).trim_end_matches('\n'))?;
    } else {
        let end = if answer.ends_with('\n') { "" } else { "\n" };
        context.ui.write(format!("{answer}{end}").as_bytes())?;
    }
    Ok(0)
}

/// Calls the tool if its definition is the pinned one, or pins it at its first use.
async fn asked(context: &Context, servers: &Servers, args: &CallArgs, arguments: &Json) -> Result<String> {
    let store = context.app.mcp_pins()?;
    let definition = servers.definition(&args.server, &args.tool).await?;
    match Standing::of(&args.server, &definition, &store)? {
        Standing::Pinned => {}
        Standing::New => {
            pins::accept(&args.server, &definition, &store)?;
            if !context.ui.json {
                let name = pins::key(&args.server, &args.tool);
                context.ui.note(&safe_line(&format!("{name} is pinned as it is now; `fac mcp tools` shows it")));
            }
        }
        Standing::Changed(before) => {
            if !context.ui.json {
                context.ui.note(&difference(context, &args.server, &before, &definition));
            }
            return Err(differs(&args.server, &args.tool));
        }
    }
    servers.call(&args.server, &args.tool, Some(&definition.digest), arguments).await
}

fn arguments(words: &[String]) -> Result<Json> {
    let text = match words {
        [] => return Ok(json!({})),
        [only] if only == "-" => {
            let mut text = String::new();
            let stdin = std::io::stdin().take(MAX_ARGUMENTS);
            std::io::BufReader::new(stdin)
                .read_to_string(&mut text)
                .context(Kind::BadData, || "the arguments on stdin cannot be read as text".to_string())?;
            text
        }
        [only] if only.trim_start().starts_with('{') => only.clone(),
        words => return named(words).map(Json::Object),
    };
    parse(&text).map_err(|error| error.hint("for example '{\"path\": \"todo.md\"}', or path=todo.md"))
}

/// `NAME=text` is a text, `NAME:=JSON` is JSON, as httpie has it.
fn named(words: &[String]) -> Result<Map<String, Json>> {
    let mut all = Map::new();
    for word in words {
        let (name, value) = word.split_once('=').filter(|(name, _)| !matches!(*name, "" | ":")).ok_or_else(|| {
            Error::new(Kind::Usage, format!("`{word}` is no argument")).hint("write NAME=text or NAME:=JSON")
        })?;
        match name.strip_suffix(':') {
            Some(name) => all.insert(name.to_string(), parse(value)?),
            None => all.insert(name.to_string(), json!(value)),
        };
    }
    Ok(all)
}

fn parse(text: &str) -> Result<Json> {
    serde_json::from_str(text).context(Kind::Usage, || "the arguments are not JSON".to_string())
}
