//! Whether the files of an index are as they were written.
//!
//! Each file ends with its checksum. Reading a whole index for every search would take longer than the search, so a file
//! is read when its size or its time differs from when it was last found good; that is noted beside the index.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::UNIX_EPOCH;

/// The name of the note.
const NOTE: &str = "intact.json";

/// Size in bytes and time in nanoseconds of each file.
type Seen = BTreeMap<String, (u64, u128)>;

/// Whether every file of the index in `folder` is intact.
pub(super) fn intact(index: &tantivy::Index, folder: &Path) -> tantivy::Result<bool> {
    let good: Seen =
        std::fs::read(folder.join(NOTE)).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
    let mut now = Seen::new();
    for segment in index.searchable_segment_ids()? {
        let beginning = segment.uuid_string();
        for entry in std::fs::read_dir(folder)?.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if !name.starts_with(&beginning) {
                continue;
            }
            let Some(state) = state(&entry.path()) else { continue };
            let known = good.get(&name) == Some(&state);
            if !known && !index.directory().validate_checksum(Path::new(&name))? {
                return Ok(false);
            }
            now.insert(name, state);
        }
    }
    if now != good {
        // Without the note the files are only read once more.
        let _ = serde_json::to_vec(&now).map(|text| std::fs::write(folder.join(NOTE), text));
    }
    Ok(true)
}

/// `None` when it is gone meanwhile.
fn state(file: &Path) -> Option<(u64, u128)> {
    let meta = file.metadata().ok()?;
    let time = meta.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some((meta.len(), time.as_nanos()))
}
