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
