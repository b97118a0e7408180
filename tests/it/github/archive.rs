//! Many files at once: when the archive is taken, and what is believed of it.

use super::*;

/// A repository of `n` Markdown files.
fn crowd(standin: &Standin, n: usize) {
    let files: Vec<Change> =
        (0..n).map(|i| Change::file(format!("d{}/f{i}.md", i % 7), format!("file {i}\n"))).collect();
    standin.repo("o/crowd").commit_changes("main", &files, "many");
}

#[test]
fn many_files_come_as_one_archive_and_the_token_stays_home() {
    let world = World::new(Some("ghp_secret"));
    crowd(&world.standin, 200);
    world.standin.repo("o/crowd").make_private("ghp_secret");
    let fetched = world.fetch("github:o/crowd").unwrap();
    assert_eq!(fetched.entries.len(), 200);
    let requests = world.standin.requests();
    assert_eq!(requests.len(), 4, "commit, listing, link, archive");
    let archive: Vec<_> = requests.iter().filter(|r| r.codeload).collect();
    assert_eq!(archive.len(), 1);
    assert!(archive[0].target.ends_with("?token=LINK1000"));
    assert_eq!(archive[0].header("authorization"), None);
    assert!(!archive[0].headers.iter().any(|(_, value)| value.contains("ghp_secret")));
    assert!(requests.iter().filter(|r| !r.codeload).all(|r| r.header("authorization") == Some("Bearer ghp_secret")));
}

#[test]
fn without_a_token_a_first_fetch_takes_the_archive_and_later_ones_the_blobs() {
    let world = World::anonymous();
    crowd(&world.standin, 10);
    assert_eq!(world.fetch("github:o/crowd").unwrap().entries.len(), 10);
    assert_eq!(world.standin.take_log().iter().filter(|l| l.contains("codeload")).count(), 1);
    let files: Vec<Change> = (0..5).map(|i| Change::file(format!("new{i}.md"), format!("new {i}"))).collect();
    world.standin.repo("o/crowd").commit_changes("main", &files, "more");
    assert_eq!(world.fetch("github:o/crowd").unwrap().entries.len(), 15);
    let log = world.standin.take_log();
    assert_eq!(
        (log.iter().any(|l| l.contains("codeload")), log.iter().filter(|l| l.contains("/blobs/")).count()),
        (false, 5)
    );
}

#[test]
fn an_archive_is_chosen_when_the_requests_left_would_not_do() {
    let world = World::new(Some("ghp_test"));
    crowd(&world.standin, 20);
    world.standin.set_limit(Limit { limit: 5000, remaining: 12, reset: NOW + 100 });
    assert_eq!(world.fetch("github:o/crowd").unwrap().entries.len(), 20);
    assert_eq!(world.standin.requests().iter().filter(|r| r.codeload).count(), 1);
}

#[test]
fn what_an_archive_lacks_or_alters_is_fetched_by_blob() {
    let world = World::anonymous();
    let repo = world.standin.repo("o/crowd");
    let attributes = "hidden.md export-ignore\nstamped.md export-subst\n";
    repo.commit(&[(".gitattributes", attributes), ("hidden.md", "hidden"), ("stamped.md", "at $Format:%H$")], "one");
    crowd(&world.standin, 8);
    let fetched = world.fetch("github:o/crowd").unwrap();
    assert_eq!(fetched.entries.len(), 10);
    assert!(world.contents(&fetched).contains(&"stamped.md=at $Format:%H$".to_string()));
    let log = world.standin.take_log();
    assert_eq!(log.iter().filter(|l| l.contains("codeload")).count(), 1);
    assert_eq!(log.iter().filter(|l| l.contains("/blobs/")).count(), 2);
}

#[test]
fn a_torn_archive_is_asked_for_again_and_never_taken_for_whole() {
    let world = World::anonymous();
    crowd(&world.standin, 50);
    world.standin.fail_next("legacy.tar.gz", Failure::CutBody);
    assert_eq!(world.fetch("github:o/crowd").unwrap().entries.len(), 50);
    let again = World { blobs: Memory::default(), ..world };
    again.standin.fail_always("legacy.tar.gz", Failure::CutBody);
    again.standin.take_log();
    let error = again.failure("github:o/crowd");
    assert_eq!((error.kind(), error.message()), (Kind::Unreachable, "127.0.0.1 broke off the answer"));
    assert_eq!(again.standin.take_log().iter().filter(|l| l.contains("legacy.tar.gz")).count(), 3);
    // What came whole before the tear was kept, and the next fetch goes on from there.
    again.standin.heal();
    assert_eq!(again.fetch("github:o/crowd").unwrap().entries.len(), 50);
}

#[test]
fn an_archive_of_other_bytes_is_not_believed() {
    let world = World::anonymous();
    crowd(&world.standin, 5);
    world.standin.fail_always("legacy.tar.gz", Failure::WrongBytes);
    assert_eq!(world.fetch("github:o/crowd").unwrap().entries.len(), 5);
    assert_eq!(world.standin.requests().iter().filter(|r| r.target.contains("/blobs/")).count(), 5);
}

#[test]
fn an_archive_link_that_is_not_encrypted_is_refused() {
    let world = World::new(Some("ghp_test"));
    crowd(&world.standin, 40);
    world.standin.fail_next("/tarball/", Failure::Redirect(302, "http://codeload.example.com/x".into()));
    let error = world.failure("github:o/crowd");
    assert_eq!(error.kind(), Kind::Refused);
    assert_eq!(error.message(), "the archive's link is not an encrypted address: http://codeload.example.com/x");
}

#[test]
fn where_archives_are_blocked_a_token_goes_on_by_blob() {
    let world = World::new(Some("ghp_test"));
    crowd(&world.standin, 40);
    world.standin.fail_always("legacy.tar.gz", Failure::Status(503, "Unavailable", vec![]));
    assert_eq!(world.fetch("github:o/crowd").unwrap().entries.len(), 40);
    let log = world.standin.take_log();
    assert_eq!(log.iter().filter(|l| l.contains("legacy.tar.gz")).count(), 3);
    assert_eq!(log.iter().filter(|l| l.contains("/blobs/")).count(), 40);
}

#[test]
fn a_whole_folder_of_real_definitions_goes_through() {
    let shared = std::env::var("FAC_SHARED").unwrap_or(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared").to_string());
    let folder = std::path::Path::new(&shared).join("corpora/jaegis");
    if !folder.is_dir() {
        println!("skipped: {} does not exist", folder.display());
        return;
    }
    let world = World::anonymous();
    world.standin.serve_folder("usemanusai/JAEGIS", &folder);
    let fetched = world.fetch("github:usemanusai/JAEGIS").unwrap();
    assert!(!fetched.entries.is_empty());
    for entry in &fetched.entries {
        let served = world.blobs.get(&entry.sha).unwrap().unwrap();
        assert_eq!(served, std::fs::read(folder.join(&entry.path)).unwrap(), "{}", entry.path);
    }
}
