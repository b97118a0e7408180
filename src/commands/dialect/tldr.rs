//! tldr pages: one command for each example.
//!
//! The source is `tldr-pages/tldr`: `pages[.<locale>]/<platform>/<name>.md`, its client specification 2.3 and its style
//! guide. Which page a person means (their platform, their language) is not decided here: every page is read, and
//! says in `platforms` and in the field `locale` what it is for.

use super::{Parsed, SourceFile, Unique, slug};
use crate::commands::model::{Command, Diagnostic, Dialect, Origin, Severity, Step, StepKind, Syntax};
use crate::commands::template::slot::{Piece, Snippet};

/// Reads a tldr page.
pub fn read(file: &SourceFile<'_>) -> Parsed {
    let place = Place::of(file.path);
    let mut reader =
        Reader { file, place, page: Page::default(), unique: Unique::default(), parsed: Parsed::default() };
    let mut offset = 0;
    for (at, raw) in file.text.split_inclusive('\n').enumerate() {
        reader.line(at + 1, offset, raw.trim_end());
        offset += raw.len();
    }
    reader.finish()
}

/// What a page's path says about it.
struct Place {
    name: String,
    platform: Option<String>,
    locale: Option<String>,
    windows: bool,
}

impl Place {
    fn of(path: &str) -> Place {
        let mut parts = path.rsplit('/');
        let file = parts.next().unwrap_or("");
        let folder = parts.next().unwrap_or("");
        let locale = parts.next().and_then(|p| p.strip_prefix("pages.")).map(str::to_string);
        let platform = match folder {
            "" | "common" => None,
            "osx" | "macos" => Some("macos".to_string()),
            other => Some(other.to_string()),
        };
        let name = file.strip_suffix(".md").unwrap_or(file).to_string();
        Place { name, platform, locale, windows: folder == "windows" }
    }
}

/// The head of the page, and the example that is being read.
#[derive(Default)]
struct Page {
    title: Option<String>,
    about: Vec<String>,
    fields: Vec<(String, String)>,
    alias_of: Option<String>,
    /// Text, line and byte offset of the last `- …:`.
    described: Option<(String, usize, usize)>,
}

struct Reader<'a, 'f> {
    file: &'a SourceFile<'f>,
    place: Place,
    page: Page,
    unique: Unique,
    parsed: Parsed,
}

impl Reader<'_, '_> {
    fn line(&mut self, number: usize, offset: usize, line: &str) {
        if let Some(title) = line.strip_prefix("# ") {
            self.page.title.get_or_insert_with(|| title.trim().to_string());
        } else if let Some(quote) = line.strip_prefix('>') {
            self.quote(quote.trim());
        } else if let Some(text) = line.strip_prefix("- ") {
            if let Some((_, before, _)) = self.page.described.replace((text.trim().to_string(), number, offset)) {
                self.warn(before, 1, "this example has no command");
            }
        } else if line.len() > 1 && line.starts_with('`') && line.ends_with('`') {
            self.example(number, offset, line);
        } else if line.starts_with('`') {
            self.warn(number, 1, "this line opens a code span and does not close it");
        }
    }

    /// `> …`: a link, related pages, what it is an alias of, or a line of description.
    fn quote(&mut self, text: &str) {
        if let Some((_, rest)) = text.split_once("<http")
            && let Some((url, _)) = rest.split_once('>')
        {
            self.page.fields.push(("More information".to_string(), format!("http{url}")));
        } else if let Some(rest) = text.strip_prefix("See also:") {
            self.page.fields.push(("See also".to_string(), rest.trim().trim_end_matches('.').to_string()));
        } else if !text.is_empty() {
            if text.starts_with("This command is an alias of") {
                self.page.alias_of = text.split('`').nth(1).map(str::to_string);
            }
            self.page.about.push(text.to_string());
        }
    }

    fn example(&mut self, number: usize, offset: usize, line: &str) {
        let span = &line[1..line.len() - 1];
        let snippet = Snippet::parse(Syntax::Tldr, span);
        let (summary, first, start) = match self.page.described.take() {
            Some((text, line, at)) => (text.trim_end_matches([':', '：', ' ']).to_string(), line, at),
            None => {
                self.warn(number, 1, "this command has no description");
                (String::new(), number, offset)
            }
        };
        let words = Some(slug(&summary)).filter(|s| !s.is_empty()).unwrap_or_else(|| match slug(span) {
            named if named.is_empty() => "example".to_string(),
            named => named,
        });
        let name = self.unique.name(&format!("{} {words}", self.place.name));
        let mut command = Command::new(Dialect::Tldr, name);
        command.summary = summary;
        command.category = Some(self.page.title.clone().unwrap_or_else(|| self.place.name.clone()));
        command.platforms = self.place.platform.iter().cloned().collect();
        command.text = self.file.text.get(start..offset + line.len()).unwrap_or(line).to_string();
        command.origin = Origin { path: self.file.path.to_string(), lines: (first, number), ..Origin::default() };
        for at in &snippet.unclosed {
            let column = span.get(..*at).map_or(0, |s| s.chars().count()) + 2;
            command.diagnostics.push(Diagnostic::warning(number, column, "`{{` is not closed and is taken as text"));
        }
        if is_keypress(span) {
            let message = "these are keys to press, not a command to run";
            command.diagnostics.push(Diagnostic::new(Severity::Info, number, 2, message));
        } else {
            let lang = if self.place.windows { "pwsh" } else { "sh" };
            let mut step = Step::new("run", StepKind::Snippet, lang, span);
            (step.syntax, step.line) = (Syntax::Tldr, number);
            command.params = snippet.params();
            command.steps.push(step);
        }
        self.parsed.commands.push(command);
    }

    fn warn(&mut self, line: usize, column: usize, message: &str) {
        self.parsed.diagnostics.push(Diagnostic::warning(line, column, message));
    }

    fn finish(mut self) -> Parsed {
        if let Some((_, line, _)) = self.page.described.take() {
            self.warn(line, 1, "this example has no command");
        }
        if self.page.title.is_none() {
            self.warn(1, 1, "the page has no `# ` title");
        }
        let mut fields = Vec::new();
        if !self.page.about.is_empty() {
            fields.push(("Page".to_string(), self.page.about.join(" ")));
        }
        fields.extend(self.page.alias_of.take().map(|of| ("Alias of".to_string(), of)));
        fields.append(&mut self.page.fields);
        fields.extend(self.place.locale.take().map(|l| ("locale".to_string(), l)));
        for command in &mut self.parsed.commands {
            command.fields.clone_from(&fields);
        }
        self.parsed
    }
}

/// Whether an example shows keys (`<Ctrl c>`, `<:>wq<Enter>`) rather than a command.
fn is_keypress(span: &str) -> bool {
    let literal: String = Snippet::parse(Syntax::Tldr, span)
        .pieces
        .iter()
        .map(|p| match p {
            Piece::Text(text) => text.as_str(),
            Piece::Choice { .. } => " ",
            Piece::Slot { .. } => "\u{1} ",
        })
        .collect();
    if literal == "<\u{1} >" {
        return true;
    }
    let all_keys = span.strip_prefix("{{").and_then(|s| s.strip_suffix("}}")).is_some_and(|inside| {
        inside.split('|').all(|k| k == "..." || k.strip_prefix('<').is_some_and(|k| k.ends_with('>')))
    });
    all_keys || literal.split('<').skip(1).any(|rest| rest.split_once('>').is_some_and(|(key, _)| is_key(key)))
}

fn is_key(key: &str) -> bool {
    const NAMED: &[&str] = &[
        "Alt",
        "ArrowDown",
        "ArrowLeft",
        "ArrowRight",
        "ArrowUp",
        "Backspace",
        "CapsLock",
        "Cmd",
        "Command",
        "Ctrl",
        "Delete",
        "Down",
        "End",
        "Enter",
        "Esc",
        "Escape",
        "Home",
        "Insert",
        "Left",
        "Menu",
        "Meta",
        "Option",
        "PageDown",
        "PageUp",
        "PrintScreen",
        "Return",
        "Right",
        "Shift",
        "Space",
        "Super",
        "Tab",
        "Up",
        "Win",
        "Windows",
    ];
    let first = key.split(' ').next().unwrap_or("");
    let function = first.strip_prefix('F').is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
    (key.chars().count() == 1 && key != " ") || function || NAMED.contains(&first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::model::ParamType;

    fn page(path: &str, text: &str) -> Parsed {
        read(&SourceFile { path, text })
    }

    const TAR: &str = "# tar\n\n> Archiving utility.\n> See also: `ar`, `zip`.\n> More information: <https://example.org/tar>.\n\n\
        - [c]reate an archive and write it to a [f]ile:\n\n`tar cf {{path/to/target.tar}} {{path/to/file1 path/to/file2 ...}}`\n\n\
        - Quit:\n\n`<Ctrl c>`\n";

    #[test]
    fn each_example_is_a_command() {
        let parsed = page("pages.de/osx/tar.md", TAR);
        assert_eq!(parsed.diagnostics, []);
        let tar = &parsed.commands[0];
        assert_eq!(tar.name, "tar create-an-archive-and-write-it-to-a-file");
        assert_eq!(tar.summary, "[c]reate an archive and write it to a [f]ile");
        assert_eq!((tar.category.as_deref(), tar.platforms.as_slice()), (Some("tar"), &["macos".to_string()][..]));
        let fields: Vec<(&str, &str)> = tar.fields.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(
            fields,
            [
                ("Page", "Archiving utility."),
                ("See also", "`ar`, `zip`"),
                ("More information", "https://example.org/tar"),
                ("locale", "de")
            ]
        );
        let params: Vec<(&str, bool, ParamType)> =
            tar.params.iter().map(|p| (p.name.as_str(), p.multiple, p.ty)).collect();
        assert_eq!(params, [("target", false, ParamType::Path), ("file", true, ParamType::Text)]);
        let step = &tar.steps[0];
        assert_eq!((step.lang.as_str(), step.syntax, step.line), ("sh", Syntax::Tldr, 9));
        assert_eq!(step.text, "tar cf {{path/to/target.tar}} {{path/to/file1 path/to/file2 ...}}");
        assert!(tar.text.starts_with("- [c]reate") && tar.text.ends_with("...}}`"), "{}", tar.text);
        assert_eq!(tar.origin.lines, (7, 9));
        assert!(tar.runnable());
    }

    #[test]
    fn keys_are_no_command() {
        let quit = &page("pages/common/tar.md", TAR).commands[1];
        assert!(quit.steps.is_empty() && !quit.runnable());
        assert_eq!((quit.diagnostics[0].severity, quit.diagnostics[0].line), (Severity::Info, 13));
        for keys in [
            "<:>wq<Enter>",
            "<Space>{{command}}",
            "{{<ArrowUp>|<ArrowDown>}}",
            "<F6>",
            "{{<a>|<b>|...}}",
            "/\\d+<Enter>N",
        ] {
            assert!(is_keypress(keys), "{keys}");
        }
        for command in
            ["cat <a >b", "cat < {{file}} > {{other}}", "mail <{{a}}>", "git log --format='%an <%ae>'", "x <<EOF"]
        {
            assert!(!is_keypress(command), "{command}");
        }
    }

    #[test]
    fn windows_pages_speak_powershell_and_aliases_say_of_what() {
        let parsed = page(
            "pages/windows/chrome.md",
            "# chrome\n\n> This command is an alias of `chromium`.\n\n- Show:\n\n`tldr chromium`\n",
        );
        assert_eq!(parsed.commands[0].steps[0].lang, "pwsh");
        assert!(parsed.commands[0].fields.contains(&("Alias of".to_string(), "chromium".to_string())));
    }

    #[test]
    fn odd_pages_are_read_with_diagnostics() {
        let parsed = page("x.md", "- a:\n- b:\r\n\r\n`echo {{x`\r\n`echo 2`\n`open\n");
        let names: Vec<&str> = parsed.commands.iter().map(|c| c.name.as_str()).collect();
        assert_eq!(names, ["x b", "x echo-2"]);
        assert_eq!(parsed.commands[0].diagnostics[0].column, 7);
        let lines: Vec<usize> = parsed.diagnostics.iter().map(|d| d.line).collect();
        assert_eq!(lines, [1, 5, 6, 1]);
    }

    /// Every page of the corpus, counted a second way: lines that start and end with a backquote.
    #[test]
    fn the_corpus_loses_no_example() {
        let mut counted = [0_usize; 5];
        for (path, text) in crate::commands::corpus_tests::corpus_files("tldr", "md") {
            let Some(at) = path.find("/pages") else { continue };
            let parsed = page(&path[at + 1..], &text);
            let expected =
                text.lines().filter(|l| l.len() > 1 && l.starts_with('`') && l.trim_end().ends_with('`')).count();
            assert_eq!(parsed.commands.len(), expected, "{path}");
            assert_eq!(parsed.diagnostics, [], "{path}");
            let names: std::collections::HashSet<&str> = parsed.commands.iter().map(|c| c.name.as_str()).collect();
            assert_eq!(names.len(), expected, "{path}");
            counted[0] += 1;
            counted[1] += expected;
            for command in &parsed.commands {
                counted[2] += usize::from(command.steps.is_empty());
                counted[3] += command.params.len();
                counted[4] +=
                    usize::from(command.steps.iter().any(|s| s.text.contains("}}}") || s.text.contains("\\{")));
                let vars: std::collections::HashSet<&str> = command.params.iter().map(|p| p.var.as_str()).collect();
                assert_eq!(vars.len(), command.params.len(), "{path}");
            }
        }
        println!(
            "tldr: {} pages, {} examples, {} of keys, {} parameters, {} nested or escaped",
            counted[0], counted[1], counted[2], counted[3], counted[4]
        );
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read(text in "([-#>`{}<> a:\\[\\]|\\\\\r\n]|é){0,120}") {
            page("pages/common/a.md", &text);
        }
    }
}
