//! Signatures against those of two other programs: the `openssl` command and the `rsa` crate.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rsa::pkcs1::EncodeRsaPrivateKey;
use rsa::pkcs8::{DecodePrivateKey, DecodePublicKey, LineEnding};
use rsa::signature::Verifier;

use super::rig::keys;
use crate::simulator::keys::{BankKey, PartnerKey};

/// `openssl genrsa 2048`, `openssl rsa -pubout`.
const SPKI: &str = "-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAqEI/TOlTafHCChx6UnN/
Su+eeKwojyZOQEMR5+zXUaf95SpIpdkaMs1zULIZNZ2R8s+6tFPKmN27KH5OcDUa
nRaj9AFljQ7EUdqw/wturMag5AjU+REXFGc6bKeWiUiezRhxcmW9bOZ/ElYaMqhp
i2yNy1SzbF+D9gcJw/ycawf+XMGsCkAQx7/RO0S8mSLXFZP6OmElT608BPkFbcWz
7eMj77FzWx3qPn/cWN6L4hPNhYLNF10PGGWDrzDA7NtQ+hY6gf/AXKWkHTIq5Fww
vUv/efE5Mz2KReSia3n11Rxi+/wB6fWp8mKOdOIkx+nN3mzfnn96PeEBjv7cjyte
EQIDAQAB
-----END PUBLIC KEY-----
";

/// The same key by `openssl rsa -RSAPublicKey_out`.
const PKCS1: &str = "-----BEGIN RSA PUBLIC KEY-----
MIIBCgKCAQEAqEI/TOlTafHCChx6UnN/Su+eeKwojyZOQEMR5+zXUaf95SpIpdka
Ms1zULIZNZ2R8s+6tFPKmN27KH5OcDUanRaj9AFljQ7EUdqw/wturMag5AjU+REX
FGc6bKeWiUiezRhxcmW9bOZ/ElYaMqhpi2yNy1SzbF+D9gcJw/ycawf+XMGsCkAQ
x7/RO0S8mSLXFZP6OmElT608BPkFbcWz7eMj77FzWx3qPn/cWN6L4hPNhYLNF10P
GGWDrzDA7NtQ+hY6gf/AXKWkHTIq5FwwvUv/efE5Mz2KReSia3n11Rxi+/wB6fWp
8mKOdOIkx+nN3mzfnn96PeEBjv7cjyteEQIDAQAB
-----END RSA PUBLIC KEY-----
";

const BODY: &[u8] = br#"{"session_id":"ps_1"}"#;

/// `openssl dgst -sha256 -sign key.pem | base64` over `BODY`.
const SIGNATURE: &str = "bwVen9oeP32aTm8D5z/KzPggSOHUF3cU6HcL86Ad6WinF1Dzh+OOCx7B/mYIOiUPdVftW5+/dDwU+HJHlxdWY1mWwbS0SooknDjBxnIJ2lWwPOiYGouPq+dMbk0CHeAwrDe4hyyjcMROOpkUDX5/0BzAuOAoJ1BRjf3Tkiz2M44qSo0/Q0nejnE0/NUDMi1iTtSnrZD40AtUamBIVVvKuLi2kpG//2i1CR0VYVNXbOjCj/wVaNHEQFa5hb1stBKKdSM+VGbeevHvflyZJ5jTYEwg7RvIZkJ+meFNZMRifAYOQEfH9WSne4BW2vUr0pYQbJuIqmU0sv6pvYP6sZywVQ==";

#[test]
fn a_signature_by_openssl_is_accepted_with_either_form_of_the_public_key() {
    for pem in [SPKI, PKCS1] {
        let key = PartnerKey::read(pem).expect("openssl's key");
        assert!(key.verifies(BODY, SIGNATURE));
        assert!(!key.verifies(br#"{"session_id":"ps_2"}"#, SIGNATURE));
        assert!(!key.verifies(BODY, &SIGNATURE[4..]));
        assert!(!key.verifies(BODY, "no base64"));
        assert!(!key.verifies(BODY, ""));
    }
}

#[test]
fn the_rsa_crate_accepts_what_the_bank_signs_with_either_form_of_the_private_key() {
    let private = rsa::RsaPrivateKey::from_pkcs8_pem(&keys().bank_private).expect("PKCS#8");
    let pkcs1 = private.to_pkcs1_pem(LineEnding::LF).expect("PKCS#1");
    let public = rsa::RsaPublicKey::from_public_key_pem(&keys().bank_public).expect("SPKI");
    let verifier = rsa::pkcs1v15::VerifyingKey::<sha2::Sha256>::new(public);
    for pem in [keys().bank_private.as_str(), pkcs1.as_str()] {
        let key = BankKey::read(pem).expect("a private key");
        let signed = STANDARD.decode(key.sign(BODY)).expect("base64");
        let signature = rsa::pkcs1v15::Signature::try_from(signed.as_slice()).expect("a signature");
        verifier.verify(BODY, &signature).expect("the bank's signature");

        let forged = STANDARD.decode(key.forge()).expect("base64");
        assert_eq!(forged.len(), signed.len(), "a forgery looks like a signature");
        let forged = rsa::pkcs1v15::Signature::try_from(forged.as_slice()).expect("its form");
        assert!(verifier.verify(BODY, &forged).is_err(), "and is none");
    }
}

#[test]
fn a_key_that_cannot_be_used_is_named_with_what_to_do() {
    let error = PartnerKey::read("hello").err().expect("no PEM").to_string();
    assert!(error.contains("partner's public") && error.contains("payoutd keygen"), "{error}");
    let error = BankKey::read(SPKI).err().expect("a public key").to_string();
    assert!(error.contains("bank's private") && error.contains("PUBLIC KEY"), "{error}");
}
