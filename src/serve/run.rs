//! A server from its start to its end: the listener, the automations beside it, the kind end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use axum_server::Handle;

use super::access::{self, Access};
use super::desk::Desk;
use super::guard::{self, Guard};
use super::limits::{self, Limits};
use super::live::Live;
use super::live::hub::Hub;
use super::metrics::{Metrics, panics};
use super::tls::Tls;
use super::{Server, listen, routes, service, systemd};
use crate::app::App;
use crate::app::auto::SettingsStamp;
use crate::chat::driver::stopped;
use crate::exec::Stop;
use crate::kernel::error::{Context, Kind, Result};
use crate::kernel::secret::Secret;
use crate::store::traffic::Traffic;

/// Requests that are under way have this long to end after the server was asked to.
const DRAIN: Duration = Duration::from_secs(10);
/// What is known of a login is kept so long after its end, microseconds.
const KEPT_LOGINS: i64 = 30 * 86_400_000_000;
/// What was asked to end then, this long.
const LAST: Duration = Duration::from_secs(5);
/// How often flags are looked at.
const GLANCE: Duration = Duration::from_millis(100);
/// How often it is looked whether settings were changed.
const LOOK: Duration = Duration::from_secs(2);
/// How often what processes that are gone left open is ended.
const TIDY: Duration = Duration::from_secs(5);
/// Threads for blocking work at most.
const BLOCKING: usize = 256;

/// How a server is wanted.
#[derive(Clone, Debug)]
pub struct Wishes {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Whether automations run here too.
    pub automations: bool,
    /// Whether a proxy on this machine encrypts, and passes on who asks.
    pub behind_proxy: bool,
    /// Set when settings and certificate are to be read again.
    pub reload: Arc<AtomicBool>,
}

/// What a server says while it runs.
#[derive(Debug)]
pub enum Told<'a> {
    /// It listens here now, encrypted or not.
    Listening(SocketAddr, bool),
    /// Settings and certificate were read again.
    Reloaded,
    /// Something does not work, and the rest goes on.
    Trouble(&'a str),
    /// Nobody was known: this owner was added, with this key, which nobody can be shown again.
    Begun {
        /// The owner's name.
        owner: &'a str,
        /// The key.
        key: &'a Secret,
    },
    /// It was asked to end, and waits for what is under way.
    Draining,
}

/// Serves until `stop` is requested, then lets what is under way end; asked twice it ends at once.
///
/// # Errors
/// When it cannot listen, or a room does not open.
pub fn run(app: &App, wishes: &Wishes, stop: &Stop, tell: &mut dyn FnMut(Told<'_>)) -> Result<()> {
    // Mistakes in the settings are found before anybody connects.
    app.config()?;
    let store = app.store()?;
    let tls = Tls::of(app.config()?)?;
    guard::may_listen(wishes.listen.ip(), tls.is_some(), wishes.behind_proxy)?;
    let guard = Guard::new(guard::Rules::of(app.config()?, tls.is_some(), wishes.behind_proxy)?);
    let traffic = Arc::new(Traffic::open(&app.paths.state)?);
    let access = Access::open(app, traffic.clone())?;
    let listener = listen::bind(wishes.listen)?;
    let address = listener.local_addr().context(Kind::Failed, || "the listener has no address".to_string())?;
    let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    let desk = Desk::new(app.another()?, cores.min(4))?;
    let hub = Hub::new(store.clone(), desk.done());
    let metrics = Arc::new(Metrics::new());
    let _counting = panics::count(&metrics);
    let server = Arc::new(Server {
        live: Live::new(hub.clone()),
        desk,
        access,
        limits: Limits::new(traffic.clone(), app.clock.clone(), limits::Rules::of(app.config()?)),
        traffic,
        guard,
        metrics: metrics.clone(),
        running: super::running::Running::default(),
        faces: super::faces::Faces::default(),
        taking: super::hooks::Taking::default(),
        code: super::api::code::Room::default(),
        routes: routes(),
    });
    let begun = access::begin(store)?;
    store.prune_logins(store.now().plus_micros(-KEPT_LOGINS))?;
    let automations = if wishes.automations { Some(automate(app, stop.clone())?) } else { None };
    tidy(app, stop.clone())?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(cores)
        .max_blocking_threads(BLOCKING)
        .enable_all()
        .build()
        .context(Kind::Failed, || "cannot start the network runtime".to_string())?;
    let encrypted = tls.is_some();
    let done = runtime.block_on(async {
        let handle = Handle::new();
        let rustls = tls.as_ref().map(|tls| tls.rustls.clone());
        let mut serving = tokio::spawn(listen::serve(listener, rustls, service(server.clone()), handle.clone()));
        let watching = tls.clone().map(|tls| tokio::spawn(tls.watch()));
        let following = tokio::spawn(hub.watch(metrics));
        let beating = systemd::beat().map(|beat| tokio::spawn(alive(server.clone(), beat)));
        if let Some((user, key)) = &begun {
            tell(Told::Begun { owner: &user.name, key });
        }
        tell(Told::Listening(address, encrypted));
        systemd::ready();
        let mut stamp = app.settings_stamp();
        let ended = loop {
            tokio::select! {
                () = stopped(stop) => break None,
                () = told_or_changed(&wishes.reload, app, &mut stamp) => match reload(app, &server, wishes, tls.as_ref()) {
                    Ok(()) => tell(Told::Reloaded),
                    Err(error) => {
                        let said = format!("settings and certificate stay as they were: {}", error.full_message());
                        tracing::warn!("{said}");
                        tell(Told::Trouble(&said));
                    }
                },
                ended = &mut serving => break Some(ended),
            }
        };
        if ended.is_none() {
            systemd::stopping();
            tell(Told::Draining);
            server.live.drain();
            // Connections may say their last words after that.
            handle.graceful_shutdown(Some(DRAIN + LAST + LAST));
            tokio::select! {
                _ = async { tokio::join!(server.live.idle(DRAIN), server.running.idle(DRAIN)) } => {}
                () = again(stop) => {}
            }
            server.live.over();
            server.running.stop_all();
            server.live.idle(LAST).await;
            server.running.idle(LAST).await;
            if stop.count() > 1 {
                handle.shutdown();
            }
        }
        following.abort();
        watching.into_iter().chain(beating).for_each(|task| task.abort());
        let ended = match ended {
            Some(ended) => ended,
            None => serving.await,
        };
        ended.context(Kind::Failed, || "the listener broke".to_string())?
    });
    runtime.shutdown_timeout(Duration::from_secs(2));
    // They were asked to end by the same word; what they owe stands in the store.
    if let Some(thread) = automations {
        let patience = Instant::now() + LAST;
        while !thread.is_finished() && Instant::now() < patience {
            std::thread::sleep(Duration::from_millis(20));
        }
        if thread.is_finished() {
            let _ = thread.join();
        }
    }
    done
}

/// Reads settings and certificate again; work that begins from now on has them. Where they cannot be read nothing changes.
fn reload(app: &App, server: &Server, wishes: &Wishes, tls: Option<&Tls>) -> Result<()> {
    systemd::reloading();
    let done = (|| {
        let fresh = app.anew()?;
        let config = fresh.config()?;
        let seed = fresh.another()?;
        tls.map(Tls::reload).transpose()?;
        server.renew(config, tls.is_some(), wishes.behind_proxy)?;
        server.desk.renew(seed);
        fresh.renew_log_level()?;
        tracing::info!("the settings were read again");
        Ok(())
    })();
    systemd::ready();
    done
}

/// Waits until a flag is set, which it takes down, or until files of the settings are others than they were.
async fn told_or_changed(flag: &AtomicBool, app: &App, stamp: &mut SettingsStamp) {
    let mut looked = Instant::now();
    while !flag.swap(false, Ordering::SeqCst) {
        tokio::time::sleep(GLANCE).await;
        if looked.elapsed() >= LOOK {
            looked = Instant::now();
            let now = app.settings_stamp();
            if *stamp != now {
                *stamp = now;
                return;
            }
        }
    }
    *stamp = app.settings_stamp();
}

/// Waits until it is asked to end a second time.
async fn again(stop: &Stop) {
    while stop.count() < 2 {
        tokio::time::sleep(GLANCE).await;
    }
}

/// Says again and again that it lives, as long as the store can be read.
async fn alive(server: Arc<Server>, beat: Duration) {
    loop {
        if server.live.hub().now().await.is_ok() {
            systemd::alive();
        }
        tokio::time::sleep(beat).await;
    }
}

/// Ends what processes that are gone left open, now and every now and then, so that no request has to look.
fn tidy(app: &App, stop: Stop) -> Result<()> {
    let app = app.another()?;
    let work = move || loop {
        if let Err(error) = app.adopt().and_then(|()| app.mark_lost()) {
            tracing::warn!(error = error.full_message(), "what others left open stays so");
        }
        if stop.wait(TIDY) {
            return;
        }
    };
    thread("tidy", work).map(drop)
}

/// Runs the automations beside the server, unless another process does.
/// How often it is looked whether automations that run elsewhere do so still.
const TAKE_OVER: Duration = Duration::from_secs(5);

fn automate(app: &App, stop: Stop) -> Result<JoinHandle<()>> {
    let app = app.another()?;
    let work = move || {
        let mut is_told = false;
        loop {
            match app.take_lease() {
                Ok(epoch) => match app.run_automations(epoch, &stop, &mut |_| {}) {
                    Ok(()) => return,
                    // A disk that was full, or somebody who took over: it goes on where it can.
                    Err(error) => tracing::error!(error = error.full_message(), "the automations ended"),
                },
                // Whoever runs them now may end before this does.
                Err(error) if !std::mem::replace(&mut is_told, true) => {
                    tracing::info!(error = error.full_message(), "automations run elsewhere");
                }
                Err(_) => {}
            }
            if stop.wait(TAKE_OVER) {
                return;
            }
        }
    };
    thread("automations", work)
}

fn thread(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>> {
    let started = std::thread::Builder::new().name(name.into()).spawn(work);
    started.context(Kind::Failed, || "cannot start a thread".to_string())
}
