//! A piece of code, told while it runs: `ide:output` …, `ide:result`. What was asked for may stand in the frame itself or,
//! as other programs send it, under `data` or `payload`; the answers then do too.

use std::ops::ControlFlow;

use serde::Deserialize;
use serde_json::{Value as Json, json};
use tokio::runtime::Handle;

use super::frame::Asked;
use super::outbox::Outbox;
use super::run::output;
use crate::app::App;
use crate::app::views::code::RanView;
use crate::exec::{Sink, Stop, Stream};
use crate::serve::api::code::{Wanted, execute};
use crate::serve::problem::Problem;

/// A piece of code, and where its answers stand in their frames.
pub struct Wish {
    wanted: Wanted,
    under: Option<&'static str>,
}

impl Wish {
    /// Reads it.
    ///
    /// # Errors
    /// 422 with what does not fit.
    pub fn of(asked: &Asked) -> Result<Wish, Problem> {
        /// What may stand around it.
        #[derive(Deserialize)]
        struct Around {
            data: Option<Wanted>,
            payload: Option<Wanted>,
        }
        let around: Around = asked.rest()?;
        let (wanted, under) = match (around.data, around.payload) {
            (Some(wanted), _) => (wanted, Some("data")),
            (None, Some(wanted)) => (wanted, Some("payload")),
            (None, None) => (asked.rest()?, None),
        };
        wanted.check()?;
        Ok(Wish { wanted, under })
    }
}

/// Where a piece of code is told of.
pub struct Teller {
    /// Whose it is; nobody where the frame had no id.
    pub id: Option<Json>,
    /// Where it is told.
    pub outbox: Outbox,
    /// Ends it.
    pub stop: Stop,
    /// Where the reader is waited for.
    pub runtime: Handle,
}

/// Runs it, and tells what it prints; what is to be told of its end is given back.
pub fn run(app: &App, wish: &Wish, teller: &Teller) -> Result<Json, Problem> {
    let mut telling = Telling { teller, under: wish.under, left: TOLD };
    let ran = execute(app, &wish.wanted, KEPT, &mut telling, &teller.stop)?;
    Ok(under(wish.under, result(&ran)))
}

fn result(ran: &RanView) -> Json {
    json!({
        "output": format!("{}{}", ran.stdout, ran.stderr), "exitCode": ran.exit_code,
        "executionTime": ran.duration_ms, "status": ran.status, "stage": ran.stage, "limit": ran.limit,
        "truncated": ran.truncated, "sandbox": ran.sandbox,
    })
}

fn under(name: Option<&str>, value: Json) -> Json {
    match name {
        Some(name) => json!({name: value}),
        None => value,
    }
}

/// So much of each stream stands in the result, bytes: many clients take no frame of more than 1 MiB.
const KEPT: usize = 256 << 10;

/// More is not told while it runs, bytes; the result has the beginning and the end of all.
const TOLD: usize = 1 << 20;

struct Telling<'a> {
    teller: &'a Teller,
    under: Option<&'static str>,
    left: usize,
}

impl Sink for Telling<'_> {
    fn output(&mut self, stream: Stream, bytes: &[u8]) -> ControlFlow<()> {
        let Some(left) = self.left.checked_sub(bytes.len()) else {
            self.left = 0;
            return ControlFlow::Continue(());
        };
        self.left = left;
        let Teller { id, outbox, stop, runtime } = self.teller;
        let told = outbox.put(id.as_ref(), "ide:output", under(self.under, output(stream, bytes)));
        // The code waits for its reader here.
        if told && runtime.block_on(outbox.room()) {
            return ControlFlow::Continue(());
        }
        stop.request();
        ControlFlow::Break(())
    }
}
