//! The secret file: `{"version":1,"secrets":{"name":"value"}}` with mode 0600, always written whole.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use serde::Deserialize;

use crate::kernel::error::{Context, Error, Kind, Result};
use crate::kernel::files;
use crate::kernel::secret::Secret;

const VERSION: u32 = 1;
const MAX_FILE: u64 = 16 * 1024 * 1024;

#[derive(Deserialize)]
struct Content {
    version: u32,
    secrets: BTreeMap<String, String>,
}

/// Every secret of the file; none when there is no file. Fails with [`Kind::Refused`] when others may read it.
pub fn read(path: &Path) -> Result<BTreeMap<String, Secret>> {
    let meta = match fs::metadata(path) {
        Ok(meta) => meta,
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(BTreeMap::new()),
        Err(e) => return Err(Error::new(Kind::Failed, format!("cannot look at {}", path.display())).because(e)),
    };
    files::refuse_if_shared(path, &meta)?;
    let text = Secret::new(files::read_text(path, MAX_FILE)?.unwrap_or_default());
    let content: Content = serde_json::from_str(text.expose()).map_err(|e| {
        let place = format!("line {}, column {}", e.line(), e.column());
        Error::new(Kind::BadData, format!("the secret file {} is damaged at {place}", path.display()))
            .hint("restore it from a backup, or remove it and set the secrets again")
    })?;
    if content.version != VERSION {
        let said = format!("the secret file {} has version {}, not {VERSION}", path.display(), content.version);
        return Err(Error::new(Kind::BadData, said).hint("use the version of fac that wrote it"));
    }
    Ok(content.secrets.into_iter().map(|(name, value)| (name, Secret::new(value))).collect())
}

/// Changes the file while every other writer waits; it is written only when `edit` says that something changed.
pub fn change(path: &Path, edit: impl FnOnce(&mut BTreeMap<String, Secret>) -> bool) -> Result<()> {
    let _lock = files::lock_dir(path.parent().unwrap_or(Path::new(".")))?;
    let mut all = read(path)?;
    if !edit(&mut all) {
        return Ok(());
    }
    let plain: BTreeMap<&str, &str> = all.iter().map(|(name, secret)| (name.as_str(), secret.expose())).collect();
    let content = serde_json::json!({ "version": VERSION, "secrets": plain });
    let text =
        serde_json::to_string_pretty(&content).context(Kind::Failed, || "cannot write the secrets".to_string())?;
    let text = Secret::new(text + "\n");
    files::write_atomic(path, text.expose().as_bytes(), true)
}
