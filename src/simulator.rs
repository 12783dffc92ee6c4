//! A Bank 131 for one's own machine and CI: `payoutd bank-sim`.
//!
//! It plays the bank's documented side: signature checks, sessions of both account kinds, tokens, webhooks with their
//! retries, the end of what is not confirmed in time. What it paid stands in a ledger (`GET /_sim/ledger`).
//! It shares no code with payoutd's bank client or domain: otherwise both could be wrong together.
//!
//! # The amount chooses the script
//! The last two digits of the amount in minor units say how the payout runs; `00`, and all that are not
//! listed, run without a hitch.
//!
//! | digits | what happens |
//! | --- | --- |
//! | 01 | start is refused: `account_not_found`, no payout in the session |
//! | 02 | fails after the confirmation: `provider_exceeds_amount_limit` |
//! | 03 | fails before it waits for one: `provider_foreign_transfer_prohibited`, no `ready_to_confirm` |
//! | 04 | the bank has another amount: 1000.00 more |
//! | 05 | the bank has another recipient name |
//! | 06 | two payouts in the session; a confirmation pays both |
//! | 07 | after the confirmation session `error`, payout `failed`, told by a webhook; paid 50 processing times later |
//! | 08 | stays `in_progress` after the confirmation, for ever |
//! | 09 | the bank has another currency: KZT |
//! | 10 | the bank has another card, account token, account, phone or wallet |
//! | 11 | never waits for a confirmation: ends with `confirm_timeout` |
//! | 12 | settlement: another sender account in `confirm_information` |
//! | 13 | settlement: the webhook has no `confirm_information`; `session/status` has it |
//! | 14 | settlement: `confirm_information` changes after the webhook; `session/status` has the new one |
//! | 15 | as 07, but stays in `error` for ever |
//!
//! What the bank has is what it pays if the partner confirms: the ledger then shows the wrong amount.
//!
//! # The widget
//! `GET /widget/tokenize.js` stands in for the bank's tokenization widget: a form for a card or account number in a
//! frame of the simulator's own origin. It needs a public token of method `token`, each good for one number and for 15
//! minutes, and gives the page a hash or token. Payouts to those, and `token/info`, show the digits that were entered.
//! Its interface is ours: the bank's own is not published.
//!
//! # Faults
//! [`Faults`] are rules for what goes wrong between the two, scripted or random, replaced by `PUT /_sim/faults`.
//! [`BankKind`] sets what the bank's documentation leaves open. `PUT /_sim/confirm-information` with any JSON object
//! has the bank show that one, byte for byte, in place of its own; with an empty body its own again.
//!
//! # What is kept
//! Everything is in one SQLite file and survives a restart of the simulator. The request log there
//! (`GET /_sim/requests`, the newest 10,000) holds whole bodies, with hashes, tokens and names: this is a
//! tool for made-up data. The program's own logs hold none of them.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

mod admin;
mod api;
mod book;
mod clock;
mod courier;
mod faults;
mod keys;
mod lifecycle;
mod method;
mod options;
mod order;
mod outbox;
mod recipients;
mod script;
mod server;
mod session;
mod widget;

pub use faults::{FaultKind, Faults, Rule};
pub use options::Options;

/// How long the bank waits for a confirmation, and keeps a session that nobody uses.
const WINDOW: Duration = Duration::from_secs(240 * 60);
/// Beyond these the divided times mean nothing any more.
const SPEED_UP: std::ops::RangeInclusive<f64> = 0.001..=1e9;
/// Effects put off at once; more are dropped as if they had never come.
const DELAYED_MAX: usize = 1024;

/// What a simulator needs.
pub struct Settings {
    /// The only project the bank knows.
    pub project: String,
    pub partner_public_key_pem: String,
    pub bank_private_key_pem: String,
    /// `http://` only.
    pub webhook_url: String,
    /// SQLite file: sessions, ledger, webhooks not yet delivered. Made if it is not there.
    pub data: PathBuf,
    /// Repeats the same faults, as far as requests come in the same order.
    pub seed: u64,
    /// Divides the documented times: the confirmation window and the webhooks' retries.
    pub speed_up: f64,
    /// Added to each answer.
    pub latency: Duration,
    /// From start to `ready_to_confirm`, and from confirmation to `payment_finished`.
    pub processing: Duration,
    pub faults: Faults,
    pub kind: BankKind,
}

/// What the bank's documentation leaves open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BankKind {
    pub idempotency: Idempotency,
    /// Whether a request that ended in an error uses up its idempotency key.
    pub failed_request_uses_key: bool,
    pub second_start: SecondStart,
    /// Payouts never wait: there is no `ready_to_confirm`.
    pub confirms_automatically: bool,
    pub naming: Naming,
}

/// How payouts are named in answers and webhooks. Requests are read under the names of v1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
pub enum Naming {
    /// `payments` with their `payment_method`
    #[default]
    V1,
    /// `payout_list` with their `payout_details`
    V2,
}

/// What happens to a second request with a key that was used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
pub enum Idempotency {
    /// Refused with `idempotency_key_already_exists`, as documented
    #[default]
    Refused,
    /// The first answer again
    Replayed,
    /// As if there were no key
    Ignored,
}

/// What happens to a second start in one session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
pub enum SecondStart {
    /// Refused with `invalid_request`
    #[default]
    Refused,
    /// A second payout in the session, paid with the first
    Appended,
}

/// Why the simulator cannot run.
#[derive(Debug, thiserror::Error)]
pub enum SimulatorError {
    #[error(
        "there is no key file {}: run `payoutd keygen DIR`, which writes all four, and name them", .0.display()
    )]
    KeyFileMissing(PathBuf),
    #[error("the file {} cannot be read ({source}): check its permissions", .path.display())]
    FileUnreadable { path: PathBuf, source: std::io::Error },
    #[error("the {whose} key cannot be used: {reason}; `payoutd keygen DIR` writes usable ones")]
    Key { whose: &'static str, reason: String },
    #[error("\"{0}\" is no address for webhooks: give one that begins with http://")]
    WebhookUrl(String),
    #[error("the speed-up has to be between 0.001 and 1000000000, not {0}")]
    SpeedUp(f64),
    #[error("the faults cannot be used: {0}")]
    Faults(String),
    #[error("the data file {} cannot be used ({source}): name another with --data", .path.display())]
    Data { path: PathBuf, source: rusqlite::Error },
}

/// A bank, ready to run.
pub struct Simulator(Shared);

/// What the simulator's tasks have in common.
struct Shared {
    bank: api::Bank,
    bank_key: keys::BankKey,
    webhook_address: hyper::Uri,
    speed_up: f64,
    latency: Duration,
    dice: faults::Dice,
    request_log: AtomicBool,
    /// A session may have got a due time.
    clock: Notify,
    /// A webhook may have become due.
    courier: Notify,
    delayed: Arc<Semaphore>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Shared {
    fn logs_requests(&self) -> bool {
        self.request_log.load(Ordering::Relaxed)
    }

    fn log_requests(&self, enabled: bool) {
        self.request_log.store(enabled, Ordering::Relaxed);
    }
}

impl Simulator {
    /// Checks the settings and opens the data file; goes on where the file left off.
    pub fn open(settings: Settings) -> Result<Self, SimulatorError> {
        settings.faults.check()?;
        let speed_up = settings.speed_up;
        if !SPEED_UP.contains(&speed_up) {
            return Err(SimulatorError::SpeedUp(speed_up));
        }
        let webhook_address = webhook_address(&settings.webhook_url)?;
        let book = book::Book::open(&settings.data)
            .map_err(|source| SimulatorError::Data { path: settings.data, source })?;
        let pace = lifecycle::Pace {
            processing: micros(settings.processing),
            window: micros(WINDOW.div_f64(speed_up)),
            confirms_automatically: settings.kind.confirms_automatically,
            naming: settings.kind.naming,
        };
        let partner = keys::PartnerKey::read(&settings.partner_public_key_pem)?;
        let bank_key = keys::BankKey::read(&settings.bank_private_key_pem)?;
        Ok(Self(Shared {
            bank: api::Bank { project: settings.project, partner, book, pace, kind: settings.kind },
            bank_key,
            webhook_address,
            speed_up,
            latency: settings.latency,
            dice: faults::Dice::new(settings.seed, settings.faults),
            request_log: AtomicBool::new(true),
            clock: Notify::new(),
            courier: Notify::new(),
            delayed: Arc::new(Semaphore::new(DELAYED_MAX)),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        }))
    }

    /// Keeps no request log: for measuring. `PUT /_sim/requests {"enabled": false}` does the same later.
    #[must_use]
    pub fn without_request_log(self) -> Self {
        self.0.log_requests(false);
        self
    }

    /// Serves until `stop` is cancelled, and returns when every task has ended.
    pub async fn run(
        self,
        listener: TcpListener,
        stop: CancellationToken,
    ) -> Result<(), SimulatorError> {
        let shared = Arc::new(Shared { stop: stop.child_token(), ..self.0 });
        tokio::join!(
            server::serve(Arc::clone(&shared), listener),
            clock::run(Arc::clone(&shared)),
            courier::run(Arc::clone(&shared)),
        );
        shared.tasks.close();
        shared.tasks.wait().await;
        Ok(())
    }
}

fn webhook_address(url: &str) -> Result<hyper::Uri, SimulatorError> {
    let refused = || SimulatorError::WebhookUrl(url.to_owned());
    let address: hyper::Uri = url.parse().map_err(|_| refused())?;
    let usable = address.scheme_str() == Some("http") && address.host().is_some();
    if usable { Ok(address) } else { Err(refused()) }
}

/// The machine's time, in microseconds since the Unix epoch.
fn now_micros() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, micros)
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX / 4)
}

#[cfg(test)]
mod tests;
