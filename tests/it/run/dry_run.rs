//! `--dry-run` prints exactly what would run, for every kind of step and every dialect, and runs nothing.

use super::*;

/// What a dry run prints, places of this world hidden.
#[track_caller]
fn dry(world: &World, words: &[&str], input: &str) -> String {
    let out = world.run_with(&[&["run", "--dry-run"], words].concat(), input).ok();
    let root = world.work().parent().unwrap().display().to_string();
    out.replace(&root, "[world]")
}

#[test]
fn every_kind_of_step() {
    let world = world(
        r#"
### `/needed`
```sh
echo needed
```
### `/all <x> [k=a|b] [--flag] [rest...]`
**Requires:** `/needed`
**Env:** `STAGE=live`

```bash {id=first timeout=10s allow_failure}
touch ran; echo "$x"
```
```python {stdin=first if="k == 'a'"}
print(1)
```
```prompt {id=ask model=small}
About {{x}} and {{unknown}}: {{input}} \{{x}}
```
```system
Be brief, {{x}}
```
```run
/needed
```
```wait
10s
```
```http
POST https://example.org/{{x}}
```
```mqtt
home/{{x}} on
```
```ha
light.turn_on {{x}}
```
```say
Done with {{x}}
```
```notify
{{x}} is done
```
```lua
print(args.x)
```
```brainfuck
+++
```
```text
only shown
```
"#,
    );
    insta::assert_snapshot!(dry(&world, &["all", "it's $x", "--flag", "--", "r 1", "-r2"], "piped in"));
    assert!(!world.path("ran").exists());
    assert_eq!(runs(&world).len(), 0);
    let value = json(&world.run(&["all", "1", "--dry-run", "--json"]));
    assert_eq!(value["dry_run"]["steps"].as_array().unwrap().len(), 13);
    assert_eq!(value["dry_run"]["steps"][1]["env"]["x"], "1");
    // What is missing is shown as such and stops nothing.
    assert!(dry(&world, &["all"], "").contains("x='<x>'"));
}

#[test]
fn secrets_are_hidden_in_what_is_shown() {
    let world =
        world("### `/s <pin>`\n**Options:**\n- `<pin>` (secret)\n\n```sh\necho\n```\n```prompt\nUse {{pin}}\n```\n");
    let shown = dry(&world, &["s", "4711x"], "");
    assert!(shown.contains("pin='***'") || shown.contains("pin=***"), "{shown}");
    assert!(shown.contains("Use ***") && !shown.contains("4711x"), "{shown}");
}

#[test]
fn every_dialect_that_runs_scripts() {
    let world = World::new();
    world.write("maskfile.md", "# M\n\n## m (x)\n\n```sh\necho \"$x\"\n```\n");
    world.write("README.md", "# P\n\n<!-- xc-heading -->\n## Tasks\n\n### t\nInputs: x\n\n```\necho \"$x $1\"\n```\n");
    world.write("RUNME.md", "# R\n\n```sh {\"name\":\"r\"}\nexport x=1\necho \"$x\"\n```\n");
    world.write("pages/common/p.md", "# p\n\n> Page.\n\n- One:\n\n`echo {{[-n|--no]}} '{{x}}' {{file1 file2 ...}}`\n");
    world.write("kit.cheat", "% kit\n\n# two\necho <x> \"<x>\"\n\n$ x: touch ran\n");
    add_here(&world);
    let mut all = String::new();
    for words in [
        &["m", "a b"][..],
        &["t", "a b"],
        &["r", "--x", "a b"],
        &["p", "one", "--set", "x=a b", "--set", "file=1", "--set", "file=2 3"],
        &["kit", "two", "--set", "x=a b"],
    ] {
        all += &format!("$ fac run --dry-run {}\n{}\n", words.join(" "), dry(&world, words, ""));
    }
    insta::assert_snapshot!(all);
    assert!(!world.path("ran").exists());
}

#[test]
fn every_dialect_that_prompts() {
    let world = World::new();
    world.write("patterns/fab/system.md", "# IDENTITY\n\nYou know {{topic}}.\n\n# INPUT\n\nINPUT:\n");
    world.write(
        ".claude/commands/cla.md",
        "---\ndescription: d\nargument-hint: [what]\nmodel: opus\n---\nReview $ARGUMENTS; it costs $150 and $1.\n!`touch ran`\n@README.md\n",
    );
    world.write(".claude/commands/none.md", "---\ndescription: d\n---\nNothing is named here.\n");
    world.write("prompts/cop.prompt.md", "---\ndescription: d\nmodel: gpt\n---\nDo ${input:what:the thing} in ${workspaceFolderBasename}, ${selection}\n");
    world.write("skill/SKILL.md", "---\nname: skill\ndescription: d\n---\nDo it with $ARGUMENTS.\n");
    world.write("roles/rol.md", "---\nmodel: m\n---\nYou are on {{__os__}}. __INPUT__ {{__nope__}}\n");
    world.write("roles/plain.md", "Act as a poet.\n\n### INPUT:\nrain\n\n### OUTPUT:\nwet\n");
    add_here(&world);
    world.run(&["source", "add", "./roles", "--name", "roles", "--as", "aichat"]).ok();
    let mut all = String::new();
    for (words, input) in [
        (&["fab", "--set", "topic={{input}}"][..], "the {{topic}} text"),
        (&["fab", "--set", "topic=x", "typed", "words"], ""),
        (&["cla", "this file", "now"], ""),
        (&["none", "but", "words"], ""),
        (&["cop", "--set", "what=it"], ""),
        (&["skill", "a", "b"], ""),
        (&["roles:rol", "hello"], ""),
        (&["roles:rol"], "piped"),
        (&["roles:plain"], "snow"),
    ] {
        all += &format!("$ fac run --dry-run {} <<<'{input}'\n{}\n", words.join(" "), dry(&world, words, input));
    }
    insta::assert_snapshot!(all);
    assert!(!world.path("ran").exists());
}

#[test]
fn a_stranger_may_be_looked_at() {
    let world = World::new();
    world.write("maskfile.md", "# M\n\n## m (x)\n\n```sh\necho \"$x\" \x1b[31m\n```\n");
    world.run(&["source", "add", ".", "--name", "here"]).ok();
    let shown = dry(&world, &["m", "1"], "");
    assert!(shown.contains("echo \"$x\"") && !shown.contains('\x1b'), "{shown:?}");
    assert_eq!(json(&world.run(&["m", "1", "--dry-run", "--json"]))["dry_run"]["trust"], "untrusted");
}
