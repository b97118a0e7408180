//! `fac man`: the manual, made from the same tree of words as the help.

use std::path::PathBuf;

use clap::Command;

use super::Context;
use super::args;
use crate::kernel::error::{Context as _, Kind, Result};

/// What the first page says besides its options.
const LAST: &str = r#".SH "EXIT STATUS"
A script that is run passes its own code through. The other codes:
.TP
0
done
.TP
1
failed
.TP
2
the command line makes no sense
.TP
3
not found
.TP
4
refused: not trusted, or not permitted
.TP
5
unreachable or missing: the network, a program
.TP
6
bad data: a definition, a setting, the store
.TP
124
timed out
.TP
130
interrupted
.SH ENVIRONMENT
.TP
\fBFAC_HOME\fR
Keeps settings, data, cache and state under this folder.
.TP
\fBFAC_LOG\fR
How much goes to the log: off, error, warn, info, debug or trace.
.TP
\fBFAC_PROFILE\fR
The profile of the settings to use.
.TP
\fBFAC_SECRET_\fINAME\fR
A secret, before all that are kept.
.TP
\fBGH_TOKEN\fR, \fBGITHUB_TOKEN\fR
The token that GitHub is asked with.
.TP
\fBNO_COLOR\fR, \fBPAGER\fR, \fBVISUAL\fR, \fBEDITOR\fR, \fBSSL_CERT_FILE\fR
As everywhere.
.PP
Every setting has a variable: \fBrun.timeout\fR is \fBFAC_RUN_TIMEOUT\fR.
.SH FILES
.TP
\fI~/.config/factotum/config.toml\fR
The settings; \fBfac config explain\fR lists them.
.TP
\fI~/.config/factotum/commands/\fR
Your own commands.
.TP
\fI.factotum/commands/\fR, \fI.factotum.toml\fR
Commands and settings of a project, found upwards from the current folder.
.TP
\fI~/.local/share/factotum/store.db\fR
Sources, trust, runs and the log of events.
.TP
\fI~/.local/state/factotum/fac.log\fR
The log, one JSON object a line.
"#;

/// Print the manual page, or write all pages into a folder
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Write fac.1 and one page for each subcommand here
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Print the page of this subcommand
    subcommand: Vec<String>,
}

pub(super) fn run(context: &mut Context, args: &Args) -> Result<u8> {
    let mut pages = pages();
    if let Some(dir) = &args.dir {
        let failed = || format!("cannot write the manual to {}", dir.display());
        std::fs::create_dir_all(dir).context(Kind::Failed, failed)?;
        for (name, text) in pages {
            std::fs::write(dir.join(format!("{name}.1")), text).context(Kind::Failed, failed)?;
        }
        return Ok(0);
    }
    let words = args.subcommand.iter().map(String::as_str);
    let wanted = std::iter::once("fac").chain(words).collect::<Vec<_>>().join("-");
    let found = pages.iter().position(|p| p.0 == wanted);
    let at = found.ok_or_else(|| {
        crate::kernel::error::Error::new(Kind::NotFound, format!("there is no page `{wanted}`"))
            .hint("`fac man` prints the first page, which names the others")
    })?;
    context.ui.write(&pages.swap_remove(at).1)?;
    Ok(0)
}

/// Name and text of every page.
fn pages() -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    let mut root = args::tree();
    root.build();
    page("fac", &root, &mut all);
    all
}

fn page(name: &str, command: &Command, all: &mut Vec<(String, Vec<u8>)>) {
    let owned = command.clone().name(leak(name)).display_name(leak(name));
    let mut text = Vec::new();
    // Writing to memory does not fail.
    let _ = clap_mangen::Man::new(owned).date("").manual("factotum").render(&mut text);
    let more = if name == "fac" { LAST } else { "" };
    let text = mended(&String::from_utf8_lossy(&text)).replace(".SH VERSION", &format!("{more}.SH VERSION"));
    all.push((name.to_string(), text.chars().map(roff).collect::<String>().into_bytes()));
    for sub in command.get_subcommands().filter(|s| !s.is_hide_set() && s.get_name() != "help") {
        page(&format!("{name}-{}", sub.get_name()), sub, all);
    }
}

/// A page as it should be: an empty date, and the examples under a heading of their own with their lines kept.
fn mended(page: &str) -> String {
    // An empty date comes without its quotes, and what follows would take its place.
    let page = page.replacen(" 1  \"", " 1 \"\" \"", 1).replace("\n.SH Subcommands\n", "\n.SH SUBCOMMANDS\n");
    let Some((before, rest)) = page.split_once(".SH EXTRA\nExamples:\n") else { return page };
    let (examples, after) = rest.split_once("\n.SH ").map_or((rest, ""), |(e, a)| (e, a));
    let (lines, words) = examples.split_once("\n\n").unwrap_or((examples, ""));
    let words = if words.is_empty() { String::new() } else { format!(".PP\n{words}\n") };
    format!("{before}.SH EXAMPLES\n.nf\n{lines}\n.fi\n{words}.SH {after}")
}

/// A character as every roff reads it, whatever encoding it expects.
fn roff(c: char) -> String {
    if c.is_ascii() { c.to_string() } else { format!("\\[u{:04X}]", u32::from(c)) }
}

/// Clap wants names that live as long as the program, which ends right after.
fn leak(name: &str) -> &'static str {
    Box::leak(name.to_string().into_boxed_str())
}
