//! Tools that a prompt of a definition offers its model, and those that `fac run -T` adds.

use serde_json::{Value, json};

use crate::ask::world;
use crate::screen::commands::OVER;
use crate::support::model::{Answer, Asked, ModelServer};
use crate::support::pty::Seat;
use crate::support::world::World;

const KIT: &str = r#"---
factotum: 1
---
### `/count <word>`
**Effects:** read
```sh
printf 'counted %s' "$word"
```
### `/write <text>`
**Effects:** write
```sh
printf '%s' "$text" > written
```
### `/helper`
```prompt {id=first tools=count,wri*,gone,mcp:nowhere}
Help.
```
```prompt {id=second model=default}
And now without.
```
### `/one`
```prompt {tools=write}
Just one.
```
### `/later`
```prompt {id=first}
Wait.
```
```prompt {id=second tools=write}
Write.
```
### `/plain`
```prompt
Hello.
```
### `/script [words...]`
```sh {tools=count}
echo "$@"
```
"#;

fn kit(server: &ModelServer) -> World {
    let world = world(server);
    let folder = world.fac().join("config/commands");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("kit.md"), KIT).unwrap();
    world
}

/// The names of the tools that a model was offered.
fn offered(asked: &Asked) -> Vec<String> {
    let tools = asked.body.get("tools").and_then(Value::as_array).cloned().unwrap_or_default();
    tools.iter().map(|tool| tool["function"]["name"].as_str().unwrap().to_string()).collect()
}

fn heard(asked: &Asked) -> Vec<String> {
    asked.messages.iter().flat_map(|m| &m.results).map(|(_, text)| text.clone()).collect()
}

#[test]
fn a_prompt_offers_what_its_definition_names_and_nobody_to_ask_means_no() {
    let server = ModelServer::start();
    let world = kit(&server);
    server.answer(Answer::call("write", json!({"text": "x"}))).answer(Answer::text("one")).answer(Answer::text("two"));
    let out = world.run(&["run", "helper"]);
    assert_eq!(out.stdout, "one\ntwo\n", "{out:?}");
    let asked = server.asked();
    assert_eq!(offered(&asked[0]), ["count", "write"]);
    assert!(heard(&asked[1])[0].contains("nobody is there to allow it"), "{:?}", heard(&asked[1]));
    assert_eq!(offered(&asked[2]), [""; 0]);
    assert!(!world.path("written").exists());
    assert!(out.stderr.contains("`gone` is not offered: there is no command `gone`"), "{out:?}");
    assert!(out.stderr.contains("`mcp:nowhere` is not offered: there is no MCP server `nowhere`"), "{out:?}");
}

#[test]
fn the_person_at_the_terminal_is_asked() {
    let server = ModelServer::start();
    let world = kit(&server);
    server
        .answer(Answer::call("write", json!({"text": "yes"})))
        .answer(Answer::text("one"))
        .answer(Answer::text("two"));
    let mut seat = Seat::fac(&world, &["run", "helper"], 100, 30);
    seat.expect("command user:write (may change things)").expect("Allow it?").press("\x1b[B\r").expect("two");
    assert_eq!(seat.end().0, 0);
    assert_eq!(world.read("written"), "yes");
}

#[test]
fn a_run_on_the_screen_asks_by_a_card_whichever_tab_is_in_front() {
    let server = ModelServer::start();
    let mut world = kit(&server);
    world.set("FAC_TEST_PATIENCE", "0");
    server
        .answer(Answer::text("first held rest").hold("first held"))
        .answer(Answer::call("write", json!({"text": "one"})))
        .answer(Answer::call("write", json!({"text": "two"})))
        .answer(Answer::text("it is over"));
    let mut seat = Seat::fac(&world, &["tui", "--tab", "commands"], 120, 40);
    seat.expect("╭ ").press("/").press("later").expect("╭ user:later").press("\r\r").expect("first held");
    seat.press("\x1b9").expect("the database is sound");
    server.wait_held(1);
    server.release();
    seat.expect("In the run of `user:later`:").expect("user:write (it may change things)").expect("[n  no ]");
    assert!(seat.screen().contains("3 Runs?"), "{}", seat.screen());
    // A no that says why.
    seat.press("t").expect("No, because").press("not now\r").expect("text=two").expect("[n  no ]");
    assert!(heard(&server.asked()[2])[0].contains("not now"), "{:?}", heard(&server.asked()[2]));
    assert!(!world.path("written").exists());
    seat.press("y").expect("the database is sound").press("\x1b3").expect("it is over");
    assert!(seat.screen().contains("✗ command user:write was not allowed"), "{}", seat.screen());
    seat.expect(OVER).press("\x11");
    assert_eq!(seat.end().0, 0);
    assert_eq!(world.read("written"), "two");
    assert_eq!(offered(&server.asked()[0]), [""; 0]);
    assert_eq!(offered(&server.asked()[1]), ["write"]);
}

#[test]
fn run_offers_more_with_its_flag_wherever_it_stands() {
    let server = ModelServer::start();
    let world = kit(&server);
    for args in [
        &["run", "-T", "count", "plain"][..],
        &["run", "--tools", "count", "plain"],
        &["run", "plain", "-T", "count"],
        &["plain", "--tool=count"],
    ] {
        server.answer(Answer::text("hi"));
        world.run(args).ok();
        assert_eq!(offered(&server.last()), ["count"], "{args:?}");
    }
    // `ask -p` takes what the prompt names as well.
    server.answer(Answer::text("hi"));
    world.run(&["ask", "-p", "one", "-T", "count"]).ok();
    assert_eq!(offered(&server.last()), ["count", "write"]);
    let before = server.asked().len();
    let said = world.run(&["run", "-T", "nonsense", "plain"]).failed(3);
    assert!(said.contains("there is no command `nonsense`"), "{said}");
    let said = world.run(&["run", "-T", "count", "script"]).failed(2);
    assert!(said.contains("`user:script` asks no model, so there is nobody to offer tools to"), "{said}");
    assert_eq!(server.asked().len(), before);
    // A command that asks nobody keeps its own words.
    assert_eq!(world.run(&["run", "script", "--", "-T", "x"]).ok(), "-T x\n");
}

#[test]
fn they_are_shown_before_anything_runs() {
    let server = ModelServer::start();
    let world = kit(&server);
    let said = world.run(&["run", "helper", "--dry-run"]).ok();
    assert!(
        said.contains("# offers the model command user:count, command user:write (each use is asked about)"),
        "{said}"
    );
    let dry: Value =
        serde_json::from_str(&world.run(&["run", "-T", "count", "plain", "--dry-run", "--json"]).ok()).unwrap();
    assert_eq!(dry["dry_run"]["steps"][0]["tools"], json!(["command user:count"]));
    let shown = world.run(&["commands", "show", "helper"]).ok();
    assert!(shown.contains("offers it count, wri*, gone, mcp:nowhere (each use is asked about)"), "{shown}");
    let shown = world.run(&["commands", "show", "script"]).ok();
    assert!(shown.contains("`tools=` is for models, and a `script` step asks none"), "{shown}");
    assert_eq!(server.asked().len(), 0);
}

#[test]
fn permissions_of_other_programs_are_shown_and_grant_nothing() {
    let server = ModelServer::start();
    let world = kit(&server);
    world.write(
        "d/.claude/commands/fix.md",
        "---\ndescription: d\nallowed-tools: Bash(count:*), write\n---\nFix $ARGUMENTS\n",
    );
    world.write("d/prompts/cop.prompt.md", "---\ndescription: d\ntools: ['write', 'count']\n---\nExplain it.\n");
    world.run(&["source", "add", "./d", "--name", "here"]).ok();
    world.run(&["source", "trust", "here", "--yes"]).ok();
    for (words, wish) in [(&["here:fix", "x"][..], "Bash(count:*), write"), (&["here:cop"], "write, count")] {
        let name = words[0];
        let shown = world.run(&["commands", "show", name]).ok();
        assert!(shown.contains(&format!("{wish} (another program's: nothing is offered or allowed")), "{shown}");
        let dry = world.run(&[&["run", "--dry-run"], words].concat()).ok();
        assert!(dry.contains(&format!("its tools ({wish}) are another program's: none is offered")), "{dry}");
        server.answer(Answer::call("write", json!({"text": "x"}))).answer(Answer::text("well"));
        world.run(&[&["run"], words].concat()).ok();
        assert_eq!(offered(&server.last()), [""; 0], "{name}");
        assert!(!world.path("written").exists(), "{name}");
    }
}
