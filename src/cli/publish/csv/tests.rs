//! CSV files, good and bad, as `publish` reads them.

use serde_json::{Value, json};

use super::super::TEMPLATE;
use super::super::rows::{Format, Rows};
use super::*;

const HASH: &str = "63191fa17cc7edf818ee5d6611a2c2169ab30b705111cffd710af39880deef09";

fn rows(format: Format, text: impl AsRef<[u8]>) -> Vec<Row> {
    let mut rows = Rows::new(format, text.as_ref()).expect("readable");
    std::iter::from_fn(|| rows.next().expect("readable")).collect()
}

/// The commands, all of which have to be good.
fn commands(text: &str) -> Vec<Value> {
    let command = |row: Row| {
        let flaws = |flaws: Vec<Flaw>| flaws.iter().map(Flaw::to_string).collect::<String>();
        let good = row.command.map_err(flaws).expect("good");
        serde_json::from_slice(&good.body).expect("JSON")
    };
    rows(Format::Csv, text).into_iter().map(command).collect()
}

/// What is told of a bad file, line by line.
fn told(text: impl AsRef<[u8]>) -> Vec<String> {
    let mut told = Vec::new();
    for row in rows(Format::Csv, text) {
        let flaws = row.command.err().into_iter().flatten();
        told.extend(flaws.map(|flaw| format!("line {}{flaw}", row.line)));
    }
    told
}

#[test]
fn the_example_in_csv_says_the_very_same_as_the_one_in_json() {
    let canonical = |row: Row| row.command.expect("good").create().canonical();
    let csv = include_str!("../../../../deploy/examples/payouts.csv");
    let json = include_str!("../../../../deploy/examples/payouts.jsonl");
    let csv: Vec<_> = rows(Format::Csv, csv).into_iter().map(canonical).collect();
    let json: Vec<_> = rows(Format::Jsonl, json).into_iter().map(canonical).collect();
    assert_eq!(csv, json);
}

#[test]
fn the_template_has_every_column_and_a_good_example_of_every_method() {
    let header = TEMPLATE.lines().next().expect("a first line");
    assert_eq!(header.split(',').collect::<Vec<_>>(), COLUMNS);
    let methods: Vec<_> =
        commands(TEMPLATE).into_iter().map(|command| command["payment_method"].clone()).collect();
    assert_eq!(
        methods,
        [
            json!({"type": "card", "card": {
                "type": "encrypted_card", "encrypted_card": {"number_hash": HASH}}}),
            json!({"type": "card", "card": {"type": "tokenized_card",
                "tokenized_card": {"token": "a1b2c3d4e5f60718293a4b5c6d7e8f90"}}}),
            json!({"type": "bank_account", "bank_account": {"system_type": "ru", "ru": {
                "token": "3f03ee2580046153bb0aa859558e7ada10d3835270fdb4c4b70961239d37f31d",
                "full_name": "Vector LLC",
                "description": "Agreement 7, December 2025. VAT exempt"}}}),
            json!({"type": "bank_account", "bank_account": {"system_type": "ru", "ru": {
                "account": "40702810500000000001", "bik": "044525974",
                "inn": "1111111111", "kpp": "156605101", "full_name": "Vector LLC",
                "description": "Agreement 8, December 2025. VAT exempt"}}}),
            json!({"type": "bank_account", "bank_account": {
                "system_type": "faster_payment_system",
                "faster_payment_system": {"phone": "79680000000", "bank_id": "100000000069",
                    "description": "Agreement 9. VAT exempt"}}}),
            json!({"type": "wallet", "wallet": {
                "type": "yoomoney", "yoomoney": {"account": "410012411727100"}}}),
        ]
    );
}

#[test]
fn fields_beside_the_method_go_where_the_documentation_has_them() {
    let header = "payout_id,amount,currency,method,card_hash,full_name,account,sender_account,\
                  expected_last4,expected_bin,confirm_before,issued_at,flow,metadata";
    let row = format!(
        "p-1,10000,rub,card_hash,{HASH},Иванов Иван,collateral,40702810300200000013,4940,220024,\
         2026-11-21T18:00:00Z,2026-11-21T12:00:00Z,two_step,\"{{\"\"n\"\": 1.50}}\""
    );
    let expected = json!({
        "type": "payout.create",
        "payout_id": "p-1",
        "account": "collateral",
        "amount_details": {"amount": 10000, "currency": "rub"},
        "payment_method": {"type": "card", "card": {
            "type": "encrypted_card", "encrypted_card": {"number_hash": HASH}}},
        "participant_details": {
            "recipient": {"full_name": "Иванов Иван"},
            "sender": {"account": "40702810300200000013"}},
        "expected": {"last4": "4940", "bin": "220024"},
        "confirm_before": "2026-11-21T18:00:00Z",
        "issued_at": "2026-11-21T12:00:00Z",
        "flow": "two_step",
        "metadata": {"n": 1.5},
    });
    assert_eq!(commands(&format!("{header}\n{row}\n")), [expected]);
    let kept = rows(Format::Csv, format!("{header}\n{row}\n")).remove(0).command.expect("good");
    assert_eq!(kept.create().metadata().map(|raw| raw.text()), Some(r#"{"n": 1.50}"#));
}

#[test]
fn what_spreadsheets_write_is_read() {
    let plain =
        format!("payout_id,amount,currency,method,card_hash\np-1,10000,rub,card_hash,{HASH}\n");
    let expected = commands(&plain);
    let semicolons = plain.replace(',', ";").replace('\n', "\r\n");
    let marked = format!("\u{feff}{semicolons};;;;\r\n\r\n");
    let spaced = plain.replace(',', " , ").replace("rub", "\u{a0}rub\u{a0}");
    let quoted = plain.replace("p-1", "\"p-1\"").replace("10000", "\"10000\"");
    for text in [semicolons, marked, spaced, quoted] {
        assert_eq!(commands(&text), expected, "{text}");
    }
}

#[test]
fn a_header_is_refused_with_everything_that_is_wrong_with_it_and_nothing_else_is_read() {
    let text = "payout_id,amounts,currency,,4070281030,currency\np-1,1,rub,,,\n";
    let listed = "payoutd publish --template shows all columns";
    assert_eq!(
        told(text),
        [
            "line 1, column amounts: is not known: did you mean amount?".to_owned(),
            format!("line 1: the row names a column that is not known, number 4: {listed}"),
            format!("line 1: the row names a column that is not known, number 5: {listed}"),
            "line 1, column currency: occurs twice".into(),
            "line 1, column amount: is missing: every payout needs it".into(),
            "line 1, column method: is missing: every payout needs it".into(),
        ]
    );
    let empty = "line 1: the row is empty: the first line has to name the columns";
    assert_eq!(told(""), [empty]);
    assert_eq!(told("\n\n"), [empty]);
    let tabs = "line 1: the row is divided by neither commas nor semicolons: save the file with one of them";
    assert_eq!(told("payout_id\tamount\np-1\t1\n"), [tabs]);
    let wide: Vec<u8> = "payout_id,amount\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let wide = [&[0xff, 0xfe], &wide[..]].concat();
    assert_eq!(
        told(wide),
        ["line 1: the row is UTF-16, by the look of it: save the file as \"CSV UTF-8\""]
    );
}

/// A line break that got lost puts the first row's account behind the last column's name.
#[test]
fn a_column_that_ends_in_somebodys_account_is_not_repeated() {
    let told = told("payout_id,amount,currency,method40817810099910004312\n").join("\n");
    assert!(told.contains("names a column that is not known, number 4"), "{told}");
    assert!(!told.contains("40817810099910004312"), "{told}");
}

#[test]
fn a_row_that_does_not_fit_the_header_is_refused_by_its_line() {
    let header = "payout_id,amount,currency,method,wallet";
    let wrong = |cells, line| {
        format!(
            "line {line}: the row has {cells} cells where the header names 5 columns: a cell that \
             holds the delimiter or a quote has to be quoted"
        )
    };
    let text = format!("{header}\n\np-1,1,rub,yoomoney\np-2,1,rub,yoomoney,41001,more\n");
    assert_eq!(told(text), [wrong(4, 3), wrong(6, 4)]);
}

#[test]
fn a_quote_left_open_is_told_where_it_begins_and_publishes_nothing_of_what_it_takes_in() {
    let header = "payout_id,amount,currency,method,wallet,full_name";
    let row = |id: &str, name: &str| format!("{id},1,rub,yoomoney,410012411727100,{name}\n");
    let text = format!("{header}\n{}{}", row("p-1", "\"Ivanov"), row("p-2", "Petrov\""));
    let lines = rows(Format::Csv, &text);
    assert!(lines.iter().all(|row| row.command.is_err()), "{:?}", told(&text));
    assert_eq!(
        told(&text),
        [
            "line 2, column full_name: holds a line break: take it out, or close the quote that was left \
          open"
        ]
    );
    let text = format!("{header}\n{}{}", row("p-1", "\"Ivanov"), row("p-2", "\"Petrov"));
    let behind = "line 2: the row has text behind the quote that closes a cell: write a quote inside \
                  a quoted cell twice, or close the one that was left open";
    assert_eq!(told(&text), [behind]);
    let many = row("p-2", "Petrov").repeat(5000);
    let told = told(format!("{header}\n{}{many}", row("p-1", "\"Ivanov")));
    assert_eq!(told.len(), 1);
    assert!(told[0].starts_with("line 2: the row has more than 65536 bytes"), "{told:?}");
}

/// The parser would take it for a token that nobody has written.
#[test]
fn text_behind_a_closing_quote_is_refused_by_its_line_and_not_joined() {
    let header = "payout_id,amount,currency,method,card_token";
    let row = |token: &str| format!("{header}\np-1,1,rub,card_token,{token}\n");
    for joined in ["\"ab\"cd", "\"\"abcd", "\"ab\" \"cd\"", "\"ab\"\"\"cd"] {
        let told = told(row(joined));
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].starts_with("line 2: the row has text behind the quote"), "{told:?}");
    }
    let spaced = commands(&row("\"abcd\" "));
    assert_eq!(spaced[0]["payment_method"]["card"]["tokenized_card"]["token"], "abcd");
    assert!(told(row("x").replace("payout_id", "\"payout_\"id"))[0].starts_with("line 1: the row"));
}

/// A name or description may come from the recipient.
#[test]
fn a_row_inside_a_cell_is_no_row() {
    let header = "payout_id,amount,currency,method,wallet,full_name";
    let inner = "x\np-2,900000,rub,yoomoney,410012411727101,Mallory\n";
    let text = format!("{header}\np-1,1,rub,yoomoney,410012411727100,\"{inner}\"\n");
    assert_eq!(told(&text).len(), 1);
    assert!(rows(Format::Csv, &text).iter().all(|row| row.command.is_err()));
}
