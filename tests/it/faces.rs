//! The faces of other makers and the Model Context Protocol, as `fac serve` shows them: what no vendor's client looks at.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::ask::world;
use crate::support::model::{Answer, Ended, ModelServer, Place};
use crate::support::serving::Serving;
use crate::support::world::World;

/// `fac serve` in a world, with the key of its owner.
struct Server {
    _serving: Serving,
    address: String,
    key: String,
}

impl Server {
    fn start(world: &World) -> Server {
        let serving = Serving::start(world, &[]);
        Server { address: serving.address.to_string(), key: serving.owner().to_string(), _serving: serving }
    }

    /// Sends a request and leaves the connection open.
    fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n", self.address);
        if !headers.iter().any(|(name, _)| *name == "authorization") {
            head.push_str(&format!("authorization: Bearer {}\r\n", self.key));
        }
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len()));
        stream.write_all(head.as_bytes()).unwrap();
        stream
    }

    fn post(&self, path: &str, body: &Value) -> (u16, String) {
        answer(self.send("POST", path, &[], &body.to_string()))
    }

    fn get(&self, path: &str, headers: &[(&str, &str)]) -> (u16, String) {
        answer(self.send("GET", path, headers, ""))
    }

    /// What a method of the Model Context Protocol answers.
    fn mcp(&self, method: &str, params: Value) -> Value {
        let (status, body) = answer(self.speak(method, &params));
        assert_eq!(status, 200, "{body}");
        serde_json::from_str(&body).unwrap()
    }

    fn speak(&self, method: &str, params: &Value) -> TcpStream {
        let headers = [("accept", "application/json, text/event-stream"), ("mcp-protocol-version", "2025-06-18")];
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        self.send("POST", "/mcp", &headers, &body.to_string())
    }
}

/// Status and body, chunks joined.
fn answer(stream: TcpStream) -> (u16, String) {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    stream.read_line(&mut line).unwrap();
    let status = line.split(' ').nth(1).unwrap().parse().unwrap();
    let mut chunked = false;
    loop {
        line.clear();
        stream.read_line(&mut line).unwrap();
        chunked |= line.to_lowercase().starts_with("transfer-encoding: chunked");
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = Vec::new();
    if !chunked {
        stream.read_to_end(&mut body).unwrap();
        return (status, String::from_utf8(body).unwrap());
    }
    loop {
        line.clear();
        stream.read_line(&mut line).unwrap();
        let size = usize::from_str_radix(line.trim(), 16).unwrap();
        let begin = body.len();
        body.resize(begin + size, 0);
        stream.read_exact(&mut body[begin..]).unwrap();
        line.clear();
        stream.read_line(&mut line).unwrap();
        if size == 0 {
            return (status, String::from_utf8(body).unwrap());
        }
    }
}

/// Reads until this was told.
fn read_until(stream: &mut TcpStream, words: &str) -> String {
    let (mut got, mut buffer) = (Vec::new(), [0; 1024]);
    while !String::from_utf8_lossy(&got).contains(words) {
        let count = stream.read(&mut buffer).unwrap();
        assert!(count > 0, "it ended before {words:?}: {}", String::from_utf8_lossy(&got));
        got.extend_from_slice(&buffer[..count]);
    }
    String::from_utf8_lossy(&got).into_owned()
}

/// A question in each tongue, to a model that is asked in OpenAI's.
fn questions(stream: bool) -> Vec<(&'static str, &'static str, Value)> {
    let (model, messages) = ("my-openai/test-model", json!([{"role": "user", "content": "hello"}]));
    let action = if stream { "streamGenerateContent?alt=sse" } else { "generateContent" };
    let gemini = format!("/v1beta/models/{model}:{action}");
    vec![
        ("openai", "/v1/chat/completions", json!({"model": model, "messages": messages, "stream": stream})),
        ("responses", "/v1/responses", json!({"model": model, "input": "hello", "stream": stream})),
        ("anthropic", "/v1/messages", json!({"model": model, "max_tokens": 9, "messages": messages, "stream": stream})),
        ("gemini", gemini.leak(), json!({"contents": [{"role": "user", "parts": [{"text": "hello"}]}]})),
        ("ollama", "/api/chat", json!({"model": model, "messages": messages, "stream": stream})),
    ]
}

fn sums(world: &World) -> Value {
    serde_json::from_str::<Value>(&world.run(&["usage", "--json"]).ok()).unwrap()["total"].clone()
}

#[test]
fn an_answer_is_told_while_it_comes_and_whoever_leaves_ends_it_upstream() {
    let models = ModelServer::start();
    let world = world(&models);
    let server = Server::start(&world);
    models.on(|_| Answer::text("first second third").hold(Place::Words("first".into())));
    for (number, (face, path, body)) in questions(true).into_iter().enumerate() {
        let mut stream = server.send("POST", path, &[], &body.to_string());
        // The rest of the answer is not sent yet.
        read_until(&mut stream, "first");
        drop(stream);
        assert_eq!(models.wait_ended(number).ended, Ended::HungUp, "{face}");
    }
    for (number, (face, path, body)) in questions(false).into_iter().enumerate() {
        let stream = server.send("POST", path, &[], &body.to_string());
        models.wait_asked(6 + number);
        drop(stream);
        assert_eq!(models.wait_ended(5 + number).ended, Ended::HungUp, "{face}");
    }
    // Each is written down as given up, which is a moment after the connection is gone.
    let given_up = (0..200).map(|_| sums(&world)).find(|sums| sums["failed"] == 10 && sums["open"] == 0);
    assert!(given_up.is_some(), "{}", sums(&world));
}

#[test]
fn every_result_of_a_round_of_tools_goes_up() {
    let models = ModelServer::start();
    let world = world(&models);
    let server = Server::start(&world);
    let call = |id: &str| json!({"id": id, "type": "function", "function": {"name": "weather", "arguments": "{}"}});
    let result = |id: &str, said: &str| json!({"role": "tool", "tool_call_id": id, "content": said});
    let asks = json!({"role": "assistant", "content": null, "tool_calls": [call("a"), call("b")]});
    let messages = json!([{"role": "user", "content": "x"}, asks, result("a", "rain"), result("b", "sun")]);
    for wire in ["openai", "responses", "anthropic", "gemini", "ollama"] {
        let body = json!({"model": format!("my-{wire}/test-model"), "messages": messages});
        let (status, said) = server.post("/v1/chat/completions", &body);
        assert_eq!(status, 200, "{wire} {said}");
        let asked = models.last();
        let results: Vec<&str> =
            asked.messages.iter().flat_map(|m| &m.results).map(|(_, said)| said.as_str()).collect();
        assert!(results.len() == 2 && results[0].contains("rain") && results[1].contains("sun"), "{wire} {results:?}");
    }
}

#[test]
fn what_was_asked_is_written_down_with_what_it_took() {
    let models = ModelServer::start();
    let world = world(&models);
    let server = Server::start(&world);
    models.on(|_| Answer::text("hello").usage(12, 7, 2, 3));
    for stream in [false, true] {
        for (face, path, body) in questions(stream) {
            let (status, said) = server.post(path, &body);
            assert_eq!(status, 200, "{face} {said}");
        }
    }
    let sums = sums(&world);
    assert_eq!((&sums["calls"], &sums["input"], &sums["output"]), (&json!(10), &json!(120), &json!(70)), "{sums}");
    assert_eq!(models.take_problems(), Vec::<String>::new());
}

#[test]
fn failures_have_the_vendors_shapes_before_and_within_a_stream() {
    let models = ModelServer::start();
    let world = world(&models);
    world.run(&["config", "set", "providers.my-openai.retries", "0"]).ok();
    let server = Server::start(&world);
    let of = |face: &str, said: &str| -> Value {
        let value: Value = serde_json::from_str(said).unwrap_or_else(|_| panic!("{face}: {said}"));
        match face {
            "ollama" => value["error"].clone(),
            _ => value["error"]["message"].clone(),
        }
    };
    for stream in [false, true] {
        for (face, path, body) in questions(stream) {
            models.on(|_| Answer::status(429).message("slow down"));
            let (status, said) = server.post(path, &body);
            assert_eq!(status, 429, "{face} {said}");
            assert!(of(face, &said).as_str().unwrap().contains("slow down"), "{face} {said}");
            models.on(|_| Answer::wrong_key());
            let (status, said) = server.post(path, &body);
            assert_eq!(status, 502, "{face} {said}");
            let (status, said) =
                answer(server.send("POST", path, &[("authorization", "Bearer no")], &body.to_string()));
            assert_eq!(status, 401, "{face} {said}");
            of(face, &said).as_str().unwrap();
            let (status, said) = server.post(path, &json!([1]));
            assert_eq!(status, 400, "{face} {said}");
            of(face, &said).as_str().unwrap();
        }
    }
    models.on(|_| Answer::text("half of it").error_in_stream("the model fell over"));
    for (face, path, body) in questions(true) {
        let (status, said) = server.post(path, &body);
        assert_eq!(status, 200, "{face}");
        assert!(said.contains("half ") && said.contains("the model fell over"), "{face} {said}");
        let ended = ["[DONE]", "response.completed", "message_stop", "finishReason", "\"done\":true"];
        assert!(!ended.iter().any(|mark| said.contains(mark)), "{face} ends as if it were whole: {said}");
        let mut whole = body.clone();
        if face == "gemini" {
            let (status, said) = server.post(&path.replace("streamGenerateContent?alt=sse", "generateContent"), &body);
            assert_eq!(status, 502, "{face} {said}");
            continue;
        }
        whole["stream"] = json!(false);
        let (status, said) = server.post(path, &whole);
        assert_eq!(status, 502, "{face} {said}");
    }
}

#[test]
fn another_model_steps_in_and_is_named() {
    let models = ModelServer::start();
    let world = world(&models);
    world.run(&["config", "set", "model_fallbacks", "my-anthropic/test-model"]).ok();
    world.run(&["config", "set", "providers.my-openai.retries", "0"]).ok();
    let server = Server::start(&world);
    models.on(|asked| match asked.path.contains("messages") {
        true => Answer::text("the second answers"),
        false => Answer::status(500),
    });
    let (_, path, body) = questions(false).remove(0);
    let (status, said) = server.post(path, &body);
    assert_eq!(status, 200, "{said}");
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(said["model"], "my-anthropic/test-model");
    assert_eq!(said["choices"][0]["message"]["content"], "the second answers");
    assert_eq!(sums(&world)["calls"], 2);
}

#[test]
fn a_key_may_only_what_its_scopes_say() {
    let models = ModelServer::start();
    let world = world(&models);
    let mut server = Server::start(&world);
    let made = world.run(&["key", "create", "reader", "--scope", "models:read", "--json"]).ok();
    let made: Value = serde_json::from_str(&made).unwrap();
    server.key = made["key"]["secret"].as_str().unwrap_or_else(|| panic!("{made}")).to_string();
    let (status, said) = server.get("/v1/models", &[]);
    assert_eq!(status, 200, "{said}");
    for (face, path, body) in questions(false) {
        let (status, said) = server.post(path, &body);
        assert_eq!(status, 403, "{face} {said}");
        assert!(said.contains("models:ask"), "{face} {said}");
    }
    assert_eq!(models.asked().len(), 0);
    let said = server.mcp("tools/call", json!({"name": "x", "arguments": {}}));
    assert!(said["error"]["message"].as_str().unwrap().contains("commands:run"), "{said}");
}

const COMMANDS: &str = "---\nfactotum: 1\n---\n### `/echo <words>`\n```sh\nprintf '%s' \"$words\"\n```\n\
                        ### `/long`\n```sh\ntrap 'echo ended > ended; exit' TERM; echo begun > begun; sleep 600 & wait\n```\n";

#[test]
fn tools_of_the_protocol_are_trusted_commands_and_nothing_else() {
    let models = ModelServer::start();
    let world = world(&models);
    world.write("strange/evil.md", "---\nfactotum: 1\n---\n### `/evil`\n```sh\ntouch evil\n```\n");
    std::fs::create_dir_all(world.fac().join("config/commands")).unwrap();
    std::fs::write(world.fac().join("config/commands/own.md"), COMMANDS).unwrap();
    world.run(&["source", "add", "strange"]).ok();
    let server = Server::start(&world);
    let said = server.mcp("tools/list", json!({}));
    let tools = said["result"]["tools"].as_array().unwrap();
    let named = |name: &str| tools.iter().find(|tool| tool["name"] == name);
    assert_eq!(named("echo").unwrap()["inputSchema"]["required"], json!(["words"]));
    assert!(named("evil").is_none());
    let said = server.mcp("tools/call", json!({"name": "echo", "arguments": {"words": "$(touch evil)"}}));
    assert_eq!(said["result"]["content"][0]["text"], "$(touch evil)");
    let said = server.mcp("tools/call", json!({"name": "evil", "arguments": {}}));
    assert_eq!(said["error"]["code"], -32602, "{said}");
    assert!(!world.path("evil").exists());
    let runs: Value = serde_json::from_str(&world.run(&["runs", "ls", "--json"]).ok()).unwrap();
    assert_eq!(runs["runs"][0]["trigger"], "mcp", "{runs}");
}

#[test]
fn whoever_leaves_ends_the_run_of_a_tool() {
    let models = ModelServer::start();
    let world = world(&models);
    std::fs::create_dir_all(world.fac().join("config/commands")).unwrap();
    std::fs::write(world.fac().join("config/commands/own.md"), COMMANDS).unwrap();
    let server = Server::start(&world);
    let stream = server.speak("tools/call", &json!({"name": "long", "arguments": {}}));
    let until = |name: &str| {
        let path = world.path(name);
        let patience = std::time::Instant::now() + std::time::Duration::from_secs(60);
        while !path.exists() {
            assert!(std::time::Instant::now() < patience, "{name} does not come");
            std::thread::yield_now();
        }
    };
    until("begun");
    drop(stream);
    until("ended");
}

#[test]
fn the_protocol_is_spoken_on_standard_input_too() {
    let models = ModelServer::start();
    let world = world(&models);
    std::fs::create_dir_all(world.fac().join("config/commands")).unwrap();
    std::fs::write(world.fac().join("config/commands/own.md"), COMMANDS).unwrap();
    let lines = [
        json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
            "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}}),
        json!({"jsonrpc": "2.0", "method": "notifications/initialized"}),
        json!({"jsonrpc": "2.0", "id": 2, "method": "tools/call",
               "params": {"name": "echo", "arguments": {"words": "over a pipe"}}}),
    ];
    let mut command = world.command(&["mcp", "serve", "-T", "user:echo"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut to, mut from) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
    lines.iter().for_each(|line| to.write_all(format!("{line}\n").as_bytes()).unwrap());
    let mut next = || {
        let mut line = String::new();
        from.read_line(&mut line).unwrap();
        serde_json::from_str::<Value>(&line).unwrap_or_else(|_| panic!("{line:?}"))
    };
    assert_eq!(next()["result"]["serverInfo"]["name"], "factotum");
    assert_eq!(next()["result"]["content"][0]["text"], "over a pipe");
    drop(to);
    assert!(child.wait().unwrap().success());
}
