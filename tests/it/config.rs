//! `fac config`: see, explain and change settings, layer over layer.

use serde_json::Value;

use crate::support::world::{World, finish};

fn settings(world: &World) -> String {
    std::fs::read_to_string(world.fac().join("config/config.toml")).unwrap()
}

fn write(world: &World, text: &str) {
    std::fs::create_dir_all(world.fac().join("config")).unwrap();
    std::fs::write(world.fac().join("config/config.toml"), text).unwrap();
}

fn get(world: &World, key: &str) -> String {
    world.run(&["config", "get", key]).ok().trim_end().to_string()
}

#[test]
fn what_is_set_is_written_beside_the_comments_and_taken_out_again() {
    let world = World::new();
    write(&world, "# mine\ncolor = \"auto\" # the default\n\n[run]\n# short\ntimeout = \"5m\"\n");
    world.run(&["config", "set", "color", "never"]).ok();
    world.run(&["config", "set", "run.keep_runs", "50"]).ok();
    world.run(&["config", "set", "sources.parallel", "4"]).ok();
    let text = settings(&world);
    assert!(text.starts_with("# mine\ncolor = \"never\" # the default\n"), "{text}");
    assert!(text.contains("# short\ntimeout = \"5m\"\nkeep_runs = 50\n"), "{text}");
    assert_eq!((get(&world, "run.keep_runs").as_str(), get(&world, "sources.parallel").as_str()), ("50", "4"));
    world.run(&["config", "unset", "run.keep_runs"]).ok();
    assert_eq!(get(&world, "run.keep_runs"), "10000");
    assert!(settings(&world).contains("# short"));
    assert!(world.run(&["config", "unset", "run.keep_runs"]).stderr.contains("was not set"));
    assert_eq!(
        world.run(&["config", "path"]).ok().trim_end(),
        world.fac().join("config/config.toml").to_str().unwrap()
    );
}

#[test]
fn a_wrong_name_or_value_names_the_nearest_and_changes_nothing() {
    let world = World::new();
    for words in [
        &["config", "set", "run.timout", "5m"][..],
        &["config", "get", "run.timout"],
        &["config", "unset", "run.timout"],
    ] {
        let said = world.run(words).failed(2);
        assert!(said.contains("run.timeout"), "{words:?}: {said}");
    }
    for (key, value) in
        [("color", "sometimes"), ("run.keep_runs", "many"), ("run.timeout", "soon"), ("sources.parallel", "0")]
    {
        let said = world.run(&["config", "set", key, value]).failed(2);
        assert!(said.contains(value) && said.contains(key), "{said}");
    }
    assert!(!world.fac().join("config/config.toml").exists());
    let said = world.run(&["config", "set", "github.token", "x"]).failed(4);
    assert!(said.contains("github.token"), "{said}");
    assert!(world.run(&["config", "get", "run.timeout"]).failed(3).contains("`run.timeout` is not set"));
}

#[test]
fn check_names_file_line_and_nearest_key() {
    let world = World::new();
    assert_eq!(world.run(&["config", "check"]).stderr, "the settings are fine\n");
    write(&world, "color = \"auto\"\n\n[run]\ntimout = \"5m\"\n");
    let file = world.fac().join("config/config.toml");
    let out = world.run(&["config", "check"]);
    assert_eq!(out.code, 6);
    assert!(out.stdout.starts_with(&format!("{}:4:", file.display())), "{}", out.stdout);
    assert!(out.stdout.contains("run.timeout"), "{}", out.stdout);
    let value: Value = serde_json::from_str(&world.run(&["config", "check", "--json"]).stdout).unwrap();
    assert_eq!((&value["problems"][0]["line"], value["problems"].as_array().unwrap().len()), (&Value::from(4), 1));
    // The same mistake stops what reads the settings, with the place, and not what does not.
    let said = world.run(&["commands", "ls"]).failed(6);
    assert!(said.contains(":4:") && said.contains("run.timeout"), "{said}");
    assert_eq!(world.run(&["--version"]).code, 0);
    write(&world, "color = \"auto\nx");
    assert_eq!(world.run(&["config", "check"]).code, 6);
    std::fs::remove_file(&file).unwrap();
    let mut with_a_variable = world.command(&["config", "check"]);
    with_a_variable.env("FAC_RUN_TIMEOUT", "soon");
    let said = finish(with_a_variable, b"").failed(6);
    assert!(said.contains("the variable FAC_RUN_TIMEOUT wants a length of time"), "{said}");
    // It can be mended by the program itself.
    write(&world, "[run]\ntimout = \"5m\"\n");
    let fixed = World::new();
    drop(fixed);
    let mut world = world;
    world.set("EDITOR", "sed -i s/timout/timeout/");
    world.run(&["config", "edit"]).ok();
    assert_eq!(get(&world, "run.timeout"), "5m");
    world.set("EDITOR", "sed -i s/timeout/timout/");
    assert_eq!(world.run(&["config", "edit"]).code, 6);
}

#[test]
fn layers_lie_in_their_order_and_explain_says_who_spoke() {
    let mut world = World::new();
    let origin = |world: &World, args: &[&str]| {
        let out = world.run(&[args, &["config", "get", "color", "--json"]].concat());
        let value: Value = serde_json::from_str(&out.ok()).unwrap();
        (value["value"].as_str().unwrap().to_string(), value["origin"].as_str().unwrap().to_string())
    };
    assert_eq!(origin(&world, &[]), ("auto".into(), "default".into()));
    write(&world, "color = \"always\"\n");
    assert_eq!(origin(&world, &[]).0, "always");
    assert!(origin(&world, &[]).1.contains("config.toml"));
    world.write(".factotum.toml", "color = \"never\"\n");
    assert_eq!(origin(&world, &[]).0, "never");
    assert!(origin(&world, &[]).1.contains(".factotum.toml"));
    world.set("FAC_COLOR", "auto");
    assert_eq!(origin(&world, &[]), ("auto".into(), "environment FAC_COLOR".into()));
    let (value, who) = origin(&world, &["--color", "always"]);
    assert_eq!(value, "always");
    assert!(who.contains("--color"), "{who}");
    let explained: Value = serde_json::from_str(&world.run(&["config", "explain", "color", "--json"]).ok()).unwrap();
    assert_eq!(explained["settings"][0]["shadowed"].as_array().unwrap().len(), 3, "{explained}");
}

#[test]
fn a_project_sets_only_harmless_keys_until_it_is_trusted() {
    let world = World::new();
    world.write(".factotum.toml", "color = \"never\"\n\n[interpreters.sh]\nprogram = \"/tmp/evil\"\n");
    assert_eq!(get(&world, "color"), "never");
    let out = world.run(&["config", "explain"]);
    assert!(!out.stdout.contains("/tmp/evil"), "{out:?}");
    assert!(out.stderr.contains("interpreters.sh.program") && out.stderr.contains("trust"), "{out:?}");
    assert_eq!(world.run(&["config", "get", "interpreters.sh.program"]).code, 3);
    world.run(&["source", "trust", "project", "--yes"]).ok();
    assert_eq!(get(&world, "interpreters.sh.program"), "/tmp/evil");
    // Another text is another matter.
    world.write(".factotum.toml", "[interpreters.sh]\nprogram = \"/tmp/worse\"\n");
    assert_eq!(world.run(&["config", "get", "interpreters.sh.program"]).code, 3);
}

#[test]
fn profiles_homes_and_files_are_chosen_by_flag_or_variable() {
    let mut world = World::new();
    write(&world, "color = \"auto\"\n\n[profile.work]\ncolor = \"never\"\n");
    let color = |world: &World, args: &[&str]| world.run(&[args, &["config", "get", "color"]].concat()).ok();
    assert_eq!(color(&world, &["--profile", "work"]), "never\n");
    assert_eq!(color(&world, &[]), "auto\n");
    world.set("FAC_PROFILE", "work");
    assert_eq!(color(&world, &[]), "never\n");
    let said = world.run(&["--profile", "wrok", "config", "get", "color"]);
    assert!(said.code != 0 && said.stderr.contains("work"), "{said:?}");
    world.write("other.toml", "color = \"always\"\n");
    world.set("FAC_PROFILE", "");
    assert_eq!(color(&world, &["--config", "other.toml"]), "always\n");
    assert_ne!(world.run(&["--config", "gone.toml", "config", "get", "color"]).code, 0);
    world.run(&["--home", "elsewhere", "config", "set", "color", "never"]).ok();
    assert_eq!(world.read("elsewhere/config/config.toml"), "color = \"never\"\n");
    assert_eq!(color(&world, &["--home", "elsewhere"]), "never\n");
    assert_eq!(color(&world, &[]), "auto\n");
}

#[test]
fn what_cannot_be_done_is_said_and_nothing_hangs() {
    let world = World::new();
    let said = world.run(&["config", "edit"]).failed(2);
    assert!(said.starts_with("error: there is no terminal to edit ") && said.contains("set EDITOR"), "{said}");
    let said = world.run(&["config", "explain", "colr"]).failed(2);
    assert!(said.starts_with("error: there is no setting colr; the nearest is color\n"), "{said}");
    assert!(world.run(&["config", "explain", "log."]).ok().lines().count() > 1);
    let said = world.run(&["config", "set", "usage.daily_budget", "lots"]).failed(2);
    assert!(said.contains("wants a sum of dollars such as 1.25, not \"lots\""), "{said}");
    world.run(&["config", "set", "usage.daily_budget", "$2.50"]).ok();
    write(&world, "[usage]\ndaily_budget = 2.5\ndaily_warning = 2\n");
    world.run(&["config", "check"]).ok();
    assert_eq!(get(&world, "usage.daily_budget"), "2.5");
    write(&world, "[usage]\ndaily_budget = true\n");
    assert!(world.run(&["config", "check"]).stdout.contains("wants a sum of dollars"));
    let path: serde_json::Value = serde_json::from_str(&world.run(&["config", "path", "--json"]).ok()).unwrap();
    assert!(path["path"].as_str().unwrap().ends_with("config.toml"), "{path}");
}
