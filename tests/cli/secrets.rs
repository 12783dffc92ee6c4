//! What nobody may find in what payoutd says: not at the lowest log level, not when everything
//! goes wrong, and not among the reasons that it keeps.

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::bank::BankSim;
use crate::place::{DEMO_COMMANDS, Place, lines, to_card, wait_for_ends};
use crate::process::{Ended, Process, Stream};

const OPEN_CARD: &str = "4242424242424242";

/// Of a kind that the bank pays no payout to.
const ACCOUNT: &str = "30101810822000000974";

/// What the commands hold of cards, accounts and people.
const OF_COMMANDS: [&str; 10] = [
    OPEN_CARD,
    ACCOUNT,
    "63191fa17cc7edf818ee5d6611a2c2169ab30b705111cffd710af39880deef09",
    "a1b2c3d4e5f60718293a4b5c6d7e8f90",
    "3f03ee2580046153bb0aa859558e7ada10d3835270fdb4c4b70961239d37f31d",
    "40702810300200000013",
    "Ivanov",
    "Ivan ",
    "Vector LLC",
    "5015553111",
];

/// A signature by an RSA-2048 key has 344 characters of base64; nothing else that is said comes
/// near.
const BASE64_MAX: usize = 300;

/// An open card number in every place where somebody might put it.
fn bad_commands() -> Vec<Value> {
    let changed = |change: fn(&mut Value)| {
        let mut command = to_card("with-open-card", 10_000);
        change(&mut command);
        command
    };
    vec![
        changed(|c| {
            c["payment_method"]["card"] =
                json!({"type": "bank_card", "bank_card": {"number": OPEN_CARD}});
        }),
        changed(|c| c["payment_method"]["card"]["bank_card"] = json!({"number": OPEN_CARD})),
        changed(|c| c["payment_method"]["card"] = json!(OPEN_CARD)),
        changed(|c| c["payment_method"]["type"] = json!(OPEN_CARD)),
        changed(|c| c["type"] = json!(OPEN_CARD)),
        changed(|c| c["account"] = json!(OPEN_CARD)),
        changed(|c| c["payout_id"] = json!(format!("{OPEN_CARD} Ivanov"))),
        changed(|c| c["amount_details"]["currency"] = json!(OPEN_CARD)),
        changed(|c| c["issued_at"] = json!(OPEN_CARD)),
        changed(|c| c["expected"] = json!({OPEN_CARD: OPEN_CARD})),
        changed(|c| c["participant_details"] = json!("Ivanov Ivan Ivanovich")),
        changed(|c| {
            c["account"] = json!("settlement");
            c["participant_details"] = json!({"sender": {"account": format!("{ACCOUNT}0")}});
        }),
        changed(|c| {
            c["payment_method"] = json!({"type": "bank_account", "bank_account": {
                "system_type": "ru", "ru": {"bik": ACCOUNT, "account": ACCOUNT, "inn": ACCOUNT,
                    "kpp": ACCOUNT, "full_name": "Vector LLC", "description": "5015553111"}}});
        }),
        changed(|c| {
            c["payment_method"] = json!({"type": "bank_account", "bank_account": {
                "system_type": "faster_payment_system", "faster_payment_system": {
                    "phone": ACCOUNT, "bank_id": "Ivanov", "description": "5015553111"}}});
        }),
        changed(|c| {
            c["payment_method"] = json!({"type": "wallet", "wallet": {"type": "yoomoney",
                "yoomoney": {"account": format!("{ACCOUNT}0")}}});
        }),
        changed(|c| {
            c["fiscalization_details"] = json!({"professional_income_taxpayer": {
                "tax_reference": ACCOUNT, "payer_tax_number": ACCOUNT,
                "services": [{"name": "Ivanov", "amount_details": ACCOUNT}]}});
        }),
    ]
}

/// Lines that are no commands at all.
fn broken_lines() -> [String; 4] {
    [
        format!("{OPEN_CARD},Ivanov Ivan Ivanovich"),
        format!("\"{OPEN_CARD}\""),
        format!("{{\"{OPEN_CARD}\": 1, \"{OPEN_CARD}\": 2}}"),
        format!("{{\"a\": {{\"{OPEN_CARD}\": 1, \"{OPEN_CARD}\": 2}}}}"),
    ]
}

/// Everything that may not be said in this place.
fn secrets(place: &Place, bank: &BankSim) -> Vec<String> {
    let mut secrets: Vec<_> = OF_COMMANDS.map(str::to_owned).into();
    for name in ["partner_private.pem", "bank_private.pem"] {
        let pem = place.read(name);
        secrets.extend(pem.lines().filter(|line| !line.starts_with("---")).map(str::to_owned));
    }
    let requests = bank.requests();
    let keys = requests.iter().filter_map(|request| request["idempotency_key"].as_str());
    secrets.extend(keys.map(str::to_owned));
    assert!(secrets.len() > OF_COMMANDS.len() + 50, "no keys were found: {}", secrets.len());
    secrets
}

fn assert_holds_none(what: &str, text: &str, secrets: &[String]) {
    for line in text.lines() {
        if let Some(secret) = secrets.iter().find(|secret| line.contains(*secret)) {
            panic!("{what} says {secret:?}:\n{line}");
        }
        let of_base64 = |b: u8| b.is_ascii_alphanumeric() || b"+/=".contains(&b);
        let longest = line.as_bytes().split(|b| !of_base64(*b)).map(<[u8]>::len).max();
        assert!(longest.unwrap_or(0) < BASE64_MAX, "{what} says a signature:\n{line}");
    }
}

/// Puts messages into a queue as they are: `publish` would refuse these.
fn queue(place: &Place, queue: &str, bodies: &[String]) {
    let file = Connection::open(place.path("payoutd.db")).expect("the backend's file");
    for body in bodies {
        let sql = "INSERT INTO messages (queue, body) VALUES (?1, ?2)";
        file.execute(sql, (queue, body.as_bytes())).expect("a message");
    }
}

/// Why messages were given up, and how many.
fn dead_letters(place: &Place) -> Vec<String> {
    let file = Connection::open(place.path("payoutd.db")).expect("the backend's file");
    let mut select = file.prepare("SELECT reason FROM dead_letters").expect("its table");
    let reasons = select.query_map([], |row| row.get(0)).expect("rows");
    reasons.collect::<Result<_, _>>().expect("rows")
}

fn nothing_secret_is_said(log_format: &str, bank_args: &[&str]) {
    let mut place = Place::with_keys();
    place.set("log.level", "trace");
    place.set("log.format", log_format);
    let bank = BankSim::start(&mut place, bank_args);
    let watch = place.watch();
    let run = place.run([]);
    let mut said = Vec::new();

    place.write("commands.jsonl", DEMO_COMMANDS);
    said.push(("publish", place.ran(["publish", "commands.jsonl"])));
    let bad = lines(bad_commands()) + &broken_lines().join("\n");
    place.write("bad.jsonl", &bad);
    for args in [["publish", "bad.jsonl"].as_slice(), &["publish", "--json", "bad.jsonl"]] {
        let refused = place.ran(args.iter().copied());
        assert_eq!(refused.code, Some(2), "{refused:?}");
        said.push(("publish", refused));
    }
    let bad: Vec<_> = bad.lines().map(str::to_owned).collect();
    queue(&place, "commands", &bad);
    queue(&place, "tickets", &broken_lines());
    queue(&place, "bank-events", &broken_lines());

    wait_for_ends(&watch, DEMO_COMMANDS.lines().count());
    let given_up = bad.len() + 2 * broken_lines().len();
    run.output(Stream::Err, |lines| {
        let told = lines.iter().filter(|line| line.contains("message.dead_lettered")).count();
        (told == given_up).then_some(())
    });
    for id in DEMO_COMMANDS.lines().map(id_of) {
        said.push(("show", place.ran(["show", &id])));
        said.push(("show", place.ran(["show", "--json", &id])));
    }
    said.push(("list", place.ran(["list"])));
    said.push(("list", place.ran(["list", "--json"])));

    let secrets = secrets(&place, &bank);
    said.push(("run", end(run)));
    said.push(("watch", end(watch)));
    said.push(("bank-sim", bank.stop()));
    for (what, Ended { out, err, .. }) in &said {
        assert_holds_none(what, out, &secrets);
        assert_holds_none(what, err, &secrets);
    }
    let reasons = dead_letters(&place);
    assert_eq!(reasons.len(), given_up, "{reasons:#?}");
    assert_holds_none("a dead letter's reason", &reasons.join("\n"), &secrets);
}

fn id_of(line: &str) -> String {
    let command: Value = serde_json::from_str(line).expect("a command");
    command["payout_id"].as_str().expect("an id").to_owned()
}

fn end(process: Process) -> Ended {
    let ended = process.terminate();
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    ended
}

#[test]
fn nothing_secret_is_said_in_text_on_a_good_day() {
    nothing_secret_is_said("text", &[]);
}

#[test]
fn nothing_secret_is_said_in_json_on_a_bad_day() {
    nothing_secret_is_said("json", &["--faults", "rough", "--seed", "7"]);
}
