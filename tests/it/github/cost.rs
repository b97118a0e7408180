//! What a fetch costs, and what its requests say.

use super::*;

#[test]
fn a_first_fetch_costs_a_commit_a_listing_and_the_blobs() {
    let world = World::new(Some("ghp_test"));
    let commit = world
        .standin
        .repo("o/r")
        .commit(&[("a.md", "alpha"), ("b.txt", "no"), ("d/b.md", "beta"), ("d/c.md", "alpha")], "one");
    let seen = Mutex::new(Vec::new());
    let want = markdown;
    let fetched =
        run(world.github.fetch(&spec_of("github:o/r"), None, &want, &world.blobs, &|p| seen.lock().unwrap().push(p)));
    let Outcome::Fetched(fetched) = fetched.unwrap() else { panic!("fetched") };
    assert_eq!(fetched.commit, commit);
    assert_eq!(world.contents(&fetched), ["a.md=alpha", "d/b.md=beta", "d/c.md=alpha"]);
    assert_eq!(fetched.spec.to_string(), "github:o/r");
    assert_eq!((fetched.renamed.clone(), fetched.notes.clone()), (None, vec![]));
    assert_eq!(fetched.rate.as_ref().map(|r| (r.limit, r.remaining)), Some((5000, 4996)));
    let (alpha, beta) = (blob_sha(b"alpha"), blob_sha(b"beta"));
    assert_eq!(
        world.standin.take_log(),
        [
            "200 /repos/o/r/commits/HEAD".to_string(),
            format!("200 /repos/o/r/git/trees/{commit}?recursive=1"),
            format!("200 /repos/o/r/git/blobs/{alpha}"),
            format!("200 /repos/o/r/git/blobs/{beta}"),
        ]
    );
    let told = [
        Progress::Asking,
        Progress::Listing,
        Progress::Listed { wanted: 3, missing: 2 },
        Progress::Blob { done: 0, total: 2 },
        Progress::Blob { done: 1, total: 2 },
    ];
    assert_eq!(*seen.lock().unwrap(), told);
}

#[test]
fn every_request_says_who_asks_and_what_for() {
    let world = World::new(Some("ghp_test"));
    world.standin.repo("o/r").commit(&[("a.md", "alpha")], "one");
    world.fetch("github:o/r").unwrap();
    for request in world.standin.requests() {
        let all =
            |name: &str| request.headers.iter().filter(|(k, _)| k == name).map(|(_, v)| v.clone()).collect::<Vec<_>>();
        assert_eq!(all("user-agent"), [format!("factotum/{}", env!("CARGO_PKG_VERSION"))]);
        assert_eq!(all("x-github-api-version"), ["2022-11-28"]);
        assert_eq!(all("authorization"), ["Bearer ghp_test"]);
        assert_eq!(all("accept").len(), 1);
        assert!(all("accept")[0].starts_with("application/vnd.github"));
    }
}

#[test]
fn nothing_new_costs_one_request_that_is_free() {
    let world = World::new(Some("ghp_test"));
    let repo = world.standin.repo("o/r");
    let first = repo.commit(&[("a.md", "alpha")], "one");
    world.fetch("github:o/r").unwrap();
    let before = world.github.rate().unwrap().remaining;
    world.standin.take_log();
    let outcome = world.fetch_knowing("github:o/r", Some(&first)).unwrap();
    let Outcome::Unchanged { rate, renamed, spec } = outcome else { panic!("unchanged") };
    assert_eq!((rate.unwrap().remaining, renamed, spec), (before, None, spec_of("github:o/r")));
    let request = &world.standin.requests()[0];
    assert_eq!((request.status, request.header("if-none-match")), (304, Some(format!("\"{first}\"").as_str())));
    assert_eq!(world.standin.take_log(), ["304 /repos/o/r/commits/HEAD"]);
    // A second commit: only its new blob is fetched.
    let second = repo.commit(&[("b.md", "beta")], "two");
    let Outcome::Fetched(fetched) = world.fetch_knowing("github:o/r", Some(&first)).unwrap() else { panic!("fetched") };
    assert_eq!(
        (fetched.commit.as_str(), world.contents(&fetched)),
        (second.as_str(), vec!["a.md=alpha".into(), "b.md=beta".into()])
    );
    assert_eq!(world.standin.take_log().iter().filter(|l| l.contains("/blobs/")).count(), 1);
}

#[test]
fn a_pinned_commit_that_is_known_costs_nothing() {
    let world = World::anonymous();
    let first = world.standin.repo("o/r").commit(&[("a.md", "alpha")], "one");
    world.standin.repo("o/r").commit(&[("a.md", "later")], "two");
    let fetched = world.fetch(&format!("github:o/r@{first}")).unwrap();
    assert_eq!(world.contents(&fetched), ["a.md=alpha"]);
    world.standin.take_log();
    assert!(matches!(world.fetch_knowing(&format!("github:o/r@{first}"), Some(&first)), Ok(Outcome::Unchanged { .. })));
    assert!(world.standin.take_log().is_empty());
}

#[test]
fn an_enterprise_server_is_asked_below_its_prefix_and_with_its_own_token() {
    let standin = Standin::start();
    let repo = standin.repo("o/old");
    repo.commit(&[("a.md", "alpha")], "one");
    repo.rename("o/new");
    let api = format!("{}/api/v3", standin.api_url);
    let host = standin.api_url.trim_start_matches("http://").to_string();
    let env = |name: &str| match name {
        "GITHUB_API_URL" => Some(api.clone()),
        "GH_HOST" => Some(host.clone()),
        "GH_ENTERPRISE_TOKEN" => Some("own".to_string()),
        "GH_TOKEN" => Some("cloud".to_string()),
        _ => None,
    };
    let github = Github::new(http(), &host, &env, token::find(&host, &env)).unwrap().with(options());
    let spec = spec_of(&format!("github:{host}/o/old"));
    let outcome = run(github.fetch(&spec, None, &markdown, &Memory::default(), &|_| ()));
    let Ok(Outcome::Fetched(fetched)) = outcome else { panic!("fetched") };
    assert_eq!(fetched.spec.to_string(), format!("github:{host}/o/new"));
    for request in standin.requests() {
        assert!(request.target.starts_with("/api/v3/repos"), "{}", request.target);
        assert_eq!(request.header("authorization"), Some("Bearer own"));
    }
}

#[test]
fn several_fetches_share_one_runtime_and_one_failure_is_its_own() {
    let world = World::new(Some("ghp_test"));
    for name in ["o/one", "o/two", "o/three"] {
        world.standin.repo(name).commit(&[("a.md", name)], "one");
    }
    let (github, blobs) = (Arc::new(client(&world.standin, Some("ghp_test"))), Arc::new(Memory::default()));
    let mut ends = run(async {
        let mut set = tokio::task::JoinSet::new();
        for name in ["o/one", "o/two", "o/absent", "o/three"] {
            let (github, blobs) = (github.clone(), blobs.clone());
            set.spawn(async move {
                let spec = spec_of(&format!("github:{name}"));
                let ok = github.fetch(&spec, None, &markdown, &*blobs, &|_| ()).await.is_ok();
                (name, ok)
            });
        }
        set.join_all().await
    });
    ends.sort_unstable();
    assert_eq!(ends, [("o/absent", false), ("o/one", true), ("o/three", true), ("o/two", true)]);
}

#[test]
fn tokens_come_from_the_environment_of_their_host_only() {
    let env = |name: &str| (name == "GITHUB_TOKEN").then(|| "ghp_env".to_string());
    assert_eq!(token::find("github.com", &env).map(|t| t.expose().to_string()), Some("ghp_env".to_string()));
    assert_eq!(token::find("git.example.com", &env), None);
}

#[test]
fn nothing_listening_is_unreachable_at_once() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let env = move |name: &str| (name == "GITHUB_API_URL").then(|| format!("http://{free}"));
    let github = Github::new(http(), "github.com", &env, None).unwrap();
    let error = run(github.fetch(&spec_of("github:o/r"), None, &markdown, &Memory::default(), &|_| ())).unwrap_err();
    assert_eq!((error.kind(), error.message()), (Kind::Unreachable, "github.com cannot be reached"));
}
