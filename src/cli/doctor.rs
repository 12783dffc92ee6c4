//! `payoutd doctor`: looks at everything payoutd needs, and says what to mend.
//!
//! Changes no payout and no message: what it asks of the bank is the status of a session that does
//! not exist, and dead letters that it has looked at go back.

use std::path::Path;
use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

use crate::bus::BusError;
use crate::bus::dead_letters::Listed;
use crate::config::{BackendKind, Config, Needs, Servers};
use crate::domain::call::Answer;
use crate::embedded::Embedded;
use crate::rabbitmq::topology::{self, Found, Inspected};
use crate::redis::RedisStore;
use crate::store::{Filter, Store, StoreError};

use super::backend::{self, Backend};
use super::{Exit, compose, deny, gateway, output, pause};

#[derive(clap::Args)]
pub(super) struct Args {
    /// A line of JSON for each check instead of text
    #[arg(long)]
    json: bool,
}

/// Longest that the servers may take to be there.
const PATIENCE: Duration = Duration::from_secs(10);

const TRY_EVERY: Duration = Duration::from_millis(200);

/// Payouts that need a person counted at most.
const PAYOUTS_MAX: usize = 1000;

#[derive(Serialize)]
struct Finding {
    check: &'static str,
    verdict: Verdict,
    text: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Good,
    /// Works, but somebody should look.
    Look,
    Bad,
}

/// What was found so far.
#[derive(Default)]
struct Findings {
    json: bool,
    bad: bool,
}

/// Exit code 0 if nothing has to be mended, else 1.
pub(super) async fn main(args: Args, file: Option<&Path>) -> anyhow::Result<Exit> {
    let mut findings = Findings { json: args.json, bad: false };
    let config = match Config::load(file, Needs::Bank) {
        Ok(config) => {
            findings.good("configuration", "every setting is known and in range");
            config
        }
        Err(errors) => {
            findings.bad("configuration", errors);
            // What the backend needs may be there all the same.
            match Config::load(file, Needs::Backend) {
                Ok(config) => config,
                Err(_) => return Ok(Exit::Failed),
            }
        }
    };
    match deny::rules(&config) {
        Ok(_) => findings.good("rules", "the files that the policy names can be read"),
        Err(errors) => findings.bad("rules", errors),
    }
    if config.gateway.key_file.is_some() {
        match gateway::keys(&config) {
            Ok(_) => findings.good("gateway", "its keys can be read"),
            Err(error) => findings.bad("gateway", error),
        }
    }
    bank(&config, &mut findings).await;
    let usable = match &config.backend.kind {
        BackendKind::Embedded { path } => embedded(path, &mut findings),
        BackendKind::RabbitmqRedis(servers) => {
            let queues = rabbitmq(&config, servers, &mut findings).await;
            redis(&config, servers, &mut findings).await && queues
        }
    };
    if usable {
        let opened = Backend::open(&config)?;
        dead_letters(&opened, &mut findings).await;
        attention(&opened, &mut findings).await;
        paused(&opened, &mut findings).await;
    }
    Ok(if findings.bad { Exit::Failed } else { Exit::Ok })
}

impl Findings {
    fn tell(&mut self, check: &'static str, verdict: Verdict, text: impl ToString) {
        let finding = Finding { check, verdict, text: text.to_string() };
        self.bad |= verdict == Verdict::Bad;
        if self.json {
            output::json(&finding);
            return;
        }
        let mark = match verdict {
            Verdict::Good => "ok  ",
            Verdict::Look => "look",
            Verdict::Bad => "BAD ",
        };
        output::line(&format!("{mark}  {check:14} {}", finding.text));
    }

    fn good(&mut self, check: &'static str, text: impl ToString) {
        self.tell(check, Verdict::Good, text);
    }

    fn bad(&mut self, check: &'static str, text: impl ToString) {
        self.tell(check, Verdict::Bad, text);
    }
}

async fn bank(config: &Config, findings: &mut Findings) {
    let bank = match compose::bank_and_keys(config) {
        Ok((bank, _)) => {
            findings.good("keys", "ours and the bank's can be read");
            bank
        }
        Err(error) => return findings.bad("keys", error),
    };
    let address = &config.bank.base_url;
    match bank.probe().await {
        Answer::Refused(_) | Answer::Done(_) | Answer::KeyUsed => {
            findings.good("bank", format!("{address} answers, and knows our project and key"));
        }
        Answer::Misconfigured(reason) => {
            let code = reason.code;
            let cure = "see that bank.project is yours, and that the bank has the public half of \
                        bank.private_key_file";
            findings.bad("bank", format!("{address} does not know us ({code}): {cure}"));
        }
        Answer::Forbidden(reason) => {
            let code = reason.code;
            findings.bad("bank", format!("{address} forbids us session/status ({code}): ask it"));
        }
        Answer::NotSent(why) => findings.bad("bank", format!("{address}: {why}")),
        Answer::Unknown(why) => {
            findings.bad("bank", format!("{address} answers, but not as the bank does: {why}"));
        }
    }
}

async fn paused(backend: &Backend, findings: &mut Findings) {
    // Any answer of the store tells.
    let nobody = "doctor".parse().expect("a payout id");
    match backend.store.load(&nobody).await {
        Ok(_) => {
            let paused = backend.fence.standing().paused;
            let text = pause::lines(&paused).join("; ");
            match paused.anything() {
                true => findings.tell("pause", Verdict::Look, text + " (payoutd resume)"),
                false => findings.good("pause", text),
            }
        }
        Err(error) => findings.bad("pause", error),
    }
}

/// `true`: it can be opened without making anything that is not there.
fn embedded(path: &Path, findings: &mut Findings) -> bool {
    if !path.exists() {
        let text = format!("there is no file {} yet; `payoutd run` makes it", path.display());
        findings.tell("store", Verdict::Look, text);
        return false;
    }
    match Embedded::open(path) {
        Ok(_) => {
            findings.good("store", path.display());
            true
        }
        Err(error) => {
            findings.bad("store", error);
            false
        }
    }
}

/// `true`: everything is there.
async fn rabbitmq(config: &Config, servers: &Servers, findings: &mut Findings) -> bool {
    let objects = match inspected(config, servers).await {
        Ok(objects) => objects,
        Err(error) => {
            findings.bad("queues", error);
            return false;
        }
    };
    let count = |wanted: fn(&Found) -> bool| objects.iter().filter(|o| wanted(&o.found)).count();
    let same = count(|found| matches!(found, Found::Same { .. }));
    let missing = count(|found| matches!(found, Found::Missing));
    let text = format!("RabbitMQ has {same} of {} exchanges and queues", objects.len());
    if same == objects.len() {
        findings.good("queues", text);
    } else if same + missing == objects.len() {
        findings.tell("queues", Verdict::Look, text + "; every role makes the others at its start");
    } else {
        findings.bad("queues", text + "; `payoutd topology` shows those that differ");
    }
    same == objects.len()
}

/// Tries for a while: the broker may only be starting.
async fn inspected(config: &Config, servers: &Servers) -> anyhow::Result<Vec<Inspected>> {
    let settings = backend::rabbitmq_settings(config, servers)?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        match topology::inspect(&settings).await {
            Err(BusError::Unavailable(_)) if Instant::now() < deadline => {
                tokio::time::sleep(TRY_EVERY).await;
            }
            inspected => return Ok(inspected?),
        }
    }
}

/// `true`: it can be used.
async fn redis(config: &Config, servers: &Servers, findings: &mut Findings) -> bool {
    match described(config, servers).await {
        Ok(text) if servers.allow_volatile_store => {
            let warning = "backend.allow_volatile_store is on: payouts can be lost and paid twice";
            findings.tell("store", Verdict::Look, format!("{text}; {warning}"));
            true
        }
        Ok(text) => {
            findings.good("store", text);
            true
        }
        Err(error) => {
            findings.bad("store", error);
            false
        }
    }
}

/// Tries for a while: Redis may only be starting.
async fn described(config: &Config, servers: &Servers) -> anyhow::Result<String> {
    let store = RedisStore::start(backend::redis_settings(config, servers)?)?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        match store.check().await {
            Err(StoreError::Unavailable(_)) if Instant::now() < deadline => {
                tokio::time::sleep(TRY_EVERY).await;
            }
            checked => {
                checked?;
                return Ok(store.describe().await?);
            }
        }
    }
}

async fn dead_letters(opened: &Backend, findings: &mut Findings) {
    match opened.dead_letters.list(usize::MAX).await {
        Ok(Listed { letters, unseen }) if letters.is_empty() && unseen == 0 => {
            findings.good("dead letters", "none");
        }
        Ok(Listed { letters, unseen }) => {
            let count = letters.len() as u64 + unseen;
            let text = format!("{count} wait; see `payoutd dead-letters list`");
            findings.tell("dead letters", Verdict::Look, text);
        }
        Err(error) => findings.bad("dead letters", error),
    }
}

async fn attention(opened: &Backend, findings: &mut Findings) {
    let filter = Filter { state: None, attention: true, limit: PAYOUTS_MAX };
    match opened.store.list(&filter).await {
        Ok(payouts) if payouts.is_empty() => findings.good("attention", "no payout needs a person"),
        Ok(payouts) => {
            let more = if payouts.len() == PAYOUTS_MAX { " or more" } else { "" };
            let count = payouts.len();
            let text = format!("{count}{more} need a person; see `payoutd list --attention`");
            findings.tell("attention", Verdict::Look, text);
        }
        Err(error) => findings.bad("attention", error),
    }
}
