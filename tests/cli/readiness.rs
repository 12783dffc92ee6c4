//! The process tells how it is, over HTTP.

use serde_json::{Value, json};

use crate::bank::{BankSim, get};
use crate::place::{Place, free_port};
use crate::process::Stream;

#[test]
fn a_process_that_works_is_alive_and_ready() {
    let mut place = Place::with_keys();
    let bank = BankSim::start(&mut place, &[]);
    let address = format!("127.0.0.1:{}", free_port());
    place.set("admin.listen", &address);
    let run = place.run(["--role", "executor", "--role", "ingress"]);
    assert_eq!(get(&address, "/healthz").expect("an answer"), (200, "ok".into()));
    let ready = || {
        let (status, body) = get(&address, "/readyz").expect("an answer");
        let body: Value = serde_json::from_str(&body).expect("JSON");
        (status == 200).then_some(body)
    };
    // The roles have only just begun.
    let body = std::iter::repeat_with(ready).flatten().next().expect("it becomes ready");
    let roles = json!({"executor": true, "ingress": true});
    assert_eq!(body, json!({"ready": true, "bus": "ok", "store": "ok", "roles": roles}));
    assert_eq!(get(&address, "/metrics").expect("an answer").0, 404);
    run.terminate();
    bank.stop();
}

#[test]
fn an_address_in_use_is_an_error_when_it_was_asked_for_and_a_warning_when_not() {
    let mut place = Place::with_keys();
    let bank = BankSim::start(&mut place, &[]);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    place.set("admin.listen", &taken.local_addr().expect("bound").to_string());
    let refused = place.ran(["run"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.err.contains("admin.listen"), "{refused:?}");

    // Whether it is in use already does not matter: somebody has the default address.
    let _taken = std::net::TcpListener::bind("127.0.0.1:9131");
    place.unset("admin.listen");
    let run = place.run([]);
    run.line(Stream::Err, |line| line.contains("admin.not_listening").then_some(()));
    run.terminate();
    bank.stop();
}
