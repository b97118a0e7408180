//! The history: written before a run starts, finished after it, bounded, searchable by pages, truly removable.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

use super::*;

/// Whether `needle` stands in any file below `folder`.
fn holds(folder: &Path, needle: &[u8]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(holds(&path, needle));
        } else if std::fs::read(&path).unwrap().windows(needle.len()).any(|w| w == needle) {
            found.push(path);
        }
    }
    found
}

#[test]
fn a_run_is_recorded_before_it_starts_and_lost_when_its_process_is_killed() {
    let world = world("### `/gate <x>`\n```sh\necho ready; read line <fifo\n```\n");
    world.sh("mkfifo fifo");
    let mut child = world.command(&["gate", "1"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let now = &runs(&world)[0];
    assert_eq!((&now["status"], &now["finished"], &now["exit_code"]), (&"running".into(), &Value::Null, &Value::Null));
    assert_eq!(now["args"]["values"]["x"], "1");
    child.kill().unwrap();
    child.wait().unwrap();
    let then = &runs(&world)[0];
    assert_eq!((&then["status"], &then["id"]), (&"lost".into(), &now["id"]));
    assert!(then["finished"].is_string());
    // What was left behind goes on by itself and ends.
    std::fs::write(world.path("fifo"), "\n").unwrap();
    world.run(&["events", "verify"]).ok();
}

#[test]
fn secrets_are_written_nowhere_whatever_the_script_does_with_them() {
    let mut world = world(
        "### `/login <password> [pin]`\n**Options:**\n- `<password>` (secret)\n- `[pin]` (secret)\n\n\
         ```sh {id=say}\necho \"is $password or $pin and $GITHUB_TOKEN\"; echo \"$password\" >&2\n\
         i=0; while [ $i -lt 20000 ]; do echo \"line $i $password $GITHUB_TOKEN\"; i=$((i+1)); done\n```\n\
         ```sh {stdin=say if=\"password != 'x' and steps.say.exit_code == 0\"}\nhead -n 1\n```\n\
         ### `/outer <word>`\n**Options:**\n- `<word>` (secret)\n\n```run\n/inner {{word}}\n```\n\
         ### `/inner <plain>`\n```sh\necho \"$plain\"\n```\n",
    );
    world.set("GITHUB_TOKEN", "ghp_canary_of_the_environment");
    let args = ["login", "canary-of-the-arguments", "0815!"];
    let out = world.run(&args).ok();
    assert!(
        out.starts_with("is canary-of-the-arguments or 0815! and ghp_canary_of_the_environment\n"),
        "live output is live"
    );
    world.run(&[&args[..], &["--json"]].concat()).ok();
    world.run(&["outer", "canary-of-the-arguments"]).ok();
    world.run(&["-vv", "run", "login", "canary-of-the-arguments"]).ok();
    assert_eq!(runs(&world)[3]["args"]["values"]["password"], "***");
    let spilled = world.run(&["runs", "show", runs(&world)[3]["id"].as_str().unwrap(), "--output"]).ok();
    assert!(spilled.starts_with("is *** or *** and ***\nline 0 *** ***\n"), "{}", &spilled[..60]);
    assert!(spilled.contains("\nline 19999 *** ***\n"));
    for canary in ["canary-of-the-arguments", "0815!", "ghp_canary_of_the_environment"] {
        assert_eq!(holds(&fac_home(&world), canary.as_bytes()), Vec::<PathBuf>::new(), "{canary}");
    }
    let said = world.run(&["runs", "rerun", "last"]).failed(2);
    assert!(said.contains("`password` of that run was secret and is not kept"), "{said}");
}

#[test]
fn large_output_keeps_head_and_tail_and_the_whole_beside() {
    let world = world("### `/large`\n```sh\nseq 200000; echo small >&2\n```\n");
    settings(&world, "[run]\noutput_head_kb = 1\noutput_tail_kb = 2\n");
    let whole: String = (1..=200_000).map(|n| format!("{n}\n")).collect();
    let step = json(&world.run(&["large", "--json"]))["run"]["steps"][0].clone();
    assert_eq!(
        (&step["truncated"], &step["stdout_bytes"], &step["stderr"]),
        (&true.into(), &whole.len().into(), &"small\n".into())
    );
    let kept = step["stdout"].as_str().unwrap();
    let missing = whole.len() - 3 * 1024;
    let (head, tail) = (&whole[..1024], &whole[whole.len() - 2048..]);
    assert_eq!(kept, format!("{head}\n… {missing} bytes left out …\n{tail}"));
    assert!(world.run(&["runs", "show", "last", "--output"]).ok() == whole);
    let shown = world.run(&["runs", "show", "last"]);
    assert!(shown.stderr.contains("all of it: fac runs show"), "{}", shown.stderr);
    assert!(shown.stdout.contains("bytes left out"));
}

#[test]
fn lists_are_filtered_and_come_in_pages() {
    let mut world = world("### `/one <n>`\n```sh\nexit $n\n```\n### `/two`\n```sh\ntrue\n```\n");
    for (hour, words) in [(1, &["one", "0"][..]), (2, &["one", "3"]), (3, &["two"]), (4, &["one", "0"]), (5, &["two"])]
    {
        world.set("FAC_TEST_CLOCK", &format!("2026-03-0{hour}T12:00:00Z"));
        world.run(words);
    }
    let ids = |args: &[&str]| -> Vec<String> {
        let all = json(&world.run(&[&["runs", "ls", "--json"], args].concat()));
        all["runs"]
            .as_array()
            .unwrap()
            .iter()
            .map(|r| format!("{}{}", r["command"].as_str().unwrap(), &r["started"].as_str().unwrap()[9..10]))
            .collect()
    };
    assert_eq!(ids(&[]), ["two5", "one4", "two3", "one2", "one1"]);
    assert_eq!(ids(&["--command", "two"]), ["two5", "two3"]);
    assert_eq!(ids(&["--status", "failed"]), ["one2"]);
    assert_eq!(ids(&["--command", "one", "--status", "ok"]), ["one4", "one1"]);
    assert_eq!(ids(&["--since", "2026-03-03"]), ["two5", "one4", "two3"]);
    assert_eq!(ids(&["--until", "2026-03-03T12:00:00Z"]), ["one2", "one1"]);
    assert_eq!(ids(&["--since", "2d"]), ["two5", "one4", "two3"]);
    assert_eq!(ids(&["--since", "2026-03-02", "--until", "2026-03-04"]), ["two3", "one2"]);
    let (mut pages, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let after: Vec<&str> = cursor.iter().flat_map(|c| ["--after", c]).collect();
        let page = json(&world.run(&[&["runs", "ls", "--json", "-n", "2"], &after[..]].concat()));
        pages.push(page["runs"].as_array().unwrap().len());
        match page["next"].as_str() {
            Some(next) => cursor = Some(next.to_string()),
            None => break,
        }
    }
    assert_eq!(pages, [2, 2, 1]);
    assert!(world.run(&["runs", "ls", "--status", "fine"]).failed(2).contains("there is no status `fine`"));
    assert!(world.run(&["runs", "ls", "--since", "soon"]).failed(2).contains("`soon` is no time"));
    assert!(world.run(&["runs", "ls", "--after", "x"]).failed(2).contains("no cursor"));
    insta::with_settings!({filters => vec![(r"(?m)^[0-9a-f]{6,12}", "[id]"), (r"\d+(\.\d+)? m?s\b *", "[took] ")]}, {
        insta::assert_snapshot!(world.run(&["runs", "ls"]).ok());
    });
}

#[test]
fn a_run_can_be_shown_by_any_part_of_its_id() {
    let mut world = world("### `/show <x>`\n```sh {id=say}\necho \"out $x\"; echo err >&2; exit 3\n```\n");
    world.set("FAC_TEST_CLOCK", "2026-03-01T12:00:00Z");
    world.run(&["show", "1"]).failed(3);
    let id = runs(&world)[0]["id"].as_str().unwrap().to_string();
    let whole = world.run(&["runs", "show", &id]).ok();
    for part in ["last", &id[..13], &id[id.len() - 6..]] {
        assert_eq!(world.run(&["runs", "show", part]).ok(), whole);
    }
    let work = world.work().display().to_string();
    let hide = [(id.as_str(), "[id]"), (work.as_str(), "[work]"), (r"\d+(\.\d+)? m?s\b", "[took]")];
    insta::with_settings!({filters => hide.to_vec()}, { insta::assert_snapshot!(whole) });
    let value = json(&world.run(&["runs", "show", &id, "--json"]))["run"].clone();
    assert_eq!(
        (&value["id"], &value["exit_code"], &value["steps"][0]["stderr"]),
        (&id.as_str().into(), &3.into(), &"err\n".into())
    );
    assert!(world.run(&["runs", "show", "ffffffff"]).failed(3).contains("there is no run ffffffff"));
    assert_eq!(world.run(&["runs", "show", "last", "--output"]).ok(), "out 1\n");
}

#[test]
fn rerun_gives_the_same_arguments_again() {
    let world = world(
        "### `/all <a> [b] [k=x|y] [--flag] [rest...]`\n```sh\n\
         printf '%s|' \"$a\" \"${b-unset}\" \"$k\" \"${flag-unset}\" \"$@\"; echo; cat; exit ${code:-0}\n```\n",
    );
    for words in [
        &["all", "1"][..],
        &["all", "1", "2", "--k", "y", "--flag", "r1", "r 2", "--", "--r3", "-"],
        &["all", "a=b\n'\"$(x)", "--set", "b= lead"],
        &["all", "-1", "--", "--b"],
    ] {
        let first = world.run_with(words, "in").ok();
        let id = runs(&world)[0]["id"].as_str().unwrap().to_string();
        assert_eq!(world.run_with(&["runs", "rerun", "last"], "in").ok(), first, "{words:?}");
        assert_eq!(runs(&world)[0]["trigger"], format!("rerun {id}"));
        assert_eq!(runs(&world)[0]["args"], runs(&world)[1]["args"]);
    }
    own(&world, "### `/other`\n```sh\ntrue\n```\n");
    assert!(world.run(&["runs", "rerun", "last"]).failed(3).contains("there is no command"));
}

#[test]
fn lists_of_a_snippet_are_given_again_word_by_word() {
    let world = World::new();
    world.write(
        "pages/common/put.md",
        "# put\n\n> Put.\n\n- Print files:\n\n`printf '<%s>' {{path/to/file1 path/to/file2 ...}}`\n",
    );
    add_here(&world);
    let file = json(&world.run(&["commands", "ls", "--json", "--source", "here"]))["commands"][0].clone();
    let (name, param) = (file["name"].as_str().unwrap(), file["params"][0]["name"].as_str().unwrap());
    let sets = [format!("{param}=a b"), format!("{param}=c")];
    let out = world.run(&["run", name, "--set", &sets[0], "--set", &sets[1]]).ok();
    assert_eq!(out, "<a b><c>");
    assert_eq!(world.run(&["runs", "rerun", "last"]).ok(), out);
}

#[test]
fn removed_runs_are_gone_for_good_and_the_chain_holds() {
    let world = world("### `/tell <x>`\n```sh\nseq 100000; echo \"$x\"\n```\n");
    settings(&world, "[run]\noutput_head_kb = 1\noutput_tail_kb = 1\n");
    world.run(&["tell", "canary-one"]).ok();
    world.run(&["tell", "canary-two"]).ok();
    let all = runs(&world);
    let (two, one) = (all[0]["id"].as_str().unwrap(), all[1]["id"].as_str().unwrap());
    let outputs = fac_home(&world).join("state/outputs");
    assert!(outputs.join(one).is_dir() && outputs.join(two).is_dir());
    assert!(!holds(&fac_home(&world), b"canary-one").is_empty());
    world.run(&["runs", "rm", one]).ok();
    assert!(!outputs.join(one).exists() && outputs.join(two).is_dir());
    assert_eq!(holds(&fac_home(&world), b"canary-one"), Vec::<PathBuf>::new());
    assert!(!holds(&fac_home(&world), b"canary-two").is_empty());
    world.run(&["events", "verify"]).ok();
    assert!(world.run(&["runs", "rm", one]).failed(3).contains("there is no run"));
    assert_eq!(runs(&world).len(), 1);
}

#[test]
fn old_runs_go_by_themselves_once_a_day() {
    let mut world = world("### `/tell <x>`\n```sh\nseq 100000; echo \"$x\"\n```\n");
    settings(&world, "[run]\noutput_head_kb = 1\noutput_tail_kb = 1\nkeep_days = 10\nkeep_runs = 3\n");
    let mut at = |when: &str, x: &str| {
        world.set("FAC_TEST_CLOCK", when);
        world.run(&["tell", x]).ok();
        let outputs = std::fs::read_dir(fac_home(&world).join("state/outputs")).unwrap().count();
        let mut kept: Vec<String> =
            runs(&world).iter().map(|r| r["args"]["values"]["x"].as_str().unwrap().into()).collect();
        assert_eq!(outputs, kept.len(), "no output without its run");
        kept.reverse();
        kept.join(" ")
    };
    assert_eq!(at("2026-03-01T00:00:00Z", "a"), "a");
    assert_eq!(at("2026-03-08T00:00:00Z", "b"), "a b");
    assert_eq!(at("2026-03-12T00:00:00Z", "c"), "b c", "more than ten days old");
    assert_eq!(at("2026-03-12T01:00:00Z", "d"), "b c d");
    assert_eq!(at("2026-03-12T02:00:00Z", "e"), "b c d e", "looked at once a day");
    assert_eq!(at("2026-03-13T03:00:00Z", "f"), "d e f", "the newest three");
}
