//! What is erased stands nowhere in the files any more, however often it was moved and rewritten before.

use serde_json::json;

use super::support::*;
use crate::kernel::clock::Timestamp;
use crate::kernel::ids::Id;
use crate::store::*;

const CANARY: &str = "canary-7f3a";

fn holds(world: &World) -> bool {
    ["store.db", "store.db-wal"].iter().any(|name| {
        let bytes = std::fs::read(world.path().with_file_name(name)).unwrap_or_default();
        bytes.windows(CANARY.len()).any(|part| part == CANARY.as_bytes())
    })
}

/// Texts of many lengths, so that rows move between pages.
fn lengthy(n: usize, word: &str) -> String {
    format!("{word} {}", "lorem ipsum ".repeat(n * 37 % 500))
}

#[test]
fn a_chat_a_message_and_a_memory_are_gone_from_the_files() {
    let world = World::new();
    let store = &world.store;
    let later: Timestamp = "2030-01-01T00:00:00Z".parse().unwrap();
    let kept = store.begin_session(&NewSession::default()).unwrap().id;
    let gone = store.begin_session(&NewSession { title: Some(CANARY.into()), ..NewSession::default() }).unwrap().id;
    let mut singles: Vec<Id> = Vec::new();
    for n in 0..150 {
        store.add_message(&said(kept, &lengthy(n, "kept"))).unwrap();
        let (_, answer) = store.add_turn(&said(gone, &lengthy(n, CANARY)), &awaited(gone)).unwrap();
        for part in 1..4 {
            let words = lengthy(n + part, CANARY);
            store.grow_message(answer, &text(&words), &words).unwrap();
        }
        store.end_message(answer, &done(&lengthy(n + 5, CANARY))).unwrap();
        if n % 10 == 0 {
            singles.push(store.add_message(&said(kept, &lengthy(n, CANARY))).unwrap());
            let new = NewCall { session: Some(gone), message: Some(answer), model: "p/m".into(), ..NewCall::default() };
            let call = store.begin_call(&new).unwrap();
            let failed = CallEnd { status: "failed".into(), error: Some(CANARY.into()), ..CallEnd::default() };
            store.end_call(call, &failed).unwrap();
            store.cache_put(&format!("k{n}"), &lengthy(n, CANARY), later, 20_000).unwrap();
            store.edit_session(gone, &[SessionEdit::System(Some(lengthy(n, CANARY)))]).unwrap();
        }
    }
    let file = format!("{CANARY}{}", "A".repeat(90_000));
    let parts = json!([{"type": "file", "mime": "image/png", "name": CANARY, "data": file}]);
    store.add_message(&NewMessage { parts, ..said(gone, "see") }).unwrap();
    let memory = store.remember(&format!("likes {CANARY}"), "cli").unwrap();
    let recording = store.begin_recording("listen", 0, |id| format!("{id}.wav")).unwrap();
    store.write_recording(recording.id, "whisper", &lengthy(9, CANARY), None, 4000).unwrap();
    assert!(holds(&world));

    store.remove_recording(recording.id).unwrap();
    store.forget(&memory.id.to_string()).unwrap();
    for id in singles {
        store.remove_message(id).unwrap();
    }
    store.remove_session(gone).unwrap();
    assert!(!holds(&world));
    assert_eq!(store.session_by_id(kept).unwrap().messages, 150);
    assert_eq!(store.tree(kept).unwrap().len(), 150);
    assert_eq!(store.integrity_check().unwrap(), Vec::<String>::new());
    let verified = store.verify().unwrap();
    assert_eq!((verified.fault, verified.erased), (None, 515));
}
