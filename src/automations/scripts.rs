//! The scripts that jobs have begun, so that one whose process was killed does not go on beside its next try.
//!
//! What is written down is true only while those processes live, so it stands in small files of its own and not in the
//! store: one a job, a line a script.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::exec::{Began, Identity, end_session, leaders};
use crate::kernel::files;
use crate::kernel::ids::Id;
use crate::store::Lost;

/// How long one that is left may take to end by itself.
const GRACE: Duration = Duration::from_secs(5);

/// The scripts of jobs.
#[derive(Clone, Debug)]
pub struct Scripts {
    folder: PathBuf,
}

impl Scripts {
    /// Written down below the folder of what tells about the past.
    pub fn new(state: &Path) -> Scripts {
        Scripts { folder: state.join("scripts") }
    }

    /// Writes down each script that a job begins with this epoch.
    pub fn noting(&self, job: Id, epoch: u64) -> Began {
        let (folder, file) = (self.folder.clone(), self.file(job));
        Began(Arc::new(move |script: &Identity| {
            let line = format!("{epoch} {} {} {}\n", script.pid, script.start, script.boot);
            let noted = files::ensure_private_dir(&folder).map_err(|error| error.full_message()).and_then(|()| {
                let file = std::fs::OpenOptions::new().create(true).append(true).open(&file);
                file.and_then(|mut file| file.write_all(line.as_bytes())).map_err(|error| error.to_string())
            });
            if let Err(error) = noted {
                tracing::warn!(%job, error, "a script is not written down: if this is killed, it will go on");
            }
        }))
    }

    /// Ends the scripts that earlier tries of a job have left, those before `epoch`: of one that was
    /// `cut_off` also those that nobody wrote down. How many processes there were.
    pub fn end_left(&self, job: Id, epoch: u64, cut_off: bool) -> usize {
        let text = std::fs::read_to_string(self.file(job)).unwrap_or_default();
        let mark = OsString::from(format!("FAC_JOB_ID={job}"));
        // Whoever was killed in the moment between a script's beginning and its line left one without a line.
        let marked =
            cut_off.then(|| leaders(&mark, "FAC_JOB_TRY")).into_iter().flatten().map(|(leader, of)| (of, leader));
        let mut earlier: Vec<_> = text.lines().filter_map(read).chain(marked).filter(|(of, _)| *of < epoch).collect();
        earlier.dedup();
        let ended = earlier.into_iter().map(|(_, leader)| end_session(&leader, &mark, GRACE)).sum();
        if ended > 0 {
            tracing::info!(%job, ended, "what an earlier try had left was ended");
        }
        ended
    }

    /// Ends what the scripts of lost jobs have left, side by side.
    pub fn end_all_left(&self, lost: &[Lost]) {
        std::thread::scope(|scope| {
            for job in lost {
                let end = || {
                    self.end_left(job.id, job.epoch + 1, true);
                    self.over(job.id);
                };
                if std::thread::Builder::new().spawn_scoped(scope, end).is_err() {
                    end();
                }
            }
        });
    }

    /// No script of a job runs any more.
    pub fn over(&self, job: Id) {
        // Most jobs begin none.
        let _ = std::fs::remove_file(self.file(job));
    }

    fn file(&self, job: Id) -> PathBuf {
        self.folder.join(job.to_string())
    }
}

fn read(line: &str) -> Option<(u64, Identity)> {
    let mut words = line.split(' ');
    let mut number = || words.next()?.parse::<u64>().ok();
    let (epoch, pid, start) = (number()?, u32::try_from(number()?).ok()?, number()?);
    Some((epoch, Identity { pid, start, boot: words.next()?.to_string() }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::clock::Timestamp;
    use crate::kernel::ids::Ids;

    #[test]
    fn what_is_written_down_is_read_again_and_half_a_line_is_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let scripts = Scripts::new(dir.path());
        let job = Ids::seeded(1).next(Timestamp::from_micros(0));
        let script = Identity { pid: 7, start: 9, boot: "b".into() };
        scripts.noting(job, 3).tell(&script);
        scripts.noting(job, 4).tell(&script);
        let text = std::fs::read_to_string(scripts.file(job)).unwrap();
        let epochs: Vec<u64> = text.lines().filter_map(read).map(|(epoch, _)| epoch).collect();
        assert_eq!((epochs, read("3 7 9 b").map(|(_, identity)| identity)), (vec![3, 4], Some(script)));
        assert!(["", "3", "3 7 9", "3 x 9 b", "3 99999999999 9 b"].into_iter().all(|line| read(line).is_none()));
        assert_eq!(scripts.end_left(job, 9, false), 0, "it is of another boot");
        scripts.over(job);
        assert!(!scripts.file(job).exists());
    }
}
