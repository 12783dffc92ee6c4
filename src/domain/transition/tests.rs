//! Every state × event, and properties of any sequence of events.

use proptest::prelude::*;

use super::super::samples::*;
use super::*;
use crate::domain::id::SessionId;

/// The table of `docs/state-machine.md`, made from the code.
fn table() -> String {
    let mut out = String::from("| event |");
    for state in State::ALL {
        out.push_str(&format!(" {state} |"));
    }
    out.push_str(&format!("\n|---|{}\n", "---|".repeat(State::ALL.len())));
    for event in one_of_each() {
        out.push_str(&format!("| `{}` |", event.name()));
        for state in State::ALL {
            let cell = match apply(&payout_in(state), event.clone(), at(20)) {
                Ok(next) if next.state == state => "stays".to_owned(),
                Ok(next) => next.state.to_string(),
                Err(_) => "–".to_owned(),
            };
            out.push_str(&format!(" {cell} |"));
        }
        out.push('\n');
    }
    out
}

#[test]
fn the_documented_table_of_transitions_is_the_codes() {
    let documented = include_str!("../../../docs/state-machine.md");
    let table = table();
    assert!(documented.contains(&table), "docs/state-machine.md should hold:\n\n{table}");
}

#[test]
fn each_sample_is_in_its_state() {
    for state in State::ALL {
        assert_eq!(payout_in(state).state, state);
    }
}

#[test]
fn a_decision_keeps_the_confirm_information_once_and_not_in_the_history() {
    let payout = payout_in(State::Confirming);
    assert_eq!(payout.confirm_information, Some(settlement_information()));
    let stored = serde_json::to_string(&payout).expect("JSON");
    assert_eq!(stored.matches("40702810300200000013").count(), 2, "command and information");
}

#[test]
fn the_same_try_may_go_out_again_only_if_it_certainly_was_not_sent() {
    let again = |attempt| Event::Intended { attempt };
    let bound = payout_in(State::Bound);
    assert!(apply(&bound, again(1), at(9)).is_err());
    assert!(apply(&bound, again(3), at(9)).is_err());
    let postponed = after(bound, &[(3, Event::Postponed { until: at(8) })]);
    assert!(apply(&postponed, again(2), at(9)).is_err());
    let sent = apply(&postponed, again(1), at(9)).expect("legal");
    assert_eq!(sent.intention, Intention::new(Call::Start, 1, at(9)));
}

#[test]
fn an_unreachable_bank_does_not_fill_the_history() {
    let mut payout = payout_in(State::Bound);
    for n in 0..50 {
        let postponed = Event::Postponed { until: at(10 + n) };
        payout = after(payout, &[(10 + n, postponed), (11 + n, Event::Intended { attempt: 1 })]);
    }
    let postponed = |entry: &&Entry| matches!(entry.event, Event::Postponed { .. });
    assert_eq!(payout.history.iter().filter(postponed).count(), 1);
    assert_eq!(payout.history.len(), payout_in(State::Bound).history.len() + 1);
}

proptest! {
    #[test]
    fn a_final_state_absorbs_everything(payout in any_payout(), event in any_event()) {
        if payout.state.is_final() && let Ok(next) = apply(&payout, event, at(999)) {
            prop_assert_eq!(next.state, payout.state);
            prop_assert_eq!(next.session, payout.session);
            let cancels = next.intention.call == Call::Cancel;
            prop_assert!(cancels || next.intention == payout.intention);
        }
    }

    #[test]
    fn after_a_recorded_confirm_there_is_no_new_session_start_or_confirm_of_another(
        payout in any_payout(),
        event in any_event(),
    ) {
        let decided =
            |p: &Payout| p.history.iter().any(|e| e.event.leads_to() == Some(State::Confirming));
        if decided(&payout) && let Ok(next) = apply(&payout, event, at(999)) {
            prop_assert_eq!(&next.session, &payout.session);
            prop_assert!(next.session.is_some());
            prop_assert!(matches!(next.intention.call, Call::Confirm | Call::Cancel));
        }
    }

    #[test]
    fn a_session_is_written_once(payout in any_payout(), event in any_event()) {
        let before: Option<SessionId> = payout.session.clone();
        if let (Some(before), Ok(next)) = (before, apply(&payout, event, at(999))) {
            prop_assert_eq!(next.session, Some(before));
        }
    }

    #[test]
    fn a_record_survives_json(payout in any_payout()) {
        let stored = serde_json::to_string(&payout).expect("JSON");
        let loaded: Payout = serde_json::from_str(&stored).expect("round trip");
        prop_assert_eq!(loaded, payout);
    }

    #[test]
    fn the_history_only_grows(payout in any_payout(), event in any_event()) {
        if let Ok(next) = apply(&payout, event, at(999)) {
            prop_assert!(next.history.starts_with(&payout.history));
            prop_assert!(next.history.len() <= payout.history.len() + 1);
            prop_assert!(next.published >= payout.published);
            prop_assert!(next.ticket >= payout.ticket);
        }
    }
}
