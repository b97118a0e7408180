//! What the tab has done for it: reading the catalog, binding, planning, trusting, fetching. It draws nothing.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::tree::{Fold, From, Listed, Listing};
use super::trust::Judged;
use super::{fetch, page, pictures};
use crate::app::App;
use crate::commands::bind::{self, Given};
use crate::commands::catalog::{Catalog, Resolved, Trust, level, trusted_from_the_start};
use crate::commands::model::StepKind;
use crate::commands::run::{self as engine, Dry, Plan};
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::figures::counted;
use crate::kernel::files;
use crate::kernel::ids::Id;
use crate::kernel::terminal::safe_line;
use crate::store::{DefinitionFilter, DefinitionRow, Source, SourceKind};
use crate::tui::happening::{Fault, Launch};
use crate::tui::jobs::Desk;
use crate::tui::pictures::Way;
use crate::tui::tabs::Answer as AnyAnswer;
use crate::tui::theme::Theme;
use crate::tui::widgets::text::Row;

/// The largest file that is edited, bytes.
const LARGEST: u64 = 4 << 20;

/// Where it is kept which headings are open.
const FOLDS: &str = "tui:folds";

/// What a person wants with a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    /// Run it, in the runs tab.
    Run,
    /// See what would run.
    Dry,
    /// Have its text in a chat.
    Draft,
    /// Run it on the whole terminal.
    Terminal,
}

/// A command that something is wanted with.
#[derive(Clone, Debug, PartialEq)]
pub struct Errand {
    /// What is wanted.
    pub want: Want,
    /// The definition that was looked at.
    pub id: Id,
    /// The command with its arguments.
    pub launch: Launch,
}

/// What trust is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// One definition and what it requires.
    Command(Id),
    /// All of a source, by name.
    Source(String),
}

/// What a definition is laid out on.
#[derive(Clone, Debug)]
pub struct Paper {
    /// Its width, columns.
    pub room: u16,
    /// Its colours.
    pub theme: Theme,
    /// How pictures are shown on it.
    pub pictures: Way,
}

/// How it is laid out is no part of what is asked for.
impl PartialEq for Paper {
    fn eq(&self, _: &Paper) -> bool {
        true
    }
}

/// What is asked for.
#[derive(Debug, PartialEq)]
pub enum Request {
    /// Everything there is.
    List,
    /// One definition, laid out.
    Show(Id, Paper),
    /// Bind, plan and judge.
    Prepare(Errand),
    /// The values that a trusted definition suggests for a parameter.
    Suggest(Id, String),
    /// What of this is not trusted.
    Judge(Scope),
    /// Trust exactly these; then go on with the errand.
    Trust(Vec<Resolved>, Option<Errand>),
    /// Take trust back: a source's spec, and one command of it or all.
    Untrust(String, Option<String>),
    /// The text of a file that is to be edited.
    Read(PathBuf),
    /// Writes a file that was edited.
    Save {
        /// Which.
        file: PathBuf,
        /// What stood in it.
        was: String,
        /// What shall stand in it.
        text: String,
    },
    /// Fetch what is new: one source by name, or all.
    Update(Option<String>),
    /// Add a source.
    Add(String),
    /// Keep which headings are open.
    Keep(Vec<Fold>),
}

/// One definition with what is shown beside it.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    /// Its id.
    pub id: Id,
    /// The definition.
    pub resolved: Resolved,
    /// Whether nobody has to trust it.
    pub always_trusted: bool,
    /// The shortest name that means exactly this one.
    pub call: String,
    /// The text that was trusted last, where it is another one now.
    pub before: Option<String>,
    /// Its file, where a person may edit it.
    pub file: Option<PathBuf>,
    /// All of it, laid out.
    pub rows: Vec<Row>,
}

/// What came of preparing a run.
#[derive(Debug, PartialEq)]
pub enum Prepared {
    /// It may run.
    Ready,
    /// These have to be trusted first.
    Untrusted(Vec<Judged>),
    /// It is a snippet, which a person sees before it runs.
    Snippet(Vec<Dry>),
    /// What would run.
    Dry(Vec<Dry>),
    /// Its text, for a chat.
    Draft(String),
    /// A value is wrong.
    Wrong(Fault),
}

/// What is answered.
#[derive(Debug, PartialEq)]
pub enum Answer {
    /// Everything there is.
    Listed(std::result::Result<Listing, Fault>),
    /// Files were looked at, and what was listed before is all there is.
    Looked,
    /// One definition.
    Shown(Id, std::result::Result<Box<Shown>, Fault>),
    /// The values suggested for a parameter; none where there are none to be had.
    Suggested(Id, String, Vec<String>),
    /// What came of an errand.
    Prepared(Errand, std::result::Result<Prepared, Fault>),
    /// What is not trusted.
    Judged(std::result::Result<Vec<Judged>, Fault>),
    /// Something was done.
    Done(std::result::Result<String, Fault>),
    /// The text of a file.
    Read(PathBuf, std::result::Result<String, Fault>),
    /// A file could not be written; the text that was to stand in it.
    Unsaved(String, Fault),
    /// How far the fetching of a source is.
    Progress(String, String),
    /// A source was fetched: what is said, and whether it failed.
    Fetched(String, std::result::Result<String, Fault>),
}

/// Does what was asked for.
pub fn work(request: Request, desk: &Desk<'_>) {
    let send = |answer| desk.send(AnyAnswer::Commands(answer));
    let app = desk.app;
    match request {
        Request::List => list(desk),
        Request::Show(id, paper) => {
            let shown = show(app, id).map(|mut shown| {
                // Colouring long code takes longer than a frame.
                shown.rows = page::definition(&shown, paper.room, &paper.theme);
                let (command, source) = (&shown.resolved.command, &shown.resolved.source);
                if let Some(base) = &source.base {
                    shown.rows.extend(pictures::rows(&command.text, base, &command.origin.path, &paper));
                }
                shown
            });
            send(Answer::Shown(id, shown.map_err(Fault::from)));
        }
        Request::Prepare(errand) => {
            let prepared = prepare(desk, &errand).map_err(Fault::from);
            send(Answer::Prepared(errand, prepared));
        }
        Request::Suggest(id, name) => {
            let values = suggest(desk, id, &name).unwrap_or_default();
            send(Answer::Suggested(id, name, values));
        }
        Request::Judge(scope) => send(Answer::Judged(judge(app, &scope).map_err(Fault::from))),
        Request::Trust(all, errand) => match (grant(app, &all), errand) {
            (Err(error), _) => send(Answer::Done(Err(error.into()))),
            (Ok(said), None) => send(Answer::Done(Ok(said))),
            (Ok(_), Some(errand)) => {
                let prepared = prepare(desk, &errand).map_err(Fault::from);
                send(Answer::Prepared(errand, prepared));
            }
        },
        Request::Untrust(spec, name) => {
            let count = app.store().and_then(|store| store.revoke(Some(&spec), name.as_deref()));
            let said = count.map(|n| format!("took back {}", counted(n, "permission")));
            send(Answer::Done(said.map_err(Fault::from)));
        }
        Request::Read(file) => {
            let text = read(&file).map_err(Fault::from);
            send(Answer::Read(file, text));
        }
        Request::Save { file, was, text } => match save(app, &file, &was, &text) {
            Ok(said) => send(Answer::Done(Ok(said))),
            Err(error) => send(Answer::Unsaved(text, error.into())),
        },
        Request::Keep(folds) => {
            let kept = app.store().and_then(|store| store.set_state(FOLDS, &serde_json::json!(folds)));
            if let Err(error) = kept {
                send(Answer::Done(Err(error.into())));
            }
        }
        Request::Update(name) => fetch::update(desk, name),
        Request::Add(spec) => fetch::add(desk, &spec),
    }
}

/// First what the store has, at once; then what is there, when files have changed since.
fn list(desk: &Desk<'_>) {
    let send = |answer| desk.send(AnyAnswer::Commands(answer));
    let stored = || -> Result<(Listing, i64)> {
        let version = desk.app.store()?.definitions_version()?;
        Ok((listing(&desk.app.launcher()?.catalog())?, version))
    };
    let known = stored().ok().filter(|(listing, _)| !listing.commands.is_empty()).map(|(listing, version)| {
        send(Answer::Listed(Ok(listing)));
        version
    });
    if desk.stop.is_requested() {
        return;
    }
    let looked = desk.app.whole_catalog().and_then(|catalog| {
        let same = known == Some(catalog.store.definitions_version()?);
        if same { Ok(None) } else { listing(&catalog).map(Some) }
    });
    send(match looked {
        Ok(None) => Answer::Looked,
        Ok(Some(listing)) => Answer::Listed(Ok(listing)),
        Err(error) => Answer::Listed(Err(error.into())),
    });
}

fn listing(catalog: &Catalog<'_>) -> Result<Listing> {
    let mut sources = catalog.store.sources()?;
    sources.retain(|s| catalog.shows(s.kind, &s.spec));
    sources.sort_by_key(|s| (level(s.kind), s.rank));
    let places: HashMap<Id, usize> = sources.iter().enumerate().map(|(at, s)| (s.id, at)).collect();
    let (mut rows, _) = catalog.store.list_definitions(&DefinitionFilter::default(), None, 1_000_000)?;
    rows.retain(|row| places.contains_key(&row.source.id));
    let key = |row: &DefinitionRow| (places.get(&row.source.id).copied(), row.category.clone(), row.folded.clone());
    rows.sort_by_cached_key(key);
    let trust = catalog.trust_of_rows(&rows)?;
    let safe = |text: &str| safe_line(text).into_owned();
    let listed = rows.into_iter().zip(trust).map(|(row, trust)| Listed {
        source: places.get(&row.source.id).copied().unwrap_or(0),
        name: safe(&row.name),
        category: row.category.as_deref().map(safe).filter(|c| !c.trim().is_empty()),
        summary: safe(&row.summary),
        words: format!("{} {}", row.aliases.join(" "), row.dialect),
        id: row.id,
        trust,
    });
    let folds = catalog.store.state(FOLDS)?.and_then(|(value, _)| serde_json::from_value(value).ok());
    let sources = sources.iter().map(from).collect();
    Ok(Listing { commands: listed.collect(), sources, folds: folds.unwrap_or_default() })
}

fn from(source: &Source) -> From {
    let bundled = source.kind == SourceKind::Bundled;
    let spec = match &source.reference {
        Some(reference) => format!("{}@{reference}", source.spec),
        None => source.spec.clone(),
    };
    From {
        name: source.name.clone(),
        kind: source.kind,
        spec,
        trust_spec: source.spec.clone(),
        commit: source.commit.clone().filter(|_| !bundled),
        fetched: source.fetched_at.filter(|_| !bundled).map(|at| at.local_short()),
        error: source.error.clone(),
    }
}

fn gone() -> Error {
    Error::new(Kind::NotFound, "this definition is not there any more")
}

fn show(app: &App, id: Id) -> Result<Box<Shown>> {
    let catalog = app.launcher()?.catalog();
    let hit = catalog.store.definition(id)?.ok_or_else(gone)?;
    let mut resolved = catalog.resolved(hit)?;
    let named = catalog.named(&resolved.command.name, None)?;
    let same = |other: &Resolved| other.key() == resolved.key() && other.command.origin == resolved.command.origin;
    let call = match named.as_ref().filter(|other| same(other)) {
        Some(_) => resolved.command.name.clone(),
        None => resolved.key(),
    };
    let others = named.iter().flat_map(|n| n.clashes.iter().cloned().chain([n.key()]));
    let others: Vec<String> = others.filter(|key| *key != resolved.key()).collect();
    resolved.clashes = others;
    let before = match resolved.trust {
        Trust::Changed => catalog.store.last_grant(&resolved.source.spec, &resolved.command.name)?.map(|g| g.text),
        _ => None,
    };
    let own = matches!(resolved.source.kind, SourceKind::User | SourceKind::Project | SourceKind::Dir);
    let file = resolved.source.base.as_ref().filter(|_| own).map(|base| base.join(&resolved.command.origin.path));
    let always_trusted = trusted_from_the_start(resolved.source.kind);
    Ok(Box::new(Shown { id, resolved, always_trusted, call, before, file, rows: Vec::new() }))
}

fn prepare(desk: &Desk<'_>, errand: &Errand) -> Result<Prepared> {
    let app = desk.app;
    let launch = &errand.launch;
    let (resolved, _) = app.resolve(std::slice::from_ref(&launch.command))?;
    let looked_at = app.store()?.definition(errand.id)?.ok_or_else(gone)?;
    if looked_at.path != resolved.command.origin.path {
        let said = format!("`{}` means the one in {} here", resolved.key(), resolved.command.origin.path);
        return Err(Error::new(Kind::Usage, said).hint(format!("the one in {} is for elsewhere", looked_at.path)));
    }
    let command = resolved.command.clone();
    let run = errand.want == Want::Run;
    if run {
        engine::check_runnable(&command)?;
    }
    let bound = || -> Result<bind::Bound> {
        let mut given = Given::default();
        for (name, value) in &launch.values {
            given.set(&command, name, value)?;
        }
        launch.rest.iter().for_each(|word| given.push_rest(word));
        let env = app.param_env(&command);
        if run {
            return bind::check(&command, &given, &env);
        }
        given.stand_in(&command, &env)?;
        bind::check_loosely(&command, &given, &env)
    };
    let bound = match bound() {
        Ok(bound) => bound,
        Err(error) if error.kind() == Kind::Usage => return Ok(Prepared::Wrong(error.into())),
        Err(error) => return Err(error),
    };
    let catalog = app.catalog()?;
    let plan = engine::plan(&catalog, resolved, bound)?;
    let dry = || dry_run(desk, &catalog, &plan);
    match errand.want {
        Want::Dry => return Ok(Prepared::Dry(dry()?)),
        Want::Draft => return Ok(Prepared::Draft(draft(dry()?)?)),
        Want::Run | Want::Terminal => {}
    }
    let untrusted = plan.untrusted();
    if !untrusted.is_empty() {
        let judged: Result<Vec<Judged>> = untrusted.into_iter().map(|one| judged(app, &catalog, one)).collect();
        return Ok(Prepared::Untrusted(judged?));
    }
    if plan.is_snippet() && app.config()?.flag("run.confirm_snippets") {
        return Ok(Prepared::Snippet(dry()?));
    }
    Ok(Prepared::Ready)
}

fn dry_run(desk: &Desk<'_>, catalog: &Catalog<'_>, plan: &Plan) -> Result<Vec<Dry>> {
    let engine = desk.app.engine(catalog, desk.stop.clone(), false, "manual")?;
    engine::dry_run(&engine, plan)
}

/// The lines that the definition's own command prints, of a definition that is trusted.
fn suggest(desk: &Desk<'_>, id: Id, name: &str) -> Result<Vec<String>> {
    let catalog = desk.app.catalog()?;
    let hit = catalog.store.definition(id)?.ok_or_else(gone)?;
    let resolved = catalog.resolved(hit)?;
    let script = resolved.command.param(name).and_then(|p| p.suggest.as_ref());
    let Some(script) = script.filter(|_| resolved.trust == Trust::Trusted) else { return Ok(Vec::new()) };
    resolved.check_unchanged()?;
    let app = desk.app;
    Ok(engine::suggestions(&resolved.command.name, script, &app.env, &app.cwd, desk.stop))
}

/// What its prompts say.
fn draft(steps: Vec<Dry>) -> Result<String> {
    let prompts = steps.into_iter().filter(|s| matches!(s.kind, StepKind::Prompt | StepKind::System));
    let texts: Vec<String> = prompts.flat_map(|s| [Some(s.text), s.input]).flatten().collect();
    let text = texts.iter().map(|t| t.trim()).filter(|t| !t.is_empty()).collect::<Vec<_>>().join("\n\n");
    match text.is_empty() {
        true => Err(Error::new(Kind::Usage, "it has no prompt that could stand in a chat")),
        false => Ok(text),
    }
}

fn judged(app: &App, catalog: &Catalog<'_>, resolved: &Resolved) -> Result<Judged> {
    let before = match resolved.trust {
        Trust::Changed => catalog.store.last_grant(&resolved.source.spec, &resolved.command.name)?.map(|g| g.text),
        _ => None,
    };
    Ok(Judged { reach: app.reach(resolved)?, resolved: resolved.clone(), before })
}

fn judge(app: &App, scope: &Scope) -> Result<Vec<Judged>> {
    let catalog = app.whole_catalog()?;
    let all: Vec<Resolved> = match scope {
        Scope::Command(id) => {
            let hit = catalog.store.definition(*id)?.ok_or_else(gone)?;
            let mut all = vec![catalog.resolved(hit)?];
            catalog.add_others(&mut all);
            all
        }
        Scope::Source(name) => {
            let filter =
                DefinitionFilter { source: Some(name.clone()), with_json: true, ..DefinitionFilter::default() };
            let (rows, _) = catalog.store.list_definitions(&filter, None, 1_000_000)?;
            rows.into_iter().filter_map(DefinitionRow::into_hit).map(|h| catalog.resolved(h)).collect::<Result<_>>()?
        }
    };
    let wanting = all.iter().filter(|r| r.trust != Trust::Trusted);
    wanting.map(|one| judged(app, &catalog, one)).collect()
}

/// Trusts exactly what was shown.
fn grant(app: &App, all: &[Resolved]) -> Result<String> {
    all.iter().try_for_each(Resolved::check_unchanged)?;
    let grants: Vec<_> = all.iter().map(|r| r.grant("asked")).collect();
    app.store()?.grant(&grants)?;
    Ok(format!("trusted {}", counted(grants.len(), "command")))
}

fn read(file: &Path) -> Result<String> {
    let gone = || Error::new(Kind::NotFound, format!("{} is not there any more", file.display()));
    files::read_text(file, LARGEST)?.ok_or_else(gone)
}

/// Writes what was edited, unless the file is another one now.
fn save(app: &App, file: &Path, was: &str, text: &str) -> Result<String> {
    if read(file)? != was {
        let error = Error::new(Kind::Refused, format!("{} was changed by somebody else meanwhile", file.display()));
        return Err(error.hint("your text is on the clipboard"));
    }
    let end = if was.ends_with('\n') || was.is_empty() { "\n" } else { "" };
    let text = format!("{}{end}", text.trim_end_matches('\n'));
    files::write_atomic(file, text.as_bytes(), false)?;
    app.whole_catalog()?;
    Ok(format!("saved {}", file.display()))
}
