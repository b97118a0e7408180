//! The rules of the house, held by reading tokens: which room may use which, where each outside crate lives, where SQL
//! and printing belong, and that no file is forgotten.
//!
//! The rules stand in lists here; how a file becomes tokens and paths is in `lexer` and `paths`. Every rule is tried on
//! planted violations, so a rule that stopped seeing would be seen.

mod lexer;
mod paths;
mod rules;

use std::fs;
use std::path::{Path, PathBuf};

use rules::{Source, check, forgotten};

/// The rooms, lowest first; rooms of one line are strangers to each other.
const ROOMS: &[&[&str]] = &[
    &["kernel"],
    &["store", "providers", "exec"],
    &["knowledge", "voice"],
    &["chat"],
    &["commands"],
    &["automations"],
    &["plugins"],
    &["app"],
    &["tui", "serve"],
    &["cli"],
];

/// Each outside crate and the only modules that may name it.
const HOMES: &[(&str, &[&str])] = &[
    ("rusqlite", &["store"]),
    ("libsqlite3_sys", &["store"]),
    ("reqwest", &["kernel::http"]),
    ("tantivy", &["knowledge"]),
    ("candle_core", &["knowledge"]),
    ("candle_nn", &["knowledge"]),
    ("candle_transformers", &["knowledge"]),
    ("tokenizers", &["knowledge"]),
    ("cpal", &["voice"]),
    ("nnnoiseless", &["voice"]),
    ("rubato", &["voice"]),
    ("pulseaudio", &["voice"]),
    ("realfft", &["voice"]),
    ("rtrb", &["voice"]),
    ("hound", &["voice"]),
    ("earshot", &["voice"]),
    ("sonora", &["voice"]),
    ("symphonia", &["voice"]),
    ("whisper_rs", &["voice"]),
    ("octocrab", &["commands"]),
    ("pulldown_cmark", &["kernel::markdown"]),
    ("genai", &["providers"]),
    ("mlua", &["plugins"]),
    ("ratatui", &["tui"]),
    ("ratatui_image", &["tui"]),
    ("image", &["tui"]),
    ("crossterm", &["tui"]),
    ("ratatui_textarea", &["tui"]),
    ("tui_input", &["tui"]),
    ("nucleo_matcher", &["tui"]),
    ("axum", &["serve"]),
    ("axum_server", &["serve"]),
    ("tower", &["serve"]),
    ("tower_http", &["serve"]),
    ("jsonwebtoken", &["serve"]),
    ("argon2", &["serve"]),
    ("rcgen", &["serve"]),
    ("prometheus_client", &["serve"]),
    ("rmcp", &["chat", "serve"]),
    ("clap", &["cli"]),
    ("clap_complete", &["cli"]),
    ("clap_mangen", &["cli"]),
    ("indicatif", &["cli"]),
    ("dialoguer", &["cli"]),
    ("rumqttc", &["automations"]),
    ("rumqttc_v4", &["automations"]),
    ("tokio_tungstenite", &["automations"]),
    ("croner", &["automations"]),
    ("sunrise", &["automations"]),
    ("notify", &["automations"]),
    ("notify_rust", &["automations"]),
    ("landlock", &["exec"]),
    ("seccompiler", &["exec"]),
    ("libc", &["exec"]),
    ("directories", &["kernel::paths"]),
    ("tracing_subscriber", &["kernel::log"]),
    ("toml_edit", &["kernel::config"]),
    ("keyring_core", &["kernel::secrets"]),
    ("zbus_secret_service_keyring_store", &["kernel::secrets"]),
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every `.rs` file below a folder, by its path from there with `/`, in order.
fn read_all(dir: &Path) -> Vec<Source> {
    fn walk(base: &Path, dir: &Path, found: &mut Vec<Source>) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(base, &path, found);
            } else if path.extension().is_some_and(|end| end == "rs") {
                let name = path.strip_prefix(base).unwrap().to_str().unwrap().to_string();
                found.push(Source { name, text: fs::read_to_string(&path).unwrap() });
            }
        }
    }
    let mut found = Vec::new();
    walk(dir, dir, &mut found);
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

#[test]
fn every_room_keeps_to_its_place() {
    let sources = read_all(&root().join("src"));
    assert!(sources.len() > 10, "the sources were not found");
    let violations: Vec<String> = sources.iter().flat_map(check).collect();
    assert!(violations.is_empty(), "\n{}\n", violations.join("\n"));
}

#[test]
fn no_source_file_is_forgotten() {
    let lost = forgotten(&read_all(&root().join("src")), &["lib.rs", "main.rs"]);
    assert!(lost.is_empty(), "declared nowhere: {}", lost.join(", "));
}

#[test]
fn no_test_file_is_forgotten() {
    let lost = forgotten(&read_all(&root().join("tests/it")), &["main.rs"]);
    assert!(lost.is_empty(), "declared nowhere: {}", lost.join(", "));
}

/// What the rules say about one file.
fn said(name: &str, text: &str) -> Vec<String> {
    check(&Source { name: name.to_string(), text: text.to_string() })
}

#[test]
fn a_room_may_use_what_lies_below_and_itself() {
    for (name, text) in [
        ("store/mod.rs", "use crate::kernel::error::Result;"),
        ("commands/run.rs", "use crate::{exec::Job, kernel::{env::Env, paths}, store::Store};"),
        ("commands/source/github.rs", "use super::super::model::Command; use super::cache; use self::x;"),
        ("cli/mod.rs", "use crate::{app, commands::model, tui}; use clap::Parser; fn f() { println!(); }"),
        ("main.rs", "fn main() { std::process::exit(factotum::cli::main()) }"),
        ("kernel/http/client.rs", "use reqwest::Client; fn f() -> ::reqwest::Result<()> {}"),
        ("kernel/http.rs", "pub use reqwest;"),
        ("store/sql.rs", r#"const Q: &str = "SELECT 1";"#),
        ("kernel/a.rs", "mod tests_of { use super::super::env; }"),
        ("kernel/a.rs", "fn f(clap: u8) { let x = row.clap; x.reqwest::<u8>(); self::clap::f(); }"),
        ("exec/a.rs", "use super::super::kernel::env; fn f<'a>(x: &'a str) -> char { '\"' }"),
    ] {
        assert_eq!(said(name, text), Vec::<String>::new(), "{name}: {text}");
    }
}

#[test]
fn planted_uses_of_higher_rooms_and_strangers_are_seen() {
    for (name, text, wanted) in [
        ("kernel/a.rs", "use crate::store::Db;", "kernel/a.rs:1: kernel may not use store"),
        ("store/mod.rs", "\nuse crate::exec::Job;", "store/mod.rs:2: store may not use exec"),
        ("store/mod.rs", "fn f() {\n    crate::commands::run::go()\n}", "store/mod.rs:2: store may not use commands"),
        ("store/a.rs", "type A = Vec<crate::app::App>;", "store/a.rs:1: store may not use app"),
        ("exec/a/b.rs", "use super::super::super::commands::x;", "exec/a/b.rs:1: exec may not use commands"),
        ("exec/mod.rs", "use super::commands::x;", "exec/mod.rs:1: exec may not use commands"),
        ("exec/a.rs", "mod inner { use super::super::super::commands; }", "exec/a.rs:1: exec may not use commands"),
        ("kernel/a.rs", "use crate::{\n  kernel::x,\n  cli::{self, ui},\n};", "kernel/a.rs:3: kernel may not use cli"),
        ("commands/a.rs", "use factotum::cli;", "commands/a.rs:1: commands may not use cli"),
        ("commands/a.rs", "use ::factotum::cli::ui;", "commands/a.rs:1: commands may not use cli"),
        ("tui/a.rs", "impl crate::serve::X for Y {}", "tui/a.rs:1: tui may not use serve"),
        ("kernel/a.rs", "macro_rules! m { () => { $crate::store::f() } }", "kernel/a.rs:1: kernel may not use store"),
        ("kernel/a.rs", "pub(crate) use crate::store as s;", "kernel/a.rs:1: kernel may not use store"),
        ("kernel/a.rs", "use crate as c;", "kernel/a.rs:1: the crate's root is used whole, which hides the rooms"),
        ("kernel/a.rs", "use crate::*;", "kernel/a.rs:1: the crate's root is used whole, which hides the rooms"),
        (
            "kernel/a.rs",
            "use super::super::{*};",
            "kernel/a.rs:1: the crate's root is used whole, which hides the rooms",
        ),
        ("attic/mod.rs", "", "attic/mod.rs:1: attic is no room of the list"),
        ("loose.rs", "", "loose.rs:1: loose is no room of the list"),
        ("lib.rs", "pub mod attic;", "lib.rs:1: attic is no room of the list"),
    ] {
        assert_eq!(said(name, text), [wanted], "{name}: {text}");
    }
}

#[test]
fn planted_crates_away_from_home_are_seen() {
    for (name, text, wanted) in [
        ("commands/a.rs", "use rusqlite::Connection;", "rusqlite belongs to store"),
        ("commands/a.rs", "fn f() -> rusqlite::Result<()> {}", "rusqlite belongs to store"),
        ("kernel/a.rs", "use ::reqwest::Client;", "reqwest belongs to kernel::http"),
        ("kernel/httpx.rs", "use reqwest;", "reqwest belongs to kernel::http"),
        ("commands/a.rs", "use {std::io, pulldown_cmark::Parser};", "pulldown_cmark belongs to kernel::markdown"),
        ("app/mod.rs", "#[derive(clap::Parser)] struct A;", "clap belongs to cli"),
        ("providers/a.rs", "extern crate rmcp;", "rmcp belongs to chat or serve"),
        ("main.rs", "use tantivy as t;", "tantivy belongs to knowledge"),
    ] {
        assert_eq!(said(name, text), [format!("{name}:1: {wanted}")], "{name}: {text}");
    }
}

#[test]
fn planted_sql_printing_and_exits_are_seen() {
    let sql = "SQL belongs to store";
    let print = "only cli prints";
    let exit = "only cli ends the process";
    for (name, text, wanted) in [
        ("commands/a.rs", r#"let q = "SELECT id FROM runs";"#, sql),
        ("commands/a.rs", r##"let q = r#"  PRAGMA user_version"#;"##, sql),
        ("app/a.rs", "let q = \"\n   insert into runs values (1)\";", sql),
        ("app/a.rs", r#"f("BEGIN")"#, sql),
        ("cli/a.rs", r#"f("create table x(y)")"#, sql),
        ("exec/a.rs", "println!(\"x\")", print),
        ("exec/a.rs", "std::eprint!{}", print),
        ("kernel/a.rs", "let x = dbg!(y);", print),
        ("kernel/a.rs", "std::process::exit(1)", exit),
        ("kernel/a.rs", "use std::process; fn f() { process::exit(1) }", exit),
        ("kernel/a.rs", "use std::process::{Command, exit};", exit),
        ("kernel/a.rs", "std::process::abort()", exit),
        ("kernel/a.rs", "mod tests {}", "the module tests is not for tests only: add #[cfg(test)]"),
    ] {
        assert_eq!(said(name, text), [format!("{name}:1: {wanted}")], "{name}: {text}");
    }
}

#[test]
fn words_comments_and_test_code_are_no_violation() {
    for (name, text) in [
        (
            "commands/a.rs",
            r#"let help = "update all sources"; let x = "SELECTED"; let y = "Delete runs from the list";"#,
        ),
        ("kernel/a.rs", "// use crate::store;\n/* crate::cli /* nested */ rusqlite:: */\n//! println!()\n"),
        ("kernel/a.rs", r###"let x = "crate::store"; let y = r##"use rusqlite::X; "# println!()"##;"###),
        ("kernel/a.rs", r"let c = '\''; let b = b'\x41'; let l: &'static str = s;"),
        ("kernel/a.rs", "#[cfg(test)]\nmod tests { fn f() { println!(\"skipped\"); } }"),
        ("exec/tests/pipes.rs", "fn f() { eprintln!(\"skipped\"); }"),
        ("exec/limits_tests.rs", "use super::super::super::kernel::env; fn f() { println!(\"skipped\"); }"),
        ("commands/dialect/xc/tests.rs", "fn f() { println!(\"skipped\"); }"),
        ("kernel/a.rs", "fn print() { writeln!(out, \"x\") }"),
    ] {
        assert_eq!(said(name, text), Vec::<String>::new(), "{name}: {text}");
    }
    let after = "#[cfg(test)]\nmod tests { fn f() {} }\nfn g() { println!() }";
    assert_eq!(said("kernel/a.rs", after), ["kernel/a.rs:3: only cli prints"]);
}

#[test]
fn planted_forgotten_files_are_seen() {
    let tree = |files: &[(&str, &str)]| -> Vec<Source> {
        files.iter().map(|(name, text)| Source { name: (*name).into(), text: (*text).into() }).collect()
    };
    let files = tree(&[
        ("a.rs", "mod inner;"),
        ("a/inner.rs", ""),
        ("a/lost.rs", ""),
        ("b/mod.rs", "// mod c;\npub(crate) mod d;"),
        ("b/c.rs", ""),
        ("b/d.rs", ""),
        ("main.rs", "mod a; mod b;"),
        ("stray.rs", ""),
        ("b/e_tests.rs", ""),
        ("b/tests/f.rs", ""),
        ("b/e.rs", "#[cfg(test)]\n#[path = \"e_tests.rs\"]\nmod tests;\n#[path = \"tests/f.rs\"] pub mod f;"),
    ]);
    assert_eq!(forgotten(&files, &["main.rs"]), ["a/lost.rs", "b/c.rs", "stray.rs", "b/e.rs"]);
}
