//! The bank's end of the signatures: RSA PKCS#1 v1.5 with SHA-256 over the body's bytes, in base64.
//!
//! Reads PEM: PKCS#8 or PKCS#1 private keys, SPKI or PKCS#1 public keys. Signatures are read strictly:
//! a partner that sends anything but standard base64 is refused.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    KeyPair, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::SimulatorError;

/// The partner's public key, with which requests are checked.
pub(super) struct PartnerKey(ParsedPublicKey);

/// The bank's private key, with which webhooks are signed.
pub(super) struct BankKey {
    pair: RsaKeyPair,
    random: SystemRandom,
}

impl PartnerKey {
    pub(super) fn read(text: &str) -> Result<Self, SimulatorError> {
        let whose = "partner's public";
        let block = block(text, whose)?;
        ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, block.contents())
            .map(Self)
            .map_err(|error| unusable(whose, block.tag(), &error))
    }

    pub(super) fn verifies(&self, body: &[u8], signature: &str) -> bool {
        STANDARD
            .decode(signature)
            .is_ok_and(|signature| self.0.verify_sig(body, &signature).is_ok())
    }
}

impl BankKey {
    pub(super) fn read(text: &str) -> Result<Self, SimulatorError> {
        let whose = "bank's private";
        let block = block(text, whose)?;
        let pair = match block.tag() {
            "RSA PRIVATE KEY" => RsaKeyPair::from_der(block.contents()),
            _ => RsaKeyPair::from_pkcs8(block.contents()),
        };
        let pair = pair.map_err(|error| unusable(whose, block.tag(), &error))?;
        Ok(Self { pair, random: SystemRandom::new() })
    }

    pub(super) fn sign(&self, body: &[u8]) -> String {
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair
            .sign(&RSA_PKCS1_SHA256, &self.random, body, &mut signature)
            .expect("the buffer has the modulus's length, and an RSA key that was read can sign");
        STANDARD.encode(signature)
    }

    /// A signature of the right form and length by nobody's key.
    pub(super) fn forge(&self) -> String {
        let modulus = self.pair.public_key().as_ref();
        let bytes: Vec<u8> =
            modulus.iter().cycle().take(self.pair.public_modulus_len()).map(|b| b ^ 0x5a).collect();
        STANDARD.encode(bytes)
    }
}

fn block(text: &str, whose: &'static str) -> Result<pem::Pem, SimulatorError> {
    pem::parse(text)
        // The library's words would repeat lines of the file.
        .map_err(|_| SimulatorError::Key { whose, reason: "it is not PEM".into() })
}

fn unusable(whose: &'static str, tag: &str, error: &impl std::fmt::Display) -> SimulatorError {
    SimulatorError::Key { whose, reason: format!("\"{tag}\" holds no usable RSA key ({error})") }
}
