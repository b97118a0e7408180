//! Answers that break off, stumble, lie or never end.

use super::*;

#[test]
fn a_broken_off_answer_is_asked_for_again_a_bounded_number_of_times() {
    let world = World::new(Some("ghp_test"));
    world.standin.repo("o/r").commit(&[("a.md", "a longer alpha")], "one");
    world.standin.fail_next("/blobs/", Failure::CutBody);
    world.standin.fail_next("/git/trees/", Failure::Hangup);
    assert_eq!(paths(&world.fetch("github:o/r").unwrap()), ["a.md"]);
    let again = World { blobs: Memory::default(), ..world };
    again.standin.fail_always("/blobs/", Failure::CutBody);
    again.standin.take_log();
    let error = again.failure("github:o/r");
    assert_eq!((error.kind(), error.message()), (Kind::Unreachable, "github.com broke off the answer"));
    assert_eq!(again.standin.take_log().iter().filter(|l| l.contains("/blobs/")).count(), 3);
    assert!(again.blobs.0.lock().unwrap().is_empty(), "half an answer is not kept");
}

#[test]
fn a_stumbling_server_is_asked_again_and_then_left() {
    let world = World::new(Some("ghp_test"));
    world.standin.repo("o/r").commit(&[("a.md", "alpha")], "one");
    for _ in 0..2 {
        world.standin.fail_next("/commits/", Failure::Status(502, "Server Error", vec![]));
    }
    assert_eq!(paths(&world.fetch("github:o/r").unwrap()), ["a.md"]);
    world.standin.fail_always("/commits/", Failure::Status(503, "Unavailable", vec![]));
    world.standin.take_log();
    let error = world.failure("github:o/r");
    assert_eq!((error.kind(), error.message()), (Kind::Unreachable, "github.com has trouble (status 503)"));
    assert_eq!(world.standin.take_log().len(), 3);
}

#[test]
fn other_content_than_asked_for_is_never_kept() {
    let world = World::new(Some("ghp_test"));
    world.standin.repo("o/r").commit(&[("a.md", "alpha")], "one");
    world.standin.fail_always("/blobs/", Failure::WrongBytes);
    let error = world.failure("github:o/r");
    assert_eq!(error.kind(), Kind::BadData);
    assert_eq!(error.message(), format!("github.com sent other content than the file {} has", blob_sha(b"alpha")));
    assert!(world.blobs.0.lock().unwrap().is_empty());
    world.standin.heal();
    assert_eq!(paths(&world.fetch("github:o/r").unwrap()), ["a.md"]);
}

#[test]
fn a_huge_file_is_reported_and_a_huge_answer_is_cut() {
    let world = World::new(Some("ghp_test"));
    let huge = "x".repeat(5_000_001);
    world.standin.repo("o/r").commit(&[("a.md", "alpha"), ("huge.md", &huge)], "one");
    let fetched = world.fetch("github:o/r").unwrap();
    assert_eq!(paths(&fetched), ["a.md"]);
    assert_eq!(fetched.notes, [Note::TooLarge { path: "huge.md".into(), size: 5_000_001 }]);
    let again = World { blobs: Memory::default(), ..world };
    again.standin.fail_always("/blobs/", Failure::Huge(1_000_000));
    let error = again.failure("github:o/r");
    assert_eq!((error.kind(), error.message()), (Kind::BadData, "github.com sent more than the 5 bytes allowed here"));
}

#[test]
fn a_fetch_that_is_dropped_leaves_a_client_that_works() {
    let world = World::new(Some("ghp_test"));
    world.standin.repo("o/r").commit(&[("a.md", "alpha")], "one");
    world.standin.fail_next("/blobs/", Failure::Hold);
    let fetched = run(async {
        let spec = spec_of("github:o/r");
        let fetch = world.github.fetch(&spec, None, &markdown, &world.blobs, &|_| ());
        tokio::select! {
            _ = fetch => panic!("the answer is held"),
            () = async {
                while !world.standin.is_holding() {
                    tokio::task::yield_now().await;
                }
            } => (),
        }
        assert!(world.blobs.0.lock().unwrap().is_empty());
        world.standin.open_gate();
        world.github.fetch(&spec, None, &markdown, &world.blobs, &|_| ()).await
    });
    assert!(matches!(fetched, Ok(Outcome::Fetched(f)) if paths(&f) == ["a.md"]));
}
