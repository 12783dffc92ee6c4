//! `docs/bank131.md`: no cell of its tables is empty, and each test that it names is there.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const PAGE: &str = include_str!("../../docs/bank131.md");

/// The cells of every table's rows, with the row they stand in.
fn rows() -> Vec<(&'static str, Vec<&'static str>)> {
    let row = |line: &'static str| {
        let cells = line.strip_prefix('|')?.strip_suffix('|')?;
        Some((line, cells.split('|').map(str::trim).collect()))
    };
    PAGE.lines().filter_map(row).collect()
}

/// Functions that a test attribute stands above.
pub(crate) fn names_of_tests(dir: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(dir).expect("a folder") {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            names_of_tests(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let mut marked = false;
            for line in fs::read_to_string(&path).expect("text").lines().map(str::trim_start) {
                let name = line.trim_start_matches("async ").strip_prefix("fn ");
                if let Some(name) = name.filter(|_| marked) {
                    let end = name.find('(').unwrap_or(name.len());
                    found.insert(name[..end].trim().to_owned());
                }
                let is_mark = line == "#[test]" || line.starts_with("#[tokio::test");
                marked = is_mark || marked && line.starts_with('#');
            }
        }
    }
}

#[test]
fn no_cell_of_the_banks_steps_is_empty() {
    let steps: Vec<_> = rows().into_iter().filter(|(_, cells)| cells.len() == 4).collect();
    assert!(steps.len() > 27, "the tables are not where they are looked for");
    for (row, cells) in rows().into_iter().filter(|(row, _)| !row.contains("bank shows")) {
        assert!(cells.iter().all(|cell| !cell.is_empty()), "{row}");
    }
}

#[test]
fn each_test_that_the_tables_name_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut known = BTreeSet::new();
    for folder in ["src", "tests"] {
        names_of_tests(&root.join(folder), &mut known);
    }
    let proofs: Vec<_> = rows()
        .into_iter()
        .filter_map(|(row, cells)| Some((row, *cells.last()?)))
        .filter(|(_, cell)| cell.starts_with('`'))
        .collect();
    assert!(proofs.len() >= 33, "{}", proofs.len());
    for (row, cell) in proofs {
        for name in cell.split(',').map(|name| name.trim().trim_matches('`')) {
            assert!(known.contains(name), "there is no test {name}: {row}");
        }
    }
}
