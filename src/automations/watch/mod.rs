//! The source of `file` triggers: files that are created, changed or removed.
//!
//! A folder is watched, never a file: an editor that saves by renaming leaves a watched file dead. A file counts when
//! whoever wrote it has closed it and nothing more came for a while, and only when it holds something else than before.
//! What the system could not tell in time is found by looking at all files again. Changes while nobody watched, and files
//! that somebody holds open for ever (logs), fire nothing.

mod content;
mod group;
mod pending;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use serde_json::json;

use self::group::{Group, Settled};
use self::pending::Told;
use super::happening::{Happening, Trigger};
use super::trigger::{self, Here, Wanted};
use crate::commands::model;
use crate::kernel::clock::Clock;
use crate::kernel::error::{Context as _, Kind, Result};

/// What the system tells and is not taken up yet; more is lost, and found by looking.
const QUEUE: usize = 16_384;

/// How long a watcher that has nothing to do sleeps at most.
const IDLE: Duration = Duration::from_secs(3600);

/// How soon what cannot be watched is tried again.
const AGAIN: Duration = Duration::from_secs(5);

/// How often it is begun anew at once, where folders came or went meanwhile.
const TRIES: usize = 8;

/// How long whoever listens is given to take what is told before it is tried again.
const BEHIND: Duration = Duration::from_millis(5);

/// Watches files, on a thread of its own.
pub struct Watcher {
    home: Option<PathBuf>,
    ignored: Vec<PathBuf>,
    clock: Clock,
    state: Arc<Mutex<String>>,
    /// Folders that cannot be watched, and why.
    trouble: Arc<Mutex<Vec<(String, String)>>>,
    over: Arc<AtomicBool>,
    watch: Watch,
    thread: Option<(SyncSender<Message>, JoinHandle<()>)>,
}

/// Has the system watch a folder.
type Watch = fn(&mut RecommendedWatcher, &Path, RecursiveMode) -> notify::Result<()>;

enum Message {
    Told(notify::Result<notify::Event>),
    Wanted(Vec<trigger::File>, SyncSender<Happening>),
    Stop,
}

impl Watcher {
    /// A watcher that watches nothing yet. `home` stands for `~`; what changes below `ignored` is this program's own
    /// doing.
    pub fn new(home: Option<PathBuf>, ignored: Vec<PathBuf>, clock: Clock) -> Watcher {
        let state = Arc::new(Mutex::new("watching nothing".to_string()));
        let watch: Watch = |system, path, mode| system.watch(path, mode);
        Watcher { home, ignored, clock, state, trouble: Arc::default(), over: Arc::default(), watch, thread: None }
    }

    fn begin(&self) -> Result<(SyncSender<Message>, JoinHandle<()>)> {
        let (tell, told) = sync_channel(QUEUE);
        let lost = Arc::new(AtomicBool::new(false));
        let mut work = Work {
            tell: tell.clone(),
            lost,
            over: self.over.clone(),
            ignored: self.ignored.clone(),
            clock: self.clock.clone(),
            state: self.state.clone(),
            trouble: self.trouble.clone(),
            groups: Vec::new(),
            heard: None,
            places: BTreeMap::new(),
            system: None,
            tried: Instant::now(),
            watch: self.watch,
        };
        let thread = std::thread::Builder::new().name("files".into()).spawn(move || work.go(&told));
        let thread = thread.context(Kind::Failed, || "cannot start the thread that watches files".to_string())?;
        Ok((tell, thread))
    }
}

impl Trigger for Watcher {
    fn kind(&self) -> &'static str {
        "file"
    }

    fn listen(&mut self, wanted: &[model::Trigger], heard: &SyncSender<Happening>) -> Result<()> {
        let here = Here { home: self.home.clone(), ..Here::default() };
        let files = wanted.iter().filter_map(|trigger| match trigger::parse(trigger).ok()?.0.settle(&here) {
            Wanted::File(file) if file.path.starts_with('/') => Some(file),
            _ => None,
        });
        let files: Vec<trigger::File> = files.collect();
        if files.is_empty() && self.thread.is_none() {
            return Ok(());
        }
        if self.thread.is_none() {
            self.over = Arc::default();
            self.thread = Some(self.begin()?);
        }
        if let Some((tell, _)) = &self.thread {
            let _ = tell.send(Message::Wanted(files, heard.clone()));
        }
        Ok(())
    }

    fn trouble(&self) -> Vec<(String, String)> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn made_of(&self) -> Option<String> {
        Some(format!("{:?} {:?}", self.home, self.ignored))
    }

    fn state(&self) -> String {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn stop(&mut self) {
        if let Some((tell, thread)) = self.thread.take() {
            self.over.store(true, Ordering::SeqCst);
            // Where there is no room for it, there is something to wake up for.
            let _ = tell.try_send(Message::Stop);
            drop(tell);
            // One that panicked watches nothing either.
            let _ = thread.join();
        }
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Why a folder cannot be watched.
fn why(error: &notify::Error) -> String {
    match &error.kind {
        notify::ErrorKind::MaxFilesWatch => "the system watches as many as it may (fs.inotify.max_user_watches)".into(),
        notify::ErrorKind::Io(error) => error.to_string(),
        _ => error.to_string(),
    }
}

/// What the thread keeps.
struct Work {
    tell: SyncSender<Message>,
    /// Whether something that the system told was lost.
    lost: Arc<AtomicBool>,
    /// Whether everything ends.
    over: Arc<AtomicBool>,
    ignored: Vec<PathBuf>,
    clock: Clock,
    state: Arc<Mutex<String>>,
    trouble: Arc<Mutex<Vec<(String, String)>>>,
    groups: Vec<Group>,
    heard: Option<SyncSender<Happening>>,
    /// The folders that are watched, and whether with all below them.
    places: BTreeMap<PathBuf, bool>,
    system: Option<RecommendedWatcher>,
    /// When it was last tried to watch them.
    tried: Instant,
    watch: Watch,
}

impl Work {
    fn go(&mut self, told: &Receiver<Message>) {
        loop {
            let next = self.groups.iter().filter_map(Group::next).min();
            let idle = if self.is_troubled() { AGAIN.saturating_sub(self.tried.elapsed()) } else { IDLE };
            let wait = next.map_or(idle, |at| at.saturating_duration_since(Instant::now()).min(idle));
            let message = told.recv_timeout(wait);
            if self.over.load(Ordering::SeqCst) {
                return;
            }
            match message {
                Ok(Message::Stop) | Err(RecvTimeoutError::Disconnected) => return,
                Ok(Message::Wanted(wanted, heard)) => {
                    self.groups = group::regroup(std::mem::take(&mut self.groups), wanted);
                    self.heard = Some(heard);
                    // What changes between the two is found by looking again.
                    self.groups.iter_mut().for_each(|group| group.learn(&self.ignored));
                    self.rescan();
                }
                Ok(Message::Told(event)) => self.hear(event),
                Err(RecvTimeoutError::Timeout) => {}
            }
            if self.is_troubled() && self.tried.elapsed() >= AGAIN && self.arm() {
                self.look_again();
            }
            if self.lost.swap(false, Ordering::SeqCst) {
                self.rescan();
            }
            if !self.settle() {
                return;
            }
        }
    }

    /// Watches the folders that have to be watched now. Whether they are others than before: what changed meanwhile is
    /// not told then.
    fn arm(&mut self) -> bool {
        let mut are_others = false;
        // Folders come and go while one begins to watch them: until it is as it was looked at.
        for _ in 0..TRIES {
            if !self.arm_once() {
                break;
            }
            are_others = true;
        }
        are_others
    }

    /// Whether something that is to be watched is not.
    fn is_troubled(&self) -> bool {
        !self.trouble.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// The folders that are to be watched, and whether with all below them.
    fn wanted_places(&self) -> BTreeMap<PathBuf, bool> {
        let mut places = BTreeMap::new();
        for wanted in self.groups.iter().flat_map(|group| &group.wanted) {
            let (root, deep) = wanted.root();
            let mut add = |path: &Path, deep: bool| *places.entry(path.to_path_buf()).or_insert(false) |= deep;
            if root.is_dir() {
                add(&root, deep);
            }
            // From here one sees it come, go and come again.
            if let Some(above) = root.ancestors().skip(1).find(|path| path.is_dir()) {
                add(above, false);
            }
        }
        places
    }

    /// Whether something is watched that was not.
    fn arm_once(&mut self) -> bool {
        self.tried = Instant::now();
        let wanted = self.wanted_places();
        let mut trouble = Vec::new();
        // What is watched goes on where all of it is wanted still: nothing that is told gets lost meanwhile.
        if self.system.is_none() || self.places.iter().any(|(path, deep)| wanted.get(path) != Some(deep)) {
            self.places.clear();
            let (tell, lost) = (self.tell.clone(), self.lost.clone());
            let handler = move |event| {
                if let Err(TrySendError::Full(_)) = tell.try_send(Message::Told(event)) {
                    lost.store(true, Ordering::SeqCst);
                }
            };
            let system = notify::recommended_watcher(handler);
            self.system = system.map_err(|error| trouble.push(("what becomes of files".into(), why(&error)))).ok();
        }
        let mut are_more = false;
        for (path, deep) in wanted {
            let Some(system) = &mut self.system else { break };
            if self.places.contains_key(&path) {
                continue;
            }
            let mode = if deep { RecursiveMode::Recursive } else { RecursiveMode::NonRecursive };
            match (self.watch)(system, &path, mode) {
                Ok(()) => {
                    are_more = true;
                    self.places.insert(path, deep);
                }
                // One that went meanwhile is waited for in the folder above it.
                Err(error) if path.is_dir() => {
                    trouble.push((format!("the folder {}", path.display()), why(&error)));
                }
                Err(_) => {}
            }
        }
        self.say(trouble);
        are_more
    }

    /// Says how it stands.
    fn say(&self, trouble: Vec<(String, String)>) {
        let usual = || match (self.groups.iter().map(|group| group.wanted.len()).sum::<usize>(), self.places.len()) {
            (0, _) => "watching nothing".to_string(),
            (1, folders) => format!("watching one path in {folders} folders"),
            (paths, folders) => format!("watching {paths} paths in {folders} folders"),
        };
        let first = trouble.first().map(|(what, why)| format!("{what} cannot be watched: {why}"));
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = first.unwrap_or_else(usual);
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }

    fn hear(&mut self, event: notify::Result<notify::Event>) {
        let Ok(event) = event else { return self.rescan() };
        if event.need_rescan() {
            return self.rescan();
        }
        let told = pending::told(&event.kind);
        if told == Told::Nothing {
            return;
        }
        for path in &event.paths {
            if self.ignored.iter().any(|own| path.starts_with(own)) {
                continue;
            }
            let is_folder = path.is_dir();
            if told == Told::Gone && self.places.keys().any(|place| place.starts_with(path)) {
                // Whatever has its name now, another is watched.
                self.system = None;
            }
            // What is wanted may have come or gone with its folder.
            if (is_folder || told == Told::Gone) && self.arm() {
                self.look_again();
            }
            for group in &mut self.groups {
                match is_folder {
                    true => group.look_into(path, &self.ignored),
                    false => group.note(path, told),
                }
                if told == Told::Gone {
                    group.gone_below(path);
                }
            }
        }
    }

    /// Something may have changed that was not told.
    fn rescan(&mut self) {
        self.arm();
        self.look_again();
    }

    /// Looks at everything again.
    fn look_again(&mut self) {
        self.groups.iter_mut().for_each(|group| group.look_again(&self.ignored));
    }

    /// Tells what became of the files that are quiet now. Whether anybody listens still.
    fn settle(&mut self) -> bool {
        for at in 0..self.groups.len() {
            for path in self.groups[at].due(Instant::now()) {
                let group = &mut self.groups[at];
                if let Some(settled) = group.settle(&path) {
                    let quiet_ms = group.quiet_ms;
                    if !self.tell_of(self.happening(&path, &settled, quiet_ms)) {
                        return false;
                    }
                }
            }
        }
        true
    }

    fn happening(&self, path: &Path, settled: &Settled, quiet_ms: u64) -> Happening {
        let at = self.clock.now();
        let shown = path.display().to_string();
        let change = settled.change.name();
        let key = settled.key.clone().unwrap_or_else(|| format!("gone-{}", at.as_micros()));
        let data = json!({
            "kind": "file",
            "at": at.to_string(),
            "path": shown,
            "name": path.file_name().map(|name| name.to_string_lossy()),
            "folder": path.parent().map(|folder| folder.display().to_string()),
            "change": change,
            "size": settled.size,
            "modified": settled.modified.map(|at| at.to_string()),
            "quiet_ms": quiet_ms,
        });
        Happening { kind: "file", data, at, key: Some(format!("file:{shown}:{change}:{key}")), depth: 0, kept: None }
    }

    /// Waits where whoever listens is behind, unless everything ends. Whether anybody listens still.
    fn tell_of(&self, mut happening: Happening) -> bool {
        let Some(heard) = &self.heard else { return true };
        while !self.over.load(Ordering::SeqCst) {
            match heard.try_send(happening) {
                Ok(()) => return true,
                Err(TrySendError::Disconnected(_)) => return false,
                Err(TrySendError::Full(back)) => happening = back,
            }
            std::thread::sleep(BEHIND);
        }
        false
    }
}
