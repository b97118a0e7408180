//! How chats and turns are spoken of: titles, sums of money, how an answer ended. The same words everywhere.

use super::driver::{Ended, Outcome};
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::figures::dollars;
use crate::kernel::terminal::safe_line;
use crate::providers::model::{Effort, Finish, Tuning};
use crate::store::{AnswerCost, Session};

/// What is said so that an answer that is not whole goes on.
pub const GO_ON: &str = "Go on exactly where you stopped, without repeating anything.";

/// What a chat is called in lists: its name, its title, or the end of its id.
pub fn called(session: &Session) -> String {
    let named = session.name.clone().or_else(|| session.title.clone());
    safe_line(&named.unwrap_or_else(|| session.id.tail())).into_owned()
}

/// The beginning of a question, as a chat's first title.
pub fn title(words: &str) -> String {
    let line = words.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(60) {
        Some((at, _)) => format!("{}…", line[..at].trim_end()),
        None => line,
    }
}

/// What kept a turn from ending simply well; `kept` is the way forward from an answer that is not whole.
pub fn fault(outcome: &mut Outcome, asked_for_length: bool, kept: &str) -> Option<Error> {
    match std::mem::replace(&mut outcome.ended, Ended::Well(Finish::Stop)) {
        Ended::Well(Finish::Length) if !asked_for_length => {
            Some(Error::new(Kind::Failed, "the answer reached the most tokens and stops short").hint(kept))
        }
        Ended::Well(Finish::Filtered) => Some(
            Error::new(Kind::Refused, format!("{} withheld its answer", outcome.model))
                .hint("put the question otherwise"),
        ),
        Ended::Well(_) => None,
        Ended::Limited(why) => {
            Some(Error::new(Kind::Failed, why).hint("chat.max_calls and chat.max_turn_time set the bounds of a turn"))
        }
        Ended::CutOff => Some(
            Error::new(Kind::Failed, "the stream ended without its end mark: the answer may lack its rest").hint(kept),
        ),
        Ended::Cancelled => Some(Error::new(Kind::Interrupted, "stopped").hint(kept)),
        // Of an answer that broke off what came is there to go on from.
        Ended::Failed(error) if !outcome.text().is_empty() => {
            let way = error.way_forward().filter(|way| *way != "try again").map(|way| format!("{way}; "));
            Some(error.hint(format!("{}{kept}", way.unwrap_or_default())))
        }
        Ended::Failed(error) => Some(error),
    }
}

/// How hard a model is to think, as it is typed.
///
/// # Errors
/// `Usage` for another word.
pub fn effort(word: &str) -> Result<Effort> {
    Ok(match word {
        "off" | "none" => Effort::None,
        "low" => Effort::Low,
        "on" | "medium" => Effort::Medium,
        "high" => Effort::High,
        other => {
            return Err(
                Error::new(Kind::Usage, format!("`{other}` is no effort")).hint("write on, off, low, medium or high")
            );
        }
    })
}

/// How hard a model thinks, as a sentence.
pub fn thinks(effort: Option<Effort>) -> &'static str {
    match effort {
        None => "the model thinks as it wants to",
        Some(Effort::None) => "the model does not think first",
        Some(Effort::Low) => "the model thinks a little",
        Some(Effort::Medium) => "the model thinks",
        Some(Effort::High) => "the model thinks hard",
    }
}

/// What was set, as `key=value` in a line.
pub fn set_in(tuning: &Tuning) -> String {
    let tuning = serde_json::to_value(tuning).unwrap_or_default();
    let empty = |v: &serde_json::Value| {
        v.is_null() || v.as_array().is_some_and(Vec::is_empty) || v.as_object().is_some_and(serde_json::Map::is_empty)
    };
    let all = tuning.as_object().into_iter().flatten().filter(|(_, v)| !empty(v));
    let set: Vec<String> = all.map(|(key, value)| format!("{key}={value}")).collect();
    if set.is_empty() { "(nothing is set)".to_string() } else { set.join(" ") }
}

/// What the answers of a chat took, as a sentence.
pub fn sum_of(costs: &[AnswerCost]) -> String {
    let (mut input, mut output, mut cost, mut unknown) = (0, 0, 0, 0);
    for answer in costs {
        (input, output) = (input + answer.input, output + answer.output);
        match answer.cost_micros {
            Some(micros) => cost += micros,
            None => unknown += 1,
        }
    }
    let unknown = if unknown > 0 { format!(" ({unknown} at an unknown price)") } else { String::new() };
    format!("{} answers: {input} tokens in, {output} out, {}{unknown}", costs.len(), dollars(cost))
}
