//! Where the schema and the reader judge differently, and why: all of it.

use serde_json::Value;

use crate::accepts;
use crate::contract::COMMANDS;
use crate::examples::shapes;

/// Why schema and reader may differ about this command, if they may.
pub(crate) fn known(command: &Value) -> Option<&'static str> {
    let method = &command["payment_method"];
    if names_nothing(method) {
        return Some("a method that the schema does not know has to name its own details");
    }
    let idle = idle(method, "type", &["card", "bank_account", "wallet"])
        || idle(&method["card"], "type", &["encrypted_card", "tokenized_card"])
        || idle(&method["bank_account"], "system_type", &["ru", "faster_payment_system"])
        || idle(&method["wallet"], "type", &["yoomoney"]);
    idle.then_some("details beside those that the type names: the reader does not look at them")
}

/// Whether one of the fields is there that the selector does not name.
fn idle(value: &Value, selector: &str, fields: &[&str]) -> bool {
    fields.iter().any(|field| value[selector] != *field && !value[field].is_null())
}

/// The schema cannot say "the field that this text names".
fn names_nothing(method: &Value) -> bool {
    method["type"].as_str().is_some_and(|name| {
        !["card", "bank_account", "wallet"].contains(&name) && !method[name].is_object()
    })
}

/// What is said of a message, for a reason that a schema cannot know of or is not asked about.
struct Exception {
    why: &'static str,
    message: String,
    by_schema: bool,
    by_reader: bool,
}

fn exceptions() -> Vec<Exception> {
    let good = shapes()[0].to_string();
    let stricter = |why, message| Exception { why, message, by_schema: true, by_reader: false };
    let laxer = |why, message| Exception { why, message, by_schema: false, by_reader: true };
    let put = |old: &str, new: &str| {
        assert!(good.contains(old), "{old}");
        good.replacen(old, new, 1)
    };
    let nested = format!("{{\"deep\":{}{},", "[".repeat(33), "]".repeat(33));
    let large = format!("{{\"large\":\"{}\",", "x".repeat(64 * 1024));
    vec![
        stricter("a schema does not see how a number is spelled", put(":10000,", ":10000.0,")),
        stricter("a schema does not see how a number is spelled", put(":10000,", ":1e4,")),
        stricter(
            "a schema does not see a key that occurs twice",
            put("{", "{\"payout_id\":\"a\","),
        ),
        stricter("a schema does not see the size", put("{", &large)),
        stricter("a schema does not count levels", put("{", &nested)),
        laxer("times have more spellings than RFC 3339's", put("12:00:00Z", "12:00Z")),
    ]
}

#[test]
fn each_exception_is_one() {
    for Exception { why, message, by_schema, by_reader } in exceptions() {
        let value: Value = serde_json::from_str(&message).expect("JSON");
        let said = (COMMANDS.is_valid(&value), accepts(message.as_bytes()));
        assert_eq!(said, (by_schema, by_reader), "{why}: {message}");
    }
}
