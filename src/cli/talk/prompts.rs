//! The prompts of a run on a terminal: who hears the models, and who is asked.

use super::super::Context;
use super::tools::Teller;
use super::{Form, Person, Printer};
use crate::app::prompts::{Asking, Wishes};
use crate::commands::prompt::Hands;
use crate::commands::run::Plan;
use crate::exec::Stop;
use crate::kernel::error::Result;

/// Who asks the models for a plan. `typed` are tools beside those of its definitions; `keep`: whether the chat stays.
pub(in crate::cli) fn asking(
    context: &Context,
    plan: &Plan,
    typed: &[String],
    keep: bool,
    stop: &Stop,
) -> Result<Asking> {
    let form = if context.ui.json { Form::Silent } else { Form::Words };
    let listener = Box::new(Printer::new(context, form, stop.clone())?);
    let hands = Hands { listener, asker: Box::new(Person::new(context)) };
    Asking::new(&context.app, plan, &Wishes { typed, keep, stop }, hands, &mut Teller(context))
}
