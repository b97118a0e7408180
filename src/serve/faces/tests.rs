//! The tongues against each other: what is streamed is what is given at once, what is answered can be asked with again,
//! and nothing that a client sends is more than a sentence about it.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::asked::{Asked, Label, Writer};
use super::frame::{Frame, Framing};
use super::{anthropic, gemini, ollama, openai};
use crate::providers::model::{Answer, Finish, Part, Piece, Role, ToolCall, ToolUse, Turn, Usage, words};

fn label() -> Label {
    Label { id: "1".into(), at: 1_700_000_000, model: "p/m".into() }
}

fn writers() -> Vec<(&'static str, Box<dyn Writer>)> {
    vec![
        ("completions", Box::new(openai::write::Completions::new(label(), true))),
        ("responses", Box::new(openai::responses::Responses::new(label(), serde_json::Map::new()))),
        ("messages", Box::new(anthropic::Messages::new(label()))),
        ("generated", Box::new(gemini::Generated::new(label(), true, Framing::Events))),
        ("chat", Box::new(ollama::Lines::new(label(), false))),
        ("generate", Box::new(ollama::Lines::new(label(), true))),
    ]
}

/// An answer as models give it: thoughts, then text, then calls.
fn answers() -> impl Strategy<Value = (Answer, Vec<Piece>)> {
    let call = ("[a-z]{1,8}", "[a-z_]{1,8}", "[a-z\"\\\\é]{0,6}").prop_map(|(id, name, value)| ToolCall {
        id: format!("c_{id}"),
        name,
        arguments: json!({"city": value}),
        signatures: Vec::new(),
    });
    let pieces = || prop::collection::vec("[a-zé\"\\\\\n ]{1,9}", 0..5);
    let usage = (0u64..999, 0u64..999, 0u64..9, 0u64..9);
    (pieces(), pieces(), prop::option::of("[a-z]{1,9}"), prop::collection::vec(call, 0..4), 0usize..3, usage).prop_map(
        |(thoughts, texts, signature, calls, finish, usage)| {
            let mut parts = Vec::new();
            let thought = thoughts.concat();
            if !thought.is_empty() {
                parts.push(Part::Reasoning { text: thought, signature });
            }
            if !texts.is_empty() {
                parts.push(Part::text(texts.concat()));
            }
            let finish = match (calls.is_empty(), finish) {
                (false, _) => Finish::Tools,
                (_, 0) => Finish::Length,
                (_, 1) => Finish::Filtered,
                _ => Finish::Stop,
            };
            parts.extend(calls.into_iter().map(Part::ToolCall));
            let (input, output, cached, reasoning) = usage;
            let usage = Usage {
                input: Some(input + cached),
                output: Some(output + reasoning),
                cached: Some(cached),
                cache_written: None,
                reasoning: Some(reasoning),
            };
            let answer = Answer { parts, finish, usage, model: "p/m".into(), first_token_ms: Some(5), duration_ms: 20 };
            let thoughts = thoughts.into_iter().map(Piece::Reasoning);
            let pieces = thoughts.chain(texts.into_iter().map(Piece::Text)).collect();
            (answer, pieces)
        },
    )
}

/// What a client makes of a stream, in the shape of the answer at once.
fn folded(name: &str, frames: &[Frame]) -> Value {
    let values: Vec<&Value> = frames.iter().filter_map(Frame::value).collect();
    match name {
        "completions" => fold_completions(&values, frames),
        "responses" => values.last().unwrap()["response"].clone(),
        "messages" => fold_messages(&values),
        "generated" => fold_generated(&values),
        _ => fold_lines(&values, name == "generate"),
    }
}

fn push(into: &mut Value, text: &Value) {
    let whole = format!("{}{}", into.as_str().unwrap_or_default(), text.as_str().unwrap_or_default());
    *into = json!(whole);
}

fn fold_completions(values: &[&Value], frames: &[Frame]) -> Value {
    assert_eq!(frames.last(), Some(&Frame::Done));
    let mut whole = json!({"role": "assistant", "content": null, "refusal": null});
    let (mut finish, mut usage) = (Value::Null, Value::Null);
    for value in values {
        if !value["usage"].is_null() {
            usage = value["usage"].clone();
        }
        for choice in value["choices"].as_array().unwrap() {
            let delta = &choice["delta"];
            for field in ["content", "reasoning_content"] {
                if delta[field].as_str().is_some_and(|text| !text.is_empty()) {
                    push(&mut whole[field], &delta[field]);
                }
            }
            for call in delta["tool_calls"].as_array().into_iter().flatten() {
                let mut call = call.clone();
                let index = call.as_object_mut().unwrap().shift_remove("index").unwrap();
                if whole.get("tool_calls").is_none() {
                    whole["tool_calls"] = json!([]);
                }
                let calls = whole["tool_calls"].as_array_mut().unwrap();
                assert_eq!(index, calls.len());
                calls.push(call);
            }
            if !choice["finish_reason"].is_null() {
                finish = choice["finish_reason"].clone();
            }
        }
    }
    if whole["content"].is_null() && whole.get("tool_calls").is_none() {
        whole["content"] = json!("");
    }
    json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1_700_000_000, "model": "p/m",
        "choices": [{"index": 0, "message": whole, "logprobs": null, "finish_reason": finish}], "usage": usage,
    })
}

/// As Anthropic's own client does: by the index of blocks.
fn fold_messages(values: &[&Value]) -> Value {
    let mut whole = Value::Null;
    let mut inputs: Vec<String> = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    for value in values {
        let index = value["index"].as_u64().unwrap_or(0) as usize;
        match value["type"].as_str().unwrap() {
            "message_start" => whole = value["message"].clone(),
            "content_block_start" => {
                let blocks = whole["content"].as_array_mut().unwrap();
                assert_eq!(blocks.len(), index);
                blocks.push(value["content_block"].clone());
                inputs.push(String::new());
                open.push(index);
            }
            "content_block_delta" => {
                assert!(open.contains(&index));
                let (block, delta) = (&mut whole["content"][index], &value["delta"]);
                match delta["type"].as_str().unwrap() {
                    "text_delta" => push(&mut block["text"], &delta["text"]),
                    "thinking_delta" => push(&mut block["thinking"], &delta["thinking"]),
                    "signature_delta" => block["signature"] = delta["signature"].clone(),
                    _ => {
                        inputs[index].push_str(delta["partial_json"].as_str().unwrap());
                        block["input"] = serde_json::from_str(&inputs[index]).unwrap();
                    }
                }
            }
            "content_block_stop" => open.retain(|at| *at != index),
            "message_delta" => {
                whole["stop_reason"] = value["delta"]["stop_reason"].clone();
                whole["usage"] = value["usage"].clone();
            }
            "message_stop" => assert!(open.is_empty(), "a block was left open"),
            other => panic!("{other}"),
        }
    }
    whole
}

fn fold_generated(values: &[&Value]) -> Value {
    let mut whole = (*values.last().unwrap()).clone();
    let mut parts: Vec<Value> = Vec::new();
    for part in values.iter().flat_map(|v| v["candidates"][0]["content"]["parts"].as_array().unwrap()) {
        if part["text"] == "" {
            continue;
        }
        match parts.last_mut().filter(|last| last.get("text").is_some() && last["thought"] == part["thought"]) {
            Some(last) if part.get("text").is_some() => push(&mut last["text"], &part["text"]),
            _ => parts.push(part.clone()),
        }
    }
    whole["candidates"][0]["content"]["parts"] = json!(parts);
    whole
}

fn fold_lines(values: &[&Value], generate: bool) -> Value {
    let mut whole = (*values.last().unwrap()).clone();
    let (text, mut words, mut thinking) = (if generate { "response" } else { "content" }, json!(""), json!(""));
    let mut calls = Value::Null;
    for value in values {
        let said = if generate { value } else { &value["message"] };
        push(&mut words, &said[text]);
        push(&mut thinking, &said["thinking"]);
        if said.get("tool_calls").is_some() {
            calls = said["tool_calls"].clone();
        }
    }
    let said = if generate { &mut whole } else { &mut whole["message"] };
    said[text] = words;
    if thinking != "" {
        said["thinking"] = thinking;
    }
    if !calls.is_null() {
        said["tool_calls"] = calls;
    }
    whole
}

proptest! {
    #[test]
    fn what_is_streamed_is_what_is_given_at_once((answer, pieces) in answers(), held in any::<bool>()) {
        for (name, mut writer) in writers() {
            let mut frames = writer.begin();
            // Who reads answers before the person holds their pieces back: the end tells it all.
            for piece in pieces.iter().filter(|_| !held) {
                frames.extend(writer.piece(piece));
            }
            frames.extend(writer.end(&answer));
            let whole = writer.whole(&answer);
            prop_assert_eq!(sorted(&folded(name, &frames)), sorted(&whole), "{}", name);
        }
    }

    #[test]
    fn what_was_answered_can_be_asked_with_again((answer, _) in answers()) {
        let plain = |parts: &[Part]| -> Vec<Part> {
            parts.iter().filter(|part| !matches!(part, Part::Reasoning { .. })).cloned().collect()
        };
        let said = Turn { role: Role::Assistant, parts: answer.parts.clone() };
        for (name, writer) in writers() {
            let whole = writer.whole(&answer);
            let asked = match name {
                "completions" => {
                    let messages = json!([{"role": "user", "content": "x"}, whole["choices"][0]["message"]]);
                    openai::read::chat(&json!({"model": "m", "messages": messages})).unwrap().asked
                }
                "responses" => {
                    let mut input = vec![json!({"role": "user", "content": "x"})];
                    input.extend(whole["output"].as_array().unwrap().iter().cloned());
                    openai::items::responses(&json!({"model": "m", "input": input})).unwrap().asked
                }
                "messages" => {
                    let said = json!({"role": "assistant", "content": whole["content"]});
                    let messages = json!([{"role": "user", "content": "x"}, said]);
                    anthropic::messages(&json!({"model": "m", "max_tokens": 9, "messages": messages}), false).unwrap()
                }
                "generated" => {
                    let contents = json!([{"role": "user", "parts": [{"text": "x"}]}, whole["candidates"][0]["content"]]);
                    gemini::generate("m", false, &json!({"contents": contents})).unwrap().asked
                }
                "chat" => {
                    let messages = json!([{"role": "user", "content": "x"}, whole["message"]]);
                    ollama::chat(&json!({"model": "m", "messages": messages})).unwrap()
                }
                _ => continue,
            };
            let turns = &asked.request.turns;
            prop_assert_eq!(&turns[0], &Turn::text(Role::User, "x"));
            let again = turns.get(1).map(|turn| turn.parts.clone()).unwrap_or_default();
            prop_assert_eq!(plain(&again), plain(&said.parts), "{}", name);
            if matches!(name, "messages" | "responses") {
                prop_assert_eq!(again, said.parts.clone(), "{}", name);
            }
        }
    }

    #[test]
    fn nothing_that_is_sent_is_more_than_a_sentence_about_it(body in bodies()) {
        let _ = openai::read::chat(&body);
        let _ = openai::items::responses(&body);
        let _ = anthropic::messages(&body, true);
        let _ = gemini::generate("m", true, &body);
        let _ = ollama::chat(&body);
        let _ = ollama::generate(&body);
    }
}

/// The same with members in order, since clients do not care.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut names: Vec<&String> = members.keys().collect();
            names.sort();
            Value::Object(names.into_iter().map(|name| (name.clone(), sorted(&members[name]))).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        other => other.clone(),
    }
}

/// Bodies of the vendors' words in wrong places.
fn bodies() -> impl Strategy<Value = Value> {
    const WORDS: [&str; 40] = [
        "model",
        "messages",
        "role",
        "content",
        "type",
        "text",
        "user",
        "assistant",
        "tool",
        "system",
        "tools",
        "function",
        "name",
        "parameters",
        "tool_calls",
        "id",
        "arguments",
        "contents",
        "parts",
        "functionCall",
        "functionResponse",
        "args",
        "response",
        "input",
        "tool_use",
        "tool_result",
        "tool_use_id",
        "tool_call_id",
        "generationConfig",
        "responseSchema",
        "options",
        "format",
        "images",
        "prompt",
        "think",
        "thinking",
        "source",
        "function_call",
        "output",
        "call_id",
    ];
    let word = prop::sample::select(&WORDS[..]);
    let leaf = prop_oneof![
        word.clone().prop_map(|w| json!(w)),
        any::<bool>().prop_map(|b| json!(b)),
        any::<i64>().prop_map(|n| json!(n)),
        any::<f64>().prop_map(|n| json!(n)),
        Just(Value::Null),
        "\\PC{0,4}".prop_map(|text| json!(text)),
    ];
    leaf.prop_recursive(5, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::vec((word.clone(), inner), 0..6).prop_map(|all| Value::Object(
                all.into_iter().map(|(name, value)| (name.to_string(), value)).collect()
            )),
        ]
    })
}

#[test]
fn the_vendors_own_clients_are_understood() {
    let recorded: Vec<Value> = serde_json::from_str(include_str!("../../../tests/data/model/recorded.json")).unwrap();
    let mut understood = 0;
    for said in &recorded {
        let (path, body) = (said["path"].as_str().unwrap(), &said["body"]);
        let read: Result<Asked, super::read::Wrong> = match said["wire"].as_str().unwrap() {
            _ if !path.contains("chat")
                && !path.contains("messages")
                && !path.contains("ontent")
                && !path.contains("responses")
                && !path.contains("generate") =>
            {
                continue;
            }
            _ if path.contains("count_tokens") || path.contains("countTokens") => continue,
            "openai" => openai::read::chat(body).map(|chat| chat.asked),
            "responses" => openai::items::responses(body).map(|asked| asked.asked),
            "anthropic" => anthropic::messages(body, false),
            "gemini" => gemini::generate("m", false, body).map(|asked| asked.asked),
            _ if path.contains("generate") => ollama::generate(body),
            _ => ollama::chat(body),
        };
        let asked = read.unwrap_or_else(|wrong| panic!("{} {path}: {}", said["what"], wrong.sentence()));
        assert!(!asked.request.turns.is_empty(), "{}", said["what"]);
        understood += 1;
    }
    assert!(understood > 25, "{understood}");
}

#[test]
fn results_of_one_round_stand_in_one_turn() {
    let call =
        |id: &str, name: &str| json!({"id": id, "type": "function", "function": {"name": name, "arguments": "{}"}});
    let body = json!({"model": "m", "messages": [
        {"role": "developer", "content": "be brief"},
        {"role": "user", "content": "weather?"},
        {"role": "assistant", "content": null, "tool_calls": [call("a", "weather"), call("b", "clock")]},
        {"role": "tool", "tool_call_id": "a", "content": "rain"},
        {"role": "tool", "tool_call_id": "b", "content": [{"type": "text", "text": "noon"}]},
    ], "tool_choice": {"type": "function", "function": {"name": "clock"}}, "max_completion_tokens": 7});
    let asked = openai::read::chat(&body).unwrap().asked;
    let roles: Vec<Role> = asked.request.turns.iter().map(|turn| turn.role).collect();
    assert_eq!(roles, [Role::System, Role::User, Role::Assistant, Role::Tool]);
    let results: Vec<(&str, &str)> = asked.request.turns[3]
        .parts
        .iter()
        .map(|part| match part {
            Part::ToolResult(result) => (result.name.as_str(), result.content.as_str()),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(results, [("weather", "rain"), ("clock", "noon")]);
    assert_eq!(asked.request.tuning.tool_use, Some(ToolUse::Only("clock".into())));
    assert_eq!(asked.request.tuning.max_tokens, Some(7));
}

#[test]
fn results_without_ids_find_their_calls() {
    let body = json!({"model": "m", "messages": [
        {"role": "user", "content": "x"},
        {"role": "assistant", "content": "", "tool_calls": [
            {"function": {"name": "weather", "arguments": {"city": "A"}}},
            {"function": {"name": "clock", "arguments": {}}},
            {"function": {"name": "weather", "arguments": {"city": "B"}}},
        ]},
        {"role": "tool", "tool_name": "clock", "content": "noon"},
        {"role": "tool", "tool_name": "weather", "content": "rain"},
        {"role": "tool", "content": "sun"},
    ]});
    let asked = ollama::chat(&body).unwrap();
    let ids: Vec<&str> = asked.request.turns[2]
        .parts
        .iter()
        .map(|part| match part {
            Part::ToolResult(result) => result.id.as_str(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(ids, ["call_1", "call_0", "call_2"]);
    let body = json!({"contents": [
        {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {}}}, {"functionCall": {"name": "f", "args": {}}}]},
        {"role": "user", "parts": [
            {"functionResponse": {"name": "f", "response": {"result": "one"}}},
            {"functionResponse": {"name": "f", "response": {"error": "no"}}},
        ]},
    ]});
    let turns = gemini::generate("m", false, &body).unwrap().asked.request.turns;
    let results: Vec<(&str, &str, bool)> = turns[1]
        .parts
        .iter()
        .map(|part| match part {
            Part::ToolResult(result) => (result.id.as_str(), result.content.as_str(), result.is_error),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(results, [("call_0", "one", false), ("call_1", "no", true)]);
}

#[test]
fn what_is_not_understood_is_said_with_its_place() {
    let wrong = |read: Result<Asked, super::read::Wrong>| read.unwrap_err().sentence();
    let chat = |body: Value| wrong(openai::read::chat(&body).map(|chat| chat.asked));
    assert_eq!(chat(json!({"model": "m"})), "`messages` is missing");
    assert_eq!(
        chat(json!({"model": "m", "messages": [{"role": "x", "content": "y"}]})),
        "`messages[0].role` must be system, developer, user, assistant or tool"
    );
    assert_eq!(chat(json!([])), "the body wants an object");
    assert_eq!(
        chat(json!({"model": "m", "messages": [{"role": "user", "content": "x"}], "tools": [{"type": "web_search"}]})),
        "`tools[0]` is a `web_search`; only functions are passed on here"
    );
    assert_eq!(chat(json!({"model": "m", "messages": []})), "`messages` must not be empty");
    let body = json!({"model": "m", "messages": [{"role": "user", "content": "x"}]});
    assert_eq!(wrong(anthropic::messages(&body, false)), "`max_tokens` is missing");
    let body = json!({"contents": [{"parts": [{"executableCode": {}}]}]});
    assert_eq!(
        wrong(gemini::generate("m", false, &body).map(|g| g.asked)),
        "`contents[0].parts[0]` is of a kind that is not understood here"
    );
}

#[test]
fn own_fields_go_along_only_in_their_own_tongue() {
    use crate::providers::entry::Wire;
    let body = json!({
        "model": "m", "messages": [{"role": "user", "content": "x"}], "logit_bias": {"1": 2}, "top_k": 5,
        "response_format": {"type": "json_object"}, "stream": true, "store": true,
    });
    let asked = openai::read::chat(&body).unwrap().asked;
    let same = asked.clone().request_for(Wire::OpenAi, Some(Wire::OpenAi));
    let names: Vec<&String> = same.tuning.extra.keys().collect();
    assert_eq!(names, ["logit_bias", "top_k", "response_format"]);
    assert_eq!(same.tuning.schema, None);
    for other in [Some(Wire::Anthropic), None] {
        let request = asked.clone().request_for(Wire::OpenAi, other);
        assert!(request.tuning.extra.is_empty());
        assert_eq!(request.tuning.schema, Some(json!({"type": "object"})));
    }
}

#[test]
fn bytes_of_streams() {
    let frames = [Frame::Value(json!({"a": 1})), Frame::Event("e", json!(2)), Frame::Done];
    let text = |framing: Framing| {
        let mut all: Vec<u8> = frames.iter().enumerate().flat_map(|(at, f)| framing.bytes(f, at == 0)).collect();
        all.extend(framing.end(false));
        String::from_utf8(all).unwrap()
    };
    assert_eq!(text(Framing::Events), "data: {\"a\":1}\n\nevent: e\ndata: 2\n\ndata: [DONE]\n\n");
    assert_eq!(text(Framing::Lines), "{\"a\":1}\n2\n");
    assert_eq!(text(Framing::List), "[{\"a\":1},\n2]");
    assert_eq!(Framing::List.end(true), b"[]");
}

#[test]
fn words_of_an_answer_are_not_told_twice() {
    let answer = Answer {
        parts: vec![Part::text("hello there")],
        finish: Finish::Stop,
        usage: Usage::default(),
        model: "p/m".into(),
        first_token_ms: None,
        duration_ms: 1,
    };
    let mut writer = openai::write::Completions::new(label(), false);
    let mut frames = writer.piece(&Piece::Text("hello ".into()));
    frames.extend(writer.end(&answer));
    let deltas = frames.iter().filter_map(Frame::value).map(|v| v["choices"][0]["delta"]["content"].as_str());
    let said: String = deltas.map(Option::unwrap_or_default).collect();
    assert_eq!(said, words(&answer.parts));
}
