//! `x-retell-signature`, written from Retell's description and independent of any adapter that checks it.

use std::fmt::Write;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// `v=<ms>,d=<hex>`: HMAC-SHA256 of the raw body followed by the decimal milliseconds, keyed with the API key.
pub(crate) fn signature(key: &str, body: &[u8], at_ms: i64) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(body);
    mac.update(at_ms.to_string().as_bytes());
    let mut header = format!("v={at_ms},d=");
    for byte in mac.finalize().into_bytes() {
        write!(header, "{byte:02x}").expect("a string takes whatever is written to it");
    }
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_vector_of_the_official_clients_is_reproduced() {
        let file: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/data/retell-webhook-vectors.json")).unwrap();
        let key = file["api_key"].as_str().unwrap();
        let vectors = file["vectors"].as_array().unwrap();
        assert_eq!(vectors.len(), 4);
        for vector in vectors {
            let (body, at) = (vector["body"].as_str().unwrap(), vector["timestamp_ms"].as_i64().unwrap());
            assert_eq!(signature(key, body.as_bytes(), at), vector["header"].as_str().unwrap(), "{}", vector["name"]);
        }
    }

    #[test]
    fn key_body_and_moment_all_count() {
        let true_one = signature("key", b"{}", 1);
        let others = [signature("kez", b"{}", 1), signature("key", b"{} ", 1), signature("key", b"{}", 2)];
        let digest = |header: &str| header.split_once(",d=").unwrap().1.to_owned();
        assert!(others.iter().all(|other| digest(other) != digest(&true_one)));
    }
}
