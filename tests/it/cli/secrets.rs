//! `fac secret`: a value goes in and is never seen again.

use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use crate::support::pty::Seat;
use crate::support::world::World;

const CANARY: &str = "c4n4ry-s3cret-value";

fn everything_written(world: &World) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    world.tree().into_iter().filter(|(path, _)| !path.ends_with("data/secrets.json")).collect()
}

fn holds_canary(bytes: &[u8]) -> bool {
    bytes.windows(CANARY.len()).any(|w| w == CANARY.as_bytes())
}

#[test]
fn a_secret_comes_from_stdin_into_a_file_for_its_owner_alone() {
    let world = World::new();
    let out = world.run_with(&["-vv", "secret", "set", "api-token"], format!("{CANARY}\n"));
    assert_eq!(out.code, 0, "{out:?}");
    assert!(!holds_canary(format!("{out:?}").as_bytes()), "{out:?}");
    let file = world.fac().join("data/secrets.json");
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(file.parent().unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o700);
    assert!(std::fs::read_to_string(&file).unwrap().contains(&format!("\"{CANARY}\"")), "without the line's end");
    let listed = world.run(&["secret", "ls"]).ok();
    assert!(listed.starts_with("api_token  ") && !listed.contains(CANARY), "{listed}");
    let listed = world.run(&["secret", "ls", "--json"]).ok();
    assert!(listed.contains("\"name\":\"api_token\"") && !listed.contains(CANARY), "{listed}");
    world.run(&["-vv", "doctor"]);
    for (path, bytes) in everything_written(&world) {
        assert!(!holds_canary(&bytes), "{}", path.display());
    }
    assert!(world.run(&["secret", "rm", "api-token"]).stderr.contains("removed `api-token`"));
    assert!(!holds_canary(&std::fs::read(&file).unwrap()));
    assert_eq!(world.run(&["secret", "rm", "api-token"]).code, 3);
    assert_eq!(world.run(&["secret", "ls"]).stderr, "no secrets are kept; `fac secret set NAME` keeps one\n");
}

#[test]
fn a_value_is_never_an_argument() {
    let world = World::new();
    let out = world.run(&["secret", "set", "token", CANARY]);
    assert_eq!(out.code, 2);
    let out = world.run_with(&["secret", "set", "bad name!"], CANARY);
    assert_eq!(out.code, 2, "{out:?}");
    assert!(world.run_with(&["secret", "set", "token"], "").failed(2).contains("empty"));
    // While the value is awaited, nothing in the process's words tells it.
    let mut child = world.command(&["secret", "set", "token"]);
    let mut child = child.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    std::io::Write::write_all(child.stdin.as_mut().unwrap(), CANARY.as_bytes()).unwrap();
    let words = std::fs::read(format!("/proc/{}/cmdline", child.id())).unwrap();
    assert!(!holds_canary(&words));
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_terminal_is_asked_without_showing_what_is_typed() {
    let world = World::new();
    let mut seat = Seat::fac(&world, &["secret", "set", "token"], 80, 24);
    seat.expect("Value of token");
    assert!(!seat.shows_keys(), "what is typed as soon as the question stands is hidden already");
    seat.press("wrong\x15").press(CANARY).press("\r").expect("kept `token`");
    let (code, written) = seat.end();
    assert_eq!(code, 0);
    assert!(!written.contains(CANARY), "{written}");
    assert!(std::fs::read_to_string(world.fac().join("data/secrets.json")).unwrap().contains(CANARY));
    let (code, written) = Seat::fac(&world, &["--no-input", "secret", "set", "other"], 80, 24).end();
    assert_eq!(code, 2);
    assert!(written.contains("pipe it in"), "{written}");
}

#[test]
fn a_hidden_question_can_be_left_and_the_terminal_is_as_it_was() {
    let world = World::new();
    for key in ["\x03", "\x04"] {
        let mut seat = Seat::fac(&world, &["secret", "set", "token"], 80, 24);
        seat.expect("Value of token").press(key);
        assert_eq!(seat.end().0, 130);
    }
    assert_eq!(world.run(&["secret", "ls"]).stderr, "no secrets are kept; `fac secret set NAME` keeps one\n");
}

#[test]
fn a_file_that_others_can_read_is_refused() {
    let world = World::new();
    world.run_with(&["secret", "set", "token"], CANARY).ok();
    let file = world.fac().join("data/secrets.json");
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o644)).unwrap();
    let said = world.run(&["secret", "ls"]).failed(4);
    assert!(said.contains("can be read by others") && said.contains("chmod 600"), "{said}");
}
