//! Eight at once while it runs: what each mode makes of them.

use super::*;

fn rule(name: &str, mode: &str, max: &str) -> String {
    format!(
        "### `/{name}`\n**On:**\n- `event test.rang{max}`\n\n**Mode:** {mode}\n\n\
         ```sh\necho begin >>{name}; sleep 0.7; echo end >>{name}\n```\n"
    )
}

#[test]
fn each_mode_does_what_it_says_with_eight_triggers() {
    let all =
        [("one", "single", ""), ("newest", "restart", ""), ("row", "queued", " max=3"), ("wide", "parallel", " max=3")];
    let world = world(&all.map(|(name, mode, max)| rule(name, mode, max)).concat());
    world.run(&["auto", "enable", "one", "newest", "row", "wide"]).ok();
    let up = Up::start(&world);
    let store = store(&world);
    (0..8).for_each(|n| ring(&store, n));
    up.heard("heard", 32);
    until("all work is over", || {
        // In one look: between two, what waits may begin.
        let counts = &asked(&world, &["jobs", "ls", "-n", "1"])["counts"];
        ["running", "waiting"].iter().all(|status| counts[*status].as_u64().unwrap_or(0) == 0)
    });
    let count = |name: &str, outcome: &str| outcomes(&world, name).iter().filter(|o| *o == outcome).count();
    let fired = all.map(|(name, ..)| (count(name, "fired"), count(name, "dropped")));
    assert_eq!(fired, [(1, 7), (8, 0), (3, 5), (3, 5)]);
    assert_eq!((counts(&world, "done"), counts(&world, "cancelled")), (1 + 1 + 3 + 3, 7));
    let ends = all.map(|(name, ..)| world.read(name).matches("end").count());
    assert_eq!(ends, [1, 1, 3, 3]);
    let row: Vec<String> = world.read("row").lines().map(String::from).collect();
    assert_eq!(row, ["begin", "end"].repeat(3), "one after another");
    assert!(world.read("wide").starts_with("begin\nbegin\nbegin\n"), "side by side");
    let said = world.run(&["auto", "trace", "row"]).ok();
    assert!(said.contains("3 run or wait already, which is the most"), "{said}");
    assert_eq!(up.end(), 0);
}
