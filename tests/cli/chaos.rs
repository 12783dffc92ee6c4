//! What of `scripts/chaos` can be held to account without a run: its plan, and its verdict.

#[path = "../chaos/plan.rs"]
mod plan;
#[path = "../chaos/verdict.rs"]
mod verdict;

use std::time::Duration;

use plan::{Deed, plan};
use verdict::{Attention, Evidence, Order, Paid, Told, Why, judge};

const TIME: Duration = Duration::from_secs(75);

#[test]
fn the_plan_follows_from_seed_time_and_number_of_faults_alone() {
    let texts = |seed| plan(seed, TIME, 30, true).iter().map(ToString::to_string).collect();
    let (first, again, other): (Vec<_>, Vec<_>, Vec<_>) = (texts(7), texts(7), texts(8));
    assert_eq!(first.len(), 30);
    assert_eq!(first, again);
    assert_ne!(first, other);
}

#[test]
fn a_plan_of_any_size_has_both_losses_unless_they_are_not_wanted() {
    let is_loss = |fault: &plan::Fault| matches!(fault.deed, Deed::RollBack | Deed::Empty);
    for seed in 0..50 {
        let few = plan(seed, TIME, 2, true);
        assert!(few.iter().all(is_loss) && few[0].deed != few[1].deed, "{few:?}");
        let many = plan(seed, TIME, 300, false);
        assert!(!many.iter().any(is_loss), "{seed}");
        assert!(many.is_sorted_by_key(|fault| fault.at) && many[299].at < TIME, "{seed}");
        assert!(many.iter().all(|fault| !fault.deed.kind().is_empty()), "{seed}");
    }
}

fn order() -> Order {
    Order { payout: "inv-1".into(), amount: 10_000, account: "collateral", last4: "4940".into() }
}

fn paid() -> Paid {
    Paid {
        merchant_payout_id: Some("inv-1".into()),
        session_id: "ps_1".into(),
        amount: 10_000,
        account: "collateral".into(),
        last4: Some("4940".into()),
    }
}

fn told(end: &str, n: u32) -> Told {
    Told {
        id: format!("inv-1/payout.{end}/{n}"),
        kind: format!("payout.{end}"),
        payout: "inv-1".into(),
        reason: String::new(),
    }
}

fn called() -> Attention {
    let attention = Why { reason: "session ps_7 may pay".into() };
    Attention { payout_id: "inv-1".into(), state: "bound".into(), attention }
}

fn evidence(ledger: Vec<Paid>, told: Vec<Told>, attention: Vec<Attention>) -> Evidence {
    Evidence { orders: vec![order()], ledger, told, attention }
}

#[track_caller]
fn breaks(evidence: &Evidence, promise: &str) {
    let verdict = judge(evidence);
    assert!(verdict.broken.iter().any(|text| text.contains(promise)), "{promise}: {verdict:?}");
}

#[test]
fn what_was_promised_and_kept_breaks_nothing() {
    let copies = vec![told("accepted", 1), told("succeeded", 1), told("succeeded", 1)];
    let verdict = judge(&evidence(vec![paid()], copies, vec![]));
    assert_eq!(verdict.broken, Vec::<String>::new());
    assert_eq!((verdict.ends["succeeded"], verdict.reasons.len()), (1, 0));
    let failed = judge(&evidence(vec![], vec![told("failed", 1)], vec![]));
    assert_eq!(failed.broken, Vec::<String>::new());
    let by_account = Paid { account: "settlement".into(), ..paid() };
    let mut settled = evidence(vec![by_account], vec![told("succeeded", 1)], vec![]);
    settled.orders[0].account = "settlement";
    assert_eq!(judge(&settled).broken, Vec::<String>::new());
}

#[test]
fn each_broken_promise_is_named() {
    let succeeded = || vec![told("succeeded", 1)];
    breaks(&evidence(vec![paid(), paid()], succeeded(), vec![]), "paid 2 times");
    breaks(&evidence(vec![], succeeded(), vec![]), "told as paid, and it is not");
    breaks(&evidence(vec![paid()], vec![told("cancelled", 1)], vec![]), "and it is paid");
    breaks(&evidence(vec![paid()], vec![told("started", 1)], vec![]), "neither final nor");
    let two = vec![told("succeeded", 1), told("succeeded", 2)];
    breaks(&evidence(vec![paid()], two, vec![]), "more than one final event");
    for wrong in [
        Paid { amount: 10_001, ..paid() },
        Paid { account: "settlement".into(), ..paid() },
        Paid { last4: Some("4941".into()), ..paid() },
        Paid { last4: None, ..paid() },
    ] {
        breaks(&evidence(vec![wrong], succeeded(), vec![]), "was paid");
    }
    for nobody in [None, Some("inv-2".to_owned())] {
        let stray = Paid { merchant_payout_id: nobody, ..paid() };
        breaks(&evidence(vec![paid(), stray], succeeded(), vec![]), "which nobody ordered");
    }
}

#[test]
fn a_payout_that_needs_a_person_is_told_with_its_reason_and_whether_it_is_paid() {
    let verdict = judge(&evidence(vec![], vec![], vec![called()]));
    assert_eq!(verdict.broken, Vec::<String>::new());
    assert_eq!(verdict.ends["needs attention"], 1);
    assert_eq!(verdict.reasons["needs attention: bound: session ps_… may pay"], 1);
    assert_eq!(verdict.paid_in_attention, Vec::<String>::new());
    let open = judge(&evidence(vec![paid()], vec![], vec![called()]));
    let ended = judge(&evidence(vec![paid()], vec![told("cancelled", 1)], vec![called()]));
    for verdict in [open, ended] {
        assert_eq!(verdict.broken, Vec::<String>::new());
        assert_eq!(verdict.paid_in_attention, ["inv-1"]);
    }
}
