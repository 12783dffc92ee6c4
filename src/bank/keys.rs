//! RSA keys from PEM files, in every format that openssl writes, and clear words for every file
//! that is something else.
//!
//! Guarantees RSA of 2048 to 8192 bits. Says nothing about whose key it is. Its errors name what
//! was found instead, never any part of a key.

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::error::KeyRejected;
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256};
use pem::{Pem, PemError};
use pkcs8::pkcs5::pbes2::Kdf;
use pkcs8::spki::SubjectPublicKeyInfoRef;
use pkcs8::{EncryptedPrivateKeyInfoRef, PrivateKeyInfoRef};
use secrecy::{ExposeSecret, SecretString};

/// The setting that an encrypted private key needs.
pub const PASSPHRASE_SETTING: &str = "bank.private_key_passphrase_file";

/// Why a file is not the key that was asked for, and what to do about it. The file's name is the
/// caller's to add.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("holds no PEM block (\"-----BEGIN …\"): {found}")]
    NotPem { found: &'static str },
    #[error("holds a PEM block that cannot be read: {problem}")]
    BrokenPem { problem: &'static str },
    #[error("must be {wanted}, but holds {found}")]
    Wrong { wanted: &'static str, found: String },
    #[error("holds an RSA key of fewer than 2048 bits: the bank takes 2048 and up")]
    TooSmall,
    #[error("holds a damaged RSA key ({problem})")]
    Damaged { problem: String },
    #[error("is encrypted: give its passphrase in {PASSPHRASE_SETTING}")]
    PassphraseMissing,
    #[error("is encrypted, and {PASSPHRASE_SETTING} does not open it")]
    PassphraseWrong,
    #[error(
        "is encrypted in a way that is not supported ({problem}): convert it with \
         `openssl pkcs8 -topk8 -v2 aes-256-cbc`"
    )]
    UnsupportedEncryption { problem: String },
    #[error("no public key was given: name at least one of the bank's")]
    NoPublicKey,
    #[error("a key pair could not be made: the system's random generator failed")]
    NotGenerated,
}

const PRIVATE: &str = "an RSA private key";
const PUBLIC: &str = "an RSA public key";

/// Reads PKCS#1 and PKCS#8, the latter also encrypted. Other blocks in the file are passed over,
/// so that a key may stand beside its certificate.
pub(super) fn private_key(
    file: &[u8],
    passphrase: Option<&SecretString>,
) -> Result<rsa::KeyPair, KeyError> {
    let blocks = blocks(file)?;
    let private = blocks.iter().find(|block| block.tag().ends_with("PRIVATE KEY"));
    let block = private.unwrap_or(&blocks[0]);
    if block.headers().get("Proc-Type").is_some() {
        let problem = "the old format of \"RSA PRIVATE KEY\"".into();
        return Err(KeyError::UnsupportedEncryption { problem });
    }
    match block.tag() {
        "RSA PRIVATE KEY" => rsa::KeyPair::from_der(block.contents()).map_err(rejected),
        "PRIVATE KEY" => pkcs8_key(block.contents()),
        "ENCRYPTED PRIVATE KEY" => {
            let passphrase = passphrase.ok_or(KeyError::PassphraseMissing)?;
            decrypted_key(block.contents(), passphrase)
        }
        tag => Err(wrong(PRIVATE, tag)),
    }
}

/// Reads SPKI and RSAPublicKey; a file may hold several.
pub(super) fn public_keys(file: &[u8]) -> Result<Vec<ParsedPublicKey>, KeyError> {
    blocks(file)?.iter().map(public_key).collect()
}

fn public_key(block: &Pem) -> Result<ParsedPublicKey, KeyError> {
    match block.tag() {
        "PUBLIC KEY" => {
            if let Ok(info) = SubjectPublicKeyInfoRef::try_from(block.contents()) {
                require_rsa(PUBLIC, "public key", &info.algorithm.oid.to_string())?;
            }
        }
        "RSA PUBLIC KEY" => {}
        tag => return Err(wrong(PUBLIC, tag)),
    }
    let key = rsa::PublicKey::from_der(block.contents()).map_err(rejected)?;
    let spki = key.as_der().map_err(KeyRejected::from).map_err(rejected)?;
    // Of the library's ways to read a public key, only this one looks at its size.
    rsa::PublicEncryptingKey::from_der(spki.as_ref()).map_err(|_| KeyError::TooSmall)?;
    ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, spki.as_ref()).map_err(rejected)
}

fn pkcs8_key(der: &[u8]) -> Result<rsa::KeyPair, KeyError> {
    if let Ok(info) = PrivateKeyInfoRef::try_from(der) {
        require_rsa(PRIVATE, "private key", &info.algorithm.oid.to_string())?;
    }
    rsa::KeyPair::from_pkcs8(der).map_err(rejected)
}

fn decrypted_key(der: &[u8], passphrase: &SecretString) -> Result<rsa::KeyPair, KeyError> {
    let encrypted = EncryptedPrivateKeyInfoRef::try_from(der)
        .map_err(|e| KeyError::UnsupportedEncryption { problem: e.to_string() })?;
    if !is_affordable(&encrypted) {
        return Err(KeyError::UnsupportedEncryption {
            problem: "it takes too long to open".into(),
        });
    }
    let key = encrypted.decrypt(passphrase.expose_secret()).map_err(|error| match error {
        pkcs8::Error::EncryptedPrivateKey(
            problem @ (pkcs8::pkcs5::Error::UnsupportedAlgorithm { .. }
            | pkcs8::pkcs5::Error::NoPbes1CryptSupport
            | pkcs8::pkcs5::Error::AlgorithmParametersInvalid { .. }),
        ) => KeyError::UnsupportedEncryption { problem: problem.to_string() },
        // A wrong passphrase shows as bad padding, or now and then as something that is no key.
        _ => KeyError::PassphraseWrong,
    })?;
    pkcs8_key(key.as_bytes())
}

/// Most rounds of PBKDF2: some seconds. openssl makes 2048 unless told otherwise, and what is
/// recommended against guessing is below a million.
const PBKDF2_ROUNDS_MAX: u32 = 10_000_000;

/// Most blocks of 128 bytes that scrypt fills: 256 MiB, about a second. openssl's own bound is
/// 32 MiB.
const SCRYPT_BLOCKS_MAX: u64 = 1 << 21;

/// Whether the passphrase is made into a key in bounded time and memory. Below a cost of 2 the
/// library panics.
fn is_affordable(encrypted: &EncryptedPrivateKeyInfoRef<'_>) -> bool {
    match encrypted.encryption_algorithm.pbes2().map(|parameters| &parameters.kdf) {
        Some(Kdf::Pbkdf2(parameters)) => parameters.iteration_count <= PBKDF2_ROUNDS_MAX,
        Some(Kdf::Scrypt(parameters)) => {
            let blocks = [parameters.block_size, parameters.parallelization]
                .into_iter()
                .fold(parameters.cost_parameter, |product, factor| {
                    product.saturating_mul(factor.into())
                });
            parameters.cost_parameter >= 2 && blocks <= SCRYPT_BLOCKS_MAX
        }
        // Another way of encryption, or of making keys, is refused where it is used.
        Some(_) | None => true,
    }
}

fn blocks(file: &[u8]) -> Result<Vec<Pem>, KeyError> {
    let blocks =
        pem::parse_many(file).map_err(|error| KeyError::BrokenPem { problem: broken(&error) })?;
    if blocks.is_empty() { Err(no_pem(file)) } else { Ok(blocks) }
}

/// In words of ours: the library's repeat lines of the file, and a damaged one may be the key.
fn broken(error: &PemError) -> &'static str {
    match error {
        PemError::MismatchedTags(_, _) => "its BEGIN and END lines name two different things",
        PemError::InvalidHeader(_) => "a blank line stands in the middle of it",
        PemError::InvalidData(_) => "what stands between its BEGIN and END lines is no base64",
        PemError::NotUtf8(_) => "it is no text",
        PemError::MissingData => "nothing stands between its BEGIN and END lines",
        PemError::MalformedFraming | PemError::MissingBeginTag | PemError::MissingEndTag => {
            "its BEGIN or END line is damaged"
        }
    }
}

/// An ASN.1 SEQUENCE, which every DER key starts with.
const DER_START: u8 = 0x30;

fn no_pem(file: &[u8]) -> KeyError {
    let found = match file.trim_ascii() {
        [] => "it is empty",
        [DER_START, ..] if std::str::from_utf8(file).is_err() => {
            "it looks like DER; convert it with `openssl pkey -inform DER`, with -pubin for a \
             public key"
        }
        text if text.windows(10).any(|w| w == b"-----BEGIN") => {
            "its END line is missing or damaged"
        }
        _ => "it holds something else",
    };
    KeyError::NotPem { found }
}

fn wrong(wanted: &'static str, tag: &str) -> KeyError {
    let found = match tag {
        "CERTIFICATE" | "X509 CERTIFICATE" | "TRUSTED CERTIFICATE" => {
            "a certificate; take its key with `openssl x509 -pubkey -noout`".into()
        }
        "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => "a certificate request".into(),
        "PUBLIC KEY" | "RSA PUBLIC KEY" => "a public key".into(),
        "PRIVATE KEY" | "RSA PRIVATE KEY" | "ENCRYPTED PRIVATE KEY" => "a private key".into(),
        "EC PRIVATE KEY" | "EC PARAMETERS" => "an elliptic-curve key".into(),
        "OPENSSH PRIVATE KEY" => "a key in OpenSSH's own format".into(),
        // No label of ours: where its line is damaged, it may be anything.
        _ => "a block of another name".into(),
    };
    KeyError::Wrong { wanted, found }
}

/// Object identifiers of key algorithms (RFC 3279, RFC 4055, RFC 5480, RFC 8410).
fn require_rsa(wanted: &'static str, half: &str, oid: &str) -> Result<(), KeyError> {
    let algorithm = match oid {
        "1.2.840.113549.1.1.1" => return Ok(()),
        "1.2.840.113549.1.1.10" => "an RSA-PSS",
        "1.2.840.10045.2.1" => "an elliptic-curve",
        "1.3.101.112" => "an Ed25519",
        "1.2.643.7.1.1.1.1" | "1.2.643.7.1.1.1.2" => "a GOST R 34.10",
        _ => "another algorithm's",
    };
    Err(KeyError::Wrong { wanted, found: format!("{algorithm} {half}") })
}

fn rejected(error: KeyRejected) -> KeyError {
    match error.description_() {
        "TooSmall" => KeyError::TooSmall,
        problem => KeyError::Damaged { problem: problem.into() },
    }
}
