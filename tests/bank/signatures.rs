//! Signatures, held against openssl's and against a second implementation.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use payoutd::bank::keygen;
use payoutd::bank::signing::{PrivateKey, PublicKeys};
use proptest::prelude::*;
use rsa::pkcs1v15::{Signature, SigningKey, VerifyingKey};
use rsa::pkcs8::{DecodePrivateKey, DecodePublicKey};
use rsa::signature::{SignatureEncoding, Signer, Verifier};
use secrecy::ExposeSecret;
use sha2::Sha256;

use super::world::*;

const VECTORS: [&str; 4] = ["empty.bin", "non_ascii.json", "odd_spacing.json", "every_byte.bin"];

fn vector(name: &str) -> (Vec<u8>, String) {
    let body = fixture(&format!("signatures/bodies/{name}"));
    let signature = fixture(&format!("signatures/{name}.sig"));
    (body, String::from_utf8(signature).expect("base64"))
}

fn text_fixture(name: &str) -> String {
    String::from_utf8(fixture(name)).expect("text")
}

#[test]
fn signatures_are_the_ones_that_openssl_makes() {
    for name in VECTORS {
        let (body, signature) = vector(name);
        assert_eq!(private_key().sign(&body), signature, "{name}");
        assert!(public_keys().verify(&body, &signature), "{name}");
    }
}

#[test]
fn white_space_in_a_signature_is_ignored_and_nothing_else() {
    let (body, signature) = vector("non_ascii.json");
    let folded = format!(" {}\r\n\t{}\n", &signature[..64], &signature[64..]);
    assert!(public_keys().verify(&body, &folded));
    let url_safe = signature.replace('+', "-").replace('/', "_");
    assert_ne!(url_safe, signature);
    let long = format!("{signature}{}", " ".repeat(4096));
    for bad in ["", "=", "!!!!", &signature[4..], &format!("{signature}AAAA"), &url_safe, &long] {
        assert!(!public_keys().verify(&body, bad), "{bad:?}");
    }
}

#[test]
fn any_of_several_keys_verifies_and_a_foreign_one_does_not() {
    let (body, signature) = vector("non_ascii.json");
    let other = keygen::generate().expect("a key pair").public_pem;
    let ours = text_fixture("signatures/public_spki.pem");
    let keys = |pems: &[&String]| PublicKeys::from_pems(pems).expect("keys");
    assert!(keys(&[&other, &ours]).verify(&body, &signature));
    assert!(keys(&[&ours, &other]).verify(&body, &signature));
    assert!(keys(&[&format!("{other}\n{ours}")]).verify(&body, &signature));
    assert!(!keys(&[&other]).verify(&body, &signature));
}

#[test]
fn a_generated_pair_belongs_together_and_other_implementations_read_it() {
    let pair = keygen::generate().expect("a key pair");
    let private = pair.private_pem.expose_secret();
    let key = PrivateKey::from_pem(private.as_bytes(), None).expect("our own format");
    assert_eq!(key.public_pem(), pair.public_pem);
    let signature = STANDARD.decode(key.sign(b"{}")).expect("base64");
    let second = VerifyingKey::<Sha256>::new(
        rsa::RsaPublicKey::from_public_key_pem(&pair.public_pem).expect("SPKI"),
    );
    let signature = Signature::try_from(signature.as_slice()).expect("a signature");
    second.verify(b"{}", &signature).expect("verifies");
    assert!(rsa::RsaPrivateKey::from_pkcs8_pem(private).is_ok());
}

proptest! {
    // RSA in plain Rust without optimisation is slow.
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_second_implementation_signs_the_same(body in prop::collection::vec(any::<u8>(), 0..2048)) {
        let pem = text_fixture("signatures/private_pkcs8.pem");
        let second = rsa::RsaPrivateKey::from_pkcs8_pem(&pem).expect("a key");
        let expected = SigningKey::<Sha256>::new(second).sign(&body).to_vec();
        let signature = private_key().sign(&body);
        prop_assert_eq!(&signature, &STANDARD.encode(expected));
        prop_assert!(public_keys().verify(&body, &signature));
    }

    #[test]
    fn one_changed_bit_in_body_or_signature_is_noticed(
        mut body in prop::collection::vec(any::<u8>(), 1..512),
        place in any::<prop::sample::Index>(),
        bit in 0..8u32,
    ) {
        let signature = private_key().sign(&body);
        let mut changed = STANDARD.decode(&signature).expect("base64");
        let at = place.index(changed.len());
        changed[at] ^= 1 << bit;
        prop_assert!(!public_keys().verify(&body, &STANDARD.encode(changed)));
        let at = place.index(body.len());
        body[at] ^= 1 << bit;
        prop_assert!(!public_keys().verify(&body, &signature));
    }

    #[test]
    fn no_header_makes_verifying_panic(header in ".{0,400}") {
        let body = b"body";
        prop_assert!(!public_keys().verify(body, &header));
    }
}
