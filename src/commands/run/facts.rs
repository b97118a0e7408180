//! Facts that prompts of other dialects ask for by name: the system, the shell, the time, the folder.

use super::{Engine, fired};

/// The value of `__os__`, `workspaceFolder` and their like; `None` for a name that is no fact.
pub(super) fn of(engine: &Engine<'_>, name: &str) -> Option<String> {
    if let Some(value) = engine.fired.as_ref().and_then(|fired| fired::of(fired, name)) {
        return Some(value);
    }
    let env = |name: &str| engine.world.env.text(name).map(String::from);
    Some(match name {
        "__os__" => std::env::consts::OS.to_string(),
        "__os_family__" => std::env::consts::FAMILY.to_string(),
        "__os_distro__" => distribution().unwrap_or_else(|| std::env::consts::OS.to_string()),
        "__arch__" => std::env::consts::ARCH.to_string(),
        "__shell__" => env("SHELL").and_then(|s| s.rsplit('/').next().map(String::from)).unwrap_or_else(|| "sh".into()),
        "__locale__" => env("LC_ALL").or_else(|| env("LANG")).unwrap_or_else(|| "C".into()),
        "__now__" => engine.world.clock.now().to_string(),
        "__cwd__" | "workspaceFolder" => engine.world.cwd.display().to_string(),
        "workspaceFolderBasename" => engine.world.cwd.file_name()?.to_string_lossy().into_owned(),
        _ => return None,
    })
}

/// `ID` and `VERSION_ID` of os-release(5): `debian (12)`.
fn distribution() -> Option<String> {
    let text = std::fs::read_to_string("/etc/os-release").ok()?;
    let field = |key: &str| {
        let line = text.lines().find_map(|l| l.strip_prefix(key)?.strip_prefix('='));
        line.map(|v| v.trim_matches('"').to_string())
    };
    let id = field("ID")?;
    Some(field("VERSION_ID").map_or_else(|| id.clone(), |version| format!("{id} ({version})")))
}
