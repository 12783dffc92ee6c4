//! Bad settings end a process before it does anything: exit code 2, and all that is wrong at once.

use crate::place::Place;
use crate::process::Ended;

const ENCRYPTED_KEY: &str = include_str!("../fixtures/signatures/private_encrypted_pkcs8.pem");
const CERTIFICATE: &str = include_str!("../fixtures/signatures/wrong/certificate.pem");
const ELLIPTIC_KEY: &str = include_str!("../fixtures/signatures/wrong/ec_private.pem");

/// Fails unless `run` refuses to start and says all of this.
#[track_caller]
fn run_is_refused(place: &Place, parts: &[&str]) -> Ended {
    let refused = place.ran(["run"]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    for part in parts {
        assert!(refused.err.contains(part), "{part:?} is not in:\n{}", refused.err);
    }
    assert!(!refused.err.contains("run.started"), "{}", refused.err);
    assert!(!refused.err.contains("backtrace"), "{}", refused.err);
    refused
}

#[test]
fn everything_that_is_wrong_is_told_at_once_by_source() {
    let mut place = Place::empty();
    place.write("my.toml", "[bank]\ntimeout = \"soon\"\n[log]\nfromat = \"json\"\n");
    place.set("ingress.listen", "everywhere");
    place.set("bank.projekt", "demo");
    let refused = place.ran(["run", "--config", "my.toml"]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    let mut said: Vec<_> = refused.err.lines().map(str::trim).collect();
    assert_eq!(said.remove(0), "payoutd: the configuration has 7 error(s):");
    said.sort_unstable();
    assert_eq!(
        said,
        [
            "bank.private_key_file (default): is not set; `payoutd keygen` makes a key pair",
            "bank.project (default): is not set; give the project id you have of the bank",
            "bank.projekt (environment variable PAYOUTD_BANK__PROJEKT): is not a setting; \
             did you mean bank.project?",
            "bank.public_key_files (default): is not set; name the bank's public key file",
            "bank.timeout (my.toml): must be a duration, such as \"10s\"",
            "ingress.listen (environment variable PAYOUTD_INGRESS__LISTEN): \
             must be an address and port, such as 127.0.0.1:8131",
            "log.fromat (my.toml): is not a setting; did you mean log.format?",
        ]
    );
    assert!(!place.path("payoutd.db").exists(), "made by a process that was refused");
}

#[test]
fn every_subcommand_that_reads_settings_checks_them() {
    let mut place = Place::with_keys();
    place.set("tickets.delays", "5s,1s");
    for args in [
        ["run"].as_slice(),
        &["publish", "-"],
        &["watch"],
        &["show", "x"],
        &["list"],
        &["bank-sim"],
    ] {
        let refused = place.ran(args.iter().copied());
        assert_eq!(refused.code, Some(2), "{args:?}: {refused:?}");
        assert!(refused.err.contains("PAYOUTD_TICKETS__DELAYS"), "{args:?}: {}", refused.err);
    }
}

#[test]
fn the_file_is_named_by_option_or_else_by_variable() {
    let place = Place::empty();
    place.write("one.toml", "[backend]\npath = \"one.db\"\n");
    place.write("two.toml", "[backend]\npath = \"two.db\"\n");
    let variable = ("PAYOUTD_CONFIG", "one.toml");
    let looked_for = |variables: &[(&str, &str)], args: &[&str], file: &str| {
        let refused = place.ran_with(variables, args);
        assert_eq!(refused.code, Some(2), "{refused:?}");
        assert!(refused.err.contains(&format!("there is no file {file}")), "{}", refused.err);
    };
    looked_for(&[variable], &["list"], "one.db");
    looked_for(&[variable], &["--config", "two.toml", "list"], "two.db");
    looked_for(&[variable, ("PAYOUTD_BACKEND__PATH", "three.db")], &["list"], "three.db");
    assert_eq!(std::fs::read_dir(place.dir()).expect("a folder").count(), 2, "a look left files");
}

#[test]
fn a_configuration_file_that_is_missing_is_told() {
    let place = Place::empty();
    let refused = place.ran(["list", "--config", "nowhere.toml"]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    let said = "--config (nowhere.toml): cannot be read (No such file or directory (os error 2)); \
                name a readable TOML file";
    assert!(refused.err.contains(said), "{}", refused.err);
}

#[test]
fn money_is_only_moved_by_those_who_say_so_and_never_in_the_clear() {
    let mut place = Place::with_keys();
    place.set("bank.base_url", "https://proxy.bank131.ru");
    run_is_refused(&place, &["bank.base_url", "PAYOUTD_BANK__BASE_URL", "bank.live = true"]);
    place.set("bank.base_url", "http://demo.bank131.ru");
    run_is_refused(&place, &["must begin with https:// unless it is on this machine"]);
}

#[test]
fn a_key_that_cannot_be_used_is_told_by_setting_and_file() {
    let mut place = Place::with_keys();
    place.write("certificate.pem", CERTIFICATE);
    place.write("elliptic.pem", ELLIPTIC_KEY);
    place.write("encrypted.pem", ENCRYPTED_KEY);
    place.write("wrong-passphrase", "hunter2\n");
    place.write("empty.pem", "");

    let setting = "bank.private_key_file";
    for (file, said) in [
        ("nowhere.pem", "No such file"),
        ("certificate.pem", "certificate"),
        ("elliptic.pem", "RSA"),
        ("empty.pem", "PEM"),
        ("partner_public.pem", "public"),
        ("encrypted.pem", "bank.private_key_passphrase_file"),
    ] {
        place.set(setting, file);
        let refused = run_is_refused(&place, &[setting, &format!("): {file}: "), said]);
        assert_holds_no_pem(&refused);
    }

    place.set("bank.private_key_passphrase_file", "wrong-passphrase");
    let refused = run_is_refused(&place, &["bank.private_key_file (", "): encrypted.pem: "]);
    assert!(!refused.err.contains("hunter2"), "{}", refused.err);
    place.set("bank.private_key_passphrase_file", "nowhere");
    run_is_refused(&place, &["bank.private_key_passphrase_file (", "): nowhere: No such file"]);
    place.unset("bank.private_key_passphrase_file");
    place.set(setting, "partner_private.pem");

    let setting = "bank.public_key_files";
    for (files, named, said) in [
        ("bank_public.pem,nowhere.pem", "nowhere.pem", "No such file"),
        ("certificate.pem,bank_public.pem", "certificate.pem", "certificate"),
        ("bank_private.pem", "bank_private.pem", "private"),
    ] {
        place.set(setting, files);
        let refused = run_is_refused(&place, &[setting, &format!("): {named}: "), said]);
        assert_holds_no_pem(&refused);
    }
}

#[track_caller]
fn assert_holds_no_pem(refused: &Ended) {
    let longest = refused.err.split_whitespace().map(str::len).max().unwrap_or_default();
    assert!(longest < 64, "a line of a key? {}", refused.err);
}
