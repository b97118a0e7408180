//! When it is to be asked again whether somebody who is here may be so still: what lasts longer than a request was let in
//! by a key or a login that may be revoked, narrowed or over by now.

use std::time::Duration;

use tokio::sync::watch;

use super::hub::Hub;
use crate::kernel::clock::Timestamp;
use crate::serve::access::Caller;

/// It is asked no more often than that, and no less: clocks are set, and machines sleep.
const OFTEN: Duration = Duration::from_millis(200);
const SELDOM: Duration = Duration::from_secs(30);

/// Tells when to ask again about one caller.
pub(super) struct Standing {
    access: watch::Receiver<()>,
    hub: Hub,
    until: Option<Timestamp>,
    asked: bool,
}

impl Standing {
    /// About this caller, from now on.
    pub(super) fn new(hub: &Hub, caller: &Caller) -> Standing {
        Standing { access: hub.access(), hub: hub.clone(), until: caller.until, asked: false }
    }

    /// Waits until somebody changed what may be, or what the caller showed comes to its end.
    pub(super) async fn asks_again(&mut self) {
        let left = self.until.map(|until| until.since(self.hub.store().now()));
        let left = left.map(|us| Duration::from_micros(u64::try_from(us).unwrap_or(0)));
        let least = if self.asked { OFTEN } else { Duration::ZERO };
        let wait = left.map_or(SELDOM, |left| left.clamp(least, SELDOM));
        tokio::select! {
            changed = self.access.changed() => if changed.is_err() {
                // Nobody watches any more: the server is ending, which is told in another way.
                std::future::pending().await
            },
            () = tokio::time::sleep(wait) => self.asked = true,
        }
    }
}
