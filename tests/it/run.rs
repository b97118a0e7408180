//! `fac run` from the outside: arguments, steps, records, ends, JSON and dry runs, through the binary.

mod arguments;
mod bound;
mod dialects;
mod dry_run;
mod interrupt;
mod json;
mod records;
mod steps;

use std::path::PathBuf;

use serde_json::Value;

use crate::support::world::{Output, World};

/// A world whose own commands are these native definitions.
pub fn world(definitions: &str) -> World {
    let world = World::new();
    own(&world, definitions);
    world
}

/// Where everything of `fac` lies in that world.
pub fn fac_home(world: &World) -> PathBuf {
    world.home().with_file_name("fac")
}

/// Puts native definitions into the person's own folder.
pub fn own(world: &World, definitions: &str) {
    let folder = fac_home(world).join("config/commands");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("kit.md"), format!("---\nfactotum: 1\n---\n# Kit\n\n{definitions}")).unwrap();
}

/// Writes the settings.
pub fn settings(world: &World, text: &str) {
    let folder = fac_home(world).join("config");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("config.toml"), text).unwrap();
}

/// Adds the folder programs start in as a source called `here` and trusts all of it.
pub fn add_here(world: &World) {
    world.run(&["source", "add", ".", "--name", "here"]).ok();
    world.run(&["source", "trust", "here", "--yes"]).ok();
}

/// What `--json` printed: one value and nothing else.
#[track_caller]
pub fn json(output: &Output) -> Value {
    serde_json::from_str(&output.stdout).unwrap_or_else(|e| panic!("{e}: {output:?}"))
}

/// The runs, newest first, as `runs ls --json` gives them.
pub fn runs(world: &World) -> Vec<Value> {
    let all = json(&world.run(&["runs", "ls", "--json", "-n", "1000"]));
    all["runs"].as_array().unwrap().clone()
}
