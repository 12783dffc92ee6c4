//! `payoutd bank-sim` as a process, and its ledger over HTTP.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

use crate::place::Place;
use crate::process::{Ended, Process, Stream};

/// Longest wait for an answer on loopback.
const PATIENCE: Duration = Duration::from_secs(30);

/// Status and body of an answer.
pub(crate) fn get(address: &str, path: &str) -> std::io::Result<(u16, String)> {
    exchange(address, &format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n"), "")
}

/// Status and body of the answer to a POST; `headers` are whole lines.
pub(crate) fn post(address: &str, path: &str, headers: &str, body: &str) -> (u16, String) {
    let head = format!("POST {path} HTTP/1.1\r\nhost: localhost\r\n{headers}");
    exchange(address, &head, body).unwrap_or_else(|e| panic!("{path}: {e}"))
}

pub(crate) fn exchange(address: &str, head: &str, body: &str) -> std::io::Result<(u16, String)> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let length = body.len();
    write!(stream, "{head}connection: close\r\ncontent-length: {length}\r\n\r\n{body}")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    // One that is killed hangs up before it is done.
    let broken_off = || std::io::ErrorKind::UnexpectedEof;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(broken_off)?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    Ok((status.ok_or_else(broken_off)?, body.to_owned()))
}

pub(crate) struct BankSim {
    process: Process,
    address: String,
}

impl BankSim {
    /// Starts on a free port, and sets `bank.base_url` to it.
    pub(crate) fn start(place: &mut Place, args: &[&str]) -> Self {
        let door = place.setting("ingress.listen");
        let webhook_url = format!("http://{door}/webhooks/bank131");
        let own = ["bank-sim", "--listen", "127.0.0.1:0", "--webhook-url", &webhook_url];
        let process = place.start(own.into_iter().chain(args.iter().copied()));
        let address = process.line(Stream::Err, |line| {
            let rest = line.strip_prefix("bank simulator on http://")?;
            Some(rest.split_once(';')?.0.to_owned())
        });
        place.set("bank.base_url", &format!("http://{address}"));
        Self { process, address }
    }

    /// How often, and how much, each payout was really paid: its id and amount, sorted.
    pub(crate) fn paid(&self) -> Vec<(String, i64)> {
        let ledger = self.get("/_sim/ledger?limit=10000");
        let rows = ledger["payouts"].as_array().expect("a list");
        let row = |row: &Value| {
            let id = row["merchant_payout_id"].as_str().expect("payoutd names its payouts");
            (id.to_owned(), row["amount"].as_i64().expect("an amount"))
        };
        let mut paid: Vec<_> = rows.iter().map(row).collect();
        paid.sort();
        paid
    }

    /// The last digits of what each payout was paid to.
    pub(crate) fn paid_to(&self) -> Vec<(String, String)> {
        let ledger = self.get("/_sim/ledger?limit=10000");
        let row = |row: &Value| {
            let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
            (text("merchant_payout_id"), text("last4"))
        };
        ledger["payouts"].as_array().expect("a list").iter().map(row).collect()
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// One page of what was asked of the bank, whole.
    pub(crate) fn requests(&self) -> Vec<Value> {
        let mut page = self.get("/_sim/requests?limit=10000");
        serde_json::from_value(page["requests"].take()).expect("a list")
    }

    fn get(&self, path: &str) -> Value {
        let (status, body) = get(&self.address, path).unwrap_or_else(|e| panic!("{path}: {e}"));
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str(&body).unwrap_or_else(|e| panic!("{path}: {e}: {body}"))
    }

    pub(crate) fn stop(self) -> Ended {
        self.process.terminate()
    }
}
