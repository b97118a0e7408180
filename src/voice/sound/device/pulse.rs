//! What a PulseAudio server (or PipeWire as one) says about its devices beyond what cpal passes on: mute, volume,
//! suspension, and which are only monitors of speakers.

mod lines;

use std::collections::HashMap;
use std::ffi::CString;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context as Waking, Poll, Wake, Waker};
use std::thread::Thread;

use pulseaudio::Client;
use pulseaudio::protocol::{self, ChannelVolume, SinkState, SourceState};

use super::{Status, Way};
use crate::kernel::error::{Context, Error, Kind, Result};

pub(in crate::voice::sound) use lines::{play, record};

/// The server's number for a volume of 100 %.
const NORM: u64 = 0x1_0000;

/// A connection to the server.
pub(super) struct Server(Client);

/// What it says about one device.
pub(super) struct Said {
    pub status: Status,
    pub monitor: bool,
}

impl Server {
    /// Connects; may wait for ever.
    pub fn connect() -> Result<Server> {
        Ok(Server(connect()?))
    }

    /// Every device of a way, by name.
    pub fn devices(&self, way: Way) -> Result<HashMap<String, Said>> {
        let name = |name: &CString| name.to_string_lossy().into_owned();
        Ok(match way {
            Way::In => wait(self.0.list_sources())
                .context(Kind::Unreachable, || gone().to_owned())?
                .iter()
                .map(|s| {
                    let suspended = s.state == SourceState::Suspended;
                    let status = Status { muted: s.muted, volume: percent(&s.cvolume), suspended };
                    (name(&s.name), Said { status, monitor: s.monitor_of_sink_index.is_some() })
                })
                .collect(),
            Way::Out => wait(self.0.list_sinks())
                .context(Kind::Unreachable, || gone().to_owned())?
                .iter()
                .map(|s| {
                    let suspended = s.state == SinkState::Suspended;
                    let status = Status { muted: s.muted, volume: percent(&s.cvolume), suspended };
                    (name(&s.name), Said { status, monitor: false })
                })
                .collect(),
        })
    }

    /// The name of the device that is taken when nobody chose.
    pub fn default(&self, way: Way) -> Option<String> {
        let name = match way {
            Way::In => wait(self.0.source_info_by_name(protocol::DEFAULT_SOURCE.to_owned())).ok()?.name,
            Way::Out => wait(self.0.sink_info_by_name(protocol::DEFAULT_SINK.to_owned())).ok()?.name,
        };
        Some(name.to_string_lossy().into_owned())
    }
}

/// Whether a server has left its address.
pub(super) fn has_socket() -> bool {
    pulseaudio::socket_path_from_env().is_some()
}

/// A connection; may be waited for for ever.
fn connect() -> Result<Client> {
    Client::from_env(c"fac").context(Kind::Unreachable, || gone().to_owned())
}

/// A device's name as the protocol wants it.
fn named(name: &str) -> Result<CString> {
    CString::new(name).map_err(|_| Error::new(Kind::BadData, format!("{name:?} is no name of a device")))
}

fn gone() -> &'static str {
    "the sound server does not answer"
}

fn percent(volume: &ChannelVolume) -> Option<u32> {
    let most = volume.channels().iter().map(|v| v.as_u32()).max()?;
    u32::try_from((u64::from(most) * 100 + NORM / 2) / NORM).ok()
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits for an answer on this thread.
fn wait<T>(answer: impl Future<Output = T>) -> T {
    let mut answer = pin!(answer);
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut waking = Waking::from_waker(&waker);
    loop {
        match answer.as_mut().poll(&mut waking) {
            Poll::Ready(value) => return value,
            Poll::Pending => std::thread::park(),
        }
    }
}
