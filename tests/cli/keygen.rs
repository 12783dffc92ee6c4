//! `payoutd keygen`.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::place::Place;

const FILES: [(&str, u32, &str); 4] = [
    ("partner_private.pem", 0o600, "-----BEGIN PRIVATE KEY-----"),
    ("partner_public.pem", 0o644, "-----BEGIN PUBLIC KEY-----"),
    ("bank_private.pem", 0o600, "-----BEGIN PRIVATE KEY-----"),
    ("bank_public.pem", 0o644, "-----BEGIN PUBLIC KEY-----"),
];

#[test]
fn keygen_writes_four_files_and_private_keys_are_for_their_owner_only() {
    let place = Place::empty();
    let made = place.ran(["keygen", "keys/new"]);
    assert_eq!(made.code, Some(0), "{made:?}");
    for (name, mode, first_line) in FILES {
        let path = place.path("keys/new").join(name);
        let permissions = fs::metadata(&path).expect("written").permissions();
        assert_eq!(permissions.mode() & 0o777, mode, "{name}");
        assert_eq!(fs::read_to_string(&path).expect("text").lines().next(), Some(first_line));
        assert!(made.out.contains(&format!("keys/new/{name}")), "{}", made.out);
    }
    assert_eq!(fs::read_dir(place.path("keys/new")).expect("a folder").count(), FILES.len());
}

#[test]
fn keygen_touches_nothing_when_any_of_its_files_exists() {
    for (taken, _, _) in FILES {
        let place = Place::empty();
        place.write(taken, "an old key");
        let refused = place.ran(["keygen", "."]);
        assert_eq!(refused.code, Some(2), "{taken}: {refused:?}");
        assert!(refused.err.contains(taken), "{}", refused.err);
        assert!(refused.err.contains("move it away or name another folder"), "{}", refused.err);
        assert_eq!(place.read(taken), "an old key");
        // Half a set would stand in the way of the next try.
        assert_eq!(fs::read_dir(place.dir()).expect("a folder").count(), 1, "beside {taken}");
    }
}
