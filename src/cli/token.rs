//! `payoutd token`: a public token for the bank's widget, and what is behind a recipient's token.
//!
//! Hashes and tokens are read from files or standard input: every process of the machine sees a
//! command's arguments.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use crate::bank::token::{self, Recipient, SECRET_BYTES_MAX, TokenError, TokenInfo};
use crate::config::Config;

use super::{BadInput, Exit, compose, output};

#[derive(clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Ask the bank for a public token: good for one use of its widget in a browser
    Issue {
        /// One line of JSON instead of text
        #[arg(long)]
        json: bool,
    },
    /// Show what the bank tells of a recipient: brand and last digits of a card, digits of an account
    Info(InfoArgs),
}

#[derive(clap::Args)]
struct InfoArgs {
    #[command(flatten)]
    of: Of,
    /// One line of JSON instead of text
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
#[group(required = true, multiple = false)]
struct Of {
    /// A file with the hash of a card's number, as the bank's widget gave it; - for standard input
    #[arg(long, value_name = "FILE")]
    card_hash: Option<PathBuf>,
    /// A file with a card's token; - for standard input
    #[arg(long, value_name = "FILE")]
    card_token: Option<PathBuf>,
    /// A file with a bank account's token; - for standard input
    #[arg(long, value_name = "FILE")]
    account_token: Option<PathBuf>,
}

pub(super) async fn main(args: Args, config: Config) -> anyhow::Result<Exit> {
    match args.command {
        Command::Issue { json } => {
            let (bank, _) = compose::bank_and_keys(&config)?;
            let token = bank.issue_token().await.map_err(told)?;
            match json {
                true => output::json(&json!({ "public_token": token.expose_secret() })),
                false => output::line(token.expose_secret()),
            };
        }
        Command::Info(InfoArgs { of, json }) => {
            let recipient = of.recipient()?;
            let (bank, _) = compose::bank_and_keys(&config)?;
            let info = bank.token_info(&recipient).await.map_err(told)?;
            match json {
                true => output::json(&info),
                false => output::line(&in_words(&info)),
            };
        }
    }
    Ok(Exit::Ok)
}

impl Of {
    fn recipient(&self) -> anyhow::Result<Recipient> {
        Ok(match (&self.card_hash, &self.card_token, &self.account_token) {
            (Some(path), _, _) => Recipient::CardHash(secret("--card-hash", path)?),
            (_, Some(path), _) => Recipient::CardToken(secret("--card-token", path)?),
            (_, _, Some(path)) => Recipient::AccountToken(secret("--account-token", path)?),
            (None, None, None) => unreachable!("the command line needs one of them"),
        })
    }
}

/// The one word in a file. Errors name the option: what was given in place of a file's name may be
/// the secret itself.
fn secret(option: &str, path: &Path) -> anyhow::Result<SecretString> {
    let from_stdin = path.as_os_str() == "-";
    let mut bytes = Vec::new();
    // Room for the white space around it.
    let limit = 2 * SECRET_BYTES_MAX as u64;
    let read = match from_stdin {
        true => std::io::stdin().take(limit).read_to_end(&mut bytes),
        false => File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes)),
    };
    read.map_err(|error| {
        let cure = "name a file that holds the hash or token, or - for standard input";
        BadInput(format!("{option}: {error}; {cure}"))
    })?;
    let word = std::str::from_utf8(bytes.trim_ascii()).ok().and_then(token::secret);
    let cure = "the file must hold one hash or token and nothing else, and no card's number";
    Ok(word.ok_or_else(|| BadInput(format!("{option}: {cure}")))?)
}

/// The error, with what to do about it.
fn told(error: TokenError) -> anyhow::Error {
    match error {
        TokenError::Misconfigured { .. } => {
            let cure =
                "see to bank.project and the key the bank has of you; `payoutd doctor` looks";
            BadInput(format!("{error}; {cure}")).into()
        }
        TokenError::Refused { .. } => {
            anyhow::anyhow!("{error}; look at what was given: is it whole, and of this kind?")
        }
        TokenError::Unavailable(_) => anyhow::anyhow!("{error}; try again later"),
    }
}

fn in_words(info: &TokenInfo) -> String {
    let line = |name: &str, value: Option<&str>| format!("{name:9}{}", value.unwrap_or("–"));
    let lines = match info {
        TokenInfo::Card { brand, last4, bin, country_iso3 } => vec![
            line("type", Some("card")),
            line("brand", brand.as_deref()),
            line("last4", Some(last4)),
            line("bin", bin.as_deref()),
            line("country", country_iso3.as_deref()),
        ],
        TokenInfo::BankAccount { first5, last4 } => vec![
            line("type", Some("bank account")),
            line("first5", first5.as_deref()),
            line("last4", last4.as_deref()),
        ],
    };
    lines.join("\n")
}
