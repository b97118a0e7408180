//! `fac exec`: code in every language that is installed, behind both walls; the ways out of them; what it may use; and the
//! same over HTTP and a socket.

use std::net::{TcpListener, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::serve_live::served::{Served, eventually};
use crate::support::pty::Seat;
use crate::support::world::World;

/// The walls that work on this machine.
fn walls() -> Vec<&'static str> {
    let world = World::new();
    let works = |wall: &&str| {
        let tried = world.run(&["exec", "--sandbox", wall, "-l", "sh", "-c", "true"]);
        if tried.code != 0 {
            println!("{wall} does not work here: {}", tried.stderr);
        }
        tried.code == 0
    };
    let found: Vec<&str> = ["bubblewrap", "landlock"].into_iter().filter(works).collect();
    assert!(!found.is_empty(), "no wall works on this machine");
    found
}

/// What came of code behind a wall.
fn ran(world: &World, wall: &str, args: &[&str]) -> Value {
    let out = world.run(&[&["--json", "exec", "--sandbox", wall], args].concat());
    let said: Value = serde_json::from_str(&out.stdout).unwrap_or_else(|e| panic!("{e}: {out:?}"));
    assert_eq!(i64::from(out.code), said["exec"]["exit_code"].as_i64().unwrap_or(-1), "{out:?}");
    assert_eq!(said["exec"]["sandbox"], wall);
    said["exec"].clone()
}

/// What is outside, to be reached by whoever gets out.
struct Outside {
    world: World,
    tcp: TcpListener,
    _udp: UdpSocket,
    _file: UnixListener,
    _abstract: UnixListener,
    args: Vec<String>,
}

impl Outside {
    fn new() -> Outside {
        let mut world = World::new();
        world.set("OUTSIDE_SECRET", "hunter2-outside");
        world.write("secret", "hunter2-inside-a-file");
        std::fs::create_dir(world.path("folder")).unwrap();
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        tcp.set_nonblocking(true).unwrap();
        let port = tcp.local_addr().unwrap().port();
        let name = format!("fac-{}-{port}", std::process::id());
        let file = UnixListener::bind(world.path("socket")).unwrap();
        let at = SocketAddr::from_abstract_name(&name).unwrap();
        let args = vec![
            world.work().display().to_string(),
            port.to_string(),
            std::process::id().to_string(),
            world.path("socket").display().to_string(),
            name,
        ];
        Outside {
            tcp,
            _udp: UdpSocket::bind(("127.0.0.1", port)).unwrap(),
            _file: file,
            _abstract: UnixListener::bind_addr(&at).unwrap(),
            args,
            world,
        }
    }

    /// What came of each way out of `how`.
    fn tried(&self, how: &[&str], only: &[&str]) -> Vec<(String, String)> {
        self.world.write("escapes.py", include_str!("../data/escapes.py"));
        let mut args = vec!["exec", "-l", "python", "--timeout", "120s"];
        args.extend(how);
        args.extend(["escapes.py", "--"]);
        args.extend(self.args.iter().map(String::as_str));
        args.extend(only);
        let out = self.world.run(&args);
        assert!(!out.stdout.contains("hunter2") && !out.stderr.contains("hunter2"), "{out:?}");
        let lines = out.stdout.lines().map(|line| line.split_once('\t').unwrap());
        let tried = lines.map(|(way, said)| (way.to_string(), said.to_string())).collect();
        assert_eq!(out.code, 0, "{out:?}");
        tried
    }
}

#[test]
fn nothing_gets_out() {
    for wall in walls() {
        let outside = Outside::new();
        let before = std::fs::metadata(outside.world.path("secret")).unwrap();
        let tried = outside.tried(&["--sandbox", wall], &[]);
        assert!(tried.len() > 80, "{} ways", tried.len());
        let out: Vec<_> = tried.iter().filter(|(_, said)| !said.starts_with("in")).collect();
        assert!(out.is_empty(), "{wall}: {out:?}");
        assert_eq!(outside.tcp.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
        assert_eq!(outside.world.read("secret"), "hunter2-inside-a-file");
        assert_eq!(std::fs::read_dir(outside.world.path("folder")).unwrap().count(), 0);
        assert!(!std::path::Path::new("/dev/shm/fac-was-here").exists());
        let after = std::fs::metadata(outside.world.path("secret")).unwrap();
        assert_eq!(
            (before.modified().unwrap(), before.permissions()),
            (after.modified().unwrap(), after.permissions())
        );
    }
    // The ways are ways, where nothing is in them. Only such as harm nobody: these do it to this machine.
    let outside = Outside::new();
    let harmless = [
        "reads_a_file",
        "lists_a_folder",
        "follows_a_symlink",
        "goes_up_and_down",
        "goes_by_its_root",
        "connects",
        "connects_to_a_socket_file",
        "connects_to_an_abstract_socket",
        "sees_its_parent",
        "sends_a_datagram",
        "signals_its_parent",
        "changes_a_time",
        "makes_a_file",
        "keeps_a_file_in_memory",
    ];
    let tried = outside.tried(&["--unsafe"], &harmless);
    assert_eq!(tried.len(), harmless.len());
    assert!(tried.iter().all(|(_, said)| said == "OUT"), "{tried:?}");
}

#[test]
fn what_was_open_is_closed() {
    for wall in walls() {
        let outside = Outside::new();
        let world = &outside.world;
        world.write("try.py", "import os\nfor n in (7, 8, 9):\n  try: print(os.fstat(n), os.listdir(n))\n  except OSError as e: print(e.errno)\n");
        let fac = env!("CARGO_BIN_EXE_fac");
        let script = format!("exec 7<secret 8<folder 9>>folder/new; {fac} exec --sandbox {wall} try.py");
        // EBADF: there is none.
        assert_eq!(world.sh(&script), "9\n9\n9\n");
    }
}

#[test]
fn what_it_may_see_is_named() {
    let outside = Outside::new();
    let world = &outside.world;
    let port = outside.args[1].as_str();
    let connects = format!("import socket; socket.create_connection(('127.0.0.1', {port}), 5); print('there')");
    for wall in walls() {
        let secret = world.path("secret").display().to_string();
        let reads = format!("print(open({secret:?}).read())");
        let read = ran(world, wall, &["-l", "py", "-c", &reads, "--read", "secret"]);
        assert_eq!(read["stdout"], "hunter2-inside-a-file\n", "{read}");
        let folder = world.path("folder").display().to_string();
        let writes = format!("open({folder:?} + '/{wall}', 'w').write('x')");
        assert_eq!(ran(world, wall, &["-l", "py", "-c", &writes, "--read", "folder"])["status"], "failed");
        assert_eq!(ran(world, wall, &["-l", "py", "-c", &writes, "--write", "folder"])["status"], "ok");
        assert_eq!(world.read(&format!("folder/{wall}")), "x");
        // By the names that they have from here, too.
        std::fs::create_dir_all(world.path("data")).unwrap();
        world.write("data/in.csv", "1,2");
        world.write(&format!("{wall}.out"), "");
        let named = format!("open('{wall}.out', 'w').write(open('data/in.csv').read())");
        let named =
            ran(world, wall, &["-l", "py", "-c", &named, "--read", "data/in.csv", "--write", &format!("{wall}.out")]);
        assert_eq!((&named["status"], world.read(&format!("{wall}.out")).as_str()), (&json!("ok"), "1,2"), "{named}");
        assert_eq!(ran(world, wall, &["-l", "py", "-c", &connects])["status"], "failed");
        assert_eq!(ran(world, wall, &["-l", "py", "-c", &connects, "--net"])["stdout"], "there\n");
        let unix = format!("import socket; socket.socket(socket.AF_UNIX).connect({:?})", outside.args[3]);
        assert_eq!(ran(world, wall, &["-l", "py", "-c", &unix, "--net"])["status"], "failed");
    }
    for place in ["/", "/proc", "/dev/shm"] {
        assert!(world.run(&["exec", "-l", "sh", "-c", "true", "--read", place]).failed(2).contains("cannot be let in"));
    }
    assert!(world.run(&["exec", "-l", "sh", "-c", "true", "--read", "nowhere"]).failed(3).contains("nowhere"));
}

#[test]
fn too_much_is_ended() {
    let memory = "import os, time\nfor i in range(8):\n  if os.fork() == 0:\n    x = bytearray(90_000_000)\n    \
                  for j in range(0, len(x), 4096): x[j] = 1\n    time.sleep(50)\ntime.sleep(50)";
    let files = "import itertools\nfor i in itertools.count(): open(f'f{i}', 'wb').write(b'x' * 9_000_000)";
    let unnamed = "import os, time\nopen_ones = []\nfor i in range(20):\n  f = open('f', 'wb', 0); os.unlink('f'); \
                   f.write(b'x' * 9_000_000); open_ones.append(f)\ntime.sleep(50)";
    let shared =
        "import mmap, time\nm = mmap.mmap(-1, 600 << 20)\nfor i in range(0, len(m), 4096): m[i] = 1\ntime.sleep(50)";
    // The first thread of each ends, and another goes on.
    let headless = "#include <pthread.h>\n#include <string.h>\n#include <stdlib.h>\n#include <unistd.h>\n\
        #include <sys/syscall.h>\nvoid *go(void *x) { char *m = malloc(150 << 20); memset(m, 1, 150 << 20); sleep(50); \
        return m; }\nint main() { for (int i = 0; i < 3; i++) if (!fork()) { pthread_t t; pthread_create(&t, 0, go, 0); \
        syscall(SYS_exit, 0); } sleep(50); }";
    let threads = "import threading, time\nthreading.stack_size(1 << 16)\n\
                   for i in range(400): threading.Thread(target=time.sleep, args=(50,)).start()";
    let many = "import itertools\nfor i in itertools.count(): open(f'f{i}', 'w')";
    for wall in walls() {
        let world = World::new();
        for (language, code, limit) in [
            // No faster, or what it takes from the machine before it is ended ends other tests.
            ("sh", "b() { sleep 0.05; b & b & wait; }; b", "it had more than 64 processes"),
            ("python", memory, "it used more than 256 MiB of memory"),
            ("python", files, "it wrote more than 64.0 MB"),
            ("python", many, "it made more than 20000 files"),
            ("python", unnamed, "it wrote more than 64.0 MB"),
            ("python", shared, "it used more than 256 MiB of memory"),
            ("c", headless, "it used more than 256 MiB of memory"),
            ("python", threads, "it had more than 256 threads"),
            (
                "python",
                "import os\nfor i in range(6000): os.mkdir('a'); os.chdir('a')\nimport time; time.sleep(9)",
                "it made folders that are too deep",
            ),
        ] {
            let ended = ran(&world, wall, &["-l", language, "-c", code]);
            assert_eq!((ended["limit"].as_str(), ended["status"].as_str()), (Some(limit), Some("limited")), "{ended}");
        }
        let one = ran(&world, wall, &["-l", "python", "-c", "x = bytearray(3 * 10 ** 9)"]);
        assert!(one["status"] == "failed" && one["stderr"].as_str().unwrap().contains("MemoryError"), "{one}");
        let long = ran(&world, wall, &["-l", "perl", "-c", "open F, '>', 'f'; print F 'x' x 1_000_000 while 1"]);
        assert_eq!((&long["status"], &long["exit_code"]), (&json!("failed"), &json!(153)), "{long}");
        let own = ran(&world, wall, &["-l", "sh", "-c", "exit 153"]);
        assert_eq!((&own["limit"], &own["exit_code"]), (&Value::Null, &json!(153)), "{own}");
        let open = ran(&world, wall, &["-l", "python", "-c", "f = [open('f', 'w') for i in range(100)]"]);
        assert!(open["stderr"].as_str().unwrap().contains("Too many open files"), "{open}");
        // What cannot be looked into, but for those who may everything.
        let closed = ran(&world, wall, &["-l", "sh", "-c", "mkdir a; mkdir a/b; chmod 0 a/b a; exit 0"]);
        assert!(closed["status"] == "ok" || closed["limit"] == "it closed a folder" || wall == "landlock", "{closed}");
        let endless = ran(&world, wall, &["-l", "python", "--timeout", "1s", "-c", "while 1: print('x' * 99)"]);
        let kept = endless["stdout"].as_str().unwrap();
        assert!(kept.len() < (1 << 20) + 100 && kept.contains("bytes left out"), "{}", kept.len());
        assert_eq!((&endless["status"], &endless["truncated"]), (&json!("timed_out"), &json!(true)));
    }
}

/// Processes whose words hold this.
fn processes(mark: &str) -> usize {
    let all = std::fs::read_dir("/proc").unwrap().flatten();
    all.filter(|one| {
        std::fs::read(one.path().join("cmdline")).is_ok_and(|w| String::from_utf8_lossy(&w).contains(mark))
    })
    .count()
}

#[test]
fn nobody_is_left() {
    for (nr, wall) in walls().into_iter().enumerate() {
        let world = World::new();
        // A number that no other test sleeps for.
        let mark = format!("{}.{nr}", 70_000 + std::process::id());
        let code = format!("(trap '' TERM; sleep {mark}) & trap '' TERM; sleep {mark}; sleep {mark}");
        let begun = Instant::now();
        let ended = ran(&world, wall, &["-l", "sh", "--timeout", "500ms", "-c", &code]);
        assert_eq!((&ended["status"], &ended["exit_code"]), (&json!("timed_out"), &json!(124)));
        assert!(begun.elapsed() < Duration::from_secs(20));
        assert_eq!(processes(&format!("sleep\0{mark}")), 0, "after its time");
        let mut command = world.command(&["exec", "--sandbox", wall, "-l", "sh", "-c", &code]);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        eventually("it sleeps", || processes(&format!("sleep\0{mark}")) > 0);
        child.kill().unwrap();
        child.wait().unwrap();
        eventually("nobody sleeps", || processes(&format!("sleep\0{mark}")) == 0);
        // One that lets go of everything, and of whom nobody waits.
        let lets_go = format!("sleep {mark} </dev/null >/dev/null 2>&1 & disown; exit 0");
        assert_eq!(ran(&world, wall, &["-l", "bash", "-c", &lets_go])["status"], "ok");
        assert_eq!(processes(&format!("sleep\0{mark}")), 0, "after its end");
        let me = std::process::id();
        let left = std::fs::read_dir(std::env::temp_dir()).unwrap().flatten();
        let left: Vec<_> = left.filter(|one| one.file_name().to_string_lossy().starts_with("fac-exec-")).collect();
        // Those of other tests belong to processes that live.
        let dead = left.iter().filter(|one| {
            let name = one.file_name().to_string_lossy().into_owned();
            let pid = name.split('-').nth(2).unwrap_or_default().to_string();
            !std::path::Path::new(&format!("/proc/{pid}")).exists()
        });
        assert_eq!(dead.count(), 0, "{me}: {left:?}");
    }
}

#[test]
fn every_language_that_is_here_says_hello_and_what_is_wrong() {
    let world = World::new();
    let said: Value = serde_json::from_str(&world.run(&["--json", "exec", "langs"]).ok()).unwrap();
    let here = |name: &str| {
        let one = said["languages"].as_array().unwrap().iter().find(|one| one["name"] == name);
        let here = one.unwrap_or_else(|| panic!("{name} is known"))["installed"] == true;
        if !here {
            println!("{name} is not installed");
        }
        here
    };
    // Hello, what does not begin, what breaks off; and what the last says.
    let cases = [
        ("python", "print('Hello')", "print(", "1 / 0", "ZeroDivisionError"),
        ("javascript", "console.log('Hello')", "let let", "throw new Error('broke')", "broke"),
        ("typescript", "const a: string = 'Hello'; console.log(a)", "let let", "throw new Error('broke')", "broke"),
        (
            "java",
            "class A { public static void main(String[] a) { System.out.println(\"Hello\"); } }",
            "class A { int }",
            "class A { public static void main(String[] a) { throw new RuntimeException(\"broke\"); } }",
            "broke",
        ),
        (
            "c++",
            "#include <iostream>\nint main() { std::cout << \"Hello\\n\"; }",
            "int main() { return x; }",
            "#include <stdexcept>\nint main() { throw std::runtime_error(\"broke\"); }",
            "broke",
        ),
        (
            "c",
            "#include <stdio.h>\nint main() { puts(\"Hello\"); }",
            "int main() { return x; }",
            "#include <stdlib.h>\nint main() { abort(); }",
            "",
        ),
        ("sh", "echo Hello", "if", "echo broke >&2; exit 3", "broke"),
        ("bash", "cat <(echo Hello)", "if", "echo broke >&2; exit 3", "broke"),
        ("perl", "print \"Hello\\n\"", "if", "die 'broke'", "broke"),
    ];
    let walls = walls();
    for (language, hello, wrong, breaks, says) in cases {
        if !here(language) {
            continue;
        }
        for wall in &walls {
            let of = |code: &str| ran(&world, wall, &["-l", language, "-c", code]);
            let well = of(hello);
            let shape = (&well["stdout"], &well["stderr"], &well["status"], &well["stage"]);
            assert_eq!(shape, (&json!("Hello\n"), &json!(""), &json!("ok"), &json!("run")), "{language} in {wall}");
            let mistaken = of(wrong);
            assert!(mistaken["status"] == "failed" && mistaken["stderr"] != "", "{mistaken}");
            if language.starts_with('c') {
                assert_eq!(mistaken["stage"], "compile");
            }
            let broken = of(breaks);
            assert!(broken["status"] == "failed" && broken["stage"] == "run", "{broken}");
            assert!(broken["stderr"].as_str().unwrap().contains(says), "{broken}");
        }
    }
}

#[test]
fn code_comes_from_everywhere_and_gets_its_words_and_its_input() {
    let world = World::new();
    world.write("sum.py", "import sys\nprint(sum(map(int, sys.stdin)), sys.argv[1:])\n");
    let out = world.run_with(&["exec", "sum.py", "--", "-x", "$(id)"], "1\n2\n").ok();
    assert_eq!(out, "3 ['-x', '$(id)']\n");
    world.write("run", "#!/usr/bin/env bash\necho \"$#:$1\"; exit 7\n");
    let out = world.run(&["exec", "run", "--", "a b"]);
    assert_eq!((out.stdout.as_str(), out.code), ("1:a b\n", 7));
    assert_eq!(world.run_with(&["exec", "-l", "python"], "print(input.__name__)").ok(), "input\n");
    assert_eq!(world.run_with(&["exec"], "#!/bin/sh\necho by the first line").ok(), "by the first line\n");
    for (args, code, says) in [
        (&["exec", "-l", "cobol", "-c", "x"][..], 2, "\"cobol\" is no language"),
        (&["exec", "nowhere.py"], 3, "nowhere.py"),
        (&["exec", "-c", "x"], 2, "it is not known in which language this is"),
        (&["exec", "-l", "sh", "-c", "true", "--memory", "1"], 2, "--memory"),
        (&["exec", "-l", "sh", "-c", "true", "--sandbox", "wood"], 2, "wood"),
    ] {
        let said = world.run(args).failed(code);
        assert!(said.contains(says), "{args:?}: {said}");
    }
    world.write("latin.py", b"print('\xe4')");
    assert!(world.run(&["exec", "latin.py"]).failed(6).contains("not UTF-8"));
    // What ran is told, and what it was is not.
    let events = world.run(&["--json", "events", "tail", "code.*"]).ok();
    assert!(events.contains("code.ran") && events.contains("\"python\"") && !events.contains("$(id)"), "{events}");
    let near = world.run(&["exec", "-l", "pyhton", "-c", "x"]).failed(2);
    assert!(near.contains("did you mean python?"), "{near}");
    let quiet = world.sh(&format!("{} exec -l sh -c yes 2>&1 | head -1", env!("CARGO_BIN_EXE_fac")));
    assert_eq!(quiet, "y\n");
    assert_eq!(world.run(&["-q", "exec", "-l", "sh", "-c", "kill -9 $$"]).failed(137), "");
    let ls = world.run(&["exec", "langs"]).ok();
    assert!(ls.lines().any(|line| line.starts_with("python") && line.contains("/python3")), "{ls}");
}

#[test]
fn what_it_prints_commands_no_terminal() {
    let world = World::new();
    let code = r"print('\x1b]0;title\x07\x1b[2Jseen\u202e')";
    let seat = Seat::plain(&world, &["exec", "-l", "python", "-c", code], 80, 10);
    let (code, written) = seat.end();
    assert!(code == 0 && written.contains("seen⟨U+202E⟩") && !written.contains("title"), "{written:?}");
    assert!(!written.contains("\x1b]0") && !written.contains("\x1b[2J"), "{written:?}");
    // Nor does it reach the terminal by its input, which it gets all the same.
    for wall in walls() {
        let code = r"import os, termios; t = '\x1b]0;title\x07'
try: os.write(0, t.encode())
except OSError as e: print('no writing')
try: termios.tcgetattr(0)
except termios.error: print('no terminal')
print('said', input())";
        let mut seat = Seat::plain(&world, &["exec", "--sandbox", wall, "-l", "python", "-c", code], 80, 10);
        seat.expect("no writing").expect("no terminal").press("\x1ahello\r");
        let (code, written) = seat.end();
        assert!(code == 0 && written.contains("said hello") && !written.contains("title"), "{written:?}");
    }
    // Elsewhere it is what it is.
    assert_eq!(world.run(&["exec", "-l", "python", "-c", r"print('\x1b[1mx')"]).ok(), "\x1b[1mx\n");
}

#[test]
fn a_socket_runs_code_and_tells_what_it_prints() {
    let world = World::new();
    let served = Served::start(&world, &["--no-automations"]);
    let mut socket = served.socket();
    socket.until("hello");
    let python = json!({"language": "python", "code": "print('Hello')"});
    // As other programs ask: with what is wanted in the frame, or under a name; with an id or without.
    for (frame, under) in [
        (json!({"type": "ide:execute", "language": "python", "code": "print('Hello')"}), None),
        (json!({"type": "ide:execute", "data": python}), Some("data")),
        (json!({"type": "ide:execute", "id": 7, "payload": python}), Some("payload")),
    ] {
        let result = socket.send(frame.clone()).until("ide:result");
        assert_eq!(result["id"], frame["id"]);
        let result = under.map_or(&result, |name| &result[name]);
        assert_eq!((&result["output"], &result["exitCode"]), (&json!("Hello\n"), &json!(0)), "{result}");
        assert!(result["executionTime"].as_u64().is_some());
    }
    let slow = "import sys, time\nsys.stdout.write('one\\n')\ntime.sleep(60)";
    let begun = Instant::now();
    socket.send(json!({"type": "ide:execute", "id": "slow", "language": "python", "code": slow}));
    let first = socket.until("ide:output");
    assert_eq!((&first["data"], &first["stream"], &first["id"]), (&json!("one\n"), &json!("stdout"), &json!("slow")));
    socket.send(json!({"type": "ide:cancel", "id": "slow"}));
    let cancelled = socket.until("ide:result");
    assert_eq!((&cancelled["exitCode"], &cancelled["status"]), (&json!(130), &json!("interrupted")));
    assert!(begun.elapsed() < Duration::from_secs(30));
    let late = json!({"type": "ide:execute", "language": "sh", "code": "sleep 60", "timeout": 300});
    assert_eq!(socket.send(late).until("ide:result")["exitCode"], 124);
    // A folder in a folder in a folder: nobody falls over it.
    let deep = "import os\nfor i in range(15000): os.mkdir('a'); os.chdir('a')";
    socket.send(json!({"type": "ide:execute", "language": "python", "code": deep})).until("ide:result");
    for wrong in [
        json!({"type": "ide:execute", "language": "sh", "code": "x", "timeout": 0}),
        json!({"type": "ide:execute", "language": "sh", "code": "x", "args": ["a\0b"]}),
        json!({"type": "ide:execute", "language": "cobol", "code": "x"}),
        json!({"type": "ide:execute", "code": "x"}),
        json!({"type": "ide:execute", "data": 7}),
    ] {
        assert_eq!(socket.send(wrong).error()["status"], 422);
    }
}

#[test]
fn http_runs_code_for_those_who_may() {
    let world = World::new();
    let served = Served::start(&world, &["--no-automations"]);
    let ask = |body: Value| served.own("POST", "/api/v1/exec", body.to_string().as_bytes());
    let done = ask(
        json!({"language": "python", "code": "import sys; print(sys.argv[1], input())", "args": ["a"], "stdin": "b"}),
    );
    assert_eq!((done.status, &done.json()["stdout"]), (200, &json!("a b\n")), "{}", done.body);
    assert_eq!(ask(json!({"language": "cobol", "code": "x"})).status, 422);
    assert_eq!(ask(json!({"language": "sh", "code": "x", "timeout": 0})).status, 422);
    let languages = served.own("GET", "/api/v1/exec/languages", b"").json();
    assert!(
        languages["items"].as_array().unwrap().iter().any(|one| one["name"] == "python" && one["installed"] == true)
    );
    let secrets = ask(json!({"language": "python", "code": "import os; print(dict(os.environ))"})).json();
    assert!(!secrets["stdout"].as_str().unwrap().contains("FAC_HOME"), "{secrets}");
    // Who goes away ends it.
    let mark = format!("{}", 90_000 + std::process::id());
    let body = json!({"language": "sh", "code": format!("sleep {mark}")}).to_string();
    let curl = ["-s", "-H", &format!("authorization: Bearer {}", served.key), "-H", "content-type: application/json"]
        .map(String::from);
    let mut child = Command::new("curl")
        .args(curl)
        .args(["-d", &body, &format!("http://{}/api/v1/exec", served.address)])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    eventually("it sleeps", || processes(&format!("sleep\0{mark}")) > 0);
    child.kill().unwrap();
    child.wait().unwrap();
    eventually("nobody sleeps", || processes(&format!("sleep\0{mark}")) == 0);
}
