//! Lists of models in each vendor's shape. What is listed is what everybody who is set up has, with the other names that
//! the settings give.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::Vendor;
use super::fault::{Fault, Sort};
use super::http::{Answered, Call, Taken, json as answer, refuse, room, tag};
use crate::providers::table::Facts;
use crate::providers::{ModelInfo, Models};
use crate::serve::input::Params;
use crate::serve::route::RawCall;

/// Models that a list shows at once when nothing is said.
const USUAL: usize = 1000;

/// Every model: of those who are set up, of servers on this machine, and other names; by name.
pub async fn all(models: &Models) -> Vec<ModelInfo> {
    let (lists, found) = (models.list(false).await, models.probe().await);
    let mut all: Vec<ModelInfo> = lists.into_iter().filter_map(|(_, list)| list.ok()).flatten().collect();
    for entry in found {
        all.extend(models.models_of(&entry).await.unwrap_or_default());
    }
    for (alias, model) in &models.settings().aliases {
        let facts = all.iter().find(|info| info.name == *model).map_or_else(Facts::default, |info| info.facts.clone());
        all.push(ModelInfo { name: alias.clone(), facts });
    }
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all.dedup_by(|a, b| a.name == b.name);
    all
}

/// `GET /v1/models`, of three vendors; `GET /v1beta/models` of one.
pub async fn list(call: RawCall) -> Answered {
    let (call, _) = Call::of(call)?;
    let vendor = call.vendor;
    let all = match room(&call).await {
        Ok(room) => all(room.models()).await,
        Err(fault) => return Ok(refuse(vendor, &fault, call.trace)),
    };
    let query = &call.query;
    let value = match vendor {
        Vendor::Anthropic => anthropic_page(&all, query),
        Vendor::Gemini => gemini_page(&all, query),
        _ => json!({"object": "list", "data": all.iter().map(openai).collect::<Vec<_>>()}),
    };
    Ok(tag(answer(StatusCode::OK, &value), vendor, call.trace))
}

/// `GET /v1/models/{model}`: one of them.
pub async fn one(call: RawCall) -> Answered {
    let (call, _) = Call::of(call)?;
    let vendor = call.vendor;
    let wanted = call.params.get("model").map(String::as_str).unwrap_or_default();
    let found = async { find(&all(room(&call).await?.models()).await, wanted) };
    Ok(match found.await {
        Ok(info) => {
            let value = match vendor {
                Vendor::Anthropic => anthropic(&info),
                Vendor::Gemini => gemini(&info),
                _ => openai(&info),
            };
            tag(answer(StatusCode::OK, &value), vendor, call.trace)
        }
        Err(fault) => refuse(vendor, &fault, call.trace),
    })
}

/// `GET /api/tags`.
pub async fn tags(call: RawCall) -> Answered {
    let (call, _) = Call::of(call)?;
    Ok(match room(&call).await {
        Ok(room) => {
            let all = all(room.models()).await;
            answer(StatusCode::OK, &json!({"models": all.iter().map(ollama).collect::<Vec<_>>()}))
        }
        Err(fault) => refuse(Vendor::Ollama, &fault, call.trace),
    })
}

/// `POST /api/show`: what a model can.
pub async fn show(call: RawCall) -> Answered {
    let taken = Taken::of(call).await?;
    let shown = async {
        let body = taken.json()?;
        let wanted = body["model"].as_str().or(body["name"].as_str()).unwrap_or_default();
        let info = find(&all(room(&taken.call).await?.models()).await, wanted)?;
        let can = [
            (Some(true), "completion"),
            (info.facts.vision, "vision"),
            (info.facts.tools, "tools"),
            (info.facts.reasoning, "thinking"),
        ];
        let can: Vec<&str> = can.iter().filter(|(can, _)| *can == Some(true)).map(|(_, word)| *word).collect();
        let mut about = json!({"general.architecture": "other"});
        if let Some(context) = info.facts.context {
            about["other.context_length"] = json!(context);
        }
        Ok(json!({
            "modelfile": "", "parameters": "", "template": "", "details": details(), "model_info": about,
            "capabilities": can, "modified_at": NEVER,
        }))
    };
    Ok(match shown.await {
        Ok(value) => answer(StatusCode::OK, &value),
        Err(fault) => refuse(Vendor::Ollama, &fault, taken.call.trace),
    })
}

/// The model of that whole name, or the only one that is called so by its provider.
///
/// # Errors
/// 404 when there is none.
pub fn find(all: &[ModelInfo], wanted: &str) -> Result<ModelInfo, Fault> {
    let wanted = wanted.strip_prefix("models/").unwrap_or(wanted);
    let own = |info: &&ModelInfo| info.name.split_once('/').is_some_and(|(_, model)| model == wanted);
    let found = all.iter().find(|info| info.name == wanted).or_else(|| all.iter().find(own));
    found.cloned().ok_or_else(|| {
        let said = format!("the model `{wanted}` is not there; the list of models says what is");
        Fault { sort: Sort::NoModel, ..Fault::new(404, said) }
    })
}

/// When a model was made, where nobody knows it.
const NEVER: &str = "1970-01-01T00:00:00Z";

fn openai(info: &ModelInfo) -> Value {
    let owner = info.name.split_once('/').map_or("alias", |(provider, _)| provider);
    json!({"id": info.name, "object": "model", "created": 0, "owned_by": owner})
}

fn anthropic(info: &ModelInfo) -> Value {
    json!({
        "type": "model", "id": info.name, "display_name": info.name, "created_at": NEVER,
        "max_input_tokens": info.facts.context, "max_tokens": info.facts.max_output,
    })
}

fn anthropic_page(all: &[ModelInfo], query: &Params) -> Value {
    let at = |name: &str| query.get(name).and_then(|id| all.iter().position(|info| info.name == *id));
    let limit = query.get("limit").and_then(|n| n.parse().ok()).unwrap_or(USUAL).clamp(1, USUAL);
    let (from, to, more) = match (at("after_id"), at("before_id")) {
        (Some(after), _) => (after + 1, (after + 1 + limit).min(all.len()), after + 1 + limit < all.len()),
        (None, Some(before)) => (before.saturating_sub(limit), before, before > limit),
        (None, None) => (0, limit.min(all.len()), limit < all.len()),
    };
    let page = all.get(from..to).unwrap_or_default();
    json!({
        "data": page.iter().map(anthropic).collect::<Vec<_>>(), "has_more": more,
        "first_id": page.first().map(|info| &info.name), "last_id": page.last().map(|info| &info.name),
    })
}

fn gemini(info: &ModelInfo) -> Value {
    let mut value = json!({
        "name": format!("models/{}", info.name), "version": "1", "displayName": info.name,
        "supportedGenerationMethods": ["generateContent", "streamGenerateContent", "countTokens"],
    });
    if let Some(context) = info.facts.context {
        value["inputTokenLimit"] = json!(context);
    }
    if let Some(most) = info.facts.max_output {
        value["outputTokenLimit"] = json!(most);
    }
    value
}

fn gemini_page(all: &[ModelInfo], query: &Params) -> Value {
    let after =
        query.get("pageToken").and_then(|id| all.iter().position(|info| info.name == *id)).map_or(0, |at| at + 1);
    let limit = query.get("pageSize").and_then(|n| n.parse().ok()).filter(|n| *n > 0).unwrap_or(50).min(USUAL);
    let page = all.get(after..).unwrap_or_default();
    let page = page.get(..limit.min(page.len())).unwrap_or_default();
    let mut value = json!({"models": page.iter().map(gemini).collect::<Vec<_>>()});
    if let Some(last) = page.last().filter(|_| after + page.len() < all.len()) {
        value["nextPageToken"] = json!(last.name);
    }
    value
}

fn details() -> Value {
    json!({
        "parent_model": "", "format": "", "family": "", "families": [], "parameter_size": "", "quantization_level": "",
    })
}

fn ollama(info: &ModelInfo) -> Value {
    json!({
        "name": info.name, "model": info.name, "modified_at": NEVER, "size": info.facts.size.unwrap_or(0), "digest": "",
        "details": details(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn models(names: &[&str]) -> Vec<ModelInfo> {
        names.iter().map(|name| ModelInfo { name: (*name).to_string(), facts: Facts::default() }).collect()
    }

    fn given(pairs: &[(&str, &str)]) -> Params {
        pairs.iter().map(|(name, value)| ((*name).to_string(), (*value).to_string())).collect()
    }

    #[test]
    fn pages_follow_each_other() {
        let all = models(&["a/1", "a/2", "b/1"]);
        let names = |page: &Value| -> Vec<String> {
            page["data"].as_array().unwrap().iter().map(|m| m["id"].as_str().unwrap().to_string()).collect()
        };
        let first = anthropic_page(&all, &given(&[("limit", "2")]));
        assert_eq!((names(&first), &first["has_more"]), (vec!["a/1".into(), "a/2".into()], &json!(true)));
        let second = anthropic_page(&all, &given(&[("limit", "2"), ("after_id", "a/2")]));
        assert_eq!((names(&second), &second["has_more"]), (vec!["b/1".into()], &json!(false)));
        let back = anthropic_page(&all, &given(&[("limit", "1"), ("before_id", "b/1")]));
        assert_eq!((names(&back), &back["has_more"]), (vec!["a/2".into()], &json!(true)));
        let first = gemini_page(&all, &given(&[("pageSize", "2")]));
        assert_eq!(first["nextPageToken"], "a/2");
        let second = gemini_page(&all, &given(&[("pageSize", "2"), ("pageToken", "a/2")]));
        assert_eq!(second["models"][0]["name"], "models/b/1");
        assert_eq!(second.get("nextPageToken"), None);
    }

    #[test]
    fn a_model_is_found_by_its_whole_and_its_own_name() {
        let all = models(&["a/one", "b/one", "b/two:7b"]);
        assert_eq!(find(&all, "b/one").unwrap().name, "b/one");
        assert_eq!(find(&all, "models/two:7b").unwrap().name, "b/two:7b");
        assert_eq!(find(&all, "three").unwrap_err().status, 404);
    }
}
