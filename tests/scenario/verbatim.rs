//! The bank's two pages, word for word: each request that payoutd sends is the page's own, and each
//! webhook that it takes is the page's bytes.
//!
//! The bank here is a script and no simulator: it answers with the pages' own sessions.

use std::path::Path;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::http::Uri;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::ingress::post_signed;
use crate::world::World;

/// One of the pages.
struct Page {
    account: &'static str,
    /// How the names of its fixtures begin.
    name: &'static str,
    start: &'static str,
    /// What follows the methods that open and start.
    suffix: &'static str,
}

const PAGES: [Page; 3] = [
    Page { account: "collateral", name: "collateral", start: "start_hash", suffix: "" },
    Page { account: "settlement", name: "settlement", start: "start_legal_entity", suffix: "/rko" },
    Page { account: "settlement", name: "settlement", start: "start_individual", suffix: "/rko" },
];

impl Page {
    fn fixture(&self, what: &str) -> Vec<u8> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
        let name = format!("{}_{what}.json", self.name);
        std::fs::read(folder.join(&name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    fn request(&self, what: &str) -> Value {
        serde_json::from_slice(&self.fixture(&format!("{what}_request"))).expect("JSON")
    }

    /// The command that asks for what the page's start request asks for.
    fn command(&self, flow: &str) -> Value {
        let mut command = self.request(self.start);
        let fields = command.as_object_mut().expect("an object");
        fields.remove("session_id");
        fields.insert("type".into(), json!("payout.create"));
        fields.insert("payout_id".into(), json!("inv-1"));
        fields.insert("account".into(), json!(self.account));
        fields.insert("flow".into(), json!(flow));
        command
    }

    /// The page's webhook; the individual's is the company's with the person's name in it, for the
    /// page shows only one.
    fn ready_to_confirm(&self) -> Vec<u8> {
        let shown = self.fixture("ready_to_confirm_webhook");
        if self.start != "start_individual" {
            return shown;
        }
        let text = String::from_utf8(shown).expect("UTF-8");
        text.replace("Vector LLC", "Ivanov Ivan Ivanovich").into_bytes()
    }

    fn session(&self) -> Value {
        let webhook: Value = serde_json::from_slice(&self.ready_to_confirm()).expect("JSON");
        webhook["session"].clone()
    }

    /// The webhook of the last step: the same session, ended.
    fn payment_finished(&self, status: &str, error: Option<&str>) -> Vec<u8> {
        let mut session = self.session();
        let ended = if error.is_some() { "cancelled" } else { "accepted" };
        session["status"] = json!(ended);
        session.as_object_mut().expect("an object").remove("next_action");
        session["payments"][0]["status"] = json!(status);
        if let Some(code) = error {
            session["payments"][0]["error"] = json!({"code": code, "description": "no"});
        }
        json!({"type": "payment_finished", "session": session}).to_string().into_bytes()
    }
}

/// A bank that knows one session, the page's, and keeps what it was asked.
struct Script {
    url: String,
    asked: Arc<Mutex<Vec<(String, Value)>>>,
    _tasks: JoinSet<()>,
}

impl Script {
    async fn of(page: &Page) -> Self {
        let session = page.session();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&asked);
        let handler = move |uri: Uri, body: Bytes| async move {
            let method = uri.path().trim_start_matches("/api/v1/").to_owned();
            let body: Value = serde_json::from_slice(&body).expect("JSON is sent");
            kept.lock().expect("no panic").push((method.clone(), body));
            let id = &session["id"];
            let shown = match method.as_str() {
                "session/create" | "session/create/rko" => json!({"id": id, "status": "created"}),
                _ => json!({"id": id, "status": "in_progress", "payments": session["payments"]}),
            };
            json!({"status": "ok", "session": shown}).to_string()
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let app = Router::new().fallback(handler);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { axum::serve(listener, app).await.expect("serves") });
        Self { url, asked, _tasks: tasks }
    }

    /// What it was asked by this method, once.
    fn only(&self, method: &str) -> Value {
        let asked = self.asked.lock().expect("no panic");
        let of: Vec<_> = asked.iter().filter(|(name, _)| name == method).collect();
        assert_eq!(of.len(), 1, "{method}: {asked:#?}");
        of[0].1.clone()
    }
}

/// Ours names the payout, with the command's own beside it; the rest is the page's.
fn assert_same(sent: Value, page: Value, what: &str) {
    let parts = |mut body: Value| {
        let metadata = body.as_object_mut().expect("an object").remove("metadata");
        (body, metadata.unwrap_or_default())
    };
    let ((sent, ours), (page, theirs)) = (parts(sent), parts(page));
    assert_eq!(sent, page, "{what}");
    if what.starts_with("start") {
        assert_eq!(ours["payout_id"], "inv-1");
        assert_eq!(ours["metadata"], theirs);
    }
}

/// Up to the page's `ready_to_confirm`, whose webhook is taken as it stands there.
async fn asked_to_confirm(page: &Page, flow: &str) -> (World, Script, crate::world::Machine) {
    let script = Script::of(page).await;
    let mut world = World::new().await;
    world.bank_url.clone_from(&script.url);
    world.policy.call_timeout = std::time::Duration::from_secs(20);
    let machine = world.machine();
    world.publish(&page.command(flow)).await;
    world.kind("inv-1", "payout.started").await;
    assert_eq!(post_signed(&world, &page.ready_to_confirm()).await, 200);
    (world, script, machine)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_step_of_both_pages_is_taken_in_the_pages_own_words() {
    for page in &PAGES {
        let (mut world, script, machine) = asked_to_confirm(page, "two_step").await;
        world.kind("inv-1", "payout.confirmed").await;
        assert_eq!(post_signed(&world, &page.payment_finished("succeeded", None)).await, 200);
        assert_eq!(world.settled("inv-1").await["type"], "payout.succeeded");
        machine.stop().await;
        let create = format!("session/create{}", page.suffix);
        assert_same(script.only(&create), page.request("session_create"), "create");
        let start = format!("session/start/payout{}", page.suffix);
        assert_same(script.only(&start), page.request(page.start), "start");
        let mut confirm = page.request("confirm");
        if page.start == "start_individual" {
            let text = confirm.to_string().replace("Vector LLC", "Ivanov Ivan Ivanovich");
            confirm = serde_json::from_str(&text).expect("JSON");
        }
        assert_same(script.only("session/confirm"), confirm, "confirm");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_one_request_of_both_pages_is_the_start_without_its_session() {
    for page in &PAGES {
        let (mut world, script, machine) = asked_to_confirm(page, "one_request").await;
        world.kind("inv-1", "payout.confirmed").await;
        assert_eq!(post_signed(&world, &page.payment_finished("succeeded", None)).await, 200);
        assert_eq!(world.settled("inv-1").await["type"], "payout.succeeded");
        machine.stop().await;
        let mut expected = page.request(page.start);
        expected.as_object_mut().expect("an object").remove("session_id");
        let init = format!("session/init/payout{}", page.suffix);
        assert_same(script.only(&init), expected, "start in one request");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelling_says_what_the_pages_say_and_echoes_the_information() {
    for page in &PAGES[..2] {
        let script = Script::of(page).await;
        let mut world = World::new().await;
        world.bank_url.clone_from(&script.url);
        world.policy.call_timeout = std::time::Duration::from_secs(20);
        let machine = world.machine();
        let mut command = page.command("two_step");
        // What the bank shows is not what was asked for.
        command["amount_details"]["amount"] = json!(7);
        world.publish(&command).await;
        world.kind("inv-1", "payout.started").await;
        assert_eq!(post_signed(&world, &page.ready_to_confirm()).await, 200);
        assert_eq!(post_signed(&world, &page.payment_finished("failed", Some("x"))).await, 200);
        let settled = world.settled("inv-1").await;
        assert_eq!(settled["type"], "payout.cancelled");
        machine.stop().await;
        assert_same(script.only("session/cancel"), page.request("cancel"), "cancel");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_step_tells_success_or_the_error_code() {
    for page in &PAGES[..2] {
        let (mut world, _script, machine) = asked_to_confirm(page, "two_step").await;
        world.kind("inv-1", "payout.confirmed").await;
        let failed = page.payment_finished("failed", Some("provider_exceeds_amount_limit"));
        assert_eq!(post_signed(&world, &failed).await, 200);
        let settled = world.settled("inv-1").await;
        assert_eq!(settled["type"], "payout.failed");
        assert_eq!(settled["data"]["error"]["code"], "provider_exceeds_amount_limit");
        machine.stop().await;
    }
}
