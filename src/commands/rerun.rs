//! What a past run was given, so that it can be given the same again.

use crate::store::RunRow;

/// What stands in a record in the place of a secret.
const HIDDEN: &str = "***";

/// The words of a run that is to be repeated.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Again {
    /// `source:name`.
    pub command: String,
    /// Values by variable; a list comes as several of one name.
    pub values: Vec<(String, String)>,
    /// Words of the rest parameter.
    pub rest: Vec<String>,
    /// What was secret and is not kept: variables, `None` for the words of the rest.
    pub hidden: Vec<Option<String>>,
}

impl Again {
    /// What `row` was given.
    pub fn of(row: &RunRow) -> Again {
        let mut again = Again { command: format!("{}:{}", row.source, row.command), ..Again::default() };
        let rest = row.args.get("rest").and_then(|r| r.as_array()).into_iter().flatten();
        again.rest = rest.filter_map(|w| w.as_str()).map(String::from).collect();
        if again.rest.first().is_some_and(|w| w == HIDDEN) {
            again.rest.clear();
            again.hidden.push(None);
        }
        for (name, value) in row.args.get("values").and_then(|v| v.as_object()).into_iter().flatten() {
            let text = value.as_str().unwrap_or("");
            if text == HIDDEN {
                again.hidden.push(Some(name.clone()));
                continue;
            }
            match row.args.pointer(&format!("/lists/{name}")).and_then(|l| l.as_array()) {
                Some(list) => {
                    let words = list.iter().filter_map(|w| w.as_str());
                    again.values.extend(words.map(|w| (name.clone(), w.to_string())));
                }
                None => again.values.push((name.clone(), text.to_string())),
            }
        }
        again
    }
}
