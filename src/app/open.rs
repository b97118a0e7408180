//! From settings to rooms: how each is opened.

use std::cell::OnceCell;
use std::path::PathBuf;
use std::time::Duration;

use crate::exec::{Interpreter, Interpreters};
use crate::kernel::config::{Config, Style};
use crate::kernel::error::Result;
use crate::kernel::http::{Http, Settings};

/// The value of a cell, made when it is empty; an error leaves it empty.
pub(super) fn once<T>(cell: &OnceCell<T>, make: impl FnOnce() -> Result<T>) -> Result<&T> {
    if let Some(value) = cell.get() {
        return Ok(value);
    }
    let made = make()?;
    Ok(cell.get_or_init(|| made))
}

/// The pooled client as the settings want it.
pub(super) fn http(config: &Config) -> Result<Http> {
    Http::new(&Settings { tls_soon: true, ..http_settings(config) })
}

/// What every client honours.
pub(super) fn http_settings(config: &Config) -> Settings {
    let ca = config.text("network.ca_file").filter(|f| !f.is_empty()).map(PathBuf::from);
    Settings {
        ca_files: ca.into_iter().collect(),
        proxy: config.text("network.proxy").filter(|p| !p.is_empty()).map(String::from),
        read_timeout: Duration::from_secs(config.int("sources.timeout_s")),
        ..Settings::default()
    }
}

/// The interpreter table with what the user wrote about it.
pub(super) fn interpreters(config: &Config) -> Result<Interpreters> {
    let mut table = Interpreters::default();
    for (lang, written) in config.interpreters() {
        let known = table.get(&lang).first().cloned();
        let program = written.program.clone().or_else(|| known.as_ref().map(|k| k.program().to_string()));
        let Some(program) = program else { continue };
        let mut words = vec![program];
        match (&written.args, &written.style, &known) {
            (None, None, Some(known)) => words.extend(known.words.iter().skip(1).cloned()),
            (args, style, _) => {
                words.extend(args.iter().flatten().cloned());
                match style {
                    Some(Style::Arg) => words.push(crate::exec::interpreters::SCRIPT.to_string()),
                    Some(Style::File) | None => words.push(crate::exec::interpreters::FILE.to_string()),
                }
            }
        }
        let mut interpreter = Interpreter::from_words(words, "")?;
        interpreter.install_hint = written.install.unwrap_or_default();
        table.set(&lang, interpreter);
    }
    Ok(table)
}
