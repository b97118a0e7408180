//! What a question is made of on the command line: words, what is piped in, files, a system text, how to answer.

use std::io::{IsTerminal, Read};

use super::super::Context;
use super::ask::tuning;
use crate::chat::attach;
use crate::kernel::error::{Context as _, Error, Kind, Result};
use crate::providers::model::{Part, Tuning};

/// The arguments that every command with a question has.
#[derive(Debug, Default, clap::Args)]
pub struct Question {
    /// The question
    pub(in crate::cli) words: Vec<String>,
    /// What the model is to be and to do
    #[arg(short, long, value_name = "TEXT")]
    pub(in crate::cli) system: Option<String>,
    /// Send a file along (`-` is what is piped in)
    #[arg(short, long = "file", value_name = "FILE")]
    pub(in crate::cli) files: Vec<String>,
    /// Send a picture or another file along
    #[arg(short, long = "attach", value_name = "FILE")]
    pub(in crate::cli) attachments: Vec<String>,
    /// Tune the answer: temperature, top_p, max_tokens, seed, stop, or a field the provider knows
    #[arg(short, long = "option", value_name = "KEY=VALUE")]
    pub(in crate::cli) options: Vec<String>,
    /// How hard to think: none, low, medium or high
    #[arg(long, value_name = "EFFORT", value_parser = ["none", "low", "medium", "high"], hide_possible_values = true)]
    pub(in crate::cli) think: Option<String>,
}

impl Question {
    /// How to answer.
    pub(in crate::cli) fn tuning(&self) -> Result<Tuning> {
        tuning(&self.options, self.think.as_deref())
    }

    /// Whether a file goes along.
    pub(in crate::cli) fn has_files(&self) -> bool {
        !self.files.is_empty() || !self.attachments.is_empty()
    }

    /// Whether a file is named `-`.
    pub(in crate::cli) fn reads_stdin(&self) -> bool {
        self.files.iter().chain(&self.attachments).any(|f| f == "-")
    }

    /// What is piped in, unless a file is named `-`.
    pub(in crate::cli) fn piped(&self, context: &Context) -> Result<Option<Vec<u8>>> {
        if self.reads_stdin() { Ok(None) } else { piped(context) }
    }

    /// The files that go along.
    pub(in crate::cli) fn attached(&self, context: &Context) -> Result<Vec<Part>> {
        let limit = limit(context)?;
        let mut stdin = std::io::stdin().lock();
        self.files.iter().chain(&self.attachments).map(|file| attach::read(file, &mut stdin, limit)).collect()
    }

    /// What goes to the model: what is piped in, the files, the words. Text that is piped in without any words is the
    /// question itself.
    pub(in crate::cli) fn parts(&self, context: &Context) -> Result<Vec<Part>> {
        let limit = limit(context)?;
        let mut parts = Vec::new();
        let mut words = self.words.join(" ");
        if let Some(piped) = self.piped(context)? {
            if words.is_empty() && std::str::from_utf8(&piped).is_ok() && piped.len() as u64 <= limit {
                words = String::from_utf8_lossy(&piped).into_owned();
            } else {
                parts.push(attach::part("stdin", piped, limit)?);
            }
        }
        parts.extend(self.attached(context)?);
        if words.trim().is_empty() && parts.is_empty() {
            return Err(Error::new(Kind::Usage, "there is no question")
                .hint("fac ask 'your question', or pipe something in; `fac ask --help` shows more"));
        }
        if !words.trim().is_empty() {
            parts.push(Part::text(words));
        }
        Ok(parts)
    }
}

/// The largest file that goes along, bytes.
pub(in crate::cli) fn limit(context: &Context) -> Result<u64> {
    context.app.largest_attachment()
}

/// What is piped in, where it may be read; of what is larger than [`limit`] one byte more.
pub(in crate::cli) fn piped(context: &Context) -> Result<Option<Vec<u8>>> {
    if context.ui.no_input || std::io::stdin().is_terminal() {
        return Ok(None);
    }
    let most = limit(context)?.saturating_add(1);
    let (mut bytes, stdin) = (Vec::new(), std::io::stdin().lock());
    stdin.take(most).read_to_end(&mut bytes).context(Kind::Failed, || "cannot read what is piped in".into())?;
    Ok(Some(bytes).filter(|bytes| !bytes.is_empty()))
}
