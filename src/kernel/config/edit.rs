//! Changing the user's settings file: one value at a time, comments kept, in one step on disk.
//!
//! It knows the schema, so nothing is written that could not be read again. It does not know the other layers.

use std::path::Path;

use toml_edit::{DocumentMut, Item, Table, TableLike};

use super::families::Binding;
use super::key::KeyPath;

use super::read;
use super::schema;
use super::value::Value;
use crate::kernel::error::{Context, Error, Kind, Result};
use crate::kernel::files;

/// Sets `key` (also `profile.NAME.key`) to `value`, read as the setting's type asks.
///
/// Fails with [`Kind::Usage`] for an unknown key or a value that does not fit, with [`Kind::Refused`] for what looks
/// like a secret, and with [`Kind::BadData`] when the file is not TOML; the file is then as it was.
pub fn set(file: &Path, key: &str, value: &str) -> Result<()> {
    let full = KeyPath::parse(key)?;
    let path = full.in_profile().map_or_else(|| full.clone(), |(_, rest)| rest);
    let known = schema::find(&path).ok_or_else(|| no_such(&path))?;
    let value = Value::from_text(value, known.kind).map_err(|why| Error::new(Kind::Usage, format!("{path} {why}")))?;
    change(file, |doc| {
        if let [first, .., field] = path.parts()
            && first == "bindings"
        {
            for other in ["to", "prompt", "shell"].iter().filter(|other| *other != field) {
                remove(doc.as_table_mut(), &with_last(&full, other));
            }
        }
        put(doc.as_table_mut(), full.parts(), &value)
    })
}

/// Sets several settings at once: all of them or none.
///
/// # Errors
/// As for [`set`].
pub fn set_all(file: &Path, settings: &[(KeyPath, Value)]) -> Result<()> {
    for (path, value) in settings {
        let known = schema::find(path).ok_or_else(|| no_such(path))?;
        let text = value.to_string();
        Value::from_text(&text, known.kind).map_err(|why| Error::new(Kind::Usage, format!("{path} {why}")))?;
    }
    change(file, |doc| settings.iter().try_for_each(|(path, value)| put(doc.as_table_mut(), path.parts(), value)))
}

/// Takes a setting, right or wrong, out of the file. `false` when it was not there.
pub fn unset(file: &Path, key: &str) -> Result<bool> {
    let path = KeyPath::parse(key)?;
    let mut found = false;
    change(file, |doc| {
        found = remove(doc.as_table_mut(), path.parts());
        Ok(())
    })?;
    Ok(found)
}

/// Binds a command to what it stands for, in the place of an older binding; `None` takes the binding away.
pub fn bind(file: &Path, command: &str, binding: Option<&Binding>) -> Result<()> {
    let path = KeyPath::new(["bindings", command]);
    match binding {
        Some(binding) => {
            let (field, text) = binding.field();
            set_text(file, &path.child(field), text)
        }
        None => unset(file, &path.to_string()).map(|_| ()),
    }
}

fn set_text(file: &Path, path: &KeyPath, text: &str) -> Result<()> {
    set(file, &path.to_string(), text)
}

fn no_such(path: &KeyPath) -> Error {
    let (message, hint) = read::unknown(path);
    match schema::looks_secret(path) {
        true => Error::new(Kind::Refused, format!("{path} looks like a secret, and settings are no place for one"))
            .hint(format!("store it with: fac secret set {}", path.parts().join("_"))),
        false => Error::new(Kind::Usage, message).hint(hint),
    }
}

/// Reads, changes and writes the file while every other editor waits. An unchanged text is not written.
fn change(file: &Path, edit: impl FnOnce(&mut DocumentMut) -> Result<()>) -> Result<()> {
    let dir = file.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let _lock = files::lock_dir(dir)?;
    let before = files::read_text(file, super::MAX_FILE)?;
    let text = before.as_deref().unwrap_or_default();
    let mut doc: DocumentMut = text.parse().map_err(|error: toml_edit::TomlError| {
        let problems = super::check(text, file).into_iter().next();
        problems.map_or_else(|| Error::new(Kind::BadData, file.display().to_string()).because(error), Error::from)
    })?;
    edit(&mut doc)?;
    let after = doc.to_string();
    if before.as_deref() == Some(after.as_str()) || (before.is_none() && after.is_empty()) {
        return Ok(());
    }
    after.parse::<DocumentMut>().context(Kind::Failed, || format!("the change would break {}", file.display()))?;
    files::write_atomic(file, after.as_bytes(), false)
}

fn put(table: &mut dyn TableLike, parts: &[String], value: &Value) -> Result<()> {
    match parts {
        [] => Ok(()),
        [last] => {
            let mut new = value.to_toml();
            if let Some(old) = table.get(last).and_then(Item::as_value) {
                *new.decor_mut() = old.decor().clone();
            }
            match table.get_mut(last) {
                Some(item) => *item = Item::Value(new),
                None => drop(table.insert(last, Item::Value(new))),
            }
            Ok(())
        }
        [first, rest @ ..] => {
            if table.get(first).is_none_or(Item::is_none) {
                let mut made = Table::new();
                made.set_implicit(rest.len() > 1);
                table.insert(first, Item::Table(made));
            }
            let inner = table.get_mut(first).and_then(Item::as_table_like_mut);
            let inner =
                inner.ok_or_else(|| Error::new(Kind::BadData, format!("{first} is not a table in the file")))?;
            put(inner, rest, value)
        }
    }
}

/// Removes a value; comments that stood above it move to what follows it.
fn remove(table: &mut Table, parts: &[String]) -> bool {
    let mut place: &mut dyn TableLike = table;
    let Some((last, above)) = parts.split_last() else { return false };
    for part in above {
        match place.get_mut(part).and_then(Item::as_table_like_mut) {
            Some(inner) => place = inner,
            None => return false,
        }
    }
    let comment = place.key(last).and_then(|key| key.leaf_decor().prefix()).and_then(|raw| raw.as_str());
    let comment = comment.filter(|text| text.contains('#')).map(str::to_string);
    let next = place.iter().skip_while(|(name, _)| name != last).nth(1).map(|(name, _)| name.to_string());
    let found = place.remove(last).is_some();
    if let (true, Some(comment), Some(next)) = (found, comment, next) {
        prepend_comment(place, &next, &comment);
    }
    found
}

fn prepend_comment(place: &mut dyn TableLike, next: &str, comment: &str) {
    if let Some(table) = place.get_mut(next).and_then(Item::as_table_mut) {
        let old = table.decor().prefix().and_then(|raw| raw.as_str()).unwrap_or_default().to_string();
        table.decor_mut().set_prefix(format!("{comment}{old}"));
    } else if let Some(mut key) = place.key_mut(next) {
        let old = key.leaf_decor().prefix().and_then(|raw| raw.as_str()).unwrap_or_default().to_string();
        key.leaf_decor_mut().set_prefix(format!("{comment}{old}"));
    }
}

fn with_last(path: &KeyPath, last: &str) -> Vec<String> {
    let mut parts = path.parts().to_vec();
    if let Some(end) = parts.last_mut() {
        *end = last.to_string();
    }
    parts
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use proptest::prelude::*;

    use super::*;

    /// The file after `edit`, given its text before (`None`: no file).
    fn after(before: Option<&str>, edit: impl FnOnce(&Path) -> Result<()>) -> Result<String> {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("c/config.toml");
        if let Some(text) = before {
            fs::create_dir(root.path().join("c")).unwrap();
            fs::write(&file, text).unwrap();
        }
        edit(&file).map(|()| fs::read_to_string(&file).unwrap_or_default())
    }

    fn set_in(before: &str, key: &str, value: &str) -> String {
        let text = after(Some(before), |file| set(file, key, value)).unwrap();
        assert_eq!(super::super::check(&text, Path::new("c")), []);
        text
    }

    #[test]
    fn the_first_setting_makes_a_private_file() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("c/config.toml");
        set(&file, "run.timeout", "10m").unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "[run]\ntimeout = \"10m\"\n");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(root.path().join("c")).unwrap().count(), 1);
    }

    #[test]
    fn comments_stay() {
        let before = "# head\ncolor = \"auto\" # why\n\n# about runs\n[run]\n# long\ntimeout = 5 # s\n";
        assert_eq!(
            set_in(before, "color", "never"),
            "# head\ncolor = \"never\" # why\n\n# about runs\n[run]\n# long\ntimeout = 5 # s\n"
        );
        assert_eq!(
            set_in(before, "run.keep_runs", "7"),
            "# head\ncolor = \"auto\" # why\n\n# about runs\n[run]\n# long\ntimeout = 5 # s\nkeep_runs = 7\n"
        );
    }

    #[test]
    fn values_are_written_by_type_wherever_they_stand() {
        assert_eq!(set_in("", "run.confirm_snippets", "no"), "[run]\nconfirm_snippets = false\n");
        assert_eq!(set_in("", "interpreters.ruby.args", "-w -x"), "[interpreters.ruby]\nargs = [\"-w\", \"-x\"]\n");
        assert_eq!(set_in("run = { timeout = 5 }\n", "run.timeout", "1m"), "run = { timeout = \"1m\" }\n");
        assert_eq!(set_in("run.timeout = 5\n", "run.timeout", "1m"), "run.timeout = \"1m\"\n");
        assert_eq!(set_in("", "profile.work.color", "never"), "[profile.work]\ncolor = \"never\"\n");
    }

    #[test]
    fn a_new_top_level_value_stands_before_the_tables() {
        assert_eq!(set_in("[run]\ntimeout = 5\n", "color", "never"), "color = \"never\"\n[run]\ntimeout = 5\n");
    }

    #[test]
    fn what_cannot_be_read_again_is_not_written() {
        let kind = |key: &str, value: &str| after(Some("x"), |file| set(file, key, value)).unwrap_err().kind();
        assert_eq!(kind("colour", "never"), Kind::Usage);
        assert_eq!(kind("color", "red"), Kind::Usage);
        assert_eq!(kind("run", "red"), Kind::Usage);
        assert_eq!(kind("color", "never"), Kind::BadData);
        let error = after(None, |file| set(file, "github.token", "canary")).unwrap_err();
        assert_eq!(
            (error.kind(), error.way_forward()),
            (Kind::Refused, Some("store it with: fac secret set github_token"))
        );
        assert!(!error.to_string().contains("canary"));
    }

    #[test]
    fn unset_takes_one_value_and_no_comment_above_it() {
        let unset_in = |before: &str, key: &str| {
            let mut found = false;
            let text = after(Some(before), |file| {
                found = unset(file, key)?;
                Ok(())
            });
            (text.unwrap(), found)
        };
        assert_eq!(unset_in("# head\ncolour = 1\npager = \"x\"\n", "colour"), ("# head\npager = \"x\"\n".into(), true));
        assert_eq!(unset_in("# head\ncolor = 1\n\n[run]\n", "color"), ("# head\n\n[run]\n".into(), true));
        assert_eq!(unset_in("color = \"auto\"\n", "pager"), ("color = \"auto\"\n".into(), false));
        assert_eq!(unset_in("[run]\ntimeout = 1\n", "run.keep_runs.x"), ("[run]\ntimeout = 1\n".into(), false));
    }

    #[test]
    fn a_binding_replaces_the_one_before() {
        let old = "[bindings.\"a b\"]\nto = \"x\"\n";
        let shell = Binding::Shell("echo 'hi'".into());
        let text = after(Some(old), |file| bind(file, "a b", Some(&shell))).unwrap();
        assert_eq!(text, "[bindings.\"a b\"]\nshell = \"echo 'hi'\"\n");
        assert_eq!(after(Some(old), |file| bind(file, "a b", None)).unwrap(), "");
        assert_eq!(set_in(old, "bindings.'a b'.prompt", "p"), "[bindings.\"a b\"]\nprompt = \"p\"\n");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn what_was_set_is_read_back_whatever_it_is(name in any::<String>(), value in any::<String>()) {
            let path = KeyPath::new(["aliases", &name]);
            let before = "# head\ncolor = \"never\" # why\n[aliases] # mine\n";
            let text = after(Some(before), |file| set(file, &path.to_string(), &value)).unwrap();
            prop_assert!(text.starts_with(before));
            let doc = read::read(&text, Path::new("c"));
            prop_assert_eq!(&doc.problems, &[]);
            prop_assert_eq!(&doc.settings[1].path, &path);
            prop_assert_eq!(&doc.settings[1].value, &Value::Text(value));
        }
    }

    #[test]
    fn editors_at_the_same_time_lose_nothing() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("config.toml");
        std::thread::scope(|scope| {
            for n in 0..8 {
                let file = &file;
                scope.spawn(move || set(file, &format!("aliases.a{n}"), "x").unwrap());
            }
        });
        let doc = read::read(&fs::read_to_string(&file).unwrap(), &file);
        assert_eq!((doc.settings.len(), doc.problems.len()), (8, 0));
    }
}
