//! The stand-in itself, against GitHub's description.

use super::*;

#[test]
fn the_stand_in_serves_the_other_routes_in_githubs_shape() {
    let standin = Standin::start();
    let changes = [Change::file("d/a.md", "alpha"), Change::symlink("link", "d/a.md")];
    let repo = standin.repo("o/r");
    let commit = repo.commit_changes("main", &changes, "one");
    let sha = blob_sha(b"alpha");
    let get = |route: &str| {
        let url = page::parse(&format!("{}{route}", standin.api_url)).unwrap().unwrap();
        run(async { http().get(&url, Default::default()).await.unwrap().bytes(1 << 20).await.unwrap() })
    };
    let json = |route: &str| serde_json::from_slice::<serde_json::Value>(&get(route)).unwrap();
    assert_eq!(json("/rate_limit")["rate"]["limit"], 60);
    assert_eq!(json("/repos/o/r")["default_branch"], "main");
    assert_eq!(json("/repos/o/r/commits/main")["sha"], commit.as_str());
    assert_eq!(json(&format!("/repos/o/r/git/blobs/{sha}"))["content"], "YWxwaGE=");
    assert_eq!(json("/repos/o/r/contents/d/a.md?ref=main")["content"], "YWxwaGE=");
    assert_eq!(json("/repos/o/r/contents/d")[0]["path"], "d/a.md");
    assert_eq!(json("/repos/o/r/contents/link")["target"], "d/a.md");
    assert_eq!(standin.take_problems(), Vec::<String>::new());
}

#[test]
fn answers_and_requests_that_github_would_not_know_are_noticed() {
    let subset = openapi::subset();
    let tree = serde_json::json!({"$ref": "#/components/schemas/git-tree"});
    let entry =
        |mode: serde_json::Value| serde_json::json!({"path": "a", "mode": mode, "type": "blob", "sha": "0", "size": 1});
    let body = |entry| serde_json::json!({"sha": "0", "url": "https://x/", "truncated": false, "tree": [entry]});
    assert_eq!(subset.check(&tree, &body(entry("100644".into()))), Ok(()));
    assert!(subset.check(&tree, &body(entry(100644.into()))).is_err());
    assert!(subset.check(&tree, &serde_json::json!({"sha": "0"})).is_err());
    assert_eq!(subset.check_request("/repos/o/r/git/trees/main", "recursive=1"), Ok(()));
    assert!(subset.check_request("/repos/o/r/git/trees/main", "recursiv=1").is_err());
    assert!(subset.check_request("/repos/o/r/git/tree/main", "").is_err());
    assert!(subset.check_request("/repos/o/r/commits/a#b", "").is_err());
    assert_eq!(subset.template("/repos/o/r/commits/feature/x"), Some("/repos/{owner}/{repo}/commits/{ref}"));
    assert_eq!(subset.template("/repos/o/r/git/blobs/a/b"), None);
}
