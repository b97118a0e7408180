//! Who may come in over `fac serve`, and how long its certificate still lasts.

use std::path::Path;

use super::Findings;
use crate::app::App;
use crate::kernel::certificate;
use crate::store::access::KeyFilter;

/// Days before its end from which on a certificate is spoken of.
const SOON: i64 = 14;
/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

pub(super) fn look(app: &App, found: &mut Findings) {
    let (Ok(config), Ok(store)) = (app.config(), app.store()) else { return };
    let now = app.clock.now();
    if let (Ok(users), Ok(keys)) = (store.users(), store.keys(&KeyFilter::default()))
        && !users.is_empty()
    {
        let good = keys.iter().filter(|key| key.is_good(now)).count();
        found.good("server", format!("users {}, keys {good}", users.len()));
    }
    let Some(cert) = config.text("serve.cert_file").filter(|file| !file.is_empty()) else { return };
    let Some(ends) = certificate::ends(Path::new(cert)) else {
        found.bad("server", format!("the certificate {cert} cannot be read"), "make another: fac serve cert");
        return;
    };
    let left = ends.since(now).div_euclid(DAY);
    let fix = "put another in its place, which a running server takes up by itself; or make one: fac serve cert";
    match left {
        ..0 => found.bad("server", format!("the certificate {cert} ended {}", ends.local_short()), fix),
        0..=SOON => found.note("server", format!("the certificate {cert} ends in {left} days"), fix),
        _ => found.good("server", format!("the certificate lasts until {}", ends.local_short())),
    }
}
