//! The listener: connections in, with limits on how slowly they may speak; a kind end.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use axum::Router;
use axum_server::Handle;
use axum_server::accept::NoDelayAcceptor;
use axum_server::tls_rustls::RustlsConfig;
use hyper_util::rt::TokioTimer;

use crate::kernel::error::{Context, Error, Kind, Result};

/// Longer than this nobody waits for the head of a request.
const HEAD: Duration = Duration::from_secs(10);
/// What the head of a request may take, bytes.
const HEAD_BYTES: usize = 64 << 10;
/// Streams of one HTTP/2 connection at a time.
const STREAMS: u32 = 128;

/// Takes an address.
///
/// # Errors
/// `Unreachable` when it is taken or not ours.
pub fn bind(address: SocketAddr) -> Result<TcpListener> {
    let listener = TcpListener::bind(address).map_err(|error| {
        let taken = error.kind() == io::ErrorKind::AddrInUse;
        let hint = if taken {
            "another program listens there; take another port with --listen"
        } else {
            "--listen ADDRESS:PORT"
        };
        Error::new(Kind::Unreachable, format!("cannot listen on {address}")).because(error).hint(hint)
    })?;
    listener.set_nonblocking(true).context(Kind::Failed, || "cannot set up the listener".to_string())?;
    Ok(listener)
}

/// Serves until `handle` says that it is over.
///
/// # Errors
/// When the listener breaks.
pub async fn serve(
    listener: TcpListener,
    tls: Option<RustlsConfig>,
    service: Router,
    handle: Handle<SocketAddr>,
) -> Result<()> {
    let service = service.into_make_service_with_connect_info::<SocketAddr>();
    let broke = || "the listener broke".to_string();
    match tls {
        Some(tls) => {
            let mut server = axum_server::from_tcp_rustls(listener, tls)
                .context(Kind::Failed, broke)?
                .map(|tls| tls.acceptor(NoDelayAcceptor::new()))
                .handle(handle);
            patience(server.http_builder());
            server.serve(service).await.context(Kind::Failed, broke)
        }
        None => {
            let mut server = axum_server::from_tcp(listener)
                .context(Kind::Failed, broke)?
                .acceptor(NoDelayAcceptor::new())
                .handle(handle);
            patience(server.http_builder());
            server.serve(service).await.context(Kind::Failed, broke)
        }
    }
}

fn patience(builder: &mut hyper_util::server::conn::auto::Builder<hyper_util::rt::TokioExecutor>) {
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(HEAD_BYTES).max_headers(100);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(u32::try_from(HEAD_BYTES).unwrap_or(u32::MAX))
        .keep_alive_interval(Some(Duration::from_secs(30)))
        .keep_alive_timeout(Duration::from_secs(20));
}
