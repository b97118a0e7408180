//! Where tokens come from, and that they go nowhere but to their host.

use super::*;
use crate::support::github::Failure;

const CANARY: &str = "ghp_canary0123456789abcdef";

/// A `gh` that knows a token and counts how often it was asked.
fn install_gh(lab: &mut Lab) {
    use std::os::unix::fs::PermissionsExt;
    let script = format!("#!/bin/sh\necho \"$*\" >> \"$HOME/asked\"\necho {CANARY}\n");
    let gh = lab.world.write("bin/gh", script);
    std::fs::set_permissions(&gh, std::fs::Permissions::from_mode(0o755)).unwrap();
    let folder = lab.world.path("bin");
    lab.world.prepend_path(&folder);
}

/// Everything that fetches, well and badly, with the log wide open; whatever it says and leaves behind is searched.
fn exercise(lab: &Lab) {
    let mut said = String::new();
    let mut run = |args: &[&str]| {
        let out = lab.run(&[&["-vv"], args].concat());
        said.push_str(&format!("{}{}", out.stdout, out.stderr));
        out.code
    };
    assert_eq!(run(&["source", "add", "github:ada/private"]), 0);
    assert_eq!(run(&["source", "add", "github:ada/many"]), 0);
    assert_eq!(run(&["source", "update"]), 0);
    assert_eq!(run(&["source", "info", "private"]), 0);
    assert_eq!(run(&["source", "trust", "private", "--yes"]), 0);
    assert_eq!(run(&["leak"]), 0);
    assert_eq!(run(&["doctor"]), 0);
    lab.hub().fail_always("/repos/", Failure::Status(401, "Bad credentials", vec![]));
    assert_eq!(run(&["source", "update"]), 4);
    lab.hub().heal();
    lab.hub().fail_always("/repos/", Failure::Redirect(302, "http://127.0.0.1:9/elsewhere".into()));
    assert_eq!(run(&["source", "update"]), 4);
    lab.hub().heal();
    assert!(!said.contains(CANARY), "{said}");
    assert_eq!(holds(&lab.fac(""), CANARY), Vec::<String>::new());
    let log = std::fs::read_to_string(lab.fac("state/fac.log")).unwrap();
    assert!(log.lines().count() > 5, "{log}");
}

fn repositories(lab: &Lab) {
    lab.kit("ada/private", &[("leak", "gh auth token | wc -c")]).make_private(CANARY);
    let many: Vec<(String, String)> =
        (0..40).map(|n| (format!("c{n}.md"), native(&[(&format!("c{n}"), "echo 1")]))).collect();
    let files: Vec<(&str, &str)> = many.iter().map(|(p, t)| (p.as_str(), t.as_str())).collect();
    lab.hub().repo("ada/many").commit(&files, "First");
}

#[test]
fn a_token_of_the_environment_stays_with_its_host() {
    let mut lab = Lab::new();
    install_gh(&mut lab);
    lab.world.set("GH_TOKEN", CANARY);
    repositories(&lab);
    exercise(&lab);
    let requests = lab.hub().requests();
    let (archives, api): (Vec<_>, Vec<_>) = requests.iter().partition(|r| r.codeload);
    assert!(!archives.is_empty() && !api.is_empty());
    assert!(api.iter().all(|r| r.header("authorization") == Some(&format!("Bearer {CANARY}"))));
    assert!(archives.iter().all(|r| r.headers.iter().all(|(_, v)| !v.contains(CANARY))), "{archives:?}");
    let asked = std::fs::read_to_string(lab.world.home().join("asked")).unwrap_or_default();
    assert_eq!(asked.lines().filter(|l| l.contains("--hostname")).count(), 0, "the environment comes first: {asked}");
}

#[test]
fn gh_is_asked_once_a_host_and_its_token_is_kept_secret() {
    let mut lab = Lab::new();
    install_gh(&mut lab);
    repositories(&lab);
    exercise(&lab);
    std::fs::remove_file(lab.world.home().join("asked")).unwrap();
    lab.run(&["source", "update"]).ok();
    let asked = std::fs::read_to_string(lab.world.home().join("asked")).unwrap();
    assert_eq!(asked, "auth token --hostname github.com\n");
    // Nobody is asked for what needs no network.
    std::fs::remove_file(lab.world.home().join("asked")).unwrap();
    lab.run(&["source", "ls"]).ok();
    lab.run(&["commands", "ls"]).ok();
    assert!(!lab.world.home().join("asked").exists());
}

#[test]
fn a_token_that_a_script_prints_is_shown_and_not_kept() {
    let mut lab = Lab::new();
    lab.world.set("GH_TOKEN", CANARY);
    let flood = "yes \"my token is $GH_TOKEN\" | head -n 20000";
    lab.kit("ada/kit", &[("leak", "echo \"my token is $GH_TOKEN\""), ("flood", flood)]);
    lab.run(&["source", "add", "github:ada/kit"]).ok();
    lab.run(&["source", "trust", "kit", "--yes"]).ok();
    assert_eq!(lab.run(&["-vv", "leak"]).ok(), format!("my token is {CANARY}\n"));
    lab.run(&["leak", "--json"]).ok();
    assert_eq!(lab.run(&["flood"]).ok().lines().count(), 20000, "what a person runs is shown as it is");
    assert_eq!(holds(&lab.fac(""), CANARY), Vec::<String>::new());
}

#[test]
fn an_enterprise_server_gets_its_own_token_and_no_other() {
    let mut lab = Lab::new();
    // The stand-in's own host and port play the Enterprise server.
    let host = lab.hub().api_url.trim_start_matches("http://").to_string();
    lab.world.set("GH_TOKEN", "ghp_for_the_cloud_only");
    lab.kit("ada/kit", &[("a", "echo 1")]).make_private(CANARY);
    lab.world.set("GH_ENTERPRISE_TOKEN", CANARY);
    lab.world.set("GH_HOST", &host);
    lab.run(&["source", "add", &format!("https://{host}/ada/kit")]).ok();
    assert_eq!(lab.names("kit"), ["a"]);
    lab.run(&["source", "update"]).ok();
    let requests = lab.hub().requests();
    assert!(requests.iter().all(|r| r.codeload || r.header("authorization") == Some(&format!("Bearer {CANARY}"))));
    // Without its name the server gets nothing.
    lab.world.set("GH_HOST", "");
    lab.hub().take_log();
    let failed = lab.run(&["source", "update"]);
    assert_ne!(failed.code, 0, "{failed:?}");
    assert!(lab.hub().requests().iter().all(|r| r.header("authorization").is_none()));
}
