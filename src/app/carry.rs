//! Chats from the store to an archive and back.

use std::collections::HashMap;

use serde_json::json;

use crate::chat::archive::{Chat, Message as Archived};
use crate::kernel::error::Result;
use crate::kernel::ids::Id;
use crate::providers::model::{Role, words};
use crate::store::{Imported, ImportedMessage, MessageStatus, NewMessage, NewSession, Session, SessionEdit, Store};

/// A chat with all its messages and files.
///
/// # Errors
/// When the store cannot be read.
pub fn out(store: &Store, session: &Session) -> Result<Chat> {
    let costs: HashMap<Id, Option<i64>> =
        store.costs_of(session.id)?.into_iter().map(|c| (c.message, c.cost_micros)).collect();
    let messages = store.whole_tree(session.id)?.into_iter().map(|message| Archived {
        id: message.id.to_string(),
        parent: message.parent.map(|p| p.to_string()),
        role: Role::parse(&message.role).unwrap_or(Role::User),
        parts: serde_json::from_value(message.parts).unwrap_or_default(),
        status: message.status.name().to_string(),
        model: message.model,
        command: message.command,
        summary_of: message.summary_of.iter().map(Id::to_string).collect(),
        tokens: message.tokens,
        created: Some(message.created),
        finished: message.finished,
        error: message.error,
        cost_micros: costs.get(&message.id).copied().flatten(),
    });
    Ok(Chat {
        id: Some(session.id.to_string()),
        name: session.name.clone(),
        title: session.title.clone(),
        model: session.model.clone(),
        system: session.system.clone(),
        tags: session.tags.clone(),
        pinned: session.pinned,
        archived: session.archived,
        origin: session.imported_from.clone(),
        created: Some(session.created),
        updated: Some(session.updated),
        settings: session.settings.clone(),
        head: session.head.map(|h| h.to_string()),
        messages: messages.collect(),
    })
}

/// Keeps an archived chat as a new one.
///
/// # Errors
/// When the store cannot be written.
pub fn take_in(store: &Store, chat: &Chat) -> Result<()> {
    let taken = chat.name.as_ref().is_some_and(|name| store.session(name).is_ok());
    let places: HashMap<&str, usize> = chat.messages.iter().enumerate().map(|(n, m)| (m.id.as_str(), n)).collect();
    let place = |id: &str| places.get(id).copied();
    let message = |message: &Archived| ImportedMessage {
        said: NewMessage {
            parent: message.parent.as_deref().and_then(place),
            status: MessageStatus::parse(&message.status)
                .filter(|s| *s != MessageStatus::Pending)
                .unwrap_or(MessageStatus::Failed),
            model: message.model.clone(),
            command: message.command.clone(),
            summary_of: message.summary_of.iter().filter_map(|id| place(id)).collect(),
            tokens: message.tokens,
            at: message.created,
            ..NewMessage::whole((), message.role.name(), json!(message.parts), words(&message.parts))
        },
        error: message.error.clone(),
        finished: message.finished,
        cost_micros: message.cost_micros,
    };
    let mut edits: Vec<SessionEdit> = chat.tags.iter().cloned().map(SessionEdit::Tag).collect();
    edits.extend(chat.pinned.then_some(SessionEdit::Pinned(true)));
    edits.extend(chat.archived.then_some(SessionEdit::Archived(true)));
    edits.extend(chat.settings.is_object().then(|| SessionEdit::Settings(chat.settings.clone())));
    store.import_session(&Imported {
        session: NewSession {
            name: chat.name.clone().filter(|_| !taken),
            title: chat.title.clone().or_else(|| chat.name.clone().filter(|_| taken)),
            model: chat.model.clone(),
            system: chat.system.clone(),
            temporary: None,
            imported_from: chat.origin.clone(),
            at: chat.created,
        },
        edits,
        updated: chat.updated,
        head: chat.head.as_deref().and_then(place),
        messages: chat.messages.iter().map(message).collect(),
    })?;
    Ok(())
}
