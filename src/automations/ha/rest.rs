//! One Home Assistant over HTTP: states read and written, services listed and called.
//!
//! It answers with success to much that did nothing, such as a call on an entity that is not there; that is looked at
//! before and after.

use serde_json::{Map, Value as Json, json};
use url::Url;

use crate::kernel::error::{Context as _, Error, Kind, Result};
use crate::kernel::http::{HeaderMap, Http, Response, Tls, header};
use crate::kernel::secret::Secret;

/// The largest answer that is read, bytes.
const LARGEST: u64 = 64 << 20;

/// Where it is, and what opens it.
#[derive(Clone, Debug)]
pub struct Home {
    /// Its address, such as `http://homeassistant.local:8123/`.
    pub url: Url,
    /// A long-lived access token.
    pub token: Secret,
    /// The client for its answers.
    pub http: Http,
    /// Whose certificates are believed for its WebSocket.
    pub tls: Tls,
}

/// Whether it could be called so: a domain, a dot, a name. Anything else might be another address.
fn is_entity(entity: &str) -> bool {
    let is_part = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-');
    entity.split_once('.').is_some_and(|(domain, name)| is_part(domain) && is_part(name))
}

impl Home {
    /// The place of a path of its API.
    pub(super) fn at(&self, path: &[&str]) -> Url {
        let mut url = self.url.clone();
        if let Ok(mut parts) = url.path_segments_mut() {
            parts.pop_if_empty().extend(path);
        }
        url
    }

    /// Where it is, for people.
    pub fn place(&self) -> String {
        let host = self.url.host_str().unwrap_or("the host");
        self.url.port_or_known_default().map_or_else(|| host.to_string(), |port| format!("{host}:{port}"))
    }

    /// What it is: version, name, whether it is running.
    ///
    /// # Errors
    /// `Unreachable` when it is away, `Refused` when it refuses the token.
    pub async fn config(&self) -> Result<Json> {
        self.read(self.get(&["api", "config"]).await?).await
    }

    /// All states, as it gives them.
    ///
    /// # Errors
    /// As [`Home::config`].
    pub async fn states(&self) -> Result<Vec<Json>> {
        match self.read(self.get(&["api", "states"]).await?).await? {
            Json::Array(all) => Ok(all),
            _ => Err(self.nonsense()),
        }
    }

    /// The state of one entity; `None` where there is no such entity.
    ///
    /// # Errors
    /// As [`Home::config`].
    pub async fn state(&self, entity: &str) -> Result<Option<Json>> {
        if !is_entity(entity) {
            return Ok(None);
        }
        let answer = self.get(&["api", "states", entity]).await?;
        if answer.status() == 404 {
            return Ok(None);
        }
        self.read(answer).await.map(Some)
    }

    /// Writes what Home Assistant believes of an entity, which changes no device; one that is not there is made.
    ///
    /// # Errors
    /// As [`Home::config`]; `BadData` for a name that it does not take.
    pub async fn write_state(&self, entity: &str, state: &str, attributes: Option<&Map<String, Json>>) -> Result<Json> {
        if !is_entity(entity) {
            return Err(Error::new(Kind::BadData, format!("{entity:?} is no entity; one looks like light.kitchen")));
        }
        let mut body = json!({"state": state});
        if let Some(attributes) = attributes {
            body["attributes"] = json!(attributes);
        }
        let url = self.at(&["api", "states", entity]);
        self.read(self.http.post_json(&url, self.headers()?, &body).await?).await
    }

    /// The services, by domain, as it gives them.
    ///
    /// # Errors
    /// As [`Home::config`].
    pub async fn services(&self) -> Result<Vec<Json>> {
        match self.read(self.get(&["api", "services"]).await?).await? {
            Json::Array(all) => Ok(all),
            _ => Err(self.nonsense()),
        }
    }

    /// Calls a service; what changed, or with `answer` what it answered.
    ///
    /// # Errors
    /// `NotFound` for an entity of `data` that is not there, before anything is called; `BadData` for a service that is
    /// not there or data that it does not take.
    pub async fn call(&self, domain: &str, service: &str, data: &Json, answer: bool) -> Result<Json> {
        self.check_entities(data).await?;
        let mut url = self.at(&["api", "services", domain, service]);
        if answer {
            url.set_query(Some("return_response"));
        }
        let sent = self.http.post_json(&url, self.headers()?, data).await?;
        if sent.status() == 400 {
            let said = said(sent).await;
            return Err(Error::new(Kind::BadData, format!("Home Assistant does not take {domain}.{service}: {said}"))
                .hint(format!("`fac ha services {domain}` lists what there is and what it takes")));
        }
        self.read(sent).await
    }

    /// Checks that the entities of a call are there.
    ///
    /// # Errors
    /// `NotFound` with the names of those that are not.
    pub async fn check_entities(&self, data: &Json) -> Result<()> {
        let mut missing = Vec::new();
        for entity in entities_of(data) {
            if self.state(&entity).await?.is_none() {
                missing.push(entity);
            }
        }
        if missing.is_empty() { Ok(()) } else { Err(no_entity(&missing)) }
    }

    async fn get(&self, path: &[&str]) -> Result<Response> {
        self.http.get(&self.at(path), self.headers()?).await
    }

    fn headers(&self) -> Result<HeaderMap> {
        let mut headers = HeaderMap::new();
        let mut value = header::HeaderValue::from_str(&format!("Bearer {}", self.token.expose()))
            .context(Kind::BadData, || "the token of Home Assistant holds what a token cannot".to_string())?;
        value.set_sensitive(true);
        headers.insert(header::AUTHORIZATION, value);
        Ok(headers)
    }

    async fn read(&self, answer: Response) -> Result<Json> {
        let status = answer.status();
        if !(200..300).contains(&status) {
            return Err(match status {
                401 | 403 => refused(&self.place()),
                404 => Error::new(
                    Kind::NotFound,
                    format!("{} has nothing like that: {}", self.place(), said(answer).await),
                ),
                400 => {
                    Error::new(Kind::BadData, format!("{} does not take that: {}", self.place(), said(answer).await))
                }
                _ => Error::new(Kind::Unreachable, format!("{} answers with status {status}", self.place()))
                    .hint("it may be starting; its own log says more"),
            });
        }
        let bytes = answer.bytes(LARGEST).await?;
        serde_json::from_slice(&bytes).map_err(|_| self.nonsense())
    }

    fn nonsense(&self) -> Error {
        Error::new(Kind::BadData, format!("what answers at {} is no Home Assistant", self.place()))
            .hint("check homeassistant.url")
    }
}

/// The error of a token that is not taken.
pub(super) fn refused(place: &str) -> Error {
    Error::new(Kind::Refused, format!("Home Assistant at {place} refuses the token"))
        .hint("make a long-lived access token in your profile there, and keep it: fac secret set homeassistant")
}

/// The error of entities that are not there.
pub(super) fn no_entity(missing: &[String]) -> Error {
    let names = missing.join(", ");
    Error::new(Kind::NotFound, format!("Home Assistant has no entity {names}"))
        .hint("`fac ha states` lists what there is")
}

/// The entities that the data of a call names.
pub fn entities_of(data: &Json) -> Vec<String> {
    let mut all = Vec::new();
    for place in [&data["entity_id"], &data["target"]["entity_id"]] {
        match place {
            Json::String(text) => all.extend(text.split(',').map(|e| e.trim().to_string())),
            Json::Array(list) => all.extend(list.iter().filter_map(Json::as_str).map(String::from)),
            _ => {}
        }
    }
    all.retain(|entity| !entity.is_empty() && entity != "all" && entity != "none");
    all
}

/// What an answer says, shortly.
async fn said(answer: Response) -> String {
    let bytes = answer.bytes(64 << 10).await.unwrap_or_default();
    let message = serde_json::from_slice::<Json>(&bytes).ok().and_then(|j| j["message"].as_str().map(String::from));
    message.unwrap_or_else(|| String::from_utf8_lossy(&bytes).chars().take(200).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_entities_of_a_call_are_found_wherever_they_stand() {
        for (data, want) in [
            (json!({"entity_id": "light.a"}), vec!["light.a"]),
            (json!({"entity_id": "light.a, light.b"}), vec!["light.a", "light.b"]),
            (json!({"target": {"entity_id": ["light.a"]}}), vec!["light.a"]),
            (json!({"entity_id": "all"}), vec![]),
            (json!({"area_id": "kitchen"}), vec![]),
            (json!(null), vec![]),
        ] {
            assert_eq!(entities_of(&data), want, "{data}");
        }
    }
}
