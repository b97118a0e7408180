use std::fs;
use std::io::Write as _;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use super::*;
use crate::commands::model::Trigger as Written;

/// How long something may take that must come.
const PATIENCE: Duration = Duration::from_secs(20);

struct Scene {
    folder: tempfile::TempDir,
    watcher: Watcher,
    heard: Receiver<Happening>,
    tell: SyncSender<Happening>,
}

fn trigger(path: &str, options: &[(&str, &str)]) -> Written {
    let options = options.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
    Written { kind: "file".into(), args: vec![path.to_string()], options, line: 1 }
}

impl Scene {
    /// A folder of its own, in which `before` stand; nothing is watched yet.
    fn still(before: &[&str]) -> Scene {
        let folder = tempfile::tempdir().unwrap();
        for name in before {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "before").unwrap();
        }
        let (tell, heard) = sync_channel(1000);
        let watcher = Watcher::new(None, vec![folder.path().join("own")], Clock::system());
        Scene { folder, watcher, heard, tell }
    }

    /// Watches `pattern` below a folder of its own, in which `before` stand.
    fn new(pattern: &str, options: &[(&str, &str)], before: &[&str]) -> Scene {
        let mut scene = Scene::still(before);
        let mut options = options.to_vec();
        if !options.iter().any(|o| o.0 == "debounce") {
            options.push(("debounce", "50ms"));
        }
        scene.listen(pattern, &options);
        scene
    }

    fn listen(&mut self, pattern: &str, options: &[(&str, &str)]) {
        let wanted = trigger(&self.path(pattern).display().to_string(), options);
        self.hear(&[wanted]);
    }

    /// Watches, and waits until what is there is known.
    fn hear(&mut self, wanted: &[model::Trigger]) {
        self.watcher.listen(wanted, &self.tell).unwrap();
        let end = Instant::now() + PATIENCE;
        while self.watcher.state() == "watching nothing" {
            assert!(Instant::now() < end);
            std::thread::yield_now();
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// The next things told: the change and the path below the folder.
    fn next(&self, count: usize) -> Vec<String> {
        let one = || {
            let told = self.heard.recv_timeout(PATIENCE).expect("nothing is told");
            let path = PathBuf::from(told.data["path"].as_str().unwrap());
            let path = path.strip_prefix(self.folder.path()).unwrap().display().to_string();
            format!("{} {path}", told.data["change"].as_str().unwrap())
        };
        let mut all: Vec<String> = (0..count).map(|_| one()).collect();
        all.sort();
        all
    }

    /// Nothing is told of what came before a last file, which is.
    fn only(&self, count: usize) -> Vec<String> {
        let told = self.next(count);
        self.write("last.txt", &format!("{:?}", Instant::now()));
        let last = self.next(1);
        assert!(last[0].ends_with(" last.txt"), "{last:?}");
        told
    }
}

#[test]
fn a_new_file_is_told_once_it_is_whole() {
    let scene = Scene::new("*.txt", &[], &["old.txt"]);
    let mut slow = fs::File::create(scene.path("slow.txt")).unwrap();
    slow.write_all(b"half").unwrap();
    scene.write("quick.txt", "all");
    scene.write("other.md", "no");
    assert_eq!(scene.next(1), ["created quick.txt"]);
    slow.write_all(b" and half").unwrap();
    drop(slow);
    assert_eq!(scene.only(1), ["created slow.txt"]);
}

#[test]
fn a_save_by_renaming_is_one_change_each_time() {
    let scene = Scene::new("*.txt", &[], &["a.txt"]);
    for round in 0..3 {
        scene.write("a.txt.tmp", &format!("round {round}"));
        fs::rename(scene.path("a.txt.tmp"), scene.path("a.txt")).unwrap();
        assert_eq!(scene.next(1), ["changed a.txt"], "{round}");
    }
    assert_eq!(scene.only(0), [""; 0]);
}

#[test]
fn a_single_file_is_watched_through_its_folder() {
    let mut scene = Scene::new("conf/app.toml", &[], &["conf/app.toml"]);
    scene.write("conf/new", "one");
    fs::rename(scene.path("conf/new"), scene.path("conf/app.toml")).unwrap();
    assert_eq!(scene.next(1), ["changed conf/app.toml"]);
    scene.write("conf/app.toml", "two");
    assert_eq!(scene.next(1), ["changed conf/app.toml"]);
    // The folder goes and comes again.
    scene.listen("conf/app.toml", &[("debounce", "50ms"), ("change", "created,changed,removed")]);
    fs::remove_dir_all(scene.path("conf")).unwrap();
    assert_eq!(scene.next(1), ["removed conf/app.toml"]);
    fs::create_dir(scene.path("conf")).unwrap();
    scene.write("conf/app.toml", "three");
    assert_eq!(scene.next(1), ["created conf/app.toml"]);
}

#[test]
fn the_same_content_reading_and_touching_are_no_change() {
    let scene = Scene::new("*.txt", &[], &["a.txt"]);
    scene.write("a.txt", "before");
    let touched = fs::File::options().append(true).open(scene.path("a.txt")).unwrap();
    touched.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    drop(touched);
    fs::read(scene.path("a.txt")).unwrap();
    assert_eq!(scene.only(0), [""; 0]);
}

#[test]
fn many_writes_in_a_row_are_one_change() {
    let scene = Scene::new("*.txt", &[("debounce", "400ms")], &["a.txt"]);
    for number in 0..50 {
        scene.write("a.txt", &format!("{number}"));
    }
    assert_eq!(scene.only(1), ["changed a.txt"]);
}

#[test]
fn folders_are_watched_with_all_below_also_those_that_come_later() {
    let scene = Scene::new("in", &[], &["in/a/old.txt"]);
    fs::create_dir_all(scene.path("in/b/c")).unwrap();
    scene.write("in/b/c/new.txt", "x");
    scene.write("in/a/new.txt", "x");
    fs::create_dir_all(scene.path("out/deep")).unwrap();
    scene.write("out/deep/moved.txt", "x");
    fs::rename(scene.path("out"), scene.path("in/out")).unwrap();
    let all = ["created in/a/new.txt", "created in/b/c/new.txt", "created in/out/deep/moved.txt"];
    assert_eq!(scene.next(3), all);
}

#[test]
fn what_is_hidden_and_what_is_our_own_is_left_alone() {
    let scene = Scene::new("**", &[], &["own/store.db"]);
    scene.write("own/store.db", "changed");
    scene.write(".a.txt.swp", "x");
    assert_eq!(scene.only(0), [""; 0]);
}

#[test]
fn a_flood_of_files_is_told_whole() {
    let scene = Scene::new("*.txt", &[], &[]);
    for number in 0..700 {
        scene.write(&format!("{number}.txt"), "x");
    }
    assert_eq!(scene.next(700).len(), 700);
    assert_eq!(scene.only(0), [""; 0]);
}

#[test]
fn what_the_system_lost_is_found_again() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.txt"), "before").unwrap();
    fs::write(folder.path().join("gone.txt"), "before").unwrap();
    let (tell, _raw) = sync_channel(10);
    let (hear, heard) = sync_channel(10);
    let wanted = trigger(&folder.path().join("*.txt").display().to_string(), &[("debounce", "0ms")]);
    let Wanted::File(file) = trigger::parse(&wanted).unwrap().0 else { panic!("no file") };
    let mut work = Work {
        tell,
        lost: Arc::default(),
        over: Arc::default(),
        ignored: Vec::new(),
        clock: Clock::system(),
        trouble: Arc::default(),
        state: Arc::default(),
        groups: group::regroup(Vec::new(), vec![file]),
        heard: Some(hear),
        places: BTreeMap::new(),
        system: None,
        tried: Instant::now(),
        watch: |system, path, mode| system.watch(path, mode),
    };
    work.groups[0].learn(&[]);
    // Nobody hears of any of this but by the word that something was lost.
    fs::write(folder.path().join("a.txt"), "changed").unwrap();
    fs::write(folder.path().join("new.txt"), "new").unwrap();
    fs::remove_file(folder.path().join("gone.txt")).unwrap();
    let rescan = notify::Event::new(notify::EventKind::Other).set_flag(notify::event::Flag::Rescan);
    work.hear(Ok(rescan));
    let end = Instant::now() + PATIENCE;
    while work.groups[0].next().is_some() {
        assert!(work.settle() && Instant::now() < end);
    }
    let name =
        |told: Happening| format!("{} {}", told.data["change"].as_str().unwrap(), told.data["name"].as_str().unwrap());
    let mut told: Vec<String> = heard.try_iter().map(name).collect();
    told.sort();
    assert_eq!(told, ["changed a.txt", "created new.txt", "removed gone.txt"]);
}

#[test]
fn a_folder_that_cannot_be_watched_keeps_nobody_from_hearing_of_others() {
    let mut scene = Scene::still(&["ok/old.txt", "bad/old.txt"]);
    scene.watcher.watch = |system, path, mode| match path.ends_with("bad") && !path.join("mended").exists() {
        true => Err(notify::Error::generic("it may not")),
        false => system.watch(path, mode),
    };
    let wanted = |pattern: &str| trigger(&scene.path(pattern).display().to_string(), &[("debounce", "300ms")]);
    let (ok, bad) = (wanted("ok/**/*.txt"), wanted("bad/*.txt"));
    scene.hear(&[ok, bad]);
    assert_eq!(scene.watcher.trouble().len(), 1, "{:?}", scene.watcher.trouble());
    scene.write("ok/a.txt", "x");
    assert_eq!(scene.next(1), ["created ok/a.txt"]);
    fs::create_dir(scene.path("ok/deep")).unwrap();
    scene.write("ok/deep/b.txt", "x");
    fs::remove_file(scene.path("ok/a.txt")).unwrap();
    assert_eq!(scene.next(2), ["created ok/deep/b.txt", "removed ok/a.txt"]);
    // It is tried again, and what came meanwhile is found.
    scene.write("bad/c.txt", "x");
    scene.write("bad/mended", "x");
    assert_eq!(scene.next(1), ["created bad/c.txt"]);
    assert!(scene.watcher.trouble().is_empty());
    scene.write("bad/d.txt", "x");
    assert_eq!(scene.next(1), ["created bad/d.txt"]);
}

#[test]
fn no_trigger_waits_for_the_silence_of_another_or_misses_what_came_and_went_meanwhile() {
    let mut scene = Scene::still(&[]);
    let path = scene.path("*.txt").display().to_string();
    let wanted = [
        trigger(&path, &[("debounce", "50ms"), ("change", "created,removed")]),
        trigger(&path, &[("debounce", "3s"), ("change", "created,removed")]),
    ];
    scene.hear(&wanted);
    let files: Vec<Wanted> = wanted.iter().map(|written| trigger::parse(written).unwrap().0).collect();
    // Who waits for which: the number of the trigger.
    let who = |told: &Happening| -> Vec<usize> { (0..2).filter(|at| files[*at].matches(told)).collect() };
    // On a busy machine a file is seen before it is written, and its change means nobody.
    let heard = &scene.heard;
    let next = || loop {
        let told = heard.recv_timeout(PATIENCE).unwrap();
        if !who(&told).is_empty() {
            return told;
        }
    };
    scene.write("a.txt", "x");
    let told = next();
    assert_eq!((told.data["change"].as_str(), who(&told)), (Some("created"), vec![0]));
    // The other one still waits, and sees nothing of a file that is gone by then.
    fs::remove_file(scene.path("a.txt")).unwrap();
    let told = next();
    assert_eq!((told.data["change"].as_str(), who(&told)), (Some("removed"), vec![0]));
    scene.write("b.txt", "x");
    let mut heard: Vec<Vec<usize>> = (0..2).map(|_| who(&next())).collect();
    heard.sort();
    assert_eq!(heard, [vec![0], vec![1]]);
}
