//! The routes of the faces. Their shapes are described by their vendors, so they stand in no document of ours.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::ask::Room;
use super::fault::Fault;
use super::frame::Framing;
use super::http::{Answered, Call, MOST, Taken, answer, json as answer_json, refuse, room, tag};
use super::{Vendor, anthropic, audio, gemini, list, ollama, openai};
use crate::providers::entry::Wire;
use crate::providers::model::{Part, Request, words};
use crate::providers::tokens;
use crate::serve::access::Permission;
use crate::serve::route::{Draft, RawCall, Route};

/// The version of Ollama that is spoken like.
const OLLAMA: &str = "0.12.0";

/// Every route of the faces.
pub fn routes() -> Vec<Route> {
    let reads = |draft: Draft| draft.tag("faces").may(Permission::ModelsRead).unlisted().media("application/json");
    let asks = |draft: Draft| {
        draft.tag("faces").may(Permission::ModelsAsk).body_up_to(MOST).unlisted().media("application/json")
    };
    vec![
        reads(Route::get("/v1/models", "List models as OpenAI, Anthropic or Gemini do")).raw(list::list),
        reads(Route::get("/v1/models/{*model}", "Show one model as OpenAI, Anthropic or Gemini do")).raw(list::one),
        asks(Route::post("/v1/chat/completions", "Ask a model as OpenAI's clients do")).raw(completions),
        asks(Route::post("/v1/responses", "Ask a model as OpenAI's newer clients do")).raw(responses),
        asks(Route::post("/v1/embeddings", "Embed a text as OpenAI's clients do")).raw(no_embedder_openai),
        asks(Route::post("/v1/audio/transcriptions", "Write down what is said")).raw(audio::transcriptions),
        asks(Route::post("/v1/audio/speech", "Read a text aloud")).raw(audio::speech),
        asks(Route::post("/v1/messages", "Ask a model as Anthropic's clients do")).raw(messages),
        asks(Route::post("/v1/messages/count_tokens", "Count tokens as Anthropic's clients do")).raw(count_tokens),
        asks(Route::post("/v1/models/{*model}", "Ask a model as Gemini's clients do")).raw(generate),
        reads(Route::get("/v1beta/models", "List models as Gemini does")).raw(list::list),
        reads(Route::get("/v1beta/models/{*model}", "Show one model as Gemini does")).raw(list::one),
        asks(Route::post("/v1beta/models/{*model}", "Ask a model as Gemini's clients do")).raw(generate),
        reads(Route::get("/api/tags", "List models as Ollama does")).raw(list::tags),
        reads(Route::get("/api/ps", "List what Ollama would have loaded")).raw(loaded),
        reads(Route::get("/api/version", "The version of Ollama that is spoken like")).raw(version),
        reads(Route::post("/api/show", "Show one model as Ollama does")).raw(list::show),
        asks(Route::post("/api/chat", "Ask a model as Ollama's clients do")).raw(chat),
        asks(Route::post("/api/generate", "Complete a text as Ollama's clients do")).raw(complete),
        asks(Route::post("/api/embed", "Embed a text as Ollama's clients do")).raw(no_embedder_ollama),
        asks(Route::post("/api/embeddings", "Embed a text as Ollama's older clients do")).raw(no_embedder_ollama),
    ]
}

async fn completions(call: RawCall) -> Answered {
    let taken = Taken::of(call).await?;
    let read = taken.json().and_then(|body| Ok(openai::read::chat(&body)?));
    let usage = read.as_ref().is_ok_and(|chat| chat.include_usage);
    let writer = move |label| Box::new(openai::write::Completions::new(label, usage)) as Box<_>;
    Ok(answer(&taken.call, Vendor::OpenAi, Wire::OpenAi, read.map(|chat| chat.asked), writer).await)
}

async fn responses(call: RawCall) -> Answered {
    let taken = Taken::of(call).await?;
    let read = taken.json().and_then(|body| Ok(openai::items::responses(&body)?));
    let (asked, repeated) = match read {
        Ok(read) => (Ok(read.asked), read.repeated),
        Err(fault) => (Err(fault), serde_json::Map::new()),
    };
    let writer = move |label| Box::new(openai::responses::Responses::new(label, repeated)) as Box<_>;
    Ok(answer(&taken.call, Vendor::OpenAi, Wire::Responses, asked, writer).await)
}

async fn messages(call: RawCall) -> Answered {
    let taken = Taken::of(call).await?;
    let asked = taken.json().and_then(|body| Ok(anthropic::messages(&body, false)?));
    let writer = |label| Box::new(anthropic::Messages::new(label)) as Box<_>;
    Ok(answer(&taken.call, Vendor::Anthropic, Wire::Anthropic, asked, writer).await)
}

async fn count_tokens(call: RawCall) -> Answered {
    let taken = Taken::of(call).await?;
    let counted = async {
        let asked = anthropic::messages(&taken.json()?, true)?;
        let room = room(&taken.call).await?;
        Ok(json!({"input_tokens": count(room, asked.model, asked.request).await?}))
    };
    Ok(told(counted.await, Vendor::Anthropic, &taken.call))
}

/// The tokens of a question: counted where the model's encoding is known, estimated otherwise.
async fn count(room: Room, model: String, request: Request) -> Result<u64, Fault> {
    let named = room.models().resolve(Some(&model), &Default::default()).await;
    let choices = named.map_err(|error| Fault::no_model(&error))?;
    let name = choices.first().map_or(model, |choice| choice.model.clone());
    let work = move || {
        let mut texts: Vec<String> = request.turns.iter().map(|turn| words(&turn.parts)).collect();
        for part in request.turns.iter().flat_map(|turn| &turn.parts) {
            match part {
                Part::ToolCall(call) => texts.push(format!("{} {}", call.name, call.arguments)),
                Part::ToolResult(result) => texts.push(result.content.clone()),
                _ => {}
            }
        }
        texts.extend(request.tools.iter().map(|tool| format!("{} {} {}", tool.name, tool.description, tool.schema)));
        tokens::count(&name, &texts.join("\n"), true).tokens
    };
    tokio::task::spawn_blocking(work).await.map_err(|_| Fault::new(500, "the count broke off"))
}

/// `models/NAME:action`, of Gemini; the colon may have come encoded.
async fn generate(call: RawCall) -> Answered {
    let taken = Taken::of(call).await?;
    let path = taken.call.params.get("model").cloned().unwrap_or_default();
    let sse = taken.call.query.get("alt").is_some_and(|alt| alt == "sse");
    let (model, action) = path.rsplit_once(':').unwrap_or((&path, ""));
    let stream = match action {
        "generateContent" => false,
        "streamGenerateContent" => true,
        "countTokens" => return Ok(gemini_count(&taken, model).await),
        "embedContent" | "batchEmbedContents" => return no_embedder(Vendor::Gemini, &taken.call),
        _ => {
            let fault = Fault::new(404, format!("`{action}` is not understood here"));
            return Ok(refuse(Vendor::Gemini, &fault, taken.call.trace));
        }
    };
    let read = taken.json().and_then(|body| Ok(gemini::generate(model, stream, &body)?));
    let thoughts = read.as_ref().is_ok_and(|generate| generate.thoughts);
    let framing = if sse { Framing::Events } else { Framing::List };
    let writer = move |label| Box::new(gemini::Generated::new(label, thoughts, framing)) as Box<_>;
    Ok(answer(&taken.call, Vendor::Gemini, Wire::Gemini, read.map(|generate| generate.asked), writer).await)
}

async fn gemini_count(taken: &Taken, model: &str) -> axum::response::Response {
    let counted = async {
        let body = taken.json()?;
        let body = body.get("generateContentRequest").unwrap_or(&body);
        let asked = gemini::generate(model, false, body)?.asked;
        let room = room(&taken.call).await?;
        Ok(json!({"totalTokens": count(room, asked.model, asked.request).await?}))
    };
    told(counted.await, Vendor::Gemini, &taken.call)
}

async fn chat(call: RawCall) -> Answered {
    let taken = Taken::of(call).await?;
    let asked = taken.json().and_then(|body| Ok(ollama::chat(&body)?));
    Ok(lines(&taken, asked, false).await)
}

async fn complete(call: RawCall) -> Answered {
    let taken = Taken::of(call).await?;
    let asked = taken.json().and_then(|body| Ok(ollama::generate(&body)?));
    Ok(lines(&taken, asked, true).await)
}

async fn lines(taken: &Taken, asked: Result<super::asked::Asked, Fault>, generate: bool) -> axum::response::Response {
    // Without a question the model is only to be made ready, which it always is.
    if let Ok(ready) = asked.as_ref()
        && ready.request.turns.is_empty()
    {
        let said =
            if generate { json!({"response": ""}) } else { json!({"message": {"role": "assistant", "content": ""}}) };
        let mut value = json!({"model": ready.model, "created_at": "1970-01-01T00:00:00Z"});
        if let (Value::Object(value), Value::Object(said)) = (&mut value, said) {
            value.extend(said);
        }
        value["done"] = json!(true);
        value["done_reason"] = json!("load");
        return answer_json(StatusCode::OK, &value);
    }
    let writer = move |label| Box::new(ollama::Lines::new(label, generate)) as Box<_>;
    answer(&taken.call, Vendor::Ollama, Wire::Ollama, asked, writer).await
}

async fn version(_: RawCall) -> Answered {
    Ok(answer_json(StatusCode::OK, &json!({"version": OLLAMA})))
}

async fn loaded(_: RawCall) -> Answered {
    Ok(answer_json(StatusCode::OK, &json!({"models": []})))
}

async fn no_embedder_openai(call: RawCall) -> Answered {
    no_embedder(Vendor::OpenAi, &Call::of(call)?.0)
}

async fn no_embedder_ollama(call: RawCall) -> Answered {
    no_embedder(Vendor::Ollama, &Call::of(call)?.0)
}

fn no_embedder(vendor: Vendor, call: &Call) -> Answered {
    let fault = Fault::new(501, "there is no embedder here: texts cannot be embedded");
    Ok(refuse(vendor, &fault, call.trace))
}

fn told(value: Result<Value, Fault>, vendor: Vendor, call: &Call) -> axum::response::Response {
    match value {
        Ok(value) => tag(answer_json(StatusCode::OK, &value), vendor, call.trace),
        Err(fault) => refuse(vendor, &fault, call.trace),
    }
}
