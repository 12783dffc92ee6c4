//! The deny list: its file, and `payoutd deny-hash`, which makes its lines.

use std::fs;
use std::io::{BufRead, stdin};
use std::path::{Path, PathBuf};

use anyhow::Context;
use secrecy::SecretString;

use crate::config::{Config, ConfigError, Decision, Problem};
use crate::domain::recipient::{Identifier, Kind};
use crate::domain::rules::{Denied, Rules};

use super::{BadInput, Exit, output};

/// Shortest salt, in characters: below it, all recipients there are could be tried out.
const SALT_CHARS_MIN: usize = 32;

/// What some editors begin a file with.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// Characters of a SHA-256 in hex.
const HASH_CHARS: usize = 64;

#[derive(clap::Args)]
pub(super) struct Args {
    /// What the lines are: account, account-token, card-hash, card-token, phone (as commands write
    /// it), wallet, inn, or name (letter case and spaces do not matter)
    #[arg(value_parser = parse_kind)]
    kind: Kind,
    /// The file with the salt; without it decision.deny_salt_file
    #[arg(long, value_name = "FILE")]
    salt_file: Option<PathBuf>,
}

fn parse_kind(text: &str) -> Result<Kind, String> {
    Kind::ALL.into_iter().find(|kind| kind.name() == text).ok_or_else(|| {
        let names = Kind::ALL.map(Kind::name).join(", ");
        format!("is nothing that a recipient is known by; there are: {names}")
    })
}

/// One hash for each line of standard input: what it is made of is on no command line.
pub(super) fn main(args: &Args, config: &Config) -> anyhow::Result<Exit> {
    let path = args.salt_file.as_ref().or(config.decision.deny_salt_file.as_ref());
    let path = path.ok_or_else(|| {
        let cure = "no salt: give --salt-file, or set decision.deny_salt_file";
        BadInput(format!("{cure}; `openssl rand -hex 32 > FILE` makes one"))
    })?;
    let salt = salt(path).map_err(|why| BadInput(format!("{}: {why}", path.display())))?;
    let mark = Denied::mark(&salt);
    let mut refused = 0;
    for (number, line) in (1..).zip(stdin().lock().lines()) {
        let line = line.context("standard input cannot be read")?;
        let value = line.trim_start_matches(BYTE_ORDER_MARK).trim();
        if value.is_empty() {
            continue;
        }
        if let Err(cure) = Identifier::check(args.kind, value) {
            eprintln!("line {number} {cure}");
            refused += 1;
            continue;
        }
        let hash = Denied::hash(&salt, &Identifier::new(args.kind, value));
        if !output::line(&format!("{mark}:{hash}")) {
            break;
        }
    }
    Ok(if refused == 0 { Exit::Ok } else { Exit::BadInput })
}

/// The business's rules, with the deny list read from its file.
pub(super) fn rules(config: &Config) -> Result<Rules, ConfigError> {
    let Decision { review_above, review_within, amount_max, currencies, .. } = &config.decision;
    Ok(Rules {
        review_above: review_above.clone(),
        review_within: *review_within,
        amount_max: amount_max.clone(),
        currencies: currencies.clone(),
        denied: denied(config)?,
    })
}

fn denied(config: &Config) -> Result<Denied, ConfigError> {
    let Decision { deny_file, deny_salt_file, .. } = &config.decision;
    let (Some(list), Some(salt_file)) = (deny_file, deny_salt_file) else {
        return Ok(Denied::default());
    };
    let problem = |key: &str, path: &Path, why: String| -> Problem {
        config.problem(key, format!("{}: {why}", path.display()))
    };
    let salt = salt(salt_file).map_err(|why| problem("decision.deny_salt_file", salt_file, why));
    let mark = salt.as_ref().ok().map(Denied::mark);
    let hashes = hashes(list, mark.as_deref());
    let hashes = hashes.map_err(|why| problem("decision.deny_file", list, why));
    match (salt, hashes) {
        (Ok(salt), Ok(hashes)) => Ok(Denied::new(salt, hashes)),
        (salt, hashes) => Err(ConfigError(salt.err().into_iter().chain(hashes.err()).collect())),
    }
}

fn salt(path: &Path) -> Result<SecretString, String> {
    let text = fs::read_to_string(path).map_err(|e| e.to_string())?;
    let salt = text.trim();
    if salt.chars().count() < SALT_CHARS_MIN {
        return Err(format!("holds a salt of fewer than {SALT_CHARS_MIN} characters"));
    }
    Ok(SecretString::from(salt))
}

/// One a line, after the mark of its salt; what follows a `#` is a note. `None`: the salt is not
/// known.
fn hashes(path: &Path, mark: Option<&str>) -> Result<Vec<String>, String> {
    let text = fs::read_to_string(path).map_err(|e| e.to_string())?;
    let text = text.trim_start_matches(BYTE_ORDER_MARK);
    let mut found = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let entry = line.split('#').next().unwrap_or_default().trim();
        if entry.is_empty() {
            continue;
        }
        let (made_with, hash) = entry.split_once(':').unwrap_or_default();
        if hash.len() != HASH_CHARS || !hash.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        {
            return Err(format!("line {number} is no hash; `payoutd deny-hash` makes them"));
        }
        if mark.is_some_and(|mark| mark != made_with) {
            return Err(format!("line {number} was made with another salt"));
        }
        found.push(hash.to_owned());
    }
    match found.is_empty() {
        true => Err("holds no hash; to deny nobody, leave decision.deny_file empty".into()),
        false => Ok(found),
    }
}
