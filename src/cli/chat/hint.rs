//! What stands dimmed behind the cursor: how the command that is being written goes on, else a line from before.

use reedline::{Color, DefaultHinter, Hinter, History};

use super::slash::{self, TABLE};

/// Hints for lines of a chat.
pub struct ChatHinter {
    lines: DefaultHinter,
    colour: Color,
    /// What accepting the hint of a command writes; `None` while the hint is a line from before.
    rest: Option<String>,
}

impl ChatHinter {
    /// Hints in this colour.
    pub fn new(colour: Color) -> ChatHinter {
        ChatHinter { lines: DefaultHinter::default().with_style(colour.normal()), colour, rest: None }
    }
}

impl Hinter for ChatHinter {
    fn handle(&mut self, line: &str, pos: usize, history: &dyn History, colours: bool, cwd: &str) -> String {
        let known = self.lines.handle(line, pos, history, colours, cwd);
        self.rest = None;
        let Some((rest, usage)) = of_command(line) else { return known };
        let shown = format!("{rest}{usage}");
        self.rest = Some(rest);
        if colours && !shown.is_empty() { self.colour.paint(shown).to_string() } else { shown }
    }

    fn complete_hint(&self) -> String {
        self.rest.clone().unwrap_or_else(|| self.lines.complete_hint())
    }

    fn next_hint_token(&self) -> String {
        self.rest.clone().unwrap_or_else(|| self.lines.next_hint_token())
    }
}

/// The rest of a command's name and how its argument is written, while there is no argument yet.
fn of_command(line: &str) -> Option<(String, String)> {
    let word = line.strip_prefix('/').filter(|word| !word.is_empty())?;
    if let Some(name) = word.strip_suffix(' ') {
        return Some((String::new(), slash::find(name)?.hint.to_string()));
    }
    if word.contains(char::is_whitespace) {
        return None;
    }
    let behind = |slash: &slash::Slash| format!(" {}", slash.hint).trim_end().to_string();
    if let Some(slash) = slash::find(word) {
        return Some((String::new(), behind(slash)));
    }
    let slash = TABLE.iter().find(|slash| slash.name.starts_with(word))?;
    Some((slash.name.get(word.len()..)?.to_string(), behind(slash)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hint(line: &str) -> Option<String> {
        of_command(line).map(|(rest, usage)| format!("{rest}|{usage}"))
    }

    #[test]
    fn a_command_shows_how_it_goes_on() {
        assert_eq!(hint("/ret").as_deref(), Some("ry| [model]"));
        assert_eq!(hint("/model").as_deref(), Some("| [name]"));
        assert_eq!(hint("/model ").as_deref(), Some("|[name]"));
        assert_eq!(hint("/tree").as_deref(), Some("|"));
        assert_eq!(
            (hint("/model x"), hint("/"), hint("/é"), hint("hello"), hint("/nope ")),
            (None, None, None, None, None)
        );
    }
}
