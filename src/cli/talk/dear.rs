//! A question that may cost more than the person set is asked about before it is sent.
//!
//! What goes in can be counted beforehand; what comes out only where a bound was set for it, so the sum is the least.

use super::super::Context;
use super::dollars;
use crate::chat::context::total;
use crate::chat::driver::{Ask, Chat};
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::terminal::safe_line;
use crate::providers::model::{Part, Usage};
use crate::providers::{Needs, tokens};
use crate::store::Session;

/// What a picture or another file is taken for, tokens; vendors say 85 to 1,600.
const A_FILE: u64 = 1_500;

/// Asks where `usage.confirm_above` says so.
///
/// # Errors
/// `Refused` when the person says no, or nobody is there to say yes.
pub(in crate::cli) async fn confirm(context: &Context, chat: &Chat<'_>, session: &Session, ask: &Ask) -> Result<()> {
    let Some(most) = context.app.config()?.micro_dollars("usage.confirm_above") else { return Ok(()) };
    let typed = ask.model.as_deref().or(session.model.as_deref());
    let choices = chat.models.resolve(typed, &Needs { task: ask.purpose.clone(), ..Needs::default() }).await?;
    let Some((choice, price)) = choices.first().and_then(|c| Some((c, c.facts.price?))) else { return Ok(()) };
    let name = choice.name();
    let before = match ask.parent {
        Some(leaf) => total(&chat.pieces(session, ask, leaf, &name, false)?).tokens,
        None => 0,
    };
    let asked = ask.parts.iter().flatten().map(|part| match part {
        Part::Text { text } => tokens::count(&name, text, false).tokens,
        _ => A_FILE,
    });
    let input = before + asked.sum::<u64>();
    let output = ask.tuning.max_tokens.map(u64::from);
    let least = price.cost_micros(&Usage { input: Some(input), output, ..Usage::default() });
    if least <= most {
        return Ok(());
    }
    let said = format!(
        "this may cost {} or more with {} (~{input} tokens in); you set {} as the most without a question",
        dollars(least),
        safe_line(&name),
        dollars(most)
    );
    context.ui.note(&said);
    if crate::cli::ask::yes(context, "Ask it?", false)? {
        return Ok(());
    }
    Err(Error::new(Kind::Refused, "the question was not sent")
        .hint("-y says yes; `fac config set usage.confirm_above` sets another sum"))
}
