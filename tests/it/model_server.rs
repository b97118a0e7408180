//! The scripted model server itself: that it does what its scripts say, and its door for clients of other makers.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::{Value, json};

use crate::support::model::{Answer, Ended, Entry, ModelServer, Place, Split, Usage, Wire};

/// A body that asks `model` to say something, on any wire.
fn question(wire: Wire, model: &str, words: &str, stream: bool) -> (String, Value) {
    let messages = json!([{"role": "user", "content": words}]);
    match wire {
        Wire::OpenAi => {
            ("/v1/chat/completions".into(), json!({"model": model, "messages": messages, "stream": stream}))
        }
        Wire::Responses => ("/v1/responses".into(), json!({"model": model, "input": words, "stream": stream})),
        Wire::Anthropic => {
            let body = json!({"model": model, "max_tokens": 9, "messages": messages, "stream": stream});
            ("/v1/messages".into(), body)
        }
        Wire::Gemini => {
            let action = if stream { "streamGenerateContent?alt=sse" } else { "generateContent" };
            let body = json!({"contents": [{"role": "user", "parts": [{"text": words}]}]});
            (format!("/v1beta/models/{model}:{action}"), body)
        }
        _ => ("/api/chat".into(), json!({"model": model, "messages": messages, "stream": stream})),
    }
}

fn connect(server: &ModelServer) -> TcpStream {
    TcpStream::connect(server.url().trim_start_matches("http://")).unwrap()
}

fn post(server: &ModelServer, path: &str, body: &Value) -> TcpStream {
    let mut stream = connect(server);
    let body = body.to_string();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n\
         anthropic-version: 2023-06-01\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body.as_bytes()).unwrap();
    stream
}

/// Status and body, chunks joined; what came before a cut.
fn read(mut stream: TcpStream) -> (u16, String) {
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    let Some(end) = bytes.windows(4).position(|w| w == b"\r\n\r\n") else { return (0, String::new()) };
    let (head, mut rest) = (String::from_utf8_lossy(&bytes[..end]), &bytes[end + 4..]);
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let mut body = Vec::new();
    while let (true, Some(line)) = (head.contains("chunked"), rest.windows(2).position(|w| w == b"\r\n")) {
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..line]).unwrap(), 16).unwrap();
        rest = &rest[line + 2..];
        body.extend_from_slice(&rest[..size.min(rest.len())]);
        rest = rest.get(size + 2..).unwrap_or(&[]);
    }
    body.extend_from_slice(rest);
    (status, String::from_utf8(body).unwrap())
}

fn ask(server: &ModelServer, wire: Wire, words: &str, stream: bool) -> (u16, String) {
    let (path, body) = question(wire, "test-model", words, stream);
    read(post(server, &path, &body))
}

/// What the vendors' clients sent to a recorder.
fn recorded() -> Vec<Value> {
    serde_json::from_str(include_str!("../data/model/recorded.json")).unwrap()
}

/// Sends a body and says what was wrong with it.
fn problems(server: &ModelServer, path: &str, body: &Value) -> Vec<String> {
    read(post(server, path, body));
    server.take_problems()
}

#[test]
fn the_shapes_take_whatever_the_vendors_clients_send() {
    let server = ModelServer::start();
    let recorded = recorded();
    assert_eq!(recorded.len(), 38);
    for said in recorded {
        let wrong = problems(&server, said["path"].as_str().unwrap(), &said["body"]);
        assert!(wrong.is_empty(), "{} {}: {wrong:?}", said["wire"], said["what"]);
        assert_eq!(server.last().wire.name(), said["wire"]);
    }
}

#[test]
fn the_shapes_refuse_a_field_too_many_and_one_too_few_in_every_place() {
    let server = ModelServer::start();
    for said in recorded() {
        let path = said["path"].as_str().unwrap();
        let mut body = said["body"].clone();
        body["surprise"] = json!(1);
        assert_eq!(problems(&server, path, &body).len(), 1, "{said}");
        let mut body = said["body"].clone();
        let list = if body.get("contents").is_some() { "contents" } else { "messages" };
        if body[list].is_array() {
            body[list][0]["surprise"] = json!(1);
            let wrong = problems(&server, path, &body);
            assert!(wrong.len() == 1 && wrong[0].contains("surprise"), "{said}: {wrong:?}");
            body.as_object_mut().unwrap().remove(list);
            assert!(problems(&server, path, &body).iter().any(|p| p.contains("required")), "{said}");
        }
    }
}

#[test]
fn what_no_schema_says_is_refused_too() {
    let server = ModelServer::start();
    let claude = |model: &str, more: Value| {
        let mut body = json!({"model": model, "max_tokens": 2000, "messages": [{"role": "user", "content": "x"}]});
        more.as_object().unwrap().iter().for_each(|(name, value)| body[name] = value.clone());
        problems(&server, "/v1/messages", &body)
    };
    for model in ["claude-opus-4-7", "claude-sonnet-5", "claude-haiku-5-5", "claude-fable-5-1"] {
        assert_eq!(claude(model, json!({"temperature": 0.5})).len(), 1, "{model}");
        assert_eq!(claude(model, json!({"thinking": {"type": "enabled", "budget_tokens": 1024}})).len(), 1, "{model}");
        assert_eq!(claude(model, json!({"thinking": {"type": "adaptive"}})), Vec::<String>::new(), "{model}");
    }
    for model in ["claude-3-5-haiku-20241022", "claude-opus-4-20250514", "claude-sonnet-4-6", "m"] {
        assert_eq!(claude(model, json!({"temperature": 0.5})), Vec::<String>::new(), "{model}");
    }
    assert_eq!(claude("m", json!({"thinking": {"type": "enabled", "budget_tokens": 2000}})).len(), 1);
    let call = json!({"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}});
    let talk =
        |messages: Value| problems(&server, "/v1/chat/completions", &json!({"model": "m", "messages": messages}));
    let asks = json!({"role": "assistant", "content": null, "tool_calls": [call]});
    let tells = json!({"role": "tool", "tool_call_id": "c", "content": "x"});
    assert!(talk(json!([asks, tells])).is_empty());
    assert!(talk(json!([asks]))[0].ends_with("the call c has no result behind it"));
    assert!(talk(json!([tells]))[0].ends_with("the result c has no call before it"));
    assert!(talk(json!([asks, {"role": "user", "content": "x"}, tells])).len() == 2);
    let reasoner = json!({"model": "o3", "max_tokens": 9, "messages": []});
    assert_eq!(problems(&server, "/v1/chat/completions", &reasoner).len(), 1);
}

#[test]
fn an_echo_comes_on_every_wire_whole_and_as_a_stream_and_is_logged() {
    let server = ModelServer::start();
    for wire in Wire::ALL {
        for stream in [false, true] {
            let (status, body) = ask(&server, wire, "Zebra", stream);
            assert_eq!(status, 200, "{wire:?} {body}");
            assert!(body.contains("Zebra"), "{wire:?} {body}");
            let asked = server.last();
            assert_eq!((asked.wire, asked.stream, asked.status), (wire, stream, 200));
            assert_eq!((asked.talk(), asked.model.as_str()), (vec!["user: Zebra".to_string()], "test-model"));
            assert_eq!(asked.ended, Ended::Whole);
            let told = asked.told.unwrap_or_default();
            // OpenAI's stream tells usage only when it is asked to.
            let expected = if wire == Wire::OpenAi && stream { 0 } else { 1 };
            assert_eq!((told.input, told.output), (expected, expected), "{wire:?}");
        }
    }
    assert_eq!(server.connections(), 10);
    assert_eq!(server.usage()["test-model"].calls, 10);
    assert_eq!(server.usage()["test-model"].usage.input, 9);
}

#[test]
fn queued_answers_go_before_the_script_and_the_script_before_the_echo() {
    let server = ModelServer::start();
    server.on(|asked| Answer::text(format!("{} said {}", asked.model, asked.last_user())));
    server.answer(Answer::text("first"));
    assert!(ask(&server, Wire::OpenAi, "x", false).1.contains("\"first\""));
    assert!(ask(&server, Wire::OpenAi, "x", false).1.contains("test-model said x"));
}

#[test]
fn splits_change_no_byte() {
    let server = ModelServer::start();
    for wire in Wire::ALL {
        let whole = ask(&server, wire, "ä 🎈 b", true);
        for split in [Split::EveryByte, Split::Nowhere, Split::At(vec![3, 50])] {
            server.answer(Answer::text("ä 🎈 b").split(split));
            assert_eq!(ask(&server, wire, "ä 🎈 b", true), whole, "{wire:?}");
        }
    }
}

#[test]
fn a_held_answer_waits_and_a_client_that_leaves_is_seen() {
    let server = ModelServer::start();
    for (number, wire) in Wire::ALL.into_iter().enumerate() {
        server.answer(Answer::text("one two three").hold("one two"));
        let (path, body) = question(wire, "test-model", "x", true);
        let stream = post(&server, &path, &body);
        server.wait_held(number + 1);
        assert_eq!(server.last().ended, Ended::Open);
        drop(stream);
        let asked = server.wait_ended(number);
        assert_eq!((asked.ended, asked.hung_up.is_some()), (Ended::HungUp, true), "{wire:?}");
    }
    server.answer(Answer::text("late").hold(Place::Head).hold(5));
    let (path, body) = question(Wire::Ollama, "test-model", "x", true);
    let stream = post(&server, &path, &body);
    server.wait_held(6);
    assert_eq!(server.last().status, 0);
    server.release();
    server.wait_held(7);
    assert_eq!(server.last().status, 200);
    server.release();
    assert!(read(stream).1.ends_with("}\n"));
    assert_eq!(server.wait_ended(5).ended, Ended::Whole);
}

#[test]
fn cuts_end_the_connection_and_what_was_told_is_counted() {
    let server = ModelServer::start();
    let usage = |a: Answer| a.usage(10, 7, 2, 3);
    server.answer(usage(Answer::text("one two three")).cut("one "));
    let (_, body) = ask(&server, Wire::Anthropic, "x", true);
    assert!(body.contains("one") && !body.contains("two"), "{body}");
    assert_eq!(server.last().ended, Ended::Cut);
    // The input is told at the start, the output at the end.
    assert_eq!(server.last().told, Some(Usage { input: 10, output: 1, cached: 2, ..Usage::default() }));
    server.answer(Answer::text("x").cut(Place::Head));
    assert_eq!(ask(&server, Wire::Gemini, "x", true), (0, String::new()));
    server.answer(usage(Answer::text("x")).until_close().no_end_mark());
    let (status, body) = ask(&server, Wire::OpenAi, "x", true);
    assert!(status == 200 && !body.contains("[DONE]") && !body.contains("\"stop\""), "{body}");
}

#[test]
fn failures_are_told_in_each_vendors_words() {
    let server = ModelServer::start();
    let said = |answer: Answer, wire: Wire| {
        server.answer(answer);
        let (status, body) = ask(&server, wire, "x", true);
        format!("{status} {body}")
    };
    assert!(said(Answer::wrong_key(), Wire::OpenAi).starts_with("401 {\"error\":{\"message\":\"Incorrect API key"));
    assert!(said(Answer::unknown_model(), Wire::Ollama).contains("404 {\"error\":\"model 'test-model' not found\"}"));
    assert!(said(Answer::too_long(9, 8), Wire::Anthropic).contains("prompt is too long: 9 tokens > 8 maximum"));
    assert!(said(Answer::status(429).retry_after("2"), Wire::Gemini).contains("\"retryDelay\":\"2s\""));
    assert!(said(Answer::raw(502, "text/html", "<html>bad"), Wire::Responses).contains("502 <html>bad"));
    for wire in Wire::ALL {
        assert!(said(Answer::text("part").error_in_stream("it broke"), wire).contains("it broke"), "{wire:?}");
    }
    server.models(vec![Entry::new("known")]);
    assert!(said(Answer::text("never"), Wire::OpenAi).starts_with("404"));
}

/// Serves until its standard input ends. Prints its address first.
///
/// It answers by the last message: `think` gives reasoning, `tool` calls every tool on offer, anything else is echoed;
/// after a tool's result it says what the tool said.
#[test]
#[ignore = "serves clients of other makers: make peers"]
fn model_server_for_peers() {
    let server = ModelServer::start();
    server.models(vec![Entry::new("test-model"), Entry { thinking: true, vision: true, ..Entry::new("other-model") }]);
    server.on(|asked| {
        let results: Vec<&str> =
            asked.messages.iter().flat_map(|m| m.results.iter().map(|(_, text)| text.as_str())).collect();
        if !results.is_empty() {
            return Answer::text(format!("the tools said {}", results.join(", ")));
        }
        match asked.last_user().trim_end() {
            "think" => Answer::text("thought through").reasoning("let me see").usage(10, 7, 2, 3),
            "tool" => asked.tools.iter().enumerate().fold(Answer::default().interleaved(), |answer, (i, name)| {
                answer.tool(name, json!({"city": format!("Town {i}")}))
            }),
            // As vendors send them: one after the other.
            "tools" => {
                asked.tools.iter().enumerate().fold(Answer::default(), |answer, (i, name)| {
                    answer.tool(name, json!({"city": format!("Town {i}")}))
                })
            }
            "json" => Answer::text("{\"answer\": 42}"),
            "noise" => Answer::text("noise").comments().crlf().split(Split::EveryByte),
            "length" => Answer::text("cut sho").finish("length"),
            words => Answer::text(words),
        }
    });
    println!("\nserving {}", server.url());
    let mut said = String::new();
    std::io::stdin().read_to_string(&mut said).unwrap();
    for asked in server.all_asked() {
        println!("{} {} {} {:?}", asked.status, asked.method, asked.path, asked.ended);
    }
}
