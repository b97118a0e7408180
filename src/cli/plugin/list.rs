//! `fac plugin ls|show|log`.

use serde_json::{Value as Json, json};

use super::super::Context;
use super::super::table::Table;
use super::super::ui::Role;
use crate::kernel::error::{Error, Result};
use crate::kernel::terminal::{safe, safe_line};
use crate::plugins::places::{self, Found};
use crate::store::PluginRow;

/// A plugin as it lies there, and what is known of it.
struct Line {
    name: String,
    found: Result<Found>,
    row: Option<PluginRow>,
}

impl Line {
    fn state(&self) -> (&'static str, Role) {
        match (&self.found, &self.row) {
            (Err(_), _) => ("broken", Role::Bad),
            (Ok(found), Some(row)) if row.enabled && row.digest != found.digest => ("changed", Role::Warn),
            (_, Some(row)) if row.enabled => ("on", Role::Good),
            (_, Some(row)) if row.failures > 0 => ("failed", Role::Bad),
            _ => ("off", Role::Dim),
        }
    }

    fn place(&self) -> String {
        self.found.as_ref().map_or_else(|_| String::new(), Found::place)
    }

    fn json(&self) -> Json {
        let found = self.found.as_ref().ok();
        json!({
            "name": self.name,
            "state": self.state().0,
            "enabled": self.row.as_ref().is_some_and(|row| row.enabled),
            "version": found.map(|f| &f.manifest.version),
            "summary": found.map(|f| &f.manifest.summary),
            "place": found.map(Found::place),
            "digest": found.map(|f| &f.digest),
            "hooks": found.map(|f| &f.manifest.hooks),
            "permissions": found.map(|f| &f.manifest.permissions),
            "wants": found.map(Found::sentences),
            "commands": found.map(|f| f.manifest.commands.iter().map(|c| c.name.as_str()).collect::<Vec<_>>()),
            "tools": found.map(|f| f.manifest.tools.iter().map(|t| t.name.as_str()).collect::<Vec<_>>()),
            "failures": self.row.as_ref().map_or(0, |row| row.failures),
            "error": self.found.as_ref().err().map(Error::full_message).or_else(|| self.row.as_ref()?.error.clone()),
        })
    }
}

fn lines(context: &Context) -> Result<Vec<Line>> {
    let rows = context.app.store()?.plugins(false)?;
    let row = |name: &str| rows.iter().find(|row| row.name == name).cloned();
    let own = places::own(&context.app.paths.plugins_dir);
    let mut lines: Vec<Line> = own
        .iter()
        .map(|(name, _)| Line {
            name: name.clone(),
            found: places::find(&context.app.paths.plugins_dir, name),
            row: row(name),
        })
        .collect();
    for name in places::bundled_names().into_iter().filter(|name| !own.iter().any(|(other, _)| other == name)) {
        lines.push(Line { name: name.to_string(), found: places::bundled(name), row: row(name) });
    }
    for row in rows.iter().filter(|row| row.enabled) {
        if !lines.iter().any(|line| line.name == row.name) {
            let found = places::at(&row.place, &row.name);
            lines.push(Line { name: row.name.clone(), found, row: Some(row.clone()) });
        }
    }
    Ok(lines)
}

pub(super) fn ls(context: &mut Context) -> Result<u8> {
    let lines = lines(context)?;
    if context.ui.json {
        let all: Vec<Json> = lines.iter().map(Line::json).collect();
        context.ui.value(&json!({"plugins": all, "next": null}))?;
        return Ok(0);
    }
    let mut table = Table::new(&["name", "state", "version", "from", "what it is for"]);
    for line in &lines {
        let (state, role) = line.state();
        let (version, about) = match &line.found {
            Ok(found) => (found.manifest.version.clone(), found.manifest.summary.clone()),
            Err(error) => (String::new(), super::short(error)),
        };
        let from = if line.place() == places::BUNDLED_PLACE { "bundled" } else { "yours" };
        table.row(vec![
            (safe_line(&line.name).into_owned(), Some(Role::Name)),
            (state.to_string(), Some(role)),
            (safe_line(&version).into_owned(), None),
            (from.to_string(), Some(Role::Dim)),
            (safe_line(&about).into_owned(), None),
        ]);
    }
    context.page(&table.render(&context.ui))?;
    for line in lines.iter().filter(|line| line.state().0 == "changed") {
        context.ui.note(&format!("`{0}` has changed and is left out; `fac plugin enable {0}` asks again", line.name));
    }
    Ok(0)
}

pub(super) fn show(context: &mut Context, name: &str) -> Result<u8> {
    let found = places::find(&context.app.paths.plugins_dir, name)?;
    let row = context.app.store()?.plugin(name)?;
    let line = Line { name: name.to_string(), found: Ok(found.clone()), row };
    if context.ui.json {
        let mut json = line.json();
        let files: serde_json::Map<String, Json> =
            found.files.iter().map(|(name, bytes)| (name.clone(), json!(String::from_utf8_lossy(bytes)))).collect();
        json["files"] = Json::Object(files);
        context.ui.value(&json!({"plugin": json}))?;
        return Ok(0);
    }
    let mut text = card(context, &found);
    let (state, role) = line.state();
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
    if context.ui.json {
        for line in &lines {
            let json = json!({"plugin": line.plugin, "at": line.at, "level": line.level, "text": line.text});
            context.ui.write(format!("{}\n", super::super::ui::json_line(&json)).as_bytes())?;
        }
        return Ok(0);
    }
    if lines.is_empty() {
        context.ui.note("no plugin wrote anything");
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
