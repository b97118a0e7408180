//! What plugins cost: a hook of a message and of a command, a state that is loaded, an enabled plugin that is idle.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use factotum::app::{App, Options};
use factotum::chat::filter::Way;
use factotum::kernel::env::Env;
use factotum::plugins::limits::Limits;
use factotum::plugins::places;
use factotum::plugins::{Active, Plugins};

use crate::measure::percentile;

const CALLS: usize = 20_000;
const MANY: usize = 50;

/// Resident memory of this process, KiB.
fn resident() -> f64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    text.split_whitespace().nth(1).and_then(|pages| pages.parse::<f64>().ok()).unwrap_or(f64::NAN) * 4.0
}

fn app(home: &Path) -> App {
    let options = Options { home: Some(home.to_path_buf()), ..Options::default() };
    App::new(Env::from_process(), &options).unwrap()
}

fn write(folder: &Path, name: &str, manifest: &str, script: &str) {
    let folder = folder.join(name);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("plugin.toml"), format!("name = \"{name}\"\nversion = \"1\"\n{manifest}\n")).unwrap();
    std::fs::write(folder.join("main.luau"), script).unwrap();
}

fn enable(app: &App, name: &str) {
    let found = places::find(&app.paths.plugins_dir, name).unwrap();
    app.plugins().unwrap().enable(&found).unwrap();
}

fn active(plugins: &Plugins, name: &str) -> Arc<Active> {
    plugins.active(name).unwrap()
}

/// Microseconds of each call.
fn times(mut work: impl FnMut()) -> Vec<f64> {
    (0..CALLS + 200)
        .map(|_| {
            let begun = Instant::now();
            work();
            begun.elapsed().as_secs_f64() * 1e6
        })
        .skip(200)
        .collect()
}

fn row(name: &str, times: &[f64]) {
    let at = |share| percentile(times, share);
    println!("  {name:<52} p50 {:>7.2} µs   p99 {:>7.2} µs", at(0.5), at(0.99));
}

/// Measures and prints.
pub fn plugins(work: &Path) {
    println!("\nPlugins (aims: a hook ≤ 20 µs, an idle plugin ≤ 100 KB)");
    let home = work.join("plugins-home");
    let app = app(&home);
    let script = "return { prompt = function(text) return nil end, before_command = function(c) return nil end }";
    write(&app.paths.plugins_dir, "bench", "hooks = [\"prompt\", \"before_command\"]", script);
    enable(&app, "bench");
    let plugins = app.plugins().unwrap();
    let hook = active(plugins, "bench");
    let about = serde_json::json!({"command": "x", "source": "y", "args": {"values": {"a": "b"}, "rest": []}, "trigger": "manual"});
    row(
        "a command's hook, with its arguments",
        &times(|| drop(plugins.call(&hook, &["before_command"], vec![about.clone()]))),
    );
    let runtime = factotum::app::runtime::runtime().unwrap();
    let filters = plugins.filters().unwrap();
    let text = "a message of a common length, some sixty characters or so, twice. ".repeat(2);
    let pass = || drop(runtime.block_on(filters[0].pass(Way::Prompt, &text)));
    row("a message's filter, 130 characters", &times(pass));
    row("who is enabled, asked of the store", &times(|| drop(plugins.enabled())));
    enable(&app, "redact");
    let redact = plugins.filters().unwrap().into_iter().find(|filter| filter.name() == "redact").unwrap();
    row("the bundled `redact`, 130 characters", &times(|| drop(runtime.block_on(redact.pass(Way::Prompt, &text)))));
    for number in 0..MANY {
        write(&app.paths.plugins_dir, &format!("idle-{number}"), "hooks = [\"prompt\"]", script);
    }
    let before = resident();
    for number in 0..MANY {
        enable(&app, &format!("idle-{number}"));
    }
    let all = plugins.filters().unwrap();
    println!("  {:<52} {:>7.1} KiB", "an enabled plugin that nobody called", (resident() - before) / MANY as f64);
    let before = resident();
    all.iter().for_each(|filter| drop(runtime.block_on(filter.pass(Way::Prompt, &text))));
    println!("  {:<52} {:>7.1} KiB", "a plugin whose state is loaded", (resident() - before) / MANY as f64);
    let endless = "return { prompt = function(text) while true do pcall(string.find, string.rep('a', 3000), string.rep('a*', 30) .. 'b') end end }";
    write(&app.paths.plugins_dir, "endless", "hooks = [\"prompt\"]", endless);
    let bounds = Limits { steps: 0, ..Limits::default() };
    let found = places::find(&app.paths.plugins_dir, "endless").unwrap();
    let trial = factotum::plugins::trial::Trial::new(&found, bounds, 1 << 20, app.clock.clone()).unwrap();
    let begun = Instant::now();
    let _ = trial.pass(factotum::plugins::manifest::Hook::Prompt, "x");
    let took = begun.elapsed();
    println!("  {:<52} {:>7.2} s", "a pattern without end, swallowed by pcall, ends after", took.as_secs_f64());
    assert!(took < Duration::from_secs(6));
}
