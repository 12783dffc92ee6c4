//! Rules for faults: what they cover, how often they fire, and what is refused.

use crate::simulator::faults::{Dice, Place};
use crate::simulator::{FaultKind, Faults, Rule};

fn dice(rules: Vec<Rule>) -> Dice {
    Dice::new(7, Faults { rules })
}

#[test]
fn a_rule_covers_its_method_only() {
    let dice = dice(vec![Rule::always(FaultKind::DropAfterEffect).on("session/confirm")]);
    assert_eq!(dice.throw(Place::Call("session/status")), None);
    assert_eq!(dice.throw(Place::Webhook("ready_to_confirm")), None);
    assert_eq!(dice.throw(Place::Call("session/confirm")), Some(FaultKind::DropAfterEffect));
}

#[test]
fn a_rule_without_a_method_covers_calls_or_webhooks_by_its_kind() {
    let calls = dice(vec![Rule::always(FaultKind::Delay { ms: 1 })]);
    assert!(calls.throw(Place::Call("token")).is_some());
    assert!(calls.throw(Place::Webhook("ready_to_confirm")).is_none());
    let webhooks = dice(vec![Rule::always(FaultKind::Lost)]);
    assert!(webhooks.throw(Place::Call("token")).is_none());
    assert!(webhooks.throw(Place::Webhook("ready_to_confirm")).is_some());
    let one = dice(vec![Rule::always(FaultKind::Lost).on("webhook:payment_finished")]);
    assert!(one.throw(Place::Webhook("ready_to_confirm")).is_none());
    assert!(one.throw(Place::Webhook("payment_finished")).is_some());
    let delayed = dice(vec![Rule::always(FaultKind::Delay { ms: 1 }).on("webhook")]);
    assert!(delayed.throw(Place::Webhook("payment_finished")).is_some());
}

#[test]
fn a_rule_fires_at_most_so_many_times_and_then_the_next_one_may() {
    let dice = dice(vec![
        Rule::always(FaultKind::RateLimited).times(2),
        Rule::always(FaultKind::GarbageBody).times(1),
    ]);
    let thrown: Vec<_> = (0..4).map(|_| dice.throw(Place::Call("token"))).collect();
    let limited = Some(FaultKind::RateLimited);
    assert_eq!(thrown, [limited, limited, Some(FaultKind::GarbageBody), None]);
    assert_eq!(dice.shown().1, [2, 1]);
}

#[test]
fn the_same_seed_draws_the_same_and_another_seed_another() {
    let draw = |seed| -> Vec<bool> {
        let rule = Rule::always(FaultKind::RateLimited).with_probability(0.3);
        let dice = Dice::new(seed, Faults { rules: vec![rule] });
        (0..2000).map(|_| dice.throw(Place::Call("token")).is_some()).collect()
    };
    assert_eq!(draw(1), draw(1));
    assert_ne!(draw(1), draw(2));
    let share = draw(1).iter().filter(|hit| **hit).count();
    assert!((540..=660).contains(&share), "{share} of 2000 is far from 0.3");
}

#[test]
fn faults_are_read_from_json_and_written_back() {
    let text = r#"{"rules":[{"method":"session/confirm","kind":"drop_after_effect","probability":1.0,"times":1},{"kind":{"delay":{"ms":5}},"probability":0.5}]}"#;
    let faults = Faults::parse(text).expect("rules");
    assert_eq!(serde_json::to_string(&faults).expect("JSON"), text);
    assert_eq!(faults.rules[0].kind, FaultKind::DropAfterEffect);
    Faults::rough().check().expect("the preset");
}

#[test]
fn rules_that_can_never_fire_are_refused_with_the_reason() {
    for (rules, reason) in [
        (r#"{"kind":"lost","method":"session/confirm"}"#, "cannot happen"),
        (r#"{"kind":"rate_limited","method":"webhook"}"#, "cannot happen"),
        (r#"{"kind":"rate_limited","method":"session/confrim"}"#, "no method"),
        (r#"{"kind":"rate_limited","probability":2}"#, "between 0 and 1"),
        (r#"{"kind":"rate_limited","probabilty":1}"#, "probabilty"),
        (r#"{"kind":"hiccup"}"#, "an example is"),
        (r#"{"kind":{"duplicate":{"copies":100000}}}"#, "copies"),
    ] {
        let error = Faults::parse(&format!(r#"{{"rules":[{rules}]}}"#)).expect_err(rules);
        assert!(error.to_string().contains(reason), "{error}");
    }
}
