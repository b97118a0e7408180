//! The project's, the user's and added folders: order of names, clashes, edits picked up by themselves.

use super::*;

#[test]
fn a_projects_commands_are_found_upwards_and_untrusted() {
    let lab = Lab::new();
    lab.world.write("app/.factotum/commands/dev.md", native(&[("start", "echo serving from $PWD")]));
    std::fs::create_dir_all(lab.world.path("app/src/deep")).unwrap();
    std::fs::create_dir_all(lab.world.path("elsewhere")).unwrap();
    let within = |folder: &str, args: &[&str]| {
        let mut command = lab.world.command(args);
        command.current_dir(lab.world.path(folder));
        finish(command, b"")
    };
    let refused = within("app/src/deep", &["start"]).failed(4);
    assert!(refused.contains("`project-app:start` comes from outside and is not trusted yet"), "{refused}");
    assert!(refused.contains("`fac source trust project-app --command start --yes`"), "{refused}");
    within("app", &["source", "trust", "project", "--yes"]).ok();
    let deep = lab.world.path("app/src/deep");
    assert_eq!(within("app/src/deep", &["start"]).ok(), format!("serving from {}\n", deep.display()));
    // Other projects' commands are not seen from elsewhere.
    assert_eq!(within("elsewhere", &["start"]).code, 3);
    assert_eq!(within("elsewhere", &["run", "project-app:start"]).code, 3);
    assert_eq!(within("elsewhere", &["commands", "show", "project-app:start"]).code, 3);
    for args in [
        &["commands", "ls"][..],
        &["source", "ls"],
        &["search", "serving"],
        &["__complete", "--", "sta"],
        &["source", "diff"],
    ] {
        assert!(!within("elsewhere", args).stdout.contains("project-app"), "{args:?}");
    }
    // A change asks again.
    lab.world.write("app/.factotum/commands/dev.md", native(&[("start", "echo other")]));
    let refused = within("app", &["start"]).failed(4);
    assert!(refused.contains("`project-app:start` has changed since it was trusted"), "{refused}");
}

#[test]
fn names_resolve_project_user_added_bundled() {
    let lab = Lab::new();
    let says = |what: &str| native(&[("which", &format!("echo {what}"))]);
    lab.kit("ada/first", &[("which", "echo first")]);
    lab.world.write("second/w.md", says("second"));
    lab.run(&["source", "add", "github:ada/first"]).ok();
    lab.run(&["source", "add", "./second"]).ok();
    for name in ["first", "second"] {
        lab.run(&["source", "trust", name, "--yes"]).ok();
    }
    let out = lab.run(&["which"]);
    assert_eq!(
        (out.stdout.as_str(), out.stderr.trim_end()),
        ("first\n", "running `first:which`; the name is also taken by `second:which`")
    );
    assert_eq!(lab.run(&["second:which"]).ok(), "second\n");
    assert_eq!(lab.run(&["run", "--from", "second", "which"]).ok(), "second\n");

    std::fs::create_dir_all(lab.fac("config/commands")).unwrap();
    std::fs::write(lab.fac("config/commands/w.md"), says("user")).unwrap();
    assert_eq!(lab.run(&["which"]).ok(), "user\n");

    // An untrusted project's name never shadows a trusted one; once it is trusted, it comes first.
    lab.world.write(".factotum/commands/w.md", says("project"));
    let out = lab.run(&["which"]);
    assert_eq!(out.stdout, "user\n");
    assert!(out.stderr.contains("`project-work:which`"), "the clash is said: {}", out.stderr);
    lab.run(&["source", "trust", "project", "--yes"]).ok();
    assert_eq!(lab.run(&["which"]).ok(), "project\n");
    assert_eq!(lab.run(&["user:which"]).ok(), "user\n");

    // Added sources come before the bundled ones.
    lab.kit("ada/greedy", &[("git recent", "echo mine")]);
    lab.run(&["source", "add", "github:ada/greedy"]).ok();
    assert_eq!(
        lab.error(4, &["git", "recent"])["message"],
        "`greedy:git recent` comes from outside and is not trusted yet"
    );
    lab.run(&["bundled:git", "recent", "--help"]).ok();
}

#[test]
fn local_edits_are_picked_up_and_ask_again() {
    let lab = Lab::new();
    let file = lab.world.write("box/kit.md", native(&[("one", "echo 1")]));
    lab.run(&["source", "add", "./box"]).ok();
    lab.run(&["source", "trust", "box", "--yes"]).ok();
    assert_eq!(lab.run(&["one"]).ok(), "1\n");
    std::fs::write(&file, native(&[("one", "echo 11"), ("two", "echo 2")])).unwrap();
    let error = lab.error(4, &["one"]);
    assert_eq!(error["message"], "`box:one` has changed since it was trusted");
    assert_eq!(lab.error(4, &["two"])["message"], "`box:two` comes from outside and is not trusted yet");
    // A new file is found too, and a removed one is gone.
    lab.world.write("box/more/three.md", native(&[("three", "echo 3")]));
    assert_eq!(lab.run(&["three"]).code, 4);
    std::fs::remove_file(&file).unwrap();
    assert_eq!(lab.run(&["one"]).code, 3);
    assert_eq!(lab.names("box"), ["three"]);
    // The user's own folder needs no trust.
    std::fs::create_dir_all(lab.fac("config/commands")).unwrap();
    std::fs::write(lab.fac("config/commands/mine.md"), native(&[("mine", "echo 1")])).unwrap();
    assert_eq!(lab.run(&["mine"]).ok(), "1\n");
    std::fs::write(lab.fac("config/commands/mine.md"), native(&[("mine", "echo 2")])).unwrap();
    assert_eq!(lab.run(&["mine"]).ok(), "2\n");
}

#[test]
fn a_required_command_in_another_file_is_read_anew_too() {
    let lab = Lab::new();
    let root = "---\nfactotum: 1\n---\n## `/all`\n**Requires:** `/base`\n```sh\necho all\n```\n";
    lab.world.write("box/all.md", root);
    let base = lab.world.write("box/base.md", native(&[("base", "echo 1")]));
    lab.run(&["source", "add", "./box"]).ok();
    lab.run(&["source", "trust", "box", "--yes"]).ok();
    assert_eq!(lab.run(&["all"]).ok(), "1\nall\n");
    std::fs::write(&base, native(&[("base", "echo 22")])).unwrap();
    assert_eq!(lab.error(4, &["all"])["message"], "`box:base` has changed since it was trusted");
}

#[test]
fn a_script_that_a_local_definition_names_is_part_of_it() {
    let lab = Lab::new();
    lab.world.write("box/kit.md", native(&[("build", "sh \"$FAC_SOURCE_DIR/tools/build.sh\"")]));
    let script = lab.world.write("box/tools/build.sh", ". \"$FAC_SOURCE_DIR/tools/lib.sh\"\necho built $x\n");
    let library = lab.world.write("box/tools/lib.sh", "x=1\n");
    lab.world.write("box/notes.txt", "nothing");
    lab.run(&["source", "add", "./box"]).ok();
    lab.run(&["source", "trust", "box", "--yes"]).ok();
    assert_eq!(lab.run(&["build"]).ok(), "built 1\n");
    lab.world.write("box/notes.txt", "anything else");
    assert_eq!(lab.run(&["build"]).ok(), "built 1\n");
    for file in [&script, &library] {
        let before = std::fs::read_to_string(file).unwrap();
        std::fs::write(file, format!("{before}touch PWNED\n")).unwrap();
        assert_eq!(lab.error(4, &["build"])["message"], "`box:build` has changed since it was trusted", "{file:?}");
        std::fs::write(file, before).unwrap();
        assert_eq!(lab.run(&["build"]).ok(), "built 1\n");
    }
    assert!(!lab.world.path("PWNED").exists());
}

#[test]
fn a_projects_settings_are_asked_about_with_its_commands() {
    let lab = Lab::new();
    lab.world.write(".factotum.toml", "[interpreters.sh]\nprogram = \"/bin/echo\"\n");
    lab.world.write(".factotum/commands/a.md", native(&[("a", "echo 1")]));
    let granted = lab.run(&["source", "trust", "project", "--yes"]).ok();
    assert_eq!(
        granted,
        "project-work:a  Does a.\nthe settings in .factotum.toml:\n  [interpreters.sh]\n  program = \"/bin/echo\"\n"
    );
    let json = lab.json(&["source", "untrust", "project"]);
    assert_eq!(json["permissions"], 2);
}
