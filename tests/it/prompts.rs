//! Prompt and system steps of every dialect, answered by the scripted model server.

use serde_json::{Value, json};

use crate::ask::world;
use crate::support::corpora;
use crate::support::model::{Answer, Ended, ModelServer};
use crate::support::pty::Seat;
use crate::support::world::World;

fn add_trusted(world: &World, args: &[&str]) {
    world.run(&[&["source", "add"], args].concat()).ok();
    let name = args.iter().skip_while(|a| **a != "--name").nth(1).unwrap_or(&"here");
    world.run(&["source", "trust", name, "--yes"]).ok();
}

#[test]
fn a_fabric_pattern_is_the_system_text_and_what_is_piped_in_the_message() {
    let server = ModelServer::start();
    let world = world(&server);
    world.write("p/patterns/review_code/system.md", "# IDENTITY\n\nYou review for {{who}}.\n\n# INPUT\n\nINPUT:\n");
    world.write("p/patterns/inside/system.md", "Say what `{{input}}` does.\n");
    add_trusted(&world, &["./p", "--name", "fabric"]);
    server.answer(Answer::text("looks **good**").usage(20, 3, 0, 0));
    let said = world.run_with(&["run", "fabric:review_code", "--who", "me"], "diff --git a b {{who}}").ok();
    assert_eq!(said, "looks **good**\n");
    let asked = server.last();
    assert_eq!(asked.system(), "# IDENTITY\n\nYou review for me.\n\n# INPUT\n\nINPUT:\n");
    assert_eq!(asked.last_user(), "diff --git a b {{who}}");
    world.run(&["fabric:inside", "ls -l"]).ok();
    assert_eq!((server.last().system().as_str(), server.last().last_user()), ("", "Say what `ls -l` does.\n"));
    // It is a run, a chat that can be gone on with, and counted.
    let runs: Value = serde_json::from_str(&world.run(&["runs", "show", "last", "--json"]).ok()).unwrap();
    assert_eq!(runs["run"]["steps"][0]["kind"], "system");
    assert_eq!(runs["run"]["steps"][0]["stdout"], "Say what `ls -l` does.\n");
    world.run(&["ask", "-c", "and -a?"]).ok();
    assert_eq!(server.last().talk().len(), 3);
    let usage = world.run(&["usage", "--by", "command", "--json"]).ok();
    assert!(usage.contains("fabric:review_code"), "{usage}");
}

#[test]
fn without_anything_to_work_on_nothing_is_asked() {
    let server = ModelServer::start();
    let world = world(&server);
    world.write("p/patterns/x/system.md", "You are x.\n");
    add_trusted(&world, &["./p", "--name", "here"]);
    let said = world.run_with(&["run", "here:x"], "").failed(2);
    assert!(said.contains("`here:x` has nothing to work on"), "{said}");
    assert_eq!((server.asked().len(), world.run(&["sessions", "ls", "--json"]).ok().contains("here:x")), (0, false));
}

#[test]
fn every_dialect_asks_in_its_own_way() {
    let server = ModelServer::start();
    let world = world(&server);
    world.write("d/.claude/commands/fix.md", "---\ndescription: d\nmodel: sonnet\n---\nFix $ARGUMENTS for $150.\n");
    world.write("d/prompts/cop.prompt.md", "---\ndescription: d\n---\nExplain ${input:what:the thing}.\n");
    world.write("roles/plain.md", "---\ntemperature: 0.25\n---\nName it.\n\n### INPUT:\na dog\n\n### OUTPUT:\nRex\n");
    world.write("roles/inside.md", "Translate __INPUT__ now\n");
    add_trusted(&world, &["./d", "--name", "here"]);
    add_trusted(&world, &["./roles", "--name", "roles", "--as", "aichat"]);
    let out = world.run(&["run", "here:fix", "the", "bug"]);
    assert_eq!(server.last().last_user(), "Fix the bug for $150.\n");
    assert!(out.stderr.contains("`sonnet`, which the definition asks for, is not among your models"), "{out:?}");
    world.run(&["run", "here:cop", "--set", "what=TCP"]).ok();
    assert_eq!(server.last().last_user(), "Explain TCP.\n");
    world.run(&["run", "roles:plain", "a cat"]).ok();
    assert_eq!(server.last().talk(), ["system: Name it.", "user: a dog", "assistant: Rex", "user: a cat"]);
    assert_eq!(server.last().body["temperature"], json!(0.25));
    world.run_with(&["run", "roles:inside"], "hello").ok();
    assert_eq!(server.last().talk(), ["user: Translate hello now\n"]);
}

#[test]
fn a_skill_reads_the_files_of_its_folder_and_no_others() {
    let server = ModelServer::start();
    let world = world(&server);
    world.write("s/skills/pdf/SKILL.md", "---\nname: pdf\ndescription: d\n---\nSee references/guide.md\n");
    world.write("s/skills/pdf/references/guide.md", "the guide's words");
    world.write("s/outside.md", "not yours");
    add_trusted(&world, &["./s", "--name", "s"]);
    server.answer(
        Answer::call("read_skill_file", json!({"path": "references/guide.md"}))
            .tool("read_skill_file", json!({"path": "../../outside.md"}))
            .tool("read_skill_file", json!({})),
    );
    server.answer(Answer::text("done"));
    assert_eq!(world.run(&["run", "s:pdf", "make", "it"]).ok(), "done\n");
    let asked = server.last();
    assert_eq!((asked.system().as_str(), asked.last_user()), ("See references/guide.md\n", "make it"));
    let results: Vec<&str> = asked.messages.iter().flat_map(|m| &m.results).map(|(_, text)| text.as_str()).collect();
    assert_eq!(results.len(), 3, "{results:?}");
    assert!(results[0].contains("the guide's words"), "{results:?}");
    assert!(results[1].contains("outside of the skill's folder") && !results[1].contains("not yours"), "{results:?}");
    assert!(results[2].contains("SKILL.md\nreferences/guide.md"), "{results:?}");
}

const NATIVE: &str = r#"---
factotum: 1
---
### `/release <version>`
```sh {id=log}
printf 'one change in %s' "$version"
```
```system
Be brief.
```
```prompt {id=notes stdin=log}
Write notes for {{version}} from: {{input}}
```
```prompt {id=title}
And a title for them.
```
```sh {stdin=title}
tr a-z A-Z
```
"#;

#[test]
fn steps_feed_prompts_and_prompts_feed_steps() {
    let server = ModelServer::start();
    let world = world(&server);
    std::fs::create_dir_all(world.fac().join("config/commands")).unwrap();
    std::fs::write(world.fac().join("config/commands/release.md"), NATIVE).unwrap();
    server.answer(Answer::text("the notes")).answer(Answer::text("a title"));
    let out = world.run(&["run", "release", "1.2"]);
    assert_eq!(out.stdout, "one change in 1.2the notes\na title\nA TITLE", "{out:?}");
    let asked = server.asked();
    assert_eq!(asked[0].talk(), ["system: Be brief.\n", "user: Write notes for 1.2 from: one change in 1.2\n"]);
    // A later prompt knows what was said before it.
    assert_eq!(
        asked[1].talk()[1..],
        [
            "user: Write notes for 1.2 from: one change in 1.2\n",
            "assistant: the notes",
            "user: And a title for them.\n"
        ]
    );
}

#[test]
fn a_failed_prompt_ends_the_run_and_keeps_what_was_done() {
    let server = ModelServer::start();
    let world = world(&server);
    std::fs::create_dir_all(world.fac().join("config/commands")).unwrap();
    std::fs::write(world.fac().join("config/commands/release.md"), NATIVE).unwrap();
    server.answer(Answer::text("the notes")).answer(Answer::wrong_key());
    let out = world.run(&["run", "release", "1.2"]);
    assert_eq!((out.code, out.stdout.as_str()), (4, "one change in 1.2the notes\n"), "{out:?}");
    let run: Value = serde_json::from_str(&world.run(&["runs", "show", "last", "--json"]).ok()).unwrap();
    let steps = run["run"]["steps"].as_array().unwrap();
    let seen: Vec<_> = steps.iter().map(|s| (s["id"].as_str().unwrap(), s["status"].as_str().unwrap())).collect();
    assert_eq!(seen, [("log", "ok"), ("notes", "ok"), ("title", "failed")]);
}

#[test]
fn ask_takes_its_prompt_from_a_command() {
    let server = ModelServer::start();
    let world = world(&server);
    world.write("p/patterns/sum/system.md", "Summarize.\n");
    world.run(&["source", "add", "./p", "--name", "fabric"]).ok();
    let said = world.run_with(&["ask", "-p", "fabric:sum"], "text").failed(4);
    assert!(said.contains("is not trusted yet"), "{said}");
    world.run(&["source", "trust", "fabric", "--yes"]).ok();
    world.write("note.txt", "in the file");
    world.run_with(&["ask", "-p", "fabric:sum", "-o", "temperature=0", "-f", "note.txt"], "piped").ok();
    let asked = server.last();
    assert_eq!((asked.system().as_str(), asked.body["temperature"].as_f64()), ("Summarize.\n", Some(0.0)));
    assert!(asked.last_user().contains("in the file") && asked.last_user().contains("piped"), "{asked:?}");
    let said = world.run(&["ask", "-p", "git recent", "1"]).failed(2);
    assert!(said.contains("is more than one prompt"), "{said}");
}

#[test]
fn ctrl_c_stops_the_model_and_the_run() {
    let server = ModelServer::start();
    let world = world(&server);
    world.write("p/patterns/x/system.md", "You are x.\n");
    add_trusted(&world, &["./p", "--name", "here"]);
    server.answer(Answer::text("one two three").hold("one two"));
    let mut seat = Seat::fac(&world, &["run", "here:x", "go"], 80, 24);
    seat.expect("one two").press("\x03");
    let (code, _) = seat.end();
    assert_eq!(code, 130);
    assert_eq!(server.wait_ended(0).ended, Ended::HungUp);
    let shown: Value = serde_json::from_str(&world.run(&["sessions", "show", "--json"]).ok()).unwrap();
    assert_eq!(
        (&shown["messages"][1]["status"], &shown["messages"][1]["text"]),
        (&json!("cancelled"), &json!("one two "))
    );
}

/// Every prompt of the real collections is put together and sent.
#[test]
fn the_collections_are_asked() {
    let Some(corpora) = corpora() else { return };
    let server = ModelServer::start();
    let world = world(&server);
    for (folder, name) in [("fabric", "fabric"), ("claude-commands", "claude"), ("skills", "skills")] {
        let path = corpora.join(folder);
        add_trusted(&world, &[path.to_str().unwrap(), "--name", name]);
        let listed = world.run(&["commands", "ls", "--source", name, "--json"]).ok();
        let listed: Value = serde_json::from_str(&listed).unwrap();
        let commands = listed["commands"].as_array().unwrap();
        let first = commands.iter().filter(|c| c["runnable"] != json!(false)).take(5);
        let mut ran = 0;
        for command in first {
            let key = format!("{name}:{}", command["name"].as_str().unwrap());
            let out = world.run_with(&["run", &key], "some input");
            assert!(out.code == 0 || out.code == 2, "{key}: {out:?}");
            ran += usize::from(out.code == 0);
        }
        assert!(ran > 0, "nothing of {name} ran");
    }
}
