//! The log: JSON lines with the trace of what happened, and no secret.

use serde_json::Value;

use crate::support::world::World;

const CANARY: &str = "c4n4ry-s3cret-value";

fn lines(world: &World) -> Vec<Value> {
    let text = std::fs::read_to_string(world.fac().join("state/fac.log")).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect()
}

#[test]
fn every_line_is_json_with_the_trace_of_the_run() {
    let world = World::new();
    world.run(&["commands", "new", "hi", "--script", "echo hi"]).ok();
    let before = lines(&world).len();
    world.run(&["-v", "hi"]).ok();
    let own: Vec<Value> = lines(&world).split_off(before);
    assert!(!own.is_empty());
    for line in &own {
        for field in ["timestamp", "level", "trace", "message"] {
            assert!(line[field].is_string(), "{line}");
        }
    }
    let runs: Value = serde_json::from_str(&world.run(&["runs", "ls", "--json"]).ok()).unwrap();
    let trace = runs["runs"][0]["trace"].as_str().unwrap();
    assert_eq!(trace.len(), 32);
    assert!(own.iter().all(|line| line["trace"] == trace), "{own:?}\n{trace}");
}

#[test]
fn how_much_is_written_is_asked_by_flag_variable_and_settings() {
    let count = |set: &[(&str, &str)], args: &[&str]| {
        let mut world = World::new();
        set.iter().for_each(|(name, value)| world.set(name, value));
        world.run(&[args, &["nosuch"]].concat());
        lines(&world).iter().map(|l| l["level"].as_str().unwrap().to_string()).collect::<Vec<_>>()
    };
    assert_eq!(count(&[("FAC_LOG", "off")], &[]), [""; 0]);
    assert_eq!(count(&[("FAC_LOG", "warn")], &[]), ["warn"]);
    assert_eq!(count(&[], &[]), ["info", "warn"]);
    assert!(count(&[("FAC_LOG", "off")], &["-v"]).len() >= 2, "a flag beats a variable");
    assert!(count(&[("FAC_LOG_LEVEL", "off")], &[]).is_empty());
}

#[test]
fn a_secret_never_reaches_log_record_or_database() {
    let mut world = World::new();
    world.set("FAC_SECRET_API", CANARY);
    world.set("GH_TOKEN", &format!("ghp_{CANARY}"));
    world.set("FAC_LOG", "trace");
    let signature = "hide <who>";
    let text = format!(
        "---\nfactotum: 1\n---\n# `/{signature}`\n**Options:**\n- `who` (secret): Who\n\n```sh\necho \"it is $who\"\n```\n"
    );
    std::fs::create_dir_all(world.fac().join("config/commands")).unwrap();
    std::fs::write(world.fac().join("config/commands/hide.md"), text).unwrap();
    let parameter = "p4rameter-s3cret";
    let out = world.run(&["-vv", "hide", parameter]);
    assert_eq!(out.code, 0, "{out:?}");
    world.run(&["-vv", "hide", parameter, "--json"]);
    world.run(&["-vv", "search", CANARY]);
    world.run(&["-vv", "doctor"]);
    world.run(&["-vv", &format!("nosuch-{CANARY}")]);
    world.run(&["runs", "ls"]).ok();
    assert!(lines(&world).len() > 5);
    for (path, bytes) in world.tree() {
        for canary in [CANARY, parameter] {
            // What a script prints itself is its own business, but the log must be clean of it.
            let found = bytes.windows(canary.len()).any(|w| w == canary.as_bytes());
            assert!(!found, "{canary} in {}", path.display());
        }
    }
}

#[test]
fn a_log_that_cannot_be_written_stops_nothing() {
    let world = World::new();
    std::fs::create_dir_all(world.fac().join("state/fac.log")).unwrap();
    assert_eq!(world.run(&["calc", "1+1"]).code, 0);
    assert!(world.run(&["doctor"]).stdout.contains("fac.log"));
}
