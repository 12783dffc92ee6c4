//! `payoutd doctor`: says what is well, and what to mend.

use crate::bank::BankSim;
use crate::place::Place;

#[test]
fn a_healthy_installation_has_nothing_to_mend() {
    let mut place = Place::with_keys();
    let bank = BankSim::start(&mut place, &[]);
    let before = place.ran(["doctor"]);
    assert_eq!(before.code, Some(0), "{before:?}");
    assert!(before.out.contains("`payoutd run` makes it"), "{}", before.out);
    assert!(!place.path("payoutd.db").exists(), "looking makes nothing");

    place.run([]).terminate();
    let doctor = place.ran(["doctor"]);
    assert_eq!(doctor.code, Some(0), "{doctor:?}");
    let checks =
        ["configuration", "rules", "keys", "bank", "store", "dead letters", "attention", "pause"];
    for (line, check) in doctor.out.lines().zip(checks) {
        assert!(line.starts_with("ok ") && line.contains(check), "{}", doctor.out);
    }
    assert_eq!(doctor.out.lines().count(), checks.len(), "{}", doctor.out);
    let changes = bank.requests().into_iter().filter(|asked| asked["method"] != "session/status");
    assert_eq!(changes.count(), 0, "nothing changes at the bank");
    bank.stop();
}

#[test]
fn each_thing_that_is_wrong_is_told_with_its_cure() {
    let mut place = Place::with_keys();
    let bank = BankSim::start(&mut place, &[]);
    let bad = |place: &Place, check: &str, cure: &str| {
        let doctor = place.ran(["doctor"]);
        assert_eq!(doctor.code, Some(1), "{doctor:?}");
        let line = doctor.out.lines().find(|line| line.starts_with("BAD") && line.contains(check));
        assert!(line.is_some() && doctor.out.contains(cure), "{cure}\n{}", doctor.out);
    };
    place.set("gateway.key_file", "nowhere");
    bad(&place, "gateway", "gateway.key_file");
    place.unset("gateway.key_file");
    place.set("bank.project", "somebody-else");
    bad(&place, "bank", "does not know us");
    place.set("bank.project", "demo");

    let public = place.read("bank_public.pem");
    place.write("bank_public.pem", "no key");
    bad(&place, "keys", "bank_public.pem");
    place.write("bank_public.pem", public);

    place.write("payoutd.db", "no database");
    bad(&place, "store", "payoutd.db");
    std::fs::remove_file(place.path("payoutd.db")).expect("it is there");

    place.set("bank.base_url", "http://127.0.0.1:1");
    bad(&place, "bank", "no connection");
    place.unset("bank.project");
    let doctor = place.ran(["doctor", "--json"]);
    assert_eq!(doctor.code, Some(1), "{doctor:?}");
    let first: serde_json::Value =
        serde_json::from_str(doctor.out.lines().next().expect("a line")).expect("JSON");
    assert_eq!((&first["check"], &first["verdict"]), (&"configuration".into(), &"bad".into()));
    assert!(first["text"].as_str().expect("text").contains("bank.project"), "{first}");
    bank.stop();
}

#[test]
fn the_embedded_backend_has_no_topology() {
    let place = Place::empty();
    let topology = place.ran(["topology"]);
    assert_eq!(topology.code, Some(2), "{topology:?}");
    assert!(topology.err.contains("rabbitmq-redis"), "{topology:?}");
}
