//! A command for each line of a file: owed once, done by so many at once, gone on with after whatever ended it.

use std::collections::BTreeSet;

use rustix::process::{Pid, Signal, kill_process};

use super::*;

/// A command that writes down what it is given; `bad` fails.
const SAY: &str = "### `/say <word> [--loud=<how>]`\n\
                   ```sh\necho \"$word ${loud-no}\" >>log; test \"$word\" != bad\n```\n";

/// The lines of the log, in order of the alphabet.
fn log(world: &World) -> Vec<String> {
    let mut lines: Vec<String> = world.read("log").lines().map(String::from).collect();
    lines.sort();
    lines
}

#[test]
fn a_line_is_an_argument_whatever_it_holds() {
    let world = world(SAY);
    world.write("lines", "one\n\n--loud\r\n$(touch hacked); `touch hacked`\n{}\nlast");
    let said = asked(&world, &["jobs", "import", "lines", "--jobs", "2", "say"])["import"].clone();
    let counts = (&said["lines"], &said["done"], &said["failed"], &said["wrong"]);
    assert_eq!(counts, (&json!(5), &json!(5), &json!(0), &json!(0)), "{said}");
    assert_eq!(log(&world), ["$(touch hacked); `touch hacked` no", "--loud no", "last no", "one no", "{} no"]);
    assert!(!world.path("hacked").exists());
    // Its place can be said, also within a word.
    std::fs::remove_file(world.path("log")).unwrap();
    let out = world.run_with(&["jobs", "import", "-", "-j1", "say", "--loud", "x{}"], "--loud\n");
    assert!(out.code == 1 && out.stderr.contains("line 1: `say` needs <word>"), "{out:?}");
    world.run_with(&["jobs", "import", "-", "-j1", "say", "{}", "--loud=<{}>"], "-a\n").ok();
    assert_eq!(log(&world), ["-a <-a>"]);
}

#[test]
fn fields_of_json_are_parameters_and_what_is_wrong_is_told_by_its_line() {
    let world = world(SAY);
    world.write(
        "people",
        "{\"word\": \"Ada\", \"loud\": 3}\nnonsense\n{\"loud\": \"x\"}\n{\"word\": \"Bob\", \"loud\": null}\n{\"x\": 1}\n",
    );
    world.write("big", format!("fine\n{}\nalso\n", "x".repeat(70_000)));
    let out = world.run(&["jobs", "import", "people", "-j", "2", "--fields", "say"]);
    assert_eq!((out.code, log(&world).as_slice()), (1, ["Ada 3", "Bob no"].map(String::from).as_slice()), "{out:?}");
    for said in ["line 2: it is no JSON object", "line 3: `say` needs <word>", "line 5: `say` has no parameter `x`"] {
        assert!(out.stderr.contains(said), "{said}: {}", out.stderr);
    }
    assert!(out.stderr.contains("5 lines: 2 done, 0 failed, 3 wrong"), "{}", out.stderr);
    let out = world.run(&["jobs", "import", "big", "-j1", "say"]);
    assert!(out.code == 1 && out.stderr.contains("line 2: it is longer than 64 KiB"), "{out:?}");
    std::fs::write(world.path("bytes"), b"ok\n\xff\xfe\n").unwrap();
    let out = world.run(&["jobs", "import", "bytes", "-j1", "say"]);
    assert!(out.code == 1 && out.stderr.contains("line 2: it is not UTF-8"), "{out:?}");
    // A number that would not stay as it is written, and a list where one value is taken, are said and not changed.
    let lines = "{\"word\": 18446744073709551616}\n{\"word\": 1.10}\n{\"word\": 12.5}\n{\"word\": [\"a\", \"b\"]}\n";
    let out = world.run_with(&["jobs", "import", "-", "-j1", "--fields", "say"], lines);
    assert!(out.code == 1 && out.stderr.contains("4 lines: 1 done, 0 failed, 3 wrong"), "{out:?}");
    assert!(out.stderr.contains("line 4: `word` takes one value") && log(&world).contains(&"12.5 no".to_string()));
    world.run(&["jobs", "import", "nothing", "say"]).failed(3);
    world.run(&["jobs", "import", "people", "nobody"]).failed(3);
    world.run(&["jobs", "import", ".", "say"]).failed(2);
}

#[test]
fn a_batch_is_owed_once_and_waited_for_retried_and_taken_back_as_a_whole() {
    let world = world(SAY);
    world.write("lines", "a\nb\nbad\n");
    let out = world.run(&["jobs", "import", "lines", "say"]);
    let batch = out.stdout.trim().to_string();
    assert_eq!(out.code, 0, "{out:?}");
    assert!(out.stderr.contains("3 lines: 3 owed") && out.stderr.contains("nobody runs jobs just now"), "{out:?}");
    // Lines that were added since are owed, and no other.
    world.write("lines", "a\nb\nbad\nc\n");
    let again = asked(&world, &["jobs", "import", "lines", "say"])["import"].clone();
    assert_eq!((&again["batch"], &again["added"], &again["before"]), (&json!(batch), &json!(1), &json!(3)), "{again}");
    // Other work comes first.
    assert_eq!(asked(&world, &["jobs", "ls", "--batch", &batch])["jobs"][0]["priority"], -1);
    world.run(&["jobs", "wait", "--batch", &batch, "--timeout", "10ms"]).failed(124);
    assert_eq!(world.run(&["tick"]).code, 1);
    assert_eq!(log(&world), ["a no", "b no", "bad no", "c no"]);
    let out = world.run(&["jobs", "wait", "--batch", &batch]);
    assert!(out.code == 1 && out.stderr.contains("1 dead, 3 done"), "{out:?}");
    let dead = asked(&world, &["jobs", "ls", "--batch", &batch, "--status", "dead"])["jobs"].clone();
    assert_eq!((dead.as_array().unwrap().len(), &dead[0]["by"]), (1, &json!("line 3 of lines")));
    // Whoever comes back with hands takes up what is owed again.
    assert!(world.run(&["jobs", "retry", "--batch", &batch]).ok().is_empty());
    let out = world.run(&["jobs", "import", "lines", "-j4", "say"]);
    assert!(out.code == 1 && out.stderr.contains("4 lines: 0 done, 1 failed, 3 before"), "{out:?}");
    assert_eq!(log(&world).iter().filter(|line| *line == "bad no").count(), 2);

    let other = world.run(&["jobs", "import", "lines", "--again", "say"]).ok().trim().to_string();
    assert_ne!(other, batch);
    // From then on that is the batch that the same command goes on with.
    assert_eq!(world.run(&["jobs", "import", "lines", "say"]).ok().trim(), other);
    world.run(&["jobs", "cancel", "--batch", &other]).ok();
    assert_eq!(asked(&world, &["jobs", "wait", "--batch", &other])["counts"], json!({"cancelled": 4}));
    // What was taken back is not done, and it is said so.
    let out = world.run(&["jobs", "import", "lines", "-j2", "say"]);
    assert!(out.code == 1 && out.stderr.contains("4 lines: 0 done, 0 failed, 4 cancelled"), "{out:?}");
    assert!(out.stderr.contains(&format!("fac jobs retry --batch {other}")), "{out:?}");
    world.run(&["jobs", "cancel", "--batch", "nothing"]).failed(3);
    world.run(&["jobs", "ls", "--batch", "nothing"]).failed(3);
    world.run(&["jobs", "wait"]).failed(2);
    world.run(&["events", "verify"]).ok();
}

#[test]
fn what_ends_it_in_the_middle_loses_nothing_and_does_nothing_twice() {
    let world =
        world("### `/slow <word>`\n```sh\necho \"begin $word\" >>log; sleep 0.05; echo \"end $word\" >>log\n```\n");
    let lines: Vec<String> = (0..60).map(|n| format!("w{n}")).collect();
    world.write("lines", lines.join("\n"));
    let import = ["jobs", "import", "lines", "--jobs", "3", "slow"];
    let ends = || std::fs::read_to_string(world.path("log")).unwrap_or_default().matches("end ").count();
    for (signal, after) in [(Signal::KILL, 5), (Signal::INT, 15), (Signal::KILL, 25)] {
        let mut command = world.command(&import);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        until("some are done", || ends() >= after);
        kill_process(Pid::from_child(&child), signal).unwrap();
        let code = child.wait().unwrap().code();
        assert_eq!(code, (signal == Signal::INT).then_some(130));
        if signal == Signal::INT {
            let mut said = String::new();
            std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut said).unwrap();
            assert!(said.contains("the same command goes on where it ended"), "{said}");
        }
        assert_eq!(asked(&world, &["jobs", "batches"])["batches"][0]["reading"], "broken_off");
    }
    let out = world.run(&import);
    assert!(out.code == 0 && out.stderr.contains("60 lines"), "{out:?}");
    let log = world.read("log");
    let ended: BTreeSet<&str> = log.lines().filter_map(|line| line.strip_prefix("end ")).collect();
    assert_eq!(ended.len(), 60, "each was done");
    // Twice is only what was under way when it ended, three at most each time.
    assert!(log.matches("end ").count() <= 60 + 9, "{log}");
    let batch = out.stdout.trim();
    let waited = asked(&world, &["jobs", "wait", "--batch", batch]);
    assert_eq!((&waited["counts"], &waited["reading"]), (&json!({"done": 60}), &json!("over")));
}

#[test]
fn a_batch_that_was_not_read_to_its_end_is_not_taken_for_done() {
    let world = world(SAY);
    let mut command = world.command(&["jobs", "import", "-", "-j1", "say"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    std::io::Write::write_all(&mut stdin, b"a\nb\n").unwrap();
    until("both are done", || world.path("log").exists() && log(&world).len() == 2);
    let listed = || asked(&world, &["jobs", "batches"])["batches"][0].clone();
    let batch = listed()["batch"].as_str().unwrap().to_string();
    assert_eq!(listed()["reading"], "now");
    assert!(world.run(&["jobs", "batches"]).ok().contains("being read"));
    // More may come yet.
    world.run(&["jobs", "wait", "--batch", &batch, "--timeout", "300ms"]).failed(124);
    child.kill().unwrap();
    child.wait().unwrap();
    world.run(&["tick"]).ok();
    let shown = world.run(&["jobs", "batches"]);
    assert!(
        shown.stdout.contains("2 done, broken off") && shown.stderr.contains("not every line is owed"),
        "{shown:?}"
    );
    let waited = world.run(&["jobs", "wait", "--batch", &batch]);
    assert!(waited.code == 1 && waited.stderr.contains("not every line is owed"), "{waited:?}");
    // What was taken back is not owed to anybody.
    world.run(&["jobs", "cancel", "--batch", &batch]).ok();
    assert_eq!(listed()["reading"], "over");
    assert!(world.run_with(&["jobs", "import", "--batch", &batch, "-", "-j1", "say"], "a\nb\nc\n").code == 0);
    assert_eq!((&listed()["reading"], &listed()["counts"]), (&json!("over"), &json!({"done": 3})));
}

#[test]
fn no_more_are_done_at_once_than_was_said_and_lines_that_come_slowly_are_not_waited_for() {
    let world = world(
        "### `/mark <word>`\n```sh\nmkdir \"on-$word\"; ls -d on-* | wc -l >>most; \
         while [ ! -e go ]; do sleep 0.01; done; rmdir \"on-$word\"\n```\n",
    );
    let mut command = world.command(&["jobs", "import", "-", "--jobs", "2", "mark"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut say = |text: &str| std::io::Write::write_all(&mut stdin, text.as_bytes()).unwrap();
    // The first begins while nobody knows whether there is a second.
    say("a\n");
    until("the first is under way", || world.path("on-a").exists());
    say("b\nc\nd\ne\n");
    until("two are", || world.path("on-b").exists());
    world.write("go", "");
    drop(stdin);
    assert!(child.wait().unwrap().success());
    let most = world.read("most");
    assert!(most.lines().count() == 5 && most.lines().all(|count| count.trim() <= "2"), "{most}");
}

#[test]
fn a_line_is_known_by_what_it_says_and_what_is_piped_in_is_new_each_time() {
    let world = world(SAY);
    let import = |lines: &str| {
        world.write("lines", lines);
        asked(&world, &["jobs", "import", "lines", "-j2", "say"])["import"].clone()
    };
    let counts = |said: Value| (said["done"].as_u64().unwrap(), said["before"].as_u64().unwrap());
    assert_eq!(counts(import("a\nb\nb\n")), (3, 0), "the same line twice is twice the work");
    assert_eq!(counts(import("new\na\nb\nb\n")), (1, 3), "a line above the others is one line more");
    assert_eq!(counts(import("b\nb\nb\nnew\n")), (1, 3), "a third time is one time more");
    assert_eq!(log(&world), ["a no", "b no", "b no", "b no", "new no"]);
    // In another folder it is other work.
    std::fs::create_dir(world.path("other")).unwrap();
    let out = world.command(&["jobs", "import", "../lines", "-j1", "say"]).current_dir(world.path("other")).output();
    assert!(String::from_utf8_lossy(&out.unwrap().stderr).contains("4 lines: 4 done"));

    let piped = |more: &[&str], lines: &str| {
        let out = world.run_with(&[&["--json", "jobs", "import"], more, &["-", "-j1", "say"]].concat(), lines);
        serde_json::from_str::<Value>(&out.stdout).unwrap()["import"].clone()
    };
    let first = piped(&[], "x\n");
    let batch = first["batch"].as_str().unwrap();
    assert_eq!(counts(piped(&[], "x\n")), (1, 0));
    assert_eq!(counts(piped(&["--batch", batch], "x\ny\n")), (1, 1));
    assert_eq!(counts(piped(&[], "")), (0, 0));
    let empty = world.run_with(&["jobs", "import", "/dev/stdin", "say"], "").ok();
    world.run(&["jobs", "wait", "--batch", empty.trim()]).ok();
    let shown = world.run(&["jobs", "import", "lines", "--dry-run", "say"]).ok();
    assert!(shown.contains("word=b"), "{shown}");
    // What was only shown is no batch that others go on with.
    world.run(&["jobs", "import", "lines", "--again", "--dry-run", "say"]).ok();
    assert_eq!(counts(import("b\nb\nb\nnew\n")), (0, 4));
}

#[test]
fn who_takes_a_batch_back_ends_the_import_of_it() {
    let world = world("### `/slow <word>`\n```sh\necho \"$word\" >>log; sleep 60\n```\n");
    let lines: Vec<String> = (0..50).map(|n| format!("w{n}")).collect();
    world.write("lines", lines.join("\n"));
    let mut command = world.command(&["jobs", "import", "lines", "-j2", "slow"]);
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    until("two are under way", || std::fs::read_to_string(world.path("log")).is_ok_and(|log| log.lines().count() == 2));
    let key = asked(&world, &["jobs", "ls"])["jobs"][0]["key"].as_str().unwrap().to_string();
    let batch = key.split(':').nth(1).unwrap();
    world.run(&["jobs", "cancel", "--batch", batch]).ok();
    let out = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.code() == Some(1) && said.contains("0 done, 0 failed, 2 cancelled"), "{said}");
    assert!(said.contains("the batch was taken back"), "{said}");
    assert_eq!(world.read("log").lines().count(), 2);
}

#[test]
fn batches_are_listed_with_how_far_they_are_and_completed() {
    let world = world(SAY);
    assert!(world.run(&["jobs", "batches"]).stderr.contains("there are no batches"));
    world.write("lines", "one\nbad\ntwo\n");
    world.run(&["jobs", "import", "lines", "-j1", "say"]);
    world.run_with(&["jobs", "import", "-", "say"], "later\nand later\n").ok();
    let said = asked(&world, &["jobs", "batches"]);
    let [second, first] = said["batches"].as_array().unwrap().as_slice() else { panic!("{said}") };
    assert_eq!((&first["command"], &first["counts"]), (&json!("say"), &json!({"dead": 1, "done": 2})));
    assert_eq!((&second["cancelled"], &second["counts"]), (&json!(false), &json!({"waiting": 2})));
    let shown = world.run(&["jobs", "batches", "-n", "1"]).ok();
    let id = second["batch"].as_str().unwrap();
    assert!(shown.contains(id) && shown.contains("2 waiting") && !shown.contains("2 done"), "{shown}");
    world.run(&["jobs", "cancel", "--batch", id]).ok();
    assert_eq!(asked(&world, &["jobs", "batches"])["batches"][0]["cancelled"], true);
    let completed = world.run(&["__complete", "--", "jobs", "ls", "--batch", ""]).ok();
    assert!(completed.contains(id) && completed.lines().count() == 2, "{completed}");
    assert!(world.run(&["jobs", "wait", "--batch", "nothing"]).failed(3).contains("fac jobs batches"));
}
