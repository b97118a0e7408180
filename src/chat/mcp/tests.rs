//! Servers that behave, and servers that do not: `tests/data/mcp/server.py` plays them.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::Mutex;

use serde_json::json;

use super::connection::Connection;
use super::*;
use crate::chat::tool::Effects;
use crate::kernel::http::Settings;

const SERVER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/mcp/server.py");

/// Pins in memory.
#[derive(Default)]
struct Memory(Mutex<BTreeMap<String, Pin>>);

impl Pins for Memory {
    fn pinned(&self, key: &str) -> Result<Option<Pin>> {
        Ok(self.0.lock().unwrap().get(key).cloned())
    }

    fn pin(&self, key: &str, pin: &Pin) -> Result<()> {
        self.0.lock().unwrap().insert(key.to_string(), pin.clone());
        Ok(())
    }

    fn forget(&self, server: &str) -> Result<()> {
        self.0.lock().unwrap().retain(|key, _| !key.starts_with(&format!("{server}/")));
        Ok(())
    }
}

/// Runs a future to its end; says so and does nothing where there is no Python.
fn run(work: impl Future<Output = ()>) {
    if std::process::Command::new("python3").arg("--version").output().is_err() {
        println!("skipped: there is no python3");
        return;
    }
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work);
}

fn program(command: &[&str]) -> Server {
    let env = BASE_ENV.iter().filter_map(|name| Some((OsString::from(name), std::env::var_os(name)?)));
    Server {
        name: "srv".to_string(),
        place: Place::Program {
            command: command.iter().map(|word| word.to_string()).collect(),
            env: env.collect(),
            cwd: std::env::temp_dir(),
        },
        tools: None,
        timeout: TIMEOUT,
        trust_hints: false,
        redactor: Redactor::default(),
    }
}

fn python(words: &[&str]) -> Server {
    program(&[&["python3", SERVER], words].concat())
}

async fn open(server: &Server) -> Connection {
    Connection::open(server).await.unwrap().0
}

async fn failing(server: &Server) -> Error {
    match Connection::open(server).await {
        Ok(_) => panic!("it should not open"),
        Err(error) => error,
    }
}

async fn call(connection: &Connection, server: &Server, tool: &str, arguments: Value) -> Result<String> {
    connection.call(server, tool, tool::object(&arguments).unwrap()).await
}

#[test]
fn a_server_is_listed_called_and_ended_with_all_it_started() {
    run(async {
        let server = python(&["ok"]);
        let connection = open(&server).await;
        let names: Vec<String> = connection.definitions().into_iter().map(|d| d.name).collect();
        assert_eq!(names.len(), 15);
        assert_eq!(&names[..3], ["a.b", "add", "big"]);
        let say = async |tool: &str, arguments: Value| call(&connection, &server, tool, arguments).await;
        assert_eq!(say("echo", json!({"text": "häuser\n"})).await.unwrap(), "häuser\n");
        assert_eq!(say("add", json!({"a": 1, "b": 2})).await.unwrap(), "{\"sum\":3}");
        assert_eq!(say("picture", json!({})).await.unwrap(), "[image image/png, 3 bytes, not shown]");
        let big = say("big", Value::Null).await.unwrap();
        assert!(big.ends_with("x\n[cut: 262144 of 1000000 bytes]"), "{}", &big[big.len() - 40..]);
        let failed = say("fail", json!({})).await.unwrap_err();
        assert_eq!((failed.kind(), failed.message()), (Kind::Failed, "it did not work"));
        let unknown = say("nothing", json!({})).await.unwrap_err();
        let words = "the MCP server `srv` says that `nothing` failed: unknown tool 'nothing' (-32602)";
        assert_eq!((unknown.kind(), unknown.message()), (Kind::Failed, words));
        let wrong = say("wrong", json!({})).await.unwrap_err();
        assert_eq!(wrong.message(), "the MCP server `srv` gave an answer for `wrong` that is none");
        let child = say("spawn", json!({})).await.unwrap();
        connection.close().await;
        gone(&child).await;
    });
}

/// Waits until a process is dead (a zombie is: nobody here may collect it).
async fn gone(pid: &str) {
    let stat = Path::new("/proc").join(pid).join("stat");
    for _ in 0..2000 {
        let text = std::fs::read_to_string(&stat).unwrap_or_default();
        let state = text.rsplit(')').next().and_then(|rest| rest.trim().chars().next());
        if matches!(state, None | Some('Z' | 'X')) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("{pid} is still there");
}

#[test]
fn dropping_a_conversation_kills_what_it_started() {
    run(async {
        let server = python(&["ok"]);
        let connection = open(&server).await;
        let child = call(&connection, &server, "spawn", json!({})).await.unwrap();
        drop(connection);
        gone(&child).await;
    });
}

#[test]
fn a_server_sees_only_the_variables_it_is_given() {
    run(async {
        let mut server = python(&["ok"]);
        if let Place::Program { env, .. } = &mut server.place {
            env.push(("GIVEN".into(), "yes".into()));
        }
        let connection = open(&server).await;
        let said = call(&connection, &server, "env", json!({})).await.unwrap();
        let seen: BTreeMap<String, String> = serde_json::from_str(&said).unwrap();
        assert_eq!(seen.get("GIVEN").map(String::as_str), Some("yes"));
        // CARGO_MANIFEST_DIR stands in the environment of this test, and must not stand in the server's.
        let foreign = |name: &&String| name.starts_with("CARGO");
        assert_eq!(seen.keys().filter(foreign).collect::<Vec<_>>(), Vec::<&String>::new());
        connection.close().await;
    });
}

#[test]
fn servers_that_do_not_start_are_named_with_their_last_words() {
    run(async {
        let error = failing(&python(&["die"])).await;
        assert_eq!((error.kind(), error.message()), (Kind::Unreachable, "the MCP server `srv` ended (exit code 3)"));
        let words =
            "the MCP server `srv` ended (exit code 3): its last words: started in mode die / cannot find my settings";
        assert_eq!(error.full_message(), words);
        assert!(error.way_forward().unwrap().ends_with("server.py die"));
        let error = failing(&program(&["no-such-program-here"])).await;
        assert_eq!(error.kind(), Kind::Missing);
        assert_eq!(error.message(), "the MCP server `srv` needs no-such-program-here, which is not there");
        let error = failing(&program(&[])).await;
        assert_eq!(error.message(), "the MCP server `srv` has neither a command nor a url");
        let error = failing(&program(&["cat", "/dev/null"])).await;
        assert_eq!(error.message(), "the MCP server `srv` ended (exit code 0)");
        let error = failing(&python(&["refuse"])).await;
        let words = "the MCP server `srv` says that it would not begin: no licence found (-32000)";
        assert_eq!((error.kind(), error.message()), (Kind::Failed, words));
    });
}

#[test]
fn silence_ends_in_time_and_says_what_was_heard() {
    run(async {
        let quick = |mode| Server { timeout: Duration::from_millis(1500), ..python(&[mode]) };
        let error = failing(&quick("silent")).await;
        assert_eq!(
            (error.kind(), error.message()),
            (Kind::TimedOut, "the MCP server `srv` did not answer within 1.5 s (start)")
        );
        let error = failing(&quick("noise")).await;
        assert!(
            error.full_message().contains("that are no messages, the first one \"debug: got a message\""),
            "{error}"
        );
    });
}

#[test]
fn stray_lines_do_no_harm() {
    run(async {
        let server = python(&["garbage"]);
        let connection = open(&server).await;
        assert_eq!(call(&connection, &server, "echo", json!({"text": "x"})).await.unwrap(), "x");
        connection.close().await;
    });
}

#[test]
fn a_call_that_hangs_ends_and_a_late_answer_goes_to_nobody() {
    run(async {
        let server = python(&["ok"]);
        let hasty = Server { timeout: Duration::from_millis(100), ..server.clone() };
        let connection = open(&server).await;
        for tool in ["hang", "late"] {
            let error = call(&connection, &hasty, tool, json!({})).await.unwrap_err();
            let words = format!("the MCP server `srv` did not answer within 0.1 s (`{tool}`)");
            assert_eq!((error.kind(), error.message()), (Kind::TimedOut, words.as_str()));
            assert_eq!(error.way_forward(), Some("give it more time: fac config set mcp.srv.timeout 5m"));
        }
        assert_eq!(call(&connection, &server, "echo", json!({"text": "now"})).await.unwrap(), "now");
        connection.close().await;
    });
}

#[test]
fn a_message_that_is_too_long_is_an_error_at_once() {
    run(async {
        let server = python(&["ok"]);
        let connection = open(&server).await;
        let error = call(&connection, &server, "huge", json!({})).await.unwrap_err();
        let words = "the MCP server `srv` answered with more than 8 MB in one message (`huge`)";
        assert_eq!((error.kind(), error.message()), (Kind::BadData, words));
        assert_eq!(call(&connection, &server, "echo", json!({"text": "on"})).await.unwrap(), "on");
        connection.close().await;
        assert_eq!(failing(&python(&["long"])).await.kind(), Kind::BadData);
    });
}

#[test]
fn odd_lists_of_tools_are_bounded() {
    run(async {
        let (connection, notes) = Connection::open(&python(&["pages"])).await.unwrap();
        assert_eq!(connection.definitions().len(), 50);
        assert_eq!(notes, ["it has more than 500 tools; the others are left out"]);
        let (connection, notes) = Connection::open(&python(&["none"])).await.unwrap();
        assert_eq!((connection.definitions().len(), notes.len()), (0, 0));
        assert_eq!(failing(&python(&["bad"])).await.kind(), Kind::BadData);
    });
}

#[test]
fn a_server_that_died_is_started_again_for_the_next_call() {
    run(async {
        let servers = Servers::new(vec![python(&["ok"])]);
        let error = servers.call("srv", "exit", None, &json!({})).await.unwrap_err();
        let words = "the MCP server `srv` ended (exit code 3): its last words: started in mode ok / going down";
        assert_eq!(error.full_message(), words);
        assert_eq!(servers.call("srv", "echo", None, &json!({"text": "again"})).await.unwrap(), "again");
        assert_eq!(servers.call("srv", "none", None, &json!({})).await.unwrap_err().kind(), Kind::NotFound);
        assert_eq!(servers.call("other", "echo", None, &json!({})).await.unwrap_err().kind(), Kind::NotFound);
        assert_eq!(servers.call("srv", "echo", None, &json!([])).await.unwrap_err().kind(), Kind::Usage);
        servers.close().await;
    });
}

#[test]
fn offers_are_clean_pinned_and_read_only_only_by_the_settings() {
    run(async {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("description");
        std::fs::write(&file, "one").unwrap();
        let first = python(&["ok", file.to_str().unwrap()]);
        let tools = Some(vec!["echo".to_string(), "a.b".to_string(), "gone".to_string()]);
        let trusted = Server { name: "trusted".into(), trust_hints: true, tools, ..first.clone() };
        let broken = Server { name: "broken".into(), ..python(&["die"]) };
        let servers = Servers::new(vec![first, trusted, broken]);
        let pins = Memory::default();
        let offers = servers.offers(&pins).await.unwrap();
        let of =
            |offers: &Offers, origin: &str| offers.tools.iter().find(|o| o.tool.origin() == origin).unwrap().clone();
        assert_eq!(offers.tools.len(), 15 + 2);
        assert_eq!(
            offers.notes,
            [("trusted".to_string(), "it has no tool `gone`, which the settings name".to_string())]
        );
        assert_eq!(offers.failures.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["broken"]);
        let dotted = of(&offers, "mcp srv/a.b");
        assert_eq!(dotted.tool.spec().name, "srv__a_b");
        assert!(!dotted.tool.spec().description.contains(['\x1b', '\u{202e}']), "{:?}", dotted.tool.spec());
        let echo = of(&offers, "mcp srv/echo");
        assert_eq!((echo.tool.effects(), echo.definition.read_only_hint), (Effects::Other, true));
        assert_eq!(of(&offers, "mcp trusted/echo").tool.effects(), Effects::ReadOnly);
        assert_eq!(of(&offers, "mcp trusted/a.b").tool.effects(), Effects::Other);
        assert_eq!(
            echo.tool.preview(&json!({"text": "x"})).unwrap(),
            "echo of the MCP server srv\n{\n  \"text\": \"x\"\n}"
        );
        assert_eq!(echo.tool.preview(&json!("x")).unwrap_err().kind(), Kind::Usage);
        assert_eq!(echo.tool.call(&json!({"text": "x"})).await.unwrap(), "x");

        assert!(offers.tools.iter().all(|offer| offer.standing == Standing::New));
        pins::accept("srv", &echo.definition, &pins).unwrap();
        assert_eq!(of(&servers.offers(&pins).await.unwrap(), "mcp srv/echo").standing, Standing::Pinned);

        // It comes back with other words: what was allowed before does not hold for it.
        std::fs::write(&file, "two").unwrap();
        let _ = servers.call("srv", "exit", None, &json!({})).await.unwrap_err();
        let refused = echo.tool.call(&json!({"text": "x"})).await.unwrap_err();
        assert_eq!(
            (refused.kind(), refused.message()),
            (Kind::Refused, "the MCP server `srv` now describes `echo` differently")
        );
        let changed = of(&servers.offers(&pins).await.unwrap(), "mcp srv/echo");
        assert_eq!(changed.standing, Standing::Changed(echo.definition.text()));
        assert_ne!(changed.tool.digest(), echo.tool.digest());
        assert_eq!(changed.tool.call(&json!({"text": "x"})).await.unwrap(), "x");
        pins.forget("srv").unwrap();
        assert_eq!(of(&servers.offers(&pins).await.unwrap(), "mcp srv/echo").standing, Standing::New);
        servers.close().await;
    });
}

#[test]
fn a_program_has_no_terminal_to_read_keys_from_or_to_write_over() {
    run(async {
        let place = tempfile::tempdir().unwrap();
        let said = place.path().join("said");
        // It leads a session of its own, and such a session begins without a terminal.
        let script = "import os, sys; open(sys.argv[1], 'w').write(str(os.getsid(0) == os.getpid()))";
        let server = program(&["python3", "-c", script, &said.display().to_string()]);
        failing(&server).await;
        assert_eq!(std::fs::read_to_string(said).unwrap(), "True");
    });
}

/// The HTTP server, ended when dropped.
struct OnHttp(std::process::Child, u16);

impl OnHttp {
    fn start(token: &str) -> OnHttp {
        let mut command = std::process::Command::new("python3");
        command.args([SERVER, "http", token]).stdout(std::process::Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        OnHttp(child, line.trim().parse().unwrap())
    }

    fn at(&self, path: &str, bearer: Option<&str>) -> Server {
        let http = Http::new(&Settings { proxies: false, ..Settings::default() }).unwrap();
        let url = Url::parse(&format!("http://127.0.0.1:{}{path}", self.1)).unwrap();
        let headers = vec![("X-Team".to_string(), Secret::new("a"))];
        let place = Place::Address { url, headers, bearer: bearer.map(Secret::new), http };
        Server { place, ..program(&[]) }
    }
}

impl Drop for OnHttp {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn servers_are_reached_over_http_as_json_and_as_events() {
    run(async {
        let peer = OnHttp::start("s3cret");
        for path in ["/mcp", "/stream"] {
            let server = peer.at(path, Some("s3cret"));
            let connection = open(&server).await;
            assert_eq!(connection.definitions().len(), 15, "{path}");
            assert_eq!(call(&connection, &server, "echo", json!({"text": path})).await.unwrap(), path);
            connection.close().await;
        }
    });
}

#[test]
fn what_http_says_wrong_is_said_with_the_way_forward() {
    run(async {
        let peer = OnHttp::start("s3cret");
        let of = async |path: &str, bearer: Option<&str>| {
            let error = failing(&peer.at(path, bearer)).await;
            assert!(!error.full_message().contains("s3cret"), "{error}");
            (error.kind(), error.message().to_string())
        };
        let said = |kind, words: &str| (kind, format!("the MCP server `srv` {words}"));
        assert_eq!(of("/mcp", None).await, said(Kind::Refused, "wants a token (HTTP 401)"));
        assert_eq!(of("/mcp", Some("wrong")).await, said(Kind::Refused, "wants a token (HTTP 401)"));
        let moved = of("/moved", Some("s3cret")).await;
        assert_eq!(moved, said(Kind::Refused, "answered with a redirect (HTTP 307), which is not followed"));
        assert_eq!(of("/page", None).await, said(Kind::BadData, "answered with text/html, which is not MCP"));
        assert_eq!(of("/busy", None).await, said(Kind::Unreachable, "answered with HTTP 503, try again after 7"));
        assert_eq!(of("/nowhere", None).await, said(Kind::NotFound, "is not at its address (HTTP 404)"));
        let away = peer.at("/mcp", None);
        drop(peer);
        let error = failing(&away).await;
        assert_eq!((error.kind(), error.message()), (Kind::Unreachable, "the MCP server `srv` does not answer"));
    });
}

#[test]
fn no_secret_goes_over_a_wire_that_others_read() {
    let url = |text| Url::parse(text).unwrap();
    let kind = |text, secrets| check_address("srv", &url(text), secrets).map_err(|e| e.kind());
    assert_eq!(kind("http://example.com/mcp", true), Err(Kind::Refused));
    assert_eq!(kind("http://example.com/mcp", false), Ok(()));
    assert_eq!(kind("http://127.0.0.1:1/mcp", true), Ok(()));
    assert_eq!(kind("https://example.com/mcp", true), Ok(()));
    assert_eq!(kind("ftp://example.com/mcp", false), Err(Kind::Usage));
}
