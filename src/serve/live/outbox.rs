//! What waits to be sent to one reader, in order and bounded in bytes: whoever makes more than the reader takes waits, or
//! the reader is cut off.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value as Json, json};
use tokio::sync::{Notify, mpsc};

/// More is not begun to be sent, bytes.
const ROOM: usize = 256 << 10;
/// With more the reader is cut off, bytes.
const MOST: usize = 2 << 20;

/// Who takes nothing for so long is cut off.
const SLOW: Duration = Duration::from_secs(30);

/// One thing to be sent.
#[derive(Debug)]
pub struct Frame {
    /// What it is.
    pub kind: &'static str,
    /// Its place in the event log, where it has one.
    pub position: Option<String>,
    /// An object, as text.
    pub body: String,
}

/// Where frames are put. Clones are the same.
#[derive(Clone)]
pub struct Outbox {
    sender: mpsc::UnboundedSender<Frame>,
    level: Arc<Level>,
}

struct Level {
    bytes: AtomicUsize,
    sunk: Notify,
    cut: AtomicBool,
    cutting: Notify,
}

/// Where they are taken from.
pub struct Inbox {
    receiver: mpsc::UnboundedReceiver<Frame>,
    level: Arc<Level>,
}

/// Both ends.
pub fn outbox() -> (Outbox, Inbox) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let level = Arc::new(Level {
        bytes: AtomicUsize::new(0),
        sunk: Notify::new(),
        cut: AtomicBool::new(false),
        cutting: Notify::new(),
    });
    (Outbox { sender, level: level.clone() }, Inbox { receiver, level })
}

impl Outbox {
    /// Puts an object of this type: `id` is whose it is. False when nobody reads any more; when the reader is far behind it
    /// is cut off.
    pub fn put(&self, id: Option<&Json>, kind: &'static str, rest: Json) -> bool {
        self.put_at(id, kind, None, rest)
    }

    /// The same with a place in the event log.
    pub fn put_at(&self, id: Option<&Json>, kind: &'static str, position: Option<String>, rest: Json) -> bool {
        let mut body = json!({});
        if let Some(id) = id {
            body["id"] = id.clone();
        }
        body["type"] = json!(kind);
        if let Json::Object(rest) = rest {
            for (name, value) in rest {
                body[name] = value;
            }
        }
        let body = body.to_string();
        let waiting = self.level.bytes.fetch_add(body.len(), Ordering::SeqCst) + body.len();
        if waiting > MOST && waiting > body.len() {
            self.cut();
        }
        !self.is_cut() && self.sender.send(Frame { kind, position, body }).is_ok()
    }

    /// Cuts the reader off.
    pub fn cut(&self) {
        if !self.level.cut.swap(true, Ordering::SeqCst) {
            self.level.cutting.notify_one();
            self.level.sunk.notify_waiters();
        }
    }

    /// Whether nobody reads any more.
    pub fn is_cut(&self) -> bool {
        self.level.cut.load(Ordering::SeqCst) || self.sender.is_closed()
    }

    /// Waits until nobody reads any more.
    pub async fn closed(&self) {
        self.sender.closed().await;
    }

    /// Waits until there is room; false when nobody reads any more.
    pub async fn room(&self) -> bool {
        loop {
            let sunk = self.level.sunk.notified();
            let mut sunk = std::pin::pin!(sunk);
            sunk.as_mut().enable();
            if self.is_cut() {
                return false;
            }
            if self.level.bytes.load(Ordering::SeqCst) < ROOM {
                return true;
            }
            tokio::select! {
                () = sunk => {}
                () = self.sender.closed() => return false,
                () = tokio::time::sleep(SLOW) => self.cut(),
            }
        }
    }
}

impl Inbox {
    /// The next frame; `None` when nobody puts any more, or the reader is cut off.
    pub async fn take(&mut self) -> Option<Frame> {
        if self.is_cut() {
            return None;
        }
        tokio::select! {
            biased;
            () = self.level.cutting.notified() => None,
            frame = self.receiver.recv() => frame,
        }
    }

    /// What waits already.
    pub fn at_once(&mut self) -> Option<Frame> {
        self.receiver.try_recv().ok()
    }

    /// A frame is on its way.
    pub fn sent(&self, frame: &Frame) {
        self.level.bytes.fetch_sub(frame.body.len(), Ordering::SeqCst);
        self.level.sunk.notify_waiters();
    }

    /// Whether the reader was cut off.
    pub fn is_cut(&self) -> bool {
        self.level.cut.load(Ordering::SeqCst)
    }

    /// Cuts the reader off.
    pub fn cut(&self) {
        self.level.cut.store(true, Ordering::SeqCst);
        self.level.sunk.notify_waiters();
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        self.cut();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_reads_nothing_is_cut_off_and_who_reads_gets_all_in_order() {
        let (outbox, mut inbox) = outbox();
        let id = json!("a");
        for n in 0..3 {
            assert!(outbox.put(Some(&id), "x", json!({"n": n})));
        }
        for n in 0..3 {
            let frame = inbox.take().await.unwrap();
            assert_eq!(frame.body, format!(r#"{{"id":"a","type":"x","n":{n}}}"#));
            inbox.sent(&frame);
        }
        let long = "y".repeat(ROOM);
        assert!(outbox.room().await);
        let mut put = 0;
        while outbox.put(None, "x", json!({"text": long})) {
            put += 1;
        }
        assert_eq!(put, MOST / ROOM - 1);
        assert!(!outbox.room().await && inbox.take().await.is_none() && inbox.is_cut());
    }

    #[tokio::test]
    async fn one_thing_may_be_larger_than_all_that_waits() {
        let (outbox, mut inbox) = outbox();
        assert!(outbox.put(None, "x", json!({"text": "y".repeat(MOST)})));
        let frame = inbox.take().await.unwrap();
        assert_eq!(frame.kind, "x");
        let waits = outbox.clone();
        let waiting = tokio::spawn(async move { waits.room().await });
        tokio::task::yield_now().await;
        inbox.sent(&frame);
        assert!(waiting.await.unwrap());
        drop(inbox);
        assert!(!outbox.room().await && !outbox.put(None, "x", json!({})));
    }
}
