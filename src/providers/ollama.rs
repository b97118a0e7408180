//! Fetching and removing models of an Ollama server, and what it says of one.

use serde_json::{Value, json};

use super::entry::{Entry, Wire};
use super::table::Facts;
use super::{Models, list, trouble};
use crate::kernel::error::{Error, Kind, Result};

/// How far a fetch is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pulling {
    /// What is being done, in the server's words.
    pub status: String,
    /// Bytes here.
    pub completed: u64,
    /// Bytes in all; 0 while they are not known.
    pub total: u64,
}

impl Models {
    /// The Ollama server of that name, or the only one.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    pub async fn ollama(&self, name: Option<&str>) -> Result<Entry> {
        let mut found: Vec<Entry> =
            self.shared.settings.entries.iter().filter(|e| e.wire == Wire::Ollama).cloned().collect();
        found.extend(self.probe().await.into_iter().filter(|e| e.wire == Wire::Ollama));
        let found = found.into_iter().find(|e| name.is_none_or(|name| e.name == name));
        found.ok_or_else(|| {
            Error::new(Kind::NotFound, "there is no Ollama server here").hint(
                "start it with `ollama serve`, or name it: fac config set providers.ollama.url http://host:11434/",
            )
        })
    }

    /// Fetches `model`; `progress` is told how far it is. Dropping the future ends the fetch; what came is kept by the
    /// server and the next fetch goes on from there.
    ///
    /// # Errors
    /// What the server says is wrong.
    pub async fn pull(&self, entry: &Entry, model: &str, progress: &mut dyn FnMut(&Pulling)) -> Result<()> {
        let url = list::address(entry, "api/pull")?;
        let body = json!({"model": model, "stream": true});
        let mut answer = self.shared.http.post_json(&url, list::headers(entry)?, &body).await?;
        if answer.status() != 200 {
            let (status, headers) = (answer.status(), answer.headers().clone());
            let text = answer.bytes(64 << 10).await?;
            return Err(trouble::of_status(status, &headers, &String::from_utf8_lossy(&text), entry, model).into());
        }
        let (mut rest, mut done) = (Vec::new(), false);
        while let Some(piece) = answer.chunk().await? {
            rest.extend_from_slice(&piece);
            while let Some(end) = rest.iter().position(|b| *b == b'\n') {
                let line: Vec<u8> = rest.drain(..=end).collect();
                let Ok(value) = serde_json::from_slice::<Value>(&line) else { continue };
                if let Some(error) = value.get("error").and_then(Value::as_str) {
                    return Err(Error::new(Kind::Failed, format!("{} cannot fetch {model}: {error}", entry.name)));
                }
                let number = |key: &str| value.get(key).and_then(Value::as_u64).unwrap_or(0);
                let status = value.get("status").and_then(Value::as_str).unwrap_or_default().to_string();
                done |= status == "success";
                progress(&Pulling { status, completed: number("completed"), total: number("total") });
            }
        }
        if done {
            return Ok(());
        }
        Err(Error::new(Kind::Unreachable, format!("{} broke off the fetch of {model}", entry.name))
            .hint("run it again; it goes on where it was"))
    }

    /// Removes `model`.
    ///
    /// # Errors
    /// `NotFound` when the server does not have it.
    pub async fn remove(&self, entry: &Entry, model: &str) -> Result<()> {
        let url = list::address(entry, "api/delete")?;
        let answer = self.shared.http.delete_json(&url, list::headers(entry)?, &json!({"model": model})).await?;
        match answer.status() {
            200 => Ok(()),
            404 => Err(Error::new(Kind::NotFound, format!("{} has no model {model}", entry.name))
                .hint("`fac models ls` lists what there is")),
            status => Err(Error::new(Kind::Failed, format!("{} did not remove {model} (status {status})", entry.name))),
        }
    }

    /// What the server says of `model`: <https://github.com/ollama/ollama/blob/main/docs/api.md#show-model-information>
    ///
    /// # Errors
    /// What the server says is wrong.
    pub async fn show(&self, entry: &Entry, model: &str) -> Result<Facts> {
        let url = list::address(entry, "api/show")?;
        let answer = self.shared.http.post_json(&url, list::headers(entry)?, &json!({"model": model})).await?;
        let value = list::read_json(answer, entry).await?;
        let info = value.get("model_info").and_then(Value::as_object);
        let context = info.and_then(|info| info.iter().find(|(key, _)| key.ends_with(".context_length")));
        let can = |ability: &str| {
            let abilities = value.get("capabilities").and_then(Value::as_array)?;
            Some(abilities.iter().any(|a| a == ability))
        };
        Ok(Facts {
            context: context.and_then(|(_, n)| n.as_u64()),
            vision: can("vision"),
            tools: can("tools"),
            reasoning: can("thinking"),
            ..Facts::default()
        })
    }
}
