//! `fac ask`: one question, one answer.

use std::time::Duration;

use clap::Args as Arguments;
use serde_json::{Value, json};

use super::super::Context;
use super::super::ask::{Granted, trust};
use super::print::{Form, Person, Printer};
use super::question::{Question, limit};
use super::tools;
use super::{adopt, dear, end_saying, kept, took, wait, within};
use crate::app::models::{budget_check, this_process};
use crate::app::tools::Kit;
use crate::app::views::chat::{AnswerView, status_of};
use crate::app::views::problem::ErrorView;
use crate::chat::driver::{Ask, Ended};
pub(in crate::cli) use crate::chat::saying::title;
use crate::chat::{attach, schema};
use crate::commands::bind;
use crate::commands::catalog::{Near, Resolved};
use crate::commands::model::Step;
use crate::commands::prompt;
use crate::commands::run as engine;
use crate::commands::tool::Wanted;
use crate::exec::Stop;
use crate::exec::signals::StopOnSignals;
use crate::kernel::error::{Context as _, Error, Kind, Result};
use crate::kernel::terminal::safe;
use crate::providers::model::{Effort, Part, Tuning};
use crate::store::{NewSession, Session, Store};

const EXAMPLES: &str = "\
Examples:
  fac ask 'what does EADDRINUSE mean?'
  git diff | fac ask 'review this'           what is piped in goes along
  fac ask -a photo.png 'what is this?'
  fac ask -c 'and in one sentence?'          goes on in the last chat
  git diff | fac ask -p fabric:review_code   asks with a prompt of your commands
  fac ask -T 'git recent' 'what changed?'     lets the model run it, after asking you
  fac ask --schema 'name, age int' 'invent a dog' --json
  fac ask -m gpt-4o -o temperature=0 'a haiku'";

/// Ask a model one question
#[derive(Debug, Arguments)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The model: `provider/model`, an alias, or a part of a name
    #[arg(short, long, value_name = "MODEL")]
    model: Option<String>,
    #[command(flatten)]
    question: Question,
    /// Ask with the prompt of this command; the words are its arguments
    #[arg(short, long, value_name = "COMMAND")]
    prompt: Option<String>,
    /// Let the model use this command (`name`, `source:*`, `marked` for all that are meant for it) or MCP tool
    /// (`mcp:server`, `mcp:server/tool`); each use is asked about
    #[arg(short = 'T', long = "tool", value_name = "COMMAND")]
    tools: Vec<String>,
    /// Go on in the chat used last
    #[arg(short = 'c', long = "continue", conflicts_with = "session")]
    go_on: bool,
    /// Go on in this chat, or begin it
    #[arg(long, value_name = "NAME")]
    session: Option<String>,
    /// Keep nothing of it
    #[arg(long, conflicts_with_all = ["session", "go_on"])]
    temp: bool,
    /// Have an answer of this shape: a file of JSON Schema, or `name, age int, bio: one sentence`
    #[arg(long, value_name = "SCHEMA")]
    schema: Option<String>,
    /// Print only the first block of code
    #[arg(short = 'x', long)]
    extract: bool,
    /// Show what plugins changed on the way to the model and back
    #[arg(long)]
    explain: bool,
    /// Ask anew, whatever the cache holds
    #[arg(long)]
    no_cache: bool,
}

pub(in crate::cli) fn run(context: &mut Context, args: &Args) -> Result<u8> {
    adopt(context)?;
    let schema = args.schema.as_deref().map(read_schema).transpose()?;
    let mut tuning = args.question.tuning()?;
    tuning.schema.clone_from(&schema);
    let prompted = args.prompt.as_deref().map(|name| prompted(context, args, name)).transpose()?;
    let parts = match &prompted {
        None => args.question.parts(context)?,
        Some(prompted) => {
            let question = &args.question;
            let over = tuning_over(prompted.tuning.clone(), &question.options, question.think.as_deref())?;
            tuning = Tuning { schema: tuning.schema.take(), ..over };
            question.attached(context)?.into_iter().chain(prompted.parts.iter().cloned()).collect()
        }
    };
    let kit = match &prompted {
        Some(prompted) => prompted.kit(context, &args.tools)?,
        None => tools::find(context, Wanted { typed: &args.tools, ..Wanted::default() })?,
    };
    budget_check(&context.app)?.into_iter().for_each(|said| context.ui.warn(&said));
    // Whoever cannot be asked leaves no empty chat behind.
    let models = context.app.models()?;
    let session = session(context, args)?;
    let asked_for_length = tuning.max_tokens.is_some();
    let mut ask = Ask {
        parent: session.head,
        parts: Some(parts),
        model: args.model.clone(),
        alone: false,
        system: args.question.system.clone().or_else(|| prompted.as_ref().and_then(|p| p.system.clone())),
        tuning,
        purpose: "ask".to_string(),
        command: prompted.as_ref().map(|p| p.command.clone()),
        memories: memories(context)?,
    };
    let signals = StopOnSignals::new()?;
    let form = match (context.ui.json, args.extract || schema.is_some()) {
        (true, _) => Form::Json,
        (_, true) => Form::Silent,
        _ => Form::Words,
    };
    let mut printer = Printer::new(context, form, signals.stop().clone())?.explaining(context, args.explain);
    let mut chat = context.app.chat(&models, signals.stop().clone())?;
    chat.use_cache &= !args.no_cache;
    let mut person = Person::new(context);
    let turns = async {
        if let Some(step) = prompted.as_ref().map(|p| &p.step).filter(|_| ask.model.is_none()) {
            ask.model = prompt::model_of(&models, step, &mut printer).await;
        }
        dear::confirm(context, &chat, &session, &ask).await?;
        chat.tools = tools::gather(context, &kit, signals.stop()).await?;
        let mut outcome = chat.turn(&session, &ask, &mut printer, &mut person).await?;
        let mut value = None;
        if let (Some(schema), Ended::Well(_)) = (&schema, &outcome.ended) {
            value = Some(schema::validate(schema, &outcome.text()));
            if let Some(Err(problems)) = &value {
                // Once more, with what was wrong.
                let said =
                    format!("That does not fit the schema: {}. Answer with the JSON alone.", problems.join("; "));
                ask.parent = Some(outcome.answer);
                ask.parts = Some(vec![Part::text(said)]);
                outcome = chat.turn(&session, &ask, &mut printer, &mut person).await?;
                value = Some(schema::validate(schema, &outcome.text()));
            }
        }
        Ok::<_, Error>((outcome, value))
    };
    let result = wait(async {
        let result = turns.await;
        kit.close().await;
        result
    })?;
    kit.settle(&context.app)?;
    drop(signals);
    let (mut outcome, value) = match result {
        Ok(done) => done,
        Err(error) => {
            if session.messages == 0 && session.name.is_none() {
                // Nothing was said in it.
                context.app.store()?.remove_session(session.id)?;
            }
            return Err(error);
        }
    };
    printer.finish();
    took(context, &outcome);
    let status = status_of(&outcome.ended);
    let error = match &outcome.ended {
        Ended::Failed(error) => Some(ErrorView::with_code(error)),
        _ => None,
    };
    let mut code = end_saying(context, &mut outcome, asked_for_length, kept(&session));
    let mut answer = AnswerView::of(&session, &outcome, status);
    match value {
        Some(Ok(value)) => {
            if form == Form::Silent {
                context.ui.value(&value)?;
            }
            answer.value = Some(value);
        }
        Some(Err(problems)) if code == 0 => {
            let error =
                Error::new(Kind::BadData, format!("the answer does not fit the schema: {}", problems.join("; ")))
                    .hint("ask again, name another model with -m, or make the schema simpler");
            code = error.kind().exit_code();
            answer.problems = Some(problems);
            if !context.ui.json {
                context.ui.failure(&error);
            }
        }
        _ if args.extract && code == 0 => {
            let text = outcome.text();
            let found = schema::extract_code(&text).unwrap_or(text);
            if context.ui.json {
                answer.extracted = Some(found);
            } else {
                context.ui.write(format!("{}\n", safe(&found).trim_end_matches('\n')).as_bytes())?;
            }
        }
        _ => {}
    }
    if context.ui.json {
        let mut last = json!({"answer": answer});
        if let Some(error) = error {
            last["error"] = json!(error);
        }
        context.ui.write(format!("{}\n", super::super::ui::json_line(&last)).as_bytes())?;
    }
    if session.temporary {
        context.app.store()?.remove_session(session.id)?;
    }
    within::expire(context);
    Ok(code)
}

/// What a prompt command says.
struct Prompted {
    command: String,
    system: Option<String>,
    parts: Vec<Part>,
    tuning: Tuning,
    step: Step,
    resolved: Resolved,
}

impl Prompted {
    /// What was typed and what the prompt names.
    fn kit(&self, context: &Context, typed: &[String]) -> Result<Kit> {
        let near = Near { source: &self.resolved.source, path: &self.resolved.command.origin.path };
        tools::find(context, Wanted { typed, defined: &self.step.tools, near: Some(near) })
    }
}

/// The prompt of `name` with the words as its arguments and what is piped in as its input.
fn prompted(context: &Context, args: &Args, name: &str) -> Result<Prompted> {
    let names: Vec<String> = name.split_whitespace().map(String::from).collect();
    let (resolved, used) = context.app.resolve(&names)?;
    let command = resolved.full_name();
    let words: Vec<String> = names[used..].iter().chain(&args.question.words).cloned().collect();
    let given = bind::take_apart(&resolved.command, &words)?;
    let bound = bind::check(&resolved.command, &given, &context.app.param_env(&resolved.command))?;
    let catalog = context.app.catalog()?;
    let mut plan = engine::plan(&catalog, resolved, bound)?;
    if let Granted::No(error) = trust(context, &catalog, &mut plan)? {
        return Err(error);
    }
    let mut engine = context.app.engine(&catalog, Stop::new()?, false, "manual")?;
    engine.input = args.question.piped(context)?;
    let (call, step) = engine::single_call(&engine, &plan)?;
    call.warnings().for_each(|said| context.ui.warn(&said));
    if (call.is_empty() || call.wants_input()) && !args.question.has_files() {
        return Err(Error::new(Kind::Usage, format!("`{command}` has nothing to work on"))
            .hint("pipe something in, or write it behind the options"));
    }
    let (parts, tuning) = (prompt::parts(&call, step, limit(context)?)?, prompt::tuning(step)?);
    let (step, resolved) = (step.clone(), plan.root().resolved.clone());
    Ok(Prompted { command, system: call.system, parts, tuning, step, resolved })
}

/// The chat that the question belongs to.
fn session(context: &Context, args: &Args) -> Result<Session> {
    let store = context.app.store()?;
    let new = |name: Option<String>| NewSession {
        name,
        model: args.model.clone(),
        system: args.question.system.clone(),
        temporary: args.temp.then(this_process),
        title: Some(title(&args.question.words.join(" "))).filter(|t| !t.is_empty()),
        ..NewSession::default()
    };
    if args.go_on {
        return last_session(store);
    }
    match &args.session {
        Some(name) => match store.session(name) {
            Err(error) if error.kind() == Kind::NotFound => store.begin_session(&new(Some(name.clone()))),
            other => other,
        },
        None => store.begin_session(&new(None)),
    }
}

/// The chat that `-c` goes on with.
pub(in crate::cli) fn last_session(store: &Store) -> Result<Session> {
    store
        .last_session()?
        .ok_or_else(|| Error::new(Kind::NotFound, "there is no chat to go on with").hint("without -c a new one begins"))
}

/// A length of time as it is typed.
pub(in crate::cli) fn time(text: &str) -> Result<Duration> {
    crate::kernel::duration::parse_ms(text)
        .map(Duration::from_millis)
        .ok_or_else(|| Error::new(Kind::Usage, format!("`{text}` is no length of time")).hint("write 30s, 5m or 500ms"))
}

/// A file that goes along with a question.
pub(in crate::cli) fn file(context: &Context, name: &str) -> Result<Part> {
    attach::read(name, &mut std::io::stdin().lock(), limit(context)?)
}

pub(in crate::cli) fn memories(context: &Context) -> Result<Vec<String>> {
    context.app.memories()
}

/// What a schema may be.
const SCHEMAS: &str = "give a file of JSON Schema, or the fields themselves: 'name, age int, bio: one sentence'";

fn read_schema(written: &str) -> Result<Value> {
    let path = std::path::Path::new(written);
    if path.is_file() {
        let text = std::fs::read_to_string(path).context(Kind::BadData, || format!("cannot read {written}"))?;
        return schema::parse(&text, false)
            .map_err(|e| Error::new(Kind::BadData, format!("{written} holds no schema: {e}")).hint(SCHEMAS));
    }
    if written.ends_with(".json") || (written.contains('/') && !written.contains([',', ' ', '{'])) {
        return Err(Error::new(Kind::NotFound, format!("there is no file {written}")).hint(SCHEMAS));
    }
    schema::parse(written, false)
}

/// `-o key=value` as the room knows it; what it does not know goes to the provider as it is.
pub(in crate::cli) fn tuning(options: &[String], think: Option<&str>) -> Result<Tuning> {
    tuning_over(Tuning::default(), options, think)
}

/// The same over what was tuned already.
fn tuning_over(mut tuning: Tuning, options: &[String], think: Option<&str>) -> Result<Tuning> {
    for option in options {
        let wrong = |what: &str| {
            Error::new(Kind::Usage, format!("`-o {option}` {what}"))
                .hint("for example: -o temperature=0.2 -o max_tokens=500")
        };
        let (key, value) = option.split_once('=').ok_or_else(|| wrong("is not written as KEY=VALUE"))?;
        tuning.set(key, value).map_err(wrong)?;
    }
    let effort = think.map(|effort| match effort {
        "none" => Effort::None,
        "low" => Effort::Low,
        "medium" => Effort::Medium,
        _ => Effort::High,
    });
    tuning.effort = effort.or(tuning.effort);
    Ok(tuning)
}
