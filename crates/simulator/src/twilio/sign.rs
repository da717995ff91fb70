//! `X-Twilio-Signature`, written from Twilio's description and independent of any adapter that checks it.

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

/// `base64(HMAC-SHA1(token, url + every distinct name and value, sorted))`.
///
/// For a GET pass no parameters: they are part of the URL already.
pub(crate) fn signature(token: &str, url: &str, params: &[(String, String)]) -> String {
    let mut pairs: Vec<_> = params.iter().collect();
    pairs.sort_unstable();
    pairs.dedup();
    let mut mac = Hmac::<Sha1>::new_from_slice(token.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(url.as_bytes());
    for (name, value) in pairs {
        mac.update(name.as_bytes());
        mac.update(value.as_bytes());
    }
    STANDARD.encode(mac.finalize().into_bytes())
}

/// The URL as it is signed: as configured, but without fragment and user information, and over https without port.
pub(crate) fn signed_url(configured: &str) -> String {
    let url = configured.split_once('#').map_or(configured, |(before, _)| before);
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = match host.rsplit_once(':') {
        Some((name, port)) if scheme == "https" && port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    format!("{scheme}://{host}{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_official_vector_is_reproduced() {
        let file: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/data/twilio-webhook-vectors.json")).unwrap();
        let token = file["auth_token"].as_str().unwrap();
        let vectors = file["vectors"].as_array().unwrap();
        assert_eq!(vectors.len(), 13);
        for vector in vectors {
            let params: Vec<(String, String)> = serde_json::from_value(vector["params"].clone()).unwrap();
            let url = vector["signed_url"].as_str().unwrap();
            assert_eq!(signature(token, url, &params), vector["signature"].as_str().unwrap(), "{}", vector["id"]);
        }
    }

    #[test]
    fn fragment_user_information_and_https_port_are_not_signed() {
        for (configured, signed) in [
            ("https://a.example:8443/x?y=1#rc=3&rp=all", "https://a.example/x?y=1"),
            ("http://a.example:8080/x", "http://a.example:8080/x"),
            ("http://user:secret@a.example:80/x@y:1", "http://a.example:80/x@y:1"),
            ("https://[::1]/x", "https://[::1]/x"),
        ] {
            assert_eq!(signed_url(configured), signed);
        }
    }
}
