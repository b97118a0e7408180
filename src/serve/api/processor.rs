//! `/api/v1/processor`: models asked for an answer, several side by side, or in a row. Every answer has the same shape:
//! `response`, `tokensUsed`, `model`.

use std::rc::Rc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::future::LocalBoxFuture;
use futures_util::stream;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::messages::{Attached, KEPT, Manner, answer, asked, files, may_offer, needs};
use super::{wrong, wrong_as};
use crate::app::App;
use crate::app::chain::{Chain, Input, MOST, late, passed_on};
use crate::app::compare::{Comparing, Manner as Comparison};
use crate::app::order::Unheard;
use crate::app::views::chat::{AnswerView, ComparedView, status_of};
use crate::chat::driver::{Ask, Outcome};
use crate::chat::saying::fault;
use crate::exec::Stop;
use crate::kernel::duration::parse_ms;
use crate::kernel::error::Error;
use crate::providers::model::{Part, Tuning};
use crate::serve::access::Permission;
use crate::serve::call::Call;
use crate::serve::problem::Problem;
use crate::serve::route::{Draft, Route};
use crate::store::Session;

/// What a question with its files may take, bytes.
const QUESTION: usize = 64 << 20;
/// So many steps of a chain are asked at the same time.
const ABREAST: usize = 4;

/// The routes.
pub fn routes() -> Vec<Route> {
    let asks = |draft: Draft| draft.tag("processor").may(Permission::ModelsAsk).body_up_to(QUESTION);
    vec![
        asks(Route::post("/api/v1/processor/ask", "Ask a model one question")).takes::<Question>().talks(ask),
        asks(Route::post("/api/v1/processor/compare", "Ask several models the same, at the same time"))
            .takes::<Several>()
            .talks(compare),
        asks(Route::post(
            "/api/v1/processor/chain",
            "Ask questions in a row, each with the answer before it, or side by side",
        ))
        .bucket("chain", 10)
        .takes::<Links>()
        .talks(chain),
        asks(Route::post("/api/v1/processor/{name}", "Ask this model one question (a slash in its name is %2F)"))
            .takes::<Prompt>()
            .talks(named),
    ]
}

/// An answer.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Processed {
    /// Its words.
    response: String,
    /// Tokens in and out, as far as the provider counted them.
    tokens_used: u64,
    /// `provider/model` that gave it.
    model: String,
    /// All that is known of it.
    answer: AnswerView,
}

impl From<AnswerView> for Processed {
    fn from(answer: AnswerView) -> Processed {
        let usage = answer.usage.as_ref();
        let tokens_used = usage.map_or(0, |usage| usage.input.unwrap_or(0) + usage.output.unwrap_or(0));
        Processed { response: answer.text.clone(), tokens_used, model: answer.model.clone(), answer }
    }
}

/// What bounds each answer.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Bounds {
    /// The most tokens of each answer
    #[schemars(range(min = 1))]
    max_tokens: Option<u32>,
    /// 0 is steady, higher is freer
    #[schemars(range(min = 0, max = 2))]
    temperature: Option<f64>,
}

impl Bounds {
    /// They, before what `manner` says.
    fn tuning(&self, manner: &Manner) -> Result<Tuning, Problem> {
        let tuning = manner.tuning()?;
        Ok(Tuning {
            max_tokens: self.max_tokens.or(tuning.max_tokens),
            temperature: self.temperature.or(tuning.temperature),
            ..tuning
        })
    }
}

/// A question. The layer that checks what was sent refuses other fields; here they may be those of whatever holds it.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Prompt {
    /// The question
    #[schemars(length(min = 1))]
    prompt: String,
    #[serde(flatten)]
    bounds: Bounds,
}

/// How a question is to be answered and kept.
#[derive(Debug, Deserialize, JsonSchema)]
struct Terms {
    /// What the model is to be and to do
    system: Option<String>,
    /// More about how to answer
    #[serde(default)]
    options: Manner,
    /// Whether its chat stays
    #[serde(default = "yes")]
    keep: bool,
}

/// A question in a chat.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Question {
    #[serde(flatten)]
    plain: Prompt,
    #[serde(flatten)]
    terms: Terms,
    /// The model, instead of the usual
    model: Option<String>,
    /// Files that go along
    #[serde(default)]
    #[schemars(length(max = 50))]
    attachments: Vec<Attached>,
    /// Let the model use these commands, where the settings allow it without a question
    #[serde(default)]
    #[schemars(length(max = 50))]
    tools: Vec<String>,
    /// Go on in this chat, by its id or name
    session: Option<String>,
}

fn yes() -> bool {
    true
}

/// A length of time, as it is written.
fn patience(text: Option<&str>) -> Result<Option<Duration>, Problem> {
    let Some(text) = text else { return Ok(None) };
    let read = parse_ms(text).filter(|ms| *ms > 0).map(Duration::from_millis);
    read.map(Some)
        .ok_or_else(|| wrong("/timeout", format!("{text:?} is no length of time")).hint("write 30s, 5m or 500ms"))
}

fn ask(call: Call<(), Question>, app: Rc<App>) -> LocalBoxFuture<'static, Result<Processed, Problem>> {
    Box::pin(async move {
        let wanted = &call.body;
        let (plain, terms) = (&wanted.plain, &wanted.terms);
        may_offer(&call.caller, &wanted.tools)?;
        if wanted.session.is_some() {
            needs(&call.caller, Permission::ChatWrite)?;
        }
        let tuning = plain.bounds.tuning(&terms.options)?;
        let mut parts = files(&app, &wanted.attachments)?;
        parts.push(Part::text(plain.prompt.clone()));
        let session = match &wanted.session {
            Some(named) => super::sessions::named(&app, named)?,
            None => app.begin_chat(&plain.prompt, wanted.model.as_deref(), terms.system.as_deref(), terms.keep)?,
        };
        let ask = Ask {
            parent: session.head,
            parts: Some(parts),
            model: wanted.model.clone(),
            system: terms.system.clone(),
            tuning,
            purpose: "ask".to_string(),
            memories: if call.caller.sees(None) { app.memories()? } else { Vec::new() },
            ..Ask::default()
        };
        one(&call, &app, &session, &ask, &wanted.tools).await
    })
}

fn named(call: Call<(), Prompt>, app: Rc<App>) -> LocalBoxFuture<'static, Result<Processed, Problem>> {
    Box::pin(async move {
        let (name, wanted) = (call.param("name").to_string(), &call.body);
        let session = app.begin_chat(&wanted.prompt, Some(&name), None, false)?;
        let ask = Ask {
            parts: Some(vec![Part::text(wanted.prompt.clone())]),
            model: Some(name),
            tuning: wanted.bounds.tuning(&Manner::default())?,
            purpose: "ask".to_string(),
            ..Ask::default()
        };
        one(&call, &app, &session, &ask, &[]).await
    })
}

/// One question; of a chat that is not kept, or in which nothing was said, nothing stays.
async fn one<B>(
    call: &Call<(), B>,
    app: &App,
    session: &Session,
    ask: &Ask,
    tools: &[String],
) -> Result<Processed, Problem> {
    let outcome = asked(app, &call.gone, (session, ask), tools).await;
    let nothing = outcome.is_err() && session.messages == 0 && session.name.is_none();
    if session.temporary || nothing {
        app.store()?.remove_session(session.id)?;
    }
    let mut view = answer(session, outcome?, ask.tuning.max_tokens.is_some())?;
    if session.temporary {
        (view.session, view.message) = (None, None);
    }
    Ok(view.into())
}

/// A question to several models.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Several {
    #[serde(flatten)]
    plain: Prompt,
    #[serde(flatten)]
    terms: Terms,
    /// The models
    #[schemars(length(min = 2, max = 16))]
    models: Vec<String>,
    /// How many are asked at the same time
    #[serde(default = "abreast")]
    #[schemars(range(min = 1, max = 16))]
    parallel: usize,
    /// How long each may take, such as 30s
    timeout: Option<String>,
}

fn abreast() -> usize {
    ABREAST
}

/// What became of a comparison.
#[derive(Debug, Serialize, JsonSchema)]
struct Compared {
    /// The answers, in the order of the models.
    responses: Vec<Processed>,
    /// All in all.
    compared: ComparedView,
}

fn compare(call: Call<(), Several>, app: Rc<App>) -> LocalBoxFuture<'static, Result<Compared, Problem>> {
    Box::pin(async move {
        let (wanted, begun) = (&call.body, Instant::now());
        let (plain, terms) = (&wanted.plain, &wanted.terms);
        crate::app::models::budget_check(&app)?;
        let models = app.models()?;
        let wish = Comparing {
            models: wanted.models.clone(),
            parts: vec![Part::text(plain.prompt.clone())],
            title: plain.prompt.clone(),
            system: terms.system.clone(),
            tuning: plain.bounds.tuning(&terms.options)?,
            temporary: !terms.keep,
        };
        let manner = Comparison {
            parallel: wanted.parallel,
            limit: patience(wanted.timeout.as_deref())?,
            use_cache: true,
            memories: if call.caller.sees(None) { app.memories()? } else { Vec::new() },
            kept: KEPT,
            stop: call.gone.stop()?,
        };
        let (comparison, choices) = app.begin_comparison(&models, &wish).await?;
        let mut verdicts: Vec<_> = app.verdicts(&models, &comparison, choices, &manner, |_| Unheard).collect().await;
        verdicts.sort_by_key(|one| one.as_ref().map_or(usize::MAX, |(at, _)| *at));
        let verdicts =
            verdicts.into_iter().map(|one| one.map(|(_, verdict)| verdict)).collect::<Result<Vec<_>, _>>()?;
        let compared = app.end_comparison(&comparison, &verdicts, begun.elapsed())?;
        let responses = verdicts.iter().map(|one| Processed::from(one.view(&comparison.session))).collect();
        Ok(Compared { responses, compared })
    })
}

/// Questions in a row, or side by side.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Links {
    /// The questions; `{{input}}` is where the answer before it goes
    #[schemars(length(min = 1, max = MOST))]
    steps: Vec<Link>,
    /// What the first is given, or all where they are side by side
    input: Option<String>,
    /// Whether they are asked at the same time, each by itself
    #[serde(default)]
    parallel: bool,
    /// How many at the same time
    #[serde(default = "abreast")]
    #[schemars(range(min = 1, max = MOST))]
    abreast: usize,
    /// What the models are to be and to do
    system: Option<String>,
    #[serde(flatten)]
    bounds: Bounds,
    /// How long each may take, such as 30s
    timeout: Option<String>,
}

/// A step of a chain.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Link {
    /// The question
    #[schemars(length(min = 1))]
    prompt: String,
    /// The model, instead of the usual
    model: Option<String>,
}

/// What became of a chain.
#[derive(Debug, Serialize, JsonSchema)]
struct Chained {
    /// The id of its chat.
    session: String,
    /// The last answer that is whole; empty where there is none.
    response: String,
    /// Tokens of all answers.
    #[serde(rename = "tokensUsed")]
    tokens_used: u64,
    /// The steps that were asked, in the order of the request, each with its answer or with what went wrong.
    responses: Vec<Processed>,
    /// How many answered.
    answered: usize,
    /// Whether all of them did.
    complete: bool,
}

fn chain(call: Call<(), Links>, app: Rc<App>) -> LocalBoxFuture<'static, Result<Chained, Problem>> {
    Box::pin(async move {
        let wanted = &call.body;
        let named = wanted.steps.iter().any(|step| step.model.is_some());
        // An empty name is the usual model.
        let each = wanted.steps.iter().map(|step| step.model.clone().unwrap_or_default());
        let chain = Chain {
            steps: wanted.steps.iter().map(|step| step.prompt.clone()).collect(),
            models: if named { each.collect() } else { Vec::new() },
            system: wanted.system.clone(),
            tuning: wanted.bounds.tuning(&Manner::default())?,
            limit: patience(wanted.timeout.as_deref())?,
        };
        chain.check().map_err(|error| wrong_as("/steps", &error))?;
        app.may_link()?;
        let session = app.begin_chain(&chain)?;
        let input = Input { text: wanted.input.clone().map(|text| ("input".to_string(), text)), ..Input::default() };
        let all = call.gone.stop()?;
        let answers = match wanted.parallel {
            true => abreast_of(&app, (&session, &chain), &input, wanted.abreast, &all).await?,
            false => in_a_row(&app, (&session, &chain), input, &all).await?,
        };
        let well = |one: &&AnswerView| one.error.is_none();
        let answered = answers.iter().filter(well).count();
        let response = answers.iter().rev().find(well).map(|one| one.text.clone()).unwrap_or_default();
        let responses: Vec<Processed> = answers.into_iter().map(Processed::from).collect();
        Ok(Chained {
            session: session.id.to_string(),
            response,
            tokens_used: responses.iter().map(|one| one.tokens_used).sum(),
            answered,
            complete: answered == chain.steps.len(),
            responses,
        })
    })
}

/// What one step came to.
fn linked(
    session: &Session,
    chain: &Chain,
    number: usize,
    result: Result<Outcome, Error>,
    stopped: bool,
) -> AnswerView {
    match result {
        Ok(mut outcome) => {
            let status = status_of(&outcome.ended);
            let error = fault(&mut outcome, chain.tuning.max_tokens.is_some(), KEPT);
            // It was stopped, and by nobody.
            let error = match chain.limit.filter(|_| status == "cancelled" && !stopped) {
                Some(limit) => Some(late(limit)),
                None => error,
            };
            AnswerView::of(session, &outcome, status).but(error.as_ref())
        }
        Err(error) => AnswerView::none(session, chain.model(number).map_or("", String::as_str), &error),
    }
}

/// One after another, until one fails.
async fn in_a_row(
    app: &App,
    (session, chain): (&Session, &Chain),
    mut input: Input,
    all: &Stop,
) -> Result<Vec<AnswerView>, Problem> {
    let models = app.models()?;
    let mut answers: Vec<AnswerView> = Vec::new();
    for number in 0..chain.steps.len() {
        let result = match app.may_link() {
            Ok(_) => {
                let (own, given) = (Stop::new()?, (number, std::mem::take(&mut input)));
                app.link((&models, session, chain), given, &mut Unheard, (&own, all)).await
            }
            Err(error) => Err(error),
        };
        let view = linked(session, chain, number, result, all.is_requested());
        let failed = view.error.is_some();
        input = passed_on(number, view.text.clone());
        answers.push(view);
        if failed {
            break;
        }
    }
    Ok(answers)
}

/// Some at a time, each by itself; their answers stand in the order of the request.
async fn abreast_of(
    app: &App,
    (session, chain): (&Session, &Chain),
    input: &Input,
    abreast: usize,
    all: &Stop,
) -> Result<Vec<AnswerView>, Problem> {
    let models = app.models()?;
    let models = &models;
    let turns = (0..chain.steps.len()).map(|number| async move {
        let result = match Stop::new() {
            Ok(own) => {
                let given = (number, input.clone());
                app.link((models, session, chain), given, &mut Unheard, (&own, all)).await
            }
            Err(error) => Err(error),
        };
        linked(session, chain, number, result, all.is_requested())
    });
    Ok(stream::iter(turns).buffered(abreast.clamp(1, MOST)).collect().await)
}
