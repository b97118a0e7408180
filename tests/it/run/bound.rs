//! Entries without a body: said to be such, and given one by `commands bind`.

use super::*;

const CATALOGUE: &str = "# C\n\n## Help Commands\n\n### `/assist`\n**Description:** Help with a topic\n**Usage:** `/assist [topic]`\n\n---\n\n\
    ### `/state`\n**Description:** Say how things are\n\n---\n";

fn with_catalogue() -> World {
    let world = world("### `/real <x> [--loud]`\n```sh\necho \"real $x ${loud-quiet}\"\n```\n");
    world.write("catalogue.md", CATALOGUE);
    add_here(&world);
    world
}

#[test]
fn an_unbound_entry_says_how_to_bind_it() {
    let world = with_catalogue();
    let said = world.run(&["assist"]).failed(6);
    assert!(said.contains("`assist` is only a reference entry") && said.contains("fac commands bind"), "{said}");
    assert_eq!(runs(&world).len(), 0);
}

#[test]
fn an_entry_is_bound_to_a_shell_line_a_command_or_a_prompt_and_unbound() {
    let world = with_catalogue();
    settings(&world, "# mine\ncolor = \"auto\" # keep\nlocal_models = false\n");
    world.run(&["commands", "bind", "/assist", "--shell", "echo \"about ${topic:-nothing}\""]).ok();
    assert_eq!(world.run(&["assist", "x; y"]).ok(), "about x; y\n");
    assert_eq!(world.run(&["assist"]).ok(), "about nothing\n");
    world.run(&["commands", "bind", "assist", "--to", "real --loud {{topic}}"]).ok();
    assert_eq!(world.run(&["assist", "a b"]).ok(), "real a b true\n");
    world.run(&["commands", "bind", "assist", "--prompt", "Explain {{topic}} to me"]).ok();
    let dry = json(&world.run(&["assist", "--dry-run", "--json", "{{topic}}"]));
    assert_eq!(dry["dry_run"]["steps"][0]["text"], "Explain {{topic}} to me");
    let said = world.run(&["assist", "x"]).failed(5);
    assert!(said.contains("no model is set up here"), "{said}");
    let file = std::fs::read_to_string(fac_home(&world).join("config/config.toml")).unwrap();
    assert!(file.starts_with("# mine\ncolor = \"auto\" # keep\nlocal_models = false\n"), "{file}");
    world.run(&["commands", "bind", "assist", "--remove"]).ok();
    world.run(&["assist"]).failed(6);
}

#[test]
fn bindings_that_make_no_sense_are_refused() {
    let world = with_catalogue();
    assert!(world.run(&["commands", "bind", "assist"]).failed(2).contains("nothing was said to bind `assist` to"));
    assert!(world.run(&["commands", "bind", "nothing", "--shell", "x"]).failed(3).contains("there is no command"));
    assert!(world.run(&["commands", "bind", "assist", "--to", "nowhere"]).failed(3).contains("nowhere"));
    assert!(world.run(&["commands", "bind", "real", "--shell", "x"]).failed(2).contains("has a body of its own"));
    world.run(&["commands", "bind", "assist", "--shell", "a", "--to", "real"]).failed(2);
    world.run(&["commands", "bind", "assist", "--to", "state"]).ok();
    assert!(world.run(&["assist"]).failed(6).contains("`state` is only a reference entry"));
    world.run(&["commands", "bind", "state", "--shell", "echo state"]).ok();
    assert_eq!(world.run(&["assist"]).ok(), "state\n");
    // A ring of bindings ends.
    world.run(&["commands", "bind", "state", "--to", "assist"]).ok();
    assert!(world.run(&["assist"]).failed(6).contains("deep"));
}
