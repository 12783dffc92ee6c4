//! The arrows between modules: who may know whom.

use std::fs;
use std::path::{Path, PathBuf};

fn sources(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).expect("readable") {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
    found
}

/// Lines of code under `src`, with their file relative to it. Comments and docs do not count.
fn code() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut lines = Vec::new();
    for path in sources(&root) {
        let name = path.strip_prefix(&root).expect("below").display().to_string();
        for line in fs::read_to_string(&path).expect("readable").lines() {
            let line = line.trim();
            if !line.starts_with("//") {
                lines.push((name.clone(), line.to_owned()));
            }
        }
    }
    assert!(lines.len() > 1000, "the sources are not where they are looked for");
    lines
}

/// Files in which `word` occurs, though they are below none of the `allowed` places.
fn trespassers(word: &str, allowed: &[&str]) -> Vec<String> {
    let inside = |file: &str| {
        allowed
            .iter()
            .any(|place| file == format!("{place}.rs") || file.starts_with(&format!("{place}/")))
    };
    let uses = |line: &str| {
        line.match_indices(word).any(|(at, _)| {
            let before = line[..at].chars().next_back();
            let after = line[at + word.len()..].chars().next();
            let part_of_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
            !part_of_word(before) && !part_of_word(after)
        })
    };
    let mut found: Vec<_> = code()
        .into_iter()
        .filter(|(file, line)| !inside(file) && uses(line))
        .map(|(file, line)| format!("{file}: {line}"))
        .collect();
    found.sort();
    found
}

#[test]
fn each_outside_crate_is_known_to_its_own_module_only() {
    let places: &[(&str, &[&str])] = &[
        ("lapin", &["rabbitmq", "telemetry"]),
        ("async_rs", &["rabbitmq"]),
        ("tokio_rustls", &["rabbitmq"]),
        ("rustls_native_certs", &["rabbitmq"]),
        ("reqwest", &["bank"]),
        ("rusqlite", &["embedded", "simulator"]),
        ("::redis", &["redis"]),
        (
            "axum",
            &[
                "roles/ingress",
                "roles/gateway",
                "admin",
                "server",
                "simulator",
                "cli/demo",
                "fuzzing",
            ],
        ),
        ("clap", &["cli", "simulator/options", "simulator"]),
        ("csv_core", &["cli/publish"]),
        ("figment", &["config"]),
        ("anyhow", &["cli"]),
        ("schemars", &["contract"]),
    ];
    for (name, allowed) in places {
        assert_eq!(trespassers(name, allowed), Vec::<String>::new(), "{name} is used outside");
    }
}

/// Inside `place`, none of these may occur.
fn assert_free_of(place: &str, forbidden: &[&str]) {
    let begins = format!("{place}/");
    for (file, line) in code() {
        if file != format!("{place}.rs") && !file.starts_with(&begins) {
            continue;
        }
        for word in forbidden {
            assert!(!line.contains(word), "{file} must not know {word}: {line}");
        }
    }
}

#[test]
fn the_domain_knows_no_io_no_clock_and_no_runtime() {
    let forbidden = [
        "tokio",
        "std::fs",
        "std::net",
        "std::io",
        "Instant::now",
        "SystemTime::now",
        "rand::",
        "crate::bank",
        "crate::bus",
        "crate::store",
        "crate::roles",
        "crate::embedded",
        "crate::config",
        "crate::cli",
        "crate::simulator",
        "tracing::",
    ];
    assert_free_of("domain", &forbidden);
}

#[test]
fn roles_know_ports_and_no_adapter() {
    let forbidden =
        ["crate::embedded", "crate::rabbitmq", "crate::redis", "crate::simulator", "crate::cli"];
    assert_free_of("roles", &forbidden);
}

#[test]
fn the_simulator_shares_no_code_with_what_it_tests() {
    assert_free_of("simulator", &["crate::bank", "crate::domain", "crate::roles", "crate::bus"]);
}

#[test]
fn the_contract_describes_and_decides_nothing() {
    assert_eq!(trespassers("crate::contract", &["contract", "cli"]), Vec::<String>::new());
    let beyond = ["crate::roles", "crate::bank", "crate::cli", "crate::config", "crate::store"];
    assert_free_of("contract", &beyond);
}

#[test]
fn adapters_know_the_domain_and_their_ports_only() {
    let beyond = ["crate::roles", "crate::bank", "crate::cli", "crate::config"];
    for (adapter, others) in [
        ("embedded", ["crate::rabbitmq", "crate::redis"].as_slice()),
        ("rabbitmq", &["crate::store", "crate::embedded", "crate::redis"]),
        ("redis", &["crate::bus", "crate::embedded", "crate::rabbitmq"]),
    ] {
        assert_free_of(adapter, &beyond);
        assert_free_of(adapter, others);
    }
    assert_free_of("bank", &["crate::roles", "crate::bus", "crate::store", "crate::embedded"]);
}
