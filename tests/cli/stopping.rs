//! Fault matrix, case 58: SIGTERM in the middle of work.

use std::time::{Duration, Instant};

use crate::bank::BankSim;
use crate::place::{Place, lines, to_card, wait_for_ends};
use crate::process::Stream;

const PAYOUTS: u32 = 40;

const GRACE: Duration = Duration::from_secs(10);

#[test]
fn case_58_sigterm_ends_a_busy_process_in_time_and_the_next_one_finishes_the_work() {
    let mut place = Place::with_keys();
    place.set("shutdown.grace", &format!("{}s", GRACE.as_secs()));
    let bank = BankSim::start(&mut place, &["--latency", "30ms", "--processing", "30ms"]);
    let payouts = (0..PAYOUTS).map(|n| (format!("inv-{n:02}"), 10_000));
    place.write("commands.jsonl", lines(payouts.clone().map(|(id, amount)| to_card(&id, amount))));
    let watch = place.watch();
    let mut run = place.run([]);
    place.publish("commands.jsonl");

    for seen in [20, 70] {
        watch.output(Stream::Out, |lines| (lines.len() >= seen).then_some(()));
        let began = Instant::now();
        let stopped = run.terminate();
        assert!(began.elapsed() < GRACE, "{:?}: {}", began.elapsed(), stopped.err);
        assert_eq!(stopped.code, Some(0), "{}", stopped.err);
        assert!(stopped.err.contains("run.stopped"), "{}", stopped.err);
        assert!(!stopped.err.contains("shutdown.grace_over"), "{}", stopped.err);
        let open = place.ran(["list", "--json", "--limit", "100"]).out;
        let done = open.lines().filter(|line| line.contains("\"succeeded\"")).count();
        assert!(done < payouts.len(), "it had done everything before it was told to stop");
        run = place.run([]);
    }

    let ends = wait_for_ends(&watch, payouts.len());
    assert!(ends.values().all(|end| end == "succeeded"), "{ends:#?}");
    let owed: Vec<_> = payouts.collect();
    assert_eq!(bank.paid(), owed);
}
