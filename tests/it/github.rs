//! The GitHub client through the library's face, against real repositories served by the stand-in.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use factotum::commands::source::github::{
    Blobs, Entry, Fetched, Github, Mode, Note, Options, Outcome, Progress, Spec, Token, blob_sha, token,
};
use factotum::commands::source::url as page;
use factotum::kernel::error::{Error, Kind, Result};
use factotum::kernel::http::{Http, Settings};

use crate::support::github::{Change, Failure, Limit, Standin, openapi};

/// 2023-11-14 22:13:20 UTC.
const NOW: i64 = 1_700_000_000;

/// Contents in memory.
#[derive(Default)]
struct Memory(Mutex<HashMap<String, Vec<u8>>>);

impl Blobs for Memory {
    fn has(&self, sha: &str) -> Result<bool> {
        Ok(self.0.lock().unwrap().contains_key(sha))
    }
    fn get(&self, sha: &str) -> Result<Option<Vec<u8>>> {
        Ok(self.0.lock().unwrap().get(sha).cloned())
    }
    fn put(&self, sha: &str, bytes: &[u8]) -> Result<()> {
        assert_eq!(blob_sha(bytes), sha, "only verified contents are kept");
        self.0.lock().unwrap().insert(sha.into(), bytes.to_vec());
        Ok(())
    }
}

/// A stand-in, a client and what was fetched before.
struct World {
    standin: Standin,
    github: Github,
    blobs: Memory,
}

fn http() -> Http {
    Http::new(&Settings { proxies: false, ..Settings::default() }).unwrap()
}

fn options() -> Options {
    Options { pause: Duration::ZERO, now: Arc::new(|| NOW), zone: jiff::tz::TimeZone::UTC, ..Options::default() }
}

fn client(standin: &Standin, token: Option<&str>) -> Github {
    let api = standin.api_url.clone();
    let env = move |name: &str| (name == "GITHUB_API_URL").then(|| api.clone());
    let token = token.and_then(|t| Token::new(t, "github.com", "GH_TOKEN"));
    Github::new(http(), "github.com", &env, token).unwrap().with(options())
}

impl World {
    fn anonymous() -> World {
        World::new(None)
    }

    fn new(token: Option<&str>) -> World {
        let standin = Standin::start();
        World { github: client(&standin, token), standin, blobs: Memory::default() }
    }

    fn fetch_knowing(&self, spec: &str, known: Option<&str>) -> Result<Outcome> {
        run(self.github.fetch(&spec_of(spec), known, &markdown, &self.blobs, &|_| ()))
    }

    fn fetch(&self, spec: &str) -> Result<Fetched> {
        self.fetch_knowing(spec, None).map(|outcome| match outcome {
            Outcome::Fetched(fetched) => *fetched,
            Outcome::Unchanged { .. } => panic!("nothing was known, so nothing is unchanged"),
        })
    }

    fn failure(&self, spec: &str) -> Error {
        self.fetch(spec).expect_err("this fetch must fail")
    }

    /// path=content of all entries, in order.
    fn contents(&self, fetched: &Fetched) -> Vec<String> {
        let text = |e: &Entry| String::from_utf8(self.blobs.get(&e.sha).unwrap().unwrap()).unwrap();
        fetched.entries.iter().map(|e| format!("{}={}", e.path, text(e))).collect()
    }
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn spec_of(text: &str) -> Spec {
    Spec::parse(text, None).unwrap().unwrap()
}

fn markdown(entry: &Entry) -> bool {
    entry.path.ends_with(".md")
}

fn paths(fetched: &Fetched) -> Vec<&str> {
    fetched.entries.iter().map(|e| e.path.as_str()).collect()
}

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

#[test]
fn a_listing_cut_short_is_walked() {
    let world = World::new(Some("ghp_test"));
    let repo = world.standin.repo("o/r");
    let many: Vec<Change> = (0..40).map(|i| Change::file(format!("big/f{i:02}.txt"), "x")).collect();
    repo.commit_changes("main", &many, "many");
    let commit = repo
        .commit(&[("a.md", "alpha"), ("docs/b.md", "beta"), ("docs/deep/c.md", "gamma"), ("z.md", "omega")], "docs");
    repo.truncate_above(10);
    let fetched = world.fetch("github:o/r").unwrap();
    assert_eq!(paths(&fetched), ["a.md", "docs/b.md", "docs/deep/c.md", "z.md"]);
    // `big` holds 40 entries: its flat listing is whole although its recursive one is not.
    assert_eq!(fetched.notes, []);
    world.standin.take_log();
    // With a path, only what leads there is listed.
    let fetched = world.fetch("github:o/r/docs/deep").unwrap();
    assert_eq!(paths(&fetched), ["docs/deep/c.md"]);
    let log = world.standin.take_log();
    assert_eq!(log.len(), 4, "{log:?}");
    assert_eq!(log[1], format!("200 /repos/o/r/git/trees/{commit}?recursive=1"));
    assert_eq!(log[2], format!("200 /repos/o/r/git/trees/{commit}"));
    assert!(log[3].ends_with("?recursive=1"));
}

/// Wants Markdown, and knows where none can be.
struct DocsOnly;

impl factotum::commands::source::github::Wanted for DocsOnly {
    fn file(&self, entry: &Entry) -> bool {
        markdown(entry)
    }
    fn folder(&self, path: &str) -> bool {
        path != "big"
    }
}

#[test]
fn a_walk_leaves_out_folders_that_hold_nothing_wanted() {
    let world = World::new(Some("ghp_test"));
    let repo = world.standin.repo("o/r");
    let many: Vec<Change> = (0..40).map(|i| Change::file(format!("big/f{i:02}.txt"), "x")).collect();
    repo.commit_changes("main", &many, "many");
    repo.commit(&[("docs/b.md", "beta")], "docs");
    repo.truncate_above(10);
    let outcome = run(world.github.fetch(&spec_of("github:o/r"), None, &DocsOnly, &world.blobs, &|_| ()));
    let Ok(Outcome::Fetched(fetched)) = outcome else { panic!("fetched") };
    assert_eq!(paths(&fetched), ["docs/b.md"]);
    assert_eq!(world.standin.take_log().iter().filter(|l| l.contains("/git/trees/")).count(), 3);
}

#[test]
fn links_submodules_and_pointers_are_reported_and_never_followed() {
    let world = World::new(Some("ghp_test"));
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 99\n";
    let commit = "0123456789abcdef0123456789abcdef01234567";
    let changes = [
        Change::file("real.md", "real"),
        Change::executable("run.md", "run"),
        Change::symlink("link.md", "../../etc/passwd"),
        Change::symlink("pages.en", "pages"),
        Change::submodule("vendor/sub.md", commit),
        Change::file("large.md", pointer),
    ];
    world.standin.repo("o/r").commit_changes("main", &changes, "all kinds");
    for round in ["cold", "warm"] {
        let fetched = world.fetch("github:o/r").unwrap();
        let modes: Vec<(&str, Mode)> = fetched.entries.iter().map(|e| (e.path.as_str(), e.mode)).collect();
        assert_eq!(modes, [("real.md", Mode::File), ("run.md", Mode::Executable)], "{round}");
        let notes = [
            Note::Symlink { path: "pages.en".into(), target: None },
            Note::Submodule { path: "vendor/sub.md".into(), commit: commit.into() },
            Note::Symlink { path: "link.md".into(), target: Some("../../etc/passwd".into()) },
            Note::LfsPointer { path: "large.md".into() },
        ];
        assert_eq!(fetched.notes, notes, "{round}");
    }
    let error = world.failure("github:o/r/pages.en/common");
    assert_eq!(
        error.way_forward(),
        Some(r#""pages.en" is a link, and links are not followed: name the folder it points to"#)
    );
}

/// Names that clients get wrong, in the order git lists them.
const HOSTILE: [&str; 10] = [
    "%code%.md",
    "a b.md",
    r"back\slash.md",
    "c#d.md",
    "e?f.md",
    "new\nline.md",
    "quote\".md",
    "semi;&$(x).md",
    "é.md",
    "日本.md",
];

#[test]
fn odd_names_are_data_by_blob_by_archive_and_as_a_path() {
    let world = World::new(Some("ghp_test"));
    let changes: Vec<Change> = HOSTILE.iter().map(|name| Change::file(format!("odd/{name}"), name)).collect();
    world.standin.repo("o/r").commit_changes("main", &changes, "odd");
    let expected: Vec<String> = HOSTILE.iter().map(|name| format!("odd/{name}={name}")).collect();
    let fetched = world.fetch("github:o/r").unwrap();
    assert_eq!(world.contents(&fetched), expected);
    let hostile = |path: &str, why| Note::HostileName { path: path.into(), why };
    let notes = [
        hostile(r"odd/back\slash.md", "it has a backslash"),
        hostile("odd/new\nline.md", "it has a control character"),
    ];
    assert_eq!(fetched.notes, notes);
    // Anonymous and cold: the archive brings the same.
    let cold = World { github: client(&world.standin, None), blobs: Memory::default(), standin: world.standin };
    cold.standin.take_log();
    assert_eq!(cold.contents(&cold.fetch("github:o/r").unwrap()), expected);
    assert!(cold.standin.take_log().iter().all(|l| !l.contains("/blobs/")));
    // Each of them as the spec's path.
    for name in HOSTILE {
        let mut spec = spec_of("github:o/r");
        spec.path = Some(format!("odd/{name}"));
        let Ok(Outcome::Fetched(fetched)) = run(cold.github.fetch(&spec, None, &markdown, &cold.blobs, &|_| ())) else {
            panic!("fetched")
        };
        assert_eq!(cold.contents(&fetched), [format!("odd/{name}={name}")]);
    }
}

#[test]
fn a_name_that_climbs_out_is_data_too() {
    let world = World::anonymous();
    world.standin.repo("o/r").commit_folder_named("..", "escape.md", "out");
    let fetched = world.fetch("github:o/r").unwrap();
    assert_eq!(world.contents(&fetched), ["../escape.md=out"]);
    assert_eq!(fetched.notes, [Note::HostileName { path: "../escape.md".into(), why: "it leaves its folder" }]);
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

#[test]
fn a_page_is_fetched_once_and_then_asked_about() {
    let standin = Standin::start();
    // The archive port serves any bytes; the file below is answered by planned redirects and errors only.
    let address = |path: &str| page::parse(&format!("{}/{path}", standin.codeload_url)).unwrap().unwrap();
    let known = page::Validators::default();
    standin.fail_next("/a.md", Failure::Redirect(302, "/b.md".into()));
    standin.fail_next(
        "/b.md",
        Failure::Status(200, "the page", vec![("etag", "\"1\"".into()), ("last-modified", "yesterday".into())]),
    );
    let page::Outcome::Fetched { bytes, validators, address: end } =
        run(page::fetch(&http(), &address("a.md"), &known)).unwrap()
    else {
        panic!("fetched")
    };
    assert!(String::from_utf8(bytes).unwrap().contains("the page"));
    assert_eq!((validators.etag.as_deref(), validators.last_modified.as_deref()), (Some("\"1\""), Some("yesterday")));
    assert_eq!(end.path(), "/b.md");
    standin.fail_next("/b.md", Failure::Status(304, "", vec![]));
    assert_eq!(run(page::fetch(&http(), &end, &validators)).unwrap(), page::Outcome::Unchanged);
    let last = standin.requests().pop().unwrap();
    assert_eq!((last.header("if-none-match"), last.header("if-modified-since")), (Some("\"1\""), Some("yesterday")));
    assert_eq!(run(page::fetch(&http(), &address("absent.md"), &known)).unwrap_err().kind(), Kind::NotFound);
    standin.fail_next("/big.md", Failure::Huge(5_000_001));
    assert_eq!(run(page::fetch(&http(), &address("big.md"), &known)).unwrap_err().kind(), Kind::BadData);
    standin.fail_always("/round.md", Failure::Redirect(301, "/round.md".into()));
    assert_eq!(run(page::fetch(&http(), &address("round.md"), &known)).unwrap_err().kind(), Kind::Unreachable);
    standin.fail_next("/away.md", Failure::Redirect(301, "http://example.com/x.md".into()));
    assert_eq!(run(page::fetch(&http(), &address("away.md"), &known)).unwrap_err().kind(), Kind::Refused);
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
