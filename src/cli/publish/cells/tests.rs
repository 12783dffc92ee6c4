//! What is told of single cells, and by which column.

use super::*;

/// A good row of each method, by column.
const GOOD: [&[(&str, &str)]; 6] = [
    &[("method", "card_hash"), ("card_hash", "63191fa1")],
    &[("method", "card_token"), ("card_token", "a1b2c3d4")],
    &[
        ("method", "account_token"),
        ("account_token", "3f03ee25"),
        ("full_name", "Vector LLC"),
        ("description", "Agreement 7"),
    ],
    &[
        ("method", "account_number"),
        ("account_number", "40702810500000000001"),
        ("bik", "044525974"),
        ("full_name", "Vector LLC"),
        ("description", "Agreement 8"),
    ],
    &[
        ("method", "fps"),
        ("phone", "79680000000"),
        ("bank_id", "100000000069"),
        ("description", "Agreement 9"),
    ],
    &[("method", "yoomoney"), ("wallet", "410012411727100")],
];

const COMMON: [(&str, &str); 3] = [("payout_id", "p-1"), ("amount", "10000"), ("currency", "rub")];

fn row(
    cells: &[(&'static str, &str)],
    changed: &[(&'static str, &str)],
) -> Result<Good, Vec<Flaw>> {
    let kept = COMMON.iter().chain(cells);
    let kept = kept.filter(|(column, _)| changed.iter().all(|(other, _)| other != column));
    command(kept.chain(changed).map(|(column, cell)| (*column, cell.as_bytes())))
}

/// Column and pointer of everything that is wrong with it.
fn wrong(
    cells: &[(&'static str, &str)],
    changed: &[(&'static str, &str)],
) -> Vec<(String, String)> {
    let place = |flaw: Flaw| (flaw.column.unwrap_or_default(), flaw.violation.pointer);
    row(cells, changed).err().into_iter().flatten().map(place).collect()
}

fn place(column: &str, pointer: &str) -> (String, String) {
    (column.to_owned(), pointer.to_owned())
}

#[test]
fn each_cell_that_a_method_needs_is_missed_by_its_column_and_once() {
    for cells in GOOD {
        assert_eq!(wrong(cells, &[]), [], "{cells:?}");
        let method = Method::named(cells[0].1).expect("known");
        for (column, pointer) in REQUIRED.iter().chain(method.required) {
            assert_eq!(wrong(cells, &[(column, " ")]), [place(column, pointer)], "{cells:?}");
        }
    }
}

#[test]
fn everything_wrong_with_a_row_is_told_at_once_by_column_and_pointer() {
    let changed = [
        ("payout_id", "bad id"),
        ("account", "savings"),
        ("amount", "100.00"),
        ("currency", "rubles"),
        ("account_number", "4,07028E+19"),
        ("bik", ""),
        ("wallet", "41001"),
        ("confirm_before", "tomorrow"),
        ("metadata", "{oops"),
    ];
    let mut found = wrong(GOOD[3], &changed);
    found.sort();
    assert_eq!(
        found,
        [
            place("account", "/account"),
            place("account_number", "/payment_method/bank_account/ru/account"),
            place("amount", "/amount_details/amount"),
            place("bik", "/payment_method/bank_account/ru/bik"),
            place("confirm_before", "/confirm_before"),
            place("currency", "/amount_details/currency"),
            place("metadata", "/metadata"),
            place("payout_id", "/payout_id"),
            place("wallet", "/payment_method"),
        ]
    );
}

#[test]
fn an_amount_is_digits_only_and_nothing_is_guessed() {
    for bad in ["100.00", "100,00", "1 000", "1\u{a0}000", "-1", "+1", "1e3", "0x10", "0"] {
        let found = wrong(GOOD[0], &[("amount", bad)]);
        assert_eq!(found, [place("amount", "/amount_details/amount")], "{bad}");
    }
    let too_large = wrong(GOOD[0], &[("amount", "9223372036854775808")]);
    assert_eq!(too_large, [place("amount", "/amount_details/amount")]);
    let largest = row(GOOD[0], &[("amount", "9223372036854775807")]).expect("good");
    assert_eq!(largest.create().money.amount, i64::MAX);
}

#[test]
fn numbers_that_a_spreadsheet_rewrote_are_recognised_and_tokens_are_not_taken_for_them() {
    for rewritten in ["4,07E+19", "4.07028E+19", "4E+19", "-7.9e+10"] {
        assert!(is_rewritten(rewritten), "{rewritten}");
        let flaws = row(GOOD[4], &[("phone", rewritten)]).err().expect("refused");
        assert!(flaws[0].violation.problem.contains("format the column as text"));
        assert_eq!(wrong(GOOD[0], &[("full_name", rewritten)]), [], "a name may be odd");
    }
    for kept in
        ["63191e17", "4E19", "E+1", "+79680000000", "40702810500000000001", "1.5", "p-2E-17"]
    {
        assert!(!is_rewritten(kept), "{kept}");
    }
}

#[test]
fn an_open_card_is_told_by_the_column_that_holds_it() {
    let hash = "/payment_method/card/encrypted_card/number_hash";
    let found = wrong(GOOD[0], &[("card_hash", "2200240123454940")]);
    assert_eq!(found, [place("card_hash", hash)]);
    let token = "/payment_method/card/tokenized_card/token";
    let found = wrong(GOOD[1], &[("card_token", "2200 2401 2345 4940")]);
    assert_eq!(found, [place("card_token", token)]);
}

#[test]
fn a_card_from_the_settlement_account_is_told_by_the_column_of_the_account() {
    let changed = [("account", "settlement"), ("sender_account", "40702810300200000013")];
    assert_eq!(wrong(GOOD[0], &changed), [place("account", "/account")]);
    assert_eq!(wrong(GOOD[2], &changed), []);
}

#[test]
fn a_misspelt_account_is_told_and_nothing_that_depends_on_it() {
    let changed = [("account", "settlment"), ("account_number", "40701810500000000001")];
    assert_eq!(wrong(GOOD[3], &changed), [place("account", "/account")]);
}

#[test]
fn an_unknown_method_is_told_with_those_that_there_are_and_its_cells_are_let_be() {
    let flaws = row(GOOD[1], &[("method", "cash")]).err().expect("refused");
    let told: Vec<_> = flaws.iter().map(Flaw::to_string).collect();
    assert_eq!(
        told,
        [", column method: must be one of card_hash, card_token, account_token, account_number, \
          fps, yoomoney"]
    );
}

#[test]
fn metadata_is_json_if_it_begins_like_it_and_text_otherwise() {
    let metadata = |text| {
        let good = row(GOOD[0], &[("metadata", text)]).expect("good");
        good.create().metadata().expect("given").text().to_owned()
    };
    assert_eq!(metadata("order 17"), r#""order 17""#);
    assert_eq!(metadata("0017"), r#""0017""#);
    assert_eq!(metadata("17"), r#""17""#);
    assert_eq!(metadata("null"), r#""null""#);
    assert_eq!(metadata(r#""17""#), r#""17""#);
    assert_eq!(metadata(" {\"n\": 1.50,\n \"a\": [ ]} "), "{\"n\": 1.50,\n \"a\": [ ]}");
    assert_eq!(metadata("[1, 2]"), "[1, 2]");
    for bad in ["{oops", "[urgent] order", r#"{"a":1,"a":2}"#, "two\nlines"] {
        assert_eq!(wrong(GOOD[0], &[("metadata", bad)]), [place("metadata", "/metadata")], "{bad}");
    }
}

#[test]
fn text_that_is_not_utf_8_is_told_by_its_column() {
    // Windows-1251, as spreadsheets of Russian locale write it unless told otherwise.
    let name: &[u8] = b"\xc8\xe2\xe0\xed\xee\xe2";
    let cells = COMMON.iter().chain(GOOD[0]).map(|(column, cell)| (*column, cell.as_bytes()));
    let flaws = command(cells.chain([("full_name", name)])).err().expect("refused");
    assert_eq!(flaws.len(), 1);
    assert_eq!(flaws[0].column.as_deref(), Some("full_name"));
    assert!(flaws[0].violation.problem.contains("CSV in UTF-8"));
}

#[test]
fn no_problem_repeats_what_is_in_a_cell() {
    let secret = "4,0702810E+19";
    for column in ["account_number", "payout_id", "amount", "method", "wallet", "bik", "metadata"] {
        let cell = if column == "metadata" { format!("{{{secret}") } else { secret.to_owned() };
        let flaws = row(GOOD[3], &[(column, &cell)]).err().expect("refused");
        let told: String = flaws.iter().map(Flaw::to_string).collect();
        assert!(!told.contains("0702810"), "{told}");
    }
}
