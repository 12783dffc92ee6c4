//! `payoutd events republish`: the same final events again.

use crate::bank::BankSim;
use crate::place::{Place, lines, to_card, wait_for_ends};
use crate::process::Stream;

#[test]
fn a_final_event_is_published_again_under_its_id_and_others_are_told() {
    let mut place = Place::with_keys();
    let _bank = BankSim::start(&mut place, &[]);
    let _run = place.run([]);
    let watch = place.watch();
    place.write("c.jsonl", lines([to_card("paid", 10_000)]));
    place.publish("c.jsonl");
    wait_for_ends(&watch, 1);
    let again = place.ran(["events", "republish", "paid", "nobody"]);
    assert_eq!(again.code, Some(3), "{again:?}");
    assert_eq!(again.out, "paid: payout.succeeded published again");
    assert!(again.err.contains("nobody: there is no such payout"), "{}", again.err);
    watch.output(Stream::Out, |lines| {
        let same = |line: &&String| line.contains("\"paid/payout.succeeded/1\"");
        (lines.iter().filter(same).count() == 2).then_some(())
    });
    let none = place.ran(["events", "republish", "nobody"]);
    assert_eq!(none.code, Some(2), "{none:?}");
}
