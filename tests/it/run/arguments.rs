//! Words become values: types, choices, flags, rest, defaults, `--`, short flags, `--set`, help, mistakes.

use super::*;

const RELEASE: &str = r#"
### `/release <version> [channel=stable|beta] [--dry-run] [-n|--count=1] [files...]`
**Description:** Tag and describe a release
**Aliases:** `/rel`
**Options:**
- `-c`, `--channel`: where it goes
- `--count` (integer): how often

```sh
printf '%s\n' "version=$version channel=$channel dry=${dry_run-unset} count=$count" "$#" "$@"
```
"#;

#[test]
fn words_become_variables_and_argv() {
    let world = world(RELEASE);
    for (words, want) in [
        ("1.0", "version=1.0 channel=stable dry=unset count=1|0"),
        ("1.0 --channel beta a b", "version=1.0 channel=beta dry=unset count=1|2|a|b"),
        ("--channel=beta --dry-run 1.0", "version=1.0 channel=beta dry=true count=1|0"),
        ("-c beta -n3 1.0", "version=1.0 channel=beta dry=unset count=3|0"),
        ("1.0 -n 3 -- --dry-run -x", "version=1.0 channel=stable dry=unset count=3|2|--dry-run|-x"),
        ("1.0 --no-dry-run", "version=1.0 channel=stable dry=unset count=1|0"),
        ("--set version=2 --set count=4", "version=2 channel=stable dry=unset count=4|0"),
        ("-1.5", "version=-1.5 channel=stable dry=unset count=1|0"),
    ] {
        // `--dry-run` is the command's own flag here, so it reaches the command.
        let words: Vec<&str> = words.split(' ').collect();
        for front in [&["run", "release"][..], &["release"], &["rel"], &["user:release"]] {
            let out = world.run(&[front, &words].concat()).ok();
            assert_eq!(out.trim_end().replace('\n', "|"), want, "{front:?} {words:?}");
        }
    }
}

#[test]
fn help_of_one_command_comes_from_its_definition() {
    let world = world(RELEASE);
    let home = fac_home(&world).display().to_string();
    insta::with_settings!({filters => vec![(home.as_str(), "[fac]")]}, {
        insta::assert_snapshot!(world.run(&["release", "--help"]).ok());
    });
    assert_eq!(world.run(&["run", "release", "-h"]).ok(), world.run(&["release", "--help"]).ok());
    assert_eq!(runs(&world).len(), 0);
}

#[test]
fn mistakes_end_with_two_and_say_what_to_do() {
    let world = world(RELEASE);
    let said = |words: &[&str], code| world.run(&[&["release"], words].concat()).failed(code);
    let all = [
        said(&[], 2),
        said(&["1", "--channel", "betta"], 2),
        said(&["1", "--chanel", "beta"], 2),
        said(&["1", "--count", "three"], 2),
        said(&["1", "--count"], 2),
        said(&["--set", "vresion=1"], 2),
        said(&["1", "--set", "version"], 2),
        world.run(&["relaese"]).failed(3),
        world.run(&["nothing", "like", "it"]).failed(3),
        world.run(&["kb", "x"]).failed(2),
        world.run(&["run"]).failed(2),
    ];
    insta::assert_snapshot!(all.join("\n"));
    assert_eq!(runs(&world).len(), 0, "nothing ran, so nothing is recorded");
}

#[test]
fn types_are_checked_before_anything_runs() {
    let world = world(
        "### `/typed [--n=<v>] [--x=<v>] [--f=<v>] [--b=<v>]`\n**Options:**\n- `--n` (integer)\n- `--x` (number)\n\
         - `--f` (file)\n- `--b` (bool)\n\n```sh\necho ran >>ran\n```\n",
    );
    world.write("there.txt", "");
    for good in ["--n=-3", "--x=1e3", "--f=there.txt", "--b=true"] {
        world.run(&["typed", good]).ok();
    }
    assert_eq!(world.read("ran"), "ran\n".repeat(4));
    for (bad, want) in [
        ("--n=1.5", "`n` must be a whole number, not `1.5`"),
        ("--x=1,5", "`x` must be a number, not `1,5`"),
        ("--f=gone.txt", "`f` must be a file that exists, not `gone.txt`"),
        ("--b=maybe", "`b` cannot be `maybe`"),
    ] {
        let said = world.run(&["typed", bad]).failed(2);
        assert!(said.starts_with(&format!("error: {want}")), "{said}");
    }
    assert_eq!(world.read("ran"), "ran\n".repeat(4));
}

const SHOW: &str = "### `/show <text>`\n```sh\nprintf %s \"$text\" >out\n```\n";

#[test]
fn a_hundred_thousand_bytes_arrive_and_more_than_the_kernel_takes_is_refused() {
    let world = world(SHOW);
    let text = "ä".repeat(50_000);
    world.run(&["show", &text]).ok();
    assert_eq!(world.read("out"), text);
    // One argument of ours may hold 131,071 bytes; as `text=…` it is five too long.
    let said = world.run(&["show", &"x".repeat(131_070)]).failed(2);
    assert!(said.contains("the value of text") && said.contains("131071"), "{said}");
    assert_eq!(world.read("out"), text);
}

#[test]
fn nul_is_refused_wherever_it_can_come_from() {
    // No argv can hold one; a settings file can.
    let world = world(SHOW);
    settings(&world, "[aliases]\nz = \"show 'a\\u0000b'\"\n");
    let said = world.run(&["z"]).failed(2);
    assert!(said.starts_with("error: `text` holds a NUL"), "{said}");
    assert!(!world.path("out").exists());
}

#[test]
fn an_alias_may_bring_arguments() {
    let world = world(RELEASE);
    settings(&world, "[aliases]\nnext = \"release --channel beta\"\nrelease = \"release -n 9\"\n");
    assert_eq!(world.run(&["next", "7", "x"]).ok(), "version=7 channel=beta dry=unset count=1\n1\nx\n");
    assert_eq!(world.run(&["release", "7"]).ok(), "version=7 channel=stable dry=unset count=9\n0\n");
}

#[test]
fn names_that_change_how_programs_start_are_refused() {
    for name in ["PATH", "path", "LD_PRELOAD", "BASH_ENV", "IFS", "fac-home"] {
        let world = world(&format!("### `/odd <{name}>`\n```sh\ntouch ran\n```\n"));
        let said = world.run(&["odd", "x"]).failed(6);
        assert!(said.contains(name) || said.contains(&name.to_lowercase()), "{said}");
        assert!(!world.path("ran").exists());
    }
    let world = World::new();
    world.write("maskfile.md", "# M\n\n## odd (LD_PRELOAD)\n\n```sh\ntouch ran\n```\n");
    add_here(&world);
    let said = world.run(&["odd", "x"]).failed(6);
    assert!(said.contains("LD_PRELOAD"), "{said}");
    assert!(!world.path("ran").exists());
}

#[test]
fn a_variable_of_the_caller_is_no_argument() {
    let mut world = world("### `/show [text]`\n```sh\nprintf %s \"${text-unset}\"\n```\n");
    world.set("text", "from outside");
    assert_eq!(world.run(&["show"]).ok(), "unset");
    assert_eq!(world.run(&["show", "mine"]).ok(), "mine");
}
