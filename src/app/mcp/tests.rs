//! What of a server is offered, left out and said; `tests/data/mcp/server.py` plays the servers.

use std::path::Path;

use serde_json::json;

use super::*;
use crate::app::Options;
use crate::chat::Effects;
use crate::kernel::env::Env;

const SERVER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/mcp/server.py");

/// An app whose settings name two servers that play along and one that dies.
fn app(home: &Path, described: &Path) -> App {
    let folder = home.join("config");
    std::fs::create_dir_all(&folder).unwrap();
    let entry = |name: &str, words: &[&str], more: &str| {
        format!("[mcp.{name}]\ncommand = {}\n{more}\n", json!([&["python3", SERVER], words].concat()))
    };
    let text = [
        entry("kit", &["ok", described.to_str().unwrap()], "tools = [\"echo\", \"add\"]"),
        entry("trusted", &["ok"], "tools = [\"echo\", \"add\"]\ntrust_hints = true"),
        entry("broken", &["die"], ""),
        entry("off", &["ok"], "enabled = false"),
    ];
    std::fs::write(folder.join("config.toml"), text.concat()).unwrap();
    let path = std::env::var_os("PATH").unwrap();
    App::new(Env::from_pairs([("PATH", path)]), &Options { home: Some(home.to_path_buf()), ..Options::default() })
        .unwrap()
}

/// Origins and whether each only reads; what was left out; what was pinned. `yes` accepts what has changed.
async fn asked(app: &App, wanted: &[&str], yes: bool) -> (Vec<(String, bool)>, Vec<String>, Vec<String>) {
    let (servers, broken) = app.mcp(None).unwrap();
    assert!(broken.is_empty());
    let wanted: Vec<String> = wanted.iter().map(|w| w.to_string()).collect();
    let offered = app.mcp_tools(&servers, &wanted, &mut |_, _| Ok(yes)).await.unwrap();
    servers.close().await;
    let tools = offered.tools.iter().map(|(_, t)| (t.origin(), t.effects() == Effects::ReadOnly)).collect();
    (tools, offered.left_out, offered.pinned)
}

async fn of(app: &App, wanted: &[&str]) -> (Vec<(String, bool)>, Vec<String>, Vec<String>) {
    asked(app, wanted, false).await
}

fn names(tools: &[(String, bool)]) -> Vec<&str> {
    tools.iter().map(|(name, _)| name.as_str()).collect()
}

#[test]
fn a_pattern_names_a_server_or_a_tool_of_it() {
    for (pattern, expected) in [
        ("mcp:kit", true),
        ("mcp:kit/echo", true),
        ("mcp:*", true),
        ("mcp:*/echo", true),
        ("mcp:kit/*", true),
        ("kit/e*", true),
        ("mcp:ki", false),
        ("mcp:kit/ech", false),
        ("mcp:kit/", false),
        ("mcp:other/echo", false),
    ] {
        assert_eq!(wants(pattern, "kit", "echo"), expected, "{pattern}");
    }
    assert!(wants("mcp:kit/a/b", "kit", "a/b"));
}

#[test]
fn tools_are_pinned_at_first_use_and_left_out_when_they_change() {
    if std::process::Command::new("python3").arg("--version").output().is_err() {
        println!("skipped: there is no python3");
        return;
    }
    let root = tempfile::tempdir().unwrap();
    let described = root.path().join("described");
    std::fs::write(&described, "one").unwrap();
    let app = app(&root.path().join("home"), &described);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (tools, said, pinned) = of(&app, &["mcp:kit/echo", "mcp:kit/nope", "mcp:off"]).await;
        assert_eq!(tools, [("mcp kit/echo".to_string(), false)]);
        assert!(said[0].starts_with("the MCP server `broken` ended (exit code 3)"), "{said:?}");
        assert_eq!(
            said[1..],
            [
                "mcp:kit/nope names no tool that is offered; `fac mcp tools` lists them",
                "mcp:off names no tool that is offered; `fac mcp tools` lists them",
            ]
        );
        assert_eq!(pinned, ["kit/echo"]);
        // Only what was asked for was pinned; a hint counts where the settings say so.
        let (tools, said, pinned) = of(&app, &[]).await;
        let all = [("mcp kit/add", false), ("mcp kit/echo", false), ("mcp trusted/add", false), ("mcp trusted/echo", true)];
        assert_eq!(tools, all.map(|(name, reads)| (name.to_string(), reads)));
        assert_eq!((said.len(), pinned), (1, vec!["kit/add".into(), "trusted/add".into(), "trusted/echo".into()]));
        std::fs::write(&described, "two").unwrap();
        let (tools, said, _) = of(&app, &["mcp:kit"]).await;
        assert_eq!(names(&tools), ["mcp kit/add"]);
        let changed = "kit/echo is left out: its definition has changed since it was pinned; `fac mcp tools kit --accept` accepts it";
        assert_eq!(said[1..], [changed]);
        // It stays left out until somebody accepts it.
        assert_eq!(of(&app, &["mcp:kit/echo"]).await.1[1..], [changed]);
        assert_eq!(names(&asked(&app, &["mcp:kit/echo"], true).await.0), ["mcp kit/echo"]);
        assert_eq!(of(&app, &["mcp:kit/echo"]).await.1.len(), 1);
    });
}
