//! Tools in a turn: who is asked, and their work.

use std::sync::Arc;

use super::super::filter::{self, Way};
use super::super::policy::{Asker, Question, Verdict};
use super::super::tool::{Effects, Tool};
use super::super::turn::Decision;
use super::{Chat, Progress, stopped};
use crate::kernel::error::{Error, Result};
use crate::providers::model::ToolCall;
use crate::store::Session;

impl Chat<'_> {
    pub(super) fn decide(&self, session: &Session, call: &ToolCall, asker: &mut dyn Asker) -> Result<Decision> {
        let Some(tool) = self.tool(&call.name) else { return Ok(Decision::No("there is no such tool".to_string())) };
        let preview = match tool.preview(&call.arguments) {
            Ok(preview) => preview,
            Err(error) => return Ok(Decision::No(format!("not run: {}", told(&error)))),
        };
        let read_only = tool.effects() == Effects::ReadOnly;
        let question = Question { tool: call.name.clone(), origin: tool.origin(), read_only, preview };
        if !asker.is_there() {
            asker.refused(&question);
            return Ok(Decision::No(
                "not run: nobody is there to allow it, and no rule of the settings does".to_string(),
            ));
        }
        Ok(match asker.allow(&question)? {
            Verdict::Once => Decision::Once,
            Verdict::Session if read_only => {
                self.store.allow_tool(session.id, &tool.origin(), &tool.digest())?;
                Decision::Session
            }
            Verdict::Session => Decision::Once,
            Verdict::No(Some(said)) => Decision::No(format!("the person said no: {said}")),
            Verdict::No(None) => Decision::No("the person said no".to_string()),
        })
    }

    /// What a tool says after it passed the filters.
    async fn heard(
        &self,
        said: std::result::Result<String, String>,
        progress: &mut Progress<'_, '_>,
    ) -> std::result::Result<String, String> {
        let (failed, text) = match said {
            Ok(text) => (false, text),
            Err(text) => (true, text),
        };
        let listener = &mut *progress.recorder.listener;
        match filter::text(&self.filters, Way::Result, text, listener).await {
            Ok(text) if !failed => Ok(text),
            Ok(text) | Err(text) => Err(text),
        }
    }

    fn tool(&self, name: &str) -> Option<&Arc<dyn Tool>> {
        self.tools.iter().find(|t| t.spec().name == name)
    }

    /// Uses tools side by side; `None` when the person stopped it.
    pub(super) async fn work(
        &self,
        calls: &[ToolCall],
        progress: &mut Progress<'_, '_>,
    ) -> Option<Vec<(String, std::result::Result<String, String>)>> {
        for call in calls {
            if let Some(tool) = self.tool(&call.name) {
                let preview = tool.preview(&call.arguments).unwrap_or_default();
                progress.recorder.listener.tool_begins(&tool.origin(), &preview);
            }
        }
        let work = calls.iter().map(|call| async move {
            let result = match self.tool(&call.name) {
                Some(tool) => tool.call(&call.arguments).await.map_err(|e| told(&e)),
                None => Err("there is no such tool".to_string()),
            };
            (call, result)
        });
        let results = tokio::select! {
            results = futures_util::future::join_all(work) => results,
            () = stopped(&self.stop) => return None,
        };
        let mut said = Vec::new();
        for (call, result) in results {
            let result = self.heard(result, progress).await;
            let (text, failed) = match &result {
                Ok(text) => (text, false),
                Err(text) => (text, true),
            };
            let origin = self.tool(&call.name).map(|t| t.origin()).unwrap_or_default();
            progress.recorder.listener.tool_ended(&origin, text, failed);
            said.push((call.id.clone(), result));
        }
        Some(said)
    }
}

/// An error as the model is told of it, with the way forward.
fn told(error: &Error) -> String {
    match error.way_forward() {
        Some(hint) => format!("{} ({hint})", error.full_message()),
        None => error.full_message(),
    }
}
