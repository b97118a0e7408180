//! Claude Code slash commands: front matter and a prompt with `$ARGUMENTS`.
//!
//! Format: anthropics/claude-code. Nothing is replaced here. What the program itself would do before a model sees
//! the text (run `` !`command` ``, read `@path`) is named in diagnostics, because for fetched text it stays text.

use std::collections::BTreeSet;
use std::ops::Range;

use super::front_matter::{self, FrontMatter};
use super::prose::{self, Places};
use super::{Parsed, SourceFile};
use crate::commands::model::{Command, Dialect, Param, ParamKind, Severity, Step, StepKind, Syntax};
use crate::kernel::markdown::{Document, parse};

/// Keys that have a place of their own in a command.
const KNOWN: [&str; 5] = ["name", "description", "argument-hint", "arguments", "model"];

/// Reads a command file.
pub fn read(file: &SourceFile<'_>) -> Parsed {
    let front = front_matter::split(file.text);
    let doc = parse(front.body);
    let (category, name) = name_of(file.path);
    let mut command = prose::whole_file(Dialect::Claude, name, file);
    command.category = category;
    command.summary = prose::description(&front).unwrap_or_else(|| prose::opening(&doc));
    command.fields = prose::other_fields(&front, &KNOWN);
    command.tool = front.truth("disable-model-invocation").filter(|off| *off).map(|_| false);
    command.diagnostics = front.diagnostics.clone();
    command.params = params(&front);
    let places = Places::new(file.text);
    let offset = file.text.len() - front.body.len();
    if front.body.trim().is_empty() {
        command.diagnostics.push(places.note(Severity::Warning, offset, "the command has no text and cannot run"));
        return Parsed { commands: vec![command], ..Parsed::default() };
    }
    let mut step = Step::new("prompt", StepKind::Prompt, "", front.body);
    (step.syntax, step.line) = (Syntax::Claude, front.body_line);
    step.model = front.text("model").filter(|m| m != "inherit");
    if let Some((base, at)) = base(&front, &doc) {
        step.options.insert("base".into(), base.to_string());
        if base == 1 {
            let message = "`$1` is read as the first argument: the text never uses `$0`";
            command.diagnostics.push(places.note(Severity::Info, offset + at, message));
        }
    }
    command.steps.push(step);
    actions(front.body, offset, &doc, &places, &mut command);
    Parsed { commands: vec![command], ..Parsed::default() }
}

/// Category and name from the path: what follows `commands/`, sub-folders joined with blanks.
///
/// `.claude/commands/frontend/component.md` is `frontend component`. In a repository that is itself such a folder,
/// `tools/` and `workflows/` are sub-folders.
fn name_of(path: &str) -> (Option<String>, String) {
    let parts: Vec<&str> = path.split('/').filter(|p| !p.is_empty()).collect();
    let Some((file, folders)) = parts.split_last() else { return (None, "command".into()) };
    let below = match folders.windows(2).position(|w| w == [".claude", "commands"]) {
        Some(at) => at + 2,
        None => match folders.iter().rposition(|f| *f == "commands") {
            Some(at) => at + 1,
            None => folders.iter().position(|f| matches!(*f, "tools" | "workflows")).unwrap_or(folders.len()),
        },
    };
    let spaces = &folders[below..];
    let words: Vec<&str> = spaces.iter().copied().chain([prose::stem(file, ".md")]).collect();
    ((!spaces.is_empty()).then(|| spaces.join(" ")), words.join(" "))
}

/// `arguments:` names are positional; all remaining words are taken where `$ARGUMENTS` asks for them or no name does.
fn params(front: &FrontMatter<'_>) -> Vec<Param> {
    let hint = front.written("argument-hint").unwrap_or("");
    let mut params: Vec<Param> = Vec::new();
    for name in front.list("arguments") {
        let name = name.trim_matches(['[', ']', '<', '>', '$']).to_string();
        if params.len() < prose::MAX_PARAMS && prose::typeable(&name) && !params.iter().any(|p| p.name == name) {
            let required = hint.contains(&format!("<{name}>"));
            params.push(Param { var: prose::variable(&name), name, required, ..Param::default() });
        }
    }
    let takes_all = front.body.contains("$ARGUMENTS");
    // Words that nothing refers to are put behind the text, so every command takes some.
    if takes_all || params.is_empty() {
        params.push(Param {
            name: "arguments".into(),
            var: "arguments".into(),
            kind: ParamKind::Rest,
            multiple: true,
            help: hint.to_string(),
            ..Param::default()
        });
    }
    params
}

/// Whether `$n` counts from 0 or 1, and where the first stands; `None` where no `$n` is a placeholder.
///
/// Nearly all `$1` in published commands are awk, SQL, regular expressions or money, so `$n` counts only where the
/// front matter declares arguments, and outside of code blocks. The program counts from 0 since 2.1.19, older
/// commands from 1: `$0`, `$ARGUMENTS[n]` or as many names as the largest number says 0; else it is 1.
fn base(front: &FrontMatter<'_>, doc: &Document) -> Option<(usize, usize)> {
    let names = front.list("arguments").len();
    if names == 0 && front.written("argument-hint").is_none() {
        return None;
    }
    let blocks = prose::code_blocks(doc);
    let shown: Vec<_> = blocks.into_iter().filter(|(_, info)| !info.starts_with('!')).collect();
    let (mut numbers, mut first, mut bracketed) = (BTreeSet::new(), None, false);
    for (at, _) in front.body.match_indices('$') {
        let rest = &front.body[at + 1..];
        let escaped = front.body[..at].ends_with('\\');
        if escaped || prose::inside(&shown, at) {
            continue;
        }
        let number = match rest.strip_prefix("ARGUMENTS[") {
            Some(inner) => index(inner).inspect(|_| bracketed = true),
            None => single_digit(rest),
        };
        if let Some(number) = number {
            numbers.insert(number);
            first.get_or_insert(at);
        }
    }
    let (largest, first) = (*numbers.last()?, first?);
    let from_zero = bracketed || numbers.contains(&0) || (names > 0 && largest + 1 == names);
    Some((usize::from(!from_zero), first))
}

/// The number before `]`.
fn index(inner: &str) -> Option<usize> {
    let digits = inner.bytes().take_while(u8::is_ascii_digit).take(4).count();
    inner[digits..].starts_with(']').then(|| inner[..digits].parse().ok())?
}

/// The digit a text begins with, unless it goes on as a larger number, a word or a price: `1`, but not `150`, `3.8M`.
fn single_digit(rest: &str) -> Option<usize> {
    let mut chars = rest.chars();
    let digit = chars.next()?.to_digit(10)?;
    let (next, after) = (chars.next(), chars.next());
    let goes_on = match next {
        Some(c) if c.is_alphanumeric() || c == '_' => true,
        Some('.' | ',') => after.is_some_and(|c| c.is_ascii_digit()),
        _ => false,
    };
    (!goes_on).then_some(digit as usize)
}

/// Names what would have been run or read before a model sees the text.
fn actions(body: &str, offset: usize, doc: &Document, places: &Places<'_>, command: &mut Command) {
    let blocks = prose::code_blocks(doc);
    for (span, _) in blocks.iter().filter(|(_, info)| info.starts_with('!')).take(prose::MANY) {
        let message = "this block would run as a shell script before a model sees the text; it stays as text";
        command.diagnostics.push(places.note(Severity::Info, offset + span.start, message));
    }
    let bangs = bang_spans(body).filter(|(r, _)| !prose::inside(&blocks, r.start));
    for (range, shell) in bangs.take(prose::MANY) {
        let message = format!("`{shell}` would run before a model sees the text; it stays as text");
        command.diagnostics.push(places.note(Severity::Info, offset + range.start, message));
    }
    let files = mentions(body).filter(|(at, _)| !prose::inside(&blocks, *at));
    for (at, path) in files.take(prose::MANY) {
        let message = format!("the file `{path}` would be read here; it stays as text");
        command.diagnostics.push(places.note(Severity::Info, offset + at, message));
    }
}

/// Each `` !`command` `` of one line that begins a word.
fn bang_spans(body: &str) -> impl Iterator<Item = (Range<usize>, &str)> {
    body.match_indices("!`").filter_map(|(at, _)| {
        let begins = body[..at].chars().next_back().is_none_or(|c| !c.is_alphanumeric() && c != '`');
        let rest = &body[at + 2..];
        let end = rest.find(['`', '\n']).filter(|end| *end > 0 && rest[*end..].starts_with('`'))?;
        begins.then(|| (at..at + 2 + end + 1, &rest[..end]))
    })
}

/// Each `@path` that looks like a file and stands outside of code spans. Most `@words` are not: versions, people,
/// packages, decorators.
fn mentions(body: &str) -> impl Iterator<Item = (usize, &str)> {
    body.split_inclusive('\n')
        .scan(0, |at, line| {
            let start = *at;
            *at += line.len();
            Some((start, line))
        })
        .flat_map(|(start, line)| {
            let mut in_span = false;
            line.char_indices().filter_map(move |(at, c)| {
                in_span ^= c == '`';
                let begins = || line[..at].chars().next_back().is_none_or(|b| b.is_whitespace() || b == '(');
                if c != '@' || in_span || !begins() {
                    return None;
                }
                let rest = &line[at + 1..];
                let end = rest
                    .find(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | ',' | '`' | '"'))
                    .unwrap_or(rest.len());
                let path = rest[..end].trim_end_matches(['.', ':', ';', '!', '?']);
                is_file(path).then_some((start + at, path))
            })
        })
}

fn is_file(path: &str) -> bool {
    const KINDS: [&str; 24] = [
        "md", "txt", "json", "yaml", "yml", "toml", "rs", "py", "js", "ts", "tsx", "jsx", "go", "rb", "java", "c", "h",
        "cpp", "sh", "html", "css", "sql", "xml", "csv",
    ];
    let known = path.rsplit_once('.').is_some_and(|(name, ext)| !name.is_empty() && KINDS.contains(&ext));
    known || ["./", "../", "~/", "/", "$"].iter().any(|p| path.len() > p.len() && path.starts_with(p))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn one(path: &str, text: &str) -> Command {
        read(&SourceFile { path, text }).commands.remove(0)
    }

    fn base_of(text: &str) -> Option<String> {
        one(".claude/commands/x.md", text).steps[0].options.get("base").cloned()
    }

    #[test]
    fn names_come_from_the_path_below_commands() {
        let name = |path| name_of(path).1;
        assert_eq!(name(".claude/commands/frontend/component.md"), "frontend component");
        assert_eq!(name("plugins/commands/p/commands/review.md"), "review");
        assert_eq!(name(".claude/commands/a/commands/b.md"), "a commands b");
        assert_eq!((name("workflows/tdd.md"), name("any/other.md")), ("workflows tdd".into(), "other".into()));
        assert_eq!(name_of("commands/git/tag.md").0.as_deref(), Some("git"));
    }

    #[test]
    fn front_matter_and_arguments_become_a_command() {
        let text = "---\ndescription: Fix it\nargument-hint: [issue] [priority]\nallowed-tools: Bash(git add:*), Read\n\
                    model: claude-opus-4-1\ndisable-model-invocation: yes\n---\nFix $ARGUMENTS now.\n";
        let command = one(".claude/commands/fix.md", text);
        assert_eq!((command.name.as_str(), command.summary.as_str(), command.tool), ("fix", "Fix it", Some(false)));
        let p = &command.params[0];
        assert_eq!((p.name.as_str(), p.kind, p.help.as_str()), ("arguments", ParamKind::Rest, "[issue] [priority]"));
        let step = &command.steps[0];
        assert_eq!((step.kind, step.syntax, step.line), (StepKind::Prompt, Syntax::Claude, 8));
        assert_eq!((step.model.as_deref(), step.text.as_str()), (Some("claude-opus-4-1"), "Fix $ARGUMENTS now.\n"));
        assert_eq!(command.fields[0], ("allowed-tools".into(), "Bash(git add:*), Read".into()));
        let d = &command.diagnostics[0];
        assert_eq!((d.line, d.severity), (3, Severity::Warning));
    }

    #[test]
    fn declared_names_are_positional() {
        let command =
            one("commands/x.md", "---\narguments: [file, to-do]\nargument-hint: <file>\n---\nDo $file $to-do\n");
        let params: Vec<_> =
            command.params.iter().map(|p| (p.name.as_str(), p.var.as_str(), p.kind, p.required)).collect();
        assert_eq!(
            params,
            [("file", "file", ParamKind::Positional, true), ("to-do", "to_do", ParamKind::Positional, false)]
        );
        let words = one("commands/x.md", "# Do\n\nx").params;
        assert_eq!((words.len(), words[0].kind, words[0].required), (1, ParamKind::Rest, false), "put behind the text");
        assert_eq!(one("commands/x.md", "# Do it\n\nx").summary, "Do it");
    }

    #[test]
    fn numbers_are_placeholders_only_by_evidence() {
        assert_eq!(base_of("Costs $1 and $2"), None);
        assert_eq!(base_of("---\nargument-hint: [a] [b]\n---\nTake $1 and $2"), Some("1".into()));
        assert_eq!(base_of("---\nargument-hint: [a] [b]\n---\nTake $0 and $1"), Some("0".into()));
        assert_eq!(base_of("---\narguments: [a, b]\n---\nTake $1"), Some("0".into()));
        assert_eq!(base_of("---\nargument-hint: x\n---\n$ARGUMENTS[1]"), Some("0".into()));
        assert_eq!(
            base_of("---\nargument-hint: x\n---\n$150, $3.8M, \\$1, $1st\n```sh\nawk '{print $1}'\n```\n"),
            None
        );
        let command = one("commands/x.md", "---\nargument-hint: [a]\n---\nTake\n $1.");
        assert_eq!((command.diagnostics[0].line, command.diagnostics[0].column), (5, 2));
    }

    #[test]
    fn what_would_run_or_be_read_is_named() {
        let text = "State: !`git status` and @src/main.rs, but not @v3 @example.com @storybook/react `@a.md` wow!`x`\n\n\
                    ```!\nls\n```\n\n```sh\n!`no`\n@no.md\n```\n";
        let command = one("commands/x.md", text);
        let said: Vec<_> = command.diagnostics.iter().map(|d| (d.line, d.column, d.severity)).collect();
        assert_eq!(said, [(3, 1, Severity::Info), (1, 8, Severity::Info), (1, 26, Severity::Info)]);
        assert!(command.diagnostics[1].message.starts_with("`git status` would run"));
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "(---\n|argument-hint: |\\$ARGUMENTS|\\$1|!`|`|@|\\PC|\n){0,80}", path in "(\\PC|/|commands/){0,12}") {
            prop_assert_eq!(read(&SourceFile { path: &path, text: &text }).commands.len(), 1);
        }
    }
}
