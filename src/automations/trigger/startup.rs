//! `startup`: whoever runs automations begins to.

use super::options::Options;
use crate::commands::model::Diagnostic;

/// The beginning that is waited for.
#[derive(Clone, Copy, Debug)]
pub struct Startup {}

impl Startup {
    pub(super) fn parse(options: &Options<'_>) -> Result<Startup, Diagnostic> {
        options.only(&["limit", "max"])?;
        match options.args().first() {
            None => Ok(Startup {}),
            Some(word) => Err(options.wrong(format!("`startup` takes no words, and there is `{word}`"))),
        }
    }
}
