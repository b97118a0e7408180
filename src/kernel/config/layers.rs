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

/// How an interpreter is given the script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// As the last argument.
    Arg,
    /// As the name of a file.
    File,
    /// On its standard input.
    Stdin,
}

/// What the user wrote about the program that runs a language; what is `None` keeps the built-in meaning.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interpreter {
    /// The program.
    pub program: Option<String>,
    /// Its arguments before the script.
    pub args: Option<Vec<String>>,
    /// How it gets the script.
    pub style: Option<Style>,
    /// What to install when it is missing.
    pub install: Option<String>,
}

/// What a command without a body stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Binding {
    /// Another command.
    To(String),
    /// A prompt for a model.
    Prompt(String),
    /// A shell line.
    Shell(String),
}

impl Binding {
    /// The field it is written under, and its text.
    pub fn field(&self) -> (&'static str, &str) {
        match self {
            Binding::To(text) => ("to", text),
            Binding::Prompt(text) => ("prompt", text),
            Binding::Shell(text) => ("shell", text),
        }
    }
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
        for Setting { path, profile, value, line, column } in read_file(file)?.unwrap_or_default().settings {
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

    /// What is written about interpreters, by language.
    pub fn interpreters(&self) -> BTreeMap<String, Interpreter> {
        let mut found: BTreeMap<String, Interpreter> = BTreeMap::new();
        for (lang, field, value) in self.family("interpreters") {
            let entry = found.entry(lang.to_string()).or_default();
            match (field, value) {
                ("program", Value::Text(text)) => entry.program = Some(text.clone()),
                ("install", Value::Text(text)) => entry.install = Some(text.clone()),
                ("args", Value::List(args)) => entry.args = Some(args.clone()),
                ("style", Value::Text(text)) => {
                    entry.style = Some(match text.as_str() {
                        "file" => Style::File,
                        "stdin" => Style::Stdin,
                        _ => Style::Arg,
                    });
                }
                _ => {}
            }
        }
        found
    }

    /// What commands without a body are bound to. Where layers disagree, the stronger layer wins as a whole.
    pub fn bindings(&self) -> BTreeMap<String, Binding> {
        let mut found: BTreeMap<String, (u8, Binding)> = BTreeMap::new();
        for (path, values) in &self.entries {
            let [first, command, field] = path.parts() else { continue };
            let (Some((origin, Value::Text(text))), "bindings") = (values.last(), first.as_str()) else { continue };
            let binding = match field.as_str() {
                "to" => Binding::To(text.clone()),
                "prompt" => Binding::Prompt(text.clone()),
                _ => Binding::Shell(text.clone()),
            };
            if found.get(command).is_none_or(|(rank, _)| *rank <= origin.rank()) {
                found.insert(command.clone(), (origin.rank(), binding));
            }
        }
        found.into_iter().map(|(command, (_, binding))| (command, binding)).collect()
    }

    /// Other names for commands: from the new name to the old one.
    pub fn aliases(&self) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        for (path, values) in &self.entries {
            if let ([first, name], Some((_, Value::Text(target)))) = (path.parts(), values.last())
                && first == "aliases"
            {
                found.insert(name.clone(), target.clone());
            }
        }
        found
    }

    fn family<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (&'a str, &'a str, &'a Value)> {
        self.entries.iter().filter_map(move |(path, values)| match path.parts() {
            [first, second, third] if first == name => {
                values.last().map(|(_, value)| (second.as_str(), third.as_str(), value))
            }
            _ => None,
        })
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
        let others = format!("{more} more; fac config check lists them");
        first.hint = Some(first.hint.map_or(others.clone(), |hint| format!("{hint} ({others})")));
    }
    Err(first.into())
}

fn no_profile(name: &str, known: &[String], file: &Path) -> Error {
    let error = Error::new(Kind::NotFound, format!("there is no profile {name} in {}", file.display()));
    let near = known.iter().max_by(|a, b| strsim::jaro_winkler(a, name).total_cmp(&strsim::jaro_winkler(b, name)));
    match near {
        Some(near) => error.hint(format!("did you mean {near}?")),
        None => error.hint(format!("write a table [profile.{name}] there")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A world with a user file and a project file.
    struct World {
        root: tempfile::TempDir,
        paths: Paths,
        project: Project,
    }

    fn world(user: &str, project: &str) -> World {
        let root = tempfile::tempdir().unwrap();
        let paths = Paths::under(&root.path().join("h"), None);
        files::write_atomic(&paths.config_file, user.as_bytes(), true).unwrap();
        let file = root.path().join(".factotum.toml");
        std::fs::write(&file, project).unwrap();
        let project = Project { root: root.path().to_path_buf(), config_file: Some(file), commands_dir: None };
        World { root, paths, project }
    }

    impl World {
        fn load_with(
            &self,
            env: &[(&str, &str)],
            flags: &[Flag],
            profile: Option<&str>,
            trusted: bool,
        ) -> Result<Config> {
            Config::load(&Input {
                paths: &self.paths,
                file_named: false,
                env: &Env::from_pairs(env.iter().copied()),
                flags,
                profile,
                project: Some(&self.project),
                project_trusted: trusted,
            })
        }

        fn load(&self, env: &[(&str, &str)]) -> Config {
            self.load_with(env, &[], None, false).unwrap()
        }
    }

    fn flag(flag: &str, key: &str, value: &str) -> Flag {
        Flag { flag: flag.into(), key: key.into(), value: value.into() }
    }

    #[test]
    fn every_layer_beats_the_ones_below_and_explain_tells_the_whole_story() {
        let w =
            world("# mine\nrun.timeout = \"1m\"\n[profile.work.run]\ntimeout = \"2m\"\n", "[run]\ntimeout = \"3m\"\n");
        let env = [("FAC_RUN_TIMEOUT", "4m")];
        let config = w.load_with(&env, &[flag("--timeout", "run.timeout", "5m")], Some("work"), false).unwrap();
        assert_eq!(config.duration("run.timeout"), Some(Duration::from_secs(300)));
        let line = config.explain().into_iter().find(|line| line.key.to_string() == "run.timeout").unwrap();
        let home = w.paths.config_file.display().to_string();
        let story: Vec<String> = line.shadowed.iter().map(|(o, v)| format!("{v} from {o}")).collect();
        assert_eq!(line.origin.to_string(), "flag --timeout");
        assert_eq!(
            story,
            [
                "4m from environment FAC_RUN_TIMEOUT".to_string(),
                format!("3m from {}/.factotum.toml:2", w.root.path().display()),
                format!("2m from {home}:4 (profile work)"),
                format!("1m from {home}:2"),
            ]
        );
    }

    #[test]
    fn defaults_hold_where_nobody_wrote() {
        let config = world("", "").load(&[]);
        assert_eq!(
            (config.text("color"), config.text("pager"), config.int("sources.parallel")),
            (Some("auto"), None, 8)
        );
        assert!(config.flag("run.confirm_snippets"));
        assert_eq!(config.duration("run.timeout"), None);
        assert_eq!(config.explain().len(), KEYS.iter().filter(|key| !key.is_family()).count());
    }

    #[test]
    fn foreign_variables_are_heard_below_our_own() {
        let w = world("editor = \"ed\"\n", "");
        let config =
            w.load(&[("NO_COLOR", "1"), ("PAGER", "less"), ("EDITOR", "vi"), ("VISUAL", "vim"), ("FAC_LOG", "debug")]);
        let got = ["color", "pager", "editor", "log.level"].map(|name| config.text(name).unwrap());
        assert_eq!(got, ["never", "less", "vim", "debug"]);
        let config = w.load(&[
            ("NO_COLOR", "1"),
            ("FAC_COLOR", "always"),
            ("PAGER", ""),
            ("FAC_LOG_LEVEL", "trace"),
            ("FAC_LOG", "off"),
        ]);
        let got = ["color", "editor", "log.level"].map(|name| config.text(name).unwrap());
        assert_eq!(got, ["always", "ed", "trace"]);
        assert_eq!(config.text("pager"), None);
    }

    #[test]
    fn an_untrusted_project_sets_only_harmless_keys() {
        let w = world(
            "",
            "color = \"never\"\npager = \"evil\"\n[interpreters.bash]\nprogram = \"evil\"\n[profile.x]\ncolor = \"never\"\n",
        );
        let config = w.load(&[]);
        assert_eq!((config.text("color"), config.text("pager")), (Some("never"), None));
        assert!(config.interpreters().is_empty());
        let said: Vec<(usize, &str)> = config.warnings().iter().map(|p| (p.line, p.message.as_str())).collect();
        assert_eq!(
            said,
            [
                (2, "pager is ignored: this project is not trusted to set it"),
                (4, "interpreters.bash.program is ignored: this project is not trusted to set it"),
                (6, "color is ignored: a project has no profiles"),
            ]
        );
        let trusted = w.load_with(&[], &[], None, true).unwrap();
        assert_eq!(trusted.text("pager"), Some("evil"));
        assert_eq!(trusted.interpreters()["bash"].program.as_deref(), Some("evil"));
        assert_eq!(trusted.warnings().len(), 1);
    }

    #[test]
    fn every_key_that_is_not_harmless_is_refused_to_a_project() {
        for key in KEYS.iter().filter(|key| !key.harmless) {
            let value = match key.kind {
                schema::Type::Bool => "true".to_string(),
                schema::Type::Int(low, _) => low.to_string(),
                schema::Type::Choice(words) => format!("{:?}", words[0]),
                schema::Type::List => "[]".to_string(),
                _ => "\"1s\"".to_string(),
            };
            let config = world("", &format!("{} = {value}\n", key.name.replace('*', "x"))).load(&[]);
            assert_eq!(config.warnings().len(), 1, "{}", key.name);
        }
    }

    #[test]
    fn mistakes_name_their_place() {
        let error = |w: &World, env: &[(&str, &str)]| w.load_with(env, &[], None, false).unwrap_err();
        let w = world("colour = 1\nrun = 2\n", "");
        let e = error(&w, &[]);
        assert_eq!(e.kind(), Kind::BadData);
        let file = w.paths.config_file.display();
        assert_eq!(e.message(), format!("{file}:1:1: there is no setting colour; the nearest is color"));
        assert_eq!(e.way_forward(), Some("did you mean color? (1 more; fac config check lists them)"));
        let e = error(&world("", ""), &[("FAC_SOURCES_PARALLEL", "many")]);
        assert_eq!(e.kind(), Kind::BadData);
        assert_eq!(e.message(), "the variable FAC_SOURCES_PARALLEL wants a whole number from 1 to 64, not \"many\"");
        let e = world("", "").load_with(&[], &[flag("--color", "color", "red")], None, false).unwrap_err();
        assert_eq!((e.kind(), e.message()), (Kind::Usage, "--color wants auto, always or never, not \"red\""));
    }

    #[test]
    fn a_profile_must_exist() {
        let w = world("[profile.work]\ncolor = \"never\"\n[profile.empty]\n", "");
        assert_eq!(w.load(&[("FAC_PROFILE", "work")]).text("color"), Some("never"));
        assert_eq!(w.load(&[]).text("color"), Some("auto"));
        assert_eq!(
            w.load_with(&[("FAC_PROFILE", "work")], &[], Some("empty"), false).unwrap().text("color"),
            Some("auto")
        );
        let e = w.load_with(&[], &[], Some("wrk"), false).unwrap_err();
        assert_eq!((e.kind(), e.way_forward()), (Kind::NotFound, Some("did you mean work?")));
    }

    #[test]
    fn a_named_file_must_exist() {
        let w = world("", "");
        let paths = w.paths.clone().with_config_file(&w.root.path().join("none.toml")).unwrap();
        let env = Env::default();
        let input = |file_named| Input {
            paths: &paths,
            file_named,
            env: &env,
            flags: &[],
            profile: None,
            project: None,
            project_trusted: false,
        };
        assert_eq!(Config::load(&input(true)).unwrap_err().kind(), Kind::NotFound);
        assert!(Config::load(&input(false)).is_ok());
    }

    #[test]
    fn families_come_as_values_and_the_stronger_binding_wins_as_a_whole() {
        let w = world(
            "[interpreters.ruby]\nprogram = \"ruby3\"\nargs = [\"-w\"]\nstyle = \"file\"\n[bindings]\nb.shell = \"ls\"\na.to = \"x\"\n\
             [aliases]\ng = \"git log\"\n[profile.p.bindings]\na.prompt = \"hi\"\n",
            "",
        );
        let config = w.load_with(&[], &[], Some("p"), false).unwrap();
        let ruby = Interpreter {
            program: Some("ruby3".into()),
            args: Some(vec!["-w".into()]),
            style: Some(Style::File),
            install: None,
        };
        assert_eq!(config.interpreters()["ruby"], ruby);
        let bindings: Vec<(String, Binding)> = config.bindings().into_iter().collect();
        assert_eq!(
            bindings,
            [("a".to_string(), Binding::Prompt("hi".into())), ("b".to_string(), Binding::Shell("ls".into()))]
        );
        assert_eq!(config.aliases()["g"], "git log");
    }
}
