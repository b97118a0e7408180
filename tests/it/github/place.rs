//! Which repository, which ref: absent, private, renamed, open, moved.

use super::*;

#[test]
fn what_is_absent_is_told_apart() {
    let world = World::anonymous();
    let error = world.failure("github:o/absent");
    assert_eq!(error.kind(), Kind::NotFound);
    assert_eq!(error.message(), "github.com has no repository o/absent, or it is private");
    assert_eq!(error.way_forward(), Some("check the name; if it is private, set GH_TOKEN or run `gh auth login`"));
    world.standin.repo("o/empty");
    assert_eq!(world.failure("github:o/empty").message(), "o/empty is empty");
    world.standin.repo("o/r").commit(&[("a.md", "alpha")], "one");
    let error = world.failure("github:o/r@gone");
    assert_eq!((error.kind(), error.message()), (Kind::NotFound, r#"o/r has no branch, tag or commit "gone""#));
    assert_eq!(error.way_forward(), Some(r#"it may have been deleted; the default branch is "main""#));
    let error = world.failure("github:o/r/docs");
    assert_eq!((error.kind(), error.message()), (Kind::NotFound, r#"o/r has no "docs""#));
}

#[test]
fn a_private_repository_needs_its_token() {
    let world = World::anonymous();
    let repo = world.standin.repo("o/private");
    repo.commit(&[("a.md", "alpha")], "one");
    repo.make_private("ghp_right");
    assert_eq!(world.failure("github:o/private").kind(), Kind::NotFound);
    let wrong = World { github: client(&world.standin, Some("ghp_wrong")), ..world };
    let error = wrong.failure("github:o/private");
    assert_eq!(error.way_forward(), Some("check the name; if it is private, the token from GH_TOKEN may not see it"));
    let right = World { github: client(&wrong.standin, Some("ghp_right")), ..wrong };
    assert_eq!(paths(&right.fetch("github:o/private").unwrap()), ["a.md"]);
    right.standin.fail_next("/commits/", Failure::Status(401, "Bad credentials", vec![]));
    let error = right.failure("github:o/private");
    assert_eq!((error.kind(), error.message()), (Kind::Refused, "github.com does not accept the token from GH_TOKEN"));
}

#[test]
fn a_renamed_repository_is_followed_and_its_new_name_told() {
    let world = World::anonymous();
    let repo = world.standin.repo("o/old");
    let commit = repo.commit(&[("a.md", "alpha")], "one");
    repo.rename("new-owner/new");
    let fetched = world.fetch("github:o/old/a.md@main").unwrap();
    assert_eq!(fetched.renamed, Some(("new-owner".to_string(), "new".to_string())));
    assert_eq!(fetched.spec.to_string(), "github:new-owner/new/a.md@main");
    assert_eq!(
        world.standin.take_log()[..4],
        [
            "301 /repos/o/old/commits/main",
            "301 /repos/o/old",
            "200 /repositories/1000",
            "200 /repos/new-owner/new/commits/main",
        ]
    );
    // Unchanged and renamed at once.
    let Outcome::Unchanged { renamed, .. } = world.fetch_knowing("github:o/old", Some(&commit)).unwrap() else {
        panic!("unchanged")
    };
    assert_eq!(renamed, Some(("new-owner".to_string(), "new".to_string())));
}

#[test]
fn a_redirect_away_from_the_api_is_refused_and_gets_no_token() {
    let world = World::new(Some("ghp_secret"));
    world.standin.repo("o/r").commit(&[("a.md", "alpha")], "one");
    let elsewhere = format!("{}/steal", world.standin.codeload_url);
    world.standin.fail_always("/repos/o/r", Failure::Redirect(301, elsewhere));
    let error = world.failure("github:o/r");
    assert_eq!(error.kind(), Kind::Refused);
    assert!(error.message().starts_with("github.com redirects to another host: http://127.0.0.1:"));
    assert!(world.standin.requests().iter().all(|r| !r.codeload));
}

#[test]
fn branches_with_odd_names_are_asked_for_as_they_are() {
    let world = World::anonymous();
    for branch in ["feature/x#1", "50%", "é"] {
        world.standin.repo("o/r").commit_changes(branch, &[Change::file("a.md", branch)], "one");
        let mut spec = spec_of("github:o/r");
        spec.git_ref = Some(branch.into());
        let Ok(Outcome::Fetched(fetched)) = run(world.github.fetch(&spec, None, &markdown, &world.blobs, &|_| ()))
        else {
            panic!("fetched {branch}")
        };
        assert_eq!(world.contents(&fetched), [format!("a.md={branch}")]);
    }
}

#[test]
fn a_pasted_address_is_settled_by_asking() {
    let world = World::anonymous();
    let repo = world.standin.repo("o/r");
    let commit = repo.commit(&[("x/docs/a.md", "on main")], "one");
    repo.commit_changes("feature/x", &[Change::file("docs/a.md", "on feature")], "two");
    repo.tag("v1", &commit);
    let settled = |address: &str| {
        let fetched = world.fetch(address).unwrap();
        (fetched.spec.to_string(), world.contents(&fetched))
    };
    assert_eq!(
        settled("https://github.com/o/r/tree/feature/x/docs"),
        ("github:o/r/docs@feature/x".to_string(), vec!["docs/a.md=on feature".to_string()])
    );
    assert_eq!(
        settled("https://github.com/o/r/blob/v1/x/docs/a.md"),
        ("github:o/r/x/docs/a.md@v1".to_string(), vec!["x/docs/a.md=on main".to_string()])
    );
    let error = world.failure("https://github.com/o/r/tree/no/such/branch");
    assert_eq!(error.message(), r#"o/r has no branch, tag or commit "no/such/branch""#);
}

#[test]
fn a_force_push_is_just_another_commit() {
    let world = World::new(Some("ghp_test"));
    let repo = world.standin.repo("o/r");
    let first = repo.commit(&[("a.md", "alpha")], "one");
    let second = repo.commit(&[("b.md", "beta")], "two");
    assert_eq!(world.fetch("github:o/r").unwrap().commit, second);
    repo.point("main", &first);
    let Ok(Outcome::Fetched(fetched)) = world.fetch_knowing("github:o/r", Some(&second)) else { panic!("fetched") };
    assert_eq!((fetched.commit.as_str(), world.contents(&fetched)), (first.as_str(), vec!["a.md=alpha".to_string()]));
}

#[test]
fn a_deleted_branch_is_not_found() {
    let world = World::new(Some("ghp_test"));
    let repo = world.standin.repo("o/r");
    repo.commit(&[("a.md", "alpha")], "one");
    let known = repo.commit_changes("topic", &[Change::file("t.md", "topic")], "two");
    repo.delete_branch("topic");
    let error = world.fetch_knowing("github:o/r@topic", Some(&known)).unwrap_err();
    assert_eq!((error.kind(), error.message()), (Kind::NotFound, r#"o/r has no branch, tag or commit "topic""#));
}
