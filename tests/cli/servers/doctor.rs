//! `payoutd doctor` on servers.

use super::installation::{Role, amqp_url, place_on, redis_url, until};
use crate::bank::BankSim;

#[test]
fn the_doctor_finds_healthy_servers_and_names_sick_ones() {
    let mut place = place_on(&amqp_url(), &redis_url());
    let bank = BankSim::start(&mut place, &[]);
    let before = place.ran(["doctor"]);
    assert_eq!(before.code, Some(0), "{before:?}");
    assert!(before.out.contains("every role makes the others"), "{}", before.out);
    let role = Role::start(&place, "executor");
    until("it has made the queues", || role.is_ready());
    let doctor = place.ran(["doctor"]);
    assert_eq!(doctor.code, Some(0), "{doctor:?}");
    assert!(doctor.out.lines().all(|line| line.starts_with("ok ")), "{}", doctor.out);
    assert!(doctor.out.contains("noeviction"), "{}", doctor.out);

    place.set("backend.amqp_url", "amqp://guest:secret-of-mine@127.0.0.1:1");
    place.set("backend.redis_url", "redis://user:secret-of-mine@127.0.0.1:1");
    let doctor = place.ran(["doctor"]);
    assert_eq!(doctor.code, Some(1), "{doctor:?}");
    let bad = doctor.out.lines().filter(|line| line.starts_with("BAD ")).count();
    assert_eq!(bad, 2, "{}", doctor.out);
    assert!(!format!("{doctor:?}").contains("secret-of-mine"), "{doctor:?}");
    bank.stop();
}
