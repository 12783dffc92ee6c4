//! Inputs that attack: any bytes, and the fixtures with some of them changed, through every reader
//! of what comes from outside. What must hold is shared with the fuzz targets, which run for hours
//! (`scripts/fuzz`); here it is looked at in seconds.

#[expect(unreachable_pub, reason = "the fuzz targets see it as a crate")]
#[path = "../fuzz/src/lib.rs"]
mod invariants;

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use proptest::sample::{Index, select};

/// The files of folders below the repository whose names end so.
fn seeds(places: &[(&str, &str)]) -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for (folder, ending) in places {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        let mut files: Vec<_> = fs::read_dir(folder)
            .expect("readable")
            .map(|entry| entry.expect("readable").path())
            .filter(|path| path.is_file() && path.to_string_lossy().ends_with(ending))
            .collect();
        assert!(!files.is_empty(), "{ending}: the seeds are not where they are looked for");
        // So that a failure's seed finds the same file again.
        files.sort();
        seeds.extend(files.into_iter().map(|path| fs::read(path).expect("readable")));
    }
    seeds
}

fn webhooks() -> Vec<Vec<u8>> {
    seeds(&[("tests/fixtures", "_webhook.json")])
}

/// In the form of the bank's pages, with words that say too much.
const REFUSAL: &[u8] = br#"{"status":"error","error":{"code":"account_not_found",
    "description":"account 40817810099910004312 is closed"}}"#;

/// What a change puts in: bytes that the readers give a meaning to, and any others.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let tokens = [
        "{",
        "}",
        "[",
        "]",
        ",",
        ";",
        ":",
        "\"",
        "\\",
        "null",
        "-1",
        "1e999",
        "\\ud800",
        "\n",
        "\n\n",
        "\r\n",
        "-----",
        "-----BEGIN ",
        "40817810099910004312",
        "2200240123454940",
        "é",
        "\u{202e}",
    ];
    prop_oneof![
        select(tokens.to_vec()).prop_map(|token| token.as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 0..4),
    ]
}

/// A seed with a few changes, or any bytes.
fn inputs(seeds: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let change = (any::<Index>(), 0..6usize, piece());
    let changed =
        (select(seeds), prop::collection::vec(change, 0..6)).prop_map(|(mut input, changes)| {
            for (at, removed, put) in changes {
                let at = at.index(input.len() + 1);
                let end = (at + removed).min(input.len());
                input.splice(at..end, put);
            }
            input
        });
    prop_oneof![4 => changed, 1 => prop::collection::vec(any::<u8>(), 0..512)]
}

proptest! {
    #[test]
    fn a_webhook_is_kept_byte_for_byte_whatever_is_in_it(body in inputs(webhooks())) {
        invariants::webhook(&body);
    }

    #[test]
    fn a_command_says_the_same_when_its_own_words_are_read_again(
        message in inputs(seeds(&[
            ("tests/fixtures/contract/v1/commands", ".json"),
            ("tests/fixtures/contract/v1/interventions", ".json"),
        ])),
    ) {
        invariants::command(&message);
    }

    #[test]
    fn a_row_of_a_csv_file_is_a_good_command_or_told_without_its_digits(
        file in inputs(seeds(&[("src/cli/publish", ".csv")])),
    ) {
        invariants::csv(&file);
    }

    #[test]
    fn an_answer_of_the_bank_is_never_more_than_its_status_allows(
        body in inputs([seeds(&[("tests/fixtures", "_answer.json")]), vec![REFUSAL.to_vec()]].concat()),
        shown in inputs(webhooks()),
    ) {
        invariants::bank_answer(&body);
        let shown = String::from_utf8_lossy(&shown).replacen("\"type\": \"", "\"status\":\"ok\",\"was\":\"", 1);
        invariants::bank_answer(shown.as_bytes());
    }
}

proptest! {
    // Each signs, or looks at a key: some milliseconds.
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn only_what_the_bank_signed_comes_to_the_queue(
        input in inputs([webhooks(), seeds(&[("tests/fixtures/signatures", ".sig")])].concat()),
    ) {
        invariants::webhook_signature(&input);
    }

    #[test]
    fn a_key_file_is_read_or_told_by_what_it_is_and_nothing_of_it_is_repeated(
        file in inputs(seeds(&[
            ("tests/fixtures/signatures", ".pem"),
            ("tests/fixtures/signatures/wrong", ".pem"),
        ])),
    ) {
        invariants::key_file(&file);
    }
}
