//! Help: complete, and there when nothing is given.

use std::collections::BTreeSet;

use crate::place::Place;

/// Each subcommand's own options; all know `--config` and `--help`.
const OPTIONS: &[(&str, &[&str])] = &[
    (
        "demo",
        &[
            "--backend",
            "--executors",
            "--deciders",
            "--payouts",
            "--faults",
            "--bank-latency",
            "--keep",
            "--data",
            "--verbose",
            "--json",
        ],
    ),
    ("run", &["--role"]),
    ("publish", &["--format", "--dry-run", "--yes", "--template", "--json"]),
    ("watch", &["--type", "--payout", "--json"]),
    ("show", &["--json"]),
    ("list", &["--state", "--attention", "--limit", "--json"]),
    ("cancel", &["--reason"]),
    ("approve", &["--reason"]),
    ("reject", &["--reason"]),
    ("release", &["--reason"]),
    ("adopt", &["--reason"]),
    ("pause", &["--reason"]),
    ("resume", &[]),
    ("token", &[]),
    ("events", &[]),
    ("dead-letters", &[]),
    ("doctor", &["--json"]),
    ("topology", &["--declare", "--json"]),
    ("deny-hash", &["--salt-file"]),
    ("schema", &["--write"]),
    ("keygen", &["--json"]),
    (
        "bank-sim",
        &[
            "--listen",
            "--data",
            "--project",
            "--partner-public-key",
            "--bank-private-key",
            "--webhook-url",
            "--seed",
            "--speed-up",
            "--latency",
            "--processing",
            "--faults",
            "--idempotency",
            "--failed-request-uses-key",
            "--second-start",
            "--confirms-automatically",
            "--naming",
        ],
    ),
];

/// The lines that begin an option: each has to say what it is for, there or on the next line.
fn options(help: &str) -> BTreeSet<&str> {
    let lines: Vec<_> = help.lines().map(str::trim).collect();
    let begins = |line: &&str| line.starts_with("--") || line.starts_with("-h,");
    let mut found = BTreeSet::new();
    for (n, line) in lines.iter().enumerate().filter(|(_, line)| begins(line)) {
        let beside = line.split_once("  ").map(|(_, text)| text.trim());
        let text = beside.or(lines.get(n + 1).copied()).unwrap_or_default();
        assert!(text.starts_with(char::is_alphabetic), "{line} has no description");
        let name = line.trim_start_matches("-h, ");
        found.insert(name.split([' ', '=']).next().expect("a first word"));
    }
    found
}

#[test]
fn help_of_every_subcommand_tells_every_option() {
    let place = Place::empty();
    for (subcommand, own) in OPTIONS {
        let help = place.ran([subcommand, "--help"]);
        assert_eq!(help.code, Some(0), "{help:?}");
        let expected: BTreeSet<_> = own.iter().copied().chain(["--config", "--help"]).collect();
        assert_eq!(options(&help.out), expected, "{subcommand}");
    }
    assert_eq!(std::fs::read_dir(place.dir()).expect("a folder").count(), 0, "help wrote files");
}

#[test]
fn help_lists_every_subcommand_and_the_exit_codes() {
    let help = Place::empty().ran(["--help"]);
    assert_eq!(help.code, Some(0), "{help:?}");
    let commands = help.out.lines().skip_while(|line| *line != "Commands:").skip(1);
    let listed: Vec<_> = commands
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    let expected: Vec<_> = OPTIONS.iter().map(|(name, _)| *name).chain(["help"]).collect();
    assert_eq!(listed, expected);
    assert!(help.out.contains("0 done, 1 failed, 2 bad input, 3 done in part"), "{}", help.out);
}

#[test]
fn without_arguments_there_is_help_and_exit_code_2() {
    let help = Place::empty().ran([]);
    assert_eq!(help.code, Some(2), "{help:?}");
    assert!(help.err.contains("Usage: payoutd"), "{}", help.err);
    assert!(help.err.contains("payoutd demo"), "{}", help.err);
}

#[test]
fn a_subcommand_that_is_misspelt_is_bad_input_with_a_hint() {
    let refused = Place::empty().ran(["pubish"]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.err.contains("publish"), "{}", refused.err);
}
