//! When it is to be asked again whether somebody who is here may be so still: what lasts longer than a request was let in
//! by a key or a login that may be revoked, narrowed or over by now.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::hub::Hub;
use crate::kernel::clock::Timestamp;
use crate::serve::access::Caller;

/// Tells when to ask again about one caller.
pub(super) struct Standing {
    access: watch::Receiver<()>,
    over: Option<Instant>,
}

impl Standing {
    /// About this caller, from now on.
    pub(super) fn new(hub: &Hub, caller: &Caller) -> Standing {
        let left = |until: Timestamp| u64::try_from(until.since(hub.store().now())).unwrap_or(0);
        let over = caller.until.and_then(|until| Instant::now().checked_add(Duration::from_micros(left(until))));
        Standing { access: hub.access(), over }
    }

    /// Waits until somebody changed what may be, or what the caller showed comes to its end.
    pub(super) async fn asks_again(&mut self) {
        let over = self.over;
        let ends = async {
            match over {
                Some(over) => tokio::time::sleep_until(over).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            changed = self.access.changed() => if changed.is_err() {
                // Nobody watches any more: the server is ending, which is told in another way.
                std::future::pending().await
            },
            () = ends => self.over = None,
        }
    }
}
