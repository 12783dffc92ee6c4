//! The keys that the site's backend shows: several while one is being changed.
//!
//! Only digests are kept, and they are compared in constant time: neither memory nor timing tells
//! a key, nor its length.

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use axum::http::HeaderValue;
use secrecy::{ExposeSecret, SecretString};

/// Shortest key, in characters: 32 random ones cannot be guessed, even of hexadecimal digits.
const KEY_CHARS_MIN: usize = 32;

/// Longest key, in characters: it has to fit a header.
const KEY_CHARS_MAX: usize = 1024;

/// Most keys at a time: an old one, a new one, and some of different callers.
const KEYS_MAX: usize = 16;

pub struct Keys(Vec<[u8; 32]>);

/// What is wrong with a file of keys. Never shows one.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeysError {
    #[error("holds no key: write one a line, such as `openssl rand -hex 32` makes")]
    Empty,
    #[error("line {line}: a key has {KEY_CHARS_MIN} to {KEY_CHARS_MAX} characters, not {chars}")]
    Length { line: usize, chars: usize },
    #[error("line {line}: a key has letters, digits and signs only, and no spaces")]
    Characters { line: usize },
    #[error("holds more than {KEYS_MAX} keys: take out those that nobody uses")]
    TooMany,
}

impl Keys {
    /// Reads one key a line; blank lines do not count.
    pub fn read(text: &SecretString) -> Result<Self, KeysError> {
        let mut keys = Vec::new();
        for (n, key) in text.expose_secret().lines().map(str::trim).enumerate() {
            let line = n + 1;
            if key.is_empty() {
                continue;
            }
            if !key.bytes().all(|b| b.is_ascii_graphic()) {
                return Err(KeysError::Characters { line });
            }
            if !(KEY_CHARS_MIN..=KEY_CHARS_MAX).contains(&key.len()) {
                return Err(KeysError::Length { line, chars: key.len() });
            }
            keys.push(hashed(key.as_bytes()));
        }
        match keys.len() {
            0 => Err(KeysError::Empty),
            1..=KEYS_MAX => Ok(Self(keys)),
            _ => Err(KeysError::TooMany),
        }
    }

    /// Whether an `Authorization` header shows one of them (RFC 6750).
    pub(super) fn admit(&self, authorization: Option<&HeaderValue>) -> bool {
        let Some((scheme, key)) = authorization
            .map(HeaderValue::as_bytes)
            .and_then(|value| value.split_at_checked(b"Bearer ".len()))
        else {
            return false;
        };
        if !scheme.eq_ignore_ascii_case(b"Bearer ") {
            return false;
        }
        let shown = hashed(key);
        // All are compared: which one it is must not show either.
        let equal = self.0.iter().filter(|key| verify_slices_are_equal(*key, &shown).is_ok());
        equal.count() > 0
    }
}

fn hashed(key: &[u8]) -> [u8; 32] {
    let digest = digest(&SHA256, key);
    digest.as_ref().try_into().expect("SHA-256 has 32 bytes")
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({})", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "old-0123456789abcdef0123456789abcdef";
    const NEW: &str = "new-0123456789abcdef0123456789abcdef";

    fn admits(keys: &Keys, header: &str) -> bool {
        keys.admit(Some(&HeaderValue::from_str(header).expect("a header")))
    }

    #[test]
    fn every_key_of_the_file_is_admitted_and_no_other() {
        let keys = Keys::read(&format!("\n  {OLD}  \r\n{NEW}\n").into()).expect("keys");
        for key in [OLD, NEW] {
            assert!(admits(&keys, &format!("Bearer {key}")));
            assert!(admits(&keys, &format!("bearer {key}")), "schemes have no case");
        }
        for header in [
            "",
            "Bearer",
            "Bearer ",
            OLD,
            &format!("Basic {OLD}"),
            &format!("Digest {OLD}"),
            &format!("Bearer {OLD}x"),
            &format!("Bearer  {OLD}"),
            &format!("Bearer {}", &OLD[1..]),
            &format!("Bearer {}", OLD.to_uppercase()),
            &format!("Bearer {OLD}, Bearer {NEW}"),
        ] {
            assert!(!admits(&keys, header), "{header:?}");
        }
        assert!(!keys.admit(None));
        assert_eq!(format!("{keys:?}"), "Keys(2)");
    }

    #[test]
    fn a_file_without_usable_keys_is_refused_by_line_and_never_shown() {
        let long = "a".repeat(KEY_CHARS_MAX + 1);
        let many = format!("{OLD}\n").repeat(KEYS_MAX + 1);
        for (text, error) in [
            ("", KeysError::Empty),
            (" \n\n", KeysError::Empty),
            ("0123456789abcdef0123456789abcde", KeysError::Length { line: 1, chars: 31 }),
            (&format!("{OLD}\nshort"), KeysError::Length { line: 2, chars: 5 }),
            (&long, KeysError::Length { line: 1, chars: KEY_CHARS_MAX + 1 }),
            (&format!("{OLD} {NEW}"), KeysError::Characters { line: 1 }),
            (&format!("{OLD}\u{416}"), KeysError::Characters { line: 1 }),
            (&many, KeysError::TooMany),
        ] {
            let told = Keys::read(&text.into()).expect_err("refused");
            assert_eq!(told, error);
            assert!(!told.to_string().contains("0123"), "{told}");
        }
    }
}
