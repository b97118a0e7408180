//! The asynchronous runtime of whoever needs one for a while.

use std::future::Future;

use tokio::runtime::Runtime;

use crate::kernel::error::{Context as _, Kind, Result};

/// What futures run on.
///
/// # Errors
/// When the process is out of file descriptors or threads.
pub fn runtime() -> Result<Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context(Kind::Failed, || "cannot start the network runtime".to_string())
}

/// What futures run on where a person may be waited for: a thread of its own hears servers and closes connections
/// meanwhile.
///
/// # Errors
/// When the process is out of file descriptors or threads.
pub fn patient() -> Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .context(Kind::Failed, || "cannot start the network runtime".to_string())
}

/// Runs a future to its end; the runtime is made for it and goes with it.
///
/// # Errors
/// When the process is out of file descriptors or threads.
pub fn wait<T>(future: impl Future<Output = T>) -> Result<T> {
    let runtime = runtime()?;
    let done = runtime.block_on(future);
    // Nobody waits for connections that are closing.
    runtime.shutdown_background();
    Ok(done)
}
