//! What the wish key does: a wish becomes one command line to edit, by a model where there is one.
//!
//! Nothing is ever run here. The shell lends its terminal meanwhile, so Ctrl-C arrives as a key and leaves the line.

use std::fs::File;
use std::io::{Read, Write};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcgetpgrp, tcsetattr};

use super::Context;
use super::talk::{adopt, wait};
use crate::app::models::budget_check;
use crate::chat::driver::stopped;
use crate::commands::bind;
use crate::commands::catalog::Catalog;
use crate::exec::signals::StopOnSignals;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::terminal::{safe_line, truncate_to_width};
use crate::providers::Needs;

/// What a model is to be and to do.
const SYSTEM: &str = "You turn a wish into one command line. Answer with that line alone: no explanation, no Markdown, \
                      no second line. A person reads and edits it before it runs. What is a command line already you \
                      mend. Prefer what every system has.";

/// Commands that a model is told of.
const TOLD: usize = 5;

/// The signs that turn while somebody thinks, and how long each is seen.
const TURNING: [&str; 4] = ["⠋", "⠙", "⠴", "⠦"];
const TURN: Duration = Duration::from_millis(120);

/// A look at the keys, this often.
const LOOK: Duration = Duration::from_millis(25);

/// Prints the command line for a wish. `noted`: whether the shell itself says that a model is asked; failures then go
/// to stdout, where it hears them.
pub(super) fn answer(context: &Context, shell: &str, wish: &str, noted: bool) -> Result<u8> {
    let usages = fitting(context, wish)?;
    let models = context.app.models()?;
    if wish.trim().is_empty() || !is_anybody_there(&models) {
        let Some(usage) = usages.first() else { return Ok(3) };
        context.ui.line(usage)?;
        return Ok(0);
    }
    match ask(context, &models, shell, wish, &usages, !noted) {
        Ok(line) => context.ui.line(&line).map(|()| 0),
        Err(error) if error.kind() == Kind::Interrupted => Ok(error.kind().exit_code()),
        Err(error) if noted => {
            context.ui.line(&safe_line(&error.full_message()))?;
            Ok(error.kind().exit_code())
        }
        Err(error) => Err(error),
    }
}

/// Whether some model can be asked.
fn is_anybody_there(models: &crate::providers::Models) -> bool {
    wait(models.resolve(None, &Needs::default())).is_ok_and(|found| found.is_ok())
}

/// Has a model write the line.
fn ask(
    context: &Context,
    models: &crate::providers::Models,
    shell: &str,
    wish: &str,
    usages: &[String],
    spins: bool,
) -> Result<String> {
    adopt(context)?;
    budget_check(&context.app)?;
    let signals = StopOnSignals::new()?;
    let stop = signals.stop();
    let keys = Keys::take();
    let chat = context.app.chat(models, stop.clone())?;
    let mut system = format!("{SYSTEM}\nThe shell is {shell} on {}.", std::env::consts::OS);
    if !usages.is_empty() {
        system.push_str(&format!("\nThese commands are installed and may help:\n{}", usages.join("\n")));
    }
    let spins = spins && context.ui.stderr_terminal && !context.ui.quiet;
    let said = wait(async {
        tokio::select! {
            biased;
            () = stopped(stop) => Ok(None),
            () = ctrl_c(keys.as_ref()) => Ok(None),
            said = chat.one_answer("wish", &system, wish) => said,
            () = spin(spins) => Ok(None),
        }
    });
    if spins {
        say("");
    }
    drop(keys);
    let said = said??.ok_or_else(|| Error::new(Kind::Interrupted, "stopped"))?;
    one_line(&said).ok_or_else(|| {
        Error::new(Kind::Failed, "the model gave no command line")
            .hint("say the wish in other words, or use another model")
    })
}

/// Shows that somebody thinks, for as long as it is let.
async fn spin(shown: bool) {
    for sign in TURNING.iter().cycle() {
        if shown {
            say(&format!("{sign} asking a model; Ctrl-C leaves the line as it is"));
        }
        tokio::time::sleep(TURN).await;
    }
}

/// Takes the place of the line that the cursor is on.
fn say(text: &str) {
    let mut err = std::io::stderr().lock();
    // A terminal that is gone needs no note.
    let _ = write!(err, "\r\x1b[K{}", truncate_to_width(text, 78)).and_then(|()| err.flush());
}

/// The command line in an answer: of a fence its text, of several lines the first.
fn one_line(said: &str) -> Option<String> {
    let code = crate::chat::schema::extract_code(said).unwrap_or_else(|| said.to_string());
    let line = code.split(['\n', '\r']).map(str::trim).find(|line| !line.is_empty() && !line.starts_with("```"))?;
    let line = line.strip_prefix("$ ").unwrap_or(line);
    let bare = line.strip_prefix('`').and_then(|rest| rest.strip_suffix('`')).filter(|rest| !rest.contains('`'));
    Some(safe_line(bare.unwrap_or(line)).trim().to_string()).filter(|line| !line.is_empty())
}

/// The usage of the installed commands that fit a wish best; fewer of its words where all find nothing.
fn fitting(context: &Context, wish: &str) -> Result<Vec<String>> {
    let catalog = context.app.whole_catalog()?;
    let index = context.app.index();
    let mut words: Vec<&str> = wish.split_whitespace().collect();
    while !words.is_empty() {
        let found = index.search(catalog.store, &words.join(" "), Some("definition"), TOLD)?;
        let usages: Vec<String> =
            found.hits.iter().filter_map(|hit| usage(&catalog, &hit.key).transpose()).collect::<Result<_>>()?;
        if !usages.is_empty() {
            return Ok(usages);
        }
        words.pop();
    }
    Ok(Vec::new())
}

/// How the command with this id is used, where it is seen from here.
fn usage(catalog: &Catalog<'_>, id: &str) -> Result<Option<String>> {
    let Ok(id) = id.parse() else { return Ok(None) };
    let Some(row) = catalog.store.definition(id)?.filter(|row| catalog.is_visible(&row.source)) else {
        return Ok(None);
    };
    let resolved = catalog.resolved(row)?;
    Ok(Some(safe_line(&format!("fac {}", bind::usage(&resolved.command))).into_owned()))
}

/// The shell's terminal while its line waits: Ctrl-C is a key that stops us and no signal, which would end the line.
struct Keys {
    terminal: File,
    before: Termios,
}

impl Keys {
    /// `None` where there is no terminal, or it is not ours.
    fn take() -> Option<Keys> {
        let terminal = File::options().read(true).write(true).open("/dev/tty").ok()?;
        if tcgetpgrp(&terminal).ok()? != rustix::process::getpgrp() {
            return None;
        }
        let before = tcgetattr(&terminal).ok()?;
        let mut hushed = before.clone();
        hushed.local_modes.remove(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG);
        tcsetattr(&terminal, OptionalActions::Now, &hushed).ok()?;
        Some(Keys { terminal, before })
    }

    /// The next key, if one was pressed.
    fn pressed(&self) -> Option<u8> {
        let mut ready = [PollFd::new(&self.terminal, PollFlags::IN)];
        poll(&mut ready, Some(&Timespec::default())).ok().filter(|n| *n > 0)?;
        let mut key = [0];
        (&self.terminal).read(&mut key).ok().filter(|n| *n > 0)?;
        Some(key[0])
    }
}

/// Waits until Ctrl-C is pressed; other keys are lost, and those behind it stay for the shell.
async fn ctrl_c(keys: Option<&Keys>) {
    const CTRL_C: u8 = 3;
    loop {
        while let Some(key) = keys.and_then(Keys::pressed) {
            if key == CTRL_C {
                return;
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        // A terminal that is gone needs nothing put back.
        let _ = tcsetattr(&self.terminal, OptionalActions::Now, &self.before);
    }
}

#[cfg(test)]
mod tests {
    use super::one_line;

    #[test]
    fn an_answer_becomes_one_line() {
        for (said, line) in [
            ("du -sh *\n", Some("du -sh *")),
            ("```sh\ndu -sh *\n```\n", Some("du -sh *")),
            ("Here you are:\n\n```bash\n$ du -sh *\nrm -rf /\n```\nGood luck.", Some("du -sh *")),
            ("`ls -l`", Some("ls -l")),
            ("echo `date`", Some("echo `date`")),
            ("`a` `b`", Some("`a` `b`")),
            ("ls\rrm -rf ~\u{1b}[2K", Some("ls")),
            ("  \n\n", None),
            ("", None),
        ] {
            assert_eq!(one_line(said).as_deref(), line, "{said:?}");
        }
    }
}
