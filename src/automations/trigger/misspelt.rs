//! Names of placeholders and of conditions that nobody gives: they would stay as they are, or keep a condition from holding.
//!
//! It warns and refuses nothing: a text may mean to hold such a name.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;

use super::reference::REFERENCE;
use crate::automations::conditions;
use crate::commands::dialect::native::variable;
use crate::commands::expr;
use crate::commands::model::{Command, Diagnostic, Step, StepKind, Syntax};
use crate::commands::template;
use crate::kernel::clock::Timestamp;
use crate::kernel::near::nearest;

/// What the data of every trigger has.
const ALWAYS: [&str; 2] = ["kind", "at"];

/// Names that are no parameter of the command and nothing that its triggers tell, each where it stands, each once.
pub fn misspelt(command: &Command) -> Vec<Diagnostic> {
    let told = told(command);
    let mut found = conditioned(command, &told);
    for step in command.steps.iter().filter(|step| is_filled(step)) {
        let options = step.options.values().map(|text| (step.line, text.as_str()));
        let lines = step.text.lines().enumerate().map(|(nr, line)| (step.line + 1 + nr, line));
        for (line, text) in options.chain(lines) {
            let names = template::placeholders(Syntax::Native, text).into_iter().map(|one| one.name);
            let strange =
                names.filter_map(|name| Some(Diagnostic::warning(line.max(1), 1, stranger(command, &told, &name)?)));
            found.extend(strange);
        }
    }
    found.dedup_by(|a, b| a.message == b.message);
    found
}

/// What its triggers tell; nothing where it has none, as another may run it with whatever fired that.
fn told(command: &Command) -> BTreeSet<&'static str> {
    let kinds = command.triggers.iter().filter_map(|trigger| REFERENCE.iter().find(|one| one.kind == trigger.kind));
    let told: BTreeSet<&str> = kinds.flat_map(|one| one.tells).copied().collect();
    // A phrase tells what it names.
    let speaks = command.triggers.iter().any(|trigger| trigger.kind == "voice");
    if told.is_empty() || speaks { BTreeSet::new() } else { told.into_iter().chain(ALWAYS).collect() }
}

/// Whether the placeholders of a step's text and options are filled.
fn is_filled(step: &Step) -> bool {
    let is_code = matches!(step.kind, StepKind::Script | StepKind::Snippet | StepKind::Lua);
    step.syntax == Syntax::Native && !is_code
}

/// What is wrong with a name in a text; `None` for one that is given.
fn stranger(command: &Command, told: &BTreeSet<&str>, name: &str) -> Option<String> {
    let var = variable(name);
    if command.params.iter().any(|param| param.name == name || param.var == var) {
        return None;
    }
    if let Some(rest) = name.strip_prefix("trigger") {
        let field = rest.strip_prefix(['_', '.'])?.split('.').next()?;
        return untold(told, field, &|field| format!("{{{{trigger_{field}}}}}"), &format!("{{{{{name}}}}}"));
    }
    let is_fact = name.starts_with("__") || name.starts_with("workspaceFolder");
    if is_fact || name == "input" || name.contains('.') {
        return None;
    }
    let fields: Vec<String> = told.iter().map(|field| format!("trigger_{field}")).collect();
    let known = command.params.iter().map(|param| param.name.as_str()).chain(fields.iter().map(String::as_str));
    let said = format!("`{{{{{name}}}}}` has no value and stays as it is");
    Some(match nearest(name, known) {
        Some(meant) => format!("{said}; did you mean `{{{{{meant}}}}}`?"),
        None => format!("{said}; `\\{{{{{name}}}}}` says that it is meant"),
    })
}

/// Fields that its condition asks for and nobody tells.
fn conditioned(command: &Command, told: &BTreeSet<&str>) -> Vec<Diagnostic> {
    let Some(condition) = command.condition.as_deref().filter(|text| expr::prepared(text).is_ok()) else {
        return Vec::new();
    };
    let environment = expr::environment();
    let Ok(compiled) = expr::compile(&environment, condition) else { return Vec::new() };
    let moment = conditions::moment(Timestamp::from_micros(0), &TimeZone::UTC);
    let parts: BTreeSet<&str> = moment.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
    let mut asked: Vec<String> = compiled.undeclared_variables(true).into_iter().collect();
    asked.sort_unstable();
    let strange = asked.iter().filter_map(|name| {
        let (root, rest) = name.split_once('.')?;
        let field = rest.split('.').next()?;
        let among = match root {
            "trigger" => told,
            "now" => &parts,
            _ => return None,
        };
        let said = untold(among, field, &|field| format!("{root}.{field}"), &format!("{root}.{field}"))?;
        Some(Diagnostic::warning(command.origin.lines.0.max(1), 1, format!("the condition asks for {said}")))
    });
    strange.collect()
}

/// That a field is none of these; `None` where it is one of them, or nobody knows which there are.
fn untold(told: &BTreeSet<&str>, field: &str, as_written: &dyn Fn(&str) -> String, name: &str) -> Option<String> {
    if told.is_empty() || told.contains(field) || field.is_empty() {
        return None;
    }
    let told = told.iter().copied();
    Some(match nearest(field, told.clone()) {
        Some(meant) => format!("`{name}`, which is never told; did you mean `{}`?", as_written(meant)),
        None => format!("`{name}`, which is never told; there are {}", told.collect::<Vec<_>>().join(", ")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::dialect::{SourceFile, native};

    fn said(rest: &str) -> Vec<(usize, String)> {
        let text = format!("---\nfactotum: 1\n---\n### `/a [room] [how-much=1]`\n{rest}");
        let command = native::read(&SourceFile { path: "x.md", text: &text }).commands.remove(0);
        misspelt(&command).into_iter().map(|one| (one.line, one.message)).collect()
    }

    #[test]
    fn what_nobody_gives_is_told_where_it_stands() {
        let on = "**On:**\n- `mqtt home/+`\n- `schedule \"every 1m\"`\n\n";
        let step = "```mqtt {topic=a/{{rom}}}\n{{trigger_topic}} {{room}} {{how-much}} {{how_much}}\n\
                    {{triger_payload}} {{trigger.json.a.b}} {{trigger.jsn}} {{trigger_payloda}} {{input}} \\{{x}} {{zzz}}\n```\n";
        let found = said(&format!("{on}{step}"));
        let lines: Vec<usize> = found.iter().map(|(line, _)| *line).collect();
        let said: Vec<&str> = found.iter().map(|(_, said)| said.as_str()).collect();
        assert_eq!(
            said,
            [
                "`{{rom}}` has no value and stays as it is; did you mean `{{room}}`?",
                "`{{triger_payload}}` has no value and stays as it is; did you mean `{{trigger_payload}}`?",
                "`{{trigger.jsn}}`, which is never told; did you mean `{{trigger_json}}`?",
                "`{{trigger_payloda}}`, which is never told; did you mean `{{trigger_payload}}`?",
                "`{{zzz}}` has no value and stays as it is; `\\{{zzz}}` says that it is meant",
            ]
        );
        assert_eq!(lines, [9, 11, 11, 11, 11]);
    }

    #[test]
    fn what_a_condition_asks_for_is_looked_at() {
        let of =
            |on: &str, condition: &str| said(&format!("**On:**\n- `{on}`\n\n**If:** `{condition}`\n\n```sh\n:\n```\n"));
        let found = of("mqtt a", "trigger.paylod|float > 25 and now.weekdy == 'sat' and is_state('a.b', 'on')");
        let said: Vec<&str> = found.iter().map(|(_, said)| said.as_str()).collect();
        assert_eq!(
            said,
            [
                "the condition asks for `now.weekdy`, which is never told; did you mean `now.weekday`?",
                "the condition asks for `trigger.paylod`, which is never told; did you mean `trigger.payload`?"
            ]
        );
        for good in
            ["trigger.json.a.b == 3 or trigger.kind == 'mqtt'", "last_run is none", "states['a.b'] == 'on'", "1 +"]
        {
            assert_eq!(of("mqtt a", good), []);
        }
        assert_eq!(of("voice \"say {x}\"", "trigger.x == 'a'"), []);
    }

    #[test]
    fn what_is_code_and_what_others_may_fire_is_left_alone() {
        assert_eq!(
            said("```sh\necho {{rom}}\n```\n```lua\nprint('{{rom}}')\n```\n```mqtt {topic=a}\n{{trigger_x}}\n```\n"),
            []
        );
        assert_eq!(said("**On:**\n- `mqtt a`\n\n```mqtt {topic=a}\n{{room}}\n```\n"), []);
        assert_eq!(said("```http\nGET https://example.org/?k={{secret.key}}\n```\n"), []);
    }
}
