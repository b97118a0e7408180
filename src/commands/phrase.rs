//! Phrases of `On: voice`: which command somebody meant by what was heard.
//!
//! A phrase is written as voice assistants write theirs: words, `{slots}` that become arguments, `[words]` that may be
//! missing and `(one|other)` of several. What was heard is laid beside it word by word, the cheapest way (edit distance
//! over words, [Wagner and Fischer 1974]); words that sound alike are spelled alike often enough that their letters are
//! compared. It knows no microphone and runs nothing.
//!
//! [Wagner and Fischer 1974]: https://doi.org/10.1145/321796.321811

mod words;

use super::model::{Command, Diagnostic, Param, ParamType};
use words::{heard_words, number, sameness};

/// The most ways in which one phrase may be said.
const MAX_WAYS: usize = 256;
/// The most words of a phrase, and of what is heard.
const MAX_WORDS: usize = 64;
/// The longest text of a phrase, which bounds how deep its brackets go.
const MAX_BYTES: usize = 500;
/// From here on a command is offered at all.
const POSSIBLE: f64 = 0.6;
/// From here on it is certain, when nothing else comes near.
const CERTAIN: f64 = 0.9;
/// How far ahead of the next command it must be.
const LEAD: f64 = 0.1;
/// What a word costs that was heard and stands nowhere, and one that stands there and was not heard.
const STRAY: f64 = 0.7;
/// The same for words that say nothing.
const FILLER: f64 = 0.15;

/// A phrase, understood: each way of saying it.
#[derive(Clone, Debug, PartialEq)]
pub struct Phrase {
    ways: Vec<Vec<Part>>,
}

#[derive(Clone, Debug, PartialEq)]
enum Part {
    Word(String),
    Slot(String),
}

/// What was meant.
#[derive(Clone, Debug, PartialEq)]
pub struct Meant<T> {
    /// Whose phrase it was.
    pub whose: T,
    /// Arguments, by parameter name.
    pub arguments: Vec<(String, String)>,
    /// How well it fits, 0 to 1.
    pub score: f64,
    /// Whether it fits so well, and nothing else nearly as well, that nobody need be asked.
    pub certain: bool,
}

impl Phrase {
    /// Understands a phrase.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub fn parse(text: &str) -> Result<Phrase, String> {
        if text.len() > MAX_BYTES {
            return Err(format!("a phrase may have {MAX_BYTES} bytes"));
        }
        let mut letters = text.chars().peekable();
        let mut ways = sequence(&mut letters, None)?;
        ways.retain(|way| !way.is_empty());
        let spoken = |way: &Vec<Part>| way.iter().any(|part| matches!(part, Part::Word(_)));
        if !ways.iter().any(spoken) {
            return Err("a phrase needs words beside its slots".to_string());
        }
        ways.retain(spoken);
        if ways.iter().any(|way| way.len() > MAX_WORDS) {
            return Err(format!("a phrase may have {MAX_WORDS} words"));
        }
        Ok(Phrase { ways })
    }

    /// The slots it names, each once.
    pub fn slots(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for part in self.ways.iter().flatten() {
            if let Part::Slot(name) = part
                && !names.contains(&name.as_str())
            {
                names.push(name);
            }
        }
        names
    }

    /// How well `heard` fits, 0 to 1, and what its slots hold.
    fn fit(&self, heard: &[(String, String)], params: &[Param]) -> (f64, Vec<(String, String)>) {
        let best = self.ways.iter().map(|way| laid(way, heard, params)).max_by(|a, b| a.0.total_cmp(&b.0));
        best.unwrap_or_default()
    }
}

/// The phrases of a command.
pub fn phrases(command: &Command) -> impl Iterator<Item = (Phrase, usize)> {
    let spoken = command.triggers.iter().filter(|trigger| trigger.kind == "voice");
    spoken.flat_map(|t| t.args.iter().filter_map(|text| Phrase::parse(text).ok()).map(|phrase| (phrase, t.line)))
}

/// What is wrong with the phrases of a command, with their places.
pub fn diagnose(command: &Command) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for trigger in command.triggers.iter().filter(|trigger| trigger.kind == "voice") {
        if trigger.args.is_empty() {
            found.push(Diagnostic::error(trigger.line, 1, "a voice trigger needs its phrase in quotes"));
        }
        for text in &trigger.args {
            match Phrase::parse(text) {
                Err(said) => found.push(Diagnostic::error(trigger.line, 1, format!("the phrase `{text}`: {said}"))),
                Ok(phrase) => {
                    for slot in phrase.slots().into_iter().filter(|slot| command.param(slot).is_none()) {
                        let said = format!(
                            "the phrase `{text}` has a slot {{{slot}}} and the command no parameter of that name"
                        );
                        found.push(Diagnostic::error(trigger.line, 1, said));
                    }
                }
            }
        }
    }
    found
}

/// The commands that `heard` may mean, the likeliest first; none when it fits nothing. Only the first can be certain.
pub fn meant<'c, T>(heard: &str, commands: impl Iterator<Item = (T, &'c Command)>) -> Vec<Meant<T>> {
    let words = heard_words(heard);
    if words.is_empty() || words.len() > MAX_WORDS {
        return Vec::new();
    }
    let mut found: Vec<Meant<T>> = Vec::new();
    for (whose, command) in commands {
        let fits = phrases(command).map(|(phrase, _)| phrase.fit(&words, &command.params));
        if let Some((score, arguments)) = fits.max_by(|a, b| a.0.total_cmp(&b.0))
            && score >= POSSIBLE
        {
            found.push(Meant { whose, arguments, score, certain: false });
        }
    }
    found.sort_by(|a, b| b.score.total_cmp(&a.score));
    let next = found.get(1).map_or(0.0, |meant| meant.score);
    if let Some(first) = found.first_mut() {
        first.certain = first.score >= CERTAIN && first.score - next >= LEAD;
    }
    found
}

type Letters<'a> = std::iter::Peekable<std::str::Chars<'a>>;

/// Every way of saying what stands up to `end`.
fn sequence(letters: &mut Letters<'_>, end: Option<char>) -> Result<Vec<Vec<Part>>, String> {
    let (mut done, mut ways): (Vec<Vec<Part>>, Vec<Vec<Part>>) = (Vec::new(), vec![Vec::new()]);
    let mut word = String::new();
    loop {
        let letter = letters.next();
        let is_word = letter.is_some_and(|c| !c.is_whitespace() && !"()[]{}|".contains(c));
        if let Some(c) = letter.filter(|_| is_word) {
            word.push(c);
            continue;
        }
        for (plain, _) in heard_words(&std::mem::take(&mut word)) {
            ways.iter_mut().for_each(|way| way.push(Part::Word(plain.clone())));
        }
        match letter {
            None if end.is_none() => break,
            None => return Err(format!("a `{}` is missing", end.unwrap_or(']'))),
            Some(c) if Some(c) == end => break,
            Some('(') => ways = joined(&ways, &sequence(letters, Some(')'))?)?,
            Some('[') => {
                let mut inner = sequence(letters, Some(']'))?;
                inner.push(Vec::new());
                ways = joined(&ways, &inner)?;
            }
            Some('{') => {
                let name: String = letters.by_ref().take_while(|c| *c != '}').collect();
                let name = name.trim();
                if name.is_empty() || name.contains(|c: char| c.is_whitespace() || "{([|])".contains(c)) {
                    return Err(format!("`{{{name}}}` is no slot"));
                }
                ways.iter_mut().for_each(|way| way.push(Part::Slot(name.to_string())));
            }
            Some('|') if end.is_some() => done.append(&mut std::mem::replace(&mut ways, vec![Vec::new()])),
            Some(c) if c.is_whitespace() => {}
            Some(c) => return Err(format!("a `{c}` stands there that closes or parts nothing")),
        }
    }
    done.append(&mut ways);
    Ok(done)
}

fn joined(before: &[Vec<Part>], after: &[Vec<Part>]) -> Result<Vec<Vec<Part>>, String> {
    if before.len() * after.len() > MAX_WAYS {
        return Err(format!("it can be said in more than {MAX_WAYS} ways"));
    }
    Ok(before.iter().flat_map(|b| after.iter().map(move |a| [b.as_slice(), a].concat())).collect())
}

/// One way laid beside what was heard, the cheapest way there is.
fn laid(way: &[Part], heard: &[(String, String)], params: &[Param]) -> (f64, Vec<(String, String)>) {
    // best[i][j]: the cost of the first i parts beside the first j words, and how many words the last part took.
    let mut best = vec![vec![(f64::INFINITY, 0_usize, false); heard.len() + 1]; way.len() + 1];
    best[0][0].0 = 0.0;
    for j in 1..=heard.len() {
        best[0][j] = (best[0][j - 1].0 + stray(&heard[j - 1].0), 0, true);
    }
    for i in 1..=way.len() {
        for j in 0..=heard.len() {
            let mut least = match &way[i - 1] {
                Part::Word(word) => {
                    let left_out = (best[i - 1][j].0 + stray(word), 0, false);
                    let taken = j.checked_sub(1).map(|before| {
                        (best[i - 1][before].0 + 2.0 * STRAY * (1.0 - sameness(word, &heard[before].0)), 1, false)
                    });
                    lower(left_out, taken)
                }
                Part::Slot(name) => (1..=j).fold((f64::INFINITY, 0, false), |least, taken| {
                    let said = &heard[j - taken..j];
                    lower(least, Some((best[i - 1][j - taken].0 + value(name, said, params).1, taken, false)))
                }),
            };
            if j > 0 {
                least = lower(least, Some((best[i][j - 1].0 + stray(&heard[j - 1].0), 0, true)));
            }
            best[i][j] = least;
        }
    }
    let cost = best[way.len()][heard.len()].0;
    if !cost.is_finite() {
        return (0.0, Vec::new());
    }
    let (mut arguments, mut i, mut j) = (Vec::new(), way.len(), heard.len());
    // Slots take anything: of the words that say something, one must have been heard.
    let says = |part: &Part| matches!(part, Part::Word(word) if stray(word) == STRAY);
    let mut told = !way.iter().any(says);
    while i > 0 || j > 0 {
        let (_, taken, skipped) = best[i][j];
        if skipped || i == 0 {
            j -= 1;
            continue;
        }
        if let Part::Slot(name) = &way[i - 1] {
            arguments.push((name.clone(), value(name, &heard[j - taken..j], params).0));
        }
        if let Part::Word(word) = &way[i - 1] {
            told |= taken == 1 && says(&way[i - 1]) && sameness(word, &heard[j - 1].0) > 0.0;
        }
        (i, j) = (i - 1, j - taken);
    }
    arguments.reverse();
    if !told {
        return (0.0, Vec::new());
    }
    let words = way.iter().filter(|part| matches!(part, Part::Word(_))).count();
    ((1.0 - cost / (words as f64).max(1.0)).max(0.0), arguments)
}

fn lower(a: (f64, usize, bool), b: Option<(f64, usize, bool)>) -> (f64, usize, bool) {
    match b {
        Some(b) if b.0 < a.0 => b,
        _ => a,
    }
}

fn stray(word: &str) -> f64 {
    const FILLERS: [&str; 16] =
        ["a", "an", "the", "um", "uh", "er", "hm", "please", "okay", "ok", "hey", "now", "just", "to", "my", "me"];
    if FILLERS.contains(&word) { FILLER } else { STRAY }
}

/// What a slot holds when these words stand in it, and what that costs.
fn value(name: &str, said: &[(String, String)], params: &[Param]) -> (String, f64) {
    let written = said.iter().map(|(_, word)| word.as_str()).collect::<Vec<_>>().join(" ");
    let plain = said.iter().map(|(word, _)| word.as_str()).collect::<Vec<_>>().join(" ");
    let param = params.iter().find(|param| param.name == name || param.var == name);
    // Of two ways the one with the shorter slot, all else being equal.
    let length = 0.01 * (said.len() as f64 - 1.0);
    let Some(param) = param else { return (written, length) };
    if !param.choices.is_empty() {
        let near = param.choices.iter().map(|choice| (sameness(&spoken(choice), &plain), choice));
        let near = near.max_by(|a, b| a.0.total_cmp(&b.0));
        return near.map_or((written, 1.0), |(same, choice)| (choice.clone(), length + 2.0 * STRAY * (1.0 - same)));
    }
    if matches!(param.ty, ParamType::Integer | ParamType::Number) {
        return match number(&plain) {
            Some(number) => (number, length),
            None => (written, 1.0),
        };
    }
    (written, length)
}

/// A choice as somebody would say it.
fn spoken(choice: &str) -> String {
    heard_words(&choice.replace(['-', '_'], " ")).into_iter().map(|(word, _)| word).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
