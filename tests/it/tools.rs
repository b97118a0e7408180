//! Commands as tools of a model: what it is told of them, who is asked, what runs, and what it hears.

use serde_json::{Value, json};

use crate::ask::{configure, world};
use crate::support::model::{Answer, Asked, ModelServer};
use crate::support::pty::Seat;
use crate::support::world::World;

const KIT: &str = r#"---
factotum: 1
---
### `/count <word> [times=1|2|3] [--loud] [files...]`
**Description:** Say a word
**Effects:** read

```sh
printf '%s×%s loud=%s' "$word" "$times" "${loud-no}"
for file in "$@"; do printf ' <%s>' "$file"; done
```

### `/write <text>`
**Description:** Write a file
**Effects:** write

```sh
printf '%s' "$text" > written
```

### `/broken`
**Description:** Fail
**Effects:** read

```sh
echo partly; echo why >&2; exit 7
```

### `/slow`
```sh
echo $$ > started; sleep 1000; echo over > over
```
"#;

fn kit(server: &ModelServer) -> World {
    let world = world(server);
    let folder = world.fac().join("config/commands");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("kit.md"), KIT).unwrap();
    world
}

/// The settings with a line before the tables.
fn allow(world: &World, rule: &str) {
    let file = world.fac().join("config/config.toml");
    let text = std::fs::read_to_string(file).unwrap();
    configure(world, &format!("tools.allow = [{rule:?}]\n{text}"));
}

fn results(asked: &Asked) -> Vec<String> {
    asked.messages.iter().flat_map(|m| &m.results).map(|(_, text)| text.clone()).collect()
}

#[test]
fn a_command_is_offered_with_its_parameters_and_allowed_by_a_rule() {
    let server = ModelServer::start();
    let world = kit(&server);
    allow(&world, "command *:count");
    for wire in ["openai", "responses", "anthropic", "gemini", "ollama"] {
        server.answer(Answer::call(
            "count",
            json!({"word": "$(id) --x", "times": "2", "loud": true, "files": ["-a", "b c"]}),
        ));
        server.answer(Answer::text("said it"));
        let model = format!("my-{wire}/test-model");
        let out = world.run(&["ask", "-m", &model, "-T", "count", "say it"]);
        assert_eq!((out.code, out.stdout.as_str()), (0, "said it\n"), "{wire}: {out:?}");
        let heard = results(&server.last());
        assert!(heard.len() == 1 && heard[0].contains("$(id) --x×2 loud=true <-a> <b c>"), "{wire}: {heard:?}");
    }
    let offered = server.asked()[0].body["tools"][0]["function"].clone();
    assert_eq!((&offered["name"], &offered["description"]), (&json!("count"), &json!("Say a word")));
    assert_eq!(offered["parameters"]["required"], json!(["word"]));
    // Each use is a run.
    let run: Value = serde_json::from_str(&world.run(&["runs", "show", "last", "--json"]).ok()).unwrap();
    assert_eq!((&run["run"]["trigger"], &run["run"]["status"]), (&json!("tool"), &json!("ok")));
}

#[test]
fn without_a_terminal_and_a_rule_the_answer_is_no() {
    let server = ModelServer::start();
    let world = kit(&server);
    server.answer(Answer::call("write", json!({"text": "x"}))).answer(Answer::text("sorry"));
    assert_eq!(world.run(&["ask", "-T", "write", "do it"]).ok(), "sorry\n");
    let heard = results(&server.last());
    assert!(heard[0].contains("nobody is there to allow it"), "{heard:?}");
    assert!(!world.path("written").exists());
    // Not even -y gives it.
    server.answer(Answer::call("write", json!({"text": "x"}))).answer(Answer::text("sorry"));
    world.run(&["ask", "-y", "-T", "write", "do it"]).ok();
    assert!(!world.path("written").exists());
}

#[test]
fn a_person_sees_exactly_what_would_run_and_says_yes() {
    let server = ModelServer::start();
    let world = kit(&server);
    server
        .answer(Answer::call("write", json!({"text": "a \u{1b}[31mred\u{202e} word"})))
        .answer(Answer::text("written"));
    let mut seat = Seat::fac(&world, &["ask", "-T", "write", "do it"], 100, 30);
    seat.expect("Allow it?");
    let screen = seat.screen();
    assert!(screen.contains("command user:write (may change things)"), "{screen}");
    assert!(screen.contains("printf '%s' \"$text\" > written"), "{screen}");
    assert!(!seat.bytes.windows(5).any(|w| w == b"\x1b[31m"), "{screen}");
    assert!(!screen.contains("do not ask again"), "{screen}");
    seat.press("\x1b[B\r").expect("written");
    assert_eq!(seat.end().0, 0);
    assert_eq!(std::fs::read_to_string(world.path("written")).unwrap(), "a \u{1b}[31mred\u{202e} word");
}

#[test]
fn what_only_reads_can_be_allowed_for_the_chat() {
    let server = ModelServer::start();
    let world = kit(&server);
    for _ in 0..2 {
        server.answer(Answer::call("count", json!({"word": "w"})));
    }
    server.answer(Answer::text("fine"));
    let mut seat = Seat::fac(&world, &["ask", "--session", "s", "-T", "count", "do it"], 100, 30);
    seat.expect("Allow it?").expect("do not ask again").press("\x1b[B\x1b[B\r").expect("fine");
    assert_eq!(seat.end().0, 0);
    assert_eq!(results(&server.last()).len(), 2);
    // In the same chat, without a terminal, it still holds; in another it does not.
    server.answer(Answer::call("count", json!({"word": "w"}))).answer(Answer::text("fine"));
    world.run(&["ask", "--session", "s", "-T", "count", "again"]).ok();
    assert!(results(&server.last()).last().unwrap().contains("w×1"));
    server.answer(Answer::call("count", json!({"word": "w"}))).answer(Answer::text("fine"));
    world.run(&["ask", "--session", "other", "-T", "count", "again"]).ok();
    assert!(results(&server.last())[0].contains("nobody is there"));
}

#[test]
fn the_model_hears_what_went_wrong() {
    let server = ModelServer::start();
    let world = kit(&server);
    allow(&world, "command *");
    server.answer(
        Answer::call("broken", json!({}))
            .tool("count", json!({"word": "w", "times": "9"}))
            .tool("count", json!({"wort": "w"}))
            .tool("nothing", json!({})),
    );
    server.answer(Answer::text("I see"));
    assert_eq!(world.run(&["ask", "-T", "count", "-T", "broken", "do it"]).ok(), "I see\n");
    let heard = results(&server.last());
    for (heard, said) in heard.iter().zip([
        "failed, exit code 7\\npartly\\n[stderr]\\nwhy",
        "1, 2, 3",
        "no parameter `wort`",
        "there is no tool `nothing`",
    ]) {
        assert!(heard.contains(said), "{said}: {heard}");
    }
    assert_eq!(heard.len(), 4);
}

#[test]
fn only_what_is_trusted_is_offered() {
    let server = ModelServer::start();
    let world = kit(&server);
    world.write("src/kit.md", KIT);
    world.run(&["source", "add", "./src", "--name", "strange"]).ok();
    let said = world.run(&["ask", "-T", "strange:count", "x"]).failed(4);
    assert!(said.contains("`strange:count` comes from outside and is not trusted yet"), "{said}");
    let out = world.run(&["ask", "-T", "strange:*", "x"]);
    assert!(out.stderr.contains("4 commands are left out of `strange:*`: not trusted yet"), "{out:?}");
    assert!(server.last().body.get("tools").is_none(), "{:?}", server.last().body);
    let said = world.run(&["ask", "-T", "nonsense", "x"]).failed(3);
    assert!(said.contains("there is no command `nonsense`"), "{said}");
    let said = world.run(&["ask", "-T", "nonsense:*", "x"]).failed(3);
    assert!(said.contains("no command fits `nonsense:*`"), "{said}");
    world.run(&["ask", "-T", "marked", "x"]).ok();
    let offered = server.last().body["tools"].as_array().unwrap().len();
    assert!((1..=128).contains(&offered), "{offered}");
}

#[test]
fn ctrl_c_ends_the_command_that_a_model_runs() {
    let server = ModelServer::start();
    let world = kit(&server);
    world.sh("mkfifo started");
    server.answer(Answer::call("slow", json!({})));
    let mut seat = Seat::fac(&world, &["ask", "-T", "slow", "do it"], 100, 30);
    seat.expect("Allow it?").press("\x1b[B\r");
    // Reading the pipe waits until the command has begun.
    let pid = world.read("started");
    seat.press("\x03");
    assert_eq!(seat.end().0, 130);
    assert!(!std::path::Path::new(&format!("/proc/{}", pid.trim())).exists(), "{pid} still runs");
    let run: Value = serde_json::from_str(&world.run(&["runs", "show", "last", "--json"]).ok()).unwrap();
    assert_eq!(run["run"]["status"], "interrupted");
}
