//! The layers of settings, which value wins, and what it put in the shade.
//!
//! It reads two files and a list of variables and flags; it writes nothing and does not know what a setting is for.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::key::KeyPath;
use super::read::{self, Document, Problem, Setting};
use super::schema::{self, KEYS, Key};
use super::value::{self, Value};
use crate::kernel::env::Env;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::files;
use crate::kernel::near::nearest;
use crate::kernel::paths::{Paths, Project};

/// A setting given on the command line, such as `--color never`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flag {
    /// The flag as the user typed it: `--color`.
    pub flag: String,
    /// The setting: `color`.
    pub key: String,
    /// Its value as text.
    pub value: String,
}

/// Everything a set of settings is made from.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// Where the user's file lies.
    pub paths: &'a Paths,
    /// Whether that file must exist, because `--config` named it.
    pub file_named: bool,
    /// The environment.
    pub env: &'a Env,
    /// Settings given as flags; the last of equal ones wins.
    pub flags: &'a [Flag],
    /// The profile of `--profile`; else `FAC_PROFILE` chooses.
    pub profile: Option<&'a str>,
    /// The project around the working folder.
    pub project: Option<&'a Project>,
    /// Whether the user trusts that project.
    pub project_trusted: bool,
}

/// Where a value comes from, the weakest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nobody wrote it.
    Default,
    /// The user's file.
    User {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// A profile of the user's file.
    Profile {
        /// Its name.
        name: String,
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// The project's file.
    Project {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// A variable of this name.
    Environment(String),
    /// A flag, as it was typed.
    Flag(String),
}

impl Origin {
    fn rank(&self) -> u8 {
        match self {
            Origin::Default => 0,
            Origin::User { .. } => 1,
            Origin::Profile { .. } => 2,
            Origin::Project { .. } => 3,
            Origin::Environment(_) => 4,
            Origin::Flag(_) => 5,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::User { file, line } | Origin::Project { file, line } => write!(f, "{}:{line}", file.display()),
            Origin::Profile { name, file, line } => write!(f, "{}:{line} (profile {name})", file.display()),
            Origin::Environment(name) => write!(f, "environment {name}"),
            Origin::Flag(flag) => write!(f, "flag {flag}"),
        }
    }
}

/// One line of `explain`.
#[derive(Clone, Debug, PartialEq)]
pub struct Explained {
    /// The setting.
    pub key: KeyPath,
    /// What it is for.
    pub help: &'static str,
    /// The value that holds; `None` when nobody set it and it has no default.
    pub value: Option<Value>,
    /// Where that value comes from.
    pub origin: Origin,
    /// What it put in the shade, the strongest first, defaults included.
    pub shadowed: Vec<(Origin, Value)>,
}

/// The settings that hold, with the story of each.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// For each name its values, the strongest last.
    entries: BTreeMap<KeyPath, Vec<(Origin, Value)>>,
    warnings: Vec<Problem>,
    profile: Option<String>,
}

impl Config {
    /// Nothing but the defaults.
    pub fn defaults() -> Config {
        let mut config = Config::default();
        for key in KEYS {
            if let Some(value) = key.default.and_then(|text| Value::from_text(text, key.kind).ok()) {
                let path = KeyPath::new(key.name.split('.'));
                config.entries.insert(path, vec![(Origin::Default, value)]);
            }
        }
        config
    }

    /// Reads all layers. The first problem of a file or variable is an error of [`Kind::BadData`], that of a flag of
    /// [`Kind::Usage`]; a profile nobody wrote is [`Kind::NotFound`].
    pub fn load(input: &Input<'_>) -> Result<Config> {
        let mut config = Config::defaults();
        config.add_user(input)?;
        if let Some(file) = input.project.and_then(|project| project.config_file.as_deref()) {
            config.add_project(file, input.project_trusted)?;
        }
        config.add_environment(input.env)?;
        config.add_flags(input.flags)?;
        Ok(config)
    }

    fn add_user(&mut self, input: &Input<'_>) -> Result<()> {
        let file = &input.paths.config_file;
        let doc = read_file(file)?;
        if doc.is_none() && input.file_named {
            return Err(Error::new(Kind::NotFound, format!("there is no file {}", file.display()))
                .hint("make it, or leave --config away"));
        }
        let doc = doc.unwrap_or_default();
        let chosen = input.profile.or_else(|| input.env.text("FAC_PROFILE"));
        if let Some(name) = chosen
            && !doc.profiles.iter().any(|known| known == name)
        {
            return Err(no_profile(name, &doc.profiles, file));
        }
        self.profile = chosen.map(str::to_string);
        for Setting { path, profile, value, line, .. } in doc.settings {
            let file = file.clone();
            match profile {
                None => self.add(path, Origin::User { file, line }, value),
                Some(name) if Some(name.as_str()) == chosen => {
                    self.add(path, Origin::Profile { name, file, line }, value);
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    fn add_project(&mut self, file: &Path, trusted: bool) -> Result<()> {
        let read = match read_file(file) {
            // A cloned repository must not be able to stop the program.
            Err(error) if !trusted => {
                let message = format!("the settings of this project are ignored: {}", error.full_message());
                let hint = Some("look at it with: fac config check".to_string());
                self.warnings.push(Problem { file: file.to_path_buf(), line: 1, column: 1, message, hint });
                return Ok(());
            }
            other => other?,
        };
        for Setting { path, profile, value, line, column } in read.unwrap_or_default().settings {
            let harmless = schema::find(&path).is_some_and(|key| key.harmless);
            let why = match (&profile, trusted || harmless) {
                (Some(_), _) => "a project has no profiles",
                (None, false) => "this project is not trusted to set it",
                (None, true) => {
                    self.add(path, Origin::Project { file: file.to_path_buf(), line }, value);
                    continue;
                }
            };
            self.warnings.push(Problem {
                file: file.to_path_buf(),
                line,
                column,
                message: format!("{path} is ignored: {why}"),
                hint: Some(format!("to want it everywhere: fac config set {path} …")),
            });
        }
        Ok(())
    }

    fn add_environment(&mut self, env: &Env) -> Result<()> {
        for key in KEYS {
            for name in key.variables().iter().rev() {
                let Some(text) = env.text(name) else { continue };
                let text = if name == "NO_COLOR" { "never" } else { text };
                let value = parsed(key, text).map_err(|why| {
                    Error::new(Kind::BadData, format!("the variable {name} {why}"))
                        .hint(format!("correct it, or take it away with: unset {name}"))
                })?;
                self.add(KeyPath::new(key.name.split('.')), Origin::Environment(name.clone()), value);
            }
        }
        Ok(())
    }

    fn add_flags(&mut self, flags: &[Flag]) -> Result<()> {
        for Flag { flag, key, value } in flags {
            let path = KeyPath::parse(key)?;
            let known = schema::find(&path).ok_or_else(|| Error::new(Kind::Usage, read::unknown(&path).0))?;
            let value = parsed(known, value).map_err(|why| Error::new(Kind::Usage, format!("{flag} {why}")))?;
            self.add(path, Origin::Flag(flag.clone()), value);
        }
        Ok(())
    }

    /// Puts a value above all of the same or a lower layer.
    fn add(&mut self, path: KeyPath, origin: Origin, value: Value) {
        let entries = self.entries.entry(path).or_default();
        let at = entries.partition_point(|(other, _)| other.rank() <= origin.rank());
        entries.insert(at, (origin, value));
    }

    /// The value of a setting, with where it comes from.
    pub fn get(&self, path: &KeyPath) -> Option<(&Origin, &Value)> {
        self.entries.get(path)?.last().map(|(origin, value)| (origin, value))
    }

    fn value(&self, name: &str) -> Option<&Value> {
        let path = KeyPath::new(name.split('.'));
        debug_assert!(schema::find(&path).is_some(), "no setting {name}");
        self.get(&path).map(|(_, value)| value)
    }

    /// A text, choice or path. An empty text counts as unset.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.value(name)? {
            Value::Text(text) if !text.is_empty() => Some(text),
            _ => None,
        }
    }

    /// A number; 0 when the schema has no default for it.
    pub fn int(&self, name: &str) -> u64 {
        match self.value(name) {
            Some(Value::Int(n)) => u64::try_from(*n).unwrap_or(0),
            _ => 0,
        }
    }

    /// A switch; `false` when the schema has no default for it.
    pub fn flag(&self, name: &str) -> bool {
        matches!(self.value(name), Some(Value::Bool(true)))
    }

    /// A length of time; zero means "no limit" and comes back as `None`.
    pub fn duration(&self, name: &str) -> Option<Duration> {
        value::duration(self.text(name)?).filter(|length| !length.is_zero())
    }

    /// The winning value of every setting, with its layer: the stronger, the higher.
    pub(super) fn winners(&self) -> impl Iterator<Item = (&KeyPath, u8, &Value)> {
        self.entries
            .iter()
            .filter_map(|(path, values)| values.last().map(|(origin, value)| (path, origin.rank(), value)))
    }

    /// Every setting in the order of the schema, members of a family by name, each with its story.
    pub fn explain(&self) -> Vec<Explained> {
        let mut lines = Vec::new();
        for key in KEYS {
            if key.is_family() {
                let members = self.entries.keys().filter(|path| schema::find(path).is_some_and(|k| k.name == key.name));
                lines.extend(members.map(|path| self.explained(key, path.clone())));
            } else {
                lines.push(self.explained(key, KeyPath::new(key.name.split('.'))));
            }
        }
        lines
    }

    /// Every setting whose name begins so. Of a family also what is not set: for the member that is named, else for `*`.
    pub fn explain_about(&self, prefix: &str) -> Vec<Explained> {
        let mut lines: Vec<Explained> =
            self.explain().into_iter().filter(|line| line.key.to_string().starts_with(prefix)).collect();
        let asked: Vec<&str> = prefix.split('.').collect();
        for key in KEYS.iter().filter(|key| key.is_family() && !prefix.is_empty()) {
            let parts: Vec<&str> = key.name.split('.').collect();
            let fits = |(part, asked): (&&str, &&str)| part == asked || *part == "*" && !asked.is_empty();
            if asked.len() > parts.len() || !parts.iter().zip(&asked).all(fits) {
                continue;
            }
            let named = |(at, part): (usize, &&'static str)| match asked.get(at) {
                Some(asked) => (*asked).to_string(),
                None if *part == "*" => "NAME".to_string(),
                None => (*part).to_string(),
            };
            let path = KeyPath::new(parts.iter().enumerate().map(named));
            if !lines.iter().any(|line| line.key == path) {
                lines.push(self.explained(key, path));
            }
        }
        lines
    }

    fn explained(&self, key: &Key, key_path: KeyPath) -> Explained {
        let mut story = self.entries.get(&key_path).map(|entries| entries.iter().rev()).into_iter().flatten().cloned();
        let (origin, value) = story.next().map_or((Origin::Default, None), |(origin, value)| (origin, Some(value)));
        Explained { key: key_path, help: key.help, value, origin, shadowed: story.collect() }
    }

    /// What was read but not obeyed.
    pub fn warnings(&self) -> &[Problem] {
        &self.warnings
    }

    /// The chosen profile.
    pub fn profile(&self) -> Option<&str> {
        self.profile.as_deref()
    }
}

fn parsed(key: &Key, text: &str) -> Result<Value, String> {
    Value::from_text(text, key.kind)
}

/// Reads a settings file; its first problem is the error.
fn read_file(file: &Path) -> Result<Option<Document>> {
    let Some(text) = files::read_text(file, super::MAX_FILE)? else { return Ok(None) };
    let mut doc = read::read(&text, file);
    let more = doc.problems.len().saturating_sub(1);
    if doc.problems.is_empty() {
        return Ok(Some(doc));
    }
    let mut first = doc.problems.remove(0);
    if more > 0 {
        let others = format!("{more} more; `fac config check` lists them");
        first.hint = Some(first.hint.map_or(others.clone(), |hint| format!("{hint} ({others})")));
    }
    Err(first.into())
}

fn no_profile(name: &str, known: &[String], file: &Path) -> Error {
    let error = Error::new(Kind::NotFound, format!("there is no profile {name} in {}", file.display()));
    match nearest(name, known.iter().map(String::as_str)) {
        Some(near) => error.hint(format!("did you mean {near}?")),
        None => error.hint(format!("write a table [profile.{name}] there")),
    }
}

#[cfg(test)]
mod tests;
