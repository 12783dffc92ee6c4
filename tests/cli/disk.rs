//! The disk under the embedded store is full (case 59).

use std::process::Command;

use crate::bank::BankSim;
use crate::place::{Place, lines, to_card};
use crate::process::Process;

/// On a disk of its own, which only the commands of this script see: small, and filled to the last
/// block by a file beside the store while payouts are on their way.
const SMALL_DISK: &str = r#"
set -u
mount -t tmpfs -o size=16m tmpfs disk
"$PAYOUTD" run 2>run.log & running=$!
until grep -q run.started run.log; do sleep 0.05; done
"$PAYOUTD" publish first.jsonl
dd if=/dev/zero of=disk/ballast bs=4k 2>/dev/null
"$PAYOUTD" publish large.jsonl; echo "published with code $?"
kill -0 $running && echo "it still runs"
rm disk/ballast
"$PAYOUTD" publish large.jsonl
for _ in $(seq 600); do
  [ "$("$PAYOUTD" list --json --state succeeded | wc -l)" = 40 ] && break
  sleep 0.1
done
"$PAYOUTD" list --json --limit 100 | grep -o '"state":"[a-z]*"' | sort | uniq -c
kill $running; wait $running; echo "ended with code $?"
"#;

#[test]
fn case_59_a_full_disk_is_told_and_loses_nothing() {
    let mut place = Place::with_keys();
    place.set("backend.path", "disk/payoutd.db");
    std::fs::create_dir(place.path("disk")).expect("a folder");
    let bank = BankSim::start(&mut place, &[]);
    let command = |n: usize, metadata: usize| {
        let mut command = to_card(&format!("inv-{n:02}"), 10_000);
        command["metadata"] = "x".repeat(metadata).into();
        command
    };
    place.write("first.jsonl", lines((0..10).map(|n| command(n, 10))));
    place.write("large.jsonl", lines((10..40).map(|n| command(n, 2_000))));
    let payoutd = place.payoutd([]);
    let mut shell = Command::new("unshare");
    shell.args(["--map-root-user", "--mount", "sh", "-c", SMALL_DISK]);
    shell.current_dir(place.dir()).env("PAYOUTD", payoutd.get_program());
    shell.envs(payoutd.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let ran = Process::start("on a small disk", shell).end();
    let log = place.read("run.log");
    assert!(ran.out.contains("published with code 1"), "{ran:?}\n{log}");
    assert!(ran.err.contains("no room left on the disk"), "{ran:?}");
    assert!(ran.out.contains("it still runs"), "{ran:?}\n{log}");
    assert!(ran.out.contains("40 \"state\":\"succeeded\""), "{ran:?}\n{log}");
    assert!(ran.out.contains("ended with code 0"), "{ran:?}\n{log}");
    assert_eq!(bank.paid().len(), 40);
}
