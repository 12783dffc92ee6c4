//! Schema and reader judge alike: a good command is changed in every place, in many ways, and both
//! have to say the same of what comes out. What only one of them knows stands in `exceptions`.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::accepts;
use crate::contract::COMMANDS;
use crate::examples::shapes;
use crate::exceptions::known;

/// What a place of a command is filled with.
fn fillings() -> Vec<Value> {
    let id = |length| "x".repeat(length);
    vec![
        json!(null),
        json!(true),
        json!(0),
        json!(1),
        json!(-1),
        json!(1.5),
        json!(9_223_372_036_854_775_808_u64),
        json!(""),
        json!("x"),
        json!("a b"),
        json!("rub"),
        json!("RUB"),
        json!("рубль"),
        json!("100"),
        json!(id(64)),
        json!(id(65)),
        json!(id(500)),
        json!(id(501)),
        json!("ы".repeat(500)),
        json!("  "),
        json!("two\nlines"),
        json!("\u{85}x"),
        json!("\u{a0}"),
        json!("\u{200b}x"),
        json!("x\u{2028}x"),
        json!("\u{202e}x"),
        json!("\u{2066}x"),
        json!("\u{feff}x"),
        json!("card"),
        json!("bank_card"),
        json!("Bank_Card"),
        json!("encrypted_card"),
        json!("tokenized_card"),
        json!("ru"),
        json!("savings"),
        json!("collateral"),
        json!("payout.cancel"),
        json!("settlement"),
        json!("yoomoney"),
        json!("faster_payment_system"),
        json!("wallet"),
        json!("bank_account"),
        json!("usd"),
        json!("legal"),
        json!("1".repeat(9)),
        json!("1".repeat(10)),
        json!("1".repeat(11)),
        json!("1".repeat(12)),
        json!("40820810500000000001"),
        json!("40502810500000000001"),
        json!("40702840500000000001"),
        json!("tomorrow"),
        json!("2026-11-21"),
        json!([]),
        json!(["x"]),
        json!({}),
        json!({"x": 1}),
        json!({"number": 2_200_240_000_000_000_u64}),
        json!([{"Number": "2200 2400-0000 0000"}]),
    ]
}

/// Fields that are put beside others.
fn additions() -> Vec<(&'static str, Value)> {
    vec![
        ("newer", json!({"a": [1, null]})),
        ("session_id", json!("ps_1")),
        ("session_id", json!(null)),
        ("payments", json!([])),
        ("payout_list", json!([])),
        ("payout_details", json!({})),
        ("bank_card", json!({"number": "1"})),
        ("bank_card", json!([[{}]])),
        ("BANK_CARD", json!({})),
        ("bank_card", json!("none")),
        ("number", json!("2200240000000000")),
        ("number", json!("220024000000")),
        ("number", json!("2200240000000")),
        ("number", json!("2200240000000000000")),
        ("number", json!("22002400000000000000")),
        ("number", json!(999_999_999_999_u64)),
        ("number", json!(1_000_000_000_000_u64)),
        ("number", json!(9_999_999_999_999_999_999_u64)),
        ("number", json!(10_000_000_000_000_000_000_u64)),
        ("number", json!(-2_200_240_000_000_000_i64)),
        ("number", json!(-999_999_999_999_i64)),
        ("number", json!(-9_999_999_999_999_999_999_f64)),
        ("number", json!(2_200_240_000_000_000.5)),
        ("NUMBER", json!(["2200 2400 0000 0000"])),
        ("number", json!({"number": "2200240000000000"})),
        ("number", json!("2200-240a-0000-0000")),
        ("number_hash", json!("2200240000000000")),
        ("pan", json!("2200240000000000")),
        ("Card-PAN", json!([2_200_240_000_000_000_u64])),
        ("panel", json!("2200240000000000")),
        ("card_number", json!("2200 2400 0000 0000")),
        ("myCard", json!({"x": "2200240000000000"})),
        ("MYCARDNO", json!("2200240000000000")),
        ("bank_card", json!("2200240000000000")),
        ("account_number", json!("2200240000000000")),
        ("last3", json!("000")),
        ("token", json!("3f03ee")),
        ("account", json!("40702810500000000001")),
        ("account", json!(null)),
        ("bik", json!("044525974")),
        ("inn", json!("111111111111")),
        ("kpp", json!("156605101")),
        ("fiscalization_details", json!(null)),
        (
            "fiscalization_details",
            json!({"professional_income_taxpayer": {
                "tax_reference": "1".repeat(12),
                "services": [{"name": "x", "amount_details": {"amount": 1, "currency": "rub"}}],
            }}),
        ),
    ]
}

#[derive(Clone, Debug)]
enum Mutation {
    Remove(String),
    Fill(String, Value),
    Add(String, &'static str, Value),
}

impl Mutation {
    /// Whether there was such a place.
    fn apply(&self, command: &mut Value) -> bool {
        match self {
            Self::Remove(pointer) => {
                let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
                let fields = command.pointer_mut(parent).and_then(Value::as_object_mut);
                fields.is_some_and(|fields| fields.remove(key).is_some())
            }
            Self::Fill(pointer, value) => {
                command.pointer_mut(pointer).map(|place| *place = value.clone()).is_some()
            }
            Self::Add(pointer, name, value) => {
                let fields = command.pointer_mut(pointer).and_then(Value::as_object_mut);
                fields.map(|fields| fields.insert((*name).into(), value.clone())).is_some()
            }
        }
    }
}

/// JSON pointers of everything in it, itself included.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    for (key, value) in value.as_object().into_iter().flatten() {
        places(value, &format!("{at}/{key}"), found);
    }
    for (n, value) in value.as_array().into_iter().flatten().enumerate() {
        places(value, &format!("{at}/{n}"), found);
    }
}

fn mutations(command: &Value) -> Vec<Mutation> {
    let mut pointers = Vec::new();
    places(command, "", &mut pointers);
    let mut all = Vec::new();
    for pointer in pointers {
        if !pointer.is_empty() {
            all.push(Mutation::Remove(pointer.clone()));
        }
        all.extend(fillings().into_iter().map(|value| Mutation::Fill(pointer.clone(), value)));
        let added = additions().into_iter();
        all.extend(added.map(|(name, value)| Mutation::Add(pointer.clone(), name, value)));
    }
    all
}

/// What schema and reader say, if they differ and it is not known why.
fn difference(command: &Value) -> Option<String> {
    let by_schema = COMMANDS.is_valid(command);
    let by_reader = accepts(command.to_string().as_bytes());
    let differ = by_schema != by_reader && known(command).is_none();
    differ.then(|| format!("schema: {by_schema}, reader: {by_reader}"))
}

#[test]
fn schema_and_reader_judge_every_change_of_one_thing_alike() {
    let (mut good, mut bad) = (0, 0);
    let mut differences = Vec::new();
    for command in shapes() {
        for mutation in mutations(&command) {
            let mut changed = command.clone();
            if !mutation.apply(&mut changed) {
                continue;
            }
            if COMMANDS.is_valid(&changed) {
                good += 1
            } else {
                bad += 1
            }
            differences.extend(difference(&changed).map(|said| format!("{mutation:?}: {said}")));
        }
    }
    assert!(good > 1000 && bad > 1000, "one-sided: {good} good, {bad} bad");
    assert_eq!(differences, Vec::<String>::new());
}

/// Which characters a reason may hold stands in a pattern there and in a function here.
#[test]
fn schema_and_reader_judge_every_character_of_a_reason_alike() {
    let reason = |text: String| json!({"type": "payout.cancel", "payout_id": "a", "reason": text});
    let characters = ('\0'..='\u{3100}').chain('\u{fe00}'..='\u{ffff}').chain(['\u{1f600}']);
    let words = characters.flat_map(|char| [reason(char.into()), reason(format!("x{char}x"))]);
    let differences: Vec<_> =
        words.filter_map(|word| Some(format!("{word}: {}", difference(&word)?))).collect();
    assert_eq!(differences, Vec::<String>::new());
}

fn any_command() -> impl Strategy<Value = (Value, Vec<Mutation>)> {
    prop::sample::select(shapes()).prop_flat_map(|command| {
        let mutation = prop::sample::select(mutations(&command));
        (Just(command), prop::collection::vec(mutation, 2..5))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn schema_and_reader_judge_several_changes_alike((command, mutations) in any_command()) {
        let mut changed = command;
        for mutation in &mutations {
            mutation.apply(&mut changed);
        }
        prop_assert_eq!(difference(&changed), None, "{:#}", changed);
    }
}
