//! Plugins at work when somebody asks for an end, and several of them at once.

use super::*;

/// Starts `fac`, waits until something is so, interrupts it, and gives its exit code.
#[track_caller]
fn interrupted(world: &World, args: &[&str], begun: impl Fn() -> bool) -> i32 {
    let mut command = world.command(args);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while !begun() {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it was asked to");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    child.wait().unwrap().code().unwrap_or(-1)
}

#[test]
fn a_hook_that_does_not_end_is_interrupted_and_the_command_does_not_run() {
    let world = World::new();
    define(&world, "### `/work`\n\n```sh\ntouch ran\n```\n\n### `/slow`\n\n```sh\ntouch begun; exec sleep 600\n```\n");
    for (name, value) in [("plugins.timeout", "1h"), ("plugins.steps", "0")] {
        world.run(&["config", "set", name, value]).ok();
    }
    let permissions = "hooks = [\"before_command\"]\n[permissions]\nevent = true\nrun = [\"user:slow\"]\nstore = true";
    for (n, script) in
        ["while true do end", "while true do fac.store.set('a', 1) end", "fac.run('slow')"].iter().enumerate()
    {
        let script = format!("return {{ before_command = function() fac.event.emit('begun{n}') {script} end }}");
        enable(&world, "gate", permissions, &script);
        let begun = || match n {
            2 => world.path("begun").exists(),
            _ => world.run(&["events", "tail", "--json"]).ok().contains(&format!("plugin.gate.begun{n}")),
        };
        assert_eq!(interrupted(&world, &["work"], begun), 130, "{script}");
        assert!(!world.path("ran").exists(), "{script}");
        assert_eq!(state(&world, "gate")["failures"], 0, "{script}");
        world.run(&["plugin", "rm", "gate", "--yes"]).ok();
    }
}

#[test]
fn whoever_hears_of_ended_commands_hears_of_interrupted_ones() {
    let world = World::new();
    define(&world, "### `/slow`\n\n```sh\ntouch begun; exec sleep 600\n```\n");
    let script = "return { after_command = function(c) for i = 1, 5000 do end fac.log.info(c.status) end }";
    enable(&world, "ears", "hooks = [\"after_command\"]", script);
    assert_eq!(interrupted(&world, &["slow"], || world.path("begun").exists()), 130);
    assert_eq!(log(&world, "ears"), ["interrupted"]);
}

#[test]
fn what_several_change_at_once_is_changed_by_each() {
    let world = World::new();
    let script = "return { commands = { count = function()
            for i = 1, 50 do fac.store.update('n', function(n) return (n or 0) + 1 end) end
            return fac.store.get('n') end, forget = function()
            return { fac.store.update('n', function() return nil end) == nil, fac.store.keys() } end } }";
    let manifest = "[permissions]\nstore = true\n[[commands]]\nname = \"count\"\n[[commands]]\nname = \"forget\"";
    enable(&world, "kit", manifest, script);
    let begin = || world.command(&["count"]).stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
    let all: Vec<_> = (0..4).map(|_| begin()).collect();
    all.into_iter().for_each(|mut child| assert!(child.wait().unwrap().success()));
    assert_eq!(world.run(&["count"]).ok().trim(), "250");
    assert_eq!(json_of(&world.run(&["forget"]).ok()), json!([true, []]));
}

#[test]
fn notes_of_a_day_that_several_write_are_all_kept() {
    let world = World::new();
    world.run(&["plugin", "enable", "daily", "--yes"]).ok();
    let note = |n: usize| world.command(&["daily", &format!("note {n}")]).stdout(Stdio::null()).spawn().unwrap();
    let all: Vec<_> = (0..12).map(note).collect();
    all.into_iter().for_each(|mut child| assert!(child.wait().unwrap().success()));
    let page = world.run(&["daily", "show"]).ok();
    assert!((0..12).all(|n| page.lines().any(|line| line.ends_with(&format!(" note {n}")))), "{page}");
}

#[test]
fn one_that_is_disabled_by_its_failures_takes_its_commands_with_it() {
    let world = World::new();
    let manifest = "[[commands]]\nname = \"frail\"";
    let script = "return { commands = { frail = function() fac.log.info('here') error('it broke') end } }";
    enable(&world, "weak", manifest, script);
    for n in 1..=3 {
        let said = world.run(&["frail"]).failed(1);
        assert_eq!(said.contains("it failed 3 times in a row and is disabled"), n == 3, "{said}");
    }
    world.run(&["frail"]).failed(3);
    assert!(!world.run(&["commands", "ls"]).ok().contains("frail"));
    world.run(&["plugin", "enable", "weak"]).ok();
    world.run(&["frail"]).failed(1);
    // What it wrote is shown where its author tries it, also when it fails.
    let tried = world.run(&["plugin", "test", "weak", "--call", "frail"]);
    assert_ne!(tried.code, 0);
    assert!(tried.stderr.contains("here") && tried.stderr.contains("it broke"), "{}", tried.stderr);
}

#[test]
fn what_a_plugin_does_well_beside_makes_no_failure_good() {
    let world = World::new();
    let manifest = "hooks = [\"event\"]\nevents = [\"run.finished\"]\n[[commands]]\nname = \"frail\"";
    let script = "return { event = function(e) fac.log.info('heard', e.kind) end,
        commands = { frail = function() error('it broke') end } }";
    enable(&world, "weak", manifest, script);
    for n in 1..=3 {
        let said = world.run(&["frail"]).failed(1);
        assert_eq!(said.contains("it failed 3 times in a row and is disabled"), n == 3, "{said}");
    }
    assert!(world.run(&["plugin", "log", "weak"]).ok().contains("heard run.finished"));
}

#[test]
fn a_command_is_tried_with_what_it_would_be_given() {
    let world = World::new();
    let folder = world.path("greeter");
    std::fs::create_dir(&folder).unwrap();
    let manifest = "name = \"greeter\"\nversion = \"1\"\n[[commands]]\nname = \"greet you\"\nparams = \"<who> [how=hello] [rest...]\"";
    std::fs::write(folder.join("plugin.toml"), manifest).unwrap();
    let script = "return { commands = {
        ['greet you'] = function(args, rest) return args.how .. ' ' .. args.who .. ' ' .. #rest end } }";
    std::fs::write(folder.join("main.luau"), script).unwrap();
    let tried = |with: &str| world.run(&["plugin", "test", "./greeter", "--call", "greet you", "--with", with]);
    assert!(tried("{\"who\": \"you\"}").ok().contains("hello you 0"));
    assert!(tried("{\"who\": \"you\", \"how\": 3, \"rest\": [\"a\", \"b\"]}").ok().contains("3 you 2"));
    assert!(tried("{}").failed(2).contains("`greet you` needs <who>"));
    assert!(tried("{\"whom\": 1}").failed(2).contains("has no parameter `whom`"));
}

#[test]
fn what_is_away_outside_is_no_failure_of_a_plugin() {
    let world = World::new();
    world.run(&["plugin", "enable", "translate", "--yes"]).ok();
    for _ in 0..4 {
        let said = world.run(&["translate", "French", "hello"]);
        assert!(said.code != 0 && !said.stderr.contains("is disabled"), "{}", said.stderr);
    }
    assert_eq!(state(&world, "translate")["state"], "on");
    // Nor is it that somebody gives it a lot to read.
    world.run(&["plugin", "enable", "words", "--yes"]).ok();
    let out = world.run_with(&["words"], "word and more ".repeat(200_000));
    assert_eq!(out.code, 0, "{}", out.stderr);
}

#[test]
fn what_a_command_wrote_comes_whole_to_the_plugin_that_ran_it() {
    let world = World::new();
    define(&world, "### `/big`\n\n```sh\nhead -c 3000000 /dev/zero | tr '\\0' L; printf '\\377END'\n```\n");
    let manifest = "[permissions]\nrun = [\"big\"]\n[[commands]]\nname = \"measure\"";
    let script = "return { commands = { measure = function() local r = fac.run('big')
        return { n = #r.stdout, ends = string.byte(r.stdout, -4) .. string.sub(r.stdout, -3), cut = r.truncated } end } }";
    enable(&world, "runner", manifest, script);
    let said = json_of(&world.run(&["measure"]).ok());
    assert_eq!(said, json!({"n": 3_000_004, "ends": "255END", "cut": false}));
}

#[test]
fn one_that_was_off_does_not_hear_of_what_happened_meanwhile() {
    let world = World::new();
    define(&world, "### `/tick`\n\n```sh\ntrue\n```\n");
    let script = "return { event = function(e) fac.log.info(e.kind) end }";
    enable(&world, "ears", "hooks = [\"event\"]\nevents = [\"run.finished\"]", script);
    let heard = || {
        world.run(&["tick"]).ok();
        world.run(&["tock"]);
        log(&world, "ears").len()
    };
    heard();
    world.run(&["run", "tick"]).ok();
    let before = heard();
    world.run(&["plugin", "disable", "ears"]).ok();
    world.run(&["run", "tick"]).ok();
    world.run(&["run", "tick"]).ok();
    world.run(&["plugin", "enable", "ears", "--yes"]).ok();
    assert_eq!(heard(), before);
}

#[test]
fn what_a_plugin_runs_is_heard_by_no_plugin() {
    let world = World::new();
    define(&world, "### `/note`\n\n```sh\necho x >>noted\n```\n### `/boom`\n\n```sh\nfalse\n```\n");
    let manifest = "hooks = [\"event\"]\nevents = [\"run.finished\"]\n[permissions]\nrun = [\"note\"]";
    enable(&world, "echo", manifest, "return { event = function(e) fac.run('note') end }");
    // It hears from its first look on.
    world.run(&["tick"]);
    world.run(&["boom"]).failed(1);
    for _ in 0..4 {
        world.run(&["tick"]);
    }
    assert_eq!(world.read("noted"), "x\n");
}

#[test]
fn what_guards_reads_whatever_is_sent() {
    let server = crate::support::model::ModelServer::start();
    let world = crate::ask::world(&server);
    world.run(&["plugin", "enable", "redact", "--yes"]).ok();
    world.run(&["plugin", "enable", "translate", "--yes"]).ok();
    server.on(|_| crate::support::model::Answer::text("well"));
    let clean = |what: &str| {
        let last = server.last();
        let sent = format!("{} {}", last.system(), last.last_user());
        assert!(!sent.contains("hunter2") && sent.contains("[redacted]"), "{what}: {sent}");
    };
    let two = ["-m", "my-openai/test-model", "-m", "my-anthropic/test-model"];
    world.run(&[&["compare"], &two[..], &["password: hunter2hunter2"]].concat()).ok();
    clean("compare");
    world.run(&["ask", "--system", "password: hunter2hunter2", "hi"]).ok();
    clean("system");
    world.run(&["translate", "French", "password: hunter2hunter2"]).ok();
    clean("fac.ask");
    assert!(!world.tree().iter().any(|(path, bytes)| {
        // A system text is kept as it was given; what is sent is not.
        !path.to_string_lossy().contains("store.db") && bytes.windows(14).any(|w| w == b"hunter2hunter2")
    }));
}

#[test]
fn what_a_plugin_causes_is_known_as_a_consequence() {
    let world = World::new();
    world.run(&["plugin", "enable", "slow", "--yes"]).ok();
    define(
        &world,
        "### `/looper`\n**Mode:** queued\n\n**On:**\n- `event plugin.slow.failed`\n\n```sh\necho x >>loop; false\n```\n\
         ### `/boom`\n\n```sh\nfalse\n```\n",
    );
    world.run(&["auto", "enable", "looper", "--yes"]).ok();
    world.run(&["boom"]).failed(1);
    for _ in 0..30 {
        world.run(&["tick"]);
    }
    assert_eq!(world.read("loop").lines().count(), 8);
}

#[test]
fn nothing_that_may_be_there_only_once_goes_unasked() {
    let world = World::new();
    let folder = write(&world, "tidy", "", "return {} -- mine");
    let other = world.path("other");
    std::fs::create_dir_all(&other).unwrap();
    for file in ["plugin.toml", "main.luau"] {
        std::fs::copy(folder.join(file), other.join(file)).unwrap();
    }
    let install = |more: &[&str]| world.run(&[&["plugin", "install", other.to_str().unwrap()], more].concat());
    install(&[]).ok();
    std::fs::write(other.join("main.luau"), "return {} -- theirs").unwrap();
    assert!(install(&[]).failed(4).contains("is another, and was not fetched from a repository"));
    assert_eq!(std::fs::read_to_string(folder.join("main.luau")).unwrap(), "return {} -- mine");
    // What lies there goes also where it can no longer be read.
    std::fs::write(folder.join("plugin.toml"), "garbage [").unwrap();
    std::fs::write(folder.join("old.md"), "### `/stale`\n").unwrap();
    install(&["--yes"]).ok();
    assert!(!folder.join("old.md").exists());
    assert_eq!(std::fs::read_to_string(folder.join("main.luau")).unwrap(), "return {} -- theirs");
    // Nor what a plugin keeps.
    world.run(&["plugin", "enable", "daily", "--yes"]).ok();
    world.run(&["plugin", "rm", "daily"]).ok();
    world.run(&["plugin", "enable", "daily", "--yes"]).ok();
    world.run(&["daily", "a note"]).ok();
    world.run(&["plugin", "rm", "daily"]).failed(4);
    assert!(world.run(&["daily", "show"]).ok().contains("a note"));
    world.run(&["plugin", "rm", "daily", "--yes"]).ok();
}

#[test]
fn a_hook_is_tried_with_what_it_would_be_given() {
    let world = World::new();
    let all = ["before_command", "after_command", "event", "tick", "palette", "status"];
    let hooks: Vec<_> = all.iter().flat_map(|hook| ["--hook", hook]).collect();
    world.run(&[&["plugin", "new", "all"], &hooks[..]].concat()).ok();
    for hook in all {
        world.run(&["plugin", "test", "all", "--hook", hook]).ok();
    }
    assert!(world.run(&["plugin", "test", "all", "--hook", "prompt"]).failed(2).contains("say --prompt TEXT"));
    world.run(&["plugin", "test", "all", "--with", "{}"]).failed(2);
    // A reason may stand behind `false`, as in other hooks.
    define(&world, "### `/no`\n\n```sh\ntrue\n```\n");
    enable(
        &world,
        "strict",
        "hooks = [\"before_command\"]",
        "return { before_command = function() return false, 'not today' end }",
    );
    assert!(world.run(&["no"]).failed(4).contains("does not let `no` run: not today"));
}

#[test]
fn what_went_wrong_with_a_command_is_told_once_to_the_plugin_that_ran_it() {
    let world = World::new();
    define(&world, "### `/bad`\n\n```http\nGET nowhere\n```\n");
    let manifest = "[permissions]\nrun = [\"bad\"]\n[[commands]]\nname = \"runs bad\"";
    let script = "return { commands = { ['runs bad'] = function() return fac.run('bad').stderr end } }";
    enable(&world, "runner", manifest, script);
    let said = world.run(&["runs", "bad"]);
    let said = if said.code == 0 { said.stdout } else { world.run(&["run", "runs bad"]).ok() };
    assert_eq!(said.matches("is no address").count(), 1, "{said}");
}

#[test]
fn one_of_a_bundled_name_is_told_apart_from_the_bundled_one() {
    let world = World::new();
    let said = world.run(&["plugin", "new", "redact"]).failed(2);
    assert!(said.contains("a bundled plugin is called `redact`"), "{said}");
    world.run(&["plugin", "enable", "redact", "--yes"]).ok();
    write(&world, "redact", "", "return {}");
    let listed = json_of(&world.run(&["plugin", "ls", "--json"]).ok());
    let states: Vec<_> = listed["plugins"].as_array().unwrap().iter().filter(|p| p["name"] == "redact").collect();
    assert_eq!(states.iter().map(|p| p["state"].as_str().unwrap()).collect::<Vec<_>>(), ["off", "on"], "{listed}");
    assert!(world.run(&["plugin", "log", "nope"]).failed(3).contains("there is no plugin `nope`"));
    assert!(world.run(&["plugin", "log", "redact"]).stderr.contains("wrote nothing"));
}

#[test]
fn one_whose_folder_is_gone_is_named_with_the_way_to_forget_it() {
    let world = World::new();
    define(&world, "### `/ok`\n\n```sh\ntrue\n```\n");
    let folder = enable(&world, "ears", "hooks = [\"after_command\"]", "return { after_command = function() end }");
    std::fs::remove_dir_all(folder).unwrap();
    let out = world.run(&["ok"]);
    assert!(out.stderr.contains("`ears` is gone from") && out.stderr.contains("fac plugin rm ears"), "{out:?}");
}
