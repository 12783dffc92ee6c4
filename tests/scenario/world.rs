//! A world of its own for each test: a folder, keys, a bank, and machines that run the roles.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use payoutd::bank::client::{Bank as BankClient, BankSettings};
use payoutd::bank::keygen;
use payoutd::bank::signing::{PrivateKey, PublicKeys};
use payoutd::bus::{Bus, Message, Queue, Subscription};
use payoutd::config::Concurrency;
use payoutd::domain::command::Flow;
use payoutd::domain::payout::Payout;
use payoutd::domain::policy::{Delays, Policy};
use payoutd::domain::standing::Paused;
use payoutd::roles::health::Health;
use payoutd::roles::{self, Door, Parts, Role};
use payoutd::shutdown::Shutdown;
use payoutd::store::{Fence, RETENTION_DEFAULT, Store};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use crate::backend::{Backend, Ports};
use crate::bank::{Bank, Behaviour, PROJECT};
use crate::contract::assert_event;
use crate::unswept::Unswept;

pub(crate) const WEBHOOKS: &str = "/webhooks/bank131";

/// Longest a payout may take to settle in any scenario: several call timeouts and tickets.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The partner's and the bank's keys: made once, they are not what is tested here.
struct Keys {
    partner_private: String,
    partner_public: String,
    bank_private: String,
    bank_public: String,
}

fn keys() -> &'static Keys {
    static KEYS: OnceLock<Keys> = OnceLock::new();
    KEYS.get_or_init(|| {
        let [partner, bank] = [(); 2].map(|()| keygen::generate().expect("a key"));
        Keys {
            partner_private: partner.private_pem.expose_secret().into(),
            partner_public: partner.public_pem,
            bank_private: bank.private_pem.expose_secret().into(),
            bank_public: bank.public_pem,
        }
    })
}

pub(crate) fn bank_private_key() -> PrivateKey {
    PrivateKey::from_pem(keys().bank_private.as_bytes(), None).expect("a key")
}

pub(crate) struct World {
    _dir: tempfile::TempDir,
    /// Stays open whatever becomes of the machines, so that the webhooks' address stays the same.
    door: std::net::TcpListener,
    pub(crate) bank: Bank,
    events: Box<dyn Subscription>,
    /// The ports of whoever watches from outside.
    ports: Ports,
    /// Dropped after them: tidies the servers up.
    backend: Backend,
    /// Every result event seen so far.
    pub(crate) seen: Vec<Value>,
    pub(crate) policy: Policy,
    /// Where payoutd believes the bank to be.
    pub(crate) bank_url: String,
    /// Whether the sweep finds anything. Off: each payout has to come to its end by its tickets.
    pub(crate) sweeps: bool,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(Behaviour::default()).await
    }

    pub(crate) async fn with(behaviour: Behaviour) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let door = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        door.set_nonblocking(true).expect("a socket");
        let webhook_url = format!("http://{}{WEBHOOKS}", door.local_addr().expect("bound"));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let bank_keys = (keys().partner_public.as_str(), keys().bank_private.as_str());
        let bank = Bank::start(dir.path(), listener, webhook_url, bank_keys, behaviour).await;
        let delays = [100, 300, 1000].map(Duration::from_millis).to_vec();
        let delays = Delays::new(delays).expect("growing");
        let backend = Backend::fresh(dir.path(), &delays);
        let ports = backend.open();
        let events = ports.bus.subscribe().await.expect("a subscription");
        let policy = Policy {
            call_timeout: Duration::from_millis(800),
            delays,
            confirms_automatically: false,
            flow: Flow::TwoStep,
            webhook_patience: Duration::from_secs(3),
            rules: Arc::default(),
            paused: Paused::default(),
            has_lost: false,
        };
        let bank_url = bank.url.clone();
        Self {
            _dir: dir,
            door,
            bank,
            backend,
            ports,
            events,
            seen: Vec::new(),
            policy,
            bank_url,
            sweeps: false,
        }
    }

    pub(crate) fn store(&self) -> &dyn Store {
        &*self.ports.store
    }

    /// Looks until the record is as it should be: each look is at what a process has written.
    pub(crate) async fn recorded(&self, id: &str, wanted: impl Fn(&Payout) -> bool) -> Payout {
        let id = id.parse().expect("an id");
        let looking = async {
            loop {
                let loaded = self.store().load(&id).await.expect("a store");
                if let Some(payout) = loaded.payout.filter(&wanted) {
                    return payout;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, looking).await.expect("recorded in time")
    }

    pub(crate) fn bus(&self) -> &dyn Bus {
        &*self.ports.bus
    }

    pub(crate) fn fence(&self) -> &dyn Fence {
        &*self.ports.fence
    }

    /// Looks until everything is paused.
    pub(crate) async fn paused(&self) {
        let nobody = "nobody".parse().expect("an id");
        let looking = async {
            while self.fence().standing().paused.confirms.is_none() {
                self.store().load(&nobody).await.expect("a store");
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, looking).await.expect("paused in time");
    }

    pub(crate) fn door(&self) -> String {
        format!("http://{}{WEBHOOKS}", self.door.local_addr().expect("bound"))
    }

    /// A process of its own, as far as a thread pool can be one: all roles, on the shared file.
    pub(crate) fn machine(&self) -> Machine {
        self.machine_with(|parts| parts)
    }

    /// A machine whose parts are changed before it runs.
    pub(crate) fn machine_with(&self, change: impl FnOnce(Parts) -> Parts) -> Machine {
        self.machine_of(&Role::OF_PAYOUTS, change)
    }

    /// A machine of some of the roles.
    pub(crate) fn machine_of(
        &self,
        roles: &'static [Role],
        change: impl FnOnce(Parts) -> Parts,
    ) -> Machine {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let parts = {
            let _inside = runtime.enter();
            change(self.parts())
        };
        let shutdown = Shutdown::default();
        let stop = shutdown.clone();
        let running = runtime.spawn(async move {
            parts.fence.begin(false).await.expect("begun");
            roles::run(parts, roles, stop).await.expect("runs");
        });
        Machine { runtime: Some(runtime), shutdown, running: Some(running) }
    }

    pub(crate) fn parts(&self) -> Parts {
        let Ports { store, fence, bus, .. } = self.backend.open();
        let door = self.door.try_clone().expect("a socket");
        Parts {
            store: if self.sweeps { store } else { Arc::new(Unswept(store)) },
            fence,
            bus,
            bank: BankClient::new(BankSettings {
                base_url: self.bank_url.clone(),
                project: PROJECT.into(),
                submerchant: None,
                timeout: self.policy.call_timeout,
                connect_timeout: self.policy.call_timeout,
                private_key: PrivateKey::from_pem(keys().partner_private.as_bytes(), None)
                    .expect("a key"),
            })
            .expect("a client"),
            policy: self.policy.clone(),
            source: "/payoutd/scenario".into(),
            concurrency: Concurrency { executor: 32, decider: 32, reconciler: 16 },
            retention: RETENTION_DEFAULT,
            grace: Duration::from_secs(5),
            door: Some(Door {
                listener: TcpListener::from_std(door).expect("a socket"),
                path: WEBHOOKS.into(),
                bank_keys: PublicKeys::from_pems([&keys().bank_public]).expect("a key"),
            }),
            health: Health::of(&Role::OF_PAYOUTS),
        }
    }

    pub(crate) async fn publish(&self, command: &Value) {
        self.publish_bytes(command.to_string().into_bytes()).await;
    }

    pub(crate) async fn publish_bytes(&self, body: Vec<u8>) {
        let message = Message::Queued { queue: Queue::Commands, body: Bytes::from(body) };
        self.ports.bus.publish(vec![message]).await.expect("published");
    }

    /// Waits for an event, counting those seen before.
    pub(crate) async fn event(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        if let Some(event) = self.seen.iter().find(|event| wanted(event)) {
            return event.clone();
        }
        loop {
            let event = self.next_event().await;
            if wanted(&event) {
                return event;
            }
        }
    }

    /// Waits for the next event that was not seen yet, and holds it against the published contract.
    pub(crate) async fn next_event(&mut self) -> Value {
        let next = tokio::time::timeout(PATIENCE, self.events.next()).await;
        let Ok(body) = next else { panic!("no further event; so far {:#?}", self.told()) };
        let event: Value = serde_json::from_slice(&body.expect("a bus")).expect("JSON");
        assert_event(&event);
        self.seen.push(event.clone());
        event
    }

    fn told(&self) -> Vec<String> {
        self.seen.iter().map(|e| format!("{} {}", e["id"], e["data"]["reason"])).collect()
    }

    pub(crate) async fn settled(&mut self, id: &str) -> Value {
        self.event(|event| event["subject"] == id && is_final(event)).await
    }

    pub(crate) async fn kind(&mut self, id: &str, kind: &str) -> Value {
        self.event(|event| event["subject"] == id && event["type"] == kind).await
    }

    pub(crate) async fn payout(&self, id: &str) -> Payout {
        let id = id.parse().expect("an id");
        self.ports.store.load(&id).await.expect("a store").payout.expect("recorded")
    }

    /// Case **1P**: one paid payout in the bank's ledger with the command's amount, through one
    /// confirmed session, and one final event id.
    pub(crate) async fn assert_paid_once(&self, id: &str) {
        let paid = self.bank.paid(id).await;
        assert_eq!(paid.len(), 1, "{id} in the ledger: {paid:#?}\n{:#?}", self.told());
        let payout = self.payout(id).await;
        let command = payout.command.create().expect("a command");
        assert_eq!(paid[0]["amount"], command.money.amount);
        assert_eq!(paid[0]["session_id"], payout.session.expect("bound").as_str());
        assert_eq!(self.final_ids(id).len(), 1, "final events of {id}: {:#?}", self.told());
        let own = |s: &&Value| s["metadata"]["payout_id"] == id && s["confirm_received"] == true;
        let confirmed = self.bank.sessions().await.iter().filter(own).count();
        assert!(confirmed <= 1, "{confirmed} sessions of {id} were confirmed");
    }

    /// Of the money alone, for who has forgotten the events.
    pub(crate) async fn assert_paid_once_in_the_ledger(&self, id: &str) {
        assert_eq!(self.bank.paid(id).await.len(), 1);
    }

    pub(crate) async fn assert_not_paid(&self, id: &str) {
        assert_eq!(self.bank.paid(id).await, Vec::<Value>::new());
        assert!(self.final_ids(id).len() <= 1, "final events of {id}: {:#?}", self.told());
    }

    fn final_ids(&self, id: &str) -> BTreeSet<String> {
        let finals = self.seen.iter().filter(|e| e["subject"] == id && is_final(e));
        finals.map(|event| event["id"].to_string()).collect()
    }

    /// Messages kept aside, with their reasons.
    pub(crate) async fn dead_letters(&self) -> Vec<(Option<Queue>, String)> {
        let letters = self.ports.dead_letters.list(100).await.expect("a bus").letters;
        letters.into_iter().map(|letter| (letter.queue, letter.reason)).collect()
    }
}

pub(crate) fn is_final(event: &Value) -> bool {
    let kinds = ["payout.succeeded", "payout.failed", "payout.cancelled", "payout.rejected"];
    kinds.iter().any(|kind| event["type"] == *kind)
}

/// Runs the roles until it is stopped or killed.
pub(crate) struct Machine {
    /// Taken when the machine ends.
    runtime: Option<Runtime>,
    shutdown: Shutdown,
    running: Option<JoinHandle<()>>,
}

impl Machine {
    /// As SIGKILL does: whatever runs, runs no further.
    pub(crate) async fn kill(mut self) {
        self.end().await;
    }

    /// As SIGTERM does.
    pub(crate) async fn stop(mut self) {
        self.shutdown.begin();
        self.running.take().expect("runs").await.expect("ends in order");
        self.end().await;
    }

    async fn end(&mut self) {
        let runtime = self.runtime.take().expect("runs");
        let end = move || runtime.shutdown_timeout(Duration::from_secs(5));
        tokio::task::spawn_blocking(end).await.expect("ends");
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// A word about a payout, as an operator or another system publishes it.
pub(crate) fn word(verb: &str, id: &str, reason: &str) -> Value {
    json!({"type": format!("payout.{verb}"), "payout_id": id, "reason": reason})
}

/// A payout to a card, by the widget's hash.
pub(crate) fn card(id: &str, amount: i64) -> Value {
    json!({
        "type": "payout.create", "payout_id": id,
        "payment_method": {"type": "card", "card": {"type": "encrypted_card", "encrypted_card": {
            "number_hash": "63191fa17cc7edf818ee5d6611a2c2169ab30b705111cffd710af39880deef09"}}},
        "participant_details": {"recipient": {"full_name": "Ivanov Ivan Ivanovich"}},
        "amount_details": {"amount": amount, "currency": "rub"},
        "metadata": {"order": 5015553111_i64},
    })
}

/// A payout from the settlement account, by an account token.
pub(crate) fn account(id: &str, amount: i64) -> Value {
    json!({
        "type": "payout.create", "payout_id": id, "account": "settlement",
        "payment_method": {"type": "bank_account", "bank_account": {"system_type": "ru", "ru": {
            "token": "3f03ee2580046153bb0aa859558e7ada10d3835270fdb4c4b70961239d37f31d",
            "full_name": "Vector LLC", "description": "Agreement for December 2025"}}},
        "amount_details": {"amount": amount, "currency": "rub"},
        "participant_details": {"sender": {"account": "40702810300200000013"}},
    })
}
