//! The prompts of a run on a terminal: who hears the models, and who is asked.

use super::super::Context;
use super::{Form, Person, Printer};
use crate::commands::prompt::Hands;
use crate::exec::Stop;
use crate::kernel::error::Result;

/// Who hears the models of a run, and who is asked about their tools.
pub(in crate::cli) fn hands(context: &Context, stop: &Stop) -> Result<Hands> {
    let form = if context.ui.json { Form::Silent } else { Form::Words };
    let listener = Box::new(Printer::new(context, form, stop.clone())?);
    Ok(Hands { listener, asker: Box::new(Person::new(context)) })
}
