//! The settings of the bank: its address, who we are to it, and how it is called.

use std::time::Duration;

use crate::domain::command::Flow;

use super::reader::Reader;
use super::{Bank, Needs};

/// Longest a single call may be allowed to take: a broker waits 30 minutes for an acknowledgement
/// at most, and one message may need several calls.
const TIMEOUT_MAX: Duration = Duration::from_secs(120);

/// Shortest call timeout: below it, ordinary answers would count as unknown outcomes.
const TIMEOUT_MIN: Duration = Duration::from_millis(100);

pub(super) fn read(reader: &mut Reader, needs: Needs) -> Bank {
    let bank = Bank {
        base_url: base_url(reader),
        project: reader.text("bank.project"),
        private_key_file: reader.path("bank.private_key_file"),
        private_key_passphrase_file: reader.path("bank.private_key_passphrase_file"),
        public_key_files: reader
            .list("bank.public_key_files")
            .into_iter()
            .map(Into::into)
            .collect(),
        submerchant: Some(reader.text("bank.submerchant")).filter(|text| !text.is_empty()),
        timeout: reader.duration("bank.timeout"),
        confirms_automatically: reader.flag("bank.confirms_automatically"),
        flow: flow(reader),
    };
    if !(TIMEOUT_MIN..=TIMEOUT_MAX).contains(&bank.timeout) {
        reader.problem("bank.timeout", "must be between 100ms and 2m");
    }
    for (key, value) in
        [("bank.project", Some(&bank.project)), ("bank.submerchant", bank.submerchant.as_ref())]
    {
        if value.is_some_and(|value| !value.bytes().all(|b| b.is_ascii_graphic())) {
            reader.problem(
                key,
                "must be letters, digits and signs without spaces: it is an HTTP header",
            );
        }
    }
    if needs == Needs::Bank {
        if bank.project.is_empty() {
            reader.problem("bank.project", "is not set; give the project id you have of the bank");
        }
        if bank.private_key_file.is_none() {
            reader
                .problem("bank.private_key_file", "is not set; `payoutd keygen` makes a key pair");
        }
        if bank.public_key_files.is_empty() {
            reader.problem("bank.public_key_files", "is not set; name the bank's public key file");
        }
    }
    bank
}

fn flow(reader: &mut Reader) -> Flow {
    match reader.text("bank.flow").as_str() {
        "two_step" => Flow::TwoStep,
        "one_request" => Flow::OneRequest,
        _ => {
            reader.problem("bank.flow", "must be \"two_step\" or \"one_request\"");
            Flow::TwoStep
        }
    }
}

fn base_url(reader: &mut Reader) -> String {
    let text = reader.text("bank.base_url");
    let live = reader.flag("bank.live");
    let host = host_of(&text);
    match host {
        None => {
            reader.problem("bank.base_url", "must be an address such as https://demo.bank131.ru")
        }
        Some(host) if text.starts_with("http://") && !is_loopback(host) => {
            reader
                .problem("bank.base_url", "must begin with https:// unless it is on this machine");
        }
        Some(host) if is_live_bank(host) && !live => {
            reader.problem(
                "bank.base_url",
                "is the live bank; set bank.live = true to pay real money",
            );
        }
        Some(_) => {}
    }
    text.trim_end_matches('/').to_owned()
}

/// The host of an http(s) address without path, query or credentials.
fn host_of(text: &str) -> Option<&str> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))?;
    let authority = rest.trim_end_matches('/');
    let port_starts = authority.rfind(':').filter(|at| !authority[*at..].contains(']'));
    let host = &authority[..port_starts.unwrap_or(authority.len())];
    // Nothing that a URL parser would decode into another name.
    let plain = |b: u8| b.is_ascii_alphanumeric() || b".-:[]".contains(&b);
    (!host.is_empty() && authority.bytes().all(plain)).then_some(host)
}

/// Names do not change with case, nor with the dot that ends a full one.
fn is_live_bank(host: &str) -> bool {
    host.trim_end_matches('.').eq_ignore_ascii_case("proxy.bank131.ru")
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}
