//! Whether a command may run here at all, asked before anything of it does.

use super::{Plan, dangerous};
use crate::commands::catalog::{Resolved, Trust};
use crate::commands::model::{Command, Severity, StepKind};
use crate::kernel::error::{Error, Kind, Result};

/// Refuses a plan that holds anything untrusted.
pub(super) fn refuse_untrusted(plan: &Plan) -> Result<()> {
    match plan.all().find(|r| r.trust != Trust::Trusted) {
        Some(resolved) => Err(resolved.refusal()),
        None => plan.all().try_for_each(Resolved::check_unchanged),
    }
}

/// Refuses what has mistakes, nothing to do, another platform, a dangerous parameter or a sandbox we do not have.
///
/// # Errors
/// The refusal, with the way forward.
pub fn check_runnable(command: &Command) -> Result<()> {
    if let Some(broken) = command.diagnostics.iter().find(|d| d.severity == Severity::Error) {
        let place = format!("{}:{}:{}", command.origin.path, broken.line, broken.column);
        let said = format!("`{}` cannot run: {} ({place})", command.name, broken.message);
        return Err(
            Error::new(Kind::BadData, said).hint("mend the definition; `fac commands check` lists all mistakes")
        );
    }
    if !command.runnable() {
        let said = format!("`{}` is only a reference entry: its definition has no steps", command.name);
        let name = &command.name;
        return Err(Error::new(Kind::BadData, said)
            .hint(format!("bind it: `fac commands bind '{name}' --to OTHER`, `--shell '…'` or `--prompt '…'`")));
    }
    let here = std::env::consts::OS;
    let fits = |p: &String| p == here || p == std::env::consts::FAMILY || p == "common" || p == "all";
    if !command.platforms.is_empty() && !command.platforms.iter().any(fits) {
        let said = format!("`{}` is meant for {}, and this is {here}", command.name, command.platforms.join(", "));
        return Err(Error::new(Kind::Missing, said).hint("read it with `fac commands show`"));
    }
    let scripts = command.steps.iter().any(|s| matches!(s.kind, StepKind::Script | StepKind::Snippet));
    if let Some(param) = command.params.iter().find(|p| scripts && dangerous::changes_programs(&p.var)) {
        let said =
            format!("`{}` has a parameter `{}`, which would change how programs start", command.name, param.name);
        return Err(Error::new(Kind::BadData, said).hint("give the parameter another name in the definition"));
    }
    for step in &command.steps {
        if let Some(sandbox) = &step.sandbox {
            let said =
                format!("step `{}` of `{}` asks for the sandbox `{sandbox}`, which is not here", step.id, command.name);
            return Err(
                Error::new(Kind::Refused, said).hint("a step is never run with less protection than it asks for")
            );
        }
    }
    Ok(())
}
