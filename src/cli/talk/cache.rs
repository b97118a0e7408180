//! `fac cache`: answers that are kept to be given again.

use clap::Subcommand;
use serde_json::json;

use super::super::Context;
use super::super::table::Table;
use super::super::ui::Role;
use crate::kernel::error::Result;

const EXAMPLES: &str = "\
Examples:
  fac config set cache.answers true   give the same answer to the same question again
  fac cache stats
  fac ask --no-cache 'and now?'       asks anew";

/// Kept answers: how many there are, and emptying
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// What is kept, and how often it helped
    Stats,
    /// Forget all kept answers (chats stay)
    Clear,
}

pub(in crate::cli) fn run(context: &mut Context, args: &Args) -> Result<u8> {
    match args.what {
        What::Stats => stats(context)?,
        What::Clear => {
            let gone = context.app.store()?.cache_clear()?;
            match context.ui.json {
                true => context.ui.value(&json!({"cleared": gone}))?,
                false => context.ui.note(&format!("forgot {gone} kept answers")),
            }
        }
    }
    Ok(0)
}

fn stats(context: &Context) -> Result<()> {
    let stats = context.app.store()?.cache_stats()?;
    let config = context.app.config()?;
    let (on, most) = (config.flag("cache.answers"), config.int("cache.max_mb") << 20);
    let lookups = stats.hits + stats.misses;
    let ratio = (lookups > 0).then(|| stats.hits as f64 / lookups as f64);
    if context.ui.json {
        return context.ui.value(&json!({
            "enabled": on, "entries": stats.entries, "bytes": stats.bytes, "max_bytes": most,
            "lookups": lookups, "hits": stats.hits, "misses": stats.misses, "hit_ratio": ratio,
        }));
    }
    let mut table = Table::new(&["what", ""]);
    let ttl = config.duration("cache.ttl").map(|ttl| crate::kernel::duration::human_ms(ttl.as_millis() as u64));
    let state = if on { format!("on, for {}", ttl.unwrap_or_default()) } else { "off (cache.answers)".to_string() };
    let share = ratio.map(|r| format!(" ({:.0} %)", r * 100.0)).unwrap_or_default();
    for (what, said) in [
        ("cache", state),
        ("answers", stats.entries.to_string()),
        ("size", format!("{:.1} of {} MB", stats.bytes as f64 / f64::from(1 << 20), most >> 20)),
        ("lookups", format!("{lookups}: {} hits, {} misses{share}", stats.hits, stats.misses)),
    ] {
        table.row(vec![(what.to_string(), Some(Role::Name)), (said, None)]);
    }
    context.ui.write(table.render(&context.ui).as_bytes())
}
