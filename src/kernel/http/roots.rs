//! Who vouches for servers: the system's CA certificates and those of the settings, read when a server shows its own.
//!
//! Reading the system's takes milliseconds and a megabyte. Who speaks plain HTTP never pays for it, and who will need
//! them has them read in the background while the connection comes about. What makes a certificate good is decided by
//! webpki, as always; this only knows when to read.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{self, CryptoProvider};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use crate::kernel::error::{Context, Kind};

/// Checks servers' certificates against roots that are read when the first is checked.
#[derive(Debug)]
pub(super) struct Roots {
    extra: RootCertStore,
    provider: Arc<CryptoProvider>,
    verifier: OnceLock<Result<Arc<WebPkiServerVerifier>, Error>>,
}

/// A client's TLS with the roots of the system and `extra`; `soon`: they are read from now on, in the background.
///
/// # Errors
/// When the provider knows no usual version of TLS.
pub(super) fn client(extra: RootCertStore, soon: bool) -> Result<rustls::ClientConfig, Error> {
    let provider = Arc::new(crypto::ring::default_provider());
    let roots = Arc::new(Roots { extra, provider: Arc::clone(&provider), verifier: OnceLock::new() });
    if soon {
        let roots = Arc::clone(&roots);
        // Without a thread they are read a little later.
        let _ = std::thread::Builder::new().name("roots".to_string()).spawn(move || drop(roots.verifier()));
    }
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// TLS for what is spoken beside HTTP.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// A PEM file whose certificates alone are believed.
    pub only: Option<PathBuf>,
    /// PEM files whose certificates are believed beside the system's.
    pub more: Vec<PathBuf>,
    /// PEM files of a certificate of ours and its key, shown to whoever asks.
    pub identity: Option<(PathBuf, PathBuf)>,
}

impl Tls {
    /// A client's TLS, ready for connections.
    ///
    /// # Errors
    /// `BadData` when a file cannot be read or does not hold what it should.
    pub fn client(&self) -> crate::kernel::error::Result<Arc<rustls::ClientConfig>> {
        let provider = Arc::new(crypto::ring::default_provider());
        let builder = rustls::ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .context(Kind::Failed, || "cannot set up TLS".to_string())?;
        let builder = match &self.only {
            Some(file) => builder.with_root_certificates(super::certificates(std::slice::from_ref(file))?),
            None => {
                let extra = super::certificates(&self.more)?;
                let roots = Arc::new(Roots { extra, provider, verifier: OnceLock::new() });
                builder.dangerous().with_custom_certificate_verifier(roots)
            }
        };
        let Some((cert, key)) = &self.identity else { return Ok(Arc::new(builder.with_no_client_auth())) };
        let broken = |file: &Path, what: &str| format!("{} holds no {what} that can be used", file.display());
        let read =
            |file: &PathBuf| std::fs::read(file).context(Kind::BadData, || format!("cannot read {}", file.display()));
        let chain: std::result::Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&read(cert)?).collect();
        let chain = chain.context(Kind::BadData, || broken(cert, "certificate"))?;
        let secret = PrivateKeyDer::from_pem_slice(&read(key)?).context(Kind::BadData, || broken(key, "key"))?;
        let config = builder.with_client_auth_cert(chain, secret);
        if let Err(error) = &config
            && error.to_string().contains("UnsupportedCertVersion")
        {
            let said = format!("{} is a certificate of version 1, which TLS has no use for any more", cert.display());
            return Err(crate::kernel::error::Error::new(Kind::BadData, said).hint(
                "make one of version 3: openssl x509 -req … -extfile FILE, with basicConstraints=CA:FALSE in it",
            ));
        }
        config
            .map(Arc::new)
            .context(Kind::BadData, || format!("{} and {} do not belong together", cert.display(), key.display()))
    }
}

impl Roots {
    /// The verifier; whoever comes while it is made waits for it.
    fn verifier(&self) -> Result<Arc<WebPkiServerVerifier>, Error> {
        self.verifier.get_or_init(|| self.read()).clone()
    }

    fn read(&self) -> Result<Arc<WebPkiServerVerifier>, Error> {
        let mut store = self.extra.clone();
        // `SSL_CERT_FILE` and `SSL_CERT_DIR` stand in for the system's. What cannot be read vouches for nobody.
        let system = rustls_native_certs::load_native_certs();
        for error in &system.errors {
            tracing::debug!(error = error.to_string(), "CA certificates not read");
        }
        store.add_parsable_certificates(system.certs);
        if store.is_empty() {
            return Err(Error::General("there are no CA certificates on this machine".to_string()));
        }
        WebPkiServerVerifier::builder_with_provider(Arc::new(store), Arc::clone(&self.provider))
            .build()
            .map_err(|error| Error::General(error.to_string()))
    }
}

impl ServerCertVerifier for Roots {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.verifier()?.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
