//! What is heard and said: transcribers, speakers, models and recordings through the built program.

mod models;
mod recordings;
mod say;
mod server;
mod talk;
mod transcribe;
#[cfg(feature = "whisper")]
mod whisper;

use crate::support::world::World;

/// A world in which no server is looked for.
fn world() -> World {
    let mut world = World::new();
    world.set("FAC_LOCAL_MODELS", "false");
    world
}

/// Where a program is, or a printed word that the test is skipped without it.
fn needs(world: &World, program: &str) -> bool {
    let here = world.which(program).is_some();
    if !here {
        println!("skipped: {program} is not installed");
    }
    here
}
