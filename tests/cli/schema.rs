//! `payoutd schema`.

use std::path::Path;

use crate::place::Place;

const DOCUMENTS: [(&str, &str); 3] = [
    ("commands", "schemas/commands.schema.json"),
    ("events", "schemas/events.schema.json"),
    ("asyncapi", "asyncapi.json"),
];

/// The document as it is kept in the repository.
fn kept(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(path);
    std::fs::read_to_string(path).expect("a document")
}

#[test]
fn schema_lists_the_documents_and_shows_each() {
    let place = Place::empty();
    let listed = place.ran(["schema"]);
    assert_eq!(listed.code, Some(0), "{listed:?}");
    let names: Vec<_> = listed.out.lines().filter_map(|l| l.split_whitespace().next()).collect();
    assert_eq!(names, DOCUMENTS.map(|(name, _)| name));
    for (name, path) in DOCUMENTS {
        let shown = place.ran(["schema", name]);
        assert_eq!(shown.code, Some(0), "{shown:?}");
        assert_eq!(shown.out, kept(path).trim_end(), "{name}");
    }
}

#[test]
fn schema_writes_all_documents_over_those_that_are_there() {
    let place = Place::empty();
    for _ in 0..2 {
        let written = place.ran(["schema", "--write", "new/docs"]);
        assert_eq!(written.code, Some(0), "{written:?}");
        for (name, path) in DOCUMENTS {
            let path_there = format!("new/docs/{path}");
            assert!(written.out.lines().any(|line| line == path_there), "{name}: {written:?}");
            assert_eq!(place.read(&path_there), kept(path), "{name}");
            place.write(&path_there, "an older one");
        }
    }
}

#[test]
fn schema_refuses_what_it_does_not_know_and_says_what_there_is() {
    let place = Place::empty();
    let unknown = place.ran(["schema", "openapi"]);
    assert_eq!(unknown.code, Some(2), "{unknown:?}");
    assert!(unknown.err.contains("commands, events, asyncapi"), "{}", unknown.err);
    let both = place.ran(["schema", "events", "--write", "."]);
    assert_eq!(both.code, Some(2), "{both:?}");
    place.write("file", "in the way");
    let blocked = place.ran(["schema", "--write", "file"]);
    assert_eq!(blocked.code, Some(1), "{blocked:?}");
    assert!(blocked.err.contains("cannot make the folder file/schemas"), "{}", blocked.err);
}
