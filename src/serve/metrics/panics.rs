//! Counts what breaks off, wherever in the process: a request, a task, a thread. It takes nobody with it.

use std::panic;
use std::sync::Arc;

use super::Metrics;

type Hook = Box<dyn Fn(&panic::PanicHookInfo<'_>) + Sync + Send + 'static>;

/// While it lives panics are counted.
pub struct Counting(Arc<Hook>);

/// From now on every panic is counted and logged, besides being told as before.
pub fn count(metrics: &Arc<Metrics>) -> Counting {
    let before: Arc<Hook> = Arc::new(panic::take_hook());
    let (metrics, told) = (metrics.clone(), before.clone());
    panic::set_hook(Box::new(move |info| {
        metrics.panics.inc();
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "a task broke off in a panic");
        told(info);
    }));
    Counting(before)
}

impl Drop for Counting {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let before = self.0.clone();
            panic::set_hook(Box::new(move |info| before(info)));
        }
    }
}
