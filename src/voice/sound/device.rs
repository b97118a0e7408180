//! Which sound systems and devices there are. The only file that knows one system from another.
//!
//! On Linux PulseAudio comes first (PipeWire answers as one), then ALSA; elsewhere what the system offers. Everything
//! here may wait for a sound server that does not answer, so it is called on a thread that may be left behind.

#[cfg(target_os = "linux")]
mod pulse;

use cpal::traits::{DeviceTrait, HostTrait};
use cpal::{BufferSize, ErrorKind, HostId, SampleFormat, StreamConfig};

use super::hush::Hush;
use crate::kernel::error::{Error, Kind, Result};
use crate::voice::clip::RATE;

/// Which way sound goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// A microphone.
    In,
    /// A speaker.
    Out,
}

impl Way {
    /// What such a device is called.
    pub fn word(self) -> &'static str {
        match self {
            Way::In => "microphone",
            Way::Out => "speaker",
        }
    }
}

/// A device as the sound system describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its stable name.
    pub name: String,
    /// What people call it.
    pub called: String,
    /// The sound system: `pulseaudio`, `alsa`.
    pub host: String,
    /// Microphone or speaker.
    pub way: Way,
    /// Its own rate, Hz; 0 when it must be opened to tell.
    pub rate: u32,
    /// Its channels; 0 when it must be opened to tell.
    pub channels: u16,
    /// Its own sample format; empty when it must be opened to tell.
    pub format: String,
    /// Whether it is the one that is taken when nobody chose.
    pub default: bool,
    /// Whether it only repeats what a speaker plays.
    pub monitor: bool,
    /// What the sound system says of it now; `None` when it does not say.
    pub status: Option<Status>,
}

/// What a sound system says about a device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Whether it is muted.
    pub muted: bool,
    /// Its volume, percent.
    pub volume: Option<u32>,
    /// Whether it was suspended.
    pub suspended: bool,
}

/// A device that was chosen.
pub(super) struct Picked {
    pub device: cpal::Device,
    pub host: cpal::Host,
    pub found: Found,
    /// The device that was wanted first, when it is another one.
    pub instead_of: Option<String>,
}

/// An open stream; it ends when this is dropped.
pub(super) trait Line {
    /// Looks after it, a few times a second at least; may wait for the sound system.
    ///
    /// # Errors
    /// `Unreachable` when the sound system is gone.
    fn tend(&mut self) -> Result<()>;
}

impl Line for cpal::Stream {
    fn tend(&mut self) -> Result<()> {
        Ok(())
    }
}

impl Picked {
    /// Whether its streams are opened by [`record`] and [`play`] instead of cpal.
    pub fn is_served(&self) -> bool {
        cfg!(target_os = "linux") && self.found.host == "pulseaudio"
    }
}

/// Opens a microphone of a sound server.
#[cfg(target_os = "linux")]
pub(super) use pulse::{play, record};

#[cfg(not(target_os = "linux"))]
pub(super) use elsewhere::{play, record};

/// Other systems have no such server.
#[cfg(not(target_os = "linux"))]
mod elsewhere {
    use std::sync::Arc;

    use rtrb::{Consumer, Producer};

    use super::super::ring::Counts;
    use super::{Found, Line};
    use crate::kernel::error::{Error, Kind, Result};

    type Opened = Result<Box<dyn Line>>;

    pub(crate) fn record(found: &Found, _: &Arc<Counts>, _: Producer<f32>) -> Opened {
        Err(Error::new(Kind::Failed, format!("no server has {:?}", found.called)))
    }

    pub(crate) fn play(found: &Found, counts: &Arc<Counts>, _: Consumer<f32>, into: Producer<f32>) -> Opened {
        record(found, counts, into)
    }
}

/// The sound systems in the order in which they are tried.
fn order() -> Vec<HostId> {
    #[cfg(target_os = "linux")]
    return vec![HostId::PulseAudio, HostId::Alsa];
    #[cfg(not(target_os = "linux"))]
    return vec![cpal::default_host().id()];
}

/// Whether calls into it write on the terminal.
fn chatters(host: HostId) -> bool {
    word(host) == "alsa"
}

fn word(host: HostId) -> String {
    host.name().to_ascii_lowercase()
}

fn open(id: HostId, hush: &Hush) -> Result<cpal::Host> {
    if chatters(id) {
        hush.begin();
    }
    cpal::host_from_id(id).map_err(|e| mistake(&format!("{} cannot be used", id.name()), &e))
}

/// Every device of the first sound system that answers, or of every one.
///
/// # Errors
/// `Unreachable` when there is no sound system.
pub(super) fn list(way: Way, every: bool, hush: &Hush) -> Result<Vec<Found>> {
    let (mut all, mut last) = (Vec::new(), Vec::new());
    for id in order() {
        let host = match open(id, hush) {
            Ok(host) => host,
            Err(error) => {
                last.push(error);
                continue;
            }
        };
        match of_host(&host, way) {
            Ok(found) => all.extend(found.into_iter().map(|(_, f)| f)),
            Err(error) => last.push(error),
        }
        if !every && !all.is_empty() {
            break;
        }
    }
    if all.is_empty() { Err(nothing(way, last)) } else { Ok(all) }
}

/// The devices of one sound system; those of ALSA are not opened, since that would disturb them.
fn of_host(host: &cpal::Host, way: Way) -> Result<Vec<(cpal::Device, Found)>> {
    let failed = |e: cpal::Error| mistake(&format!("{} does not list its devices", host.id().name()), &e);
    let default = default_of(host, way);
    let name = default.as_ref().and_then(|d| d.id().ok());
    let mut devices: Vec<(cpal::Device, Found)> = Vec::new();
    if let Some(device) = default.filter(|_| chatters(host.id())) {
        let config = config(&device, way).ok();
        devices.extend(config.map(|c| describe(device, host, way, true, Some(c))));
    }
    for device in host.devices().map_err(failed)? {
        let fits = if way == Way::In { device.supports_input() } else { device.supports_output() };
        let id = device.id().ok();
        let known = chatters(host.id()) && devices.iter().any(|(d, _)| d.id().ok() == id);
        if !fits || known || id.as_ref().is_some_and(|id| chatters(host.id()) && is_plumbing(id.id())) {
            continue;
        }
        let config = if chatters(host.id()) { None } else { config(&device, way).ok() };
        devices.push(describe(device, host, way, id.is_some() && id == name, config));
    }
    tell(host, way, &mut devices);
    Ok(devices)
}

/// Names of ALSA that are ways to convert sound, not devices.
fn is_plumbing(name: &str) -> bool {
    const WAYS: [&str; 16] = [
        "null",
        "lavrate",
        "samplerate",
        "speexrate",
        "speex",
        "jack",
        "oss",
        "pulse",
        "upmix",
        "vdownmix",
        "usbstream",
        "pipewire",
        "hdmi",
        "iec958",
        "dmix",
        "dsnoop",
    ];
    name == "default" || WAYS.contains(&name.split([':', '_']).next().unwrap_or(name))
}

fn default_of(host: &cpal::Host, way: Way) -> Option<cpal::Device> {
    match way {
        Way::In => host.default_input_device(),
        Way::Out => host.default_output_device(),
    }
}

/// The device's own way of giving or taking sound, a speaker's at 48 kHz where it can.
fn config(device: &cpal::Device, way: Way) -> std::result::Result<(StreamConfig, SampleFormat), cpal::Error> {
    let own = match way {
        Way::In => device.default_input_config()?,
        Way::Out => device.default_output_config()?,
    };
    let mut config = own.config();
    if way == Way::Out && config.sample_rate != RATE {
        let same = |r: &cpal::SupportedStreamConfigRange| {
            r.channels() == own.channels() && r.sample_format() == own.sample_format() && r.contains_rate(RATE)
        };
        if device.supported_output_configs()?.any(|r| same(&r)) {
            config.sample_rate = RATE;
        }
    }
    // 10 ms to hear, so that words come soon; a little more to play, so that a busy machine does not stutter.
    let period = if way == Way::In { config.sample_rate / 100 } else { config.sample_rate / 80 };
    config.buffer_size = BufferSize::Fixed(period.max(16));
    Ok((config, own.sample_format()))
}

fn describe(
    device: cpal::Device,
    host: &cpal::Host,
    way: Way,
    default: bool,
    config: Option<(StreamConfig, SampleFormat)>,
) -> (cpal::Device, Found) {
    let name = device.id().map(|id| id.id().to_owned()).unwrap_or_default();
    let called = device.description().map(|d| d.name().to_owned()).unwrap_or_else(|_| name.clone());
    let (rate, channels, format) = match config {
        Some((config, format)) => (config.sample_rate, config.channels, format.to_string()),
        None => (0, 0, String::new()),
    };
    let host = word(host.id());
    (device, Found { name, called, host, way, rate, channels, format, default, monitor: false, status: None })
}

/// Chooses a device: the first of `wanted` that is there, else the default.
///
/// # Errors
/// `Unreachable` when there is no sound system or no device, `Refused` without permission.
pub(super) fn pick(way: Way, wanted: &[String], hush: &Hush) -> Result<(Picked, StreamConfig, SampleFormat)> {
    let mut last = Vec::new();
    for (at, id) in order().into_iter().enumerate() {
        // A word like `alsa:plughw:0` names its sound system; others are looked for in the first that answers.
        let named: Vec<&str> = wanted.iter().filter_map(|w| within(w, id)).collect();
        let elsewhere =
            wanted.iter().any(|w| order().iter().any(|o| *o != id && w.starts_with(&format!("{}:", word(*o)))));
        let host = match open(id, hush) {
            Ok(host) => host,
            Err(error) => {
                last.push(error);
                continue;
            }
        };
        let chosen = if named.is_empty() { None } else { match_one(of_host(&host, way)?, &named) };
        let is_chosen = chosen.is_some();
        if !is_chosen && elsewhere && at + 1 < order().len() {
            continue;
        }
        let Some(device) = chosen.map(|(device, _)| device).or_else(|| default_of(&host, way)) else { continue };
        match config(&device, way) {
            Ok((config, format)) => {
                let (device, found) = describe(device, &host, way, !is_chosen, Some((config, format)));
                let first = wanted.first().filter(|w| !fits(&found, within(w, id).unwrap_or(w))).cloned();
                return Ok((Picked { device, host, found, instead_of: first }, config, format));
            }
            Err(error) => {
                let called = device.description().map(|d| d.name().to_owned()).unwrap_or_default();
                last.push(mistake(&format!("the {} {called:?} cannot be opened", way.word()), &error));
            }
        }
    }
    Err(nothing(way, last))
}

/// A wanted name without the sound system before it; `None` when it names another one.
fn within(wanted: &str, id: HostId) -> Option<&str> {
    let own = format!("{}:", word(id));
    if let Some(rest) = wanted.strip_prefix(&own) {
        return Some(rest);
    }
    let other = order().into_iter().any(|o| wanted.starts_with(&format!("{}:", word(o))));
    (!other).then_some(wanted)
}

fn match_one(devices: Vec<(cpal::Device, Found)>, wanted: &[&str]) -> Option<(cpal::Device, Found)> {
    let at = wanted.iter().find_map(|w| {
        let exact = devices.iter().position(|(_, f)| f.name == *w || f.called == *w);
        exact.or_else(|| devices.iter().position(|(_, f)| !f.monitor && fits(f, w)))
    })?;
    devices.into_iter().nth(at)
}

/// Whether a device is meant by a word: its name, what it is called, or a piece of either in any case.
fn fits(found: &Found, wanted: &str) -> bool {
    let wanted = wanted.to_lowercase();
    found.name.to_lowercase().contains(&wanted) || found.called.to_lowercase().contains(&wanted)
}

/// Adds what the sound server says about devices, where it says something.
#[cfg(target_os = "linux")]
fn tell(host: &cpal::Host, way: Way, devices: &mut [(cpal::Device, Found)]) {
    if chatters(host.id()) {
        return;
    }
    let Ok(mut said) = pulse::Server::connect().and_then(|server| server.devices(way)) else { return };
    for (_, found) in devices {
        if let Some(said) = said.remove(&found.name) {
            (found.monitor, found.status) = (said.monitor, Some(said.status));
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn tell(_host: &cpal::Host, _way: Way, _devices: &mut [(cpal::Device, Found)]) {}

/// What there is to know about a device that is in use.
pub(super) struct News {
    /// How it is.
    pub status: Option<Status>,
    /// The one that would be taken now.
    pub default: Option<String>,
    /// Whether it is still there.
    pub here: bool,
}

/// Somebody to ask about a device that is in use.
#[derive(Default)]
pub(super) struct Asker {
    #[cfg(target_os = "linux")]
    server: Option<pulse::Server>,
}

impl Asker {
    /// Asks; `None` where the sound system has nothing to tell.
    ///
    /// # Errors
    /// `Unreachable` when the sound system is gone.
    #[cfg(target_os = "linux")]
    pub fn news(&mut self, picked: &Picked) -> Result<Option<News>> {
        if chatters(picked.host.id()) {
            return Ok(None);
        }
        let server = match self.server.take() {
            Some(server) => server,
            None => pulse::Server::connect()?,
        };
        let (devices, default) = (server.devices(picked.found.way)?, server.default(picked.found.way));
        self.server = Some(server);
        let own = devices.get(&picked.found.name);
        Ok(Some(News { status: own.map(|s| s.status.clone()), default, here: own.is_some() }))
    }

    /// Asks; `None` where the sound system has nothing to tell.
    ///
    /// # Errors
    /// `Unreachable` when the sound system is gone.
    #[cfg(not(target_os = "linux"))]
    pub fn news(&mut self, picked: &Picked) -> Result<Option<News>> {
        let devices = of_host(&picked.host, picked.found.way)?;
        let default = devices.iter().find(|(_, f)| f.default).map(|(_, f)| f.name.clone());
        let here = devices.iter().any(|(_, f)| f.name == picked.found.name);
        Ok(Some(News { status: None, default, here }))
    }
}

/// What may keep this program from the sound system, each with a way forward.
#[cfg(target_os = "linux")]
pub(super) fn hindrances() -> Vec<(String, Option<&'static str>)> {
    let mut found = Vec::new();
    let named = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if !named("XDG_RUNTIME_DIR") && !named("PULSE_SERVER") {
        let fix = "log in on the machine itself, or export XDG_RUNTIME_DIR=/run/user/$(id -u)";
        found.push(("XDG_RUNTIME_DIR is not set, so a sound server cannot be found".to_owned(), Some(fix)));
    } else if !pulse::has_socket() {
        let fix = "start one: systemctl --user start pipewire-pulse, or pulseaudio --start";
        found.push(("no sound server is running for this user".to_owned(), Some(fix)));
    }
    let cards = std::fs::read_dir("/dev/snd").into_iter().flatten().flatten();
    let inputs: Vec<_> = cards.map(|e| e.path()).filter(|p| is_input(&p.to_string_lossy())).collect();
    if inputs.is_empty() {
        found.push((
            "the kernel knows no sound card with an input".to_owned(),
            Some("plug a microphone or a headset in"),
        ));
    } else if inputs.iter().all(|p| rustix::fs::access(p, rustix::fs::Access::READ_OK).is_err()) {
        found.push(("this user may not read /dev/snd".to_owned(), Some(permission())));
    }
    found
}

/// `pcmC0D0c`: the last letter is the way.
#[cfg(target_os = "linux")]
fn is_input(path: &str) -> bool {
    path.rsplit('/').next().is_some_and(|name| name.starts_with("pcm") && name.ends_with('c'))
}

/// What may keep this program from the sound system, each with a way forward.
#[cfg(not(target_os = "linux"))]
pub(super) fn hindrances() -> Vec<(String, Option<&'static str>)> {
    vec![("this terminal may not be allowed to use the microphone".to_owned(), Some(permission()))]
}

/// An error of the sound system in our words, with a way forward.
pub(super) fn mistake(said: &str, error: &cpal::Error) -> Error {
    let (kind, hint) = match error.kind() {
        ErrorKind::PermissionDenied => (Kind::Refused, permission()),
        ErrorKind::DeviceBusy => {
            (Kind::Unreachable, "another program has it to itself: close that, or choose another device")
        }
        ErrorKind::HostUnavailable => {
            (Kind::Unreachable, "start the sound server (PipeWire or PulseAudio), then: fac voice doctor")
        }
        _ => (Kind::Unreachable, "see what is there: fac voice doctor"),
    };
    Error::new(kind, said).because(error.clone()).hint(hint)
}

#[cfg(target_os = "linux")]
fn permission() -> &'static str {
    "this user may not use sound devices: sudo usermod -aG audio $USER, then log in again"
}

#[cfg(not(target_os = "linux"))]
fn permission() -> &'static str {
    "allow this terminal to use the microphone in the system's privacy settings"
}

/// That there is nothing, and what each sound system said; a missing permission goes before all else.
fn nothing(way: Way, mut said: Vec<Error>) -> Error {
    if let Some(at) = said.iter().position(|e| e.kind() == Kind::Refused) {
        return said.swap_remove(at);
    }
    let why: Vec<String> = said.iter().map(Error::full_message).collect();
    let error = Error::new(Kind::Unreachable, format!("there is no {} that can be opened", way.word()));
    let error = if why.is_empty() { error } else { error.because(why.join("; ")) };
    error.hint("see why: fac voice doctor")
}
