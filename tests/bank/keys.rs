//! Key files: every format that is read, and clear words for what is not.

use payoutd::bank::keygen;
use payoutd::bank::keys::KeyError;
use payoutd::bank::signing::{PrivateKey, PublicKeys};
use secrecy::{ExposeSecret, SecretString};

use super::world::*;

fn private(name: &str, passphrase: Option<&str>) -> Result<PrivateKey, KeyError> {
    let passphrase = passphrase.map(SecretString::from);
    PrivateKey::from_pem(&fixture(&format!("signatures/{name}")), passphrase.as_ref())
}

fn public(name: &str) -> Result<PublicKeys, KeyError> {
    PublicKeys::from_pems([fixture(&format!("signatures/{name}"))])
}

const PASSPHRASE: Option<&str> = Some("correct horse");

#[test]
fn every_format_of_one_key_signs_and_verifies_alike() {
    let signature = private_key().sign(b"{}");
    for (name, passphrase) in [
        ("private_pkcs1.pem", None),
        ("private_pkcs8.pem", None),
        ("private_pkcs8.pem", PASSPHRASE),
        ("private_encrypted_pkcs8.pem", PASSPHRASE),
    ] {
        let key = private(name, passphrase).unwrap_or_else(|e| panic!("{name} {e}"));
        assert_eq!(key.sign(b"{}"), signature, "{name}");
        assert_eq!(key.public_pem().as_bytes(), fixture("signatures/public_spki.pem"), "{name}");
    }
    for name in ["public_spki.pem", "public_rsapublickey.pem"] {
        let keys = public(name).unwrap_or_else(|e| panic!("{name} {e}"));
        assert!(keys.verify(b"{}", &signature), "{name}");
    }
}

#[test]
fn a_passphrase_that_is_missing_or_wrong_is_named_by_its_setting() {
    let name = "private_encrypted_pkcs8.pem";
    assert_eq!(private(name, None).err(), Some(KeyError::PassphraseMissing));
    for wrong in ["", "wrong", "correct horse "] {
        let error = private(name, Some(wrong)).expect_err("refused");
        assert_eq!(error, KeyError::PassphraseWrong);
        assert!(error.to_string().contains("bank.private_key_passphrase"));
    }
}

#[test]
fn a_file_that_is_no_private_key_is_told_by_what_it_is() {
    for (name, words) in [
        ("public_spki.pem", "an RSA private key, but holds a public key"),
        ("public_rsapublickey.pem", "an RSA private key, but holds a public key"),
        ("wrong/certificate.pem", "holds a certificate"),
        ("wrong/ec_private.pem", "holds an elliptic-curve private key"),
        ("wrong/ec_private_sec1.pem", "holds an elliptic-curve key"),
        ("wrong/ed25519_private.pem", "holds an Ed25519 private key"),
        ("wrong/rsa1024_private.pem", "fewer than 2048 bits"),
        ("wrong/private_pkcs8.der", "looks like DER"),
        ("wrong/private_encrypted_pbes1.pem", "openssl pkcs8 -topk8"),
        ("wrong/private_encrypted_pkcs1.pem", "openssl pkcs8 -topk8"),
        ("empty.bin.sig", "something else"),
        ("bodies/empty.bin", "empty"),
    ] {
        let error = private(name, PASSPHRASE).expect_err(name).to_string();
        assert!(error.contains(words), "{name}: {error}");
    }
}

#[test]
fn a_file_that_is_no_public_key_is_told_by_what_it_is() {
    for (name, words) in [
        ("private_pkcs8.pem", "an RSA public key, but holds a private key"),
        ("private_pkcs1.pem", "an RSA public key, but holds a private key"),
        ("wrong/certificate.pem", "holds a certificate"),
        ("wrong/ec_public.pem", "holds an elliptic-curve public key"),
        ("wrong/rsa1024_public.pem", "fewer than 2048 bits"),
        ("bodies/empty.bin", "empty"),
    ] {
        let error = public(name).expect_err(name).to_string();
        assert!(error.contains(words), "{name}: {error}");
    }
    assert_eq!(PublicKeys::from_pems::<Vec<u8>>([]).err(), Some(KeyError::NoPublicKey));
}

#[test]
fn a_damaged_file_is_an_error_and_never_a_panic() {
    let whole = fixture("signatures/private_pkcs8.pem");
    for end in 0..whole.len() - 20 {
        assert!(PrivateKey::from_pem(&whole[..end], None).is_err(), "cut at {end}");
    }
    let text = String::from_utf8(whole).expect("text");
    let damaged = text.replacen("MIIEv", "MIIEw", 1);
    assert!(PrivateKey::from_pem(damaged.as_bytes(), None).is_err());
}

#[test]
fn a_key_may_stand_beside_its_certificate() {
    let mut file = fixture("signatures/wrong/certificate.pem");
    file.extend(fixture("signatures/private_pkcs8.pem"));
    assert!(PrivateKey::from_pem(&file, None).is_ok());
}

#[test]
fn no_key_is_ever_printed() {
    let pair = keygen::generate().expect("a key pair");
    let key = PrivateKey::from_pem(pair.private_pem.expose_secret().as_bytes(), None);
    let printed =
        format!("{pair:?} {key:?} {:?} {:?}", public_keys(), settings("http://127.0.0.1"));
    assert!(!printed.contains("BEGIN") && !printed.contains("MII"), "{printed}");
    assert!(printed.contains("***"));
}
