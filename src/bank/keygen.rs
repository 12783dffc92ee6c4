//! A new key pair: the private half stays here, the public half goes to the bank.
//!
//! Writing the private half to a file that nobody else can read is the caller's part.

use std::fmt;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{self, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use secrecy::SecretString;

use super::keys::KeyError;
use super::signing::encode_pem;

pub struct KeyPair {
    /// PKCS#8, not encrypted.
    pub private_pem: SecretString,
    /// SPKI.
    pub public_pem: String,
}

/// Makes an RSA key of 2048 bits.
pub fn generate() -> Result<KeyPair, KeyError> {
    let failed = |_| KeyError::NotGenerated;
    let pair = rsa::KeyPair::generate(KeySize::Rsa2048).map_err(failed)?;
    let private: Pkcs8V1Der = pair.as_der().map_err(failed)?;
    let public: PublicKeyX509Der = pair.public_key().as_der().map_err(failed)?;
    Ok(KeyPair {
        private_pem: encode_pem("PRIVATE KEY", private.as_ref()).into(),
        public_pem: encode_pem("PUBLIC KEY", public.as_ref()),
    })
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyPair(***)")
    }
}
