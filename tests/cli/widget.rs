//! The sample page in a real browser, from the card or account number to the money: the simulator's
//! widget, the gateway, the sample's backend and the roles, each a process.

use std::process::{Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::bank::{BankSim, post};
use crate::browser::Browser;
use crate::gateway;
use crate::place::{Place, free_port, wait_for_ends};
use crate::process::{Process, Stream};

/// Everything that a site needs, running.
struct Site {
    place: Place,
    bank: BankSim,
    roles: Process,
    gateway: Process,
    gateway_address: String,
    shop: Process,
    origin: String,
}

impl Site {
    fn start(mut place: Place) -> Self {
        let bank = BankSim::start(&mut place, &[]);
        let (gateway, gateway_address) = gateway::start(&mut place);
        let roles = place.run([]);
        let (shop, origin) = Self::start_shop(&place, &bank, &gateway_address);
        Self { place, bank, roles, gateway, gateway_address, shop, origin }
    }

    fn start_shop(place: &Place, bank: &BankSim, gateway_address: &str) -> (Process, String) {
        let listen = format!("127.0.0.1:{}", free_port());
        let mut command = Command::new("python3");
        command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/examples/widget/shop.py"));
        command.current_dir(place.dir()).stdin(Stdio::null());
        // The sample calls payoutd, which has its settings of the environment.
        let of_payoutd = place.payoutd([]);
        command.env_clear().envs(of_payoutd.get_envs().filter_map(|(k, v)| Some((k, v?))));
        // Nobody listens there: whatever went through it would not come back.
        command.env("http_proxy", format!("http://127.0.0.1:{}", free_port()));
        command.env("SHOP_LISTEN", &listen);
        command.env("SHOP_GATEWAY", format!("http://{gateway_address}"));
        command.env("SHOP_GATEWAY_KEY_FILE", "gateway.key");
        command.env("SHOP_WIDGET", format!("http://{}/widget/tokenize.js", bank.address()));
        command.env("SHOP_PAYOUTD", env!("CARGO_BIN_EXE_payoutd"));
        let shop = Process::start("the sample's backend", command);
        let origin =
            shop.line(Stream::Out, |line| line.strip_prefix("the site is on ").map(str::to_owned));
        (shop, origin)
    }

    /// The backend ends, and is started again in the same folder.
    fn restart_shop(&mut self) {
        let (shop, origin) = Self::start_shop(&self.place, &self.bank, &self.gateway_address);
        std::mem::replace(&mut self.shop, shop).terminate();
        self.origin = origin;
    }

    fn browser(&self, order: &str) -> Browser {
        let browser = Browser::start();
        browser.open(&format!("{}/?order={order}", self.origin));
        browser
    }

    /// Stops everything, and looks that nobody has said these.
    fn stop(self, secrets: &[&str]) {
        let Self { place, bank, roles, gateway, shop, .. } = self;
        for ended in [roles.terminate(), gateway.terminate(), shop.terminate(), bank.stop()] {
            for secret in secrets {
                assert!(!ended.err.contains(secret), "{secret}: {}", ended.err);
                assert!(!ended.out.contains(secret), "{secret}: {}", ended.out);
            }
        }
        drop(place);
    }
}

/// What the sample's backend answers to a POST of a page of this origin.
fn post_from(site: &Site, origin: &str, path: &str, body: &str) -> (u16, String) {
    let headers = format!("origin: {origin}\r\ncontent-type: application/json\r\n");
    post(site.origin.trim_start_matches("http://"), path, &headers, body)
}

#[test]
fn the_samples_backend_takes_no_sum_from_the_browser_and_nothing_from_other_sites() {
    let site = Site::start(Place::with_keys());
    let watch = site.place.watch();
    let hash = "63191fa17cc7edf818ee5d6611a2c2169ab30b705111cffd710af39880deef09";
    let order = json!({"order": "1001", "number_hash": hash, "amount": 99_999_900,
        "amount_details": {"amount": 99_999_900}, "payout_id": "mine", "expected": {}});
    for path in ["/widget-token", "/recipient", "/payout"] {
        for other in ["http://evil.example", "null", ""] {
            assert_eq!(post_from(&site, other, path, &order.to_string()).0, 403, "{path} {other}");
        }
    }
    let ask = |path: &str, body: &str| post_from(&site, &site.origin, path, body);
    for (path, body, status) in [
        ("/payout", json!({"order": "1003", "number_hash": hash}).to_string(), 404),
        ("/payout", json!({"order": ["1001"], "number_hash": hash}).to_string(), 404),
        ("/payout", json!({"order": "1001"}).to_string(), 400),
        ("/payout", json!({"order": "1001", "number_hash": {"a": 1}}).to_string(), 400),
        ("/payout", json!({"order": "1002", "number_hash": hash}).to_string(), 400),
        ("/payout", "[]".into(), 400),
        ("/payout", "[".repeat(4000), 400),
        ("/payout", " ".repeat(4097), 413),
        ("/elsewhere", "{}".into(), 404),
    ] {
        assert_eq!(ask(path, &body).0, status, "{path} {body:.60}");
    }
    assert!(site.bank.requests().is_empty(), "nothing of that reached the bank");

    for _ in 0..2 {
        let (status, answer) = ask("/payout", &order.to_string());
        assert_eq!((status, answer.as_str()), (200, r#"{"payout_id": "order-1001"}"#));
    }
    let ends = wait_for_ends(&watch, 1);
    assert_eq!(ends["order-1001"], "succeeded");
    assert_eq!(site.bank.paid(), [("order-1001".into(), 12_500)]);
    drop(watch);
    site.stop(&[hash]);
}

/// payoutd pays the first and tells the other as a conflict, which nobody at the page would see.
#[test]
fn another_recipient_of_the_same_order_is_told_so_also_after_a_restart_and_gets_nothing() {
    let mut site = Site::start(Place::with_keys());
    let watch = site.place.watch();
    let pay = |site: &Site, hash: &str| {
        let body = json!({"order": "1001", "number_hash": hash}).to_string();
        post_from(site, &site.origin, "/payout", &body)
    };
    let (first, second) = ("a1".repeat(32), "b2".repeat(32));
    assert_eq!(pay(&site, &first).0, 200);
    for _ in 0..2 {
        let (status, answer) = pay(&site, &second);
        assert_eq!(status, 409, "{answer}");
        assert!(answer.contains("another card or account"), "{answer}");
        assert_eq!(pay(&site, &first).0, 200, "the same again is safe");
        site.restart_shop();
    }
    let ends = wait_for_ends(&watch, 1);
    assert_eq!(ends["order-1001"], "succeeded");
    assert_eq!(site.bank.paid(), [("order-1001".into(), 12_500)]);
    let requests = site.bank.requests().into_iter().filter(|r| r["method"] != "token/info");
    let of_second = requests.filter(|request| request.to_string().contains(&second)).count();
    assert_eq!(of_second, 0, "the second reached no payout");
    drop(watch);
    site.stop(&[&first, &second]);
}

/// Enters a number into the bank's frame.
fn enter(browser: &Browser, number: &str) {
    browser.enter_frame("#widget iframe");
    browser.until("!document.querySelector('#number').disabled");
    browser.type_into("#number", number);
    browser.click("#done");
}

/// Presses "Pay out" once the page shows this recipient, and waits until it is paid. The browser has
/// nothing to complain of.
fn pay(browser: &Browser, shown: &str) {
    pay_out(browser, shown);
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

fn pay_out(browser: &Browser, shown: &str) {
    browser.leave_frame();
    browser.until("!document.querySelector('#check').hidden");
    let recipient = browser.until("document.querySelector('#recipient').textContent");
    assert_eq!(recipient, shown);
    picture(browser, "check");
    browser.click("#pay");
    browser.until("document.querySelector('#state').dataset.state === 'succeeded'");
    picture(browser, "paid");
}

/// Pictures of the page for whoever wants to see it, in the folder that this variable names.
fn picture(browser: &Browser, name: &str) {
    if let Some(dir) = std::env::var_os("PAYOUTD_TEST_PICTURES") {
        let png = STANDARD.decode(browser.picture()).expect("base64");
        std::fs::write(std::path::Path::new(&dir).join(format!("{name}.png")), png)
            .expect("a folder");
    }
}

#[test]
fn a_card_number_typed_into_the_banks_widget_is_paid_to_that_card() {
    pay_to_a_card(Place::with_keys());
}

pub(crate) fn pay_to_a_card(place: Place) {
    let site = Site::start(place);
    let browser = site.browser("1001");
    let owed = browser.until("document.querySelector('.amount').textContent");
    assert_eq!(owed, "125.00 RUB");
    picture(&browser, "enter");
    enter(&browser, "2200 2401 2345 4940");
    pay(&browser, "MIR •••• 4940");
    assert_eq!(site.bank.paid(), [("order-1001".into(), 12_500)]);
    assert_eq!(site.bank.paid_to(), [("order-1001".into(), "4940".into())]);

    // Whoever opens the page again sees what became of it, and cannot have it paid twice.
    browser.open(&format!("{}/?order=1001", site.origin));
    browser.until("document.querySelector('#state').dataset.state === 'succeeded'");
    assert_eq!(site.bank.paid().len(), 1);
    drop(browser);
    site.stop(&["2200240123454940", "2200 2401", gateway::KEY]);
}

/// Two people have the page of one order open; one was quicker.
#[test]
fn whoever_comes_second_to_an_order_sees_that_it_goes_to_somebody_else() {
    let site = Site::start(Place::with_keys());
    let browser = site.browser("1001");
    enter(&browser, "2200 2401 2345 4940");
    browser.leave_frame();
    browser.until("!document.querySelector('#check').hidden");
    let quicker = json!({"order": "1001", "number_hash": "a1".repeat(32)}).to_string();
    assert_eq!(post_from(&site, &site.origin, "/payout", &quicker).0, 200);
    browser.click("#pay");
    browser.until("document.querySelector('#error').textContent.includes('another card')");
    let state = browser.until("document.querySelector('#state').dataset.state");
    assert_eq!(state, "none", "nothing is said to be paid");
    picture(&browser, "taken");
    drop(browser);
    site.stop(&["2200240123454940"]);
}

#[test]
fn an_account_number_typed_into_the_banks_widget_is_paid_from_the_settlement_account() {
    pay_to_an_account(Place::with_keys());
}

pub(crate) fn pay_to_an_account(place: Place) {
    let site = Site::start(place);
    let browser = site.browser("1002");
    enter(&browser, "40817810500000001234");
    pay(&browser, "Account 40817…1234");
    assert_eq!(site.bank.paid(), [("order-1002".into(), 300_000)]);
    assert_eq!(site.bank.paid_to(), [("order-1002".into(), "1234".into())]);
    drop(browser);
    site.stop(&["40817810500000001234", "40817 81050", gateway::KEY]);
}

#[test]
fn a_wrong_number_is_told_in_the_widget_and_nothing_is_issued() {
    let site = Site::start(Place::with_keys());
    let browser = site.browser("1001");
    enter(&browser, "2200 2401 2345 4941");
    browser.until("document.querySelector('#error').textContent.includes('no card number')");
    picture(&browser, "wrong");
    browser.leave_frame();
    browser.until("document.querySelector('#check').hidden");
    let methods: Vec<_> = site.bank.requests().iter().map(|r| r["method"].to_string()).collect();
    assert_eq!(methods, ["\"token\""], "only the public token was asked for");

    // The same form takes the right one.
    enter(&browser, "2200 2401 2345 4940");
    pay(&browser, "MIR •••• 4940");
    drop(browser);
    site.stop(&["2200240123454941"]);
}

/// A public token is good once: whoever was too late gets another form, and is paid.
#[test]
fn a_public_token_that_is_used_up_is_told_and_the_next_form_has_another() {
    let site = Site::start(Place::with_keys());
    let browser = site.browser("1001");
    browser.enter_frame("#widget iframe");
    browser.until("!document.querySelector('#number').disabled");
    let token = browser.until("setup && setup.publicToken");
    let number = "2200240123454940";
    let used = json!({"public_token": token, "kind": "card", "number": number}).to_string();
    let json = "content-type: application/json\r\n";
    assert_eq!(post(site.bank.address(), "/widget/tokenize", json, &used).0, 200);
    browser.type_into("#number", number);
    browser.click("#done");
    browser.leave_frame();
    browser.until("document.querySelector('#error').textContent.includes('was used')");
    enter(&browser, number);
    pay_out(&browser, "MIR •••• 4940");
    let complaints = browser.complaints();
    assert!(complaints.len() == 1 && complaints[0].contains("403"), "{complaints:?}");
    drop(browser);
    site.stop(&[number]);
}

/// The gateway's key reaches the gateway only: no proxy that the environment names.
#[test]
fn the_samples_backend_sends_its_key_through_no_proxy_and_survives_slow_senders() {
    let site = Site::start(Place::with_keys());
    let address = site.origin.trim_start_matches("http://").to_owned();
    // Each would hold a place for as long as it likes.
    let slow: Vec<_> = (0..16)
        .map(|_| {
            let mut stream = std::net::TcpStream::connect(&address).expect("connected");
            let head = format!(
                "POST /payout HTTP/1.1\r\nhost: {address}\r\norigin: {}\r\n\
                 content-type: application/json\r\ncontent-length: 100\r\n\r\n{{",
                site.origin
            );
            std::io::Write::write_all(&mut stream, head.as_bytes()).expect("written");
            stream
        })
        .collect();
    let (status, answer) = post_from(&site, &site.origin, "/widget-token", r#"{"order":"1001"}"#);
    assert_eq!(status, 200, "{answer}");
    assert!(answer.contains("public_token"), "{answer}");
    drop(slow);
    site.stop(&[gateway::KEY]);
}

#[test]
fn the_samples_backend_does_not_start_without_its_key() {
    let place = Place::empty();
    place.write("empty.key", "\n");
    for (file, why) in [("nowhere.key", "No such file"), ("empty.key", "holds no key")] {
        let mut command = Command::new("python3");
        command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/examples/widget/shop.py"));
        command.current_dir(place.dir()).stdin(Stdio::null()).env("SHOP_GATEWAY_KEY_FILE", file);
        let refused = Process::start("the sample's backend", command).end();
        assert_eq!(refused.code, Some(1), "{refused:?}");
        assert!(
            refused.err.contains(why) && refused.err.contains("gateway.key_file"),
            "{refused:?}"
        );
    }
}
