//! The command line of `payoutd bank-sim`, and the settings it stands for.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{BankKind, Faults, Idempotency, Naming, SecondStart, Settings, SimulatorError};

/// A Bank 131 for this machine. Pays nothing to anybody; its ledger is at /_sim/ledger.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Where the bank listens; payoutd's bank.base_url is http:// and this
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8132")]
    pub listen: SocketAddr,

    /// SQLite file for sessions, ledger and webhooks; a restart goes on with it
    #[arg(long, value_name = "FILE", default_value = "bank-sim.sqlite")]
    pub data: PathBuf,

    /// The project that X-PARTNER-PROJECT has to name
    #[arg(long, value_name = "NAME", default_value = "demo")]
    pub project: String,

    /// The partner's public key (PEM), to check requests; `payoutd keygen DIR` writes it
    #[arg(long, value_name = "FILE", default_value = "partner_public.pem")]
    pub partner_public_key: PathBuf,

    /// The bank's private key (PEM), to sign webhooks; `payoutd keygen DIR` writes it
    #[arg(long, value_name = "FILE", default_value = "bank_private.pem")]
    pub bank_private_key: PathBuf,

    /// Where webhooks go: payoutd's ingress
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8131/webhooks/bank131")]
    pub webhook_url: String,

    /// Draws the random faults: the same seed and order of requests give the same faults
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub seed: u64,

    /// Divides the bank's long times: 60 turns its 240 minutes for a confirmation into 4
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0)]
    pub speed_up: f64,

    /// Added to each answer, such as 150ms
    #[arg(long, value_name = "TIME", default_value = "0ms", value_parser = humantime::parse_duration)]
    pub latency: Duration,

    /// From start to ready_to_confirm, and from confirmation to payment_finished
    #[arg(long, value_name = "TIME", default_value = "20ms", value_parser = humantime::parse_duration)]
    pub processing: Duration,

    /// What goes wrong: JSON, a file with JSON, or `rough` for a bad day
    ///
    /// Rules, of which the first that fires wins. `method` (a call, `webhook` or
    /// `webhook:ready_to_confirm`), `probability` and `times` may be left out:
    ///
    /// {"rules":[{"method":"session/confirm","kind":"drop_after_effect","times":1},
    /// {"method":"webhook","kind":{"delay":{"ms":500}},"probability":0.2}]}
    ///
    /// Kinds for calls: {"delay":{"ms":N}}, drop_before_effect, drop_after_effect, timeout_before,
    /// timeout_after, status5xx_before, status5xx_after, rate_limited, unknown_code, garbage_body,
    /// {"delayed_effect":{"ms":N}}, authentication_error. For webhooks: {"delay":{"ms":N}}, lost,
    /// {"duplicate":{"copies":N}}, reordered, forged, tampered.
    #[arg(long, value_name = "FILE|JSON|rough")]
    pub faults: Option<String>,

    /// A second request with the same idempotency key
    #[arg(long, value_enum, value_name = "KIND", default_value_t = Idempotency::Refused)]
    pub idempotency: Idempotency,

    /// A request that ended in an error uses up its idempotency key
    #[arg(long)]
    pub failed_request_uses_key: bool,

    /// A second start in the same session
    #[arg(long, value_enum, value_name = "KIND", default_value_t = SecondStart::Refused)]
    pub second_start: SecondStart,

    /// The bank confirms by itself: no ready_to_confirm ever comes
    #[arg(long)]
    pub confirms_automatically: bool,

    /// How answers and webhooks name payouts: as the bank's API v1 or v2
    #[arg(long, value_enum, value_name = "VERSION", default_value_t = Naming::V1)]
    pub naming: Naming,
}

impl Options {
    /// Reads the files that are named; nothing is opened or listened on yet.
    pub fn into_settings(self) -> Result<(Settings, SocketAddr), SimulatorError> {
        let settings = Settings {
            partner_public_key_pem: key(&self.partner_public_key)?,
            bank_private_key_pem: key(&self.bank_private_key)?,
            faults: self.faults.as_deref().map_or_else(|| Ok(Faults::none()), faults)?,
            project: self.project,
            webhook_url: self.webhook_url,
            data: self.data,
            seed: self.seed,
            speed_up: self.speed_up,
            latency: self.latency,
            processing: self.processing,
            kind: BankKind {
                idempotency: self.idempotency,
                failed_request_uses_key: self.failed_request_uses_key,
                second_start: self.second_start,
                confirms_automatically: self.confirms_automatically,
                naming: self.naming,
            },
        };
        Ok((settings, self.listen))
    }
}

fn key(path: &Path) -> Result<String, SimulatorError> {
    std::fs::read_to_string(path).map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound => SimulatorError::KeyFileMissing(path.to_owned()),
        _ => SimulatorError::FileUnreadable { path: path.to_owned(), source },
    })
}

fn faults(named: &str) -> Result<Faults, SimulatorError> {
    if named == "rough" {
        return Ok(Faults::rough());
    }
    if named.trim_start().starts_with('{') {
        return Faults::parse(named);
    }
    let path = Path::new(named);
    let text = std::fs::read_to_string(path)
        .map_err(|source| SimulatorError::FileUnreadable { path: path.to_owned(), source })?;
    Faults::parse(&text)
}
