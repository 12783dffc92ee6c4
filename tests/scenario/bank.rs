//! The simulator of a world: its ledger, its request log, its faults.

use std::path::Path;
use std::time::Duration;

use payoutd::simulator::{BankKind, Faults, Settings, Simulator};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub(crate) const PROJECT: &str = "scenario";

pub(crate) struct Bank {
    pub(crate) url: String,
    client: reqwest::Client,
    stop: CancellationToken,
    running: JoinHandle<()>,
}

/// How the bank behaves.
#[derive(Clone)]
pub(crate) struct Behaviour {
    pub(crate) kind: BankKind,
    pub(crate) faults: Faults,
    pub(crate) processing: Duration,
    pub(crate) speed_up: f64,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            kind: BankKind::default(),
            faults: Faults::none(),
            processing: Duration::from_millis(10),
            // Webhooks that are not taken come again within a second.
            speed_up: 60.0,
        }
    }
}

impl Bank {
    pub(crate) async fn start(
        dir: &Path,
        listener: TcpListener,
        webhook_url: String,
        keys: (&str, &str),
        behaviour: Behaviour,
    ) -> Self {
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let simulator = Simulator::open(Settings {
            project: PROJECT.into(),
            partner_public_key_pem: keys.0.into(),
            bank_private_key_pem: keys.1.into(),
            webhook_url,
            data: dir.join("bank.db"),
            seed: 7,
            speed_up: behaviour.speed_up,
            latency: Duration::ZERO,
            processing: behaviour.processing,
            faults: behaviour.faults,
            kind: behaviour.kind,
        })
        .expect("a bank");
        let stop = CancellationToken::new();
        let running = {
            let stop = stop.clone();
            tokio::spawn(async move { simulator.run(listener, stop).await.expect("runs") })
        };
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        Self { url, client, stop, running }
    }

    async fn get(&self, path: &str) -> Value {
        let response = self.client.get(format!("{}/_sim/{path}", self.url)).send().await;
        let text = response.expect("an answer").text().await.expect("a body");
        serde_json::from_str(&text).expect("JSON")
    }

    /// What was really paid for a payout.
    pub(crate) async fn paid(&self, id: &str) -> Vec<Value> {
        let ledger = self.get("ledger?limit=10000").await;
        let rows = ledger["payouts"].as_array().expect("rows");
        rows.iter().filter(|row| row["merchant_payout_id"] == id).cloned().collect()
    }

    pub(crate) async fn sessions(&self) -> Vec<Value> {
        self.get("sessions?limit=10000").await["sessions"].as_array().expect("rows").clone()
    }

    /// Bodies of the calls of a method, oldest first.
    pub(crate) async fn calls(&self, method: &str) -> Vec<Value> {
        let log = self.get("requests?limit=10000").await;
        let calls = log["requests"].as_array().expect("rows");
        calls.iter().filter(|call| call["method"] == method).cloned().collect()
    }

    pub(crate) async fn set_faults(&self, faults: &Faults) {
        let body = serde_json::to_string(faults).expect("JSON");
        let put = self.client.put(format!("{}/_sim/faults", self.url)).body(body).send().await;
        assert!(put.expect("an answer").status().is_success());
    }

    /// What the bank shows as `confirm_information` from now on, as it is written here.
    pub(crate) async fn dictate_information(&self, text: &str) {
        let url = format!("{}/_sim/confirm-information", self.url);
        let put = self.client.put(url).body(text.to_owned()).send().await;
        assert!(put.expect("an answer").status().is_success());
    }

    /// Sends a session's current webhook (again).
    pub(crate) async fn send_webhook(&self, session: &str, kind: &str) {
        let body = json!({"session_id": session, "type": kind}).to_string();
        let url = format!("{}/_sim/send-webhook", self.url);
        let posted = self.client.post(url).body(body).send().await.expect("an answer");
        let status = posted.status();
        assert!(status.is_success(), "{status} {}", posted.text().await.unwrap_or_default());
    }

    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.running.await.expect("ends");
    }
}
