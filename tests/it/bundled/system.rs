//! commands/system.md and commands/dev.md

use super::{World, run};

#[test]
fn system_info() {
    let shown = run(&World::new(), &["system", "info"]).ok();
    for name in ["host ", "system ", "kernel ", "processor ", "cores ", "memory ", "load ", "up "] {
        assert!(shown.lines().any(|l| l.starts_with(name)), "{name} is not in {shown}");
    }
}

#[test]
fn system_top() {
    let world = World::new();
    for by in ["cpu", "memory"] {
        let shown = run(&world, &["system", "top", "2", "--by", by]).ok();
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!((lines.len(), lines[0]), (3, "     PID     CPU     MEMORY  NAME"));
        assert!(lines[1].contains('%') && lines[1].contains(" MiB  "), "{shown}");
    }
}

#[test]
fn system_failed() {
    let answer = run(&World::new(), &["system", "failed"]);
    if std::path::Path::new("/run/systemd/system").is_dir() {
        assert!(!answer.ok().is_empty());
    } else {
        assert_eq!(answer.failed(5), "systemd does not run here, so there are no services to look at\n");
    }
}

#[test]
fn system_power() {
    let shown = run(&World::new(), &["system", "power"]).ok();
    let known = |l: &str| l.ends_with("°C") || l.ends_with("rpm") || l.contains('%');
    assert!(shown == "there is no battery and no sensor here\n" || shown.lines().all(known), "{shown}");
}

#[test]
fn system_env() {
    let mut world = World::new();
    world.set("MY_API_TOKEN", "sk-123");
    world.set("MY_PLACE", "over\u{1b}[2Jthere");
    assert_eq!(run(&world, &["system", "env", "my_"]).ok(), "MY_API_TOKEN=***\nMY_PLACE=over\\x1b[2Jthere\n");
    assert_eq!(run(&world, &["system", "env", "my_api", "--show"]).ok(), "MY_API_TOKEN=sk-123\n");
    run(&world, &["system", "env", "sk-123"]).failed(1);
}

#[test]
fn system_path() {
    let mut world = World::new();
    world.write("bin/hello", "#!/bin/sh\n");
    world.sh("chmod +x bin/hello");
    let bin = world.path("bin").to_str().unwrap().to_string();
    world.set("PATH", &format!("{bin}:/usr/bin:/bin:/nowhere:{bin}"));
    assert_eq!(run(&world, &["system", "path", "hello"]).ok(), format!("{bin}/hello\n{bin}/hello\n"));
    let shown = run(&world, &["system", "path"]).ok();
    assert_eq!(shown, format!("{bin}\n/usr/bin\n/bin\n/nowhere   missing\n{bin}   twice\n"));
    assert_eq!(run(&world, &["system", "path", "goodbye"]).failed(1), "there is no goodbye in PATH\n");
}

#[test]
fn dev_todos() {
    let world = World::new();
    world.write("a.rs", "x\n// TODO: this\nlet TODOS = 1;\n");
    world.write("b/c.py", "# FIXME that\n");
    let want = "a.rs:2:// TODO: this\nb/c.py:1:# FIXME that\n";
    assert_eq!(run(&world, &["dev", "todos"]).ok(), want, "without git");
    world.sh("git init -q . && echo ignored > .gitignore && echo '# TODO' > ignored");
    assert_eq!(run(&world, &["dev", "todos"]).ok(), want, "with git");
    world.write("empty/x", "");
    let nothing = run(&world, &["dev", "todos", "empty"]);
    assert_eq!((nothing.code, nothing.stderr.as_str()), (0, "nothing is left to do here\n"));
}

#[test]
fn dev_lines() {
    let world = World::new();
    world.write("a.rs", "one\n\nthree\n");
    world.write("b/c.rs", "one\n");
    world.write("Makefile", "all:\n");
    world.write("x.bin", [0u8, 1, 2]);
    let rows = |text: String| -> Vec<String> {
        text.lines().map(|l| l.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
    };
    let want = ["kind files lines blank", "rs 2 4 1", "Makefile 1 1 0", "in all 3 5 1"];
    assert_eq!(rows(run(&world, &["dev", "lines"]).ok()), want, "without git");
    world.sh("git init -q . && printf 'target/\n.gitignore\n' > .gitignore && mkdir target && echo x > target/y.rs");
    assert_eq!(rows(run(&world, &["dev", "lines"]).ok()), want, "with git");
}

#[test]
fn dev_uuid() {
    let world = World::new();
    let made = run(&world, &["dev", "uuid", "3"]).ok();
    let shape =
        |u: &str, version: char| u.len() == 36 && u.as_bytes()[14] == version as u8 && "89ab".contains(&u[19..20]);
    assert!(made.lines().count() == 3 && made.lines().all(|u| shape(u, '4')), "{made}");
    let timed = run(&world, &["dev", "uuid", "--version", "7"]).ok();
    assert!(shape(timed.trim(), '7') && timed.starts_with("01"), "{timed}");
}

#[test]
fn dev_password() {
    let world = World::new();
    let made = run(&world, &["dev", "password"]);
    assert_eq!((made.stdout.trim_end().len(), made.stderr.as_str()), (20, "121 bits each\n"));
    let plain = run(&world, &["dev", "password", "12", "--plain", "-n", "2"]).ok();
    assert!(plain.lines().count() == 2 && plain.lines().all(|p| p.len() == 12), "{plain}");
    assert!(plain.chars().all(|c| c == '\n' || c.is_ascii_alphanumeric() && !"lIO01o".contains(c)), "{plain}");
    run(&world, &["dev", "password", "2"]).failed(2);
}

#[test]
fn dev_envdiff() {
    let world = World::new();
    world.write("old", "A=1\nB=2\n# C=3\nSAME='x'\n");
    world.write("new", "export B=3\nD=4\nSAME=x\n");
    let differ = run(&world, &["dev", "envdiff", "old", "new"]);
    assert_eq!((differ.code, differ.stdout.as_str()), (1, "- A\n~ B\n+ D\n"));
    let values = run(&world, &["dev", "envdiff", "old", "new", "--values"]).stdout;
    assert_eq!(values, "- A = 1\n~ B = 2 -> 3\n+ D = 4\n");
    assert_eq!(run(&world, &["dev", "envdiff", "old", "old"]).ok(), "");
}

#[test]
fn dev_retry() {
    let world = World::new();
    let twice = "echo x >> tries; test $(wc -l < tries) = 2";
    let said = run(&world, &["dev", "retry", "--pause", "0", "--", "sh", "-c", twice]);
    assert_eq!((said.code, said.stderr.as_str()), (0, "try 1 of 3 ended with 1\n"));
    let never = run(&world, &["dev", "retry", "--pause", "0", "--times", "2", "--", "sh", "-c", "exit 7"]);
    assert_eq!(never.failed(7), "try 1 of 2 ended with 7\ntry 2 of 2 ended with 7\n");
    assert!(run(&world, &["dev", "retry", "--", "no-such-program"]).failed(5).starts_with("cannot start"));
}
