//! A speaker: clips of any rate are queued and played; the exact samples that were handed over can be had as well.
//!
//! One thread feeds the device's ring ([`super::feed`]); asking, stopping and waiting go through what is shared here.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rtrb::RingBuffer;

use super::Wanted;
use super::device::Way;
use super::feed::{Feeder, Order};
use super::keep::{Kept, Opening};
use super::rate::Rate;
use crate::exec::Stop;
use crate::kernel::error::{Context, Error, Kind, Result};
use crate::voice::clip::{Clip, RATE};

/// How often the state is looked at while somebody waits.
const LOOK: Duration = Duration::from_millis(5);
/// How long a device may take to fall silent.
const SILENT: Duration = Duration::from_millis(300);

/// An error that can be told more than once.
pub(super) type Told = (Kind, String, Option<String>);

/// What the feeding thread and its owner both see.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// Clips that were heard, or never will be.
    pub settled: AtomicU64,
    /// Orders to fall silent that were carried out.
    pub hushed: AtomicU64,
    /// Why the device is lost, when it is.
    pub lost: Mutex<Option<Told>>,
    /// What the device is.
    pub device: Mutex<String>,
}

/// An open speaker.
#[derive(Debug)]
pub struct Player {
    orders: Sender<Order>,
    shared: Arc<Shared>,
    reference: Option<rtrb::Consumer<f32>>,
    hushes: u64,
    queued: u64,
}

impl Player {
    /// Opens what is wanted.
    ///
    /// # Errors
    /// `Unreachable` when there is no sound system or no device; `Refused` without permission.
    pub fn open(wanted: &Wanted) -> Result<Player> {
        let kept = wait_for(wanted)?;
        let shared = Arc::new(Shared::default());
        set(&shared.device, kept.found.called.clone());
        let (orders, obey) = channel();
        let (also, reference) = RingBuffer::new(2 * RATE as usize);
        let mut feeder = Feeder::new(wanted.clone(), kept, obey, also, shared.clone())?;
        thread::Builder::new()
            .name("player".to_owned())
            .spawn(move || feeder.run())
            .context(Kind::Failed, || "cannot start a thread for sound".to_owned())?;
        Ok(Player { orders, shared, reference: Some(reference), hushes: 0, queued: 0 })
    }

    /// What people call the device.
    pub fn device(&self) -> String {
        self.shared.device.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Queues a clip behind what is being played.
    ///
    /// # Errors
    /// `Unreachable` when the device was lost and cannot be had again, `BadData` for a clip without a rate.
    pub fn play(&mut self, clip: &Clip) -> Result<()> {
        // Whether the rate makes sense is known before the clip is queued.
        Rate::new(clip.rate, RATE)?;
        self.check()?;
        if clip.samples.is_empty() {
            return Ok(());
        }
        self.queued += 1;
        self.orders.send(Order::Play(clip.clone())).map_err(|_| ended())
    }

    /// Waits until everything queued has been heard, or somebody asks to stop, which is then done.
    ///
    /// # Errors
    /// As [`Player::play`]; `Interrupted` after `stop`.
    pub fn drain(&mut self, stop: &Stop) -> Result<()> {
        loop {
            self.check()?;
            if !self.is_playing() {
                return Ok(());
            }
            if stop.wait(LOOK) {
                self.stop();
                return Err(Error::new(Kind::Interrupted, "playing was stopped"));
            }
        }
    }

    /// Falls silent at once and forgets what is queued; returns when the device was told.
    pub fn stop(&mut self) {
        self.hushes += 1;
        if self.orders.send(Order::Hush).is_err() {
            return;
        }
        let until = Instant::now() + SILENT;
        while self.shared.hushed.load(Ordering::SeqCst) < self.hushes && Instant::now() < until {
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Whether something is queued or still to be heard.
    pub fn is_playing(&self) -> bool {
        self.shared.settled.load(Ordering::SeqCst) < self.queued && !self.is_lost()
    }

    /// The exact samples that are handed to the device, 48 kHz, one channel, while something is played. Can be had
    /// once.
    pub fn reference(&mut self) -> Option<rtrb::Consumer<f32>> {
        self.reference.take()
    }

    fn is_lost(&self) -> bool {
        self.shared.lost.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    fn check(&self) -> Result<()> {
        let lost = self.shared.lost.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((kind, said, hint)) = lost.as_ref() else { return Ok(()) };
        let error = Error::new(*kind, said.clone());
        Err(hint.iter().fold(error, |e, h| e.hint(h.clone())))
    }
}

/// Puts a value where others look for it.
pub(super) fn set<T>(place: &Mutex<T>, value: T) {
    *place.lock().unwrap_or_else(PoisonError::into_inner) = value;
}

fn ended() -> Error {
    Error::new(Kind::Failed, "the player has ended")
}

/// Opens a speaker, however long it takes within the limit.
fn wait_for(wanted: &Wanted) -> Result<Kept> {
    let opening = Opening::begin(Way::Out, &wanted.devices)?;
    let until = Instant::now() + wanted.first;
    loop {
        if let Some(kept) = opening.poll() {
            return kept;
        }
        if Instant::now() > until {
            let said = "the sound system does not answer";
            return Err(Error::new(Kind::TimedOut, said).hint("restart the sound server (PipeWire or PulseAudio)"));
        }
        thread::sleep(LOOK);
    }
}
