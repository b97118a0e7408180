//! What is known of every request before anything else: its trace id and where it comes from.
//!
//! The trace id is that of `traceparent` (W3C Trace Context, version 00) where the asker sent one, else a new one.

use std::net::{IpAddr, Ipv4Addr};

use axum::extract::Request;
use axum::http::HeaderMap;

use crate::kernel::ids::{Ids, TraceId};

/// What is known of a request.
#[derive(Clone, Copy, Debug)]
pub struct Traced {
    /// What ties everything done for it together.
    pub trace: TraceId,
    /// Where it comes from: the connection's address, or what a trusted proxy says.
    pub address: IpAddr,
}

impl Traced {
    /// What the outermost layer wrote down.
    pub fn of(request: &Request) -> Traced {
        request
            .extensions()
            .get::<Traced>()
            .copied()
            .unwrap_or_else(|| Traced { trace: Ids::random().trace(), address: IpAddr::V4(Ipv4Addr::UNSPECIFIED) })
    }
}

/// The trace id of `traceparent`: `00-<32 hex>-<16 hex>-<2 hex>`; anything else is as if nothing had been sent.
pub fn trace_of(headers: &HeaderMap) -> Option<TraceId> {
    let text = headers.get("traceparent")?.to_str().ok()?;
    let mut parts = text.split('-');
    let (version, trace, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let hex = |text: &str, len: usize| {
        text.len() == len && text.bytes().all(|b| b.is_ascii_hexdigit() && !b.is_ascii_uppercase())
    };
    let known = hex(version, 2) && version != "ff" && (version != "00" || parts.next().is_none());
    let sound = known && hex(trace, 32) && hex(parent, 16) && parent.bytes().any(|b| b != b'0') && hex(flags, 2);
    sound.then(|| trace.parse().ok()).flatten()
}
