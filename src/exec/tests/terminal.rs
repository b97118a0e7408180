//! Programs on a pseudo-terminal, with a second one in the person's place.

use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};

use rustix::termios::{LocalModes, Winsize, tcgetattr, tcgetpgrp, tcsetwinsize};

use super::*;
use crate::exec::run::run_on;
use crate::exec::unix::{Console, Pty};
use crate::exec::{Input, Output};

/// A terminal, and the hands and eyes of a person at it.
struct Seat {
    hands: File,
    terminal: OwnedFd,
}

impl Seat {
    fn new() -> Self {
        let (pty, terminal) = Pty::open(&Console::default()).unwrap();
        Seat { hands: File::from(pty.master), terminal }
    }

    fn console(&self) -> Console {
        Console::on(self.terminal.try_clone().unwrap())
    }

    fn types(&self, keys: &str) {
        (&self.hands).write_all(keys.as_bytes()).unwrap();
    }

    fn modes(&self) -> String {
        format!("{:?}", tcgetattr(&self.terminal).unwrap())
    }

    fn is_raw(&self) -> bool {
        !tcgetattr(&self.terminal).unwrap().local_modes.intersects(LocalModes::ICANON | LocalModes::ISIG)
    }
}

fn on_terminal(script: &str) -> Job {
    let mut job = sh(script);
    (job.output, job.stdin, job.timeout) = (Output::Terminal, Input::Inherit, Some(LONG));
    job.env.push(("TERM".into(), "xterm-256color".into()));
    job
}

fn sit(seat: &Seat, job: Job, sink: &mut dyn Sink) -> Outcome {
    let before = seat.modes();
    let outcome = run_on(job, sink, &Stop::new().unwrap(), seat.console()).unwrap();
    assert_eq!(seat.modes(), before, "the terminal is as it was");
    outcome
}

#[test]
fn a_program_sees_a_terminal_of_our_size() {
    let seat = Seat::new();
    tcsetwinsize(&seat.terminal, Winsize { ws_row: 33, ws_col: 101, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
    let outcome = sit(&seat, on_terminal("test -t 0 && test -t 1 && test -t 2 && stty size </dev/tty"), &mut quiet);
    assert_eq!((outcome.status, text(outcome.stdout.joined())), (Status::Exited(0), "33 101\r\n".into()));
    assert_eq!(outcome.stderr.total, 0);
}

#[test]
fn without_a_person_it_has_the_usual_size() {
    let mut job = on_terminal("stty size <&1; test ! -t 0; echo $?");
    job.stdin = Input::Null;
    let outcome = run_on(job, &mut quiet, &Stop::new().unwrap(), Console::default()).unwrap();
    assert_eq!(text(outcome.stdout.joined()), "24 80\r\n0\r\n");
}

#[test]
fn a_program_colours_its_output() {
    let outcome = sit(&Seat::new(), on_terminal("ls --color=auto -d /"), &mut quiet);
    assert!(text(outcome.stdout.joined()).contains("\x1b["));
}

#[test]
fn keys_reach_the_program_and_our_terminal_is_raw_meanwhile() {
    let seat = Seat::new();
    let mut raw = false;
    let mut sink = when("name?", || {
        raw = seat.is_raw();
        seat.types("Ada\r");
    });
    let outcome = sit(&seat, on_terminal("echo name?; read x; echo \"<$x>\""), &mut sink);
    drop(sink);
    assert!(raw);
    assert_eq!(text(outcome.stdout.joined()), "name?\r\nAda\r\n<Ada>\r\n");
}

#[test]
fn input_from_elsewhere_leaves_the_keys_to_the_terminal() {
    let seat = Seat::new();
    let mut job = on_terminal("cat; echo key?; read x </dev/tty; echo \"<$x>\"");
    job.stdin = Input::Bytes(b"data\n".to_vec());
    let outcome = sit(&seat, job, &mut when("key?", || seat.types("y\r")));
    assert_eq!(text(outcome.stdout.joined()), "data\r\nkey?\r\ny\r\n<y>\r\n");
}

#[test]
fn all_output_arrives_before_the_end() {
    let seat = Seat::new();
    for _ in 0..5 {
        let outcome = sit(&seat, on_terminal("head -c 300000 /dev/zero | tr '\\0' x"), &mut quiet);
        assert_eq!((outcome.status, outcome.stdout.total), (Status::Exited(0), 300_000));
    }
}

#[test]
fn ctrl_c_interrupts() {
    let seat = Seat::new();
    let outcome = sit(&seat, on_terminal("echo ready; exec sleep 1000"), &mut when("ready", || seat.types("\x03")));
    assert_eq!(outcome.status, Status::Interrupted);
}

#[test]
fn ctrl_c_ends_a_program_that_ignores_it() {
    let seat = Seat::new();
    let job = on_terminal("trap '' INT; echo ready; sleep 1000");
    let outcome = sit(&seat, job, &mut when("ready", || seat.types("\x03")));
    assert_eq!(outcome.status, Status::Interrupted);
    assert!(outcome.duration < SOON);
}

#[test]
fn ctrl_c_is_only_a_key_for_programs_that_read_keys() {
    let seat = Seat::new();
    let job = on_terminal("stty raw -echo; echo ready; dd bs=1 count=1 2>/dev/null | od -An -tx1");
    let outcome = sit(&seat, job, &mut when("ready", || seat.types("\x03")));
    assert_eq!(outcome.status, Status::Exited(0));
    assert!(text(outcome.stdout.joined()).contains(" 03"));
}

#[test]
fn whoever_types_on_after_ctrl_c_is_not_cut_off() {
    let seat = Seat::new();
    let job = on_terminal("trap 'echo caught' INT; echo ready; read x; sleep 0.5; echo fine");
    let mut first = when("ready", || seat.types("\x03"));
    let mut second = when("caught", || seat.types("\r"));
    let mut sink = |stream: Stream, bytes: &[u8]| {
        let _ = first.output(stream, bytes);
        second.output(stream, bytes)
    };
    let outcome = sit(&seat, job, &mut sink);
    assert_eq!(outcome.status, Status::Exited(0));
    assert!(text(outcome.stdout.joined()).ends_with("fine\r\n"));
}

#[test]
fn a_timeout_and_a_stop_end_a_session() {
    let seat = Seat::new();
    let mut job = on_terminal("trap '' TERM HUP; echo $$; sleep 1000");
    (job.timeout, job.grace) = (Some(SHORT), SHORT);
    let outcome = sit(&seat, job, &mut quiet);
    assert_eq!(outcome.status, Status::TimedOut);
    assert!(!lives(&text(outcome.stdout.joined())));
    let stop = Stop::new().unwrap();
    let job = on_terminal("echo ready; exec sleep 1000");
    let outcome = run_on(job, &mut when("ready", || stop.request()), &stop, seat.console()).unwrap();
    assert_eq!(outcome.status, Status::Interrupted);
}

#[test]
fn a_changed_window_reaches_the_program() {
    let seat = Seat::new();
    let mut sink = when("ready", || {
        tcsetwinsize(&seat.terminal, Winsize { ws_row: 5, ws_col: 7, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
        signal_hook::low_level::raise(signal_hook::consts::SIGWINCH).unwrap();
    });
    let job = on_terminal("trap 'stty size; exit' WINCH; echo ready; while :; do sleep 0.01; done");
    let outcome = sit(&seat, job, &mut sink);
    assert_eq!(text(outcome.stdout.joined()), "ready\r\n5 7\r\n");
}

#[test]
fn what_is_left_in_the_background_holds_nobody_up() {
    let outcome = sit(&Seat::new(), on_terminal("sleep 1000 & echo hi"), &mut quiet);
    assert_eq!((outcome.status, text(outcome.stdout.joined())), (Status::Exited(0), "hi\r\n".into()));
    assert!(outcome.duration < SOON);
}

#[test]
fn a_panic_of_the_reader_restores_the_terminal() {
    let seat = Seat::new();
    let before = seat.modes();
    let mut panics = |_: Stream, _: &[u8]| panic!("reader");
    let stop = Stop::new().unwrap();
    let job = on_terminal("echo x; sleep 1000");
    assert!(catch_unwind(AssertUnwindSafe(|| run_on(job, &mut panics, &stop, seat.console()))).is_err());
    assert_eq!(seat.modes(), before);
}

#[test]
fn a_seat_that_is_left_takes_no_keys() {
    let Seat { hands, terminal } = Seat::new();
    let mut hands = Some(hands);
    let mut sink = when("ready", || drop(hands.take()));
    let console = Console::on(terminal);
    let outcome = run_on(on_terminal("echo ready; sleep 0.05; echo fin"), &mut sink, &Stop::new().unwrap(), console);
    assert_eq!(outcome.unwrap().status, Status::Exited(0));
}

/// Runs one of the tests below in a session of its own, on a terminal of its own.
fn in_a_session(test: &str, sink: &mut dyn Sink, seat: &Seat) -> Outcome {
    let mut job = on_terminal("");
    job.program = std::env::current_exe().unwrap().into();
    job.args = vec![format!("exec::tests::terminal::{test}").into(), "--exact".into(), "--nocapture".into()];
    job.env.push(("FAC_TEST_SESSION".into(), "1".into()));
    sit(seat, job, sink)
}

fn is_in_a_session() -> bool {
    std::env::var_os("FAC_TEST_SESSION").is_some()
}

fn loud(_: Stream, bytes: &[u8]) -> ControlFlow<()> {
    std::io::stderr().write_all(bytes).unwrap();
    ControlFlow::Continue(())
}

/// Only for a process on a terminal: a job on pipes that reads this terminal, and how it ended.
#[test]
fn inner_pipes_that_read_the_terminal() {
    if !is_in_a_session() {
        return;
    }
    let terminal = File::open("/dev/tty").unwrap();
    let before = format!("{:?}", tcgetattr(&terminal).unwrap());
    let mut job = sh("stty -echo </dev/tty; echo secret?; read x </dev/tty; echo \"<$x>\"");
    job.timeout = Some(LONG);
    let outcome = run(job, &mut loud, &Stop::new().unwrap()).unwrap();
    assert_eq!(tcgetpgrp(&terminal).unwrap(), rustix::process::getpgrp(), "the terminal is ours again");
    assert_eq!(format!("{:?}", tcgetattr(&terminal).unwrap()), before);
    eprintln!("inner: {:?}", outcome.status);
}

#[test]
fn a_program_on_pipes_may_read_our_terminal() {
    let seat = Seat::new();
    let mut sink = when("secret?", || seat.types("abc\r"));
    let outcome = in_a_session("inner_pipes_that_read_the_terminal", &mut sink, &seat);
    let said = text(outcome.stdout.joined());
    assert_eq!(outcome.status, Status::Exited(0), "{said}");
    assert!(said.contains("secret?\r\n<abc>\r\ninner: Exited(0)\r\n"), "{said}");
}

#[test]
fn ctrl_z_suspends_us_with_a_program_that_was_lent_the_terminal() {
    let seat = Seat::new();
    let exe = std::env::current_exe().unwrap();
    let inner = "--exact exec::tests::terminal::inner_pipes_that_read_the_terminal --nocapture";
    let mut job = on_terminal(&format!("{} {inner}; echo held $?; fg >/dev/null; echo end $?", exe.display()));
    job.program = "bash".into();
    job.args.insert(0, "-m".into());
    job.env.push(("FAC_TEST_SESSION".into(), "1".into()));
    let mut first = when("secret?", || seat.types("\x1a"));
    let mut second = when("held 148", || seat.types("abc\r"));
    let mut sink = |stream: Stream, bytes: &[u8]| {
        let _ = first.output(stream, bytes);
        second.output(stream, bytes)
    };
    let outcome = sit(&seat, job, &mut sink);
    let said = text(outcome.stdout.joined());
    assert_eq!(outcome.status, Status::Exited(0), "{said}");
    assert!(said.contains("<abc>\r\ninner: Exited(0)\r\n") && said.ends_with("end 0\r\n"), "{said}");
}

#[test]
fn ctrl_c_reaches_a_program_that_was_lent_the_terminal() {
    let seat = Seat::new();
    let mut sink = when("secret?", || seat.types("\x03"));
    let outcome = in_a_session("inner_pipes_that_read_the_terminal", &mut sink, &seat);
    let said = text(outcome.stdout.joined());
    assert_eq!(outcome.status, Status::Exited(0), "{said}");
    assert!(said.contains("inner: Interrupted"), "{said}");
}

/// Only for a process on a terminal: signals end what runs, and afterwards end the process.
#[test]
fn inner_signals_stop() {
    if !is_in_a_session() {
        return;
    }
    let signals = crate::exec::signals::StopOnSignals::new().unwrap();
    let outcome = run(sh("echo ready; sleep 1000"), &mut loud, signals.stop()).unwrap();
    eprintln!("inner: {:?} by {:?}", outcome.status, signals.stop().signal());
    drop(signals);
    let signals = crate::exec::signals::StopOnSignals::new().unwrap();
    signal_hook::low_level::raise(signal_hook::consts::SIGINT).unwrap();
    eprintln!("inner: again {:?}", signals.stop().signal());
    drop(signals);
    signal_hook::low_level::raise(signal_hook::consts::SIGTERM).unwrap();
    eprintln!("inner: still here");
}

#[test]
fn ctrl_c_stops_a_program_on_pipes() {
    let seat = Seat::new();
    let mut sink = when("ready", || seat.types("\x03"));
    let outcome = in_a_session("inner_signals_stop", &mut sink, &seat);
    let said = text(outcome.stdout.joined());
    assert!(said.contains("inner: Interrupted by Some(2)\r\n") && !said.contains("still here"), "{said}");
    assert!(said.contains("inner: again Some(2)\r\n"), "{said}");
    assert_eq!(outcome.status, Status::Signalled(15));
}

/// Only for a process on a terminal that was told to ignore HUP.
#[test]
fn inner_ignored_signals() {
    if !is_in_a_session() {
        return;
    }
    let signals = crate::exec::signals::StopOnSignals::new().unwrap();
    signal_hook::low_level::raise(signal_hook::consts::SIGHUP).unwrap();
    let ignored = crate::exec::unix::ignored_signals();
    eprintln!("inner: {:?} {}", [1, 2, 15].map(|n| ignored.contains(&n)), signals.stop().is_requested());
}

#[test]
fn signals_that_were_ignored_stay_ignored() {
    let exe = std::env::current_exe().unwrap();
    let inner = "--exact exec::tests::terminal::inner_ignored_signals --nocapture";
    let mut job = sh(&format!("trap '' HUP; trap - INT TERM; exec {} {inner} 2>&1", exe.display()));
    job.env.push(("FAC_TEST_SESSION".into(), "1".into()));
    let said = text(go(job).stdout.joined());
    assert!(said.contains("inner: [true, false, false] false\n"), "{said}");
}
