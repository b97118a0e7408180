//! Every definition of every source, found by name: the order of sources, clashes, and trust.
//!
//! Names resolve project > user > added (in order) > bundled; `source:name` picks one. It reads the store and the
//! files of local sources; it fetches nothing and runs nothing.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use super::digest;
use super::model::{Command, Diagnostic, Dialect, Step, StepKind, Syntax};
use super::scan::fold_name;
use super::source::cache::BlobCache;
use super::source::{layout, local, siblings};
use crate::kernel::config::Binding;
use crate::kernel::error::{Context, Error, Kind, Result};
use crate::kernel::ids::Id;
use crate::kernel::near::nearest;
use crate::store::{DefinitionFilter, DefinitionHit, DefinitionRow, NewGrant, SourceKind, SourceRef, Store};

/// Names are at most this many words deep when looked up.
const MAX_WORDS: usize = 6;

/// Where a resolved command came from.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceInfo {
    /// In the store.
    pub id: Id,
    /// What users call it.
    pub name: String,
    /// What kind of place it is.
    pub kind: SourceKind,
    /// Its identity for trust: where it is, without a version.
    pub spec: String,
    /// The folder its files lie in, where they do.
    pub base: Option<PathBuf>,
}

/// Who asks for a command: the definition that requires or calls it.
#[derive(Clone, Copy, Debug)]
pub struct Near<'a> {
    /// Its source.
    pub source: &'a SourceInfo,
    /// Its file.
    pub path: &'a str,
}

/// Whether a definition may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Its bytes were accepted, or its source is trusted from the start.
    Trusted,
    /// Nobody accepted it.
    Untrusted,
    /// Other bytes were accepted under this name.
    Changed,
}

impl Trust {
    /// The word used in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Trust::Trusted => "trusted",
            Trust::Untrusted => "untrusted",
            Trust::Changed => "changed",
        }
    }
}

/// A command that was found, with all that decides whether it may run.
#[derive(Clone, Debug, PartialEq)]
pub struct Resolved {
    /// The definition.
    pub command: Command,
    /// Its source.
    pub source: SourceInfo,
    /// What trust is given to.
    pub digest: String,
    /// Of this, what the files beside it add; `None` where they cannot change or do not count.
    pub beside: Option<String>,
    /// Whether it may run.
    pub trust: Trust,
    /// Other definitions of the same name, as `source:name`.
    pub clashes: Vec<String>,
}

impl Resolved {
    /// Looks again at the files beside the definition: what was judged, or shown to a person, must be what runs.
    ///
    /// # Errors
    /// `Refused` when they are not what they were.
    pub fn check_unchanged(&self) -> Result<()> {
        let (Some(beside), Some(base)) = (&self.beside, folder_under_work(&self.source)) else { return Ok(()) };
        if siblings::digest(base, &self.command) == *beside {
            return Ok(());
        }
        Err(Error::new(
            Kind::Refused,
            format!("files that `{}` uses have just changed, so nothing was run", self.key()),
        )
        .hint("look at them, and run it again"))
    }

    /// What tells commands apart: source and name.
    pub fn key(&self) -> String {
        format!("{}:{}", self.source.name, self.command.name)
    }

    /// Where this one looks first for what it requires: its own file, then its own source.
    pub fn near(&self) -> Near<'_> {
        Near { source: &self.source, path: &self.command.origin.path }
    }

    /// The permission for it as it is now; `how` says how it was given.
    pub fn grant(&self, how: &str) -> NewGrant {
        NewGrant {
            source: self.source.spec.clone(),
            command: self.command.name.clone(),
            digest: self.digest.clone(),
            how: how.to_string(),
            text: self.accepted_text(),
        }
    }

    /// The refusal to run it, with the commands that show it and that allow it and all it requires.
    pub fn refusal(&self) -> Error {
        let (name, source) = (&self.command.name, &self.source.name);
        let (said, read) = match self.trust {
            Trust::Changed => ("has changed since it was trusted", format!("fac source diff {}", quoted(source))),
            _ => ("comes from outside and is not trusted yet", format!("fac commands show {}", quoted(&self.key()))),
        };
        let grant = format!("fac source trust {} --command {} --yes", quoted(source), quoted(name));
        Error::new(Kind::Refused, format!("`{}` {said}", self.key()))
            .hint(format!("read it with `{read}`, then allow it with `{grant}`"))
    }

    /// What a person accepts: the definition, and the suggestion commands that it takes from elsewhere in its file.
    pub fn accepted_text(&self) -> String {
        let mut text = self.command.text.clone();
        for param in &self.command.params {
            if let Some(suggest) = param.suggest.as_ref().filter(|s| !self.command.text.contains(s.as_str())) {
                if !text.ends_with('\n') {
                    text.push('\n');
                }
                text.push_str(&format!("$ {}: {suggest}\n", param.name));
            }
        }
        text
    }

    /// The name people can use to reach exactly this one; bundled and own commands go without their source.
    pub fn full_name(&self) -> String {
        match self.source.kind {
            SourceKind::Bundled | SourceKind::User => self.command.name.clone(),
            _ => self.key(),
        }
    }
}

/// A word as a shell takes it back, for command lines in hints.
pub fn quoted(word: &str) -> String {
    shlex::try_quote(word).map(|w| w.into_owned()).unwrap_or_else(|_| word.to_string())
}

/// `words` with an alias in front replaced by what it stands for, arguments included; `None` when there is no alias.
pub fn expand(aliases: &BTreeMap<String, String>, words: &[String]) -> Option<Vec<String>> {
    let target = aliases.get(&fold_name(words.first()?))?;
    let mut longer = shlex::split(target).unwrap_or_else(|| vec![target.clone()]);
    longer.extend(words[1..].iter().cloned());
    Some(longer)
}

/// A view on the store for one caller: one project, one set of bindings.
pub struct Catalog<'a> {
    /// The database.
    pub store: &'a Store,
    /// The spec of the current project's own commands, where there is a project.
    pub project: Option<String>,
    /// Where fetched sources are laid out.
    pub layouts: PathBuf,
    /// Fetched content, to lay sources out again.
    pub blobs: BlobCache,
    /// What the user bound entries without a body to.
    pub bindings: BTreeMap<String, Binding>,
    /// The user's own short names for commands.
    pub aliases: BTreeMap<String, String>,
}

impl Catalog<'_> {
    /// Finds the command that the first words name: the longest name wins. Says how many words it took.
    ///
    /// `near` is whoever asks (a definition that requires another): its file and its source are looked in first.
    pub fn resolve(&self, words: &[String], near: Option<Near<'_>>) -> Result<(Resolved, usize)> {
        if near.is_none()
            && let Some(longer) = expand(&self.aliases, words)
            && longer.first().map(|w| fold_name(w)) != words.first().map(|w| fold_name(w))
        {
            let own = longer.len() + 1 - words.len();
            let (resolved, used) = self.resolve_longest(&longer, None)?;
            return Ok((resolved, (used + 1).saturating_sub(own).max(1)));
        }
        self.resolve_longest(words, near)
    }

    fn resolve_longest(&self, words: &[String], near: Option<Near<'_>>) -> Result<(Resolved, usize)> {
        let most = words.iter().take(MAX_WORDS).take_while(|w| !w.starts_with('-') || w.len() == 1).count();
        for used in (1..=most).rev() {
            let name = words[..used].join(" ");
            if let Some(resolved) = self.named(&name, near)? {
                return Ok((resolved, used));
            }
        }
        Err(self.not_found(words))
    }

    /// The command of exactly this name, or `source:name`.
    pub fn named(&self, name: &str, near: Option<Near<'_>>) -> Result<Option<Resolved>> {
        if let Some((source, rest)) = name.split_once(':') {
            let hits = self.store.find_in_source(source.trim(), &fold_name(rest))?;
            let hits: Vec<DefinitionHit> = hits.into_iter().filter(|h| self.is_visible(&h.source)).collect();
            if !hits.is_empty() {
                return self.choose(hits, None).map(Some);
            }
        }
        let hits = self.store.find_by_name(&fold_name(name))?;
        let hits: Vec<DefinitionHit> = hits.into_iter().filter(|h| self.is_visible(&h.source)).collect();
        if hits.is_empty() { Ok(None) } else { self.choose(hits, near).map(Some) }
    }

    /// The next visible rows, as many as are wanted, and where to go on. What belongs to other projects does not count.
    ///
    /// # Errors
    /// Those of the store.
    pub fn page(
        &self,
        filter: &DefinitionFilter,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<DefinitionRow>, Option<String>)> {
        let (mut shown, mut after) = (Vec::new(), after.map(String::from));
        loop {
            let wanted = limit.saturating_sub(shown.len());
            let (rows, next) = self.store.list_definitions(filter, after.as_deref(), wanted)?;
            shown.extend(rows.into_iter().filter(|r| self.is_visible(&r.source)));
            if next.is_none() || shown.len() >= limit {
                return Ok((shown, next));
            }
            after = next;
        }
    }

    /// Commands of other projects are not seen from this one.
    pub fn is_visible(&self, source: &SourceRef) -> bool {
        self.shows(source.kind, &source.spec)
    }

    /// The same, of a source by its kind and spec.
    pub fn shows(&self, kind: SourceKind, spec: &str) -> bool {
        kind != SourceKind::Project || self.project.as_deref() == Some(spec)
    }

    /// Picks one of several definitions of a name: the nearest source, then the order of sources, then platform and
    /// language. An untrusted project's name never shadows a trusted one.
    fn choose(&self, hits: Vec<DefinitionHit>, near: Option<Near<'_>>) -> Result<Resolved> {
        let mut found = Vec::with_capacity(hits.len());
        for hit in hits {
            let alias = hit.alias;
            let resolved = self.resolved(hit)?;
            let own = near.is_some_and(|n| n.source.id == resolved.source.id);
            let beside = near.is_some_and(|n| own && n.path == resolved.command.origin.path);
            let stranger = resolved.source.kind == SourceKind::Project && resolved.trust != Trust::Trusted;
            let order = (!beside, !own, stranger, level(resolved.source.kind), alias, fit(&resolved.command));
            found.push((order, resolved));
        }
        found.sort_by_key(|a| a.0);
        let mut found = found.into_iter().map(|(_, resolved)| resolved);
        // The caller passes at least one hit.
        let Some(mut first) = found.next() else { return Err(Error::new(Kind::NotFound, "no such command")) };
        first.clashes = found.map(|r| r.key()).filter(|k| *k != first.key()).collect();
        first.clashes.dedup();
        Ok(first)
    }

    /// A hit with its definition read, bound and judged.
    pub fn resolved(&self, hit: DefinitionHit) -> Result<Resolved> {
        let mut command: Command = serde_json::from_str(&hit.json)
            .context(Kind::BadData, || format!("the stored definition of `{}` cannot be read", hit.name))?;
        let source = self.source_info(&hit.source);
        let mut digest = hit.digest;
        let mut beside = None;
        if let Some(base) = folder_under_work(&source) {
            let siblings = siblings::digest(base, &command);
            digest = digest::of(&command, &siblings);
            beside = Some(siblings);
        }
        let trust = self.trust(&source, &command.name, &digest)?;
        if command.steps.is_empty() && command.requires.is_empty() {
            self.bind(&mut command);
            beside = None;
        }
        Ok(Resolved { command, source, digest, beside, trust, clashes: Vec::new() })
    }

    /// The trusted commands that a trigger of `kind` fires; those of other projects are not among them.
    pub fn fired_by(&self, kind: &str) -> Result<Vec<Resolved>> {
        let hits = self.store.definitions_fired_by(kind)?.into_iter().filter(|hit| self.is_visible(&hit.source));
        let mut found = Vec::new();
        for hit in hits {
            let resolved = self.resolved(hit)?;
            if resolved.trust == Trust::Trusted {
                found.push(resolved);
            }
        }
        Ok(found)
    }

    /// The source with the folder its files lie in.
    pub fn source_info(&self, source: &SourceRef) -> SourceInfo {
        let base = match source.kind {
            SourceKind::Dir | SourceKind::Project | SourceKind::User => {
                Some(local::base(Path::new(local_path(&source.spec))))
            }
            SourceKind::Github | SourceKind::Url => {
                source.commit.as_ref().map(|c| layout::folder(&self.layouts, source.id, c))
            }
            _ => None,
        };
        SourceInfo { id: source.id, name: source.name.clone(), kind: source.kind, spec: source.spec.clone(), base }
    }

    /// Makes sure that the files of a fetched source lie on disk; a layout that somebody removed is made again.
    ///
    /// # Errors
    /// `Unreachable` when fetched content is gone too.
    pub fn ensure_laid_out(&self, source: &SourceInfo) -> Result<()> {
        let fetched = matches!(source.kind, SourceKind::Github | SourceKind::Url);
        let missing = source.base.as_ref().filter(|base| fetched && !base.is_dir());
        let Some(commit) = missing.and_then(|base| base.file_name()).and_then(|name| name.to_str()) else {
            return Ok(());
        };
        let files = self.store.source_files(source.id)?;
        layout::lay_out_again(&self.layouts, source.id, commit, &files, &self.blobs)
            .map_err(|error| error.hint(format!("fetch them again with `fac source update {}`", source.name)))
    }

    /// Whether these bytes may run.
    pub fn trust(&self, source: &SourceInfo, name: &str, digest: &str) -> Result<Trust> {
        if trusted_from_the_start(source.kind) || self.store.is_granted(&source.spec, name, digest)? {
            return Ok(Trust::Trusted);
        }
        let before = self.store.last_grant(&source.spec, name)?;
        Ok(if before.is_some() { Trust::Changed } else { Trust::Untrusted })
    }

    /// Gives an entry without a body the body that the user bound to it.
    fn bind(&self, command: &mut Command) {
        let Some(binding) = self.bindings.get(&fold_name(&command.name)) else { return };
        let mut step = match binding {
            Binding::To(other) => Step::new("bound", StepKind::Run, "run", other.clone()),
            Binding::Prompt(text) => Step::new("bound", StepKind::Prompt, "prompt", text.clone()),
            Binding::Shell(text) => Step::new("bound", StepKind::Script, "sh", text.clone()),
        };
        if step.kind == StepKind::Prompt {
            step.syntax = Syntax::Native;
        }
        command.steps.push(step);
        command.diagnostics.retain(|d| d.severity != super::model::Severity::Error);
    }

    /// Names the nearest commands, or what is nested under the words.
    fn not_found(&self, words: &[String]) -> Error {
        let first = words.first().map(|w| fold_name(w)).unwrap_or_default();
        let named = words.iter().enumerate().take_while(|(at, w)| *at == 0 || (*at < 2 && !w.starts_with('-')));
        let named: Vec<&str> = named.map(|(_, w)| w.as_str()).collect();
        let said = format!("there is no command `{}`", named.join(" ").trim());
        let error = Error::new(Kind::NotFound, said);
        let children = self.store.children_of(&first).unwrap_or_default();
        if !children.is_empty() {
            let names: Vec<&str> = children.iter().take(6).map(|c| c.0.as_str()).collect();
            let more = if children.len() > 6 { format!(" and {} more", children.len() - 6) } else { String::new() };
            return error.hint(format!("under `{first}` there are: {}{more}", names.join(", ")));
        }
        let whole = fold_name(&words.iter().take(3).cloned().collect::<Vec<_>>().join(" "));
        let names: Vec<String> =
            self.store.names_feed(false).unwrap_or_default().into_iter().map(|n| n.folded).collect();
        let near = nearest(&whole, names.iter().map(String::as_str))
            .or_else(|| nearest(&first, names.iter().map(String::as_str)));
        match near {
            Some(near) => error.hint(format!("did you mean `{near}`? `fac commands ls` lists all")),
            None => error.hint("`fac commands ls` lists what there is, `fac commands search WORDS` finds by meaning"),
        }
    }

    /// Adds to `all` what they require or run, and what that requires, each once.
    pub fn add_others(&self, all: &mut Vec<Resolved>) {
        let mut at = 0;
        while at < all.len() {
            let asker = all[at].clone();
            for words in words_of_others(&asker) {
                if let Ok((needed, _)) = self.resolve(&words, Some(asker.near()))
                    && !all.iter().any(|r| r.key() == needed.key())
                {
                    all.push(needed);
                }
            }
            at += 1;
        }
    }

    /// The trust of many rows, in their order; the same as [`Catalog::trust_of_row`] of each, with one look at the
    /// permissions.
    pub fn trust_of_rows(&self, rows: &[DefinitionRow]) -> Result<Vec<Trust>> {
        let grants = self.store.grants(None)?;
        let exact: HashSet<[&str; 3]> =
            grants.iter().map(|g| [g.source.as_str(), g.command.as_str(), g.digest.as_str()]).collect();
        let named: HashSet<[&str; 2]> = grants.iter().map(|g| [g.source.as_str(), g.command.as_str()]).collect();
        let trust = |row: &DefinitionRow| {
            let (spec, name) = (row.source.spec.as_str(), row.name.as_str());
            match trusted_from_the_start(row.source.kind) || exact.contains(&[spec, name, row.digest.as_str()]) {
                true => Trust::Trusted,
                false if named.contains(&[spec, name]) => Trust::Changed,
                false => Trust::Untrusted,
            }
        };
        Ok(rows.iter().map(trust).collect())
    }

    /// The rows of a list with their trust; reads no files, so local definitions are judged as they were last read.
    pub fn trust_of_row(&self, row: &DefinitionRow) -> Result<Trust> {
        let source = self.source_info(&row.source);
        self.trust(&source, &row.name, &row.digest)
    }
}

/// The words of the commands that one requires or runs.
fn words_of_others(one: &Resolved) -> Vec<Vec<String>> {
    let calls = one.command.steps.iter().filter(|s| s.kind == StepKind::Run).flat_map(|s| s.text.lines());
    let called = calls.filter(|l| !l.trim_start().starts_with('#')).filter_map(shlex::split);
    one.command.requires.iter().cloned().chain(called).filter(|words| !words.is_empty()).collect()
}

/// The folder of a source whose files may change at any time.
fn folder_under_work(source: &SourceInfo) -> Option<&Path> {
    matches!(source.kind, SourceKind::Dir | SourceKind::Project).then_some(source.base.as_deref()?)
}

/// Only what came with the program and what the user wrote is trusted from the start.
pub fn trusted_from_the_start(kind: SourceKind) -> bool {
    matches!(kind, SourceKind::Bundled | SourceKind::User)
}

/// The folder of a local source's spec (`dir:/x`, `project:/x`, `user:/x`).
pub fn local_path(spec: &str) -> &str {
    spec.split_once(':').map_or(spec, |(_, path)| path)
}

/// The order of sources: project, user, added, bundled; a lower number wins.
pub fn level(kind: SourceKind) -> u8 {
    match kind {
        SourceKind::Project => 0,
        SourceKind::User => 1,
        SourceKind::Github | SourceKind::Url | SourceKind::Dir => 2,
        SourceKind::Bundled => 3,
    }
}

/// This platform before common before others; then the caller's language before English before others.
fn fit(command: &Command) -> (u8, u8) {
    let here = std::env::consts::OS;
    let platform = match command.platforms.as_slice() {
        [] => 1,
        list if list.iter().any(|p| p == here) => 0,
        _ => 2,
    };
    let locale = command.fields.iter().find(|f| f.0 == "locale").map(|f| f.1.as_str());
    (platform, u8::from(command.dialect == Dialect::Tldr && locale.is_some()))
}

/// One line about a diagnostic for lists: `path:line:column: message`.
pub fn placed(path: &str, diagnostic: &Diagnostic) -> String {
    format!("{path}:{}:{}: {}", diagnostic.line, diagnostic.column, diagnostic.message)
}
