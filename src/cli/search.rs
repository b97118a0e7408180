//! `fac search`: one search over commands and runs.

use serde_json::json;

use super::Context;
use super::ui::Role;
use crate::commands::catalog::Catalog;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::terminal::{safe_line, truncate_to_width, width};
use crate::knowledge::{Hit, Index, Made};
use crate::store::SourceKind;

/// Find commands and past runs by words
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to look for; every word must match
    #[arg(required = true)]
    words: Vec<String>,
    /// Only commands, or only runs
    #[arg(long, value_parser = ["command", "run"])]
    kind: Option<String>,
    /// At most this many
    #[arg(long, short = 'n', default_value_t = 20)]
    limit: usize,
}

pub(super) fn run(context: &mut Context, args: &Args) -> Result<u8> {
    search(context, &args.words.join(" "), args.kind.as_deref(), args.limit)
}

/// Searches and prints; exit code 3 when nothing was found, as grep says 1.
pub(super) fn search(context: &Context, words: &str, kind: Option<&str>, limit: usize) -> Result<u8> {
    let catalog = context.app.whole_catalog()?;
    let store = catalog.store;
    let index = Index::new(&context.app.paths.cache.join("index"));
    let kind = kind.map(|k| if k == "command" { "definition" } else { k });
    let found = index.search(store, words, kind, limit.clamp(1, 1000))?;
    match found.made {
        Made::No => {}
        Made::Anew => context.ui.note("made the search index"),
        Made::Again => context.ui.note("the search index was damaged or of another store; it was made again"),
    }
    let mut shown = Vec::new();
    for hit in &found.hits {
        if let Some(line) = describe(&catalog, hit)? {
            shown.push((hit, line));
        }
    }
    if context.ui.json {
        let list: Vec<_> = shown
            .iter()
            .map(|(hit, line)| {
                let kind = if hit.kind == "definition" { "command" } else { &hit.kind };
                json!({"kind": kind, "id": hit.key, "name": line.key, "summary": line.summary, "excerpt": hit.excerpt, "score": hit.score})
            })
            .collect();
        let nothing = list.is_empty();
        context.ui.value(&json!({"hits": list, "next": null}))?;
        return Ok(if nothing { Kind::NotFound.exit_code() } else { 0 });
    }
    let mut out = String::new();
    let room = if context.ui.stdout_terminal { context.ui.width() } else { usize::MAX };
    for (hit, line) in &shown {
        let name = safe_line(&line.name);
        let kind = if hit.kind == "run" { "run " } else { "" };
        let rest = room.saturating_sub(kind.len() + width(&name) + 2);
        let about = truncate_to_width(&safe_line(&line.summary), rest);
        let head = format!("{}{}", context.ui.paint(Role::Dim, kind), context.ui.paint(Role::Name, &name));
        out.push_str(format!("{head}  {about}").trim_end());
        out.push('\n');
        if !says(&format!("{} {}", line.name, line.summary), words) {
            let cut = truncate_to_width(&safe_line(&hit.excerpt), room.min(104).saturating_sub(4));
            out.push_str(&format!("    {}\n", context.ui.paint(Role::Dim, &cut)));
        }
    }
    context.page(&out)?;
    if shown.is_empty() {
        return Err(
            Error::new(Kind::NotFound, format!("nothing was found for `{words}`")).hint("try fewer or shorter words")
        );
    }
    Ok(0)
}

/// Whether a text holds every word already, so that no excerpt is needed.
fn says(text: &str, words: &str) -> bool {
    let text = text.to_lowercase();
    words.to_lowercase().split_whitespace().all(|word| text.contains(word))
}

struct Line {
    /// What `--json` calls it: with its source.
    key: String,
    /// The shortest name that reaches it.
    name: String,
    summary: String,
}

/// What is said about a hit; `None` when its row is gone meanwhile.
fn describe(catalog: &Catalog<'_>, hit: &Hit) -> Result<Option<Line>> {
    let store = catalog.store;
    if hit.kind == "run" {
        let Ok(run) = catalog.store.run(&hit.key) else { return Ok(None) };
        let summary = format!("{} {} ({})", run.row.id.tail(), run.row.status.name(), run.row.started.local_short());
        return Ok(Some(Line { key: run.row.command.clone(), name: run.row.command, summary }));
    }
    let Ok(id) = hit.key.parse() else { return Ok(None) };
    let Some(row) = store.definition(id)?.filter(|row| catalog.is_visible(&row.source)) else { return Ok(None) };
    let summary = serde_json::from_str::<serde_json::Value>(&row.json)
        .ok()
        .and_then(|v| v.get("summary").and_then(|s| s.as_str()).map(String::from))
        .unwrap_or_default();
    let key = format!("{}:{}", row.source.name, row.name);
    let own = matches!(row.source.kind, SourceKind::Bundled | SourceKind::User);
    Ok(Some(Line { name: if own { row.name } else { key.clone() }, key, summary }))
}
