//! What other dialects promise their scripts: mask's `$MASK`, xc's inputs, runme's prompts, Claude's words.

use super::*;

#[test]
fn mask_scripts_can_call_each_other_and_find_their_folder() {
    let world = World::new();
    world.write(
        "sub/maskfile.md",
        "# M\n\n## build (target) [mode]\n\n> Build it\n\n**OPTIONS**\n* fast\n    * flags: -f --fast\n* level\n    * flags: -l --level\n    * type: number\n\n\
         ```sh\nset -u\necho \"$target|$mode|${fast-unset}|${level-unset}|${verbose-unset}\"\n```\n\n\
         ## all\n\n```bash\n$MASK build one two -f --level 3 -v\n$MASK build 'a b'\ncd / && $MASK db reset\n\
         test \"$MASKFILE_DIR\" = \"$(cd \"$OLDPWD/sub\" && pwd)\" && echo folder\n```\n\n\
         ## db\n\n### db reset\n\n```sh\necho \"reset in $PWD\"\n```\n\n## fails\n\n```sh\n$MASK nothing\n```\n",
    );
    add_here(&world);
    let want = "one|two|true|3|true\na b||unset|unset|unset\nreset in /\nfolder\n";
    assert_eq!(world.run(&["all"]).ok(), want);
    assert_eq!(runs(&world).len(), 4, "each call is a run of its own");
    let said = world.run(&["fails"]).failed(3);
    assert!(said.contains("there is no command"), "{said}");
    assert!(world.run(&["build", "x", "--level", "many"]).failed(2).contains("`level` must be a number"));
    // The folders that a flag names are the ones the script's own calls use.
    let home = world.path("elsewhere").display().to_string();
    for words in [&["source", "add", "./sub", "--name", "there"][..], &["source", "trust", "there", "--yes"]] {
        world.run(&[&["--home", &home], words].concat()).ok();
    }
    assert_eq!(world.run(&["--home", &home, "run", "there:all"]).ok(), want);
    let inner = json(&world.run(&["--home", &home, "runs", "ls", "--json"]));
    assert_eq!(inner["runs"].as_array().unwrap().len(), 4);
}

#[test]
fn xc_tasks_take_inputs_by_word_environment_and_default_and_stop_at_the_first_failure() {
    let mut world = World::new();
    world.write(
        "sub/README.md",
        "# P\n\n<!-- xc-heading -->\n## Tasks\n\n### greet\nInputs: NAME, GREETING\n\nEnv: GREETING=hello\n\n\
         ```\necho \"$GREETING $NAME $1 $# $*\"\npwd\n```\n\n\
         ### strict\n\n```\nfalse\necho not reached\n```\n\n### both\nRequires: greet Ada, strict\n\n```\necho not reached\n```\n\n\
         ### here\nDirectory: $PWD\n\n```\npwd\n```\n\n### py\nInputs: NAME\n\n```\n#!/usr/bin/env python3\nimport os, sys\nprint(os.environ['NAME'], sys.argv[1:])\n```\n",
    );
    add_here(&world);
    let sub = world.path("sub").display().to_string();
    assert_eq!(world.run(&["greet", "Ada"]).ok(), format!("hello Ada Ada 2 Ada hello\n{sub}\n"));
    assert_eq!(world.run(&["greet", "Ada", "hi", "x", "y"]).ok(), format!("hi Ada Ada 4 Ada hi x y\n{sub}\n"));
    assert!(world.run(&["greet"]).failed(2).contains("`greet` needs <NAME>"));
    world.set("NAME", "Grace");
    assert_eq!(world.run(&["greet"]).ok(), format!("hello Grace Grace 2 Grace hello\n{sub}\n"));
    let out = world.run(&["strict"]);
    assert_eq!((out.code, out.stdout.as_str()), (1, ""));
    let out = world.run(&["both"]);
    assert_eq!((out.code, out.stdout), (1, format!("hello Ada Ada 2 Ada hello\n{sub}\n")));
    assert_eq!(world.run(&["here"]).ok(), format!("{}\n", world.work().display()));
    assert_eq!(world.run(&["py", "Ada"]).ok(), "Ada ['Ada']\n");
}

#[test]
fn runme_cells_ask_for_their_exports_and_choose_their_interpreter() {
    let world = World::new();
    world.write(
        "docs/RUNME.md",
        "# R\n\n```sh {\"name\":\"greet\"}\nexport NAME=Ada # who\nexport TOKEN=[token]\nexport LINE=\"$NAME!\"\necho \"$NAME $TOKEN $LINE\"\n```\n\n\
         ```sh {\"name\":\"quiet\",\"promptEnv\":\"no\"}\nexport NAME=Ada\necho \"$NAME\"\n```\n\n\
         ```sh {\"name\":\"py\",\"interpreter\":\"python3\"}\nprint(6 * 7)\n```\n\n\
         ```sh {\"name\":\"where\",\"cwd\":\"..\"}\n$ pwd\n```\n",
    );
    add_here(&world);
    assert!(world.run(&["greet"]).failed(2).contains("`greet` needs `--TOKEN`"));
    assert_eq!(world.run(&["greet", "--TOKEN", "t"]).ok(), "Ada t Ada!\n");
    assert_eq!(world.run(&["greet", "--set", "TOKEN=t", "--NAME=Grace"]).ok(), "Grace t Grace!\n");
    assert_eq!(runs(&world)[0]["args"]["values"]["TOKEN"], "***", "a token is taken for a secret");
    assert_eq!(world.run(&["quiet"]).ok(), "Ada\n");
    assert_eq!(world.run(&["py"]).ok(), "42\n");
    assert_eq!(world.run(&["where"]).ok(), format!("{}\n", world.work().display()));
}

#[test]
fn tldr_and_navi_snippets_run_with_lists_choices_and_options() {
    let world = World::new();
    world.write(
        "pages/common/put.md",
        "# put\n\n> Print.\n\n- Many words:\n\n`printf '<%s>' {{[-s|--long]}} {{file1 file2 ...}}`\n\n- Pick one:\n\n`printf '<%s>' {{on|off}}`\n",
    );
    world.write("kit.cheat", "% kit\n\n# twice\nprintf '<%s>' <a> \\\n  <a-b>\n");
    add_here(&world);
    let list = json(&world.run(&["commands", "ls", "--json", "--source", "here"]));
    let names: Vec<&str> = list["commands"].as_array().unwrap().iter().map(|c| c["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["kit twice", "put many-words", "put pick-one"]);
    let many = world.run(&["put", "many-words", "--set", "file=a b", "--set", "file=*"]);
    assert_eq!((many.code, many.stdout.as_str()), (0, "<--long><a b><*>"));
    assert!(many.stderr.contains("$ printf '<%s>' --long"), "it is shown before it runs: {}", many.stderr);
    assert_eq!(world.run(&["put", "pick-one", "off"]).ok(), "<off>");
    assert_eq!(world.run(&["kit", "twice", "--set", "a=1", "--set", "a-b=2 3"]).ok(), "<1><2 3>");
    assert!(world.run(&["kit", "twice", "--set", "a=1"]).failed(2).contains("needs `--a-b`"));
}
