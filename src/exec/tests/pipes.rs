//! Programs on pipes.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::*;
use crate::exec::{CaptureLimits, Input};
use crate::kernel::error::Kind;

#[test]
fn streams_and_exit_code_are_told_apart() {
    let outcome = go(sh("printf out; printf err >&2; exit 3"));
    assert_eq!(outcome.status, Status::Exited(3));
    assert_eq!((text(outcome.stdout.joined()), text(outcome.stderr.joined())), ("out".into(), "err".into()));
}

#[test]
fn output_arrives_while_the_program_runs_and_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let gates = ["gate-1", "gate-2"].map(|name| folder.path().join(name));
    assert!(std::process::Command::new("mkfifo").args(&gates).status().unwrap().success());
    let mut job = sh("echo one; read x < gate-1; echo two >&2; read x < gate-2; echo three");
    job.cwd = folder.path().to_owned();
    let mut seen = Vec::new();
    let mut sink = |stream: Stream, bytes: &[u8]| {
        seen.push((stream, text(bytes.to_vec())));
        if let Some(gate) = gates.get(seen.len() - 1) {
            std::fs::write(gate, "\n").unwrap();
        }
        ControlFlow::Continue(())
    };
    assert!(run(job, &mut sink, &Stop::new().unwrap()).unwrap().status.success());
    let expected = [(Stream::Stdout, "one\n"), (Stream::Stderr, "two\n"), (Stream::Stdout, "three\n")];
    assert_eq!(seen, expected.map(|(stream, said)| (stream, said.to_owned())));
}

#[test]
fn a_program_apart_has_no_terminal_and_leads_a_session_of_its_own() {
    let mut job = sh("(: </dev/tty) 2>/dev/null && echo terminal; cat; ps -o sid= -p $$ | tr -d ' '; echo $$");
    (job.apart, job.stdin) = (true, Input::Inherit);
    let outcome = go(job);
    let said = text(outcome.stdout.joined());
    let lines: Vec<&str> = said.lines().collect();
    assert!(lines.len() == 2 && lines[0] == lines[1], "{said}");
}

#[test]
fn the_environment_and_the_folder_are_those_of_the_job() {
    let mut job = Job::new("/usr/bin/env", "/tmp");
    job.env = vec![("A".into(), "x'; touch PWNED; #".into()), ("B".into(), "two\nlines".into())];
    assert_eq!(text(go(job).stdout.joined()), "A=x'; touch PWNED; #\nB=two\nlines\n");
    let mut job = sh("pwd");
    job.cwd = "/usr".into();
    assert_eq!(text(go(job).stdout.joined()), "/usr\n");
}

#[test]
fn standard_input_is_nothing_bytes_or_a_file() {
    assert_eq!(text(go(sh("cat")).stdout.joined()), "");
    let mut job = sh("cat");
    job.stdin = Input::Bytes(b"given".to_vec());
    assert_eq!(text(go(job).stdout.joined()), "given");
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("f"), "filed").unwrap();
    let mut job = sh("cat");
    job.stdin = Input::File(std::fs::File::open(folder.path().join("f")).unwrap());
    assert_eq!(text(go(job).stdout.joined()), "filed");
}

#[test]
fn large_input_goes_through_while_output_comes_back() {
    let bytes: Vec<u8> = (0..5_000_000u32).map(|n| n as u8).collect();
    let mut job = sh("cat");
    job.stdin = Input::Bytes(bytes.clone());
    job.capture.head = 6_000_000;
    let outcome = go(job);
    assert!(outcome.stdout.joined() == bytes);
}

#[test]
fn a_program_need_not_read_its_input() {
    for script in ["exec true", "head -c 3", "exec <&-; sleep 0.05; echo fin"] {
        let mut job = sh(script);
        job.stdin = Input::Bytes(vec![b'x'; 1_000_000]);
        assert_eq!(go(job).status, Status::Exited(0), "{script}");
    }
}

#[test]
fn a_program_that_closes_its_output_is_waited_for() {
    assert_eq!(go(sh("exec >&- 2>&-; sleep 0.1; exit 4")).status, Status::Exited(4));
}

#[test]
fn a_program_that_kills_itself_is_told_from_one_we_killed() {
    assert_eq!(go(sh("kill -KILL $$")).status, Status::Signalled(9));
    assert_eq!(go(sh("kill -INT $$")).status, Status::Signalled(2));
}

#[test]
fn a_timeout_ends_the_whole_group() {
    let mut job = sh("sleep 1000 & echo $!; wait");
    job.timeout = Some(SHORT);
    let outcome = go(job);
    assert_eq!(outcome.status, Status::TimedOut);
    assert!(outcome.duration >= SHORT && outcome.duration < SOON, "{:?}", outcome.duration);
    assert!(!lives(&text(outcome.stdout.joined())));
}

#[test]
fn who_ignores_term_is_killed_after_the_grace() {
    let mut job = sh("trap '' TERM; sleep 1000 & echo $!; wait");
    (job.timeout, job.grace) = (Some(SHORT), SHORT);
    let outcome = go(job);
    assert_eq!(outcome.status, Status::TimedOut);
    assert!(outcome.duration >= 2 * SHORT && outcome.duration < SOON, "{:?}", outcome.duration);
    assert!(!lives(&text(outcome.stdout.joined())));
}

#[test]
fn a_stopped_group_is_ended_too() {
    let mut job = sh("echo x; kill -STOP $$; sleep 1000");
    (job.timeout, job.grace) = (Some(SHORT), LONG);
    let outcome = go(job);
    assert_eq!(outcome.status, Status::TimedOut);
    assert!(outcome.duration < SOON);
}

#[test]
fn members_that_outlive_the_leader_have_the_grace() {
    let folder = tempfile::tempdir().unwrap();
    let member = "trap 'sleep 0.1; echo tidy > tidied; exit' TERM; echo up > up; while :; do sleep 0.01; done";
    let mut job =
        sh(&format!("({member}) >/dev/null 2>&1 & while ! test -s up; do sleep 0.01; done; echo ready; wait"));
    (job.cwd, job.grace) = (folder.path().to_owned(), LONG);
    let stop = Stop::new().unwrap();
    let outcome = run(job, &mut when("ready", || stop.request()), &stop).unwrap();
    assert_eq!(outcome.status, Status::Interrupted);
    assert_eq!(std::fs::read_to_string(folder.path().join("tidied")).unwrap(), "tidy\n");
    assert!(outcome.duration < SOON);
}

#[test]
fn what_is_left_in_the_background_holds_nobody_up() {
    let mut job = sh("sleep 1000 & echo $!");
    job.timeout = Some(LONG);
    let outcome = go(job);
    assert_eq!(outcome.status, Status::Exited(0));
    assert!(outcome.duration < SOON);
    let pid = text(outcome.stdout.joined());
    assert!(lives(&pid), "it is not ours to kill");
    assert!(std::process::Command::new("kill").args(["-KILL", pid.trim()]).status().unwrap().success());
}

#[test]
fn a_slow_reader_loses_nothing_at_the_end() {
    let mut slow = |_: Stream, _: &[u8]| {
        std::thread::sleep(crate::exec::DRAIN);
        ControlFlow::Continue(())
    };
    let outcome = run(sh("head -c 100000 /dev/zero"), &mut slow, &Stop::new().unwrap()).unwrap();
    assert_eq!(outcome.stdout.total, 100_000);
}

#[test]
fn a_stop_interrupts_and_a_second_one_kills() {
    let mut job = sh("trap 'echo again' TERM; echo ready; while :; do sleep 0.01; done");
    job.grace = LONG;
    let stop = Stop::new().unwrap();
    let mut first = when("ready", || stop.request());
    let mut second = when("again", || stop.request());
    let mut sink = |stream: Stream, bytes: &[u8]| {
        let _ = first.output(stream, bytes);
        second.output(stream, bytes)
    };
    let outcome = run(job, &mut sink, &stop).unwrap();
    assert_eq!(outcome.status, Status::Interrupted);
    assert!(outcome.duration < SOON);
}

#[test]
fn nothing_starts_once_a_stop_was_requested() {
    let stop = Stop::new().unwrap();
    stop.request();
    let outcome = run(sh("echo started"), &mut quiet, &stop).unwrap();
    assert_eq!((outcome.status, outcome.stdout.total), (Status::Interrupted, 0));
}

#[test]
fn huge_output_is_bounded_in_memory_and_whole_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let mut job = sh("head -c 20000000 /dev/zero; echo END; echo small >&2");
    job.capture =
        CaptureLimits { head: 1000, tail: 1000, spill: Some(folder.path().join("run")), ..CaptureLimits::default() };
    let Outcome { stdout, stderr, .. } = go(job);
    assert_eq!((stdout.total, stdout.head.len(), stdout.tail.len()), (20_000_004, 1000, 1000));
    assert!(stdout.truncated() && stdout.tail.ends_with(b"\0END\n"));
    let file = folder.path().join("run.stdout");
    assert_eq!(stdout.spill.as_deref(), Some(file.as_path()));
    assert_eq!(std::fs::metadata(&file).unwrap().len(), 20_000_004);
    assert_eq!((stderr.truncated(), stderr.spill, stdout.spill_problem), (false, None, None));
    assert!(!folder.path().join("run.stderr").exists());
}

#[test]
fn a_reader_that_leaves_is_felt_by_the_program() {
    let mut leave = |_: Stream, _: &[u8]| ControlFlow::Break(());
    let mut job = Job::new("yes", "/");
    job.env = sh("").env;
    assert_eq!(run(job, &mut leave, &Stop::new().unwrap()).unwrap().status, Status::Signalled(13));
}

#[test]
fn a_panic_of_the_reader_leaves_nothing_behind() {
    let mut pid = String::new();
    let mut panics = |_: Stream, bytes: &[u8]| {
        pid = text(bytes.to_vec());
        panic!("reader");
    };
    let caught =
        catch_unwind(AssertUnwindSafe(|| run(sh("echo $$; exec sleep 1000"), &mut panics, &Stop::new().unwrap())));
    assert!(caught.is_err());
    assert!(!pid.is_empty() && !lives(&pid));
}

fn refused(job: Job) -> (Kind, String) {
    let error = run(job, &mut quiet, &Stop::new().unwrap()).unwrap_err();
    (error.kind(), error.message().to_owned())
}

#[test]
fn what_cannot_be_started_is_explained() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let orphan = folder.path().join("orphan");
    std::fs::write(&orphan, "#!/no/such/interpreter\n").unwrap();
    let named = |name: &str| {
        let mut job = Job::new(name, folder.path());
        job.env = sh("").env;
        job
    };
    assert_eq!(refused(named("no-such")), (Kind::Missing, "the program no-such is not installed".into()));
    assert_eq!(refused(named("./no-such")), (Kind::Missing, "there is no program ./no-such".into()));
    assert_eq!(refused(named("./orphan")), (Kind::Failed, "./orphan cannot be executed".into()));
    std::fs::set_permissions(&orphan, std::fs::Permissions::from_mode(0o700)).unwrap();
    let first_line = "the interpreter that ./orphan names in its first line is not installed";
    assert_eq!(refused(named("./orphan")), (Kind::Missing, first_line.into()));
    std::fs::write(&orphan, "no program at all\n").unwrap();
    assert_eq!(refused(named("./orphan")), (Kind::Failed, "./orphan cannot be started".into()));
    let mut job = named("");
    (job.program, job.cwd) = ("./Cargo.toml".into(), "src/..".into());
    assert_eq!(refused(job), (Kind::Failed, "./Cargo.toml cannot be executed".into()));
    let mut job = sh("true");
    job.cwd = folder.path().join("none");
    let message = format!("there is no working folder {}", job.cwd.display());
    assert_eq!(refused(job), (Kind::NotFound, message));
    let mut job = sh("true");
    job.env.push(("NOTES".into(), "a\0b".into()));
    let message = "the value of NOTES holds a NUL byte, which no program can be given";
    assert_eq!(refused(job), (Kind::Usage, message.into()));
}
