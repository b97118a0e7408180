//! What the tests share.
//! What tests share.

pub mod github;
pub mod homeassistant;
pub mod http;
pub mod model;
pub mod mosquitto;
pub mod pty;
pub mod serving;
pub mod sound;
pub mod world;

/// The folder of real collections, or a printed word where it is not.
pub fn corpora() -> Option<std::path::PathBuf> {
    let shared = std::env::var_os("FAC_SHARED").map(std::path::PathBuf::from);
    let beside = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let folder = shared.unwrap_or(beside).join("corpora");
    if !folder.is_dir() {
        println!("skipped: there is no {}", folder.display());
        return None;
    }
    Some(folder)
}

/// The lines that come from a program, as they come.
pub fn lines_of(from: impl std::io::Read + Send + 'static) -> std::sync::mpsc::Receiver<String> {
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for line in std::io::BufRead::lines(std::io::BufReader::new(from)).map_while(Result::ok) {
            if tell.send(line).is_err() {
                return;
            }
        }
    });
    told
}
