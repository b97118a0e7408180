//! Sound without hardware: a sound server of a world's own with a virtual microphone and a virtual speaker, a
//! microphone of ALSA's that is a pipe, and what it takes to compare what was heard with what was played.
//!
//! Nothing here measures time; a voice is played when somebody listens, and waited for until it was heard.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::world::{Output, World, finish};

/// When even a machine that does nothing else would have done it.
const NEVER: Duration = Duration::from_secs(240);

/// A real recorded voice: 48 kHz, one channel.
pub const VOICE: &str = "/usr/share/sounds/alsa/Front_Center.wav";

/// Whether these programs and the recorded voices are there; else a word about it.
pub fn are_here(programs: &[&str]) -> bool {
    let world = World::new();
    let missing = programs.iter().find(|p| world.which(p).is_none());
    match missing {
        Some(program) => println!("skipped: there is no {program}"),
        None if !Path::new(VOICE).exists() => println!("skipped: there is no {VOICE}"),
        None => return true,
    }
    false
}

/// A sound server with a virtual microphone `virtmic`, fed by `virtmic_sink`, and a virtual speaker `virtspk`.
pub struct Pulse<'a> {
    world: &'a World,
    server: Child,
}

const MODULES: &str = "\
load-module module-native-protocol-unix
load-module module-null-sink sink_name=virtspk norewinds=1 rate=48000 channels=1 sink_properties=device.description=VirtualSpeaker
load-module module-null-sink sink_name=virtmic_sink norewinds=1 rate=48000 channels=1 sink_properties=device.description=VirtualFeed
load-module module-remap-source master=virtmic_sink.monitor source_name=virtmic source_properties=device.description=VirtualMic
set-default-sink virtspk
set-default-source virtmic
";

/// A world whose sound server, if it has one, is its own.
pub fn world() -> World {
    let mut world = World::new();
    let runtime = world.work().join("xdg");
    std::fs::create_dir(&runtime).unwrap();
    std::fs::set_permissions(&runtime, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    world.set("XDG_RUNTIME_DIR", runtime.to_str().unwrap());
    // Patience is what is tested, where it is tested.
    std::fs::write(world.fac().join("config.toml"), "[voice]\npatience = \"1h\"\n").unwrap();
    world
}

impl<'a> Pulse<'a> {
    /// Starts it and waits until it answers.
    pub fn start(world: &'a World) -> Pulse<'a> {
        world.write("pulse.pa", MODULES);
        let words = ["-n", "-F", "pulse.pa", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no"];
        let mut command = world.program("pulseaudio", &words);
        let server = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let pulse = Pulse { world, server };
        until("the sound server answers", || pulse.try_pactl(&["get-default-source"]).trim() == "virtmic");
        pulse
    }

    /// Tells the server something and gives what it says.
    #[track_caller]
    pub fn pactl(&self, words: &[&str]) -> String {
        finish(self.world.program("pactl", words), b"").ok()
    }

    fn try_pactl(&self, words: &[&str]) -> String {
        finish(self.world.program("pactl", words), b"").stdout
    }

    /// Plays a file into a sink, to its end.
    #[track_caller]
    pub fn play(&self, sink: &str, file: &Path) {
        let device = format!("--device={sink}");
        finish(self.world.program("paplay", &[&device, "--no-remap", file.to_str().unwrap()]), b"").ok();
    }

    /// Plays the recorded voice into a sink, and enough silence behind it that all of it has come through by then.
    #[track_caller]
    pub fn speak(&self, sink: &str) {
        let file = write_wav(&self.world.path("voice.wav"), &spoken(), 1, 1);
        self.play(sink, &file);
    }

    /// Records what a source gives until the recorder is dropped or asked: 48 kHz, one channel.
    pub fn record(&self, source: &str) -> Recorder {
        let device = format!("--device={source}");
        let words = [&device, "--rate=48000", "--channels=1", "--format=s16le", "--raw", "--latency-msec=50"];
        let mut command = self.world.program("parec", &words);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut out = child.stdout.take().unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let into = heard.clone();
        let reader = std::thread::spawn(move || {
            let mut block = [0; 4096];
            while let Ok(n @ 1..) = out.read(&mut block) {
                into.lock().unwrap().extend_from_slice(&block[..n]);
            }
        });
        let recorder = Recorder { child, heard, reader: Some(reader) };
        until("the recorder hears", || !recorder.heard.lock().unwrap().is_empty());
        recorder
    }

    /// Ends the server as a crash would.
    pub fn kill(&mut self) {
        self.server.kill().unwrap();
        self.server.wait().unwrap();
    }
}

impl Drop for Pulse<'_> {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// Somebody who records.
pub struct Recorder {
    child: Child,
    heard: Arc<Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
}

impl Recorder {
    /// Waits until as much again was recorded as `samples`, and gives all of it.
    pub fn after(&self, samples: usize) -> Vec<f32> {
        let before = self.heard.lock().unwrap().len();
        until("the recorder hears more", || self.heard.lock().unwrap().len() >= before + samples * 2);
        self.so_far()
    }

    /// All that was recorded by now.
    pub fn so_far(&self) -> Vec<f32> {
        let bytes = self.heard.lock().unwrap();
        bytes.chunks_exact(2).map(|b| f32::from(i16::from_le_bytes([b[0], b[1]])) / 32768.0).collect()
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.reader.take().map(JoinHandle::join);
    }
}

/// A microphone of ALSA's that is a named pipe: silence, and what is said into it, in real time.
pub struct Pipe {
    said: Arc<Mutex<VecDeque<i16>>>,
    held: Arc<AtomicBool>,
    over: Arc<AtomicBool>,
    feeder: Option<JoinHandle<()>>,
}

impl Pipe {
    /// Makes it the world's default microphone.
    pub fn start(world: &World) -> Pipe {
        let path = world.path("mic.fifo");
        rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        let settings = format!(
            "pcm.rawmic {{ type file slave.pcm {{ type null }} file \"/dev/null\" infile {path:?} format \"raw\" }}\n\
             pcm.!default {{ type plug slave {{ pcm rawmic format S16_LE rate 48000 channels 1 }} }}\n\
             ctl.!default {{ type null }}\n"
        );
        std::fs::write(world.home().join(".asoundrc"), settings).unwrap();
        // Opened both ways, since whoever looks for microphones opens and closes it.
        let pipe = OpenOptions::new().read(true).write(true).open(&path).unwrap();
        rustix::pipe::fcntl_setpipe_size(&pipe, 4096).unwrap();
        let flags = rustix::fs::fcntl_getfl(&pipe).unwrap();
        rustix::fs::fcntl_setfl(&pipe, flags | rustix::fs::OFlags::NONBLOCK).unwrap();
        let (said, held, over) = (Arc::default(), Arc::default(), Arc::default());
        let feeder = std::thread::spawn({
            let (said, held, over) = (Arc::clone(&said), Arc::clone(&held), Arc::clone(&over));
            move || feed(pipe, &said, &held, &over)
        });
        Pipe { said, held, over, feeder: Some(feeder) }
    }

    /// Says a clip and waits until all of it has gone into the pipe.
    pub fn say(&self, clip: &[f32]) {
        self.said.lock().unwrap().extend(clip.iter().map(|s| (s * 32768.0) as i16));
        until("the pipe was read", || self.said.lock().unwrap().is_empty());
    }

    /// Stops giving anything, as a device that hangs.
    pub fn hold(&self) {
        self.held.store(true, Ordering::SeqCst);
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        self.feeder.take().map(JoinHandle::join);
    }
}

fn feed(mut pipe: File, said: &Mutex<VecDeque<i16>>, held: &AtomicBool, over: &AtomicBool) {
    let begun = Instant::now();
    let mut blocks = 0;
    while !over.load(Ordering::SeqCst) {
        let due = begun + Duration::from_millis(10) * blocks;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        blocks += 1;
        if held.load(Ordering::SeqCst) {
            continue;
        }
        let mut queue = said.lock().unwrap();
        let fit = queue.len().min(480);
        let block: Vec<u8> =
            queue.iter().take(fit).chain(&[0; 480]).take(480).flat_map(|s: &i16| s.to_le_bytes()).collect();
        // A block goes in whole or not at all, being smaller than the pipe's atomic size.
        if pipe.write(&block).is_ok() {
            queue.drain(..fit);
        }
    }
}

/// Waits until something is so.
#[track_caller]
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < NEVER, "never: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// `fac` while it runs: what it says can be waited for.
pub struct Running {
    child: Child,
    said: Arc<(Mutex<Said>, Condvar)>,
    readers: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Said {
    out: String,
    err: String,
}

impl Running {
    /// Starts it.
    pub fn start(world: &World, words: &[&str]) -> Running {
        let mut command = world.command(words);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let said: Arc<(Mutex<Said>, Condvar)> = Arc::default();
        let (out, err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let readers = vec![reader(out, &said, |s| &mut s.out), reader(err, &said, |s| &mut s.err)];
        Running { child, said, readers }
    }

    /// Waits until it has said `text` on either side, `times` times.
    #[track_caller]
    pub fn says(&self, text: &str, times: usize) {
        let (said, bell) = &*self.said;
        let mut now = said.lock().unwrap();
        let begun = Instant::now();
        while now.out.matches(text).count() + now.err.matches(text).count() < times {
            assert!(begun.elapsed() < NEVER, "never said {text:?}\nstdout: {}\nstderr: {}", now.out, now.err);
            now = bell.wait_timeout(now, Duration::from_millis(100)).unwrap().0;
        }
    }

    /// Presses Ctrl-C.
    pub fn interrupt(&self) {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, rustix::process::Signal::INT).unwrap();
    }

    /// Ends it as `kill -9` does, and waits until it is gone.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for its end.
    pub fn end(mut self) -> Output {
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if begun.elapsed() > NEVER {
                let _ = self.child.kill();
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        self.readers.drain(..).for_each(|r| r.join().unwrap());
        let mut said = self.said.0.lock().unwrap();
        let (stdout, stderr) = (std::mem::take(&mut said.out), std::mem::take(&mut said.err));
        Output { stdout, stderr, code: status.code().unwrap_or(-1) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn reader(
    from: impl Read + Send + 'static,
    said: &Arc<(Mutex<Said>, Condvar)>,
    part: fn(&mut Said) -> &mut String,
) -> JoinHandle<()> {
    let said = said.clone();
    std::thread::spawn(move || {
        let mut lines = BufReader::new(from);
        let mut line = Vec::new();
        while let Ok(1..) = lines.read_until(b'\n', &mut line) {
            part(&mut said.0.lock().unwrap()).push_str(&String::from_utf8_lossy(&line));
            said.1.notify_all();
            line.clear();
        }
    })
}

/// A WAV file of one channel, 16 bits.
pub fn read_wav(path: impl AsRef<Path>) -> Vec<f32> {
    let reader = hound::WavReader::open(path).unwrap();
    assert_eq!((reader.spec().sample_rate, reader.spec().channels), (48_000, 1));
    match reader.spec().sample_format {
        hound::SampleFormat::Int => {
            let full = (1_i64 << (reader.spec().bits_per_sample - 1)) as f32;
            reader.into_samples::<i32>().map(|s| s.unwrap() as f32 / full).collect()
        }
        hound::SampleFormat::Float => reader.into_samples::<f32>().map(Result::unwrap).collect(),
    }
}

/// The recorded voice with two seconds of silence behind it.
pub fn spoken() -> Vec<f32> {
    [read_wav(VOICE), vec![0.0; 96_000]].concat()
}

/// Writes a clip as one of the channels of a WAV file whose others are silent.
pub fn write_wav(path: &Path, clip: &[f32], channels: u16, on: u16) -> PathBuf {
    let spec =
        hound::WavSpec { channels, sample_rate: 48_000, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
    let mut writer = hound::WavWriter::create(path, spec).unwrap();
    for sample in clip {
        for channel in 1..=channels {
            writer.write_sample(if channel == on { (sample * 32767.0) as i16 } else { 0 }).unwrap();
        }
    }
    writer.finalize().unwrap();
    path.to_path_buf()
}

/// How much of `clip` is in `heard`, wherever it begins there: 1 when it is there as it is, 0 when it is not.
pub fn likeness(clip: &[f32], heard: &[f32]) -> f32 {
    let blocks = |sound: &[f32]| -> Vec<f32> {
        sound.chunks(480).map(|b| b.iter().map(|s| s * s).sum::<f32>().sqrt()).collect()
    };
    let (want, have) = (blocks(clip), blocks(heard));
    let last = (have.len() + 1).saturating_sub(want.len());
    let rough = (0..last.max(1)).max_by(|a, b| {
        let at = |lag: usize| correlation(&want, have.get(lag..).unwrap_or(&[]));
        at(*a).total_cmp(&at(*b))
    });
    let rough = rough.unwrap_or(0) * 480;
    // The loudest tenth of a second finds the exact place.
    let loud = (0..clip.len() / 4800)
        .max_by(|a, b| {
            let power = |at: usize| clip[at * 4800..(at + 1) * 4800].iter().map(|s| s * s).sum::<f32>();
            power(*a).total_cmp(&power(*b))
        })
        .unwrap_or(0)
        * 4800;
    let piece = &clip[loud..(loud + 4800).min(clip.len())];
    let fine = (rough.saturating_sub(1440)..rough + 1440).max_by(|a, b| {
        let at = |lag: usize| correlation(piece, heard.get(lag + loud..).unwrap_or(&[]));
        at(*a).total_cmp(&at(*b))
    });
    correlation(clip, heard.get(fine.unwrap_or(0)..).unwrap_or(&[]))
}

/// How much the loudest 50 ms of `clip` are like the place in `heard` that is most like them.
pub fn piece_likeness(clip: &[f32], heard: &[f32]) -> f32 {
    let power = |piece: &[f32]| piece.iter().map(|s| s * s).sum::<f32>();
    let piece = clip.chunks_exact(2400).max_by(|a, b| power(a).total_cmp(&power(b))).unwrap();
    heard.windows(2400).map(|there| correlation(piece, there)).fold(0.0, f32::max)
}

/// A sound without its highest tones, which a lower rate cannot carry.
pub fn dulled(sound: &[f32]) -> Vec<f32> {
    let once = |sound: &[f32]| -> Vec<f32> { sound.windows(12).map(|w| w.iter().sum::<f32>() / 12.0).collect() };
    once(&once(sound))
}

fn correlation(a: &[f32], b: &[f32]) -> f32 {
    let dot = |x: &[f32], y: &[f32]| -> f64 { x.iter().zip(y).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum() };
    let b = &b[..b.len().min(a.len())];
    let power = (dot(a, a) * dot(b, b)).sqrt();
    if power == 0.0 { 0.0 } else { (dot(a, b) / power) as f32 }
}
