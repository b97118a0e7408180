//! `fac plugin new`: a plugin to begin with, and the definitions for editors.

use std::path::{Path, PathBuf};

use super::manifest::{Hook, MANIFEST, SCRIPT, check_name};
use super::places::TYPES;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::files::{ensure_dir, write_atomic};

/// What editors know of `fac`.
const DEFINITIONS: &str = include_str!("types.d.luau");
/// How editors read the script.
const LUAURC: &str = "{ \"languageMode\": \"strict\", \"globals\": [\"fac\"] }\n";

/// Writes the folder of a new plugin that has these hooks, a command, or both. Gives its folder.
///
/// # Errors
/// `Usage` for a name that is none or is taken, `Failed` when it cannot be written.
pub fn new(plugins_dir: &Path, name: &str, hooks: &[Hook], command: bool) -> Result<PathBuf> {
    check_name(name).map_err(|said| Error::new(Kind::Usage, said))?;
    let folder = plugins_dir.join(name);
    if folder.exists() {
        return Err(
            Error::new(Kind::Usage, format!("{} is there already", folder.display())).hint("choose another name")
        );
    }
    ensure_dir(&folder)?;
    let files = [
        (MANIFEST, manifest(name, hooks, command)),
        (SCRIPT, script(hooks, command)),
        (TYPES, DEFINITIONS.to_string()),
        (".luaurc", LUAURC.to_string()),
    ];
    for (file, text) in files {
        write_atomic(&folder.join(file), text.as_bytes(), false)?;
    }
    Ok(folder)
}

fn manifest(name: &str, hooks: &[Hook], command: bool) -> String {
    let list = hooks.iter().map(|hook| format!("{:?}", hook.name())).collect::<Vec<_>>().join(", ");
    let mut text = format!(
        "name = \"{name}\"\nversion = \"0.1.0\"\nsummary = \"Says what it is for\"\n\
         # What it hears of. Every one is shown to whoever enables it.\nhooks = [{list}]\n"
    );
    if hooks.contains(&Hook::Event) {
        text.push_str("# The events that it hears of.\nevents = [\"run.*\"]\n");
    }
    if hooks.contains(&Hook::Tick) {
        text.push_str("# How often it is woken.\ntick = \"1m\"\n");
    }
    if command {
        text.push_str(&format!(
            "\n# A command: `fac {name} hello --who you`.\n[[commands]]\nname = \"{name} hello\"\nsummary = \"Says hello\"\n\
             params = \"[who=world]\"\n"
        ));
    }
    text.push_str(
        "\n# What it may do besides; nothing unless it is named here.\n[permissions]\n# store = true\n\
         # http = [\"api.example.org\"]\n# run = [\"git recent\"]\n# ask = true\n# event = true\n",
    );
    text
}

fn script(hooks: &[Hook], command: bool) -> String {
    let mut text = String::from(
        "-- What this plugin does stands in the table that it returns. `fac plugin test` tries it, `fac plugin enable` uses it.\n\
         local plugin = {}\n",
    );
    for hook in hooks {
        text.push_str(match hook {
            Hook::Prompt => {
                "\n-- What you say, before it is kept and sent: a text instead, or nil to leave it as it is.\n\
                 function plugin.prompt(text)\n    return (text:gsub(\"teh\", \"the\"))\nend\n"
            }
            Hook::Result => {
                "\n-- What a tool tells the model.\nfunction plugin.result(text)\n    return nil\nend\n"
            }
            Hook::Answer => {
                "\n-- What the model says, before it is kept and shown.\nfunction plugin.answer(text)\n    return (text:gsub(\"utilize\", \"use\"))\nend\n"
            }
            Hook::BeforeCommand => {
                "\n-- A reason refuses the command.\nfunction plugin.before_command(command)\n    return nil\nend\n"
            }
            Hook::AfterCommand => {
                "\nfunction plugin.after_command(command)\n    fac.log.info(command.command, command.status)\nend\n"
            }
            Hook::Event => "\nfunction plugin.event(event)\n    fac.log.info(event.kind, event.subject)\nend\n",
            Hook::Tick => "\nfunction plugin.tick()\n    fac.log.info(\"awake\")\nend\n",
            Hook::Palette => {
                "\nfunction plugin.palette()\n    return { { title = \"What time is it?\", run = \"time zones\" } }\nend\n"
            }
            Hook::Status => {
                "\nfunction plugin.status(state)\n    return if state.words > 0 then `{state.words} words` else nil\nend\n"
            }
        });
    }
    if command {
        text.push_str(
            "\n-- What is returned is the output.\nplugin.commands = {}\n\
             plugin.commands[fac.name .. \" hello\"] = function(args, rest, input)\n    return `hello {args.who}`\nend\n",
        );
    }
    text.push_str("\nreturn plugin\n");
    text
}

/// Puts the definitions for editors beside a plugin anew.
///
/// # Errors
/// When they cannot be written.
pub fn types(folder: &Path) -> Result<()> {
    write_atomic(&folder.join(TYPES), DEFINITIONS.as_bytes(), false)
}
