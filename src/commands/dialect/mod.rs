//! One adapter for each dialect, and the rules by which a file is given to one.
//!
//! Adapters are plain functions from text to commands: no disk, no network, no trust. They never fail a
//! whole file; what they could not understand comes back as diagnostics with line and column.

pub mod aichat;
pub mod claude;
pub mod copilot;
pub mod detect;
pub mod fabric;
pub mod front_matter;
pub mod jaegis;
pub mod mask;
pub mod native;
pub mod navi;
mod prose;
pub mod runme;
pub mod skill;
pub mod tldr;
pub mod xc;

use super::model::{Command, Diagnostic, Dialect};

/// One file of a source, decoded.
#[derive(Clone, Copy, Debug)]
pub struct SourceFile<'a> {
    /// Path inside the source, `/` between parts; other characters are data.
    pub path: &'a str,
    /// The text, without a byte order mark; line endings as they are.
    pub text: &'a str,
}

/// What an adapter understood.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parsed {
    /// The definitions, in file order.
    pub commands: Vec<Command>,
    /// What concerns the file rather than one command.
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads `file` as `dialect`.
pub fn read(dialect: Dialect, file: &SourceFile<'_>) -> Parsed {
    match dialect {
        Dialect::Native => native::read(file),
        Dialect::Mask => mask::read(file),
        Dialect::Xc => xc::read(file),
        Dialect::Runme => runme::read(file),
        Dialect::Tldr => tldr::read(file),
        Dialect::Navi => navi::read(file),
        Dialect::Fabric => fabric::read(file),
        Dialect::Claude => claude::read(file),
        Dialect::Skill => skill::read(file),
        Dialect::Copilot => copilot::read(file),
        Dialect::Aichat => aichat::read(file),
        Dialect::Jaegis => jaegis::read(file),
    }
}

/// A name made of a sentence: lower case, words joined by `-`, letters of any script kept.
///
/// `"[c]reate an archive, and write it"` becomes `create-an-archive-and-write-it`. Empty where no letter or
/// digit is left. At most 60 characters, cut at a word.
pub fn slug(sentence: &str) -> String {
    let mut out = String::new();
    let (mut gap, mut count) = (false, 0);
    for c in sentence.chars().filter(|c| !matches!(c, '[' | ']' | '\'' | '’' | '`')) {
        if !c.is_alphanumeric() {
            gap = true;
            continue;
        }
        if gap && !out.is_empty() {
            if count >= 48 {
                break;
            }
            out.push('-');
            count += 1;
        }
        gap = false;
        if count >= 60 {
            break;
        }
        out.extend(c.to_lowercase());
        count += 1;
    }
    out
}

/// Gives each name that was used before a number: `x`, `x-2`, `x-3`.
#[derive(Debug, Default)]
pub struct Unique {
    given: std::collections::HashSet<String>,
    /// The last number of each name that was used more than once: the next one is looked for behind it.
    last: std::collections::HashMap<String, u64>,
}

impl Unique {
    /// `name`, or `name-2` and so on when it was given out already.
    pub fn name(&mut self, name: &str) -> String {
        if self.given.insert(name.to_string()) {
            return name.to_string();
        }
        let number = self.last.entry(name.to_string()).or_insert(1);
        loop {
            *number += 1;
            let candidate = format!("{name}-{number}");
            if self.given.insert(candidate.clone()) {
                return candidate;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_are_readable_in_any_script() {
        assert_eq!(slug("[c]reate an archive, and write it:"), "create-an-archive-and-write-it");
        assert_eq!(slug("列出 所有 文件"), "列出-所有-文件");
        assert_eq!(slug("***"), "");
    }

    #[test]
    fn repeated_names_are_numbered() {
        let mut unique = Unique::default();
        let names: Vec<String> = ["a", "a", "a", "b", "a-2"].iter().map(|n| unique.name(n)).collect();
        assert_eq!(names.len(), names.iter().collect::<std::collections::HashSet<_>>().len());
        assert_eq!(names, ["a", "a-2", "a-3", "b", "a-2-2"]);
    }

    /// 20,000 equal names in a sheet: the numbers are not counted through again for each of them.
    #[test]
    fn many_equal_names_cost_no_more_than_many_different_ones() {
        let mut unique = Unique::default();
        let names: Vec<String> = (0..20_000).map(|_| unique.name("same")).collect();
        assert_eq!((names[0].as_str(), names[19_999].as_str()), ("same", "same-20000"));
        assert_eq!(unique.given.len(), 20_000);
        let sheet = format!("% kit\n\n{}", "# Do it\nrun it\n\n".repeat(20_000));
        let last = navi::read(&SourceFile { path: "kit.cheat", text: &sheet }).commands.pop().unwrap();
        assert!(last.name.ends_with("do-it-20000"), "{}", last.name);
    }
}
