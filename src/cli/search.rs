//! `fac search`: one search over commands, runs, chats and what is remembered.

use serde_json::json;

use super::Context;
use super::ui::Role;
use crate::app::find::{self, Line};
use crate::app::views::hit::HitView;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::terminal::{safe_line, truncate_to_width, width};
use crate::knowledge::{Facets, Hit, Made};

/// Columns of an excerpt at most.
const EXCERPT: usize = 100;

/// Find commands, past runs, messages of chats and memories
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A query is made of words, which may be beginnings or have a letter wrong, and of
  '\"an exact phrase\"'   -word   -field:value
  kind:command,run,message,memory,recording   role:user   model:gpt-5   session:NAME   tag:LABEL
  status:failed   source:NAME   since:7d   until:2026-01-31   (24h, today, yesterday, 2026-01)
Every part must match; of several values, one. Quote a query that holds a hyphen: fac search 'rust -async'")]
pub struct Args {
    /// What to look for; every word must match
    #[arg(required = true)]
    words: Vec<String>,
    /// Only commands, runs, messages, memories or recordings
    #[arg(long, value_parser = ["command", "run", "message", "memory", "recording"])]
    kind: Option<String>,
    /// At most this many
    #[arg(long, short = 'n', default_value_t = 20)]
    limit: usize,
    /// Count what was found by kind, role, model, source, status and tag
    #[arg(long)]
    facets: bool,
}

pub(super) fn run(context: &mut Context, args: &Args) -> Result<u8> {
    look(context, &query_of(&args.words), args.kind.as_deref(), args.limit, args.facets)
}

/// Words of a shell as one query.
pub(super) fn query_of(words: &[String]) -> String {
    words.iter().map(|word| requoted(word)).collect::<Vec<_>>().join(" ")
}

/// Searches and prints; exit code 3 when nothing was found, as grep says 1.
pub(super) fn search(context: &Context, words: &str, kind: Option<&str>, limit: usize) -> Result<u8> {
    look(context, words, kind, limit, false)
}

/// After something was erased: its words leave the index too.
pub(super) fn after_erasing(context: &Context) -> Result<()> {
    context.app.drop_erased()
}

/// Fields whose values may be several words; behind the others the next word is one of the query.
const SPACED: [&str; 3] = ["session", "source", "tag"];

/// The shell took the quotes of `session:"my chat"` away; they are needed once more.
fn requoted(word: &str) -> String {
    let is_name = |name: &str| SPACED.contains(&name.trim_start_matches('-')) && !word.contains(" -");
    match word.split_once(':') {
        Some((name, value)) if is_name(name) && value.contains(char::is_whitespace) && !word.contains('"') => {
            format!("{name}:\"{value}\"")
        }
        _ => word.to_string(),
    }
}

fn look(context: &Context, words: &str, kind: Option<&str>, limit: usize, facets: bool) -> Result<u8> {
    let catalog = context.app.whole_catalog()?;
    let query = context.app.query(&catalog, words, kind)?;
    let found = context.app.index().find(catalog.store, &query, limit.clamp(1, 1000), facets || context.ui.json)?;
    match found.made {
        Made::No => {}
        Made::Anew => context.ui.note("made the search index"),
        Made::Again => context.ui.note("the search index was damaged or of another store; it was made again"),
        Made::NotKept => {
            context.ui.note("no search index can be kept here, so each search takes longer; `fac doctor` says why")
        }
    }
    let mut shown = Vec::new();
    for hit in &found.hits {
        if let Some(line) = find::describe(&catalog, hit)? {
            shown.push((hit, line));
        }
    }
    if context.ui.json {
        let list: Vec<_> = shown.iter().map(|(hit, line)| HitView::of(hit, line)).collect();
        let nothing = list.is_empty();
        let facets = found.facets.unwrap_or_default();
        context.ui.value(&json!({"hits": list, "next": null, "total": facets.total, "facets": facets.fields}))?;
        return Ok(if nothing { Kind::NotFound.exit_code() } else { 0 });
    }
    let wanted = query.words();
    let mut out: String = shown.iter().map(|(hit, line)| entry(context, hit, line, &wanted)).collect();
    if let Some(facets) = found.facets.filter(|_| !shown.is_empty()) {
        out.push_str(&counted(context, &facets));
    }
    context.page(&out)?;
    if shown.is_empty() {
        return Err(
            Error::new(Kind::NotFound, format!("nothing was found for `{words}`")).hint("try fewer or shorter words")
        );
    }
    Ok(0)
}

/// A hit for people: a line about it, and the place that matches where the line does not say it already.
fn entry(context: &Context, hit: &Hit, line: &Line, wanted: &[&str]) -> String {
    let room = if context.ui.stdout_terminal { context.ui.width() } else { usize::MAX };
    let name = safe_line(&line.name);
    let rest = room.saturating_sub(line.kind.len() + width(&name) + 2);
    let about = truncate_to_width(&safe_line(&line.summary), rest);
    let head = format!("{}{}", context.ui.paint(Role::Dim, line.kind), context.ui.paint(Role::Name, &name));
    let mut out = format!("{head}  {about}").trim_end().to_string();
    out.push('\n');
    let alone = matches!(hit.kind.as_str(), "message" | "memory" | "recording");
    if !hit.excerpt.is_empty() && (alone || !says(&format!("{} {}", line.name, line.summary), wanted)) {
        out.push_str(&format!("    {}\n", highlighted(context, hit, room.min(EXCERPT + 4).saturating_sub(4))));
    }
    out
}

/// Whether a text holds every word already, so that no excerpt is needed.
fn says(text: &str, wanted: &[&str]) -> bool {
    let text = text.to_lowercase();
    wanted.iter().all(|word| text.contains(word))
}

/// The excerpt, at most `room` columns of it, with the words that match standing out.
fn highlighted(context: &Context, hit: &Hit, room: usize) -> String {
    let paint = |(marked, text): (bool, String)| context.ui.paint(if marked { Role::Strong } else { Role::Dim }, &text);
    hit.pieces(room).into_iter().map(paint).collect()
}

/// The counts, a line for each field.
fn counted(context: &Context, facets: &Facets) -> String {
    let mut out = format!("\n{}\n", context.ui.paint(Role::Strong, &format!("{} found", facets.total)));
    for (field, values) in &facets.fields {
        let list: Vec<String> = values.iter().map(|(value, n)| format!("{} {n}", safe_line(value))).collect();
        out.push_str(&format!("{}  {}\n", context.ui.paint(Role::Dim, field), list.join(", ")));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_shell_unquoted_is_quoted_again() {
        assert_eq!(requoted("session:my chat"), "session:\"my chat\"");
        assert_eq!(requoted("-session:my chat"), "-session:\"my chat\"");
        for same in ["two words", "a:b", "\"a: b\"", "10: x", "session:\"my chat\" x"] {
            assert_eq!(requoted(same), same);
        }
    }
}
