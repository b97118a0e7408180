//! Which adapter a file is given to: by its path first, then confirmed by its content, never by content alone
//! where a path is known.
//!
//! The rules and their order come from a survey of public repositories: `commands/commands.md` proves nothing, a
//! `Tasks` heading proves little, fences in a README prove nothing. What cannot be told is `None`; the user can
//! still say what it is, and then [`forced`] decides which files that concerns.

use serde_json::Value;

use super::front_matter::{self, FrontMatter};
use super::prose::file_name;
use crate::commands::model::Dialect;
use crate::kernel::markdown::{BlockKind, Document, Inline, one_line, parse};

/// What else is in the source.
pub trait Siblings {
    /// Whether a file stands at `path`, which is written like the paths given to [`detect`].
    fn exists(&self, path: &str) -> bool;
}

/// A source of which nothing else is known.
impl Siblings for () {
    fn exists(&self, _path: &str) -> bool {
        false
    }
}

/// Folders whose content was made by programs or belongs to somebody else.
const FOREIGN: [&str; 17] = [
    ".git",
    "node_modules",
    "bower_components",
    "vendor",
    "third_party",
    "target",
    "dist",
    ".venv",
    "venv",
    "site-packages",
    "__pycache__",
    ".tox",
    ".cache",
    ".next",
    ".gradle",
    "Pods",
    ".terraform",
];

/// Folders of tldr pages.
const PLATFORMS: [&str; 13] = [
    "common",
    "linux",
    "osx",
    "macos",
    "windows",
    "android",
    "freebsd",
    "netbsd",
    "openbsd",
    "sunos",
    "cisco-ios",
    "dos",
    "bsd",
];

/// Whether a file is worth fetching as a definition, by its path only.
pub fn could_be(path: &str) -> bool {
    let name = file_name(path);
    let text = has_suffix(name, ".md") || has_suffix(name, ".markdown") || has_suffix(name, ".cheat");
    text && !name.starts_with("._") && !folders(path).any(|f| FOREIGN.contains(&f))
}

/// The dialect of the file at `path` (inside its source, `/` between parts) with `text`. `None` where it holds no
/// definitions that can be told with confidence.
pub fn detect(path: &str, text: &str, siblings: &dyn Siblings) -> Option<Dialect> {
    if !could_be(path) {
        return None;
    }
    if let Some(dialect) = by_name(path) {
        return Some(dialect);
    }
    let front = front_matter::split(text);
    if is_native(&front) {
        return Some(Dialect::Native);
    }
    by_folder(path, text, &front, siblings).or_else(|| by_content(text, &front))
}

/// Whether the file at `path` is meant when the user says that a source is written in `dialect`.
///
/// This is how aichat roles, xc tasks without a badge, plain READMEs for runme and bare folders of Claude commands
/// are reached.
pub fn forced(dialect: Dialect, path: &str) -> bool {
    if !could_be(path) {
        return false;
    }
    let name = file_name(path);
    let cheat = has_suffix(name, ".cheat");
    match dialect {
        Dialect::Navi => cheat,
        _ if cheat => false,
        Dialect::Skill => name == "SKILL.md",
        Dialect::Fabric => name.eq_ignore_ascii_case("system.md"),
        Dialect::Copilot => is_copilot(name),
        Dialect::Claude | Dialect::Aichat | Dialect::Tldr => !about_the_project(name),
        Dialect::Native | Dialect::Mask | Dialect::Xc | Dialect::Runme | Dialect::Jaegis => true,
    }
}

/// Names that mean one thing only.
fn by_name(path: &str) -> Option<Dialect> {
    let name = file_name(path);
    if name == "SKILL.md" {
        Some(Dialect::Skill)
    } else if is_copilot(name) {
        Some(Dialect::Copilot)
    } else if has_suffix(name, ".cheat") {
        Some(Dialect::Navi)
    } else {
        None
    }
}

fn is_copilot(name: &str) -> bool {
    [".prompt.md", ".agent.md", ".chatmode.md", ".instructions.md"].iter().any(|s| has_suffix(name, s))
}

/// The marker of our own format: `factotum: 1`.
fn is_native(front: &FrontMatter<'_>) -> bool {
    front.values.get("factotum").is_some_and(|v| v.as_u64() == Some(1) || v.as_str() == Some("1"))
}

/// Folders that say what lies in them, with a look at the content where they do not say enough.
fn by_folder(path: &str, text: &str, front: &FrontMatter<'_>, siblings: &dyn Siblings) -> Option<Dialect> {
    let name = file_name(path);
    if !about_the_project(name) && is_claude(path, text, front, siblings) {
        return Some(Dialect::Claude);
    }
    let parts: Vec<&str> = path.split('/').collect();
    if let [.., "patterns", _, last] = parts.as_slice()
        && last.eq_ignore_ascii_case("system.md")
    {
        return Some(Dialect::Fabric);
    }
    if let [.., pages, platform, _] = parts.as_slice()
        && is_pages(pages)
        && PLATFORMS.contains(platform)
        && is_tldr(text)
    {
        return Some(Dialect::Tldr);
    }
    name.eq_ignore_ascii_case("maskfile.md").then_some(Dialect::Mask)
}

fn is_claude(path: &str, text: &str, front: &FrontMatter<'_>, siblings: &dyn Siblings) -> bool {
    let places: Vec<&str> = folders(path).collect();
    if places.windows(2).any(|w| w == [".claude", "commands"]) {
        return true;
    }
    let bare = places.iter().any(|f| matches!(*f, "commands" | "tools" | "workflows"));
    bare && (claude_keys(front)
        || front.body.contains("$ARGUMENTS") && !text_is_catalogue(text)
        || in_plugin(&places, siblings))
}

/// A catalogue that mentions `$ARGUMENTS` is still a catalogue.
fn text_is_catalogue(text: &str) -> bool {
    text.contains("### `/") && is_catalogue(&parse(text))
}

/// Keys and values that only Claude Code uses.
fn claude_keys(front: &FrontMatter<'_>) -> bool {
    const KEYS: [&str; 8] = [
        "allowed-tools",
        "disallowed-tools",
        "argument-hint",
        "disable-model-invocation",
        "user-invocable",
        "hide-from-slash-command-tool",
        "background",
        "effort",
    ];
    let model = front.text("model").unwrap_or_default().to_ascii_lowercase();
    KEYS.iter().any(|key| front.get(key).is_some())
        || ["claude", "sonnet", "opus", "haiku"].iter().any(|family| model.starts_with(family))
        || front.get("context").and_then(Value::as_str) == Some("fork")
}

/// Whether a `plugin.json` stands in or above the folder that holds `commands/`.
fn in_plugin(places: &[&str], siblings: &dyn Siblings) -> bool {
    let Some(at) = places.iter().position(|f| *f == "commands") else { return false };
    (0..=at).rev().take(8).any(|depth| {
        let above: String = places[..depth].iter().flat_map(|f| [*f, "/"]).collect();
        siblings.exists(&format!("{above}.claude-plugin/plugin.json"))
            || siblings.exists(&format!("{above}plugin.json"))
    })
}

/// `pages`, or `pages.` with a locale.
fn is_pages(folder: &str) -> bool {
    match folder.strip_prefix("pages") {
        Some("") => true,
        Some(locale) => locale
            .strip_prefix('.')
            .is_some_and(|l| !l.is_empty() && l.chars().all(|c| c.is_ascii_alphabetic() || c == '_')),
        None => false,
    }
}

fn is_tldr(text: &str) -> bool {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    text.starts_with("# ") && text.lines().any(|l| l.starts_with("> "))
}

/// Marks inside a file, weakest last.
fn by_content(text: &str, front: &FrontMatter<'_>) -> Option<Dialect> {
    if front.get("runme").is_some() {
        return Some(Dialect::Runme);
    }
    let worth = text.contains("```") || text.contains("~~~") || text.contains("`/");
    let doc = worth.then(|| parse(front.body))?;
    if is_catalogue(&doc) {
        Some(Dialect::Jaegis)
    } else if is_xc(front.body, &doc) {
        Some(Dialect::Xc)
    } else if infos(&doc).iter().any(|info| is_runme(info)) {
        Some(Dialect::Runme)
    } else {
        None
    }
}

/// Headings like ``### `/name` ``, fences of nothing but `/word` lines, or a registry with `command: "/word"`.
fn is_catalogue(doc: &Document) -> bool {
    let mut listed = 0;
    for block in &doc.blocks {
        match &block.kind {
            BlockKind::Heading { level: 3, inlines } => {
                if let Some(Inline::Code(code)) = inlines.first()
                    && slash_word(code)
                {
                    return true;
                }
            }
            BlockKind::Code(code) if code.fenced => match code.info.split_whitespace().next() {
                Some("bash" | "sh" | "shell") => listed += slash_lines(&code.text),
                Some("yaml" | "yml") => listed += code.text.lines().filter(|l| registry_line(l)).count(),
                _ => {}
            },
            _ => {}
        }
    }
    listed >= 3
}

/// How many lines of a fence are `/word …`; 0 when any other line but comments and blank ones stands among them.
fn slash_lines(text: &str) -> usize {
    let lines = || text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#'));
    if lines().all(slash_word) { lines().count() } else { 0 }
}

/// `/word` or `/word …`; a path such as `/usr/bin` is none.
fn slash_word(line: &str) -> bool {
    let Some(rest) = line.strip_prefix('/') else { return false };
    let word = rest.split([' ', '\t']).next().unwrap_or("");
    word.chars().next().is_some_and(char::is_alphabetic)
        && word.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | ':'))
}

fn registry_line(line: &str) -> bool {
    let value = line.trim_start().trim_start_matches("- ").strip_prefix("command:").unwrap_or("");
    slash_word(value.trim().trim_matches(['"', '\'']))
}

/// A `Tasks` section, or one behind `<!-- xc-heading -->`, whose every child can run; and either that mark or the
/// badge, because such sections stand in many files that never heard of xc.
fn is_xc(text: &str, doc: &Document) -> bool {
    let badge = text.contains("xcfile.dev/badge") || text.to_ascii_lowercase().contains("xc compatible");
    let mut marked = false;
    let mut start = None;
    for (at, block) in doc.blocks.iter().enumerate() {
        match &block.kind {
            BlockKind::Html(html) => marked |= html.trim_start().starts_with("<!-- xc-heading -->"),
            BlockKind::Heading { level, inlines } => {
                if marked || one_line(inlines).eq_ignore_ascii_case("tasks") {
                    start = Some((at, *level));
                    break;
                }
            }
            _ => marked = false,
        }
    }
    let Some((at, level)) = start else { return false };
    (badge || marked) && children_can_run(doc, at + 1, level)
}

/// Whether the section that begins at `from` has headings one level deeper, each with a fence or a requires line.
fn children_can_run(doc: &Document, from: usize, level: u8) -> bool {
    let (mut children, mut good) = (0, 0);
    let mut counted = true;
    for block in doc.blocks.iter().skip(from) {
        match &block.kind {
            BlockKind::Heading { level: l, .. } if *l <= level => break,
            BlockKind::Heading { level: l, .. } if *l == level + 1 => {
                children += 1;
                counted = false;
            }
            BlockKind::Code(_) if !counted => {
                good += 1;
                counted = true;
            }
            BlockKind::Paragraph(inlines) if !counted && requires_line(&one_line(inlines)) => {
                good += 1;
                counted = true;
            }
            _ => {}
        }
    }
    children > 0 && children == good
}

fn requires_line(words: &str) -> bool {
    let key = words.split(':').next().unwrap_or("").trim_matches(['_', '*', '`', ' ']).to_ascii_lowercase();
    words.contains(':') && matches!(key.as_str(), "req" | "requires")
}

/// The info strings of all fences, nested ones too.
fn infos(doc: &Document) -> Vec<&str> {
    super::prose::code_blocks(doc).into_iter().map(|(_, info)| info).filter(|i| i.contains('{')).collect()
}

/// Attributes that name a cell or that only runme knows: `sh {"name":"x"}`, `sh { name=x interactive=false }`.
fn is_runme(info: &str) -> bool {
    const KEYS: [&str; 9] = [
        "name",
        "interactive",
        "background",
        "promptEnv",
        "excludeFromRunAll",
        "closeTerminalOnSuccess",
        "terminalRows",
        "mimeType",
        "category",
    ];
    let Some((lang, attributes)) = info.split_once('{') else { return false };
    let inner = attributes.rsplit_once('}').map_or(attributes, |(inner, _)| inner);
    if lang.trim().contains(char::is_whitespace) || inner.starts_with('.') {
        return false;
    }
    if let Ok(Value::Object(map)) = serde_json::from_str::<Value>(&format!("{{{inner}}}")) {
        return map.contains_key("id") || KEYS.iter().any(|k| map.contains_key(*k));
    }
    inner.split_whitespace().filter_map(|word| word.split_once('=')).any(|(key, _)| KEYS.contains(&key))
}

/// Files about a repository rather than in it.
fn about_the_project(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or(name).to_ascii_uppercase();
    matches!(
        stem.as_str(),
        "README"
            | "LICENSE"
            | "LICENCE"
            | "CHANGELOG"
            | "CONTRIBUTING"
            | "CODE_OF_CONDUCT"
            | "SECURITY"
            | "AGENTS"
            | "CLAUDE"
    )
}

fn folders(path: &str) -> impl Iterator<Item = &str> {
    path.rsplit_once('/').map_or("", |(folders, _)| folders).split('/').filter(|f| !f.is_empty())
}

fn has_suffix(name: &str, suffix: &str) -> bool {
    name.len() > suffix.len()
        && name.get(name.len() - suffix.len()..).is_some_and(|end| end.eq_ignore_ascii_case(suffix))
}

#[cfg(test)]
#[path = "detect_tests.rs"]
mod tests;
