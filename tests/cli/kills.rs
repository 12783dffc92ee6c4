//! Fault matrix, cases 1 to 11: a real process, really killed.
//!
//! Where exactly each kill falls is chance; with 40 payouts under way and every call slow, each
//! hits many of them at many points.

use crate::bank::BankSim;
use crate::place::{Place, ends, events, lines, to_card, wait_for_ends};
use crate::process::Stream;

const PAYOUTS: u32 = 40;

/// `run` is killed when so many events were seen, of 160 or so.
const KILLS: [usize; 3] = [10, 60, 100];

/// Of every ten payouts one is refused at start, one fails after its confirmation, and one is
/// shown with another amount.
fn spoiled(n: u32) -> u32 {
    match n % 10 {
        3 => 1,
        5 => 2,
        8 => 4,
        _ => 0,
    }
}

#[test]
fn cases_1_to_11_a_killed_process_loses_no_payout_and_pays_none_twice() {
    let mut place = Place::with_keys();
    let bank = BankSim::start(&mut place, &["--latency", "30ms", "--processing", "30ms"]);
    let payouts =
        (0..PAYOUTS).map(|n| (format!("inv-{n:02}"), i64::from(10_000 + 100 * n + spoiled(n))));
    place.write("commands.jsonl", lines(payouts.clone().map(|(id, amount)| to_card(&id, amount))));
    let watch = place.watch();
    let mut run = place.run([]);
    place.publish("commands.jsonl");

    for seen in KILLS {
        watch.output(Stream::Out, |lines| (lines.len() >= seen).then_some(()));
        let killed = run.kill();
        assert_eq!(killed.code, None, "it ended before it was killed: {}", killed.err);
        run = place.run([]);
    }
    wait_for_ends(&watch, payouts.len());
    // Only now is nothing on its way any more.
    let stopped = run.terminate();
    assert_eq!(stopped.code, Some(0), "{}", stopped.err);
    let told = watch.terminate();

    let lines: Vec<_> = told.out.lines().map(str::to_owned).collect();
    let ends = ends(&events(&lines));
    let expected = payouts.clone().map(|(id, amount)| {
        let end = match amount % 100 {
            1 | 2 => "failed",
            4 => "cancelled",
            _ => "succeeded",
        };
        (id, end.to_owned())
    });
    assert!(ends.clone().into_iter().eq(expected), "{ends:#?}");
    let owed: Vec<_> = payouts.filter(|(_, amount)| amount % 100 == 0).collect();
    assert_eq!(bank.paid(), owed);
    let attention = place.ran(["list", "--attention", "--json"]);
    assert_eq!(attention.out, "", "nobody has to look at anything");
}
