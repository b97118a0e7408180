//! `fac plugin`, and plugins at work in chats, runs and commands, through the built binary.

mod ends;

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::ask::world;
use crate::support::github::Standin;
use crate::support::model::{Answer, Asked, ModelServer};
use crate::support::pty::Seat;
use crate::support::world::World;

fn json_of(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Writes a plugin into the user's folder.
fn write(world: &World, name: &str, manifest: &str, script: &str) -> PathBuf {
    let folder = world.fac().join("config/plugins").join(name);
    std::fs::create_dir_all(&folder).unwrap();
    let manifest = format!("name = \"{name}\"\nversion = \"1\"\n{manifest}\n");
    std::fs::write(folder.join("plugin.toml"), manifest).unwrap();
    std::fs::write(folder.join("main.luau"), script).unwrap();
    folder
}

/// Writes it and allows it.
fn enable(world: &World, name: &str, manifest: &str, script: &str) -> PathBuf {
    let folder = write(world, name, manifest, script);
    world.run(&["plugin", "enable", name, "--yes"]).ok();
    folder
}

/// A definition of the user's own.
fn define(world: &World, text: &str) {
    let folder = world.fac().join("config/commands");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("kit.md"), format!("---\nfactotum: 1\n---\n# Kit\n\n{text}")).unwrap();
}

/// What `fac plugin ls` says of one.
fn state(world: &World, name: &str) -> Value {
    let all = json_of(&world.run(&["plugin", "ls", "--json"]).ok());
    all["plugins"].as_array().unwrap().iter().find(|p| p["name"] == name).cloned().unwrap_or_default()
}

/// What tools told the model.
fn results(asked: &Asked) -> Vec<String> {
    asked.messages.iter().flat_map(|m| &m.results).map(|(_, text)| text.clone()).collect()
}

/// The lines of a plugin's log.
fn log(world: &World, name: &str) -> Vec<String> {
    let out = world.run(&["plugin", "log", name, "--json"]).ok();
    out.lines().map(|line| json_of(line)["text"].as_str().unwrap().to_string()).collect()
}

#[test]
fn a_new_plugin_changes_a_message_on_its_way_in_and_out() {
    let server = ModelServer::start();
    let world = world(&server);
    let folder = world.run(&["plugin", "new", "tidy", "--hook", "prompt", "--hook", "answer"]).ok();
    assert!(std::path::Path::new(folder.trim()).join("fac.d.luau").is_file());
    let tried = world.run(&["plugin", "test", "tidy", "--prompt", "teh cat", "--answer", "utilize it"]).ok();
    assert!(tried.contains("- teh cat\n+ the cat") && tried.contains("- utilize it\n+ use it"), "{tried}");
    // Nothing is used before a person allowed it.
    server.answer(Answer::text("you utilize it"));
    assert_eq!(world.run(&["ask", "teh cat"]).ok(), "you utilize it\n");
    world.run(&["plugin", "enable", "tidy", "--yes"]).ok();
    for pieces in [1, 100] {
        server.answer(Answer::text("you utilize it").pieces(pieces));
        let out = world.run(&["ask", "--explain", "teh cat"]);
        assert_eq!(server.last().last_user(), "the cat");
        assert_eq!(out.clone().ok(), "you use it\n");
        assert!(out.stderr.contains("`tidy` changed the prompt:\n- teh cat\n+ the cat\n"), "{}", out.stderr);
        assert!(out.stderr.contains("`tidy` changed the answer:\n- you utilize it\n+ you use it\n"), "{}", out.stderr);
    }
    // What was changed is what is kept.
    let shown = json_of(&world.run(&["sessions", "show", "--json"]).ok());
    let said: Vec<&str> = shown["messages"].as_array().unwrap().iter().map(|m| m["text"].as_str().unwrap()).collect();
    assert_eq!(said, ["the cat", "you use it"]);
    assert_eq!(shown["session"]["title"], "the cat");
    world.run(&["plugin", "disable", "tidy"]).ok();
    server.answer(Answer::text("you utilize it"));
    assert_eq!(world.run(&["ask", "teh cat"]).ok(), "you utilize it\n");
}

#[test]
fn a_chat_goes_on_with_what_was_allowed_and_takes_up_what_is_allowed_anew() {
    let server = ModelServer::start();
    let world = world(&server);
    let script = |mark: &str| format!("return {{ prompt = function(text) return text .. \" {mark}\" end }}");
    let folder = enable(&world, "mark", "hooks = [\"prompt\"]", &script("one"));
    server.answer(Answer::text("first")).answer(Answer::text("second")).answer(Answer::text("third"));
    let mut seat = Seat::fac(&world, &["chat"], 90, 30);
    seat.expect_editor().press("hello\r").expect("first").expect_editor();
    assert_eq!(server.last().last_user(), "hello one");
    // It changed, and nobody allowed it: the state that is there is what was allowed.
    std::fs::write(folder.join("main.luau"), script("two")).unwrap();
    seat.press("hello\r").expect("second").expect_editor();
    assert_eq!(server.last().last_user(), "hello one");
    assert_eq!(state(&world, "mark")["state"], "changed");
    world.run(&["plugin", "enable", "mark", "--yes"]).ok();
    seat.press("hello\r").expect("third").expect_editor().press("\x04");
    assert_eq!(server.last().last_user(), "hello two");
    assert_eq!(seat.end().0, 0);
    // A process that begins while it is changed leaves it out and says so.
    std::fs::write(folder.join("main.luau"), script("three")).unwrap();
    server.answer(Answer::text("fourth"));
    let out = world.run(&["ask", "hello"]);
    assert_eq!((out.stdout.as_str(), server.last().last_user()), ("fourth\n", "hello"));
    assert!(
        out.stderr.contains("the plugin `mark` has changed since you allowed it, and is left out"),
        "{}",
        out.stderr
    );
    assert_eq!(state(&world, "mark")["failures"], 0);
}

#[test]
fn permission_is_asked_once_shown_and_asked_again_for_what_changed() {
    let world = World::new();
    let manifest = "hooks = [\"prompt\"]\n[permissions]\nhttp = [\"example.org\"]\nask = true";
    let folder = write(&world, "wants", manifest, "return { prompt = function() end }");
    let refused = world.run(&["plugin", "enable", "wants"]).failed(4);
    assert!(refused.contains("nobody is there to allow the plugin `wants`"), "{refused}");
    assert_eq!(world.run(&["plugin", "enable", "wants", "--no-input", "--json"]).code, 4);
    let mut seat = Seat::fac(&world, &["plugin", "enable", "wants"], 100, 30);
    seat.expect("reads and may change what you say to a model").expect("asks these hosts: example.org");
    seat.expect("asks your model, which may cost money").expect("Allow `wants`").press("n");
    assert_eq!(seat.end().0, 4);
    assert_eq!(state(&world, "wants")["enabled"], false);
    let mut seat = Seat::fac(&world, &["plugin", "enable", "wants"], 100, 30);
    seat.expect("Allow `wants`").press("y").expect("`wants` is enabled");
    assert_eq!(seat.end().0, 0);
    // Switched off and on again it is the same.
    world.run(&["plugin", "disable", "wants"]).ok();
    world.run(&["plugin", "enable", "wants"]).ok();
    std::fs::write(folder.join("main.luau"), "return { prompt = function() return nil end }").unwrap();
    world.run(&["plugin", "enable", "wants"]).failed(4);
    let shown = world.run(&["plugin", "enable", "wants", "--yes"]);
    assert!(shown.stderr.contains("what changed since you allowed it:"), "{}", shown.stderr);
    assert!(shown.stderr.contains("- return { prompt = function() end }"), "{}", shown.stderr);
}

#[test]
fn a_failing_plugin_breaks_nothing_and_is_disabled_after_three_failures_in_a_row() {
    let server = ModelServer::start();
    let world = world(&server);
    let script =
        "return { prompt = function(text) if text == 'boom' then error('it broke') end return text .. '!' end }";
    enable(&world, "frail", "hooks = [\"prompt\"]", script);
    let say = |text: &str| {
        server.answer(Answer::text("well"));
        let out = world.run(&["ask", text]);
        assert_eq!((out.code, out.stdout.as_str()), (0, "well\n"), "{out:?}");
        (server.last().last_user().to_string(), out.stderr)
    };
    for _ in 0..2 {
        let (heard, said) = say("boom");
        assert_eq!(heard, "boom");
        assert!(said.contains("the plugin `frail` (prompt) failed: frail/main.luau:1: it broke"), "{said}");
    }
    assert_eq!(state(&world, "frail")["failures"], 2);
    // In a row is what counts.
    assert_eq!(say("hi").0, "hi!");
    assert_eq!(state(&world, "frail")["failures"], 0);
    say("boom");
    say("boom");
    let (_, said) = say("boom");
    assert!(said.contains("it failed 3 times in a row and is disabled"), "{said}");
    assert_eq!((state(&world, "frail")["state"].as_str(), say("hi").0.as_str()), (Some("failed"), "hi"));
    let kinds = world.run(&["events", "tail", "--json"]).ok();
    assert!(kinds.contains("plugin.failed") && kinds.contains("plugin.disabled"), "{kinds}");
    world.run(&["plugin", "enable", "frail"]).ok();
    assert_eq!(say("hi").0, "hi!");
}

#[test]
fn a_plugin_without_end_ends_at_its_bound_and_the_chat_goes_on() {
    let server = ModelServer::start();
    let world = world(&server);
    world.run(&["config", "set", "plugins.timeout", "300ms"]).ok();
    world.run(&["config", "set", "plugins.steps", "0"]).ok();
    let script = "return { prompt = function(text) while true do pcall(string.find, string.rep('a', 3000), string.rep('a*', 30) .. 'b') end end,
        answer = function(text) local s = 'x' while true do s = s .. s end end }";
    enable(&world, "greedy", "hooks = [\"prompt\", \"answer\"]", script);
    server.answer(Answer::text("well"));
    let out = world.run(&["ask", "hello"]);
    assert_eq!((out.code, out.stdout.as_str(), server.last().last_user()), (0, "well\n", "hello"), "{out:?}");
    assert!(out.stderr.contains("`greedy` (prompt) took longer than"), "{}", out.stderr);
    assert!(out.stderr.contains("`greedy` (answer) wanted more than 50 MB of memory"), "{}", out.stderr);
}

#[test]
fn filters_stand_in_order_read_tools_and_may_refuse() {
    let server = ModelServer::start();
    let world = world(&server);
    let mark = |mark: &str| format!("return {{ prompt = function(text) return text .. '{mark}' end }}");
    enable(&world, "zz-first", "order = 1\nhooks = [\"prompt\"]", &mark("1"));
    enable(&world, "middle", "hooks = [\"prompt\"]", &mark("2"));
    enable(&world, "aa-last", "order = 99\nhooks = [\"prompt\"]", &mark("3"));
    server.answer(Answer::text("well"));
    let out = world.run(&["ask", "--explain", "--json", "x"]);
    assert_eq!(server.last().last_user(), "x123");
    let lines: Vec<Value> = out.ok().lines().map(json_of).collect();
    let changed: Vec<&str> = lines.iter().filter_map(|l| l["changed"]["by"].as_str()).collect();
    assert_eq!(changed, ["zz-first", "middle", "aa-last"]);
    assert_eq!(lines[1]["changed"], json!({"by": "middle", "way": "prompt", "before": "x1", "after": "x12"}));
    let script = "return { prompt = function(text) return false, 'no secrets here' end, result = function(text) return text:upper() end }";
    enable(&world, "guard", "order = 100\nhooks = [\"prompt\", \"result\"]", script);
    let asked = server.asked().len();
    let said = world.run(&["ask", "x"]).failed(4);
    assert!(said.contains("`guard` does not let this pass: no secrets here"), "{said}");
    assert_eq!(server.asked().len(), asked);
    world.write(
        "../fac/config/plugins/guard/main.luau",
        "return { prompt = function() end, result = function(text) return text:upper() end }",
    );
    world.run(&["plugin", "enable", "guard", "--yes"]).ok();
    define(&world, "### `/shout`\n**Effects:** read\n\n```sh\necho quiet words\n```\n");
    world.run(&["config", "set", "tools.allow", "'command user:shout'"]).ok();
    server.answer(Answer::call("shout", json!({}))).answer(Answer::text("done"));
    world.run(&["ask", "-T", "shout", "go"]).ok();
    assert_eq!(results(&server.last()), ["QUIET WORDS\n"]);
}

#[test]
fn an_answer_that_is_refused_is_no_answer() {
    let server = ModelServer::start();
    let world = world(&server);
    define(&world, "### `/shout`\n**Effects:** read\n\n```sh\necho loud >>shouted\n```\n");
    world.run(&["config", "set", "tools.allow", "'command user:shout'"]).ok();
    let script = "return { answer = function(text) if text:find('rude') then return false, 'be kind' end end }";
    enable(&world, "kind", "hooks = [\"answer\"]", script);
    server.answer(Answer::text("a rude word"));
    let out = world.run(&["ask", "hi"]);
    assert_eq!((out.code, out.stdout.as_str()), (4, ""), "{out:?}");
    assert!(out.stderr.contains("`kind` does not let this pass: be kind"), "{}", out.stderr);
    assert!(!out.stderr.contains("rude"), "{}", out.stderr);
    server.answer(Answer::text("rude again"));
    let out = world.run(&["ask", "--json", "hi"]);
    let end = json_of(out.stdout.lines().last().unwrap());
    assert!(out.code == 4 && end["answer"]["status"] == "failed" && end["answer"]["text"] == "", "{end}");
    assert_eq!(end["error"]["kind"], "refused", "{end}");
    // What it wished for is not done either, and the chat goes on.
    server.answer(Answer::text("so rude").tool("shout", json!({})));
    let out = world.run(&["ask", "-T", "shout", "go"]);
    assert!(out.code == 4 && !world.path("shouted").exists(), "{out:?}");
    server.answer(Answer::text("well"));
    assert_eq!(world.run(&["ask", "-c", "and now?"]).ok(), "well\n");
    assert!(!server.last().body.to_string().contains("so rude"), "{}", server.last().body);
}

#[test]
fn secrets_are_taken_out_of_long_texts_too() {
    let server = ModelServer::start();
    let world = world(&server);
    world.run(&["plugin", "enable", "redact", "--yes"]).ok();
    server.answer(Answer::text("well"));
    let lines = "+    let line = of(a, change); // nothing in it, no password either\n".repeat(20_000);
    let text = format!("{lines}api key: sk-abc123def456ghi\npassword: 'four geese'\n{lines}");
    world.run_with(&["ask", "review this"], &text).ok();
    let last = server.last();
    let heard = last.last_user();
    assert!(heard.len() > 2 * lines.len() && heard.contains("api key: [redacted]"), "{}", heard.len());
    assert!(!heard.contains("sk-abc") && !heard.contains("geese"));
}

#[test]
fn nothing_passes_a_required_filter_that_fails_and_failing_does_not_take_it_away() {
    let server = ModelServer::start();
    let world = world(&server);
    let script =
        "return { prompt = function(text) if text:find('bad') then error('no idea') end return text .. '!' end }";
    enable(&world, "guard", "required = true\nhooks = [\"prompt\"]", script);
    for _ in 0..5 {
        let said = world.run(&["-q", "ask", "something bad"]).failed(4);
        assert!(
            said.contains("`guard` does not let this pass: it could not look at it") && said.contains("no idea"),
            "{said}"
        );
    }
    assert_eq!(server.asked().len(), 0);
    server.answer(Answer::text("well"));
    world.run(&["ask", "good"]).ok();
    assert_eq!(server.last().last_user(), "good!");
    let log = world.run(&["plugin", "log", "guard"]).ok();
    assert!(log.contains("no idea"), "why it failed can be read afterwards: {log}");
    // Nor is it left out where nobody can tell any more what it hears.
    let database = rusqlite::Connection::open(world.fac().join("data/store.db")).unwrap();
    let asks = "UPDATE plugins SET manifest = json_set(manifest, '$.hooks', 'newer') WHERE name = 'guard'";
    assert_eq!(database.execute(asks, []).unwrap(), 1);
    let said = world.run(&["ask", "good"]).failed(4);
    assert!(said.contains("`guard` must read what is said") && said.contains("fac plugin enable guard"), "{said}");
    world.run(&["plugin", "enable", "guard", "--yes"]).ok();
    // Changed behind one's back it is not left out either.
    world.write("../fac/config/plugins/guard/main.luau", "return { prompt = function(text) end }");
    let said = world.run(&["ask", "good"]).failed(4);
    assert!(said.contains("has changed since you allowed it"), "{said}");
    assert_eq!(server.asked().len(), 1);
}

#[test]
fn plugins_that_answer_each_other_come_to_an_end() {
    let world = World::new();
    define(&world, "### `/go`\n\n```sh\ntrue\n```\n");
    let script = "return { event = function(e) fac.log.info(e.kind) fac.event.emit('done', {}) end }";
    let hears = |kinds: &str| format!("hooks = [\"event\"]\nevents = [{kinds}]\n[permissions]\nevent = true");
    enable(&world, "ping", &hears("\"run.finished\", \"plugin.pong.*\""), script);
    enable(&world, "pong", &hears("\"plugin.ping.*\""), script);
    let mut command = world.command(&["auto", "up"]);
    let mut up = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let told = crate::support::lines_of(up.stderr.take().unwrap());
    const PATIENCE: Duration = Duration::from_secs(60);
    // Whoever is new hears of what happens from now on.
    let deadline = Instant::now() + PATIENCE;
    while log(&world, "ping").is_empty() {
        assert!(Instant::now() < deadline);
        world.run(&["go"]).ok();
    }
    let said = std::iter::from_fn(|| told.recv_timeout(PATIENCE).ok()).find(|line| line.contains("answer each other"));
    assert!(said.is_some_and(|said| said.contains("`pong` and `ping` answer each other without end")));
    let last = json_of(&world.run(&["events", "tail", "plugin.ping.*", "-n", "1", "--json"]).ok());
    assert!(last["payload"]["heard"].as_i64().is_some(), "{last}");
    rustix::process::kill_process(rustix::process::Pid::from_child(&up), rustix::process::Signal::TERM).unwrap();
    up.wait().unwrap();
}

#[test]
fn plugins_hear_of_commands_and_may_refuse_them() {
    let world = World::new();
    define(
        &world,
        "### `/greet <who>`\n\n```sh\necho \"hello $who\"; exit 3\n```\n\n### `/danger`\n\n```sh\necho boom\n```\n",
    );
    let script = "return {
        before_command = function(c) fac.log.info('before', c.command, c.args.values.who) if c.command == 'danger' then return 'not today' end end,
        after_command = function(c) fac.log.info('after', c.command, c.status, c.exit_code) end,
    }";
    enable(&world, "watch", "hooks = [\"before_command\", \"after_command\"]", script);
    assert_eq!(world.run(&["greet", "you"]).code, 3);
    let said = world.run(&["danger"]).failed(4);
    assert!(said.contains("the plugin `watch` does not let `danger` run: not today"), "{said}");
    assert_eq!(log(&world, "watch"), ["before greet you", "after greet failed 3", "before danger nil"]);
    // One that fails is no reason not to run.
    let script = "return { before_command = function() error('x') end, after_command = function() error('y') end }";
    write(&world, "watch", "hooks = [\"before_command\", \"after_command\"]", script);
    world.run(&["plugin", "enable", "watch", "--yes"]).ok();
    let out = world.run(&["danger"]);
    assert_eq!((out.code, out.stdout.as_str()), (0, "boom\n"), "{out:?}");
    assert!(out.stderr.contains("watch/main.luau:1: x"), "{}", out.stderr);
}

#[test]
fn a_program_that_goes_on_for_days_hears_of_plugins_as_they_are_allowed() {
    let world = World::new();
    define(&world, "### `/rung`\n**On:**\n- `event test.rang`\n\n```sh\necho rung >>log\n```\n");
    world.run(&["auto", "enable", "rung"]).ok();
    let mut command = world.command(&["auto", "up", "--json"]);
    let mut up = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut notes = BufReader::new(up.stdout.take().unwrap()).lines().map(|line| json_of(&line.unwrap()));
    assert!(notes.any(|note| note["note"] == "rules"));
    let store = factotum::store::Store::open(
        &world.fac().join("data/store.db"),
        factotum::kernel::clock::Clock::system(),
        factotum::kernel::ids::Ids::random(),
    );
    let store = store.unwrap();
    let mut rings = || {
        store.append(&factotum::kernel::events::Event::new("test.rang", "x", json!({}))).unwrap();
        notes.find(|note| note["note"] == "ended_job").unwrap()
    };
    assert_eq!(rings()["status"], "done");
    let script = "return { before_command = function() return 'not today' end }";
    enable(&world, "gate", "hooks = [\"before_command\"]", script);
    let refused = rings();
    assert!(refused["error"].as_str().is_some_and(|said| said.contains("not today")), "{refused}");
    enable(&world, "gate", "hooks = [\"before_command\"]", "return { before_command = function() return nil end }");
    assert_eq!(rings()["status"], "done");
    enable(&world, "gate", "hooks = [\"before_command\"]", script);
    assert_ne!(rings()["status"], "done");
    world.run(&["plugin", "disable", "gate"]).ok();
    assert_eq!(rings()["status"], "done");
    up.kill().unwrap();
    up.wait().unwrap();
}

#[test]
fn commands_of_plugins_are_commands() {
    let world = World::new();
    let manifest = "[[commands]]\nname = \"adder sum\"\nsummary = \"Adds\"\nparams = \"<a> [b=2] [rest...]\"\ntool = true\neffects = \"read\"";
    let script = "return { commands = { ['adder sum'] = function(args, rest, input)
            if args.a == 'x' then fac.fail('x is no number') end
            if args.a == 'y' then error('a bug') end
            return { sum = args.a + args.b, rest = rest, input = input }
        end } }";
    enable(&world, "adder", manifest, script);
    assert_eq!(
        json_of(&world.run(&["adder", "sum", "1", "--b", "5", "p", "q"]).ok()),
        json!({"sum": 6, "rest": ["p", "q"]})
    );
    let piped = json_of(&world.run_with(&["adder", "sum", "1"], "piped").ok());
    assert_eq!(piped, json!({"input": "piped", "rest": [], "sum": 3}));
    let listed = world.run(&["commands", "ls"]).ok();
    assert!(listed.contains("adder sum") && listed.contains("Adds"), "{listed}");
    // No is an answer; a bug is a failure.
    for _ in 0..4 {
        let said = world.run(&["adder", "sum", "x"]).failed(1);
        assert!(said.contains("error: x is no number"), "{said}");
    }
    let said = world.run(&["adder", "sum", "y"]).failed(1);
    assert!(said.contains("adder/main.luau:3: a bug"), "{said}");
    assert_eq!(state(&world, "adder")["failures"], 1);
    // Nobody else's definition may call it.
    define(&world, "### `/steal`\n\n```lua {plugin=adder call=\"adder sum\"}\n```\n");
    let said = world.run(&["steal"]).failed(4);
    assert!(said.contains("`steal` is no command of the plugin `adder`"), "{said}");
    world.run(&["plugin", "disable", "adder"]).ok();
    world.run(&["adder", "sum", "1"]).failed(3);
    assert!(!world.run(&["commands", "ls"]).ok().contains("adder sum"));
}

#[test]
fn tools_of_plugins_are_asked_about_as_any_other() {
    let server = ModelServer::start();
    let world = world(&server);
    let manifest = "[[tools]]\nname = \"add\"\ndescription = \"Adds two numbers\"\n\
                    schema = { type = \"object\", properties = { a = { type = \"number\" }, b = { type = \"number\" } } }";
    enable(
        &world,
        "calc",
        manifest,
        "return { tools = { add = function(args) return { sum = args.a + args.b } end } }",
    );
    server.answer(Answer::call("calc_add", json!({"a": 1, "b": 2}))).answer(Answer::text("three"));
    let out = world.run(&["ask", "-T", "plugin:calc", "add"]);
    assert!(out.stderr.contains("plugin calc/add was not run: nobody is there"), "{}", out.stderr);
    world.run(&["config", "set", "tools.allow", "'plugin calc/*'"]).ok();
    server.answer(Answer::call("calc_add", json!({"a": 1, "b": 2}))).answer(Answer::text("three"));
    world.run(&["ask", "-T", "plugin:calc/add", "add"]).ok();
    assert_eq!(results(&server.last()), [r#"{"sum":3}"#]);
    let said = world.run(&["ask", "-T", "plugin:nobody", "add"]).failed(3);
    assert!(said.contains("names no tool of an enabled plugin"), "{said}");
}

#[test]
fn lua_steps_run_alone_within_bounds() {
    let world = World::new();
    define(
        &world,
        "### `/sum <a> [b=2] [rest...]`\n\n```lua {id=add}\nprint(\"adding\", args.a, #rest)\nreturn args.a + args.b\n```\n\n\
         ```sh {stdin=add}\ntr a-z A-Z\n```\n\n\
         ### `/echo`\n\n```lua\nreturn input and string.upper(input)\n```\n\n\
         ### `/reach`\n\n```lua\nreturn { pcall(fac.ask, 'x'), pcall(fac.store.get, 'x'), os == nil, require == nil }\n```\n\n\
         ### `/loop`\n\n```lua\nwhile true do end\n```\n\n### `/quote <text>`\n\n```lua\nreturn args.text\n```\n",
    );
    assert_eq!(world.run(&["sum", "40", "x"]).ok(), "adding 40 1\n42\nADDING 40 1\n42\n");
    assert_eq!(world.run_with(&["echo"], "piped").ok(), "PIPED\n");
    let reach = json_of(&world.run(&["reach"]).ok());
    assert_eq!((&reach[0], &reach[1]), (&json!(false), &json!(false)), "{reach}");
    // A value is never code.
    let evil = "\"..os.execute('touch x').. [[ ]] }} {{text}}";
    assert_eq!(world.run(&["quote", evil]).ok(), format!("{evil}\n"));
    let said = world.run(&["loop"]).failed(124);
    assert!(said.contains("`loop:step1` took more than 1,000,000 steps"), "{said}");
    for key in ["plugins.steps=0", "plugins.timeout=1h"] {
        let (key, value) = key.split_once('=').unwrap();
        world.run(&["config", "set", key, value]).ok();
    }
    // Its own time, and whoever asks it to end, count as for any step: without them this would go on for an hour.
    define(
        &world,
        "### `/loop`\n\n```lua {timeout=300ms}\nwhile true do end\n```\n\n### `/ever`\n\n```lua\nwhile true do end\n```\n",
    );
    let said = world.run(&["loop"]).failed(124);
    assert!(said.contains("`loop:step1` took longer than 300 ms"), "{said}");
    let mut ever = world.command(&["ever"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let began = || world.run(&["runs", "ls", "--json"]).ok().contains("\"running\"");
    while !began() {
        assert!(ever.try_wait().unwrap().is_none());
    }
    rustix::process::kill_process(rustix::process::Pid::from_child(&ever), rustix::process::Signal::INT).unwrap();
    assert_eq!(ever.wait().unwrap().code(), Some(130));
    define(&world, "### `/sum <a>`\n\n```lua\nreturn args.a + 2\n```\n");
    let dry = world.run(&["sum", "1", "--dry-run"]).ok();
    assert!(dry.contains("return args.a + 2"), "{dry}");
}

/// A server that answers `/` with text and `/away` by sending on to the address it is told.
fn serve(away: String) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let place = format!("127.0.0.1:{}", listener.local_addr().unwrap().port());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let asked = seen.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream: TcpStream = stream.unwrap();
            let mut head = Vec::new();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            loop {
                let mut line = String::new();
                if reader.read_line(&mut line).unwrap_or(0) == 0 || line == "\r\n" {
                    break;
                }
                head.push(line.trim().to_string());
            }
            asked.lock().unwrap().push(head.join("\n"));
            let path = head.first().and_then(|line| line.split(' ').nth(1)).unwrap_or("/").to_string();
            let answer = match path.as_str() {
                "/away" => {
                    format!("HTTP/1.1 302 Found\r\nLocation: {away}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                }
                "/round" => "HTTP/1.1 302 Found\r\nLocation: /round\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                    .to_string(),
                _ => {
                    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Kind: test\r\nConnection: close\r\n\r\nhello".to_string()
                }
            };
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    (place, seen)
}

#[test]
fn servers_are_asked_only_where_the_manifest_names_them() {
    let world = World::new();
    let (other, seen_there) = serve(String::new());
    let (here, seen) = serve(format!("http://{other}/stolen"));
    let manifest = format!(
        "[permissions]\nhttp = [\"{here}\"]\n[[commands]]\nname = \"fetch\"\nparams = \"<url>\"\neffects = \"network\""
    );
    let script = "return { commands = { fetch = function(args)
            local answer = fac.http.get(args.url, { headers = { Authorization = 'Bearer x' } })
            return { answer.status, answer.ok, answer.body, answer.headers['x-kind'] }
        end } }";
    enable(&world, "net", &manifest, script);
    let fetch = |url: String| world.run(&["fetch", &url]);
    assert_eq!(json_of(&fetch(format!("http://{here}/")).ok()), json!([200, true, "hello", "test"]));
    assert!(seen.lock().unwrap()[0].to_lowercase().contains("authorization: bearer x"));
    for (url, said) in [
        (
            format!("http://{other}/"),
            format!("{other} is not among the hosts of plugin.toml (http = [\"{other}\"] allows it)"),
        ),
        (format!("http://{here}/away"), format!("{other} is not among the hosts of plugin.toml")),
        ("http://127.0.0.2/".to_string(), "127.0.0.2:80 is not among".to_string()),
        ("https://127.0.0.2/".to_string(), "127.0.0.2 is not among".to_string()),
        (format!("http://{here}/round"), "sends the request on without end".to_string()),
        ("file:///etc/passwd".to_string(), "`file` addresses are not allowed".to_string()),
        (format!("http://{here}@{other}/"), "with a user or a password is not allowed".to_string()),
    ] {
        let out = fetch(url.clone());
        // A server that leads nowhere is not the plugin's mistake.
        let code = if url.ends_with("round") { 5 } else { 1 };
        assert!(out.code == code && out.stderr.contains(&said), "{url}: {out:?}");
        // It was its own mistake; it is to go on here all the same.
        world.run(&["plugin", "enable", "net"]).ok();
    }
    assert_eq!(seen_there.lock().unwrap().len(), 0);
}

#[test]
fn plugins_run_commands_ask_the_model_and_write_events_where_allowed() {
    let server = ModelServer::start();
    let world = world(&server);
    define(
        &world,
        "### `/double <n>`\n\n```sh\necho $((n * 2)); cat\n```\n\n### `/forbidden`\n\n```sh\necho no\n```\n",
    );
    let manifest = "[permissions]\nrun = [\"user:double\"]\nask = true\nevent = true\nstore = true\n\
                    [[commands]]\nname = \"all\"\nparams = \"<what>\"";
    let script = "return { commands = { all = function(args)
            if args.what == 'run' then local r = fac.run({ 'double', '21' }, { input = 'fed' }) return { r.ok, r.code, r.stdout } end
            if args.what == 'other' then return fac.run('forbidden').stdout end
            if args.what == 'ask' then return fac.ask('how much?', { system = 'briefly' }) end
            if args.what == 'event' then fac.event.emit('done', { n = 1 }) end
            if args.what == 'keep' then fac.store.set('a', { 1, 2 }) fac.store.set('b', string.rep('x', 10)) return fac.store.keys() end
            if args.what == 'kept' then return fac.store.get('a') end
            if args.what == 'much' then for i = 1, 200 do fac.store.set('k' .. i, string.rep('x', 10000)) end end
        end } }";
    enable(&world, "kit", manifest, script);
    let all = |what: &str| world.run(&["all", what]);
    assert_eq!(json_of(&all("run").ok()), json!([true, 0, "42\nfed"]));
    assert!(all("other").failed(1).contains("`user:forbidden` is not among the commands that plugin.toml allows"));
    server.answer(Answer::text("three"));
    assert_eq!(all("ask").ok(), "three\n");
    assert_eq!((server.last().system(), server.last().last_user()), ("briefly".to_string(), "how much?"));
    all("event").ok();
    let events = world.run(&["events", "tail", "--json"]).ok();
    assert!(events.contains(r#""kind":"plugin.kit.done""#) && events.contains(r#"{"n":1}"#), "{events}");
    assert_eq!(json_of(&all("keep").ok()), json!(["a", "b"]));
    assert_eq!(json_of(&all("kept").ok()), json!([1, 2]));
    let said = all("much").failed(1);
    assert!(said.contains("`kit` may keep 1024 kB, and this would be more"), "{said}");
    world.run(&["plugin", "rm", "kit", "--yes"]).ok();
    let store = std::fs::read(world.fac().join("data/store.db")).unwrap();
    assert!(!String::from_utf8_lossy(&store).contains(&"x".repeat(900)), "what it kept is still in the file");
}

#[test]
fn plugins_hear_events_and_are_woken() {
    let mut world = World::new();
    define(&world, "### `/ok`\n\n```sh\ntrue\n```\n");
    let script = "return { event = function(e) fac.log.info(e.kind, e.payload and e.payload.status) end, tick = function() fac.log.info('awake') end }";
    enable(&world, "ears", "hooks = [\"event\", \"tick\"]\nevents = [\"run.finished\"]\ntick = \"1h\"", script);
    world.run(&["ok"]).ok();
    world.run(&["ok"]).ok();
    let lines = log(&world, "ears");
    assert_eq!(lines.iter().filter(|l| l.starts_with("run.finished")).count(), 2, "{lines:?}");
    assert_eq!(lines.iter().filter(|l| *l == "awake").count(), 1, "{lines:?}");
    // An hour later it is woken again, once.
    let later = jiff::Timestamp::now() + jiff::SignedDuration::from_mins(61);
    world.set("FAC_TEST_CLOCK", &later.to_string());
    world.run(&["commands", "ls"]).ok();
    world.run(&["commands", "ls"]).ok();
    assert_eq!(log(&world, "ears").iter().filter(|l| *l == "awake").count(), 2);
}

#[test]
fn a_plugin_that_is_woken_fires_an_automation() {
    let world = World::new();
    define(
        &world,
        "### `/heard`\n**On:**\n- `event plugin.clock.struck`\n\n```sh\necho \"fired by $trigger_subject\"\n```\n",
    );
    let script = "return { tick = function() fac.event.emit('struck', { hour = 1 }) end }";
    enable(&world, "clock", "hooks = [\"tick\"]\ntick = \"1s\"\n[permissions]\nevent = true", script);
    world.run(&["auto", "enable", "heard", "--yes"]).ok();
    let mut up = world.command(&["auto", "up"]).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let lines = BufReader::new(up.stderr.take().unwrap()).lines().map_while(Result::ok);
    let done = lines.into_iter().find(|line| line.contains("heard") && line.contains("done"));
    let _ = up.kill();
    let _ = up.wait();
    assert!(done.is_some(), "it never fired");
    let runs = world.run(&["runs", "ls", "--json"]).ok();
    assert!(runs.contains("\"command\":\"heard\""), "{runs}");
}

#[test]
fn every_bundled_plugin_can_be_used() {
    let server = ModelServer::start();
    let world = world(&server);
    let all = json_of(&world.run(&["plugin", "ls", "--json"]).ok());
    let names: Vec<&str> = all["plugins"].as_array().unwrap().iter().map(|p| p["name"].as_str().unwrap()).collect();
    assert!(names.len() >= 6, "{names:?}");
    for name in &names {
        world.run(&["plugin", "enable", name, "--yes"]).ok();
        world.run(&["plugin", "test", name]).ok();
    }
    server.answer(Answer::text("ok"));
    world.run(&["snippets", "set", "key", "sk-abcdefgh1234567890"]).ok();
    world.run(&["ask", "use ;;key please ;;brief"]).ok();
    let heard = server.last().last_user().to_string();
    assert_eq!(heard, "use [redacted] please Answer in at most three sentences.");
    assert_eq!(world.run_with(&["redact"], "password: hunter22\n").ok(), "password: [redacted]\n");
    server.answer(Answer::text("bonjour"));
    assert_eq!(world.run(&["translate", "French", "hello"]).ok(), "bonjour\n");
    assert!(server.last().last_user().contains("Translate into French:\n\nhello"));
    world.run(&["daily", "bought", "milk"]).ok();
    assert!(world.run(&["daily", "show"]).ok().ends_with(" bought milk\n"));
    assert_eq!(world.run(&["words", "one", "two"]).ok(), "2 words\n");
    assert_eq!(world.run(&["slow", "0.000001"]).ok(), "a command is slow after 0.000001 s\n");
    world.run(&["words", "x"]).ok();
    assert!(world.run(&["events", "tail", "--json"]).ok().contains("plugin.slow.run"));
}

#[test]
fn plugins_are_installed_shown_and_removed() {
    let world = World::new();
    world.write(
        "box/plugin.toml",
        "name = \"boxed\"\nversion = \"2.0\"\nsummary = \"In a box\"\nhooks = [\"status\"]\n",
    );
    world.write("box/main.luau", "return { status = function() return 'x' end }\n");
    let installed = json_of(&world.run(&["plugin", "install", "box", "--json"]).ok());
    assert_eq!((&installed["name"], &installed["replaced"]), (&json!("boxed"), &json!(false)));
    assert_eq!(state(&world, "boxed")["state"], "off");
    let shown = json_of(&world.run(&["plugin", "show", "boxed", "--json"]).ok());
    assert_eq!(shown["plugin"]["wants"], json!(["adds words to the status line"]));
    assert!(world.run(&["plugin", "show", "boxed"]).ok().contains("In a box"));
    world.run(&["plugin", "enable", "boxed", "--yes"]).ok();
    let trial = json_of(&world.run(&["plugin", "test", "box/", "--hook", "status", "--json"]).ok());
    assert_eq!(trial["trial"]["returned"], "x");
    assert_eq!(json_of(&world.run(&["plugin", "rm", "boxed", "--json", "--yes"]).ok())["removed"], true);
    world.run(&["plugin", "show", "boxed"]).failed(3);
    // One that lies in a source.
    world.write("shelf/plugins/boxed/plugin.toml", "name = \"boxed\"\nversion = \"3.0\"\n");
    world.write("shelf/kit.md", "---\nfactotum: 1\n---\n# Kit\n\n### `/shelved`\n\n```sh\ntrue\n```\n");
    world.write("shelf/plugins/boxed/main.luau", "return {}\n");
    world.run(&["source", "add", "./shelf"]).ok();
    world.run(&["plugin", "install", "shelf/nobody"]).failed(3);
    world.run(&["plugin", "install", "shelf/boxed"]).ok();
    assert_eq!(state(&world, "boxed")["version"], "3.0");
    assert!(world.run(&["plugin", "rm", "boxed", "--no-input"]).failed(4).contains("`boxed` was not removed"));
    world.run(&["plugin", "rm", "boxed", "--yes"]).ok();
    let said = world.run(&["plugin", "enable", "redakt"]).failed(3);
    assert!(said.contains("did you mean `redact`?"), "{said}");
    for (manifest, script, said) in [
        ("hooks = [\"prompt\"]", "return {}", "has no function for what plugin.toml names: prompt"),
        ("", "return 1", "returns a number and no table of functions"),
        ("", "return {", "broken/main.luau:1:"),
        ("colour = 1", "return {}", "unknown field `colour`"),
        ("", "while true do end", "took more than"),
    ] {
        write(&world, "broken", manifest, script);
        let out = world.run(&["plugin", "enable", "broken", "--yes"]);
        assert!(out.code != 0 && out.stderr.contains(said), "{manifest} {script}: {out:?}");
        assert_eq!(state(&world, "broken")["enabled"], false);
    }
    // What runs outside the sandbox is said.
    let shown = world.run(&["plugin", "show", "scenes"]).ok();
    assert!(shown.contains("whose scripts run outside the sandbox as any command does: scenes.md"), "{shown}");
}

#[test]
fn a_plugin_is_fetched_from_a_repository_and_runs_only_when_it_was_allowed() {
    let standin = Standin::start();
    let mut world = World::new();
    world.set("GITHUB_API_URL", &standin.api_url);
    let repo = standin.repo("someone/shelf");
    let script = "return { status = function() return 'one' end }";
    let manifest = "name = \"tidy\"\nversion = \"1\"\nhooks = [\"status\"]\n";
    let files = [("box/tidy/plugin.toml", manifest), ("box/tidy/main.luau", script), ("box/tidy/.hidden", "x")];
    let first = repo.commit(&files, "one");
    repo.tag("v1", &first);
    let install = |spec: &str| json_of(&world.run(&["plugin", "install", spec, "--json"]).ok());
    let origin = |reference: Value, commit: &str| json!({"from": "github:someone/shelf/box/tidy", "ref": reference, "commit": commit});
    let installed = install("github:someone/shelf");
    assert_eq!((&installed["name"], &installed["replaced"]), (&json!("tidy"), &json!(false)));
    assert_eq!(installed["origin"], origin(Value::Null, &first));
    assert_eq!(state(&world, "tidy")["state"], "off");
    let out = world.run(&["plugin", "enable", "tidy", "--no-input"]);
    assert_eq!(out.code, 4, "{out:?}");
    world.run(&["plugin", "enable", "tidy", "--yes"]).ok();
    // It is pinned: what comes later is not taken until it is asked for, and not used until it is allowed.
    let second = repo.commit(&[("box/tidy/main.luau", "return { status = function() return 'two' end }")], "two");
    assert_eq!(state(&world, "tidy")["state"], "on");
    assert_eq!(install("github:someone/shelf/box/tidy@v1")["origin"], origin(json!("v1"), &first));
    assert_eq!(state(&world, "tidy")["state"], "on");
    assert_eq!(install("github:someone/shelf")["origin"], origin(Value::Null, &second));
    assert_eq!(state(&world, "tidy")["state"], "changed");
    assert_eq!(state(&world, "tidy")["origin"]["commit"], json!(second));
    assert!(world.run(&["plugin", "show", "tidy"]).ok().contains("fetched from github:someone/shelf/box/tidy at "));
    // No source was added, and nothing of it stays when it is removed.
    assert!(!world.run(&["source", "ls", "--json"]).ok().contains("someone/shelf"));
    world.run(&["plugin", "rm", "tidy"]).ok();
    assert!(!world.fac().join("config/plugins/tidy").exists());
    assert_eq!(state(&world, "tidy"), Value::Null);
    // What is somebody's own is not replaced unasked.
    write(&world, "tidy", "", "return {}");
    let out = world.run(&["plugin", "install", "github:someone/shelf", "--no-input"]);
    assert!(out.code == 4 && out.stderr.contains("was not fetched from a repository"), "{out:?}");
    world.run(&["plugin", "install", "github:someone/shelf", "--yes"]).ok();
    assert!(world.run(&["plugin", "ls"]).ok().contains("github:someone"));
    // Several want a choice, none is not found, and one that is broken changes nothing.
    repo.commit(&[("box/other/plugin.toml", manifest), ("box/other/main.luau", script), ("doc/a.md", "x")], "three");
    let out = world.run(&["plugin", "install", "github:someone/shelf"]);
    assert!(out.code == 2 && out.stderr.contains("box/other, box/tidy"), "{out:?}");
    assert_eq!(world.run(&["plugin", "install", "github:someone/shelf/doc"]).code, 3);
    assert_eq!(world.run(&["plugin", "install", "github:someone/none"]).code, 3);
    repo.commit(&[("bad/plugin.toml", "name = \"tidy\"\nversion = \"9\"\n")], "four");
    let out = world.run(&["plugin", "install", "github:someone/shelf/bad"]);
    assert!(out.code == 6 && out.stderr.contains("has no main.luau"), "{out:?}");
    assert_eq!(state(&world, "tidy")["version"], "1");
}

#[test]
fn what_is_not_enabled_costs_nothing() {
    let world = World::new();
    write(&world, "idle", "hooks = [\"prompt\"]", "return { prompt = function() end }");
    for words in [
        &["--version"][..],
        &["--help"],
        &["plugin", "--help"],
        &["completions", "bash"],
        &["__complete", "--", "plugin", ""],
    ] {
        world.run(words).ok();
        let made: Vec<_> = world.tree().into_iter().filter(|(path, _)| path.ends_with("store.db")).collect();
        assert!(made.is_empty(), "{words:?} opened the store");
    }
}

#[test]
fn the_screen_shows_what_plugins_add() {
    let server = ModelServer::start();
    let world = world(&server);
    world.run(&["plugin", "enable", "words", "--yes"]).ok();
    world.run(&["plugin", "enable", "daily", "--yes"]).ok();
    world.run(&["daily", "buy", "milk"]).ok();
    server.answer(Answer::text("three more words"));
    world.run(&["ask", "two words"]).ok();
    let mut seat = Seat::fac(&world, &[], 110, 30);
    seat.expect("5 words")
        .press("\x10")
        .expect("Send the message")
        .press("Today")
        .expect("Today's note")
        .press("\r")
        .expect("buy milk");
}

#[test]
fn a_manifest_brings_no_more_than_it_is_asked_for() {
    let world = World::new();
    let script = "return { commands = { [\"nice hi\"] = function() return \"hi\" end } }";
    // Somebody who reads Markdown would take each of these for the end of a line.
    for end in ["\\r", "\\n", "\\u2028", "\\u000b"] {
        let summary = format!("hi{end}**Aliases:** `git recent`{end}**Env:** `BASH_ENV=$(touch out)`{end}{end}```bash");
        write(&world, "nice", &format!("[[commands]]\nname = \"nice hi\"\nsummary = \"{summary}\""), script);
        let said = world.run(&["plugin", "enable", "nice", "--yes"]).failed(6);
        assert!(said.contains("holds a line end"), "{said}");
    }
    // The same on one line is text and no more.
    let summary = "hi **Aliases:** `git recent` **On:** `startup` **Env:** `A=1`";
    enable(&world, "nice", &format!("[[commands]]\nname = \"nice hi\"\nsummary = \"{summary}\""), script);
    let shown = json_of(&world.run(&["commands", "show", "nice hi", "--json"]).ok());
    let of = |key: &str| shown["command"][key].as_array().is_none_or(Vec::is_empty);
    assert!(of("aliases") && of("triggers") && of("env"), "{shown}");
}

#[test]
fn commands_of_plugins_that_run_each_other_end() {
    let world = World::new();
    let script = "return { commands = { [\"rec go\"] = function()
        local ran = fac.run(\"rec go\")
        return ran.stdout .. ran.stderr
    end } }";
    enable(&world, "rec", "[[commands]]\nname = \"rec go\"\n[permissions]\nrun = [\"rec go\"]", script);
    let out = world.run(&["run", "rec", "go"]);
    assert!(format!("{}{}", out.stdout, out.stderr).contains("more than 4 deep"), "{} {}", out.stdout, out.stderr);
}

#[test]
fn what_is_more_than_one_pass_is_heard_in_the_next() {
    let world = World::new();
    let emits = "return { commands = { emit = function() for i = 1, 1200 do fac.event.emit(\"x\", i) end end } }";
    enable(&world, "emitter", "[[commands]]\nname = \"emit\"\n[permissions]\nevent = true", emits);
    let hears = "local plugin = { commands = {} }
        function plugin.event(e) fac.store.set(\"n\", fac.store.get(\"n\", 0) + 1) end
        plugin.commands.heard = function() return tostring(fac.store.get(\"n\", 0)) end
        return plugin";
    let wants = "hooks = [\"event\"]\nevents = [\"plugin.emitter.x\"]\n[[commands]]\nname = \"heard\"\n[permissions]\nstore = true";
    enable(&world, "ears", wants, hears);
    world.run(&["tick"]).ok();
    world.run(&["run", "emit"]).ok();
    world.run(&["tick"]).ok();
    world.run(&["tick"]).ok();
    assert_eq!(world.run(&["run", "heard"]).ok().trim(), "1200");
}
