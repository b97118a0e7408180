//! Texts that say who somebody is: access tokens, refresh tokens, keys and tickets.
//!
//! An access token is a JWT (RFC 7519) of HS256 and nothing else: no other algorithm, and no key that its header names, is
//! ever looked at. A refresh token is made of the login and its generation with a keyed hash, so that none has to be kept,
//! and a real one that is too old is told from an invented one. Keys and tickets are random and kept as their SHA-256.

use std::sync::Once;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error as JwtError, ErrorKind};
use jsonwebtoken::signature::{self, Signer, Verifier};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::random;
use crate::kernel::clock::Timestamp;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::ids::Id;
use crate::kernel::secret::Secret;
use crate::store::access::Family;

/// What a key begins with, so that one that leaked is found.
pub const KEY: &str = "fac_";
/// What a refresh token begins with.
pub const REFRESH: &str = "facr_";
/// What a ticket begins with.
pub const TICKET: &str = "fact_";

/// Letters of the public part of a key.
const PREFIX: usize = 8;
/// Letters of its secret part: 256 bits.
const SECRET: usize = 43;
/// Nothing longer is looked at, bytes.
const LONGEST: usize = 4096;
/// Who makes access tokens, and for whom.
const ISSUER: &str = "factotum";
/// What access tokens are for; a token of ours for something else is none.
const AUDIENCE: &str = "factotum:access";

type HmacSha256 = Hmac<Sha256>;

/// What an access token says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    /// The user.
    pub sub: Id,
    /// The login.
    pub sid: Id,
    /// Who made it.
    iss: String,
    /// What it is for.
    aud: String,
    /// When it was made, seconds.
    iat: i64,
    /// When it ends, seconds.
    pub exp: i64,
}

/// A refresh token that is a real one, whether or not it is still good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refresh {
    /// The login.
    pub login: Id,
    /// Its generation.
    pub generation: u32,
}

/// Makes and reads the texts that need the secret of this machine.
pub struct Tokens {
    encoding: EncodingKey,
    decoding: DecodingKey,
    refresh: HmacSha256,
}

impl Tokens {
    /// With this secret.
    ///
    /// # Errors
    /// `Failed` when it cannot be a key.
    pub fn new(secret: &Secret) -> Result<Tokens> {
        install();
        let bytes = secret.expose().as_bytes();
        // One secret, two keys: what one makes never fits the other.
        let key = |purpose: &[u8]| -> Result<[u8; 32]> {
            let mac = mac(bytes)?.chain_update(purpose);
            Ok(mac.finalize().into_bytes().into())
        };
        let access = key(b"factotum access tokens 1")?;
        Ok(Tokens {
            encoding: EncodingKey::from_secret(&access),
            decoding: DecodingKey::from_secret(&access),
            refresh: mac(&key(b"factotum refresh tokens 1")?)?,
        })
    }

    /// An access token of a login, from `now` to `until`.
    ///
    /// # Errors
    /// `Failed` when it cannot be made.
    pub fn access(&self, user: Id, login: Id, now: Timestamp, until: Timestamp) -> Result<Secret> {
        let seconds = |at: Timestamp| at.as_micros().div_euclid(1_000_000);
        let claims = Claims {
            sub: user,
            sid: login,
            iss: ISSUER.into(),
            aud: AUDIENCE.into(),
            iat: seconds(now),
            exp: seconds(until),
        };
        let made = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.encoding);
        made.map(Secret::new).map_err(|error| Error::new(Kind::Failed, "a token cannot be made").because(error))
    }

    /// What an access token says; `None` when it is none of ours or over.
    pub fn read_access(&self, text: &str, now: Timestamp) -> Option<Claims> {
        if text.len() > LONGEST || !plain_header(text) {
            return None;
        }
        let mut validation = Validation::new(Algorithm::HS256);
        validation.algorithms = vec![Algorithm::HS256];
        validation.set_audience(&[AUDIENCE]);
        validation.set_issuer(&[ISSUER]);
        validation.set_required_spec_claims(&["exp", "aud", "iss", "sub"]);
        // Held against our own clock below, to the second.
        validation.validate_exp = false;
        let claims = jsonwebtoken::decode::<Claims>(text, &self.decoding, &validation).ok()?.claims;
        let now = now.as_micros().div_euclid(1_000_000);
        (now < claims.exp && claims.iat <= now + 60).then_some(claims)
    }

    /// The refresh token of this generation of a login.
    pub fn refresh(&self, login: Id, generation: u32, family: &Family) -> Secret {
        let mac = self.refresh_mac(login, generation, family).finalize().into_bytes();
        let mut bytes = Vec::with_capacity(52);
        bytes.extend(login.to_bytes());
        bytes.extend(generation.to_be_bytes());
        bytes.extend(mac);
        Secret::new(format!("{REFRESH}{}", URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// The login and the generation that a refresh token names; it is not known to be real yet.
    pub fn read_refresh(text: &str) -> Option<(Refresh, [u8; 32])> {
        let bytes = URL_SAFE_NO_PAD.decode(text.strip_prefix(REFRESH).filter(|rest| rest.len() < 100)?).ok()?;
        let (login, rest) = bytes.split_at_checked(16)?;
        let (generation, mac) = rest.split_at_checked(4)?;
        let login = Id::from_bytes(login.try_into().ok()?);
        Some((Refresh { login, generation: u32::from_be_bytes(generation.try_into().ok()?) }, mac.try_into().ok()?))
    }

    /// Whether it is real: made here, for this login. Takes as long whatever is wrong.
    pub fn is_real(&self, refresh: Refresh, mac: &[u8; 32], family: &Family) -> bool {
        self.refresh_mac(refresh.login, refresh.generation, family).verify_slice(mac).is_ok()
    }

    fn refresh_mac(&self, login: Id, generation: u32, family: &Family) -> HmacSha256 {
        self.refresh
            .clone()
            .chain_update(login.to_bytes())
            .chain_update(generation.to_be_bytes())
            .chain_update(family.salt)
    }
}

/// A new key: all of it, to be shown once, and its public beginning.
///
/// # Errors
/// When the system has no randomness.
pub fn new_key() -> Result<(Secret, String)> {
    let prefix = format!("{KEY}{}", random::text(PREFIX)?);
    Ok((Secret::new(format!("{prefix}_{}", random::text(SECRET)?)), prefix))
}

/// A new ticket.
///
/// # Errors
/// When the system has no randomness.
pub fn new_ticket() -> Result<Secret> {
    Ok(Secret::new(format!("{TICKET}{}", random::text(SECRET)?)))
}

/// What a key or a ticket is kept as.
pub fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

/// Whether the header of a JWT says only what ours do: who names a key, a place to fetch one, or an extension, is up to
/// something.
fn plain_header(text: &str) -> bool {
    let mut parts = text.split('.');
    let (Some(head), Some(_), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let Ok(bytes) = URL_SAFE_NO_PAD.decode(head) else { return false };
    let Ok(serde_json::Value::Object(fields)) = serde_json::from_slice(&bytes) else { return false };
    fields.get("alg").is_some_and(|alg| alg == "HS256") && fields.keys().all(|name| name == "alg" || name == "typ")
}

fn mac(key: &[u8]) -> Result<HmacSha256> {
    HmacSha256::new_from_slice(key)
        .map_err(|error| Error::new(Kind::Failed, "the secret cannot be used").because(error))
}

/// HS256 by the crates that are here anyway; `jsonwebtoken`'s own would bring RSA and three curves that nobody may use.
struct Hs256(HmacSha256);

impl Signer<Vec<u8>> for Hs256 {
    fn try_sign(&self, message: &[u8]) -> std::result::Result<Vec<u8>, signature::Error> {
        Ok(self.0.clone().chain_update(message).finalize().into_bytes().to_vec())
    }
}

impl Verifier<Vec<u8>> for Hs256 {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> std::result::Result<(), signature::Error> {
        self.0.clone().chain_update(message).verify_slice(signature).map_err(signature::Error::from_source)
    }
}

impl JwtSigner for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

impl JwtVerifier for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

fn hs256(algorithm: Algorithm, key: &[u8]) -> std::result::Result<Hs256, JwtError> {
    if algorithm != Algorithm::HS256 {
        return Err(ErrorKind::InvalidAlgorithm.into());
    }
    HmacSha256::new_from_slice(key).map(Hs256).map_err(|_| ErrorKind::InvalidKeyFormat.into())
}

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: |algorithm, key| Ok(Box::new(hs256(*algorithm, key.as_bytes())?)),
    verifier_factory: |algorithm, key| Ok(Box::new(hs256(*algorithm, key.try_get_as_bytes()?)?)),
    key_utils: KeyUtils::new_unimplemented(),
};

fn install() {
    static ONCE: Once = Once::new();
    // Only the first provider of a process counts, and this is it.
    ONCE.call_once(|| {
        let _ = PROVIDER.install_default();
    });
}
