//! A door between processes of one user: a socket in the runtime folder, a question in, an answer out.
//!
//! Whoever opens a door holds its name until it ends, however it ends; a question is one line of JSON, so is its answer.
//! It knows nothing of what is asked. The folder is closed to other users and the socket to all but its owner.

use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use serde_json::Value;

use super::error::{Context, Error, Kind, Result};

/// The longest question or answer, bytes.
const MAX_LINE: u64 = 1 << 20;
/// How long somebody at the door may take to say what they want.
const PATIENCE: Duration = Duration::from_secs(5);
/// A socket's whole path must fit into this, bytes (`sun_path` of unix(7), with its final NUL and some room).
const MAX_PATH: usize = 100;

/// An open door. Dropping it closes it and frees its name.
pub struct Door {
    path: PathBuf,
    closing: Arc<AtomicBool>,
    porter: Option<JoinHandle<()>>,
    _held: File,
}

impl Door {
    /// Opens the door `name` in a folder that is closed to others; `None` when another process holds that name.
    /// `answer` is called on a thread of its own, for one question at a time.
    ///
    /// # Errors
    /// When the folder cannot be written to.
    pub fn open(
        folder: &Path,
        name: &str,
        mut answer: impl FnMut(Value) -> Value + Send + 'static,
    ) -> Result<Option<Door>> {
        let failed = || format!("cannot open the door {name} in {}", folder.display());
        let held = File::create(folder.join(format!("{name}.lock"))).context(Kind::Failed, failed)?;
        match flock(&held, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => return Ok(None),
            Err(error) => return Err(Error::new(Kind::Failed, failed()).because(error)),
        }
        let path = folder.join(format!("{name}.sock"));
        // What a killed process left; the name is ours now.
        let _ = std::fs::remove_file(&path);
        let listener = reached(&path, UnixListener::bind).context(Kind::Failed, failed)?;
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).context(Kind::Failed, failed)?;
        let closing = Arc::new(AtomicBool::new(false));
        let closed = closing.clone();
        let porter = std::thread::Builder::new().name(format!("door {name}")).spawn(move || {
            for stream in listener.incoming() {
                if closed.load(Ordering::SeqCst) {
                    return;
                }
                // Whoever goes away before they are answered needs no answer.
                let _ = stream.and_then(|stream| attend(&stream, &mut answer));
            }
        });
        let porter = porter.context(Kind::Failed, failed)?;
        Ok(Some(Door { path, closing, porter: Some(porter), _held: held }))
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.closing.store(true, Ordering::SeqCst);
        // The porter wakes when somebody comes.
        let woken = reached(&self.path, UnixStream::connect).is_ok();
        let _ = std::fs::remove_file(&self.path);
        if let Some(porter) = self.porter.take().filter(|_| woken) {
            let _ = porter.join();
        }
    }
}

fn attend(stream: &UnixStream, answer: &mut impl FnMut(Value) -> Value) -> std::io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let question = read_line(stream)?;
    write_line(stream, &answer(question))
}

/// Asks at the door `name`; `None` when nobody opens.
///
/// # Errors
/// When whoever opened said nothing within `limit`, or nothing that is an answer.
pub fn knock(folder: &Path, name: &str, question: &Value, limit: Duration) -> Result<Option<Value>> {
    let path = folder.join(format!("{name}.sock"));
    let stream = match reached(&path, UnixStream::connect) {
        Ok(stream) => stream,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => return Ok(None),
        Err(error) => {
            return Err(Error::new(Kind::Unreachable, format!("cannot reach {}", path.display())).because(error));
        }
    };
    let asked = stream.set_read_timeout(Some(limit)).and_then(|()| stream.set_write_timeout(Some(limit)));
    let said = asked.and_then(|()| write_line(&stream, question)).and_then(|()| read_line(&stream));
    said.map(Some).context(Kind::Unreachable, || format!("the program behind {} does not answer", path.display()))
}

/// The names of doors that begin with `prefix`, the newest first. Those behind which nobody is left are among them.
pub fn doors(folder: &Path, prefix: &str) -> Vec<String> {
    let mut found: Vec<(std::time::SystemTime, String)> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?.strip_suffix(".sock")?.to_string();
            Some((entry.metadata().ok()?.modified().ok()?, name)).filter(|(_, name)| name.starts_with(prefix))
        })
        .collect();
    found.sort_by(|a, b| b.cmp(a));
    found.into_iter().map(|(_, name)| name).collect()
}

fn write_line(mut stream: &UnixStream, value: &Value) -> std::io::Result<()> {
    stream.write_all(format!("{value}\n").as_bytes())
}

fn read_line(stream: &UnixStream) -> std::io::Result<Value> {
    let mut line = String::new();
    BufReader::new(stream.take(MAX_LINE)).read_line(&mut line)?;
    serde_json::from_str(&line).map_err(|error| std::io::Error::new(ErrorKind::InvalidData, error))
}

/// Binds or connects, through the folder's descriptor where the path is too long for a socket's address.
fn reached<T>(path: &Path, how: impl Fn(PathBuf) -> std::io::Result<T>) -> std::io::Result<T> {
    match (path.parent(), path.file_name()) {
        (Some(folder), Some(name)) if path.as_os_str().len() > MAX_PATH && cfg!(target_os = "linux") => {
            let folder = File::open(folder)?;
            how(Path::new(&format!("/proc/self/fd/{}", folder.as_raw_fd())).join(name))
        }
        _ => how(path.to_path_buf()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn a_question_is_answered_while_the_door_is_open() {
        let folder = tempfile::tempdir().unwrap();
        let mut count = 0;
        let answer = move |question: Value| {
            count += 1;
            json!({"asked": question, "count": count})
        };
        assert_eq!(knock(folder.path(), "listen", &json!("stop"), LONG).unwrap(), None);
        let door = Door::open(folder.path(), "listen", answer).unwrap().unwrap();
        for count in 1..=3 {
            let said = knock(folder.path(), "listen", &json!("stop"), LONG).unwrap();
            assert_eq!(said, Some(json!({"asked": "stop", "count": count})));
        }
        assert_eq!(doors(folder.path(), "lis"), ["listen"]);
        let mode = std::fs::metadata(folder.path().join("listen.sock")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(Door::open(folder.path(), "listen", |v| v).unwrap().is_none(), "the name is held");
        drop(door);
        assert_eq!(knock(folder.path(), "listen", &json!("stop"), LONG).unwrap(), None);
        assert!(Door::open(folder.path(), "listen", |v| v).unwrap().is_some());
    }

    #[test]
    fn what_a_killed_process_left_is_no_door() {
        let folder = tempfile::tempdir().unwrap();
        // Dropping the listener leaves the file, as a kill does.
        drop(UnixListener::bind(folder.path().join("chat-1.sock")).unwrap());
        assert_eq!(knock(folder.path(), "chat-1", &json!(1), LONG).unwrap(), None);
        let _door = Door::open(folder.path(), "chat-1", |v| v).unwrap().unwrap();
        assert_eq!(knock(folder.path(), "chat-1", &json!(1), LONG).unwrap(), Some(json!(1)));
    }

    #[test]
    fn rubbish_at_the_door_harms_nobody_and_paths_may_be_long() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("d".repeat(150));
        std::fs::create_dir(&deep).unwrap();
        let _door = Door::open(&deep, "x", |v| v).unwrap().unwrap();
        let rude = reached(&deep.join("x.sock"), UnixStream::connect).unwrap();
        (&rude).write_all(b"\xff\xfe not json\n").unwrap();
        drop(rude);
        assert_eq!(knock(&deep, "x", &json!("here"), LONG).unwrap(), Some(json!("here")));
    }
}
