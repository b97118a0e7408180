//! What is kept: the database, the sources and their definitions, what is derived from them, and the room for it.

use std::collections::BTreeMap;
use std::path::Path;

use super::Findings;
use crate::app::App;
use crate::commands::model::{Command, Severity};
use crate::commands::{names, source::layout};
use crate::exec;
use crate::kernel::error::Kind;
use crate::kernel::figures::{bytes, counted};
use crate::knowledge::Made;
use crate::store::{DefinitionFilter, SourceKind, Store};

/// Languages of scripts and how many commands are written in each.
pub(super) type Languages = BTreeMap<String, usize>;

pub(super) fn look(app: &App, found: &mut Findings) -> Languages {
    let store = match app.store() {
        Ok(store) => store,
        Err(error) => {
            found.error("store", &error, "restore it from a backup");
            return Languages::new();
        }
    };
    names_index(app, store, found);
    if let Err(error) = app.whole_catalog().map(drop)
        && app.config().is_ok()
    {
        found.error("sources", &error, "`fac source ls` shows what there is");
    }
    database(store, found);
    sources(app, store, found);
    let languages = definitions(app, store, found);
    search_index(app, store, found);
    outputs(app, store, found);
    disk(app, store, found);
    languages
}

fn database(store: &Store, found: &mut Findings) {
    let restore = "restore it from a backup";
    match store.counts() {
        Ok(c) => {
            found.good("store", store.path().display().to_string());
            let size = c.bytes as f64 / 1e6;
            let of = |count, word: &str| counted(usize::try_from(count).unwrap_or(usize::MAX), word);
            found.good(
                "store",
                format!(
                    "{}, {}, {}, {}, {size:.1} MB",
                    of(c.sources, "source"),
                    of(c.definitions, "command"),
                    of(c.runs, "run"),
                    of(c.events, "event")
                ),
            );
        }
        Err(e) => found.error("store", &e, restore),
    }
    match store.integrity_check() {
        Ok(problems) if problems.is_empty() => found.good("store", "the database is sound"),
        Ok(problems) => found.bad("store", format!("the database is damaged: {}", problems.join("; ")), restore),
        Err(e) => found.error("store", &e, restore),
    }
    match store.verify() {
        Ok(v) => match v.fault {
            None => match v.state.summary() {
                None => found.good("store", format!("the log of {} events is whole", v.events)),
                Some(summary) => found.bad(
                    "store",
                    format!("{summary}: {}", v.state.differences.join("; ")),
                    "the database was changed by hand; the log itself is whole, for the rows restore a backup",
                ),
            },
            Some(f) => found.bad(
                "store",
                format!("the log is broken at event {}: {}", f.position, f.what),
                "the database was changed by hand; what comes before that event is sound, for the rest restore a backup",
            ),
        },
        Err(e) => found.error("store", &e, restore),
    }
    match store.mark_lost(&|p| exec::is_alive(p.pid, p.start, &p.boot)) {
        Ok(lost) if !lost.is_empty() => found.note(
            "runs",
            format!("{} runs were cut off and are marked lost", lost.len()),
            "see them with `fac runs ls --status lost`",
        ),
        _ => {}
    }
}

fn sources(app: &App, store: &Store, found: &mut Findings) {
    let Ok(sources) = store.sources() else { return };
    let here = app.project_spec();
    for source in sources {
        // The folder of another project is looked at from there.
        if source.kind == SourceKind::Project && here.as_deref() != Some(source.spec.as_str()) {
            continue;
        }
        let folder = local_folder(source.kind, &source.spec).filter(|f| !f.exists());
        if let Some(folder) = folder {
            let fix = format!("bring the folder back, or `fac source rm {}`", source.name);
            found.bad("sources", format!("the folder of {} is gone: {}", source.name, folder.display()), fix);
        } else if matches!(source.state.as_str(), "stale" | "failed" | "gone") {
            let why = source.error.as_deref().unwrap_or("it could not be brought up to date");
            let fix = format!("try `fac source update {}`", source.name);
            found.bad("sources", format!("{} is {}: {why}", source.name, source.state), fix);
        }
        let Some(commit) = source.commit.as_deref().filter(|_| source.kind == SourceKind::Github) else { continue };
        if !layout::folder(&app.layouts(), source.id, commit).is_dir() {
            found.bad(
                "sources",
                format!("the files of {} were removed from the cache", source.name),
                format!("fetch them again: `fac source update {}`", source.name),
            );
        }
    }
}

fn local_folder(kind: SourceKind, spec: &str) -> Option<&Path> {
    (kind == SourceKind::Dir).then(|| Path::new(crate::commands::catalog::local_path(spec)))
}

/// Says which sources hold mistakes; answers in what languages their scripts are written.
fn definitions(app: &App, store: &Store, found: &mut Findings) -> Languages {
    let mut languages = Languages::new();
    let mut mistakes = BTreeMap::<String, usize>::new();
    let filter = DefinitionFilter { with_json: true, ..DefinitionFilter::default() };
    let (rows, _) = store.list_definitions(&filter, None, 1_000_000).unwrap_or_default();
    let here = app.project_spec();
    for row in rows {
        if row.source.kind == SourceKind::Project && here.as_deref() != Some(row.source.spec.as_str()) {
            continue;
        }
        let Some(Ok(command)) = row.json.as_deref().map(serde_json::from_str::<Command>) else {
            found.bad(
                "sources",
                format!("the stored definition of {}:{} cannot be read", row.source.name, row.name),
                format!("read it again: `fac source update {}`", row.source.name),
            );
            continue;
        };
        if command.diagnostics.iter().any(|d| d.severity == Severity::Error) {
            *mistakes.entry(row.source.name.clone()).or_default() += 1;
        }
        let mut own: Vec<&str> = command.steps.iter().filter(|s| s.kind.name() == "script").map(|s| &*s.lang).collect();
        own.sort_unstable();
        own.dedup();
        for language in own {
            *languages.entry(language.to_string()).or_default() += 1;
        }
    }
    for (source, count) in mistakes {
        let said = format!("{count} definitions of {source} have mistakes");
        found.note("sources", said, format!("see them with `fac commands check --source {source}`"));
    }
    languages
}

fn names_index(app: &App, store: &Store, found: &mut Findings) {
    match names::is_damaged(store, &app.paths.cache) {
        Ok(false) => {}
        Ok(true) => {
            let made = names::remake(store, &app.paths.cache);
            match made {
                Ok(()) => found.note("search", "the index of names was damaged", "it was made again just now"),
                Err(e) => found.error("search", &e, "remove it; it is made again"),
            }
        }
        Err(e) => found.error("search", &e, "remove it; it is made again"),
    }
}

fn search_index(app: &App, store: &Store, found: &mut Findings) {
    match app.index().search(store, "a", None, 1) {
        Ok(answer) if answer.made == Made::Again => {
            found.note("search", "the search index was damaged", "it was made again just now");
        }
        Ok(answer) if answer.made == Made::NotKept => found.note(
            "search",
            "the search index cannot be kept, so each search takes longer",
            "see to the free space and the permissions of the cache",
        ),
        Ok(_) => found.good("search", "the search index answers"),
        Err(e) => found.error("search", &e, "remove the index; it is made again"),
    }
}

/// Output that belongs to no run any more.
fn outputs(app: &App, store: &Store, found: &mut Findings) {
    let folders = std::fs::read_dir(app.outputs()).into_iter().flatten().flatten();
    let orphans: Vec<String> = folders
        .map(|f| f.file_name().to_string_lossy().into_owned())
        .filter(|id| store.run(id).is_err_and(|e| matches!(e.kind(), Kind::NotFound | Kind::Usage)))
        .collect();
    if let Some(first) = orphans.first() {
        let said = format!("{} outputs in {} belong to no run", orphans.len(), app.outputs().display());
        found.note("disk", said, format!("remove them: rm -r '{}'", app.outputs().join(first).display()));
    }
}

fn disk(app: &App, store: &Store, found: &mut Findings) {
    if let Ok(stat) = rustix::fs::statvfs(store.path()) {
        let free = stat.f_bavail.saturating_mul(stat.f_frsize);
        let said = format!("{} free where the store lies", bytes(free));
        if free < 100_000_000 {
            found.bad("disk", said, "free some space; nothing can be recorded on a full disk")
        } else {
            found.good("disk", said)
        }
    }
    let (outputs, cache) = (bytes(size_of(&app.outputs())), bytes(size_of(&app.paths.cache)));
    if let Ok(config) = app.config() {
        let (runs, days) = (config.int("run.keep_runs"), config.int("run.keep_days"));
        found.good("disk", format!("run outputs {outputs}, cache {cache}; kept: {runs} runs, {days} days"));
    }
}

pub(super) fn size_of(folder: &Path) -> u64 {
    let entries = ignore::WalkBuilder::new(folder).standard_filters(false).build();
    entries.flatten().filter_map(|e| e.metadata().ok()).filter(|m| m.is_file()).map(|m| m.len()).sum()
}
