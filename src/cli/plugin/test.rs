//! `fac plugin test`: tries a plugin that need not be enabled; nothing it does stays, and it reaches nobody.

use std::path::Path;

use serde_json::{Value as Json, json};

use super::super::ui::Role;
use super::super::{Context, draw};
use super::list::card;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::terminal::{safe, safe_line};
use crate::plugins::manifest::Hook;
use crate::plugins::places;
use crate::plugins::trial::Trial;

/// Try a plugin: load it, run its tests.luau, have a text pass it, call a command of it
///
/// It need not be enabled. What it keeps is forgotten, and servers, commands and models are not asked.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The plugin, or its folder
    plugin: String,
    /// Have this pass as if you said it
    #[arg(long, value_name = "TEXT")]
    prompt: Option<String>,
    /// Have this pass as if a tool said it
    #[arg(long, value_name = "TEXT")]
    result: Option<String>,
    /// Have this pass as if a model said it
    #[arg(long, value_name = "TEXT")]
    answer: Option<String>,
    /// Call this command of it
    #[arg(long, value_name = "NAME")]
    call: Option<String>,
    /// Call this hook of it with --with
    #[arg(long, value_name = "HOOK", value_parser = super::hook)]
    hook: Option<Hook>,
    /// What the command or the hook is given: JSON
    #[arg(long, value_name = "JSON")]
    with: Option<String>,
}

pub(super) fn run(context: &mut Context, args: &Args) -> Result<u8> {
    check(args)?;
    let is_folder = args.plugin.contains('/') || args.plugin == ".";
    let found = match is_folder {
        true => places::read(Path::new(&args.plugin))?,
        false => places::find(&context.app.paths.plugins_dir, &args.plugin)?,
    };
    let plugins = context.app.plugins()?;
    let trial = Trial::new(&found, plugins.limits(), plugins.quota(), context.app.clock.clone())?;
    let ui = &context.ui;
    let mut json = json!({"name": found.manifest.name, "loads": true, "wants": found.sentences()});
    if !ui.json {
        ui.write(card(context, &found).as_bytes())?;
    }
    let tried = tried(context, args, &trial, &mut json);
    let said: Vec<Json> =
        trial.lines().iter().map(|(level, text)| json!({"level": level.name(), "text": text})).collect();
    for line in said.iter().filter(|_| !ui.json) {
        let text = line["text"].as_str().unwrap_or_default();
        ui.note(&format!(
            "{} {}",
            ui.paint_err(Role::Dim, line["level"].as_str().unwrap_or_default()),
            safe_line(text)
        ));
    }
    let failed = tried?;
    json["said"] = json!(said);
    json["memory"] = json!(trial.used_memory());
    if ui.json {
        ui.value(&json!({"trial": json}))?;
    }
    Ok(u8::from(failed))
}

/// Does what was asked for; whether one of the plugin's own tests failed.
fn tried(context: &Context, args: &Args, trial: &Trial, json: &mut Json) -> Result<bool> {
    let failed = own_tests(context, trial, json)?;
    let texts = [(Hook::Prompt, &args.prompt), (Hook::Result, &args.result), (Hook::Answer, &args.answer)];
    for (hook, text) in texts {
        if let Some(text) = text {
            json[hook.name()] = pass(context, trial, hook, text)?;
        }
    }
    let given: Option<Json> = match &args.with {
        Some(text) => Some(serde_json::from_str(text).map_err(|error| {
            Error::new(Kind::Usage, "--with is no JSON").because(error).hint("--with '{\"who\": \"you\"}'")
        })?),
        None => None,
    };
    if let Some(name) = &args.call {
        let given = given.clone().unwrap_or_else(|| json!({}));
        json["returned"] = returned(context, trial.command(name, &given)?)?;
    }
    if let Some(hook) = args.hook {
        let given = given.unwrap_or_else(|| example(hook));
        json["returned"] = returned(context, trial.call(&[hook.name()], &[given])?)?;
    }
    Ok(failed)
}

/// Refuses what would do nothing, or another thing than was meant.
fn check(args: &Args) -> Result<()> {
    if let Some(hook @ (Hook::Prompt | Hook::Result | Hook::Answer)) = args.hook {
        let name = hook.name();
        return Err(Error::new(Kind::Usage, format!("`{name}` is given a text")).hint(format!("say --{name} TEXT")));
    }
    if args.with.is_some() && args.call.is_none() && args.hook.is_none() {
        return Err(Error::new(Kind::Usage, "--with says what a command or a hook is given, and none is named")
            .hint("name it: --call NAME or --hook HOOK"));
    }
    Ok(())
}

/// What a hook could be given.
fn example(hook: Hook) -> Json {
    let before = json!({
        "command": "example", "source": "user", "args": {"values": {}, "rest": []}, "trigger": "manual",
    });
    match hook {
        Hook::BeforeCommand => before,
        Hook::AfterCommand => {
            let mut after = before;
            after["run"] = json!("00000000-0000-7000-8000-000000000000");
            (after["status"], after["exit_code"], after["duration_ms"]) = (json!("ok"), json!(0), json!(1));
            after
        }
        Hook::Event => json!({
            "kind": "run.finished", "subject": "example", "at": "2026-01-31T12:00:00Z", "position": 1, "payload": {},
        }),
        Hook::Status => json!({"words": 0, "messages": 0}),
        _ => json!({}),
    }
}

fn own_tests(context: &Context, trial: &Trial, json: &mut Json) -> Result<bool> {
    let ui = &context.ui;
    let tests = trial.own_tests()?;
    let of = |(name, wrong): &(String, Option<String>)| json!({"name": name, "ok": wrong.is_none(), "error": wrong});
    json["tests"] = tests.iter().map(of).collect();
    for (name, wrong) in tests.iter().filter(|_| !ui.json) {
        let name = safe_line(name);
        match wrong {
            None => ui.line(&format!("{} {name}", ui.paint(Role::Good, "ok")))?,
            Some(wrong) => ui.line(&format!("{} {name}: {}", ui.paint(Role::Bad, "failed"), safe_line(wrong)))?,
        }
    }
    Ok(tests.iter().any(|(_, wrong)| wrong.is_some()))
}

fn pass(context: &Context, trial: &Trial, hook: Hook, text: &str) -> Result<Json> {
    let passed = trial.pass(hook, text)?;
    if !context.ui.json {
        let shown = match (&passed.refused, &passed.text) {
            (Some(why), _) => format!("refused: {}", safe(why)),
            (None, Some(after)) if after != text => draw::diff(&context.ui, text, after),
            _ => "unchanged".to_string(),
        };
        context.ui.line(&format!("{}\n{shown}", context.ui.paint(Role::Strong, &format!("{}:", hook.name()))))?;
    }
    Ok(json!({"before": text, "after": passed.text.as_deref().unwrap_or(text), "refused": passed.refused}))
}

fn returned(context: &Context, value: Json) -> Result<Json> {
    if !context.ui.json {
        match value.as_str() {
            Some(text) => context.ui.line(&safe(text))?,
            None => context.ui.line(&super::super::ui::json_line(&value))?,
        }
    }
    Ok(value)
}
