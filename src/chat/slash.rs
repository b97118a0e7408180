//! The commands behind `/`: one line each.

use crate::kernel::terminal::{pad, width};

/// A command of the chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the table below says what each is for")]
pub enum SlashCommand {
    Help,
    Model,
    Models,
    System,
    Attach,
    Detach,
    Edit,
    Retry,
    Fix,
    Continue,
    Branch,
    Show,
    Tree,
    Goto,
    Save,
    Title,
    Rename,
    Tag,
    Tools,
    Usage,
    Context,
    Think,
    Set,
    Raw,
    Copy,
    Clear,
    New,
    Sessions,
    Resume,
    Search,
    Find,
    Questions,
    Redact,
    Temp,
    Talk,
    Speak,
    Quit,
}

/// What an argument names, for completing it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Argument {
    /// Nothing, or nothing that can be listed.
    Free,
    /// A model.
    Model,
    /// A file or folder.
    File,
    /// A chat.
    Session,
    /// A message of this chat.
    Message,
    /// A command of the chat.
    Command,
    /// A tool for the model.
    Tool,
    /// A file that was attached.
    Attached,
    /// A tag.
    Tag,
    /// A parameter with `=`.
    Setting,
    /// `on` or `off`.
    Switch,
}

/// A line of the table.
#[derive(Clone, Copy, Debug)]
pub struct Slash {
    /// What it is.
    pub command: SlashCommand,
    /// Its name, without `/`.
    pub name: &'static str,
    /// Other names for it.
    pub aliases: &'static [&'static str],
    /// How its argument is written; empty where it takes none.
    pub hint: &'static str,
    /// What the argument names.
    pub argument: Argument,
    /// What it does, in a few words.
    pub help: &'static str,
}

const fn slash(
    command: SlashCommand,
    name: &'static str,
    hint: &'static str,
    argument: Argument,
    help: &'static str,
) -> Slash {
    Slash { command, name, aliases: &[], hint, argument, help }
}

use Argument as A;
use SlashCommand as C;

/// All of them, in the order in which help shows them.
#[rustfmt::skip]
pub const TABLE: &[Slash] = &[
    Slash { aliases: &["?", "h"], ..slash(C::Help, "help", "[command]", A::Command, "list the commands, or explain one") },
    slash(C::Model, "model", "[name]", A::Model, "show the model, or change it"),
    slash(C::Models, "models", "[words]", A::Free, "list the models that can be asked"),
    slash(C::System, "system", "[text]", A::Free, "show the system text, or change it"),
    slash(C::Attach, "attach", "<file>…", A::File, "send files along with the next message"),
    slash(C::Detach, "detach", "[file]", A::Attached, "leave out an attached file, or all of them"),
    slash(C::Edit, "edit", "[text]", A::Free, "write the message in your editor"),
    slash(C::Retry, "retry", "[model]", A::Model, "ask the last question again, as another branch"),
    slash(C::Fix, "fix", "[text]", A::Free, "put the last question otherwise, in its place"),
    slash(C::Continue, "continue", "", A::Free, "let the last answer go on where it stopped"),
    slash(C::Branch, "branch", "[message]", A::Message, "put the last question, or an earlier one, otherwise beside it"),
    slash(C::Show, "show", "[n | message]", A::Message, "print this chat, or its n-th question with the answer"),
    slash(C::Tree, "tree", "", A::Free, "show the branches of this chat"),
    slash(C::Goto, "goto", "<message>", A::Message, "move to a message of another branch"),
    slash(C::Save, "save", "<file>", A::File, "write the chat to a Markdown, JSON or HTML file"),
    slash(C::Title, "title", "[text]", A::Free, "set the title; without a text the model finds one"),
    slash(C::Rename, "rename", "<name>", A::Free, "give the chat a name to resume it by"),
    slash(C::Tag, "tag", "[+tag | -tag]…", A::Tag, "show, add or take off tags"),
    slash(C::Tools, "tools", "[name… | off]", A::Tool, "show or choose the tools that the model may ask for"),
    slash(C::Usage, "usage", "", A::Free, "tokens and cost of this chat"),
    slash(C::Context, "context", "", A::Free, "what would be sent now, and its tokens"),
    slash(C::Think, "think", "[on | off | low | medium | high]", A::Switch, "how much the model thinks before it answers"),
    slash(C::Set, "set", "[key=value]", A::Setting, "show or set a parameter such as temperature"),
    slash(C::Raw, "raw", "[on | off]", A::Switch, "show answers as they are written, not drawn"),
    slash(C::Copy, "copy", "[n]", A::Free, "copy the last answer, or its n-th code block"),
    slash(C::Clear, "clear", "", A::Free, "clear the screen"),
    slash(C::New, "new", "[name]", A::Free, "begin another chat"),
    Slash { aliases: &["ls"], ..slash(C::Sessions, "sessions", "[words]", A::Free, "list the chats") },
    slash(C::Resume, "resume", "<chat>", A::Session, "go on with another chat"),
    slash(C::Search, "search", "<words>", A::Free, "search everything that was said"),
    slash(C::Find, "find", "<words>", A::Free, "find words in this chat"),
    slash(C::Questions, "questions", "", A::Free, "list the questions of this chat, numbered"),
    slash(C::Redact, "redact", "<message> [words]", A::Message, "black out a message of this chat, or words of it"),
    slash(C::Temp, "temp", "", A::Free, "begin a chat that is forgotten when it ends"),
    slash(C::Talk, "talk", "[on | off]", A::Switch, "say the next message, or all that follow"),
    slash(C::Speak, "speak", "[on | off]", A::Switch, "read answers aloud, or not"),
    Slash { aliases: &["exit", "q", "bye"], ..slash(C::Quit, "quit", "", A::Free, "leave") },
];

/// The command with this name, given without `/`; case does not matter.
pub fn find(name: &str) -> Option<&'static Slash> {
    let name = name.to_lowercase();
    TABLE.iter().find(|slash| slash.name == name || slash.aliases.contains(&name.as_str()))
}

/// Names that look like this one, the nearest first, at most three.
pub fn nearest(name: &str) -> Vec<&'static str> {
    if name.len() > 100 {
        return Vec::new();
    }
    let name = name.to_lowercase();
    let score = |slash: &'static Slash| {
        let begins = slash.name.starts_with(&name) || name.starts_with(slash.name);
        (strsim::jaro_winkler(slash.name, &name) + f64::from(u8::from(begins)), slash.name)
    };
    let mut near: Vec<_> = TABLE.iter().map(score).filter(|(score, _)| *score >= 0.75).collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0));
    near.into_iter().take(3).map(|(_, name)| name).collect()
}

/// How a command is written.
pub fn usage(slash: &Slash) -> String {
    format!("/{} {}", slash.name, slash.hint).trim_end().to_string()
}

/// The table as text in so many columns: a command a line, with what it does beside it, or below it where it is long.
pub fn help(columns: usize) -> String {
    const WIDEST: usize = 30;
    let widest = TABLE.iter().map(|s| width(&usage(s))).filter(|wide| *wide <= WIDEST).max().unwrap_or(0);
    let mut out = String::new();
    for slash in TABLE {
        let usage = usage(slash);
        let lines = words_within(slash.help, columns.saturating_sub(widest + 4));
        let mut lines = lines.iter();
        match width(&usage) <= widest {
            true => {
                let first = lines.next().map_or("", String::as_str);
                out.push_str(&format!("  {}  {first}\n", pad(&usage, widest)));
            }
            false => out.push_str(&format!("  {usage}\n")),
        }
        lines.for_each(|line| out.push_str(&format!("  {}  {line}\n", pad("", widest))));
    }
    out.push('\n');
    for said in [
        "!line runs a shell line; a line that begins with // is sent with one /",
        "Alt-Enter or Ctrl-J begins a new line; so does Enter behind a backslash or inside of ``` or \"\"\"",
    ] {
        words_within(said, columns.saturating_sub(2)).iter().for_each(|line| out.push_str(&format!("  {line}\n")));
    }
    out
}

/// Lines of whole words of at most so many columns, where the words are no longer.
fn words_within(text: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last().map_or(0, |line| width(line));
        match lines.last_mut() {
            Some(last) if line == 0 || line + 1 + width(word) <= columns => {
                if line > 0 {
                    last.push(' ');
                }
                last.push_str(word);
            }
            _ => lines.push(word.to_string()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_found_once_and_in_any_case() {
        let names: Vec<&str> = TABLE.iter().flat_map(|s| s.aliases.iter().chain([&s.name]).copied()).collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
        assert_eq!(find("EXIT").map(|s| s.command), Some(SlashCommand::Quit));
        assert!(find("nope").is_none());
    }

    #[test]
    fn slips_find_their_command() {
        assert_eq!(nearest("modle").first(), Some(&"model"));
        assert_eq!(nearest("atach").first(), Some(&"attach"));
        assert_eq!(nearest("ses").first(), Some(&"sessions"));
        assert!(nearest("xyzzy").is_empty() && nearest(&"x".repeat(200)).is_empty());
    }

    #[test]
    fn help_has_a_line_for_each() {
        for columns in [20, 40, 74, 100, usize::MAX] {
            let help = help(columns);
            assert_eq!(help.lines().filter(|l| l.starts_with("  /")).count(), TABLE.len());
            let long = help.lines().find(|l| width(l) > columns.max(60));
            assert_eq!(long, None, "{columns}");
        }
    }
}
