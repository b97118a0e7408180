//! What steps do: streaming, stdin, conditions, limits, folders, requirements, undoing, interpreters, exit codes.

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use super::*;

#[test]
fn output_streams_while_the_script_still_runs() {
    let world = world("### `/gate`\n```sh\necho first; echo aside >&2; read line <fifo; echo \"$line\"\n```\n");
    world.sh("mkfifo fifo");
    let mut child = world.command(&["gate"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut err = BufReader::new(child.stderr.take().unwrap()).lines();
    assert_eq!(out.next().unwrap().unwrap(), "first");
    assert_eq!(err.next().unwrap().unwrap(), "aside");
    // Only now the script may go on.
    std::fs::write(world.path("fifo"), "second\n").unwrap();
    assert_eq!(out.next().unwrap().unwrap(), "second");
    assert!(child.wait().unwrap().success());
}

#[test]
fn stdin_passes_through_byte_for_byte() {
    let world = world("### `/upper`\n```sh\ntr a-z A-Z\n```\n### `/keep`\n```sh\ncat >out\n```\n");
    assert_eq!(world.run_with(&["upper"], "hi\n").ok(), "HI\n");
    let bytes: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    world.run_with(&["keep"], &bytes).ok();
    assert_eq!(std::fs::read(world.path("out")).unwrap(), bytes);
    // A script that reads nothing leaves what comes after it alone.
    let rest = world.sh("(printf 'one\\ntwo\\n') | { read a; echo \"$a\"; cat; }");
    assert_eq!(rest, "one\ntwo\n");
}

#[test]
fn a_step_reads_what_another_wrote_whole_and_as_it_was() {
    let world = world(
        "### `/linked`\n```sh {id=make}\nseq 200000; printf 'end\\0'\n```\n```sh {stdin=make}\ncat >out\n```\n\
         ### `/hidden <pin>`\n**Options:**\n- `<pin>` (secret)\n\n```sh {id=make}\necho \"$pin\"\n```\n\
         ```sh {stdin=make}\ncat >pin\n```\n",
    );
    world.run(&["linked", "--json"]).ok();
    let want: String = (1..=200_000).map(|n| format!("{n}\n")).collect::<String>() + "end\0";
    assert!(world.read("out") == want, "1.3 MB between two steps");
    world.run(&["hidden", "4711"]).ok();
    assert_eq!(world.read("pin"), "4711\n", "a secret is hidden from records, not from the next step");
}

#[test]
fn what_one_step_writes_for_another_has_a_bound() {
    let world = world("### `/flood`\n```sh {id=make}\nyes\n```\n```sh {stdin=make}\ncat >out\n```\n");
    world.run(&["config", "set", "run.feed_mb", "1"]).ok();
    let said = world.run(&["flood"]).failed(1);
    assert!(said.contains("step `make` wrote more than 1 MB for the step that reads it"), "{said}");
    assert!(!world.path("work/out").exists() && !world.path("out").exists());
    let shown = world.run(&["runs", "show", "last"]).ok();
    assert!(shown.contains("make") && shown.contains("wrote more than 1 MB"), "its record says why: {shown}");
}

#[test]
fn what_lua_prints_is_whole_or_refused() {
    let world = world(
        "### `/long`\n```lua\nprint(string.rep('x', 9000))\n```\n\
         ### `/endless`\n```lua\nfor i = 1, 500 do print(string.rep('x', 10000)) end\n```\n",
    );
    assert_eq!(world.run(&["long"]).ok().len(), 9001);
    assert!(world.run(&["endless"]).failed(1).contains("printed more than 4 MB"));
}

#[test]
fn a_step_that_reads_one_that_was_left_out_reads_nothing() {
    let world = world("### `/left`\n```sh {id=make if=\"false\"}\necho x\n```\n```sh {stdin=make}\ncat\n```\n");
    assert_eq!(world.run_with(&["left"], "what the person piped in\n").ok(), "");
}

#[test]
fn two_calls_of_one_command_know_nothing_of_each_other() {
    let world = world(
        "### `/one <mode>`\n```sh {id=make undo=un if=\"mode == 'make'\"}\necho made | tee -a log\n```\n\
         ```sh {id=un}\necho undone >>log\n```\n\
         ```sh {if=\"steps.make is defined\"}\necho seen >>log\n```\n\
         ```sh {stdin=make}\ncat >\"read-$mode\"; test \"$mode\" = make\n```\n\
         ### `/both`\n```run\none make\none skip\n```\n",
    );
    world.run(&["both"]).failed(1);
    assert_eq!(world.read("log"), "made\nseen\n", "what the second call left out is not undone");
    assert_eq!((world.read("read-make"), world.read("read-skip")), ("made\n".into(), String::new()));
}

#[test]
fn a_placeholder_without_a_value_is_told_in_lines_too() {
    let world = world("### `/told <word>`\n```sh\necho \"$word\"\n```\n### `/tells`\n```run\ntold {{gone}}\n```\n");
    let out = world.run(&["tells"]);
    assert_eq!((out.code, out.stdout.as_str()), (0, "{{gone}}\n"));
    assert!(out.stderr.contains("`gone` has no value and stays as it is."), "{}", out.stderr);
    assert!(world.run(&["runs", "show", "last"]).ok().contains("`gone` has no value"));
}

#[test]
fn conditions_choose_steps() {
    let world = world(
        r#"
### `/pick [channel=stable|beta] [name]`
```sh {id=look}
echo looked
```
```sh {if="channel == 'beta'"}
echo beta
```
```sh {if="steps.look.exit_code == 0 and steps.look.stdout|trim == 'looked'"}
echo seen
```
```sh {if="name is defined and name != ''"}
echo "$name"
```
"#,
    );
    assert_eq!(world.run(&["pick"]).ok(), "looked\nseen\n");
    assert_eq!(world.run(&["pick", "--channel", "beta", "Ada"]).ok(), "looked\nbeta\nseen\nAda\n");
}

#[test]
fn a_condition_that_cannot_be_judged_is_bad_data_and_nothing_more_runs() {
    let world = world("### `/odd`\n```sh {if=\"chanel == 'x'\"}\ntouch ran\n```\n```sh\ntouch ran\n```\n");
    let said = world.run(&["odd"]).failed(6);
    assert!(said.starts_with("error: the condition `chanel == 'x'` cannot be judged"), "{said}");
    assert!(!world.path("ran").exists());
    assert_eq!((&runs(&world)[0]["status"], &runs(&world)[0]["exit_code"]), (&"failed".into(), &6.into()));
    let says_why = || {
        let shown = world.run(&["runs", "show", "last"]).ok();
        assert_eq!(shown.matches("cannot be judged").count(), 1, "{shown}");
    };
    says_why();
    own(
        &world,
        "### `/whole`\n**If:** `chanel == 'x'`\n\n```sh\ntouch ran\n```\n\
         ### `/may`\n```sh {if=\"chanel == 'x'\" allow_failure}\ntouch ran\n```\n```sh\necho after\n```\n",
    );
    world.run(&["whole"]).failed(6);
    says_why();
    let out = world.run(&["may"]);
    assert_eq!((out.code, out.stdout.as_str()), (0, "after\n"));
    assert!(out.stderr.contains("cannot be judged"), "{}", out.stderr);
    says_why();
    assert!(!world.path("ran").exists());
}

#[test]
fn a_command_whose_if_does_not_hold_is_left_out() {
    let definitions = "### `/dev`\n**If:** `env.STAGE == 'dev'`\n\n```sh\necho dev\n```\n\
        ### `/main`\n**Requires:** `/dev`\n\n```sh\necho main\n```\n\
        ### `/caller`\n```run\n/dev\n```\n```sh\necho after\n```\n";
    let mut world = world(definitions);
    world.set("STAGE", "live");
    let out = world.run(&["dev"]);
    assert_eq!((out.code, out.stdout.as_str()), (0, ""));
    assert_eq!(out.stderr, "left out `dev`: it runs only if env.STAGE == 'dev'\n");
    assert_eq!(runs(&world)[0]["status"], "cancelled");
    assert_eq!(world.run(&["main"]).ok(), "main\n", "a requirement that is not needed now stops nothing");
    assert_eq!(world.run(&["caller"]).ok(), "after\n");
    world.set("STAGE", "dev");
    assert_eq!(world.run(&["main"]).ok(), "dev\nmain\n");
}

#[test]
fn time_limits_end_the_run_with_124() {
    let world = world(
        "### `/step`\n```sh {timeout=100ms}\nsleep 1000\n```\n\
         ### `/whole`\n**Timeout:** 100ms\n\n```sh\nsleep 1000\n```\n```sh\ntouch ran\n```\n\
         ### `/pause`\n**Timeout:** 100ms\n\n```wait\n1h\n```\n\
         ### `/calls`\n```run {timeout=100ms}\n/forever\n```\n### `/forever`\n```sh\nsleep 1000\n```\n\
         ### `/needs`\n**Requires:** `/whole`\n\n```sh\ntouch ran\n```\n",
    );
    for name in ["step", "whole", "pause", "calls", "needs"] {
        let said = world.run(&[name]).failed(124);
        assert!(said.contains(&format!("`{name}` was stopped: its time was over")), "{said}");
        assert_eq!((&runs(&world)[0]["status"], &runs(&world)[0]["exit_code"]), (&"timed_out".into(), &124.into()));
    }
    assert!(!world.path("ran").exists());
}

#[test]
fn folders_are_where_the_definition_says() {
    let world = world(
        "### `/here`\n```sh\npwd\n```\n### `/down`\n```sh {cwd=sub}\npwd\n```\n\
         ### `/beside`\n**Cwd:** file\n\n```sh\npwd\n```\n### `/home`\n**Cwd:** `~/notes`\n\n```sh\npwd\n```\n\
         ### `/gone`\n```sh {cwd=nowhere}\ntouch ran\n```\n",
    );
    std::fs::create_dir(world.path("sub")).unwrap();
    std::fs::create_dir(world.home().join("notes")).unwrap();
    let at = |name: &str| world.run(&[name]).ok().trim_end().to_string();
    assert_eq!(at("here"), world.work().display().to_string());
    assert_eq!(at("down"), world.path("sub").display().to_string());
    assert_eq!(at("beside"), fac_home(&world).join("config/commands").display().to_string());
    assert_eq!(at("home"), world.home().join("notes").display().to_string());
    let said = world.run(&["gone"]).failed(3);
    assert!(said.contains("nowhere, which is no folder"), "{said}");
    assert!(!world.path("ran").exists());
}

#[test]
fn a_failure_ends_the_run_unless_it_is_allowed() {
    // Nobody listens where the socket is closed again.
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let away = format!(
        "### `/away`\n```http {{allow_failure}}\nGET http://{nobody}/\n```\n```sh\necho after\n```\n\
         ### `/strictly_away`\n```http\nGET http://{nobody}/\n```\n\
         ### `/calls`\n```run {{allow_failure}}\nstrictly_away\n```\n```sh\necho after\n```\n"
    );
    let world = world(
        &(away
            + "### `/strict`\n```sh\nexit 7\n```\n```sh\necho after\n```\n\
         ### `/lenient`\n```sh {allow_failure}\nexit 7\n```\n```sh\necho after\n```\n\
         ### `/slow`\n```sh {allow_failure timeout=50ms}\nsleep 60\n```\n```sh\necho after\n```\n\
         ### `/late`\n**Timeout:** 50ms\n\n```sh {allow_failure}\nsleep 60\n```\n"),
    );
    let out = world.run(&["strict"]);
    assert_eq!((out.code, out.stdout.as_str(), out.stderr.as_str()), (7, "", ""));
    assert_eq!(world.run(&["lenient"]).ok(), "after\n");
    let slow = world.run(&["slow"]);
    assert_eq!((slow.code, slow.stdout.as_str()), (0, "after\n"), "a time of its own is a failure of its own");
    assert!(slow.stderr.contains("was ended: it took longer than"), "{}", slow.stderr);
    world.run(&["late"]).failed(124);
    for name in ["away", "calls"] {
        let out = world.run(&[name]);
        assert_eq!((out.code, out.stdout.as_str()), (0, "after\n"), "{name}: {}", out.stderr);
        assert!(out.stderr.contains("cannot be reached"), "{name}: {}", out.stderr);
        let shown = world.run(&["runs", "show", "last"]).ok();
        assert_eq!(shown.matches("127.0.0.1 cannot be reached").count(), 1, "{shown}");
    }
}

#[test]
fn what_was_done_is_undone_newest_first_and_nothing_else() {
    let world = world(
        "### `/saga`\n```sh {id=a undo=ua}\necho a >>log\n```\n```sh {id=b undo=ub}\necho b >>log\n```\n\
         ```sh {id=skipped undo=us if=\"false\"}\necho s >>log\n```\n```sh {id=c undo=uc}\nexit 3\n```\n\
         ```sh {id=ua}\necho -a >>log\n```\n```sh {id=ub}\necho -b >>log\n```\n\
         ```sh {id=uc}\necho -c >>log\n```\n```sh {id=us}\necho -s >>log\n```\n\
         ### `/late`\n**Timeout:** 100ms\n\n```sh {id=a undo=ua}\ntrue\n```\n```sh\nsleep 1000\n```\n\
         ```sh {id=ua}\necho late >>log\n```\n",
    );
    world.run(&["saga"]).failed(3);
    assert_eq!(world.read("log"), "a\nb\n-b\n-a\n");
    let shown: serde_json::Value = serde_json::from_str(&world.run(&["--json", "runs", "show", "last"]).ok()).unwrap();
    let steps = shown["run"]["steps"].as_array().or(shown["steps"].as_array()).unwrap();
    let undone: Vec<_> =
        steps.iter().filter_map(|step| Some((step["id"].as_str()?, step["undoes"].as_str()?))).collect();
    assert_eq!(undone, [("ub", "b"), ("ua", "a")]);
    let said = world.run(&["runs", "show", "last"]).ok();
    assert!(said.contains("── ub (script sh) ok in ") && said.contains(", undoing b\n"), "{said}");
    world.run(&["late"]).failed(124);
    assert_eq!(world.read("log"), "a\nb\n-b\n-a\nlate\n", "also when time was over");
}

#[test]
fn a_step_that_cannot_even_begin_undoes_and_is_tried_again_as_one_that_fails() {
    // Nobody listens where the socket is closed again.
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let world = world(&format!(
        "### `/saga`\n**Retry:** 1\n\n```sh {{id=a undo=ua}}\necho a >>log\n```\n```sh {{id=ua}}\necho -a >>log\n```\n\
         ```http\nGET http://{nobody}/\n```\n\
         ### `/outer`\n```sh {{id=o undo=uo}}\necho o >>log\n```\n```sh {{id=uo}}\necho -o >>log\n```\n```run\nsaga\n```\n\
         ### `/odd`\n```sh {{undo=uo}}\necho odd >>log\n```\n```sh {{id=uo}}\necho -odd >>log\n```\n\
         ```notify {{urgency=loud}}\nhi\n```\n"
    ));
    let said = world.run(&["saga"]).failed(5);
    assert!(said.contains("cannot be reached"), "{said}");
    assert_eq!(world.read("log"), "a\n-a\na\n-a\n");
    world.write("log", "");
    world.run(&["outer"]).failed(5);
    assert_eq!(world.read("log"), "o\na\n-a\n-o\n", "what a called command says of tries is its caller's");
    world.write("log", "");
    world.run(&["odd"]).failed(6);
    assert_eq!(world.read("log"), "odd\n-odd\n");
}

#[test]
fn retry_tries_again_as_often_as_it_says() {
    let world = world("### `/flaky`\n**Retry:** 2\n\n```sh\necho x >>tries; test $(wc -l <tries) -ge ${need}\n```\n");
    let mut world = world;
    world.set("need", "3");
    world.run(&["flaky"]).ok();
    assert_eq!(world.read("tries"), "x\nx\nx\n");
    world.write("tries", "");
    world.set("need", "9");
    world.run(&["flaky"]).failed(1);
    assert_eq!(world.read("tries"), "x\nx\nx\n");
}

#[test]
fn requirements_run_first_each_once_and_rings_are_named() {
    let world = world(
        "### `/summit`\n**Requires:** `/left`, `/right --mark r`\n\n```sh\necho top\n```\n\
         ### `/left`\n**Requires:** `/base`\n\n```sh\necho left\n```\n\
         ### `/right [--mark=<m>]`\n**Requires:** `/bottom`\n\n```sh\necho \"right $mark\"\n```\n\
         ### `/base`\n**Aliases:** `/bottom`\n\n```sh\necho base\n```\n\
         ### `/fails`\n**Requires:** `/no`\n\n```sh\ntouch ran\n```\n### `/no`\n```sh\nexit 9\n```\n\
         ### `/a`\n**Requires:** `/b`\n\n```sh\ntouch ran\n```\n### `/b`\n**Requires:** `/c`\n\n```sh\ntouch ran\n```\n\
         ### `/c`\n**Requires:** `/a`\n\n```sh\ntouch ran\n```\n\
         ### `/lost`\n**Requires:** `/nowhere`\n\n```sh\ntouch ran\n```\n",
    );
    assert_eq!(world.run(&["summit"]).ok(), "base\nleft\nright r\ntop\n");
    assert_eq!(world.run(&["fails"]).code, 9);
    let said = world.run(&["a"]).failed(6);
    assert!(said.contains("commands require each other: user:a → user:b → user:c → user:a"), "{said}");
    let said = world.run(&["lost"]).failed(3);
    assert!(said.contains("`lost` requires `nowhere`"), "{said}");
    assert!(!world.path("ran").exists());
}

#[test]
fn the_environment_is_the_callers_the_definitions_and_ours() {
    let mut world = world(
        "### `/show`\n**Env:** `GREETING=hello there`, `MODE=x`\n\n\
         ```sh\nprintf '%s\\n' \"$GREETING\" \"$MODE\" \"$OUTER\" \"$FAC_COMMAND\" \"${#FAC_RUN_ID}\" \"${FAC_SECRET_A-none}\" \"$FAC_PROGRAM\"\n```\n",
    );
    world.set("OUTER", "outer");
    world.set("MODE", "outer");
    world.set("FAC_SECRET_A", "hunter2222");
    let fac = env!("CARGO_BIN_EXE_fac");
    assert_eq!(world.run(&["show"]).ok(), format!("hello there\nx\nouter\nshow\n36\nnone\n{fac}\n"));
}

#[test]
fn platforms_and_sandboxes_are_kept_to() {
    let world = world(
        "### `/mac`\n**Platforms:** macos\n\n```sh\ntouch ran\n```\n### `/any`\n**Platforms:** linux, macos\n\n```sh\necho any\n```\n\
         ### `/caged`\n```sh\ntouch ran\n```\n```sh {sandbox=strict}\ntouch ran\n```\n\
         ### `/sly`\n```run\n/caged\n```\n",
    );
    assert!(world.run(&["mac"]).failed(5).contains("is meant for macos, and this is linux"));
    assert_eq!(world.run(&["any"]).ok(), "any\n");
    let said = world.run(&["caged"]).failed(4);
    assert!(said.contains("asks for the sandbox `strict`, which is not here"), "{said}");
    world.run(&["sly"]).failed(4);
    assert!(!world.path("ran").exists());
}

#[test]
fn run_steps_call_other_commands_and_values_stay_values() {
    let world = world(
        "### `/greet <name> [--loud]`\n```sh\nprintf '%s|%s\\n' \"$name\" \"${loud-quiet}\" >>log\n```\n\
         ### `/greet wipe`\n```sh\necho wiped >>log\n```\n\
         ### `/both <who>`\n```sh {id=say}\nprintf 'from before'\n```\n\
         ```run {stdin=say}\n# a comment\n/greet {{who}}\n/greet --loud 'Mr {{who}}'\n/greet \"{{input}}\"\n```\n\
         ### `/loop`\n```run\n/loop\n```\n",
    );
    world.run(&["both", "x y; touch PWNED"]).ok();
    assert_eq!(world.read("log"), "x y; touch PWNED|quiet\nMr x y; touch PWNED|true\nfrom before|quiet\n");
    for hostile in ["--loud", "-x", "wipe", "--", "{{input}}", "$(touch PWNED)"] {
        world.write("log", "");
        world.run(&["both", "--", hostile]).ok();
        let want = format!("{hostile}|quiet\nMr {hostile}|true\nfrom before|quiet\n");
        assert_eq!(world.read("log"), want);
    }
    assert!(!world.path("PWNED").exists());
    let said = world.run(&["loop"]).failed(6);
    assert!(said.contains("`run` steps call each other more than 20 deep"), "{said}");
}

#[test]
fn a_missing_interpreter_is_five_and_says_what_to_install() {
    let mut world = world("### `/ruby`\n```ruby\nputs 1\n```\n### `/odd`\n```sh\n#!/no/such/program -x\necho\n```\n");
    world.set("PATH", "/nonexistent");
    let said = world.run(&["ruby"]).failed(5);
    assert!(said.contains("`ruby` needs an interpreter for `ruby`") && said.contains("apt install ruby"), "{said}");
    let said = world.run(&["odd"]).failed(5);
    assert!(said.contains("/no/such/program is not installed"), "{said}");
    assert_eq!(runs(&world)[0]["exit_code"], 5);
}

#[test]
fn the_interpreter_table_is_a_setting() {
    let world = world("### `/py <x>`\n```python\nprint(1)\n```\n### `/same`\n```sh\necho same\n```\n");
    let fake = world.write("fake", "#!/bin/sh\necho \"$@\" | sed 's|/.*/||'\ncat \"$2\"\n");
    world.sh("chmod +x fake");
    settings(&world, &format!("[interpreters.python]\nprogram = \"{}\"\nargs = [\"-q\"]\n", fake.display()));
    assert_eq!(world.run(&["py", "x"]).ok(), "-q script.py\nprint(1)\n");
    assert_eq!(world.run(&["same"]).ok(), "same\n");
}

#[test]
fn exit_codes_pass_through() {
    let world = world("### `/end <how>`\n```sh\neval \"$how\"\n```\n");
    for (how, code) in [("exit 0", 0), ("exit 7", 7), ("exit 255", 255), ("kill -9 $$", 137), ("kill -15 $$", 143)] {
        assert_eq!(world.run(&["end", how]).code, code, "{how}");
        assert_eq!(runs(&world)[0]["exit_code"], code);
        assert_eq!(runs(&world)[0]["status"], if code == 0 { "ok" } else { "failed" });
    }
}

#[test]
fn a_closed_pipe_ends_the_script_and_is_no_error() {
    let world = world("### `/many`\n```sh\nyes\n```\n");
    let mut child = world.command(&["many"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "y\n");
    // Its reader is gone; the script gets SIGPIPE as it would in a shell.
    let out = child.wait_with_output().unwrap();
    assert_eq!((out.status.code(), String::from_utf8_lossy(&out.stderr).as_ref()), (Some(141), ""));
}

#[test]
fn a_script_may_be_longer_than_one_argument() {
    let world = World::new();
    let filler = "# filler filler filler filler filler filler filler filler filler\n".repeat(3000);
    own(&world, &format!("### `/long <x>`\n```sh\n{filler}printf %s \"$x\"\n```\n"));
    assert_eq!(world.run(&["long", "end"]).ok(), "end");
    let mut child = world.command(&["long", "--", "-n"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"").unwrap();
    assert_eq!(child.wait_with_output().unwrap().stdout, b"-n");
}
