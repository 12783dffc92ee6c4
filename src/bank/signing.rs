//! Signatures, both ways: RSA PKCS#1 v1.5 with SHA-256 over the exact bytes of a body, in
//! standard base64.
//!
//! Callers hand over the bytes as they are on the wire; re-serialised JSON is another body.
//! Neither half of a key is ever printed.

use std::fmt;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{KeyPair, ParsedPublicKey, RSA_PKCS1_SHA256};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use pem::{EncodeConfig, LineEnding, Pem};
use secrecy::SecretString;

use super::keys::{self, KeyError};

/// Longest signature header looked at, in bytes. The largest key's signature takes 1368.
const SIGNATURE_CHARS_MAX: usize = 4096;

/// Ours: signs what we send.
pub struct PrivateKey(rsa::KeyPair);

impl PrivateKey {
    /// Reads PKCS#1 or PKCS#8, the latter also encrypted; RSA of at least 2048 bits.
    pub fn from_pem(pem: &[u8], passphrase: Option<&SecretString>) -> Result<Self, KeyError> {
        keys::private_key(pem, passphrase).map(Self)
    }

    /// The signature of a body, as `X-PARTNER-SIGN` carries it.
    pub fn sign(&self, body: &[u8]) -> String {
        let mut signature = vec![0; self.0.public_modulus_len()];
        self.0
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), body, &mut signature)
            .expect("a checked key signs any body");
        STANDARD.encode(signature)
    }

    /// The other half, which the bank is given: SPKI in PEM.
    pub fn public_pem(&self) -> String {
        let spki = self.0.public_key().as_der().expect("a checked key has a public half");
        encode_pem("PUBLIC KEY", spki.as_ref())
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey(***)")
    }
}

/// The bank's: any of them may have signed what comes in, so that it can change its key while
/// both are valid.
#[derive(Clone)]
pub struct PublicKeys(Vec<ParsedPublicKey>);

impl PublicKeys {
    /// Reads SPKI or RSAPublicKey files; each may hold several keys, and there must be one at
    /// least.
    pub fn from_pems<P: AsRef<[u8]>>(pems: impl IntoIterator<Item = P>) -> Result<Self, KeyError> {
        let mut keys = Vec::new();
        for pem in pems {
            keys.extend(keys::public_keys(pem.as_ref())?);
        }
        if keys.is_empty() { Err(KeyError::NoPublicKey) } else { Ok(Self(keys)) }
    }

    /// Whether one of the keys made this signature over exactly these bytes. White space in the
    /// signature is ignored, as the bank's own SDK does.
    pub fn verify(&self, body: &[u8], signature: &str) -> bool {
        if signature.len() > SIGNATURE_CHARS_MAX {
            return false;
        }
        let base64: Vec<u8> = signature.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
        STANDARD
            .decode(base64)
            .is_ok_and(|signature| self.0.iter().any(|k| k.verify_sig(body, &signature).is_ok()))
    }
}

impl fmt::Debug for PublicKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKeys({})", self.0.len())
    }
}

/// PEM as openssl writes it, with bare line feeds on every system.
pub(super) fn encode_pem(tag: &str, der: &[u8]) -> String {
    let config = EncodeConfig::new().set_line_ending(LineEnding::LF);
    pem::encode_config(&Pem::new(tag, der), config)
}
