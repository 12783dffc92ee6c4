//! What is in `docs/` is what the program generates.

use std::fs;
use std::path::Path;

use payoutd::contract::Document;

fn docs() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs")
}

#[test]
fn what_is_in_docs_is_what_the_program_generates() {
    for document in Document::ALL {
        let path = docs().join(document.path());
        let found = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            found == document.text(),
            "docs/{} is not what is generated: cargo run -- schema --write docs",
            document.path()
        );
    }
}

#[test]
fn there_is_no_schema_that_nothing_generates() {
    let schemas = fs::read_dir(docs().join("schemas")).expect("a folder");
    for entry in schemas {
        let name = entry.expect("readable").file_name();
        let path = format!("schemas/{}", name.display());
        assert!(Document::ALL.iter().any(|document| document.path() == path), "{path}");
    }
}
