//! `telnyx-signature-ed25519`, written from Telnyx's description and independent of any adapter that checks it.

use base64::{Engine, engine::general_purpose::STANDARD};
use ed25519_dalek::{Signer as _, SigningKey};

/// The account's key.
pub(super) struct Signer(SigningKey);

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signer(..)")
    }
}

impl Signer {
    pub(super) fn new(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// As the portal shows it: base64 of 32 bytes.
    pub(super) fn public_key(&self) -> String {
        STANDARD.encode(self.0.verifying_key().as_bytes())
    }

    /// `base64(Ed25519(timestamp | body))`; the timestamp is Unix seconds as the header says them.
    pub(super) fn sign(&self, timestamp: &str, body: &[u8]) -> String {
        let message = [timestamp.as_bytes(), b"|", body].concat();
        STANDARD.encode(self.0.sign(&message).to_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_vector_is_reproduced() {
        let file: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/data/telnyx-webhook-vectors.json")).unwrap();
        let signer = Signer::new(&std::array::from_fn(|index| index as u8));
        assert_eq!(signer.public_key(), file["public_key_base64"].as_str().unwrap());
        let vectors = file["vectors"].as_array().unwrap();
        assert_eq!(vectors.len(), 3);
        for vector in vectors {
            let body = STANDARD.decode(vector["body_base64"].as_str().unwrap()).unwrap();
            let signature = signer.sign(vector["timestamp"].as_str().unwrap(), &body);
            assert_eq!(signature, vector["signature_base64"].as_str().unwrap(), "{}", vector["name"]);
        }
    }
}
