//! Encryption: TLS by rustls, 1.3 and nothing older unless the settings say so, with a certificate that may be replaced
//! while the server runs.

pub mod make;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum_server::tls_rustls::RustlsConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, SupportedProtocolVersion, version};

use crate::kernel::certificate;
use crate::kernel::clock::Timestamp;
use crate::kernel::config::Config;
use crate::kernel::error::{Context, Error, Kind, Result};
use crate::kernel::files;

/// How often the files are looked at.
const GLANCE: Duration = Duration::from_secs(30);
/// The largest file that is read, bytes.
const LARGEST: u64 = 1 << 20;

const V13: &[&SupportedProtocolVersion] = &[&version::TLS13];
const V12: &[&SupportedProtocolVersion] = &[&version::TLS13, &version::TLS12];

/// The certificate of a server, and how it speaks.
#[derive(Clone, Debug)]
pub struct Tls {
    /// For the listener; what is reloaded reaches it.
    pub rustls: RustlsConfig,
    cert: PathBuf,
    key: PathBuf,
    old_too: bool,
}

impl Tls {
    /// As the settings want it; `None` where they name no certificate.
    ///
    /// # Errors
    /// `Usage` when only one file is named; `NotFound` or `BadData` when they cannot be used.
    pub fn of(config: &Config) -> Result<Option<Tls>> {
        let text = |name: &str| config.text(name).filter(|text| !text.is_empty()).map(PathBuf::from);
        let old_too = config.text("serve.tls_min") == Some("1.2");
        match (text("serve.cert_file"), text("serve.key_file")) {
            (None, None) => Ok(None),
            (Some(cert), Some(key)) => Tls::open(&cert, &key, old_too).map(Some),
            _ => Err(Error::new(Kind::Usage, "a certificate needs both serve.cert_file and serve.key_file")
                .hint("`fac serve cert` makes both")),
        }
    }

    /// With the certificate and key of these files; `old_too` speaks TLS 1.2 as well.
    ///
    /// # Errors
    /// `NotFound` when a file is missing, `Refused` when others can read the key, `BadData` when they cannot be used.
    pub fn open(cert: &Path, key: &Path, old_too: bool) -> Result<Tls> {
        let rustls = RustlsConfig::from_config(read(cert, key, old_too)?);
        Ok(Tls { rustls, cert: cert.to_path_buf(), key: key.to_path_buf(), old_too })
    }

    /// Reads the files again; connections that begin from now on get what is in them. When they cannot be used, nothing
    /// changes.
    ///
    /// # Errors
    /// As [`Tls::open`].
    pub fn reload(&self) -> Result<()> {
        self.rustls.reload_from_config(read(&self.cert, &self.key, self.old_too)?);
        Ok(())
    }

    /// When the certificate ends; `None` when that cannot be read from it.
    pub fn ends(&self) -> Option<Timestamp> {
        certificate::ends(&self.cert)
    }

    /// Reloads whenever the files changed, for ever.
    pub async fn watch(self) {
        let stamp = |tls: &Tls| {
            let of = |path: &Path| std::fs::metadata(path).and_then(|meta| meta.modified()).ok();
            (of(&tls.cert), of(&tls.key))
        };
        let mut seen = stamp(&self);
        loop {
            tokio::time::sleep(GLANCE).await;
            let now = stamp(&self);
            if now != seen {
                seen = now;
                match self.reload() {
                    Ok(()) => tracing::info!("the certificate was reloaded"),
                    // The other file may come a moment later; that is another change.
                    Err(error) => tracing::warn!(error = error.full_message(), "the old certificate is kept"),
                }
            }
        }
    }
}

fn read(cert: &Path, key: &Path, old_too: bool) -> Result<Arc<ServerConfig>> {
    let missing = |path: &Path| {
        Error::new(Kind::NotFound, format!("there is no file {}", path.display())).hint("`fac serve cert` makes one")
    };
    let text = files::read_text(cert, LARGEST)?.ok_or_else(|| missing(cert))?;
    let certs = CertificateDer::pem_slice_iter(text.as_bytes()).collect::<std::result::Result<Vec<_>, _>>();
    let certs = certs.context(Kind::BadData, || format!("{} holds no certificates in PEM form", cert.display()))?;
    if certs.is_empty() {
        return Err(Error::new(Kind::BadData, format!("{} holds no certificate in PEM form", cert.display())));
    }
    let text = files::read_text(key, LARGEST)?.ok_or_else(|| missing(key))?;
    let meta = std::fs::metadata(key).context(Kind::Failed, || format!("cannot look at {}", key.display()))?;
    files::refuse_if_shared(key, &meta)?;
    let secret = PrivateKeyDer::from_pem_slice(text.as_bytes())
        .context(Kind::BadData, || format!("{} holds no private key in PEM form", key.display()))?;
    let versions = if old_too { V12 } else { V13 };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let built = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .map(|builder| builder.with_no_client_auth())
        .and_then(|builder| builder.with_single_cert(certs, secret));
    let mut config =
        built.context(Kind::BadData, || format!("{} and {} do not go together", cert.display(), key.display()))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_certificate_can_be_served_and_replaced() {
        let root = tempfile::tempdir().unwrap();
        let now = Timestamp::from_micros(1_795_300_000_000_000);
        let made = make::make(root.path(), &["fac.test".into()], 30, now, false).unwrap();
        let tls = Tls::open(&made.cert, &made.key, false).unwrap();
        let before = tls.rustls.get_inner();
        assert_eq!(before.alpn_protocols, [b"h2".to_vec(), b"http/1.1".to_vec()]);
        tls.reload().unwrap();
        assert!(!Arc::ptr_eq(&before, &tls.rustls.get_inner()));
        assert_eq!(tls.ends(), Some(made.ends));
        let days = made.ends.since(now) / 86_400_000_000;
        assert!((29..=31).contains(&days), "{days}");
        // What cannot be used changes nothing.
        let kept = tls.rustls.get_inner();
        std::fs::write(&made.cert, "nothing").unwrap();
        assert_eq!(tls.reload().unwrap_err().kind(), Kind::BadData);
        assert!(Arc::ptr_eq(&kept, &tls.rustls.get_inner()));
    }

    #[test]
    fn keys_that_others_read_or_that_do_not_fit_are_refused() {
        use std::os::unix::fs::PermissionsExt;
        let root = tempfile::tempdir().unwrap();
        let now = Timestamp::from_micros(1_795_300_000_000_000);
        let one = make::make(&root.path().join("one"), &[], 30, now, false).unwrap();
        let two = make::make(&root.path().join("two"), &[], 30, now, false).unwrap();
        assert_eq!(Tls::open(&one.cert, &two.key, false).unwrap_err().kind(), Kind::BadData);
        assert_eq!(Tls::open(&root.path().join("none"), &two.key, false).unwrap_err().kind(), Kind::NotFound);
        std::fs::set_permissions(&one.key, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(Tls::open(&one.cert, &one.key, false).unwrap_err().kind(), Kind::Refused);
        // A certificate that stands is not overwritten by accident.
        assert_eq!(make::make(&root.path().join("two"), &[], 30, now, false).unwrap_err().kind(), Kind::Usage);
        let before = std::fs::read(&two.cert).unwrap();
        make::make(&root.path().join("two"), &[], 30, now, true).unwrap();
        assert_ne!(std::fs::read(&two.cert).unwrap(), before);
    }
}
