//! Listings cut short, links, submodules, pointers, and names as data.

use super::*;

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

#[test]
fn a_walk_ends_where_there_are_too_many_files() {
    let world = World::new(Some("ghp_test"));
    let repo = world.standin.repo("o/r");
    repo.commit_copies(50_000, &["a", "b", "c"]);
    repo.truncate_above(60_000);
    let error = world.fetch("github:o/r").unwrap_err();
    assert_eq!(error.to_string(), "o/r is too large to be listed whole: it has more than 100000 files");
    assert_eq!(error.way_forward(), Some("name the folder with the definitions: github:o/r/FOLDER"));
    // Each of them alone is not.
    assert_eq!(paths(&world.fetch("github:o/r/b").unwrap()), ["b/a.md"]);
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
