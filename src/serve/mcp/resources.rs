//! Resources: chats as Markdown, and the definitions of commands, as texts with an address.

use rmcp::model::{ReadResourceResult, Resource, ResourceContents};

use crate::app::{App, carry};
use crate::chat::export::markdown::markdown;
use crate::commands::export::{ExportFormat, export};
use crate::commands::scan::fold_name;
use crate::kernel::error::{Error, Kind, Result};
use crate::store::{DefinitionFilter, SessionFilter};

/// What addresses of chats begin with.
pub(super) const CHATS: &str = "fac://sessions/";
/// What addresses of definitions begin with.
const COMMANDS: &str = "fac://commands/";
/// Where a chat is.
pub(super) const CHAT_TEMPLATE: &str = "fac://sessions/{id}";
/// Where a definition is.
pub(super) const COMMAND_TEMPLATE: &str = "fac://commands/{source}/{name}";

/// A page of what there is, chats first, and where the next begins. `may`: whether chats and definitions may be seen.
///
/// # Errors
/// `Usage` for a cursor that is none; those of the store.
pub(super) fn list(
    app: &App,
    after: Option<&str>,
    most: usize,
    (chats, commands): (bool, bool),
) -> Result<(Vec<Resource>, Option<String>)> {
    let store = app.store()?;
    let (kind, cursor) = match after.map(|after| after.split_once(' ')) {
        None => ("s", None),
        Some(Some((kind @ ("s" | "c"), cursor))) => (kind, Some(cursor).filter(|cursor| !cursor.is_empty())),
        Some(_) => return Err(Error::new(Kind::Usage, "the cursor is none of ours")),
    };
    let mut found = Vec::new();
    if kind == "s" && chats {
        let (page, next) = store.sessions(&SessionFilter::default(), cursor, most)?;
        found.extend(page.into_iter().filter(|session| !session.temporary).map(|session| {
            let title = session.title.or(session.name).unwrap_or_else(|| "a chat".to_string());
            Resource::new(format!("{CHATS}{}", session.id), title).with_mime_type("text/markdown")
        }));
        if let Some(next) = next {
            return Ok((found, Some(format!("s {next}"))));
        }
    }
    if !commands {
        return Ok((found, None));
    }
    if kind == "s" && !found.is_empty() {
        return Ok((found, Some("c ".to_string())));
    }
    let catalog = app.whole_catalog()?;
    let (page, next) = store.list_definitions(&DefinitionFilter::default(), cursor, most)?;
    found.extend(page.into_iter().filter(|row| catalog.is_visible(&row.source)).map(|row| {
        let path = url::form_urlencoded::byte_serialize(row.name.as_bytes()).collect::<String>().replace('+', "%20");
        let source = url::form_urlencoded::byte_serialize(row.source.name.as_bytes()).collect::<String>();
        let name = format!("{}:{}", row.source.name, row.name);
        Resource::new(format!("{COMMANDS}{source}/{path}"), name)
            .with_description(row.summary)
            .with_mime_type("text/markdown")
    }));
    Ok((found, next.map(|next| format!("c {next}"))))
}

/// The text at an address.
///
/// # Errors
/// `NotFound` when nothing is there that the caller sees.
pub(super) fn read(app: &App, uri: &str) -> Result<ReadResourceResult> {
    let nothing = || Error::new(Kind::NotFound, format!("there is nothing at {uri}"));
    let store = app.store()?;
    let text = if let Some(id) = uri.strip_prefix(CHATS) {
        let session = store.session_by_id(id.parse().map_err(|_| nothing())?).map_err(|_| nothing())?;
        markdown(&carry::out(store, &session)?, false)
    } else if let Some(rest) = uri.strip_prefix(COMMANDS) {
        let (source, name) = rest.split_once('/').ok_or_else(nothing)?;
        let (source, name) = (decoded(source), decoded(name));
        let catalog = app.whole_catalog()?;
        let hits = store.find_in_source(&source, &fold_name(&name))?;
        let hit = hits.into_iter().find(|hit| catalog.is_visible(&hit.source)).ok_or_else(nothing)?;
        export(&catalog.resolved(hit)?.command, ExportFormat::Native)?.text
    } else {
        return Err(nothing());
    };
    Ok(ReadResourceResult::new(vec![ResourceContents::text(text, uri).with_mime_type("text/markdown")]))
}

/// A part of an address, its `%20` taken back.
fn decoded(part: &str) -> String {
    // As a form reads it, in which a plus would be a space.
    let whole = format!("x={}", part.replace('+', "%2B"));
    let mut pairs = url::form_urlencoded::parse(whole.as_bytes());
    pairs.next().map(|(_, value)| value.into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_addresses_are_read_as_they_were_written() {
        for name in ["git recent", "a+b", "ü/ß", "100%", "x&y=z"] {
            let written: String = url::form_urlencoded::byte_serialize(name.as_bytes()).collect();
            assert_eq!(decoded(&written.replace('+', "%20")), name);
        }
    }
}
