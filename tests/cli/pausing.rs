//! `payoutd pause` and `resume`, felt by a process that runs.

use crate::bank::BankSim;
use crate::place::{Place, lines, to_card, wait_for_ends};
use crate::process::Stream;

#[test]
fn what_is_paused_waits_in_every_process_until_it_is_resumed() {
    let mut place = Place::with_keys();
    let bank = BankSim::start(&mut place, &[]);
    let run = place.run([]);
    let watch = place.watch();
    let paused = place.ran(["pause", "confirms", "--reason", "the bank called"]);
    assert_eq!(paused.code, Some(0), "{paused:?}");
    assert_eq!(paused.out, "starts go out\nconfirms are paused: the bank called");
    place.write("c.jsonl", lines([to_card("waits", 10_000)]));
    place.publish("c.jsonl");
    watch.output(Stream::Out, |lines| {
        lines.iter().any(|line| line.contains("payout.started")).then_some(())
    });
    run.output(Stream::Err, |lines| {
        lines.iter().any(|line| line.contains("payoutd.paused")).then_some(())
    });
    let examined = place.ran(["doctor"]);
    assert!(examined.out.contains("confirms are paused: the bank called (payoutd resume)"));
    assert!(bank.paid().is_empty());
    let resumed = place.ran(["resume"]);
    assert_eq!(resumed.out, "starts go out\nconfirms go out");
    assert_eq!(wait_for_ends(&watch, 1)["waits"], "succeeded");
    let silent = place.ran(["pause", "--reason", " "]);
    assert_eq!(silent.code, Some(2), "{silent:?}");
    assert!(silent.err.contains("say why"), "{}", silent.err);
}
