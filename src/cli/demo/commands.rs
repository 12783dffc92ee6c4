//! What the demo publishes: its own file, or a generated one.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::domain::id::PayoutId;

/// The payouts of the bank's two pages, and some that must not be paid.
const OWN: &str = include_str!("../../../deploy/examples/payouts.jsonl");

/// Of every hundred generated payouts so many are refused, failed, and shown with another amount.
const SPOILED: [(u64, i64); 3] = [(17, 1), (42, 2), (73, 4)];

pub(super) struct Commands {
    pub(super) path: PathBuf,
    pub(super) count: u64,
    generated: bool,
}

impl Commands {
    /// The payouts' ids, in the order of the file.
    pub(super) fn ids(&self) -> Box<dyn Iterator<Item = PayoutId> + Send> {
        if self.generated {
            return Box::new((0..self.count).map(|n| id(n).parse().expect("letters and digits")));
        }
        Box::new(OWN.lines().map(|line| {
            let command: Value = serde_json::from_str(line).expect("the demo's own file");
            let id = command["payout_id"].as_str().expect("the demo's own file");
            id.parse().expect("the demo's own file")
        }))
    }
}

/// Writes the file of commands: real lines, for the real `publish`.
pub(super) fn write(dir: &Path, generate: Option<u64>) -> std::io::Result<Commands> {
    let path = dir.join("commands.jsonl");
    let Some(count) = generate else {
        fs::write(&path, OWN)?;
        return Ok(Commands { path, count: OWN.lines().count() as u64, generated: false });
    };
    let templates: Vec<Value> = OWN
        .lines()
        .take(4)
        .map(|line| serde_json::from_str(line).expect("the demo's own file"))
        .collect();
    let mut file = BufWriter::new(File::create(&path)?);
    for (n, template) in (0..count).zip(templates.iter().cycle()) {
        let mut command = template.clone();
        let spoiled = SPOILED.iter().find(|(at, _)| *at == n % 100);
        command["payout_id"] = json!(id(n));
        command["amount_details"]["amount"] =
            json!(10_000 + 100 * (n % 1000) as i64 + spoiled.map_or(0, |(_, cents)| *cents));
        writeln!(file, "{command}")?;
    }
    file.into_inner()?.sync_all()?;
    Ok(Commands { path, count, generated: true })
}

fn id(n: u64) -> String {
    format!("demo-{:07}", n + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::command::CreateCommand;

    #[test]
    fn every_command_of_the_demo_is_valid_and_named_once() {
        let mut ids = std::collections::BTreeSet::new();
        for line in OWN.lines() {
            let command = CreateCommand::parse(line.as_bytes()).expect("valid");
            assert!(ids.insert(command.payout_id));
        }
        let dir = tempfile::tempdir().expect("a folder");
        let commands = write(dir.path(), Some(250)).expect("written");
        let text = fs::read_to_string(&commands.path).expect("readable");
        for (line, id) in text.lines().zip(commands.ids()) {
            assert_eq!(CreateCommand::parse(line.as_bytes()).expect("valid").payout_id, id);
        }
    }
}
