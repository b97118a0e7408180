//! One sitting at the screen: the loop, and the effects that leave the shell.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use crossterm::event::Event;
use jiff::tz::TimeZone;
use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;

use super::actions;

use super::crash;
use super::extras::{self, Extras};
use super::happening::{Effect, Fault, Happening, Lend, Tell};
use super::input::Reader;
use super::jobs::{Jobs, Posted};
use super::keymap::Keymap;
use super::pictures::Way;
use super::screen::{Screen, Wishes, noise_file};
use super::shell::{Incoming, Settings, Shell};
use super::tabs::{TABLES, TabId};
use super::theme::{Depth, Theme, is_light};
use crate::app::App;
use crate::exec::desktop;
use crate::kernel::door::Door;
use crate::kernel::error::{Context, Error, Kind, Result};
use crate::kernel::events::{Position, Recorded};

/// Frames are at least so far apart.
const FRAME: Duration = Duration::from_millis(16);

/// Lines are said at least so far apart: half a sentence is no use to who listens.
const QUIET: Duration = Duration::from_millis(400);

/// What moves does so this often.
const MOMENT: Duration = Duration::from_millis(100);

/// The log is looked at this often for what other processes did.
const LOOK: Duration = Duration::from_millis(250);

/// What still goes on gets so long to end when the person leaves: a little more than programs do.
const SETTLED: Duration = Duration::from_secs(7);

/// Who has the terminal is looked at this often.
const LENT: Duration = Duration::from_millis(30);

/// A program that is to end with us gets so long before it is killed.
const GRACE: Duration = Duration::from_secs(2);

/// Facts that are handed on at once; whoever missed some reads the rows.
const NEWS: usize = 200;

/// A yes that comes sooner than this after its question was meant for something else, microseconds.
const PATIENCE: i64 = 600_000;

/// The door of a screen: this and the number of its process.
pub const CHAT_DOOR: &str = "chat-";

/// How it begins.
#[derive(Clone, Debug, Default)]
pub struct Start {
    /// The tab in front.
    pub tab: Option<TabId>,
    /// What that tab is told.
    pub tell: Option<Tell>,
    /// Whether colours are wanted at all.
    pub coloured: bool,
    /// Plain lines instead of a picture.
    pub linear: bool,
}

/// What reaches the loop.
enum Arrival {
    Terminal(Event),
    Posted(Posted),
    News(Vec<Recorded>),
    /// What another process heard for the chat.
    Heard(String),
    Signal(i32),
    /// Plugins added something else.
    Added,
    Gone,
}

impl From<Posted> for Arrival {
    fn from(posted: Posted) -> Arrival {
        Arrival::Posted(posted)
    }
}

/// Shows the screen until the person leaves; gives the exit code.
///
/// # Errors
/// When there is no terminal, or the settings or the store cannot be read.
pub fn run(app: &App, start: Start) -> Result<u8> {
    let mut app = app.another()?;
    // The keyboard and the screen are ours: a program that asks for a terminal hears that there is none.
    app.apart = true;
    let app = &app;
    let config = app.config()?;
    let state = app.paths.state.clone();
    std::fs::create_dir_all(&state).context(Kind::Failed, || format!("cannot make {}", state.display()))?;
    let (settings, warnings) = settings(app, start.coloured, start.linear)?;
    let wishes = Wishes::of(&app.env, config.flag("tui.mouse"), start.linear);
    let wishes = Wishes { kitty: settings.pictures == Way::Kitty, ..wishes };
    let plugged = settings.extras.clone();
    let (sender, arrivals) = mpsc::channel();
    let mut screen = Screen::take(wishes, &noise_file(&state))?;
    crash::prepare(&state, app.clock.clone(), app.redactor.clone(), screen.restorer());
    let size = screen.size().context(Kind::Failed, || "cannot measure the terminal".to_string())?;
    let tabs = TabId::ALL.iter().map(|id| id.open()).collect();
    let mut shell = Shell::new(settings, tabs, size);
    // Something is to be seen before anything is read.
    screen.draw(&shell).context(Kind::Failed, || "cannot draw".to_string())?;
    // Tests see what becomes of a mistake of ours.
    #[expect(clippy::panic, reason = "it is the mistake")]
    if let Some(words) = app.env.text("FAC_TEST_PANIC").filter(|_| cfg!(debug_assertions)) {
        std::panic::panic_any(words.to_string());
    }
    let reader = Reader::start(sender.clone(), Arrival::Terminal, || Arrival::Gone)
        .context(Kind::Failed, || "cannot start a thread".to_string())?;
    let lent = Arc::new(Lent::default());
    listen_to_signals(sender.clone(), lent.clone())?;
    watch_the_log(app, sender.clone())?;
    let wake = sender.clone();
    extras::start(app, plugged, move || wake.send(Arrival::Added).is_ok())?;
    // Without a door nobody can hand over what they heard; everything else works.
    let _door = open_door(app, sender.clone()).ok().flatten();
    if let Some(warning) = warnings.first() {
        let more = match warnings.len() {
            1 => String::new(),
            n => format!(" (and {} more like it)", n - 1),
        };
        shell.say(format!("{warning}{more}"), super::theme::Role::Warn);
    }
    let mut sitting = Sitting {
        app,
        screen,
        shell,
        jobs: Jobs::default(),
        reader,
        sender,
        noise: noise_file(&state),
        linear: start.linear,
        lent,
        over: None,
    };
    let first = start.tab.or_else(|| config.text("tui.tab").and_then(TabId::named));
    let effects = sitting.shell.begin(first, start.tell);
    sitting.perform(effects);
    sitting.go_on(&arrivals)
}

/// `fac listen --chat` hands over what it heard here.
fn open_door(app: &App, sender: Sender<Arrival>) -> Result<Option<Door>> {
    let name = format!("{CHAT_DOOR}{}", std::process::id());
    Door::open(app.paths.ensure_runtime()?, &name, move |question| {
        let taken = match question["say"].as_str() {
            Some(text) => sender.send(Arrival::Heard(text.to_string())).is_ok(),
            None => false,
        };
        serde_json::json!({ "taken": taken })
    })
}

fn settings(app: &App, coloured: bool, linear: bool) -> Result<(Settings, Vec<String>)> {
    let config = app.config()?;
    let own = config.lists("keys");
    let mut tables = vec![actions::TABLE];
    tables.extend(TABLES);
    let (keys, warnings) = Keymap::new(&tables, &own);
    let colours: BTreeMap<String, String> = config.names("colors").into_iter().collect();
    let (depth, light) = (Depth::of(&app.env, coloured), is_light(&app.env));
    let pictures = match linear {
        true => Way::Off,
        false => Way::of(&app.env, config.text("tui.images").unwrap_or("auto"), depth),
    };
    let themes = move |name: &str| Theme::choose(name, &colours, depth, light);
    let settings = Settings {
        keys,
        theme: themes(config.text("tui.theme").unwrap_or("auto")),
        motion: config.text("tui.motion") != Some("reduced") && !linear,
        clock: app.clock.clone(),
        patience: patience(app),
        zone: TimeZone::system(),
        pictures,
        extras: Extras::default(),
        themes: Box::new(themes),
    };
    Ok((settings, warnings))
}

/// How long a question has to be seen before it is answered, microseconds; tests need not wait.
fn patience(app: &App) -> i64 {
    let said = app.env.text("FAC_TEST_PATIENCE").filter(|_| cfg!(debug_assertions));
    said.and_then(|micros| micros.parse().ok()).unwrap_or(PATIENCE)
}

/// While the terminal is lent, Ctrl-C and Ctrl-\ are meant for who has it.
fn listen_to_signals(sender: Sender<Arrival>, lent: Arc<Lent>) -> Result<()> {
    let context = || "cannot listen to signals".to_string();
    let mut signals = Signals::new([SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGCONT]).context(Kind::Failed, context)?;
    std::thread::Builder::new()
        .name("tui-signals".to_string())
        .spawn(move || {
            for signal in signals.forever() {
                if lent.now.load(Ordering::SeqCst) {
                    match signal {
                        SIGINT | SIGQUIT => continue,
                        SIGTERM | SIGHUP => lent.signal.store(signal, Ordering::SeqCst),
                        _ => {}
                    }
                }
                if sender.send(Arrival::Signal(signal)).is_err() {
                    return;
                }
            }
        })
        .context(Kind::Failed, context)?;
    Ok(())
}

/// Tells what is appended to the log, by whomever.
fn watch_the_log(app: &App, sender: Sender<Arrival>) -> Result<()> {
    let store = app.store()?.clone();
    let mut last = store.last_position()?.unwrap_or_else(|| Position::from_stored(0));
    std::thread::Builder::new()
        .name("tui-news".to_string())
        .spawn(move || {
            loop {
                std::thread::sleep(LOOK);
                // A store that is busy is looked at again; the rows are the truth.
                let Ok(Some(now)) = store.last_position() else { continue };
                if now == last {
                    continue;
                }
                let news = store.events(Some(last), "*", NEWS).unwrap_or_default();
                last = now;
                if !news.is_empty() && sender.send(Arrival::News(news)).is_err() {
                    return;
                }
            }
        })
        .context(Kind::Failed, || "cannot start a thread".to_string())?;
    Ok(())
}

/// Another program that has the terminal.
#[derive(Default)]
struct Lent {
    /// Whether there is one.
    now: AtomicBool,
    /// The signal that ended us meanwhile; 0 for none.
    signal: AtomicI32,
}

impl Lent {
    /// Waits for a program; when we are to end, it is to end too.
    fn wait(&self, mut child: Child) -> io::Result<ExitStatus> {
        let mut told: Option<Instant> = None;
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(status);
            }
            let pid = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw);
            match (self.signal.load(Ordering::SeqCst), told, pid) {
                (0, ..) => {}
                (_, None, Some(pid)) => {
                    // One that has ended meanwhile is found by the next look.
                    let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
                    told = Some(Instant::now());
                }
                (_, Some(at), _) if at.elapsed() < GRACE => {}
                _ => child.kill()?,
            }
            std::thread::sleep(LENT);
        }
    }
}

struct Sitting<'a> {
    app: &'a App,
    screen: Screen,
    shell: Shell,
    jobs: Jobs,
    reader: Reader,
    sender: Sender<Arrival>,
    noise: PathBuf,
    linear: bool,
    lent: Arc<Lent>,
    /// The exit code, once it is over.
    over: Option<u8>,
}

impl Sitting<'_> {
    /// The loop: wait, take in all there is, draw once.
    fn go_on(mut self, arrivals: &Receiver<Arrival>) -> Result<u8> {
        let frame = if self.linear { QUIET } else { FRAME };
        let mut drawn = Instant::now();
        let mut moment = Instant::now() + MOMENT;
        let mut stale = true;
        while self.over.is_none() {
            if stale && drawn.elapsed() >= frame {
                (drawn, stale) = (Instant::now(), false);
                if self.screen.draw(&self.shell).is_err() {
                    return Ok(129);
                }
                self.shell.seen();
            }
            let until_frame = if stale { frame.saturating_sub(drawn.elapsed()) } else { Duration::MAX };
            let moving = self.shell.is_moving();
            let until_moment = match moving {
                true => moment.saturating_duration_since(Instant::now()),
                false => Duration::MAX,
            };
            match wait(arrivals, until_frame.min(until_moment)) {
                Ok(arrival) => {
                    stale = true;
                    self.take(arrival);
                    while let (None, Ok(arrival)) = (self.over, arrivals.try_recv()) {
                        self.take(arrival);
                        if drawn.elapsed() > frame * 2 {
                            break;
                        }
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if moving && Instant::now() >= moment {
                moment = Instant::now() + MOMENT;
                stale = true;
                self.incoming(Incoming::Moment);
            }
        }
        self.jobs.stop_all();
        let last = self.shell.leaving();
        self.perform(last);
        self.screen.leave();
        self.jobs.settle(SETTLED, |said| {
            // Nobody may be there to read it.
            let _ = writeln!(io::stderr(), "fac: {said}");
        });
        Ok(self.over.unwrap_or(0))
    }

    fn take(&mut self, arrival: Arrival) {
        match arrival {
            Arrival::Terminal(event) => {
                if let Event::Key(key) = &event
                    && self.shell.is_typing()
                {
                    self.screen.echo(key);
                }
                self.incoming(Incoming::Terminal(event));
            }
            Arrival::Posted(posted) => {
                if let Some((tab, what)) = self.jobs.accept(posted) {
                    self.incoming(Incoming::Answered(tab, what));
                }
            }
            Arrival::News(events) => self.incoming(Incoming::News(events)),
            Arrival::Heard(text) => {
                let effects = self.shell.hand(TabId::Chat, Happening::Told(Tell::Heard(text)));
                self.perform(effects);
            }
            Arrival::Signal(SIGCONT) => self.refresh(),
            Arrival::Signal(signal) => self.over = Some(u8::try_from(128 + signal).unwrap_or(1)),
            Arrival::Added => self.shell.added(),
            Arrival::Gone => self.over = Some(129),
        }
    }

    fn incoming(&mut self, incoming: Incoming) {
        let effects = self.shell.update(incoming);
        self.perform(effects);
    }

    fn perform(&mut self, effects: Vec<(TabId, Effect)>) {
        for (tab, effect) in effects {
            match effect {
                Effect::Work(lane, request) => {
                    let started =
                        self.app.another().and_then(|app| self.jobs.start(app, tab, lane, request, &self.sender));
                    if let Err(error) = started {
                        self.shell.fail(&Fault::from(error));
                    }
                }
                Effect::Stop(lane) => self.jobs.stop(tab, &lane),
                Effect::Copy(text) => self.copy(&text),
                Effect::Quit => self.over = Some(0),
                Effect::Suspend => self.suspend(),
                Effect::Repaint => self.refresh(),
                Effect::Lend(lend) => self.lend(tab, lend),
                // The shell has done these itself.
                Effect::Open(..)
                | Effect::Go(_)
                | Effect::Tell(..)
                | Effect::Hand(..)
                | Effect::Note(_)
                | Effect::Fail(_) => {}
            }
        }
    }

    fn copy(&mut self, text: &str) {
        let lines = text.lines().count();
        let on_desktop = desktop::clipboard(&self.app.env).is_some_and(|words| desktop::copy(&words, text));
        if self.screen.copy(text) || on_desktop {
            let what =
                if lines == 1 { format!("{} characters", text.chars().count()) } else { format!("{lines} lines") };
            self.shell.say(format!("copied {what}"), super::theme::Role::Good);
        } else {
            self.shell.fail(&Fault { said: "this is too much for the clipboard of a terminal".into(), hint: None });
        }
    }

    /// Everything is drawn anew, at the size that the terminal has now.
    fn refresh(&mut self) {
        // A terminal that is gone is noticed by the next frame.
        let _ = self.screen.repaint();
        if let Ok(size) = self.screen.size() {
            let effects = self.shell.update(Incoming::Terminal(Event::Resize(size.width, size.height)));
            self.perform(effects);
        }
    }

    /// Gives the terminal away while `work` goes on.
    fn away<T>(&mut self, work: impl FnOnce() -> T) -> T {
        self.reader.pause();
        self.lent.now.store(true, Ordering::SeqCst);
        self.screen.leave();
        let done = work();
        let signal = self.lent.signal.load(Ordering::SeqCst);
        if signal != 0 {
            self.over = Some(u8::try_from(128 + signal).unwrap_or(1));
            return done;
        }
        if let Err(error) = self.screen.enter_again(&self.noise) {
            self.shell.fail(&Fault::from(error));
            self.over = Some(129);
        }
        self.lent.now.store(false, Ordering::SeqCst);
        self.reader.resume();
        self.refresh();
        done
    }

    fn suspend(&mut self) {
        let stopped = self.away(|| {
            let us = rustix::process::getpid();
            rustix::process::kill_process(us, rustix::process::Signal::TSTP)
        });
        if stopped.is_err() {
            self.shell.say("this shell has no jobs to come back from".to_string(), super::theme::Role::Warn);
        }
    }

    fn lend(&mut self, tab: TabId, lend: Lend) {
        match lend {
            Lend::Edit { name, text, extension, of } => {
                let edited = self.edit(&text, extension, &of);
                let text = match edited {
                    Ok(text) => text,
                    Err(error) => {
                        self.shell.fail(&Fault::from(error));
                        None
                    }
                };
                self.incoming(Incoming::Edited(tab, name, text));
            }
            Lend::Ourselves { name, words } => {
                let program = self.app.env.path("FAC_PROGRAM").map_or_else(std::env::current_exe, Ok);
                // A home that a flag named is the home of that one too.
                let own = self.app.launcher().map(|l| l.own_env.clone()).unwrap_or_default();
                let command = program.map(|program| {
                    let mut command = Command::new(program);
                    command.args(&words).envs(own);
                    command
                });
                self.run_away(tab, name, command);
            }
            Lend::Shell { name, line } => {
                let command = self.app.shell_line(&line);
                self.run_away(tab, name, Ok(command));
            }
        }
    }

    /// Runs a program on the whole terminal; what it printed stays in sight until a key is pressed.
    fn run_away(&mut self, tab: TabId, name: &'static str, command: io::Result<Command>) {
        let lent = self.lent.clone();
        let ended = self.away(|| -> io::Result<()> {
            let status = lent.wait(command?.spawn()?)?;
            if !status.success() {
                writeln!(io::stdout(), "\n({status})")?;
            }
            if lent.signal.load(Ordering::SeqCst) == 0 { wait_for_a_key() } else { Ok(()) }
        });
        if let Err(error) = ended {
            self.shell.fail(&Fault { said: format!("cannot run that: {error}"), hint: None });
        }
        self.incoming(Incoming::Returned(tab, name));
    }

    /// The person's editor on a text; `None` when nothing was changed.
    fn edit(&mut self, text: &str, extension: &str, of: &str) -> Result<Option<String>> {
        let words = self.app.config()?.text("editor").and_then(shlex::split).unwrap_or_default();
        let words = if words.is_empty() { vec!["vi".to_string()] } else { words };
        let dash = if of.is_empty() { "" } else { "-" };
        let file = self.app.paths.state.join(format!("edit-{}{dash}{of}{extension}", std::process::id()));
        crate::kernel::files::write_atomic(&file, text.as_bytes(), true)?;
        let lent = self.lent.clone();
        let ended = self
            .away(|| Command::new(&words[0]).args(&words[1..]).arg(&file).spawn().and_then(|child| lent.wait(child)));
        let edited = std::fs::read_to_string(&file);
        let _ = std::fs::remove_file(&file);
        let status = ended.context(Kind::Unreachable, || format!("cannot start the editor {}", words[0]))?;
        // An editor that was ended with us leaves what it saved.
        if !status.success() && self.over.is_none() {
            return Err(Error::new(Kind::Failed, "the editor failed; the text is as it was"));
        }
        let edited = edited.context(Kind::Failed, || format!("cannot read {}", file.display()))?;
        let edited = edited.trim_end_matches('\n');
        Ok((edited != text.trim_end_matches('\n')).then(|| edited.to_string()))
    }
}

fn wait(arrivals: &Receiver<Arrival>, limit: Duration) -> std::result::Result<Arrival, RecvTimeoutError> {
    if limit == Duration::MAX {
        return arrivals.recv().map_err(|_| RecvTimeoutError::Disconnected);
    }
    arrivals.recv_timeout(limit)
}

/// What a program printed stays in sight until a key is pressed.
fn wait_for_a_key() -> io::Result<()> {
    use std::io::Read;
    let mut out = io::stdout();
    write!(out, "\n[Enter goes back to fac] ")?;
    out.flush()?;
    let mut byte = [0u8; 1];
    io::stdin().read(&mut byte).map(|_| ())
}
