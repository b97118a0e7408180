//! A certificate of one's own: good for this machine's names, vouched for by nobody but itself.

use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use jiff::{Span, Zoned};
use rcgen::{CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose};

use crate::kernel::certificate;
use crate::kernel::clock::Timestamp;
use crate::kernel::error::{Context, Error, Kind, Result};
use crate::kernel::files;

/// The certificate's file in the folder where it is made.
pub const CERT: &str = "server.pem";
/// The key's file beside it.
pub const KEY: &str = "server.key";
/// The most days that browsers believe (CA/Browser Forum).
pub const DAYS: u32 = 397;

/// What was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// The certificate, to be given to whoever is to believe it.
    pub cert: PathBuf,
    /// Its key, which nobody else may read.
    pub key: PathBuf,
    /// The names and addresses that it is good for.
    pub names: Vec<String>,
    /// When it ends.
    pub ends: Timestamp,
}

/// Makes a certificate and a key in `folder`, good for this machine and for `names` (also addresses) for `days` from `now`;
/// `again` also in the place of those that stand there.
///
/// # Errors
/// `Usage` for what is no name, and where files stand already.
pub fn make(folder: &Path, names: &[String], days: u32, now: Timestamp, again: bool) -> Result<Made> {
    let (cert, key) = (folder.join(CERT), folder.join(KEY));
    for path in [&cert, &key] {
        if path.exists() && !again {
            return Err(Error::new(Kind::Usage, format!("{} stands already", path.display()))
                .hint("--force makes it anew, --dir puts it into another folder"));
        }
    }
    let mut all: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(String::from).to_vec();
    all.extend(names.iter().map(|name| name.trim().to_ascii_lowercase()).filter(|name| !name.is_empty()));
    let mut seen = std::collections::HashSet::new();
    all.retain(|name| seen.insert(name.clone()));
    let failed = || "the certificate cannot be made".to_string();
    let mut params = CertificateParams::new(all.clone())
        .context(Kind::Usage, || format!("{} are not all names or addresses", all.join(", ")))?;
    let mut who = DistinguishedName::new();
    who.push(DnType::CommonName, "factotum");
    params.distinguished_name = who;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let today =
        jiff::Timestamp::from_microsecond(now.as_micros()).context(Kind::Failed, failed)?.to_zoned(TimeZone::UTC);
    let day = |zoned: &Zoned| {
        rcgen::date_time_ymd(i32::from(zoned.year()), zoned.month().unsigned_abs(), zoned.day().unsigned_abs())
    };
    // Clocks differ a little.
    let first = today.checked_sub(Span::new().days(1)).context(Kind::Failed, failed)?;
    let last = today.checked_add(Span::new().days(days.clamp(1, 36_500))).context(Kind::Failed, failed)?;
    (params.not_before, params.not_after) = (day(&first), day(&last));
    let pair = KeyPair::generate().context(Kind::Failed, failed)?;
    let made = params.self_signed(&pair).context(Kind::Failed, failed)?;
    let ends = certificate::not_after(made.der()).ok_or_else(|| Error::new(Kind::Failed, failed()))?;
    files::ensure_dir(folder)?;
    files::write_atomic(&key, pair.serialize_pem().as_bytes(), true)?;
    files::write_atomic(&cert, made.pem().as_bytes(), false)?;
    Ok(Made { cert, key, names: all, ends })
}
