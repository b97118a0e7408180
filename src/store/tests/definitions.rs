//! Replacing, finding and listing definitions, and the search feed.

use serde_json::json;

use super::support::*;
use crate::kernel::error::Kind;
use crate::store::*;

fn names(rows: &[DefinitionRow]) -> Vec<&str> {
    rows.iter().map(|row| row.name.as_str()).collect()
}

fn kit(world: &World) -> Source {
    world.store.add_source(&new_source("kit")).unwrap()
}

#[test]
fn a_replacement_writes_only_what_changed() {
    let world = World::new();
    let store = &world.store;
    let source = Source { commit: Some("c1".to_string()), state: "ok".to_string(), ..kit(&world) };
    let (build, test, lint) = (definition("Build"), definition("test"), definition("lint"));
    let first =
        store.replace_definitions(&source, &[file("maskfile.md", 1)], &[build.clone(), test.clone(), lint]).unwrap();
    assert_eq!(first, Replaced { added: 3, changed: 0, removed: 0, unchanged: 0 });
    assert_eq!(store.source_by_name("kit").unwrap().unwrap().commit.as_deref(), Some("c1"));
    let version = store.definitions_version().unwrap();
    let water = store.search_high_water().unwrap();
    let build_id = store.find_by_name("build").unwrap()[0].id;

    let same = store.replace_definitions(
        &source,
        &[file("maskfile.md", 2)],
        &[build.clone(), test.clone(), definition("lint")],
    );
    assert_eq!(same.unwrap(), Replaced { added: 0, changed: 0, removed: 0, unchanged: 3 });
    assert_eq!((store.definitions_version().unwrap(), store.search_high_water().unwrap()), (version, water));
    assert_eq!(store.source_files(source.id).unwrap(), [file("maskfile.md", 2)]);

    let newer =
        NewDefinition { digest: "new".to_string(), json: "{}".to_string(), aliases: vec!["b".to_string()], ..build };
    let replaced = store.replace_definitions(&source, &[], &[newer, test, definition("deploy")]).unwrap();
    assert_eq!(replaced, Replaced { added: 1, changed: 1, removed: 1, unchanged: 1 });
    assert!(store.definitions_version().unwrap() > version);
    assert_eq!(store.source_files(source.id).unwrap(), []);
    let hit = &store.find_by_name("b").unwrap()[0];
    assert_eq!(
        (hit.id, hit.alias, hit.name.as_str(), hit.digest.as_str(), hit.json.as_str()),
        (build_id, true, "Build", "new", "{}")
    );
    assert_eq!(store.find_by_name("lint").unwrap(), []);
    let changed = store.events(None, "definition.changed", 10).unwrap();
    let payloads: Vec<_> = changed.into_iter().map(|e| e.payload.unwrap()).collect();
    assert_eq!(
        payloads,
        [
            json!({"source": "kit", "name": "Build", "from": "digest of Build", "to": "new"}),
            json!({"source": "kit", "name": "lint", "from": "digest of lint", "to": null}),
        ]
    );
    let updated = store.tail("source.updated", 1).unwrap().remove(0).payload.unwrap();
    assert_eq!(updated, json!({"name": "kit", "commit": "c1", "added": 1, "changed": 1, "removed": 1}));
    assert_eq!(store.integrity_check().unwrap(), Vec::<String>::new());
}

#[test]
fn one_file_of_a_folder_is_replaced_alone() {
    let world = World::new();
    let store = &world.store;
    let source = kit(&world);
    let at = |name: &str, path: &str| NewDefinition { path: path.to_string(), ..definition(name) };
    let files = [file("a.md", 1), file("b.md", 1), file("c.md", 1)];
    store.replace_definitions(&source, &files, &[at("one", "a.md"), at("two", "b.md"), at("three", "c.md")]).unwrap();
    let events = store.counts().unwrap().events;

    let touched = store.replace_file_definitions(source.id, &[file("a.md", 2)], &[], &[at("one", "a.md")]).unwrap();
    assert_eq!(touched, Replaced { unchanged: 1, ..Replaced::default() });
    assert_eq!(store.counts().unwrap().events, events);

    let gone = ["c.md".to_string()];
    let replaced =
        store.replace_file_definitions(source.id, &[file("b.md", 5)], &gone, &[at("two", "b.md"), at("four", "b.md")]);
    assert_eq!(replaced.unwrap(), Replaced { added: 1, changed: 0, removed: 1, unchanged: 1 });
    let (rows, next) = store.list_definitions(&DefinitionFilter::default(), None, 10).unwrap();
    assert_eq!((names(&rows), next), (vec!["four", "one", "two"], None));
    assert_eq!(store.source_files(source.id).unwrap(), [file("a.md", 2), file("b.md", 5)]);
}

#[test]
fn namesakes_in_one_file_are_kept_apart() {
    let world = World::new();
    let source = kit(&world);
    let second = NewDefinition { digest: "second".to_string(), ..definition("twin") };
    world.store.replace_definitions(&source, &[], &[definition("twin"), second.clone()]).unwrap();
    let again = world.store.replace_definitions(&source, &[], &[definition("twin"), second]).unwrap();
    assert_eq!(again.unchanged, 2);
    let digests: Vec<String> = world.store.find_by_name("twin").unwrap().into_iter().map(|hit| hit.digest).collect();
    assert_eq!(digests, ["digest of twin", "second"]);
}

#[test]
fn a_name_finds_every_source_in_the_order_of_adding() {
    let world = World::new();
    let store = &world.store;
    let first = kit(&world);
    let second = store.add_source(&new_source("other")).unwrap();
    let aliased = NewDefinition { aliases: vec!["build".to_string(), "build".to_string()], ..definition("make") };
    store.replace_definitions(&second, &[], &[definition("build")]).unwrap();
    store.replace_definitions(&first, &[], &[aliased, definition("build"), definition("build all")]).unwrap();

    let hits = store.find_by_name("build").unwrap();
    let seen: Vec<(&str, &str, bool)> =
        hits.iter().map(|h| (h.source.name.as_str(), h.name.as_str(), h.alias)).collect();
    assert_eq!(seen, [("kit", "build", false), ("kit", "make", true), ("other", "build", false)]);
    assert_eq!(hits[0].source.spec, "github:someone/kit");
    assert_eq!(store.find_in_source("other", "build").unwrap(), hits[2..]);
    assert_eq!(store.definition(hits[1].id).unwrap().unwrap().name, "make");
    assert_eq!(store.find_by_name("Build").unwrap(), []);
    let children = store.children_of("build").unwrap();
    assert_eq!(children, [("build all".to_string(), "Does build all".to_string(), "kit".to_string())]);
    let feed: Vec<(String, bool)> = store.names_feed(false).unwrap().into_iter().map(|n| (n.folded, n.alias)).collect();
    let expected = [("build", false), ("build", true), ("build", false), ("build all", false), ("make", false)];
    assert_eq!(feed, expected.map(|(name, alias)| (name.to_string(), alias)));
    assert_eq!(store.definition_counts().unwrap(), [("kit".to_string(), 3), ("other".to_string(), 1)]);

    store.remove_source(first.id).unwrap();
    assert_eq!(store.find_by_name("build").unwrap().len(), 1);
    assert_eq!(store.counts().unwrap().definitions, 1);
    assert_eq!(store.integrity_check().unwrap(), Vec::<String>::new());
}

#[test]
fn lists_come_by_pages_and_filters() {
    let world = World::new();
    let store = &world.store;
    let (first, second) = (kit(&world), store.add_source(&new_source("other")).unwrap());
    let of = |name: &str, dialect: &str, category: Option<&str>| NewDefinition {
        dialect: dialect.to_string(),
        category: category.map(str::to_string),
        ..definition(name)
    };
    store
        .replace_definitions(&first, &[], &[of("b", "mask", None), of("a", "xc", Some("Git")), of("Ö", "mask", None)])
        .unwrap();
    store.replace_definitions(&second, &[], &[of("b", "tldr", Some("Git")), of("ab", "mask", None)]).unwrap();

    let all = DefinitionFilter::default();
    let mut seen = Vec::new();
    let mut cursor = None;
    loop {
        let (rows, next) = store.list_definitions(&all, cursor.as_deref(), 2).unwrap();
        assert!(rows.len() <= 2 && rows.iter().all(|row| row.json.is_none()));
        seen.extend(rows.into_iter().map(|row| (row.name, row.source.name)));
        cursor = next;
        if cursor.is_none() {
            break;
        }
    }
    let expected = [("a", "kit"), ("ab", "other"), ("b", "kit"), ("b", "other"), ("Ö", "kit")];
    assert_eq!(seen, expected.map(|(a, b)| (a.to_string(), b.to_string())));

    let list = |filter: DefinitionFilter| {
        let (rows, next) = store.list_definitions(&filter, None, 10).unwrap();
        assert_eq!(next, None);
        rows
    };
    assert_eq!(names(&list(DefinitionFilter { source: Some("other".to_string()), ..all.clone() })), ["ab", "b"]);
    assert_eq!(names(&list(DefinitionFilter { dialect: Some("mask".to_string()), ..all.clone() })), ["ab", "b", "Ö"]);
    assert_eq!(names(&list(DefinitionFilter { category: Some("Git".to_string()), ..all.clone() })), ["a", "b"]);
    let prefixed = list(DefinitionFilter { prefix: Some("a".to_string()), with_json: true, ..all.clone() });
    assert_eq!(names(&prefixed), ["a", "ab"]);
    assert_eq!(prefixed[0].json.as_deref(), Some("{\"name\":\"a\"}"));
    for wrong in ["", "x", "1.zz", "1.a", "\u{20ac}.61"] {
        assert_eq!(store.list_definitions(&all, Some(wrong), 2).unwrap_err().kind(), Kind::Usage, "{wrong}");
    }
}

#[test]
fn the_search_feed_gives_each_thing_once_with_its_last_number() {
    let world = World::new();
    let store = &world.store;
    let source = kit(&world);
    assert_eq!(store.search_high_water().unwrap(), 0);
    store.replace_definitions(&source, &[], &[definition("a"), definition("b")]).unwrap();
    let run = store.begin_run(&new_run("a")).unwrap();
    store.finish_run(run, &ended(Status::Ok, "hello out")).unwrap();
    let feed = store.search_feed(0, 10).unwrap();
    let seen: Vec<(DocKind, &str, &str)> = feed.iter().map(|d| (d.kind, d.title.as_str(), d.body.as_str())).collect();
    let expected = [
        (DocKind::Definition, "a", "words of a"),
        (DocKind::Definition, "b", "words of b"),
        (DocKind::Run, "a", "1.2\nhello out\n"),
    ];
    assert_eq!(seen, expected);
    assert_eq!(
        feed[0].extra,
        json!({"source": "kit", "dialect": "mask", "category": null, "summary": "Does a", "aliases": []})
    );
    assert_eq!(feed[2].extra["status"], "ok");
    assert_eq!(feed[2].key, run.to_string());
    let water = store.search_high_water().unwrap();
    assert_eq!(feed[2].seq, water);
    assert_eq!(store.search_feed(water, 10).unwrap(), []);

    store.replace_definitions(&source, &[], &[definition("b")]).unwrap();
    store.remove_runs(&[run]).unwrap();
    let feed = store.search_feed(water, 10).unwrap();
    assert!(feed.iter().all(|doc| doc.deleted && doc.title.is_empty() && doc.body.is_empty()));
    assert_eq!(feed.iter().map(|doc| doc.kind).collect::<Vec<_>>(), [DocKind::Definition, DocKind::Run]);
    assert_eq!(store.search_feed(0, 2).unwrap().len(), 2);
}
