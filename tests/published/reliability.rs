//! `docs/reliability.md`: every case of the fault matrix is there, and each test that it names; each
//! test that carries a case's number is named.

use std::collections::BTreeSet;
use std::path::Path;

use crate::bank131::names_of_tests;

const PAGE: &str = include_str!("../../docs/reliability.md");

/// Cases of the fault matrix.
const CASES: usize = 64;

fn tests() -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut known = BTreeSet::new();
    for folder in ["src", "tests"] {
        names_of_tests(&root.join(folder), &mut known);
    }
    known
}

/// The cells of each row of the tables, first and last bar aside.
fn rows() -> impl Iterator<Item = Vec<&'static str>> {
    let rows = PAGE.lines().filter_map(|line| line.strip_prefix('|')?.strip_suffix('|'));
    rows.map(|row| row.split('|').map(str::trim).collect())
}

#[test]
fn every_case_has_its_row_and_no_cell_is_empty() {
    let cases: Vec<_> = rows().filter(|cells| cells[0].parse::<usize>().is_ok()).collect();
    let numbers: Vec<_> = cases.iter().map(|cells| cells[0].parse::<usize>()).collect();
    assert!(numbers.into_iter().map(Result::ok).eq((1..=CASES).map(Some)));
    for cells in cases {
        assert!(cells.len() == 5 && cells.iter().all(|cell| !cell.is_empty()), "{cells:?}");
    }
}

#[test]
fn each_test_that_is_named_is_there_and_each_with_a_number_is_named() {
    let known = tests();
    let words = PAGE.split('`').skip(1).step_by(2);
    let named: BTreeSet<_> = words.filter(|word| word.len() > 20 && is_name(word)).collect();
    assert!(named.len() > 80, "{}", named.len());
    for name in &named {
        assert!(known.contains(*name), "there is no test {name}");
    }
    let numbered = known.iter().filter(|name| name.starts_with("case"));
    let left_out: Vec<_> = numbered.filter(|name| !named.contains(name.as_str())).collect();
    assert!(left_out.is_empty(), "docs/reliability.md does not name {left_out:?}");
}

fn is_name(word: &str) -> bool {
    word.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_'))
}
