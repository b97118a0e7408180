//! The keys of the line editor, and what keeps a terminal from obeying a text that is pasted into it.

use reedline::{
    EditCommand, EditMode, Emacs, KeyCode, KeyModifiers, Keybindings, PromptEditMode, ReedlineEvent, ReedlineRawEvent,
    Vi, default_emacs_keybindings, default_vi_insert_keybindings, default_vi_normal_keybindings,
    default_vi_visual_keybindings,
};

use crate::kernel::terminal::safe;

/// Keys as a person is used to them, with ours among them. `menu` is the one that Tab opens.
pub fn mode(vi: bool, menu: &str) -> Box<dyn EditMode> {
    let keys: Box<dyn EditMode> = match vi {
        true => {
            let mut insert = default_vi_insert_keybindings();
            bind(&mut insert, menu);
            let mut visual = default_vi_visual_keybindings();
            // It would ask to switch modes, which is not passed on; `d` and `x` do the same.
            visual.remove_binding(KeyModifiers::NONE, KeyCode::Delete);
            Box::new(Vi::new(insert, default_vi_normal_keybindings(), visual))
        }
        false => {
            let mut keys = default_emacs_keybindings();
            bind(&mut keys, menu);
            Box::new(Emacs::new(keys))
        }
    };
    Box::new(Harmless(keys))
}

/// The keys beside the usual ones.
fn bind(keys: &mut Keybindings, menu: &str) {
    let newline = || ReedlineEvent::Edit(vec![EditCommand::InsertNewline]);
    keys.add_binding(KeyModifiers::ALT, KeyCode::Enter, newline());
    keys.add_binding(KeyModifiers::SHIFT, KeyCode::Enter, newline());
    keys.add_binding(KeyModifiers::CONTROL, KeyCode::Char('j'), newline());
    let next = ReedlineEvent::UntilFound(vec![ReedlineEvent::Menu(menu.to_string()), ReedlineEvent::MenuNext]);
    keys.add_binding(KeyModifiers::NONE, KeyCode::Tab, next);
    keys.add_binding(KeyModifiers::SHIFT, KeyCode::BackTab, ReedlineEvent::MenuPrevious);
    keys.add_binding(KeyModifiers::CONTROL, KeyCode::Char('o'), ReedlineEvent::OpenEditor);
    keys.add_binding(KeyModifiers::NONE, KeyCode::F(8), ReedlineEvent::ExecuteHostCommand("/talk".to_string()));
}

/// Makes what is pasted visible: the editor draws its line as it stands, control sequences and all.
struct Harmless(Box<dyn EditMode>);

impl EditMode for Harmless {
    fn parse_event(&mut self, event: ReedlineRawEvent) -> ReedlineEvent {
        match self.0.parse_event(event) {
            ReedlineEvent::Edit(commands) => ReedlineEvent::Edit(commands.into_iter().map(harmless).collect()),
            other => other,
        }
    }

    fn edit_mode(&self) -> PromptEditMode {
        self.0.edit_mode()
    }
}

fn harmless(command: EditCommand) -> EditCommand {
    match command {
        EditCommand::InsertString(text) => EditCommand::InsertString(visible(&text)),
        EditCommand::InsertChar(c) if c.is_control() => EditCommand::InsertString(visible(&c.to_string())),
        other => other,
    }
}

/// A text for the line.
pub fn visible(text: &str) -> String {
    safe(text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pasted_text_cannot_act_on_the_terminal() {
        let pasted = EditCommand::InsertString("a\r\n\tb\x1b[31mred\x1b]0;title\x07\u{202e}c".into());
        let EditCommand::InsertString(text) = harmless(pasted) else { panic!("nothing is inserted") };
        assert!(text.starts_with("a\n\tb") && text.ends_with('c'), "{text:?}");
        assert!(!text.contains(['\x1b', '\x07', '\r', '\u{202e}']), "{text:?}");
        assert_eq!(harmless(EditCommand::InsertChar('x')), EditCommand::InsertChar('x'));
        assert!(matches!(harmless(EditCommand::InsertChar('\u{9b}')), EditCommand::InsertString(_)));
    }
}
