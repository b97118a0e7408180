//! commands/disk.md and commands/files.md

use super::{World, run};

/// A name with all that breaks careless scripts.
const ODD: &str = "-o dd\n'na\"me";
/// How it is shown.
const ODD_SHOWN: &str = "-o dd\\n'na\"me";

#[test]
fn disk_usage() {
    let world = World::new();
    world.write("big/deep/a.bin", vec![1u8; 3 << 20]);
    world.write("small.bin", vec![1u8; 1 << 20]);
    world.write(ODD, "");
    let shown = run(&world, &["disk", "usage"]).ok();
    let lines: Vec<&str> = shown.lines().collect();
    assert_eq!(lines.len(), 4, "{shown}");
    assert!(lines[0].starts_with("    3.0M  75%  ██████████████████······  big/"), "{shown}");
    assert!(lines[1].starts_with("    1.0M  25%") && lines[1].ends_with("  small.bin"), "{shown}");
    assert!(lines[2].ends_with(ODD_SHOWN) && lines[3] == "    4.0M  in all", "{shown}");
    let less = run(&world, &["disk", "usage", "-n", "1"]).ok();
    assert!(less.lines().nth(1).unwrap().ends_with("  and 2 more"), "{less}");
    assert!(run(&world, &["disk", "usage", "nowhere"]).failed(1).contains("nowhere"));
}

#[test]
fn disk_big() {
    let world = World::new();
    world.write("a/one", vec![0u8; 2048]);
    world.write(ODD, vec![0u8; 1500]);
    world.write("c", "x");
    let shown = run(&world, &["disk", "big", "--count", "2"]).ok();
    assert_eq!(shown, format!("    2.0K  a/one\n    1.5K  {ODD_SHOWN}\n"));
}

#[test]
fn disk_duplicates() {
    let world = World::new();
    for (name, text) in [("a", "same text"), ("b/c", "same text"), (ODD, "same text"), ("d", "same tex!"), ("e", "")] {
        world.write(name, text);
    }
    world.sh("ln a hardlink && : > f");
    let shown = run(&world, &["disk", "duplicates"]).ok();
    assert_eq!(shown, format!("3 files of 9B\n  {ODD_SHOWN}\n  a\n  b/c\n18B could be freed\n"));
    assert_eq!(run(&world, &["disk", "duplicates", "--min", "10"]).ok(), "0B could be freed\n");
}

#[test]
fn disk_old() {
    let world = World::new();
    world.write("old", "12345");
    world.write("older", "1");
    world.write("new", "1");
    world.sh("touch -d 2020-05-06T12:00Z old; touch -d 2019-05-06T12:00Z older");
    let shown = run(&world, &["disk", "old", "--days", "100"]).ok();
    assert_eq!(shown, "2019-05-06             1  older\n2020-05-06             5  old\n2 files, 6 bytes\n");
}

#[test]
fn disk_free() {
    let shown = run(&World::new(), &["disk", "free"]).ok();
    // In a container `/` may be no mount of its own; whatever is listed must be a mount, with its size.
    let mounts = std::fs::read_to_string("/proc/mounts").unwrap();
    let mounts: Vec<&str> = mounts.lines().filter_map(|l| l.split(' ').nth(1)).chain(["/"]).collect();
    for line in shown.lines() {
        let (size, mount) = line.rsplit_once("  ").unwrap();
        assert!(mounts.contains(&mount) && size.contains(" free of ") && size.contains('%'), "{shown}");
    }
    assert!(shown.lines().count() > 0, "at least what `/` lies on is listed");
}

#[test]
fn files_extract() {
    let world = World::new();
    world.write("in/a.txt", "text");
    world.write("in/b/c.txt", "more");
    world.sh(
        "tar -czf one.tar.gz -C in . && gzip -k in/a.txt && mv in/a.txt.gz plain.txt.gz
         python3 -c 'import zipfile
with zipfile.ZipFile(\"two.zip\", \"w\") as z: z.writestr(\"../../escape.txt\", \"x\"); z.writestr(\"in.txt\", \"y\")'
         python3 -c 'import tarfile, io
t = tarfile.open(\"evil.tar\", \"w\"); m = tarfile.TarInfo(\"../escape.txt\"); m.size = 1; t.addfile(m, io.BytesIO(b\"x\")); t.close()'",
    );
    assert_eq!(run(&world, &["files", "extract", "one.tar.gz"]).ok(), "2 files in one\n");
    assert_eq!(world.read("one/b/c.txt"), "more");
    assert_eq!(run(&world, &["files", "extract", "one.tar.gz"]).ok(), "2 files in one-2\n");
    assert_eq!(run(&world, &["files", "extract", "plain.txt.gz"]).ok(), "1 files in plain.txt\n");
    assert_eq!(world.read("plain.txt/plain.txt"), "text");
    assert_eq!(run(&world, &["files", "extract", "two.zip", "there"]).ok(), "2 files in there\n");
    assert_eq!((world.read("there/in.txt"), world.read("there/escape.txt")), ("y".into(), "x".into()));
    assert!(run(&world, &["files", "extract", "evil.tar"]).failed(6).contains("cannot unpack 'evil.tar'"));
    assert!(!world.path("escape.txt").exists() && !world.home().join("escape.txt").exists());
    assert!(run(&world, &["files", "extract", "in/a.txt"]).failed(6).contains("no archive of a known kind"));
    assert!(!world.path("a.txt-content").exists());
}

#[test]
fn files_backup() {
    let world = World::new();
    world.write("in/a.txt", "text");
    world.write("-x y", "dash");
    let said = run(&world, &["files", "backup", "in/", "--", "-x y"]).ok();
    let copies = world.sh("ls -d -- *.bak | wc -l");
    assert_eq!((said.lines().count(), copies.trim()), (2, "2"), "{said}");
    let folder = said.lines().next().unwrap();
    assert!(folder.starts_with("in.20") && folder.ends_with(".bak"), "{said}");
    assert_eq!(world.read(&format!("{folder}/a.txt")), "text");
    assert_eq!(run(&world, &["files", "backup", "nowhere"]).failed(3), "there is no nowhere\n");
}

#[test]
fn files_hash() {
    let world = World::new();
    world.write("d/a", "abc");
    world.write("-b", "");
    let shown = run(&world, &["files", "hash", "--algorithm", "sha1", "d", "--", "-b"]).ok();
    assert_eq!(
        shown,
        "da39a3ee5e6b4b0d3255bfef95601890afd80709  ./-b\na9993e364706816aba3e25717850c26c9cd0d89d  d/a\n"
    );
    assert_eq!(run(&world, &["files", "hash", "nowhere"]).failed(3), "there is no nowhere\n");
}

#[test]
fn files_verify() {
    let world = World::new();
    world.write("d/a", "abc");
    world.write("d/new\nline", "abc");
    for algorithm in ["sha256", "sha512", "sha1", "md5", "b2"] {
        let sums = run(&world, &["files", "hash", "d", "--algorithm", algorithm]).ok();
        world.write("sums", sums);
        assert_eq!(run(&world, &["files", "verify", "sums"]).ok(), "all 2 files are as they were\n", "{algorithm}");
    }
    world.write("d/a", "abd");
    let broken = run(&world, &["files", "verify", "sums"]);
    assert_eq!(broken.code, 1);
    assert!(broken.stdout.contains("d/a: FAILED"), "{broken:?}");
    world.write("sums", "nonsense\n");
    assert_eq!(run(&world, &["files", "verify", "sums"]).failed(6), "these are no checksums\n");
}

#[test]
fn files_rename() {
    let world = World::new();
    for name in ["IMG_1.jpg", "IMG_2.jpg", "other"] {
        world.write(name, name);
    }
    let words = ["files", "rename", r"IMG_(\d+)", r"holiday-\1", "IMG_1.jpg", "IMG_2.jpg", "other"];
    let wanted = "IMG_1.jpg -> holiday-1.jpg\nIMG_2.jpg -> holiday-2.jpg\n";
    assert_eq!(run(&world, &[&words[..], &["--dry-run"]].concat()).ok(), wanted);
    assert!(world.path("IMG_1.jpg").exists());
    assert_eq!(run(&world, &words).ok(), wanted);
    assert_eq!(world.read("holiday-2.jpg"), "IMG_2.jpg");
    let clash = run(&world, &["files", "rename", r".\d\.", ".", "holiday-1.jpg", "holiday-2.jpg"]);
    assert_eq!(clash.failed(1), "nothing was renamed: holiday.jpg is taken\n");
    let escape = run(&world, &["files", "rename", "other", "../up", "other"]);
    assert_eq!(escape.failed(2), "other would become '../up', which is no file name\n");
    assert!(world.path("other").exists());
}

#[test]
fn files_tree() {
    let world = World::new();
    world.write("a/b/c/d", "");
    world.write("a/z", "");
    world.write(".hidden", "");
    world.write(ODD, "");
    world.sh("ln -s /nowhere link");
    let shown = run(&world, &["files", "tree", "--depth", "2"]).ok();
    let want = format!(".\n├── {ODD_SHOWN}\n├── a/\n│   ├── b/\n│   └── z\n└── link -> /nowhere\n2 folders, 3 files\n");
    assert_eq!(shown, want);
    assert!(run(&world, &["files", "tree", "-a"]).ok().contains("├── .hidden\n"));
}

#[test]
fn files_recent() {
    let world = World::new();
    world.write("old", "");
    world.write("d/new", "");
    world.sh("touch -d 2020-05-06T12:00Z old; touch -d 2021-05-06T12:34Z d/new");
    let shown = run(&world, &["files", "recent"]).ok();
    assert_eq!(shown, "2021-05-06 12:34  d/new\n2020-05-06 12:00  old\n");
}
