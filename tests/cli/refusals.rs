//! What a process finds taken or foreign: it says so, and leaves it as it was.

use std::net::TcpListener;

use rusqlite::Connection;

use crate::place::Place;

#[test]
fn a_file_of_another_program_is_refused_and_left_as_it_was() {
    let place = Place::with_keys();
    let foreign = Connection::open(place.path("theirs.db")).expect("a file");
    foreign.execute_batch("CREATE TABLE theirs (id INTEGER)").expect("a table");
    foreign.close().expect("closed");
    place.write("text.db", "Dear diary, today nothing was paid.\n".repeat(100));
    place.write("truncated.db", "SQLite format 3\0");
    for file in ["theirs.db", "text.db", "truncated.db"] {
        let before = std::fs::read(place.path(file)).expect("there");
        for args in [["run"].as_slice(), &["publish", "-"], &["list"], &["show", "x"], &["watch"]] {
            let refused = place.ran_with(&[("PAYOUTD_BACKEND__PATH", file)], args);
            let err = &refused.err;
            assert_eq!(refused.code, Some(2), "{args:?} with {file}: {err}");
            assert!(err.contains(&format!("{file}: not payoutd's")), "{err}");
            assert!(err.contains("move it away, or set another path"), "{err}");
        }
        assert_eq!(std::fs::read(place.path(file)).expect("there"), before, "{file}");
    }
}

#[test]
fn a_folder_that_is_missing_is_named() {
    let mut place = Place::with_keys();
    place.set("backend.path", "nowhere/payoutd.db");
    let refused = place.ran(["publish", "/dev/null"]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    let said = "nowhere/payoutd.db: its directory does not exist: create it, or set another path";
    assert!(refused.err.contains(said), "{}", refused.err);
}

#[test]
fn a_port_in_use_is_named_with_its_setting() {
    let mut place = Place::with_keys();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("bound").to_string();

    place.set("ingress.listen", &address);
    let refused = place.ran(["run"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    let said =
        format!("ingress.listen = {address} cannot be listened on; free the port or set another");
    assert!(refused.err.contains(&said), "{}", refused.err);
    assert!(refused.err.contains("Address already in use"), "{}", refused.err);

    let refused = place.ran(["bank-sim", "--listen", &address]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(
        refused.err.contains(&format!("--listen {address}: cannot be listened on")),
        "{refused:?}"
    );
}

#[test]
fn a_role_without_a_door_needs_no_port() {
    let mut place = Place::with_keys();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    place.set("ingress.listen", &taken.local_addr().expect("bound").to_string());
    let run = place.run(["--role", "executor", "--role", "decider", "--role", "reconciler"]);
    assert_eq!(run.terminate().code, Some(0));
}

#[test]
fn bank_sim_says_what_it_cannot_use() {
    let place = Place::with_keys();
    for (args, code, said) in [
        (["--partner-public-key", "nowhere.pem"], 2, "there is no key file nowhere.pem"),
        (["--bank-private-key", "bank_public.pem"], 2, "key cannot be used"),
        (["--webhook-url", "https://127.0.0.1/"], 2, "is no address for webhooks"),
        (["--speed-up", "0"], 2, "the speed-up has to be between"),
        (["--faults", "{\"rules\":3}"], 2, "the faults cannot be used"),
        (["--faults", "nowhere.json"], 2, "nowhere.json cannot be read"),
        (["--data", "bank_public.pem"], 2, "bank_public.pem cannot be used"),
    ] {
        let refused = place.ran(["bank-sim", "--listen", "127.0.0.1:0"].into_iter().chain(args));
        assert_eq!(refused.code, Some(code), "{args:?}: {refused:?}");
        assert!(refused.err.contains(said), "{args:?}: {}", refused.err);
    }
}
