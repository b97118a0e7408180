//! What other programs write, and what is made of it.

use proptest::prelude::*;
use serde_json::{Map, json};

use super::*;
use crate::chat::archive::{Message, path};
use crate::chat::export::{json as keep, markdown::markdown};
use crate::providers::model::{Part, Role, ToolCall, ToolResult};
use crate::store::foreign::{LlmAttachment, LlmConversation, LlmMessage, LlmPart, LlmResponse, LlmThread};

fn all(name: &str, text: impl AsRef<[u8]>) -> (Vec<Chat>, Vec<String>) {
    let mut chats = Vec::new();
    let notes = read(name, text.as_ref(), &mut |chat| {
        chats.push(chat);
        Ok(())
    });
    (chats, notes.unwrap())
}

/// `id < parent: role words` of each message.
fn lines(chat: &Chat) -> Vec<String> {
    let one = |m: &Message| {
        let said = m.parts.iter().map(|p| match p {
            Part::Text { text } => text.clone(),
            Part::Reasoning { text, .. } => format!("({text})"),
            Part::File { mime, data, .. } => format!("<{mime} {data}>"),
            Part::ToolCall(c) => format!("{}#{}{}", c.name, c.id, c.arguments),
            Part::ToolResult(r) => format!("{}#{}={}{}", r.name, r.id, r.content, if r.is_error { "!" } else { "" }),
        });
        let said: Vec<String> = said.collect();
        format!("{} < {}: {} {}", m.id, m.parent.as_deref().unwrap_or("-"), m.role.name(), said.join("|"))
    };
    chat.messages.iter().map(one).collect()
}

fn said(role: &str, content: serde_json::Value) -> serde_json::Value {
    json!({"author": {"role": role}, "create_time": 1_700_000_000.5, "content": content, "metadata": {"model_slug": "gpt-4o"}})
}

fn words_of(text: &str) -> serde_json::Value {
    json!({"content_type": "text", "parts": [text]})
}

#[test]
fn a_chatgpt_export_keeps_branches_and_bridges_empty_nodes() {
    let mut call = said("assistant", json!({"content_type": "code", "text": "{\"q\": 1}"}));
    call["recipient"] = json!("web.search");
    let mut result = said("tool", json!({"content_type": "execution_output", "text": "42"}));
    result["author"]["name"] = json!("web.search");
    let picture = json!({"content_type": "multimodal_text", "parts": [{"content_type": "image_asset_pointer", "asset_pointer": "file-service://f"}, "what is it?"]});
    let export = json!([{
        "title": "Trees", "conversation_id": "c1", "create_time": 1_700_000_000.0, "update_time": 1_700_000_009.25,
        "current_node": "e",
        "mapping": {
            "root": {"id": "root", "message": null, "parent": null, "children": ["s"]},
            "s": {"message": said("system", words_of("")), "parent": "root", "children": ["a"]},
            "a": {"message": said("user", words_of("hi")), "parent": "s", "children": ["b", "b2"]},
            "b": {"message": said("assistant", words_of("hello")), "parent": "a"},
            "b2": {"message": said("assistant", words_of("hello again")), "parent": "a"},
            "c": {"message": call, "parent": "b2"},
            "d": {"message": result, "parent": "c"},
            "e": {"message": said("user", picture), "parent": "d"},
            "f": {"message": said("assistant", json!({"content_type": "thoughts", "thoughts": [{"summary": "s", "content": "t"}]})), "parent": "b"}
        }
    }]);
    let (chats, notes) = all("conversations.json", export.to_string());
    let chat = &chats[0];
    assert_eq!(
        lines(chat),
        [
            "a < -: user hi",
            "b < a: assistant hello",
            "b2 < a: assistant hello again",
            "c < b2: assistant web_search#c{\"q\":1}",
            "d < c: tool web_search#c=42",
            "e < d: user [image, not in the export: file-service://f]\nwhat is it?",
            "f < b: assistant (s\nt)",
        ]
    );
    assert_eq!(notes, ["Trees: 1 pictures and sounds are not in the export"]);
    assert_eq!(
        (chat.title.as_deref(), chat.head.as_deref(), chat.id.as_deref()),
        (Some("Trees"), Some("e"), Some("c1"))
    );
    assert_eq!(chat.created.unwrap().to_string(), "2023-11-14T22:13:20.000000Z");
    assert_eq!(chat.messages[0].created.unwrap().to_string(), "2023-11-14T22:13:20.500000Z");
    assert_eq!(path(chat), [0, 2, 3, 4, 5]);
}

#[test]
fn a_call_without_a_result_stays_as_words() {
    let mut call = said("assistant", json!({"content_type": "code", "text": "print(1)"}));
    call["recipient"] = json!("python");
    let tool = said("tool", words_of("lonely"));
    let export = json!({"mapping": {
        "a": {"message": call, "parent": null},
        "b": {"message": said("user", words_of("stop")), "parent": "a"},
        "c": {"message": tool, "parent": "b"}
    }, "create_time": 1});
    let (chats, _) = all("c.json", export.to_string());
    assert_eq!(
        lines(&chats[0]),
        ["a < -: assistant [to python]\nprint(1)", "b < a: user stop", "c < b: assistant [tool]\nlonely"]
    );
}

#[test]
fn a_claude_export_keeps_calls_branches_and_attachments() {
    let root = "00000000-0000-4000-8000-000000000000";
    let export = json!([{
        "uuid": "u", "name": "Sums", "created_at": "2025-01-02T03:04:05.678901Z", "account": {"uuid": "x"},
        "chat_messages": [
            {"uuid": "1", "sender": "human", "parent_message_uuid": root, "text": "sum?", "content": [{"type": "text", "text": "sum?"}],
             "attachments": [{"file_name": "a.txt", "extracted_content": "1 2"}], "files": [{"file_name": "b.png"}]},
            {"uuid": "2", "sender": "assistant", "parent_message_uuid": "1", "text": "", "content": [
                {"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "so"},
                {"type": "tool_use", "id": "t1", "name": "calc", "input": {"x": 1}},
                {"type": "tool_result", "tool_use_id": "t1", "name": "calc", "is_error": true, "content": [{"type": "text", "text": "3"}]},
                {"type": "text", "text": "three"}, {"type": "tool_use", "id": "t2", "name": "calc", "input": {}}]},
            {"uuid": "3", "sender": "human", "parent_message_uuid": "2", "text": "thanks"},
            {"uuid": "4", "sender": "assistant", "parent_message_uuid": "1", "text": "or four"}
        ]
    }, {"uuid": "empty", "name": "", "chat_messages": []}]);
    let (chats, notes) = all("conversations.json", export.to_string());
    assert_eq!(chats.len(), 1);
    assert_eq!(
        lines(&chats[0]),
        [
            "1 < -: user sum?|\n\nFile: a.txt\n1 2|\n\n[b.png, not in the export]",
            "2 < 1: assistant (hm)|so|calc#t1{\"x\":1}",
            "2/2 < 2: tool calc#t1=3!",
            "2/3 < 2/2: assistant three|[calc]\n{}",
            "3 < 2/3: user thanks",
            "4 < 1: assistant or four",
        ]
    );
    assert_eq!(chats[0].head.as_deref(), Some("4"));
    assert_eq!(notes, ["Sums: 1 files are not in the export", "chats without any message were left out"]);
}

#[test]
fn an_aichat_session_keeps_what_was_compressed_and_its_tools() {
    let yaml = "model: openai:gpt-4o\ntemperature: 0.5\ncompressed_messages:\n- role: user\n  content: old\n- role: assistant\n  content: older\nmessages:\n- role: system\n  content: Summary of it\n- role: user\n  content:\n  - type: text\n    text: look\n  - type: image_url\n    image_url:\n      url: data:image/png;base64,AAAA\n- role: tool\n  content:\n    text: ''\n    tool_results:\n    - call:\n        name: ls\n        arguments:\n          dir: .\n        id: null\n      output:\n        files: 2\n- role: assistant\n  content: two\n";
    let (chats, notes) = all("dir/work.yaml", yaml);
    assert_eq!(
        lines(&chats[0]),
        [
            "1 < -: user old",
            "2 < 1: assistant older",
            "3 < 2: system Summary of it",
            "4 < 3: user look|<image/png AAAA>",
            "5 < 4: assistant ls#call-4-0{\"dir\":\".\"}",
            "6 < 5: tool ls#call-4-0={\"files\":2}",
            "7 < 6: assistant two",
        ]
    );
    assert_eq!(chats[0].messages[2].summary_of, ["1", "2"]);
    assert_eq!((chats[0].title.as_deref(), &chats[0].settings), (Some("work"), &json!({"temperature": 0.5})));
    assert_eq!(notes, Vec::<String>::new());
}

#[test]
fn the_aichat_log_is_a_chat_for_each_entry() {
    let log = "# CHAT: sum [one] up [2024-05-13T10:00:00+02:00] (role)\nsum\nup\n--------\n# CHAT: not a header\nthree\n--------\n\n# CHAT: b [2024-05-13T10:00:01+02:00]\nquestion\n--------\nanswer\n--------\n";
    let (chats, _) = all("messages.md", log);
    assert_eq!(chats.len(), 2);
    assert_eq!(lines(&chats[0]), ["1 < -: user sum\nup", "2 < 1: assistant # CHAT: not a header\nthree"]);
    assert_eq!((chats[0].title.as_deref(), chats[0].tags.clone()), (Some("sum [one] up"), vec!["role".to_string()]));
    assert_eq!(chats[0].created.unwrap().to_string(), "2024-05-13T08:00:00.000000Z");
    assert_eq!(lines(&chats[1]), ["1 < -: user question", "2 < 1: assistant answer"]);
}

#[test]
fn rows_of_llm_are_questions_and_answers() {
    let response = |id: &str, prompt: &str, text: &str| LlmResponse {
        id: id.into(),
        model: Some("gpt-4o".into()),
        prompt: prompt.into(),
        system: Some("be kind".into()),
        response: text.into(),
        at: Some("2024-01-02T03:04:05.678901+00:00".into()),
        output_tokens: Some(7),
        ..LlmResponse::default()
    };
    let mut asking = response("r1", "sum?", "");
    asking.tool_calls =
        vec![("t1".into(), "calc".into(), "{\"x\":1}".into()), ("t2".into(), "calc".into(), "{}".into())];
    let mut told = response("r2", "", "three");
    told.tool_results = vec![("t1".into(), "calc".into(), "3".into())];
    let (chat, notes) = llm(LlmConversation {
        id: "c".into(),
        name: Some("n".into()),
        responses: vec![asking, told],
        ..Default::default()
    });
    assert_eq!(
        lines(&chat),
        [
            "r1/prompt < -: user sum?",
            "r1 < r1/prompt: assistant calc#t1{\"x\":1}|\n[to calc]\n{}",
            "r2/results < r1: tool calc#t1=3",
            "r2 < r2/results: assistant three",
        ]
    );
    assert_eq!((chat.system.as_deref(), chat.model.as_deref()), (Some("be kind"), Some("gpt-4o")));
    assert_eq!(
        (chat.messages[3].tokens, chat.created.unwrap().to_string()),
        (Some(7), "2024-01-02T03:04:05.678901Z".into())
    );
    assert_eq!(notes, Vec::<String>::new());
}

#[test]
fn a_thread_of_llm_keeps_its_branches_files_and_tools() {
    let message = |hash: &str, parent: Option<&str>, role: &str, parts: Vec<LlmPart>| LlmMessage {
        hash: hash.into(),
        parent: parent.map(String::from),
        role: role.into(),
        at: Some("2026-11-21T05:07:18.939056+00:00".into()),
        parts,
        ..LlmMessage::default()
    };
    let text = |words: &str| LlmPart { kind: "text".into(), text: words.into(), ..LlmPart::default() };
    let other = |kind: &str, payload: Value| LlmPart { kind: kind.into(), payload, ..LlmPart::default() };
    let picture = LlmAttachment { mime: Some("image/png".into()), content: Some(vec![0, 1, 2]), ..Default::default() };
    let lost = LlmAttachment { path: Some("/tmp/a.pdf".into()), ..LlmAttachment::default() };
    let files = LlmPart { kind: "attachment".into(), attachments: vec![picture, lost], ..LlmPart::default() };
    let call = other("tool_call", json!({"name": "add", "arguments": {"a": 1}, "tool_call_id": "t1"}));
    let result = other("tool_result", json!({"name": "add", "output": "3", "tool_call_id": "t1"}));
    let (chat, notes) = llm_thread(LlmThread {
        id: "t".into(),
        name: Some("sums".into()),
        tip: Some("e".into()),
        messages: vec![
            message("s", None, "system", vec![text("be kind")]),
            message("a", Some("s"), "user", vec![text("sum?"), files]),
            LlmMessage {
                model: Some("m".into()),
                output_tokens: Some(5),
                ..message("b", Some("a"), "assistant", vec![text("so"), call])
            },
            message("c", Some("b"), "tool", vec![result]),
            message("e", Some("a"), "assistant", vec![other("reasoning", Value::Null), text("three")]),
            message("x", Some("a"), "narrator", vec![text("?"), other("video", Value::Null)]),
            message("y", Some("a"), "user", vec![other("video", Value::Null)]),
        ],
    });
    assert_eq!(
        lines(&chat)[..4],
        [
            "a < -: user sum?|<image/png AAEC>|[application/octet-stream: /tmp/a.pdf]",
            "b < a: assistant so|add#t1{\"a\":1}",
            "c < b: tool add#t1=3",
            "e < a: assistant ()|three",
        ]
    );
    assert_eq!(
        (chat.head.as_deref(), chat.system.as_deref(), chat.model.as_deref()),
        (Some("e"), Some("be kind"), Some("m"))
    );
    assert_eq!((chat.messages[1].tokens, chat.messages.len()), (Some(5), 5));
    let said = ["a message of the role \"narrator\" was left out", "a part of the type \"video\" was left out"];
    assert_eq!(notes, said);
}

#[test]
fn what_is_nothing_known_is_named() {
    let wrong = |bytes: &[u8]| read("x\n.json", bytes, &mut |_| Ok(())).unwrap_err();
    assert_eq!(wrong(b"PK\x03\x04").message().lines().count(), 1);
    for bytes in [&b"{}"[..], b"[1, 2, 3]", b"hello", b"\xff", b"", b"{\"factotum\": \"runs\"}", b"model: ["] {
        assert_eq!(wrong(bytes).kind(), Kind::BadData, "{}", String::from_utf8_lossy(bytes));
    }
    let cut = wrong(b"[{\"mapping\": {}, \"title\": \"x\"}, {\"mapping\"");
    assert!(cut.message().contains(":1:42: EOF"), "{}", cut.message());
}

#[test]
fn the_one_who_takes_over_may_stop() {
    let one = json!({"mapping": {"a": {"message": said("user", words_of("x")), "parent": null}}});
    let export = json!([one, one, one]);
    let mut seen = 0;
    let outcome = read("c.json", export.to_string().as_bytes(), &mut |_| {
        seen += 1;
        Err(Error::new(Kind::Failed, "full"))
    });
    assert_eq!((outcome.unwrap_err().message(), seen), ("full", 1));
}

fn part() -> impl Strategy<Value = Part> {
    let text = ".{0,12}";
    prop_oneof![
        text.prop_map(Part::text),
        (text, proptest::option::of(text)).prop_map(|(text, signature)| Part::Reasoning { text, signature }),
        (text, text, text, proptest::option::of(text)).prop_map(|(mime, name, data, url)| Part::File {
            mime,
            name,
            data,
            url
        }),
        (text, text, any::<f64>(), proptest::collection::vec(text, 0..2)).prop_map(|(id, name, number, signatures)| {
            Part::ToolCall(ToolCall { id, name, arguments: json!({"n": number, "t": [null, true]}), signatures })
        }),
        (text, text, text, any::<bool>()).prop_map(|(id, name, content, is_error)| Part::ToolResult(ToolResult {
            id,
            name,
            content,
            is_error
        })),
    ]
}

prop_compose! {
    fn message(number: usize)(
        above in any::<prop::sample::Index>(), root in prop::bool::weighted(0.1), role in 0..4usize,
        parts in proptest::collection::vec(part(), 0..3), status in "done|failed|cut_off", command in proptest::option::of(".{0,5}"),
        tokens in proptest::option::of(any::<u64>()), created in proptest::option::of(-1_000_000_000_000_000i64..4_000_000_000_000_000),
        cost_micros in proptest::option::of(any::<i64>()), summary in prop::bool::weighted(0.2),
    ) -> Message {
        let parent = (number > 0 && !root).then(|| format!("m{}", above.index(number)));
        let role = [Role::System, Role::User, Role::Assistant, Role::Tool][role];
        let created = created.map(Timestamp::from_micros);
        let summary_of = if summary { vec!["m0".to_string()] } else { Vec::new() };
        Message { status, command, tokens, created, finished: created, cost_micros, summary_of, error: None, model: None,
            ..Message::new(format!("m{number}"), parent, role, parts) }
    }
}

prop_compose! {
    fn chat()(
        messages in (0..12usize).prop_flat_map(|n| (0..n).map(message).collect::<Vec<_>>()),
        texts in proptest::collection::vec(proptest::option::of(".{0,8}"), 5), tags in proptest::collection::vec(".{0,5}", 0..3),
        pinned in any::<bool>(), archived in any::<bool>(), number in any::<f64>(),
    ) -> Chat {
        let mut texts = texts.into_iter();
        let mut text = || texts.next().flatten();
        let head = messages.last().map(|m| m.id.clone());
        Chat { id: text(), name: text(), title: text(), model: text(), system: text(), tags, pinned, archived, head,
            settings: json!({"x": number}), messages, ..Chat::default() }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn our_own_export_comes_back_as_it_was(chats in proptest::collection::vec(chat(), 0..3)) {
        let bytes = keep::to_bytes(&chats).unwrap();
        let (back, notes) = all("export.json", &bytes);
        prop_assert_eq!(notes, Vec::<String>::new());
        prop_assert_eq!(&back, &chats);
        prop_assert_eq!(keep::to_bytes(&back).unwrap(), bytes);
    }

    #[test]
    fn markdown_holds_every_word_of_every_branch(chat in chat()) {
        let text = markdown(&chat, true);
        for message in &chat.messages {
            for part in &message.parts {
                let Part::Text { text: words } = part else { continue };
                for line in words.lines().filter(|l| !l.trim().is_empty()) {
                    let kept = text.contains(line.trim_end());
                    prop_assert!(kept, "{line:?} in {text}");
                }
            }
        }
        prop_assert_eq!(text.matches("\n## ").count() >= chat.messages.len(), true);
    }

    #[test]
    fn no_garbage_makes_a_reader_panic(text in "[\\[{]?(\"(mapping|chat_messages|factotum|message|parent|content|parts|author)\":? ?|[\\[\\]{},]|[0-9a-z]|\\PC){0,40}") {
        for format in [Format::Own, Format::ChatGpt, Format::Claude, Format::Aichat, Format::AichatLog] {
            let _ = read_as(format, "x", &text, &mut |_| Ok(()));
        }
        let _ = read("x", text.as_bytes(), &mut |_| Ok(()));
    }

    #[test]
    fn any_tree_of_any_shape_loses_no_words(
        nodes in proptest::collection::vec((0..12usize, 0..4usize, any::<bool>(), any::<bool>()), 1..12),
    ) {
        let mut mapping = Map::new();
        for (n, (parent, role, empty, tool)) in nodes.iter().enumerate() {
            let role = ["user", "assistant", "system", "tool"][*role];
            let words = if *empty { String::new() } else { format!("word{n}.") };
            let mut message = said(role, words_of(&words));
            if *tool {
                message["recipient"] = json!("python");
            }
            mapping.insert(format!("n{n}"), json!({"message": message, "parent": format!("n{parent}")}));
        }
        let (chats, _) = all("c.json", json!([{"mapping": mapping}]).to_string());
        let text = chats.iter().flat_map(lines).collect::<Vec<_>>().join("\n");
        for (n, (_, _, empty, _)) in nodes.iter().enumerate() {
            prop_assert_eq!(text.contains(&format!("word{n}.")), !empty, "{} in {}", n, text);
        }
    }
}

#[test]
fn a_hundred_thousand_messages_go_in_and_out() {
    let mut mapping = Map::new();
    for n in (0..100_000u32).rev() {
        let parent = n.checked_sub(1).map(|p| p.to_string());
        let words = if n % 2 == 0 { words_of("x") } else { words_of("") };
        mapping.insert(n.to_string(), json!({"message": said("user", words), "parent": parent}));
    }
    let (chats, _) = all("c.json", json!([{"mapping": mapping}]).to_string());
    assert_eq!(chats[0].messages.len(), 50_000);
    assert_eq!(path(&chats[0]).len(), 50_000);
    let (back, _) = all("x", keep::to_bytes(&chats).unwrap());
    assert_eq!(back, chats);
    assert_eq!(markdown(&chats[0], true).matches("\n## ").count(), 50_000);
}
