//! The corpora beside the project, for tests; they are read where they lie.

/// Every file of one dialect's corpus that ends in `.extension`, with its path; empty, with a printed word, where
/// the corpora are not there.
pub(crate) fn corpus_files(dialect: &str, extension: &str) -> Vec<(String, String)> {
    let shared =
        std::env::var("FAC_SHARED").unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../shared").into());
    let root = std::path::Path::new(&shared).join("corpora").join(dialect);
    let mut folders = vec![root.clone()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else {
            println!("skipped: {} is not there", root.display());
            return Vec::new();
        };
        for path in entries.map(|e| e.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == extension) {
                let text = std::fs::read_to_string(&path).unwrap();
                files.push((path.to_string_lossy().into_owned(), text));
            }
        }
    }
    files.sort();
    files
}
