//! Key files: every format that is read, and clear words for what is not.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use payoutd::bank::keygen;
use payoutd::bank::keys::KeyError;
use payoutd::bank::signing::{PrivateKey, PublicKeys};
use pkcs8::EncryptedPrivateKeyInfoRef;
use pkcs8::der::Encode;
use pkcs8::der::asn1::OctetStringRef;
use pkcs8::pkcs5::pbes2::{self, Kdf, Pbkdf2Params, Salt, ScryptParams};
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

/// Where a line is damaged, what is meant as a name or a header is the key itself.
#[test]
fn what_is_told_of_a_damaged_file_is_no_part_of_its_key() {
    let key = String::from_utf8(fixture("signatures/private_pkcs8.pem")).expect("text");
    let certificate = String::from_utf8(fixture("signatures/wrong/certificate.pem")).expect("text");
    let lines: Vec<_> = key.lines().collect();
    for (damaged, words) in [
        // A dash is missing in its BEGIN line, and its certificate follows.
        (key.replacen("KEY-----", "KEY----", 1) + &certificate, "two different things"),
        // A blank line came into it.
        (format!("{}\n\n{}", lines[..5].join("\n"), lines[5..].join("\n")), "a blank line"),
        (key.replacen("PRIVATE", "40817810099910004312", 2), "a block of another name"),
        (key.replacen('M', "!", 1), "no base64"),
    ] {
        let errors = [
            PrivateKey::from_pem(damaged.as_bytes(), None).expect_err("refused").to_string(),
            PublicKeys::from_pems([damaged.as_bytes()]).expect_err("refused").to_string(),
        ];
        for error in errors {
            assert!(error.contains(words), "{error}");
            assert!(lines[1..5].iter().all(|line| !error.contains(&line[..16])), "{error}");
            assert!(!error.contains("40817810099910004312"), "{error}");
        }
    }
}

/// Such a file would keep a process busy for hours, take all its memory, or end it.
#[test]
fn a_key_that_takes_too_much_to_open_is_not_opened() {
    for (what, kdf) in [
        ("100 million rounds of PBKDF2", pbkdf2(100_000_000)),
        ("scrypt in 8 GiB", scrypt(1 << 26, 1)),
        ("scrypt 60,000 times over", scrypt(1 << 14, 60_000)),
        ("scrypt at no cost", scrypt(0, 1)),
    ] {
        let error = PrivateKey::from_pem(encrypted_with(kdf).as_bytes(), Some(&"x".into()));
        let error = error.expect_err("refused").to_string();
        assert!(error.contains("takes too long to open"), "{what}: {error}");
    }
    let affordable =
        PrivateKey::from_pem(encrypted_with(scrypt(1 << 10, 1)).as_bytes(), Some(&"x".into()));
    assert_eq!(affordable.err(), Some(KeyError::PassphraseWrong));
}

fn pbkdf2(iteration_count: u32) -> Kdf {
    let params =
        Pbkdf2Params::hmac_sha256(iteration_count, b"salt").expect("within the library's bound");
    params.into()
}

fn scrypt(cost_parameter: u64, parallelization: u16) -> Kdf {
    let salt = Salt::new(b"salt").expect("short");
    Kdf::Scrypt(ScryptParams {
        salt,
        cost_parameter,
        block_size: 8,
        parallelization,
        key_length: None,
    })
}

/// An encrypted key file that names this way to make its key of the passphrase, and holds nothing.
fn encrypted_with(kdf: Kdf) -> String {
    let encryption = pbes2::EncryptionScheme::Aes256Cbc { iv: [0; 16] };
    let encrypted_data = OctetStringRef::new(&[0; 32]).expect("short");
    let encryption_algorithm = pbes2::Parameters { kdf, encryption }.into();
    let info = EncryptedPrivateKeyInfoRef { encryption_algorithm, encrypted_data };
    let der = info.to_der().expect("small");
    let body = STANDARD.encode(der);
    format!("-----BEGIN ENCRYPTED PRIVATE KEY-----\n{body}\n-----END ENCRYPTED PRIVATE KEY-----\n")
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
