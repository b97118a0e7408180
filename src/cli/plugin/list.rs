//! `fac plugin ls|show|log`.

use serde_json::{Value as Json, json};

use super::super::Context;
use super::super::table::Table;
use super::super::ui::Role;
use crate::app::plugins::Known;
use crate::app::views::plugin::PluginView;
use crate::kernel::error::Result;
use crate::kernel::terminal::{safe, safe_line};
use crate::plugins::origin::Origin;
use crate::plugins::places::{self, Found};

/// The colour of a state.
fn role(known: &Known) -> Role {
    match known.state() {
        "on" => Role::Good,
        "changed" => Role::Warn,
        "failed" | "broken" => Role::Bad,
        _ => Role::Dim,
    }
}

pub(super) fn ls(context: &mut Context) -> Result<u8> {
    let lines = context.app.known_plugins()?;
    if context.ui.json {
        let all: Vec<_> = lines.iter().map(PluginView::from).collect();
        context.ui.value(&json!({"plugins": all, "next": null}))?;
        return Ok(0);
    }
    let mut table = Table::new(&["name", "state", "version", "from", "what it is for"]);
    for line in &lines {
        let (state, role) = (line.state(), role(line));
        let (version, about) = match &line.found {
            Ok(found) => (found.manifest.version.clone(), found.manifest.summary.clone()),
            Err(error) => (String::new(), super::short(error)),
        };
        table.row(vec![
            (safe_line(&line.name).into_owned(), Some(Role::Name)),
            (state.to_string(), Some(role)),
            (safe_line(&version).into_owned(), None),
            (safe_line(&line.from()).into_owned(), Some(Role::Dim)),
            (safe_line(&about).into_owned(), None),
        ]);
    }
    context.page(&table.render(&context.ui))?;
    for line in lines.iter().filter(|line| line.state() == "changed") {
        context.ui.note(&format!("`{0}` has changed and is left out; `fac plugin enable {0}` asks again", line.name));
    }
    Ok(0)
}

pub(super) fn show(context: &mut Context, name: &str) -> Result<u8> {
    let found = places::find(&context.app.paths.plugins_dir, name)?;
    let row = context.app.store()?.plugin(name)?;
    let line = Known { name: name.to_string(), found: Ok(found.clone()), row };
    if context.ui.json {
        let mut json = json!(PluginView::from(&line));
        let files: serde_json::Map<String, Json> =
            found.files.iter().map(|(name, bytes)| (name.clone(), json!(String::from_utf8_lossy(bytes)))).collect();
        json["files"] = Json::Object(files);
        context.ui.value(&json!({"plugin": json}))?;
        return Ok(0);
    }
    let mut text = card(context, &found);
    let (state, role) = (line.state(), role(&line));
    text.push_str(&format!("{} {}\n", context.ui.paint(Role::Strong, "state:"), context.ui.paint(role, state)));
    if let Some(error) = line.row.and_then(|row| row.error) {
        text.push_str(&format!("{} {}\n", context.ui.paint(Role::Strong, "last failure:"), safe_line(&error)));
    }
    text.push_str(&format!("\n{}", safe(&found.script)));
    context.page(&text)?;
    Ok(0)
}

/// What a person is shown before anything is asked.
pub(super) fn card(context: &Context, found: &Found) -> String {
    let ui = &context.ui;
    let manifest = &found.manifest;
    let title = format!("{} {}", manifest.name, manifest.version);
    let mut text = format!("{}  {}\n", ui.paint(Role::Strong, &safe_line(&title)), safe_line(&found.place()));
    if let Some(origin) = found.folder.as_deref().and_then(Origin::of) {
        text.push_str(&format!("fetched from {}\n", safe_line(&origin.said())));
    }
    if !manifest.summary.is_empty() {
        text.push_str(&format!("{}\n", safe_line(&manifest.summary)));
    }
    let sentences = found.sentences();
    if sentences.is_empty() {
        text.push_str("  it hears nothing and may do nothing\n");
    }
    sentences.iter().for_each(|said| text.push_str(&format!("  - {}\n", safe_line(said))));
    text
}

pub(super) fn log(context: &mut Context, plugin: Option<&str>, limit: usize) -> Result<u8> {
    let lines = context.app.store()?.plugin_lines(plugin, limit)?;
    if let (true, Some(name)) = (lines.is_empty(), plugin)
        && context.app.store()?.plugin(name)?.is_none()
    {
        // Where there is none of that name, that is said.
        places::find(&context.app.paths.plugins_dir, name)?;
    }
    if context.ui.json {
        for line in &lines {
            let json = json!({"plugin": line.plugin, "at": line.at, "level": line.level, "text": line.text});
            context.ui.write(format!("{}\n", super::super::ui::json_line(&json)).as_bytes())?;
        }
        return Ok(0);
    }
    if lines.is_empty() {
        let whose = plugin.map_or("no plugin".to_string(), |name| format!("the plugin `{}`", safe_line(name)));
        let nothing = if plugin.is_some() { "nothing" } else { "anything" };
        context.ui.note(&format!("{whose} wrote {nothing}"));
    }
    let mut text = String::new();
    for line in &lines {
        let role = match line.level.as_str() {
            "error" => Role::Bad,
            "warn" => Role::Warn,
            _ => Role::Dim,
        };
        let name = if plugin.is_some() { String::new() } else { format!("{} ", safe_line(&line.plugin)) };
        let (at, level) = (line.at.local_short(), context.ui.paint(role, &format!("{:<5}", line.level)));
        text.push_str(&format!("{at} {level} {name}{}\n", safe_line(&line.text)));
    }
    context.page(&text)?;
    Ok(0)
}
