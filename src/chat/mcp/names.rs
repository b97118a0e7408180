//! Names: of servers, as a person gives them, and of tools, as providers take them.

use std::collections::HashSet;

use sha2::{Digest, Sha256};

use crate::kernel::error::{Error, Kind, Result};

/// The longest name that every provider takes.
const MAX: usize = 64;
/// The longest name of a server, so that a tool's name has room behind it.
const MAX_SERVER: usize = 32;

/// Whether a server may be called that.
///
/// # Errors
/// `Usage` for anything but letters, digits, `-` and single `_`.
pub fn check_name(name: &str) -> Result<()> {
    let fine = !name.is_empty()
        && name.len() <= MAX_SERVER
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
        && !name.contains("__")
        && !name.ends_with('_');
    match fine {
        true => Ok(()),
        false => Err(Error::new(Kind::Usage, format!("an MCP server cannot be called {name:?}"))
            .hint(format!("use letters, digits, - and _, at most {MAX_SERVER} of them"))),
    }
}

/// `server__tool` with only letters, digits, `_` and `-`, at most 64 of them, and none of `taken`. A name that had to
/// be shortened or was taken ends in a piece of the hash of the whole, so that it does not depend on the other tools' order.
pub fn tool_name(server: &str, tool: &str, taken: &mut HashSet<String>) -> String {
    let clean = |text: &str| {
        let chars = text.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' });
        chars.collect::<String>()
    };
    let plain = format!("{}__{}", clean(server), clean(tool));
    if plain.len() <= MAX && taken.insert(plain.clone()) {
        return plain;
    }
    let mut hash = Sha256::digest([server, "\0", tool].concat());
    loop {
        let tail: String = hash.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        let head: String = plain.chars().take(MAX - 1 - tail.len()).collect();
        let name = format!("{head}_{tail}");
        if taken.insert(name.clone()) {
            return name;
        }
        hash = Sha256::digest(hash);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_cleaned_shortened_and_kept_apart() {
        let mut taken = HashSet::new();
        assert_eq!(tool_name("files", "read", &mut taken), "files__read");
        assert_eq!(tool_name("files", "a.b/ä", &mut taken), "files__a_b__");
        let other = tool_name("files", "a_b/ä", &mut taken);
        assert!(other.starts_with("files__a_b___") && other.len() == 21, "{other}");
        let long = tool_name("s", &"x".repeat(100), &mut taken);
        assert_eq!((long.len(), &long[..5]), (64, "s__xx"));
    }

    #[test]
    fn servers_have_plain_names() {
        for fine in ["files", "a", "git-hub_2", "0"] {
            assert!(check_name(fine).is_ok(), "{fine}");
        }
        for wrong in ["", "a__b", "a.b", "a b", "-a", "a_", "ä", &"x".repeat(33)] {
            assert_eq!(check_name(wrong).unwrap_err().kind(), Kind::Usage, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn every_name_is_one_that_providers_take(tools in proptest::collection::vec("\\PC{0,80}|[a.]{1,3}", 1..20)) {
            let mut taken = HashSet::new();
            let names: Vec<String> = tools.iter().map(|tool| tool_name("srv", tool, &mut taken)).collect();
            for name in &names {
                prop_assert!(name.len() <= 64 && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-'));
            }
            prop_assert_eq!(taken.len(), names.len());
        }
    }
}
