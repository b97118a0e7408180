//! One settings file, from text to checked values, with the place of each and of every mistake.
//!
//! It reads to the end: a file with three mistakes gives three problems. It does not know the other layers.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use super::key::KeyPath;
use super::schema::{self, Key};
use super::value::Value;
use crate::kernel::error::{Error, Kind};

/// Names longer than this many parts exist in no schema; the reader does not descend further.
const MAX_DEPTH: usize = 8;

/// Something wrong with a setting, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What is wrong, without a full stop.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file.display(), self.line, self.column, self.message)
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Error {
        let error = Error::new(Kind::BadData, problem.to_string());
        match problem.hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }
}

/// One value that a file sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its name, without the profile.
    pub path: KeyPath,
    /// The profile it stands in.
    pub profile: Option<String>,
    /// Its value.
    pub value: Value,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
}

/// What a file says.
#[derive(Clone, Debug, Default)]
pub struct Document {
    /// The good values, in the order of the file.
    pub settings: Vec<Setting>,
    /// The names of its profiles, empty ones included.
    pub profiles: Vec<String>,
    /// What is wrong, in the order of the file.
    pub problems: Vec<Problem>,
}

/// Reads the text of `file`.
pub fn read(text: &str, file: &Path) -> Document {
    let mut reader = Reader { lines: Lines::new(text), file, doc: Document::default() };
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let at = error.span().unwrap_or(0..0);
        reader.problem(at, format!("this is not TOML: {}", one_line(error.message())), None);
    }
    if errors.is_empty() {
        reader.root(table.get_ref());
    }
    reader.one_binding_each();
    reader.doc.settings.sort_by_key(|setting| (setting.line, setting.column));
    reader.doc.problems.sort_by_key(|problem| (problem.line, problem.column));
    reader.doc
}

struct Reader<'a> {
    lines: Lines<'a>,
    file: &'a Path,
    doc: Document,
}

impl Reader<'_> {
    fn root(&mut self, table: &DeTable<'_>) {
        let root = KeyPath::new(Vec::<String>::new());
        for (name, value) in table {
            match value.get_ref() {
                DeValue::Table(profiles) if name.get_ref() == "profile" => self.profiles(profiles),
                _ => self.entry(root.child(name.get_ref()), name.span(), value.get_ref(), None),
            }
        }
    }

    fn profiles(&mut self, table: &DeTable<'_>) {
        for (name, value) in table {
            match value.get_ref() {
                DeValue::Table(inner) => {
                    self.doc.profiles.push(name.get_ref().to_string());
                    for (key, value) in inner {
                        let path = KeyPath::new([key.get_ref().to_string()]);
                        self.entry(path, key.span(), value.get_ref(), Some(name.get_ref()));
                    }
                }
                _ => self.problem(name.span(), format!("profile.{} must be a table of settings", name.get_ref()), None),
            }
        }
    }

    fn entry(&mut self, path: KeyPath, at: Range<usize>, value: &DeValue<'_>, profile: Option<&str>) {
        match (schema::find(&path), value) {
            (Some(key), value) => self.known(key, path, at, value, profile),
            (None, DeValue::Table(inner)) if path.parts().len() < MAX_DEPTH && !inner.is_empty() => {
                for (name, value) in inner {
                    self.entry(path.child(name.get_ref()), name.span(), value.get_ref(), profile);
                }
            }
            (None, DeValue::Table(_)) if schema::is_section(&path) => {}
            (None, _) if schema::is_section(&path) => {
                self.problem(at, format!("{path} is a table of settings, not one value"), None);
            }
            (None, _) => {
                let (message, hint) = unknown(&path);
                self.problem(at, message, Some(hint));
            }
        }
    }

    fn known(&mut self, key: &Key, path: KeyPath, at: Range<usize>, value: &DeValue<'_>, profile: Option<&str>) {
        match Value::from_toml(value, key.kind) {
            Ok(value) => {
                let (line, column) = self.lines.place(at.start);
                let profile = profile.map(str::to_string);
                self.doc.settings.push(Setting { path, profile, value, line, column });
            }
            Err(why) => self.problem(at, format!("{path} {why}"), None),
        }
    }

    /// A command is bound to one thing: a second field of the same binding is a problem.
    fn one_binding_each(&mut self) {
        let mut seen: BTreeMap<(Option<String>, String), usize> = BTreeMap::new();
        let mut doubled = Vec::new();
        self.doc.settings.sort_by_key(|setting| (setting.line, setting.column));
        for setting in &self.doc.settings {
            if let [first, command, _] = setting.path.parts()
                && first == "bindings"
                && let Some(line) = seen.insert((setting.profile.clone(), command.clone()), setting.line)
            {
                let message = format!("{command:?} is already bound in line {line}; give one of to, prompt and shell");
                doubled.push((setting.line, setting.column, message));
            }
        }
        for (line, column, message) in doubled {
            self.doc.problems.push(Problem { file: self.file.to_path_buf(), line, column, message, hint: None });
        }
    }

    fn problem(&mut self, at: Range<usize>, message: String, hint: Option<String>) {
        let (line, column) = self.lines.place(at.start);
        self.doc.problems.push(Problem { file: self.file.to_path_buf(), line, column, message, hint });
    }
}

/// What to say about a name that no setting has.
pub fn unknown(path: &KeyPath) -> (String, String) {
    if schema::looks_secret(path) {
        let name = path.parts().join("_");
        let message = format!("{path} looks like a secret, and settings are no place for one");
        return (message, format!("remove it here and store it with: fac secret set {name}"));
    }
    match schema::nearest(path) {
        Some(near) => (
            format!("there is no setting {path}; the nearest is {near}"),
            format!("`fac config explain {near}` says what that one does"),
        ),
        None => (format!("there is no setting {path}"), "`fac config explain` lists every setting".to_string()),
    }
}

/// Where each line begins, so that finding a place does not read the text again from its start.
struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    fn new(text: &'a str) -> Self {
        let after = text.match_indices('\n').map(|(at, _)| at + 1);
        Lines { text, starts: std::iter::once(0).chain(after).collect() }
    }

    /// Line and column (in characters), both from 1, of a byte offset.
    fn place(&self, offset: usize) -> (usize, usize) {
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = self.starts.get(line - 1).copied().unwrap_or(0);
        let column = self.text.get(start..offset).map_or(0, |before| before.chars().count());
        (line, column + 1)
    }
}

fn one_line(message: &str) -> String {
    message.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn problems(text: &str) -> Vec<String> {
        read(text, Path::new("c.toml")).problems.iter().map(Problem::to_string).collect()
    }

    #[test]
    fn good_values_come_in_order_with_their_lines() {
        let text =
            "color = \"never\"\n\n[run]\ntimeout = \"10m\"\nkeep_runs = 5\n\n[bindings.\"git log\"]\nto = \"gl\"\n";
        let doc = read(text, Path::new("c.toml"));
        assert_eq!(doc.problems, []);
        let seen: Vec<(String, String, usize, usize)> =
            doc.settings.iter().map(|s| (s.path.to_string(), s.value.to_string(), s.line, s.column)).collect();
        let want = |k: &str, v: &str, l, c| (k.to_string(), v.to_string(), l, c);
        assert_eq!(
            seen,
            [
                want("color", "never", 1, 1),
                want("run.timeout", "10m", 4, 1),
                want("run.keep_runs", "5", 5, 1),
                want("bindings.\"git log\".to", "gl", 8, 1)
            ]
        );
    }

    #[test]
    fn every_mistake_is_named_with_its_place() {
        let text = "colour = \"never\"\n[run]\ntimeout = true\n  keep_runs = -1\n[sources]\nparallel = \"8\"\n";
        assert_eq!(
            problems(text),
            [
                "c.toml:1:1: there is no setting colour; the nearest is color",
                "c.toml:3:1: run.timeout wants a length of time such as 90s or 10m, not a boolean",
                "c.toml:4:3: run.keep_runs wants a whole number from 0 to 10000000, not -1",
                "c.toml:6:1: sources.parallel wants a whole number from 1 to 64, not \"8\"",
            ]
        );
    }

    #[test]
    fn tables_and_values_are_not_mixed_up() {
        assert_eq!(problems("run = 5\n"), ["c.toml:1:1: run is a table of settings, not one value"]);
        assert_eq!(problems("[color]\nx = 1\n"), ["c.toml:1:2: color wants auto, always or never, not a table"]);
        assert_eq!(problems("[run]\n[aliases]\n"), Vec::<String>::new());
        assert_eq!(problems("profile = 1\n").len(), 1);
        assert_eq!(problems("[profile]\nx = 1\n"), ["c.toml:2:1: profile.x must be a table of settings"]);
    }

    #[test]
    fn broken_toml_names_its_line() {
        let found = problems("color = \"never\"\npager = \"less\nrun = {\n");
        assert!(found[0].starts_with("c.toml:2:") && found[0].contains("not TOML"), "{found:?}");
        assert!(problems("a = 1\na = 2\n")[0].starts_with("c.toml:2:1: this is not TOML: duplicate key"));
    }

    #[test]
    fn a_secret_is_refused_without_being_repeated() {
        let doc = read("[github]\ntoken = \"canary-123\"\n", Path::new("c.toml"));
        let problem = &doc.problems[0];
        assert_eq!(problem.message, "github.token looks like a secret, and settings are no place for one");
        assert_eq!(problem.hint.as_deref(), Some("remove it here and store it with: fac secret set github_token"));
        assert!(!format!("{doc:?}").contains("canary"));
        assert_eq!(problems("[aliases]\nhockey = \"x\"\n"), Vec::<String>::new());
    }

    #[test]
    fn a_command_is_bound_once() {
        assert_eq!(
            problems("[bindings.x]\nto = \"a\"\nshell = \"b\"\n"),
            ["c.toml:3:1: \"x\" is already bound in line 2; give one of to, prompt and shell"]
        );
        assert_eq!(problems("[bindings]\nx.to = \"a\"\n[profile.p.bindings.x]\nshell = \"b\"\n"), Vec::<String>::new());
    }

    #[test]
    fn hostile_depth_is_a_problem_and_no_overflow() {
        let dots = "a.".repeat(100_000);
        assert_eq!(problems(&format!("{dots}a = 1\n")), ["c.toml:1:1: this is not TOML: recursion limit"]);
        assert!(problems(&format!("x = 1\n[{dots}a]\n"))[0].ends_with("this is not TOML: recursion limit"));
        assert!(!problems(&format!("color = {}", "[".repeat(100_000))).is_empty());
        assert!(!problems(&format!("color = {}", "{a=".repeat(80_000))).is_empty());
    }

    #[test]
    fn a_file_full_of_settings_is_read_in_linear_time() {
        let text: String = (0..10_000).map(|n| format!("aliases.e{n} = 'x'\n")).collect();
        let doc = read(&text, Path::new("c.toml"));
        assert_eq!((doc.settings.len(), doc.settings[9_999].line), (10_000, 10_000));
    }

    #[test]
    fn columns_are_characters() {
        assert_eq!(problems("x = {\"é\" = 1, y = 2}\n")[1].split(": ").next(), Some("c.toml:1:15"));
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in "[a-z.=\\[\\]\"'{}\n# 0-9é]{0,200}") {
            let doc = read(&text, Path::new("c.toml"));
            for problem in doc.problems {
                prop_assert!(problem.line >= 1 && problem.line <= text.lines().count().max(1) + 1);
            }
        }
    }
}
