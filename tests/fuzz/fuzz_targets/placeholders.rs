//! Placeholders of every dialect: one pass, no panic, and a value never enters a snippet's script.
#![no_main]

use std::collections::BTreeMap;

use factotum::commands::model::Syntax;
use factotum::commands::template::{self, Values, snippet};
use libfuzzer_sys::fuzz_target;

const MARK: &str = "zqvalue{{x}}$(zq)";

fuzz_target!(|text: &str| {
    let lookup = |_: &str| Some(MARK.to_string());
    for syntax in [Syntax::Native, Syntax::Fabric, Syntax::Claude, Syntax::Copilot, Syntax::Aichat] {
        let _ = template::render(syntax, text, &Values::new(&lookup));
        for placeholder in template::placeholders(syntax, text) {
            assert!(text.get(placeholder.start..placeholder.end).is_some());
        }
    }
    let counts = BTreeMap::new();
    for (syntax, lang) in [(Syntax::Tldr, "sh"), (Syntax::Navi, "bash")] {
        let options = snippet::Options { lang, short_options: false, counts: &counts, bare_names: false };
        let _ = snippet::fill(syntax, text, &options);
    }
});
