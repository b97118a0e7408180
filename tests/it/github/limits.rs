//! GitHub's limits: known by every sign, told with a time, never waited for.

use super::*;

#[test]
fn the_hourly_limit_says_when_it_is_back_and_is_not_asked_again() {
    let world = World::anonymous();
    world.standin.repo("o/r").commit(&[("a.md", "alpha")], "one");
    world.standin.fail_next("/commits/", Failure::PrimaryLimit { reset: NOW + 1000 });
    let error = world.failure("github:o/r");
    assert_eq!(error.kind(), Kind::Unreachable);
    assert_eq!(error.message(), "the 60 requests an hour that github.com allows are used up; it is back at 22:30");
    assert!(error.way_forward().unwrap().contains("GH_TOKEN"));
    let limited = world.github.limited().unwrap();
    assert_eq!((limited.until, limited.secondary), (NOW + 1000, false));
    assert_eq!(limited.rate.map(|r| r.remaining), Some(0));
    // The next one is answered without a request.
    assert_eq!(world.failure("github:o/r").message(), error.message());
    assert_eq!(world.standin.take_log(), ["403 /repos/o/r/commits/HEAD"]);
}

#[test]
fn the_limit_against_bursts_is_known_without_headers() {
    let world = World::new(Some("ghp_test"));
    world.standin.repo("o/r").commit(&[("a.md", "alpha")], "one");
    world.standin.fail_next("/commits/", Failure::SecondaryLimit);
    let error = world.failure("github:o/r");
    assert_eq!(error.kind(), Kind::Unreachable);
    assert_eq!(error.message(), "github.com asks for a pause after too many requests; it is back at 22:14");
    assert_eq!(world.github.limited().map(|l| (l.until - NOW, l.secondary)), Some((60, true)));
    assert_eq!(world.standin.take_log(), ["403 /repos/o/r/commits/HEAD"]);
}

#[test]
fn retry_after_is_believed() {
    let world = World::new(Some("ghp_test"));
    world.standin.repo("o/r").commit(&[("a.md", "alpha")], "one");
    world.standin.fail_next("/git/trees/", Failure::TooMany { retry_after: 3600 });
    let error = world.failure("github:o/r");
    assert_eq!(error.message(), "github.com asks for a pause after too many requests; it is back at 23:13");
    assert_eq!(world.github.limited().map(|l| l.until - NOW), Some(3600));
}

#[test]
fn a_refusal_that_is_no_limit_is_said_in_githubs_words() {
    let world = World::new(Some("ghp_test"));
    let words = "Resource protected by organization SAML enforcement.";
    world.standin.fail_next("/commits/", Failure::Status(403, words, vec![("x-ratelimit-remaining", "12".into())]));
    let error = world.failure("github:o/r");
    assert_eq!(
        (error.kind(), error.message().to_string()),
        (Kind::Refused, format!("github.com refuses (status 403): {words}"))
    );
    assert_eq!(world.github.limited(), None);
}
