//! What a step can see: its environment, its argv, the values of conditions and placeholders.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};

use super::Unit;
use crate::commands::catalog::Resolved;
use crate::commands::model::{Command, Cwd, Dialect, ParamKind, Step, Syntax};
use crate::commands::template::{self, Rendered, Values};
use crate::kernel::env::Env;
use crate::kernel::error::{Error, Kind, Result};
use crate::store::StepRecord;

/// The complete environment of a script: the caller's, the definition's, the arguments, and ours.
///
/// `own` are variables of ours that are the same for every step.
pub fn environment(unit: &Unit, env: &Env, own: &[(OsString, OsString)], run: &str) -> Vec<(OsString, OsString)> {
    let mut all: BTreeMap<OsString, OsString> = env
        .iter()
        .filter(|(name, _)| !name.to_string_lossy().starts_with("FAC_SECRET_"))
        .map(|(name, value)| (name.to_os_string(), value.to_os_string()))
        .collect();
    let command = &unit.resolved.command;
    for (name, value) in &command.env {
        all.insert(name.into(), value.into());
    }
    // A variable of the caller must not look like an argument that was not given.
    for param in &command.params {
        all.remove(&OsString::from(&param.var));
    }
    if command.dialect == Dialect::Mask {
        // mask sets an optional argument that was not given to nothing, so that `set -u` may stand in its scripts.
        let optional = command.params.iter().filter(|p| p.kind == ParamKind::Positional && !p.required);
        all.extend(optional.map(|p| (OsString::from(&p.var), OsString::new())));
    }
    for value in &unit.bound.values {
        all.insert((&value.var).into(), (&value.text).into());
    }
    all.extend(own.iter().cloned());
    all.insert("FAC_COMMAND".into(), (&command.name).into());
    all.insert("FAC_RUN_ID".into(), run.into());
    if let Some(base) = &unit.resolved.source.base {
        all.insert("FAC_SOURCE_DIR".into(), base.into());
        if command.dialect == Dialect::Mask {
            // Scripts write `$MASK name` without quotes, so a path with blanks would fall apart.
            let program = all.get(&OsString::from("FAC_PROGRAM")).and_then(|p| p.to_str());
            let program = program.filter(|p| !p.contains(char::is_whitespace)).unwrap_or("fac");
            all.insert("MASK".into(), format!("{program} run --from {}", unit.resolved.source.name).into());
            all.insert("MASKFILE_DIR".into(), file_folder(base, command).into());
        }
    }
    all.into_iter().collect()
}

/// The words a script gets as argv.
pub fn argv(unit: &Unit) -> Vec<OsString> {
    let command = &unit.resolved.command;
    let mut words = Vec::new();
    if command.dialect == Dialect::Xc {
        let positional = command.params.iter().filter(|p| p.kind == ParamKind::Positional);
        words.extend(positional.filter_map(|p| unit.bound.get(&p.var)).map(OsString::from));
    }
    words.extend(unit.bound.rest.iter().map(OsString::from));
    words
}

/// The folder a step starts in.
pub fn folder(unit: &Unit, step: &Step, caller: &Path, env: &Env) -> Result<PathBuf> {
    let folder = wanted_folder(&unit.resolved, step, caller, env)?;
    if !folder.is_dir() {
        let name = &unit.resolved.command.name;
        let said = format!("`{name}` wants to start in {}, which is no folder", folder.display());
        return Err(Error::new(Kind::NotFound, said));
    }
    Ok(folder)
}

/// The same, whether it is there or not.
pub(super) fn wanted_folder(resolved: &Resolved, step: &Step, caller: &Path, env: &Env) -> Result<PathBuf> {
    let command = &resolved.command;
    let base = resolved.source.base.as_deref();
    let of_file = || {
        base.map(|b| file_folder(b, command)).ok_or_else(|| {
            let said = format!("`{}` wants to start in the folder of its file, and it has none", command.name);
            Error::new(Kind::BadData, said)
        })
    };
    let start = match &command.cwd {
        Cwd::Caller => caller.to_path_buf(),
        Cwd::File => of_file()?,
        Cwd::Relative(path) => of_file()?.join(path),
        Cwd::Path(path) => caller.join(expand_home(path, env)),
    };
    Ok(step.cwd.as_ref().map_or_else(|| start.clone(), |path| start.join(expand_home(path, env))))
}

fn file_folder(base: &Path, command: &Command) -> PathBuf {
    match command.origin.path.rsplit_once('/') {
        Some((folder, _)) => base.join(folder),
        None => base.to_path_buf(),
    }
}

fn expand_home(path: &str, env: &Env) -> PathBuf {
    match (path.strip_prefix("~/"), env.path("HOME")) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(path),
    }
}

/// The value of a placeholder in `http`, `run`, `prompt` … steps.
///
/// In our own text a parameter that was not given is empty; in other dialects its placeholder stays and is reported.
pub fn lookup(unit: &Unit, name: &str, syntax: Syntax) -> Option<String> {
    let var = crate::commands::dialect::native::variable(name);
    if let Some(text) = unit.bound.get(&var).or_else(|| unit.bound.get(name)) {
        return Some(text.to_string());
    }
    let param = unit.resolved.command.param(name)?;
    match param.kind {
        ParamKind::Rest => Some(unit.bound.rest.join(" ")),
        _ => (syntax == Syntax::Native).then(String::new),
    }
}

/// The words of one line of a `run` step as they are written.
pub(super) fn call_words(line: &str) -> Result<Vec<String>> {
    shlex::split(line).ok_or_else(|| Error::new(Kind::BadData, format!("`{line}` holds a quote that is not closed")))
}

/// One word of such a line with its placeholders filled: it stays one word whatever the value holds.
pub(super) fn fill_word(word: &str, value: &dyn Fn(&str) -> Option<String>, input: Option<&[u8]>) -> Rendered {
    let input = input.map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    let values = Values { input: input.as_deref(), ..Values::new(value) };
    template::render(Syntax::Native, word, &values)
}

/// What conditions see: parameters by name, `args`, `env`, `steps`, `os`, `trigger`.
pub fn judged(unit: &Unit, steps: &[StepRecord], full: &[(String, Vec<u8>)], env: &Env, trigger: Json) -> Json {
    let mut seen = serde_json::Map::new();
    let mut args = serde_json::Map::new();
    for value in &unit.bound.values {
        args.insert(value.var.clone(), json!(value.text));
    }
    seen.extend(args.clone());
    args.insert("rest".into(), json!(unit.bound.rest));
    let variables: serde_json::Map<String, Json> = env
        .iter()
        .filter_map(|(k, v)| Some((k.to_str()?.to_string(), json!(v.to_str()?))))
        .filter(|(k, _)| !k.starts_with("FAC_SECRET_"))
        .collect();
    let mut done = serde_json::Map::new();
    for step in steps.iter().filter(|s| s.id.starts_with(&unit.prefix)) {
        let id = step.id[unit.prefix.len()..].to_string();
        let stdout = full.iter().rev().find(|(name, _)| *name == step.id);
        let stdout = stdout.map(|(_, bytes)| String::from_utf8_lossy(bytes).into_owned()).unwrap_or_default();
        done.insert(id, json!({"status": step.status, "exit_code": step.exit_code, "stdout": stdout}));
    }
    seen.insert("args".into(), Json::Object(args));
    seen.insert("env".into(), Json::Object(variables));
    seen.insert("steps".into(), Json::Object(done));
    seen.insert("os".into(), json!(std::env::consts::OS));
    seen.insert("trigger".into(), trigger);
    Json::Object(seen)
}
