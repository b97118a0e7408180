//! How a delivery proves that it comes from who knows the secret: an HMAC over its bytes, or the secret itself.

use axum::http::HeaderMap;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::kernel::secret::Secret;
use crate::serve::problem::Problem;

/// Headers with `sha256=` and the HMAC in hex.
const SIGNED: [&str; 3] = ["x-hub-signature-256", "x-signature-256", "x-webhook-signature-256"];
/// Headers with the secret itself, for programs that cannot sign.
const TOLD: [&str; 2] = ["x-gitlab-token", "x-webhook-token"];
/// Headers with what tells a delivery apart from all others.
const IDS: [&str; 5] = ["x-github-delivery", "webhook-id", "x-delivery-id", "x-gitlab-event-uuid", "idempotency-key"];

/// Whether the headers prove it. Where something is signed, only that counts.
pub(super) fn holds(secret: &Secret, headers: &HeaderMap, body: &[u8]) -> bool {
    if secret.is_empty() {
        return false;
    }
    let text = |name: &&str| headers.get(*name).map(|value| value.to_str().unwrap_or_default());
    if let Some(signature) = SIGNED.iter().find_map(text) {
        return signed(secret, signature, body);
    }
    let told = TOLD.iter().find_map(text);
    told.is_some_and(|told| bool::from(told.as_bytes().ct_eq(secret.expose().as_bytes())))
}

/// Whether `sha256=…` is the HMAC of the body.
pub(super) fn signed(secret: &Secret, signature: &str, body: &[u8]) -> bool {
    let Some(given) = signature.strip_prefix("sha256=").and_then(unhex) else { return false };
    let Ok(mac) = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()) else { return false };
    mac.chain_update(body).verify_slice(&given).is_ok()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    (0..32).map(|at| u8::from_str_radix(text.get(at * 2..at * 2 + 2)?, 16).ok()).collect()
}

/// What tells a delivery apart from all others, where it says so.
///
/// # Errors
/// 400 when that is no short text.
pub(super) fn delivery_id(headers: &HeaderMap, longest: usize) -> Result<Option<String>, Problem> {
    let Some(value) = IDS.iter().find_map(|name| headers.get(*name)) else { return Ok(None) };
    match value.to_str() {
        Ok(text) if !text.is_empty() && text.len() <= longest => Ok(Some(text.to_string())),
        _ => Err(Problem::new(axum::http::StatusCode::BAD_REQUEST, "usage", "the id of the delivery cannot be read")),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_str(value).unwrap());
        headers
    }

    /// The example of GitHub's documentation.
    const BODY: &[u8] = b"Hello, World!";
    const SIGNATURE: &str = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

    fn secret() -> Secret {
        Secret::new("It's a Secret to Everybody")
    }

    #[test]
    fn githubs_own_example_holds_and_nothing_near_it_does() {
        assert!(holds(&secret(), &headers("x-hub-signature-256", SIGNATURE), BODY));
        assert!(!holds(&secret(), &headers("x-hub-signature-256", SIGNATURE), b"Hello, World?"));
        assert!(!holds(&Secret::new("other"), &headers("x-hub-signature-256", SIGNATURE), BODY));
        for wrong in ["", "sha256=", &SIGNATURE[..70], &SIGNATURE.replace("sha256", "sha1"), &SIGNATURE[7..]] {
            assert!(!holds(&secret(), &headers("x-hub-signature-256", wrong), BODY), "{wrong}");
        }
        assert!(!holds(&secret(), &HeaderMap::new(), BODY));
    }

    #[test]
    fn who_signs_wrongly_cannot_fall_back_to_telling() {
        let mut both = headers("x-webhook-token", "It's a Secret to Everybody");
        assert!(holds(&secret(), &both, BODY));
        both.insert("x-hub-signature-256", HeaderValue::from_static("sha256=00"));
        assert!(!holds(&secret(), &both, BODY));
        assert!(!holds(&Secret::new(""), &headers("x-webhook-token", ""), BODY));
    }

    proptest! {
        #[test]
        fn no_invented_signature_breaks_it(signature in "\\PC{0,80}", body in proptest::collection::vec(any::<u8>(), 0..64)) {
            prop_assert!(!signed(&secret(), &signature, &body));
        }
    }
}
