//! `/api/v1/exec`: a piece of code run in a sandbox, never without one, and never with more than the bounds allow.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{wrong, wrong_as};
use crate::app::App;
use crate::app::code::Guarding;
use crate::app::views::code::{LanguageView, RanView};
use crate::exec::code::Code;
use crate::exec::sandbox::Bounds;
use crate::exec::{Input, Sink, Stop, Stream};
use crate::kernel::error::Kind;
use crate::serve::access::Permission;
use crate::serve::call::Call;
use crate::serve::problem::Problem;
use crate::serve::route::{Bucket, Draft, Route};

/// What a piece of code with its input may take, bytes.
const LONGEST: usize = 2 << 20;
/// The longest time, ms.
const LATEST: u64 = 300_000;
/// How often somebody may run one, wherever they ask.
pub const BUCKET: Bucket = Bucket { name: "exec", most: 100 };
/// So many arguments it may have.
const ARGUMENTS: usize = 1000;
/// So many pieces run at the same time, whoever asked for them.
const AT_ONCE: usize = 4;

/// The routes.
pub fn routes() -> Vec<Route> {
    let code = |draft: Draft| draft.tag("exec").may(Permission::CodeRun);
    vec![
        code(Route::get("/api/v1/exec/languages", "List the languages in which code can be run")).with(languages),
        code(Route::post("/api/v1/exec", "Run a piece of code in a sandbox, without files, network and secrets"))
            .bucket(BUCKET.name, BUCKET.most)
            .body_up_to(LONGEST)
            .takes::<Wanted>()
            .with(run),
    ]
}

/// How much room there is for code.
#[derive(Clone)]
pub struct Room(Arc<Semaphore>);

impl Default for Room {
    fn default() -> Self {
        Room(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

impl Room {
    /// A place for one piece, as long as it is held.
    ///
    /// # Errors
    /// 429 when all are taken.
    pub fn enter(&self) -> Result<OwnedSemaphorePermit, Problem> {
        let full = |_| Problem::limited(format!("{AT_ONCE} pieces of code run already"), 1);
        self.0.clone().try_acquire_owned().map_err(full)
    }
}

/// The languages.
#[derive(Debug, Serialize, JsonSchema)]
struct Languages {
    /// They, by name.
    items: Vec<LanguageView>,
}

fn languages(_: &Call, app: &App) -> Result<Languages, Problem> {
    Ok(Languages { items: app.languages()?.iter().map(LanguageView::from).collect() })
}

/// A piece of code.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "Code")]
pub struct Wanted {
    /// Its language, such as `python`
    #[schemars(length(min = 1, max = 100))]
    pub language: String,
    /// The code
    #[schemars(length(max = 1_048_576))]
    pub code: String,
    /// What it is given as its arguments
    #[serde(default)]
    #[schemars(length(max = 1000))]
    pub args: Vec<String>,
    /// What it reads
    #[serde(default)]
    pub stdin: String,
    /// How long it may take, milliseconds; 30 s otherwise
    #[schemars(range(min = 1, max = 300_000))]
    pub timeout: Option<u64>,
}

fn run(call: &Call<(), Wanted>, app: &App) -> Result<RanView, Problem> {
    let _place = call.server.code.enter()?;
    let mut unheard = |_: Stream, _: &[u8]| ControlFlow::Continue(());
    call.body.check()?;
    execute(app, &call.body, Bounds::default().output, &mut unheard, &call.gone.stop()?)
}

impl Wanted {
    /// Whether it is within the bounds, wherever it came from.
    ///
    /// # Errors
    /// 422 with the field that is not.
    pub fn check(&self) -> Result<(), Problem> {
        if self.timeout.is_some_and(|ms| !(1..=LATEST).contains(&ms)) {
            return Err(wrong("/timeout", format!("it is not between 1 and {LATEST} ms")));
        }
        if self.args.len() > ARGUMENTS {
            return Err(wrong("/args", format!("there are more than {ARGUMENTS}")));
        }
        if let Some(at) = self.args.iter().position(|arg| arg.contains('\0')) {
            return Err(wrong(&format!("/args/{at}"), "it holds a NUL byte, which no program can be given"));
        }
        Ok(())
    }
}

/// Runs what is wanted and was checked; its output is told while it comes, and so many bytes of each stream are kept.
///
/// # Errors
/// 422 for a language that nobody knows or that nothing runs here, 403 where nothing would keep the code in.
pub fn execute(app: &App, wanted: &Wanted, kept: usize, sink: &mut dyn Sink, stop: &Stop) -> Result<RanView, Problem> {
    let code = Code {
        language: wanted.language.clone(),
        text: wanted.code.clone(),
        args: wanted.args.iter().map(Into::into).collect(),
        stdin: Input::Bytes(wanted.stdin.clone().into_bytes()),
    };
    let mut bounds = Bounds { output: kept, ..Bounds::default() };
    if let Some(ms) = wanted.timeout {
        bounds.time = Duration::from_millis(ms);
    }
    let guarding = Guarding { bounds, ..Guarding::default() };
    app.execute(code, guarding, sink, stop).map_err(|error| match error.kind() {
        Kind::Usage | Kind::Missing => wrong_as("/language", &error),
        _ => error.into(),
    })
}
