//! navi `.cheat` sheets: one command for each `#` description.
//!
//! The grammar is that of navi 2.24's `src/parser.rs`, line by line: `%` tags open a sheet, `#` describes, `;` is
//! ignored, `@` imports the variables of other sheets, `$ name: command --- options` suggests values, the rest is
//! the snippet. Three of its pitfalls are avoided because no sheet can depend on them: options are split off at the
//! last ` --- ` followed by an option (a suggestion command may hold `---`), between two lines of three backquotes
//! every line is snippet (so scripts may have comments), and a snippet without a description is kept. Suggestion
//! commands are only carried here; whether they may run is decided by who asks for values.

use std::collections::{BTreeSet, HashMap};

use super::{Parsed, SourceFile, Unique, slug};
use crate::commands::model::{Command, Diagnostic, Dialect, Origin, Param, Step, StepKind, Syntax};
use crate::commands::template::slot::Snippet;

/// Reads a navi sheet.
pub fn read(file: &SourceFile<'_>) -> Parsed {
    let fences = file.text.lines().filter(|l| l.starts_with("```")).count();
    let mut reader = Reader {
        file,
        fences: fences % 2 == 0,
        inside: false,
        sheets: vec![Sheet::default()],
        item: None,
        variable: None,
        commands: Vec::new(),
        diagnostics: Vec::new(),
        unique: Unique::default(),
    };
    if fences % 2 == 1 {
        reader.warn(1, "a line of three backquotes has no second one; such lines are ignored");
    }
    let mut offset = 0;
    for (at, raw) in file.text.split_inclusive('\n').enumerate() {
        reader.line(at + 1, offset, raw.trim_end_matches(['\n', '\r']));
        offset += raw.len();
    }
    reader.finish()
}

/// What stands under one line of tags.
#[derive(Default)]
struct Sheet {
    tags: Vec<String>,
    imports: Vec<Vec<String>>,
    variables: Vec<Variable>,
}

/// `$ name: command --- options`.
#[derive(Clone)]
struct Variable {
    name: String,
    command: String,
    options: String,
}

/// A description and the snippet lines after it.
#[derive(Clone)]
struct Item {
    comment: String,
    line: usize,
    start: usize,
    body: Vec<String>,
    body_line: usize,
    last_line: usize,
    end: usize,
}

struct Reader<'a, 'f> {
    file: &'a SourceFile<'f>,
    /// Whether lines of three backquotes come in pairs.
    fences: bool,
    inside: bool,
    sheets: Vec<Sheet>,
    item: Option<Item>,
    /// A variable line that goes on after a backslash.
    variable: Option<(String, usize)>,
    /// Each command with the index of its sheet.
    commands: Vec<(Command, usize)>,
    diagnostics: Vec<Diagnostic>,
    unique: Unique,
}

impl Reader<'_, '_> {
    fn line(&mut self, number: usize, offset: usize, line: &str) {
        if let Some((begun, at)) = self.variable.take() {
            return self.variable_line(format!("{begun}{line}"), at);
        }
        if line.starts_with("```") {
            self.inside = self.fences && !self.inside;
            return;
        }
        let rest = line.get(1..).unwrap_or("").trim();
        match line.chars().next() {
            _ if self.inside => self.snippet(number, offset, line),
            None => self.blank(),
            Some('%') => {
                self.close();
                self.item = None;
                let tags = rest.split(',').map(|t| t.trim().to_string()).filter(|t| !t.is_empty()).collect();
                self.sheets.push(Sheet { tags, ..Sheet::default() });
            }
            Some('@') => {
                let tags = rest.split(',').map(|t| t.trim().to_string()).filter(|t| !t.is_empty()).collect();
                self.sheet().imports.push(tags);
            }
            Some(';') => {}
            Some('#') => {
                self.close();
                let comment = rest.trim_start_matches('#').trim().to_string();
                self.item = Some(Item::new(comment, number, offset));
            }
            Some('$') if line.contains(':') => {
                self.close();
                self.variable_line(line.to_string(), number);
            }
            Some(_) => self.snippet(number, offset, line),
        }
    }

    fn sheet(&mut self) -> &mut Sheet {
        if self.sheets.is_empty() {
            self.sheets.push(Sheet::default());
        }
        let last = self.sheets.len() - 1;
        &mut self.sheets[last]
    }

    fn blank(&mut self) {
        if let Some(item) = self.item.as_mut().filter(|i| !i.body.is_empty()) {
            item.body.push(String::new());
        }
    }

    fn snippet(&mut self, number: usize, offset: usize, line: &str) {
        let item = self.item.get_or_insert_with(|| Item::new(String::new(), number, offset));
        if item.body.is_empty() {
            item.body_line = number;
        }
        item.body.push(line.to_string());
        (item.last_line, item.end) = (number, offset + line.len());
    }

    fn variable_line(&mut self, text: String, number: usize) {
        if let Some(begun) = text.strip_suffix('\\') {
            self.variable = Some((begun.to_string(), number));
            return;
        }
        let parsed = text.strip_prefix('$').and_then(|t| t.split_once(':')).map(|(n, c)| (n.trim(), c.trim()));
        let Some((name, command)) = parsed.filter(|(n, _)| !n.is_empty()) else {
            return self.warn(number, "a `$` line needs a name before its colon");
        };
        let (command, options) = split_options(command);
        let variable = Variable { name: name.to_string(), command: command.to_string(), options: options.to_string() };
        self.sheet().variables.push(variable);
    }

    /// Ends the snippet under the current description; the description stays for what may follow.
    fn close(&mut self) {
        let Some(mut item) = self.item.take() else { return };
        let bare = Item { body: Vec::new(), ..item.clone() };
        while item.body.last().is_some_and(|l| l.trim().is_empty()) {
            item.body.pop();
        }
        if !item.body.is_empty() {
            self.command(item);
        }
        self.item = Some(bare);
    }

    fn command(&mut self, item: Item) {
        let sheet = self.sheets.len().saturating_sub(1);
        let tags = self.sheet().tags.clone();
        let text = item.body.join("\n");
        if item.comment.is_empty() {
            self.warn(item.line, "this snippet has no `#` description");
        }
        let words = [item.comment.as_str(), text.as_str(), "snippet"].iter().map(|t| slug(t)).find(|s| !s.is_empty());
        let file = self.file.path.rsplit('/').next().unwrap_or("").trim_end_matches(".cheat");
        let first = tags.first().map_or(file, String::as_str);
        let name = self.unique.name(&format!("{first} {}", words.unwrap_or_default()));
        let mut command = Command::new(Dialect::Navi, name);
        command.summary.clone_from(&item.comment);
        command.category = (!tags.is_empty()).then(|| tags.join(", "));
        command.text = self.file.text.get(item.start..item.end).unwrap_or(&text).to_string();
        command.origin =
            Origin { path: self.file.path.to_string(), lines: (item.line, item.last_line), ..Origin::default() };
        command.params = Snippet::parse(Syntax::Navi, &text).params();
        for param in &mut command.params {
            param.help.clear();
            let var = param.name.replace('-', "_");
            if var.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
                param.var = var;
            }
        }
        let mut step = Step::new("run", StepKind::Snippet, "sh", text);
        (step.syntax, step.line) = (Syntax::Navi, item.body_line);
        command.steps.push(step);
        self.commands.push((command, sheet));
    }

    fn warn(&mut self, line: usize, message: &str) {
        self.diagnostics.push(Diagnostic::warning(line, 1, message));
    }

    fn finish(mut self) -> Parsed {
        if let Some((begun, at)) = self.variable.take() {
            self.variable_line(begun, at);
        }
        self.close();
        let mut commands = std::mem::take(&mut self.commands);
        let mut known: HashMap<&[String], Known<'_>> = HashMap::new();
        let mut budget = SEARCH_LIMIT;
        for (command, sheet) in &mut commands {
            let tags = self.sheets.get(*sheet).map_or(&[][..], |s| &s.tags);
            let known = known.entry(tags).or_insert_with(|| self.known(tags, &mut budget));
            for tags in &known.unresolved {
                command.fields.push(("imports".to_string(), tags.join(", ")));
            }
            for param in &mut command.params {
                if let Some(variable) = known.variables.get(param.name.as_str()) {
                    apply(variable, param, &mut command.fields);
                }
            }
        }
        Parsed { commands: commands.into_iter().map(|(c, _)| c).collect(), diagnostics: self.diagnostics }
    }

    /// The variables of the sheets with these tags and of those they import. `budget` bounds the sheets looked at
    /// in one file; imports beyond it count as unresolved.
    fn known(&self, tags: &[String], budget: &mut usize) -> Known<'_> {
        *budget = budget.saturating_sub(self.sheets.len());
        let same: Vec<&Sheet> = self.sheets.iter().filter(|s| *budget > 0 && s.tags == tags).collect();
        let imports: BTreeSet<&Vec<String>> = same.iter().flat_map(|s| &s.imports).collect();
        let mut known = Known { variables: HashMap::new(), unresolved: Vec::new() };
        let mut sheets = same;
        for wanted in imports {
            *budget = budget.saturating_sub(self.sheets.len());
            let before = sheets.len();
            let fits = |s: &&Sheet| *budget > 0 && wanted.iter().all(|t| s.tags.contains(t));
            sheets.extend(self.sheets.iter().filter(fits));
            if sheets.len() == before {
                known.unresolved.push(wanted);
            }
        }
        for variable in sheets.iter().flat_map(|s| &s.variables) {
            known.variables.entry(&variable.name).or_insert(variable);
        }
        known
    }
}

/// How many sheets are looked at to resolve the imports of one file.
const SEARCH_LIMIT: usize = 2_000_000;

/// What a sheet's commands may suggest.
struct Known<'a> {
    variables: HashMap<&'a str, &'a Variable>,
    unresolved: Vec<&'a Vec<String>>,
}

impl Item {
    fn new(comment: String, line: usize, start: usize) -> Item {
        Item { comment, line, start, body: Vec::new(), body_line: line, last_line: line, end: start }
    }
}

fn apply(variable: &Variable, param: &mut Param, fields: &mut Vec<(String, String)>) {
    param.suggest = Some(variable.command.clone()).filter(|c| !c.is_empty());
    if !variable.options.is_empty() {
        fields.push((format!("suggestions for {}", param.name), variable.options.clone()));
    }
    let mut words = variable.options.split_whitespace();
    while let Some(word) = words.next() {
        if word == "--multi" && words.clone().next() != Some("false") {
            param.multiple = true;
        }
    }
}

/// The suggestion command, and the options behind its last ` --- `.
fn split_options(text: &str) -> (&str, &str) {
    if let Some((command, options)) = text.rsplit_once("--- ").or_else(|| text.rsplit_once("---"))
        && (command.is_empty() || command.ends_with(char::is_whitespace))
        && options.trim_start().starts_with("--")
    {
        return (command.trim(), options.trim());
    }
    (text, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet(text: &str) -> Parsed {
        read(&SourceFile { path: "code/git.cheat", text })
    }

    #[test]
    fn a_sheet_becomes_commands_with_suggestions() {
        let parsed = sheet(
            "% git, code\n\n# Check out <branch>\ngit checkout <branch>\n\n; a remark\n# Two lines\ncd <top-level>; \\\n  git push <branch>\n\n\
             $ branch: git branch | awk '{print $NF}' --- --column 1 --multi true\n$ top-level: echo a --- b --- --header x\n",
        );
        assert_eq!(parsed.diagnostics, []);
        let [first, second] = parsed.commands.as_slice() else { panic!("{parsed:?}") };
        assert_eq!((first.name.as_str(), first.category.as_deref()), ("git check-out-branch", Some("git, code")));
        assert_eq!(first.params[0].suggest.as_deref(), Some("git branch | awk '{print $NF}'"));
        assert!(first.params[0].multiple && first.params[0].required);
        assert_eq!(first.fields, [("suggestions for branch".to_string(), "--column 1 --multi true".to_string())]);
        assert_eq!(second.steps[0].text, "cd <top-level>; \\\n  git push <branch>");
        assert_eq!((second.steps[0].line, second.origin.lines), (8, (7, 9)));
        assert_eq!((second.params[0].name.as_str(), second.params[0].var.as_str()), ("top-level", "top_level"));
        assert_eq!(second.params[0].suggest.as_deref(), Some("echo a --- b"));
        assert_eq!(second.text, "# Two lines\ncd <top-level>; \\\n  git push <branch>");
    }

    #[test]
    fn imports_are_resolved_in_the_file_or_named() {
        let parsed = sheet("% a\n@ b, c\n@ elsewhere\n# x\nx <v>\n% b, c, d\n$ v: ls\n");
        assert_eq!(parsed.commands[0].params[0].suggest.as_deref(), Some("ls"));
        assert_eq!(parsed.commands[0].fields, [("imports".to_string(), "elsewhere".to_string())]);
    }

    #[test]
    fn fenced_scripts_keep_their_comments() {
        let parsed = sheet("% a\n# run\n```sh\n#!/bin/sh\n# comment\n\necho <x>\n```\n# next\ntrue\n");
        assert_eq!(parsed.commands[0].steps[0].text, "#!/bin/sh\n# comment\n\necho <x>");
        assert_eq!(parsed.commands[1].name, "a next");
        let odd = sheet("% a\n# run\n```sh\n# other\ntrue\n");
        assert_eq!((odd.commands.len(), odd.commands[0].name.as_str()), (1, "a other"));
        assert_eq!(odd.diagnostics.len(), 1);
    }

    #[test]
    fn odd_lines_do_not_stop_the_sheet() {
        let parsed = sheet("true\n% \n# a\n# a\nx\n$ : y\n$ long: a \\\nb\n# a\nx <long>\n");
        let names: Vec<&str> = parsed.commands.iter().map(|c| c.name.as_str()).collect();
        assert_eq!(names, ["git true", "git a", "git a-2"]);
        assert_eq!(parsed.commands[2].params[0].suggest.as_deref(), Some("a b"));
        assert_eq!(parsed.diagnostics.iter().map(|d| d.line).collect::<Vec<_>>(), [1, 6]);
    }

    /// Counted a second way: descriptions that are followed by a snippet line before the next marker of their kind.
    #[test]
    fn the_corpus_loses_no_command() {
        let (mut comments, mut total, mut variables) = (0, 0, 0);
        for (path, text) in crate::commands::corpus_tests::corpus_files("navi", "cheat") {
            let mut expected = 0;
            let mut open = false;
            for line in text.lines() {
                match line.chars().next() {
                    Some('#') => {
                        comments += 1;
                        open = true;
                    }
                    Some('%') => open = false,
                    Some('$') if line.contains(':') => variables += 1,
                    Some('$' | '@' | ';') | None => {}
                    Some(_) => {
                        expected += usize::from(open);
                        open = false;
                    }
                }
            }
            let parsed = read(&SourceFile { path: &path, text: &text });
            let described = parsed.commands.iter().filter(|c| !c.summary.is_empty()).count();
            assert_eq!(described, expected, "{path}");
            total += parsed.commands.len();
        }
        println!("navi: {comments} comment lines, {variables} variable lines, {total} commands");
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read(text in "([%#;@$:<>`\\\\a \r\n-]|é){0,120}") {
            sheet(&text);
        }
    }
}
