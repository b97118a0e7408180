//! One connection: requests in, answers out.

use std::io::BufReader;
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::Value;

use super::Shared;
use super::answer::{Answer, Item, Refusal, Usage};
use super::asked::{Asked, Ended};
use super::catalog::{self, Reply};
use super::conform;
use super::deliver::{Body, Line, Over, drain};
use super::wire::{Wire, gemini};
use crate::support::http::{Head, decoded, read_body, read_head};

pub(super) fn while_asked(stream: TcpStream, shared: &Arc<Shared>) {
    shared.connections.fetch_add(1, Ordering::SeqCst);
    let mut out = stream.try_clone().unwrap();
    let mut lines = BufReader::new(stream);
    while let Some(head) = read_head(&mut lines) {
        let Some(body) = read_body(&mut lines, &head) else { return };
        let asked = understood(head, &body);
        let number = shared.change(|s| {
            s.asked.push(asked.clone());
            s.asked.len() - 1
        });
        let mut line = Line { out: &mut out, shared, number };
        let over = respond(&mut line, &asked, &body).is_err();
        if over || asked.header("connection") == Some("close") {
            // The watch has a handle of its own, so dropping this one would not tell the client.
            let _ = out.shutdown(Shutdown::Write);
            drain(&mut out);
            return;
        }
    }
}

fn understood(head: Head, body: &[u8]) -> Asked {
    let (path, query) = head.target.split_once('?').unwrap_or((&head.target, ""));
    let path = decoded(path);
    let wire = if head.method == "POST" { Wire::of(&path) } else { Wire::Other };
    let mut asked = Asked {
        wire,
        method: head.method,
        query: query.to_string(),
        path,
        headers: head.headers,
        body: serde_json::from_slice(body).unwrap_or(Value::Null),
        model: String::new(),
        stream: false,
        messages: Vec::new(),
        tools: Vec::new(),
        status: 0,
        ended: Ended::Open,
        hung_up: None,
        told: None,
    };
    let shape = match asked.path.as_str() {
        path if path.ends_with("/messages/count_tokens") => Wire::Anthropic,
        path if path.ends_with(":countTokens") => Wire::Gemini,
        _ => wire,
    };
    shape.read(&mut asked);
    asked
}

fn respond(line: &mut Line, asked: &Asked, body: &[u8]) -> Result<(), Over> {
    if asked.wire == Wire::Other {
        return look_around(line, asked);
    }
    if asked.body.is_null() {
        let words = String::from_utf8_lossy(body).into_owned();
        line.shared.change(|s| s.problems.push(format!("{}: the body is not JSON: {words:?}", asked.path)));
    }
    line.shared.change(|s| {
        let problems = conform::check(asked, &s.allowed);
        s.problems.extend(problems);
    });
    let answer = with_ids(chosen(line, asked), line.number);
    if let Some(refusal) = &answer.refusal {
        return refuse(line, asked, &answer, refusal);
    }
    let usage = usage(asked, &answer);
    if !asked.stream {
        let body = Body::whole(&asked.wire.whole(asked, &answer, usage));
        return line.send(200, &json_type(), body, &answer);
    }
    let frames = asked.wire.stream(asked, &answer, usage);
    if asked.wire == Wire::Gemini && asked.parameter("alt").as_deref() != Some("sse") {
        let all: Vec<String> = frames.iter().map(|frame| frame.data.clone()).collect();
        return line.send(200, &json_type(), Body::plain(format!("[{}]", all.join(",\r\n")).into_bytes()), &answer);
    }
    let body = Body::stream(&frames, &answer, asked.wire.is_lines());
    let content_type = if asked.wire.is_lines() { "application/x-ndjson" } else { "text/event-stream" };
    line.send(200, &[("content-type".into(), content_type.into())], body, &answer)
}

/// What is queued, else what the script says, else an echo; a model that is not there is said to be so.
fn chosen(line: &Line, asked: &Asked) -> Answer {
    let planned = line.shared.change(|s| {
        let is_known = s.models.iter().any(|m| m.is_called(&asked.model));
        if s.strict && !is_known { Some(Answer::unknown_model()) } else { s.queue.pop_front() }
    });
    planned.unwrap_or_else(|| match line.shared.script.lock().unwrap().as_mut() {
        Some(script) => script(asked),
        None => Answer::text(asked.last_user()),
    })
}

/// Ids that no other answer has.
fn with_ids(mut answer: Answer, number: usize) -> Answer {
    for item in &mut answer.items {
        if let Item::Tool { id, .. } = item {
            *id = format!("{id}_{number}");
        }
    }
    answer
}

fn usage(asked: &Asked, answer: &Answer) -> Option<Usage> {
    let counted = || {
        let words = |text: &str| text.split_whitespace().count() as u64;
        let output = answer.items.iter().map(|item| match item {
            Item::Text(text) | Item::Reasoning(text) => words(text),
            Item::Tool { arguments, .. } => words(arguments) + 1,
        });
        Usage { input: asked.count(), output: output.sum(), ..Usage::default() }
    };
    (!answer.no_usage).then(|| answer.usage.unwrap_or_else(counted))
}

fn refuse(line: &mut Line, asked: &Asked, answer: &Answer, refusal: &Refusal) -> Result<(), Over> {
    if let Refusal::Raw { status, content_type, body } = refusal {
        let headers = [("content-type".into(), content_type.clone())];
        return line.send(*status, &headers, Body::plain(body.clone()), answer);
    }
    let (status, mut body) = asked.wire.refuse(&asked.model, refusal, answer.message.as_deref());
    let mut how = answer.clone();
    let after = how.headers.iter().find(|(name, _)| name == "retry-after").map(|(_, value)| value.clone());
    if let (Wire::Gemini, Some(after)) = (asked.wire, after.filter(|after| after.parse::<f64>().is_ok())) {
        gemini::retry_info(&mut body, &after);
        how.headers.retain(|(name, _)| name != "retry-after");
    }
    line.send(status, &json_type(), Body::plain(body.to_string().into_bytes()), &how)
}

fn look_around(line: &mut Line, asked: &Asked) -> Result<(), Over> {
    let (models, list, pull) = line.shared.change(|s| {
        let pull = if asked.path.ends_with("/api/pull") { s.pulls.pop_front() } else { None };
        (s.models.clone(), s.list.clone(), pull)
    });
    let is_list = asked.method == "GET" && (asked.path.ends_with("/models") || asked.path.ends_with("/api/tags"));
    if let (true, Some(list)) = (is_list, list) {
        let refusal = list.refusal.clone().unwrap_or(Refusal::Status(500));
        return refuse(line, asked, &list, &refusal);
    }
    let (reply, forget) = catalog::reply(asked, &models, || pull.unwrap_or_default());
    if let Some(name) = forget {
        line.shared.change(|s| s.models.retain(|m| m.name != name));
    }
    let plain = Answer::default();
    match reply {
        Reply::Json(status, body) => {
            line.send(status, &json_type(), Body::plain(body.to_string().into_bytes()), &plain)
        }
        Reply::Text(status, text) => {
            let headers = [("content-type".into(), "text/plain; charset=utf-8".into())];
            line.send(status, &headers, Body::plain(text.into()), &plain)
        }
        Reply::Lines(frames, how) => {
            let headers = [("content-type".into(), "application/x-ndjson".into())];
            line.send(200, &headers, Body::stream(&frames, &how, true), &how)
        }
    }
}

fn json_type() -> [(String, String); 1] {
    [("content-type".into(), "application/json".into())]
}
