//! What a recipient can be recognised by: account, token, hash, phone, wallet, tax number, name.
//!
//! Two spellings of the same recipient give the same identifier. Never printed.

use std::fmt;

use icu_normalizer::ComposingNormalizerBorrowed;
use serde_json::Value;

use super::command::CreateCommand;
use super::open_card::is_as_long_as_a_card;
use super::session::Session;
use super::text::is_invisible;

/// One thing that a recipient is known by.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Identifier(String);

/// What an identifier is, so that equal digits of two kinds stay apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A bank account's number.
    Account,
    AccountToken,
    CardHash,
    CardToken,
    Phone,
    Wallet,
    /// A tax number (INN).
    Inn,
    /// A person's or a company's full name; letter case and spaces do not matter.
    Name,
}

impl Kind {
    pub const ALL: [Self; 8] = [
        Self::Account,
        Self::AccountToken,
        Self::CardHash,
        Self::CardToken,
        Self::Phone,
        Self::Wallet,
        Self::Inn,
        Self::Name,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::AccountToken => "account-token",
            Self::CardHash => "card-hash",
            Self::CardToken => "card-token",
            Self::Phone => "phone",
            Self::Wallet => "wallet",
            Self::Inn => "inn",
            Self::Name => "name",
        }
    }
}

impl Identifier {
    pub fn new(kind: Kind, value: &str) -> Self {
        // Numbers may be written in groups, names may not be run together.
        let between = if kind == Kind::Name { " " } else { "" };
        Self(format!("{}:{}", kind.name(), words(value, between)))
    }

    /// What is wrong with a value that no command could name a recipient by.
    pub fn check(kind: Kind, value: &str) -> Result<(), &'static str> {
        let value = words(value, "");
        let digits = |counts: &[usize]| {
            counts.contains(&value.len()) && value.bytes().all(|b| b.is_ascii_digit())
        };
        let (fits, cure) = match kind {
            Kind::Account => (digits(&[20]), "must have 20 digits"),
            Kind::Phone => (digits(&[11]), "must have 11 digits, and no plus sign"),
            Kind::Wallet => {
                (digits(&[11, 12, 13, 14, 15, 16, 17, 18, 19, 20]), "must have 11 to 20 digits")
            }
            Kind::Inn => (digits(&[10, 12]), "must have 10 or 12 digits"),
            Kind::Name => (value.contains(char::is_alphabetic), "must be a name"),
            Kind::AccountToken | Kind::CardHash | Kind::CardToken => (
                value.bytes().all(|b| b.is_ascii_graphic()) && !is_as_long_as_a_card(&value),
                "must be a hash or token of the bank's, not a number",
            ),
        };
        if fits { Ok(()) } else { Err(cure) }
    }

    pub(super) fn text(&self) -> &str {
        &self.0
    }
}

/// Whether two spellings name the same person or company: letter case and spaces do not matter.
pub(super) fn same_name(one: &str, other: &str) -> bool {
    words(one, " ") == words(other, " ")
}

fn words(text: &str, between: &str) -> String {
    // A letter and its mark may be one character or two: some keyboards and file systems part them.
    let visible: String = text.chars().filter(|char| !is_invisible(*char)).collect();
    let text = ComposingNormalizerBorrowed::new_nfc().normalize(&visible);
    text.split_whitespace().map(str::to_lowercase).collect::<Vec<_>>().join(between)
}

impl fmt::Debug for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.0.split(':').next().unwrap_or_default();
        write!(f, "<{kind}>")
    }
}

/// Where identifiers stand in a command's `payment_method`.
const METHOD_PLACES: &[(&str, Kind)] = &[
    ("/card/encrypted_card/number_hash", Kind::CardHash),
    ("/card/tokenized_card/token", Kind::CardToken),
    ("/bank_account/ru/token", Kind::AccountToken),
    ("/bank_account/ru/account", Kind::Account),
    ("/bank_account/ru/inn", Kind::Inn),
    ("/bank_account/ru/full_name", Kind::Name),
    ("/bank_account/faster_payment_system/phone", Kind::Phone),
    ("/wallet/yoomoney/account", Kind::Wallet),
];

/// Where they stand in `participant_details`.
const PARTICIPANT_PLACES: &[(&str, Kind)] = &[("/recipient/full_name", Kind::Name)];

/// Where the tax number of somebody self-employed stands in `fiscalization_details`.
const TAX_REFERENCE: &[&str] = &["professional_income_taxpayer", "tax_reference"];

/// Where they stand in the bank's `confirm_information`.
const SHOWN_PLACES: &[(&[&str], Kind)] = &[
    (&["account_details", "recipient", "account_number"], Kind::Account),
    (&["account_details", "recipient", "inn"], Kind::Inn),
    (&["account_details", "recipient", "name"], Kind::Name),
];

/// What the command names its recipient by.
pub fn identifiers(command: &CreateCommand) -> Vec<Identifier> {
    let mut found = at(METHOD_PLACES, &command.payment_method);
    found.extend(at(PARTICIPANT_PLACES, &command.participants));
    let receipt = command.field("fiscalization_details");
    let tax_reference = receipt.and_then(|receipt| receipt.at(TAX_REFERENCE).ok().flatten());
    if let Some(Ok(text)) = tax_reference.map(|raw| raw.read::<String>()) {
        found.push(Identifier::new(Kind::Inn, &text));
    }
    found
}

/// What the bank shows of the recipient, in the payout itself and in `confirm_information`. `None`:
/// there stands something that cannot be read.
pub fn shown_identifiers(session: &Session) -> Option<Vec<Identifier>> {
    let mut found = Vec::new();
    for payout in &session.payouts {
        for (places, value) in
            [(METHOD_PLACES, &payout.payment_method), (PARTICIPANT_PLACES, &payout.participants)]
        {
            for (place, kind) in places {
                match value.pointer(place) {
                    None | Some(Value::Null) => {}
                    Some(shown) => found.push(Identifier::new(*kind, shown.as_str()?)),
                }
            }
        }
    }
    if let Some(information) = &session.confirm_information {
        for (path, kind) in SHOWN_PLACES {
            if let Some(raw) = information.at(path).ok()? {
                found.push(Identifier::new(*kind, &raw.read::<String>().ok()?));
            }
        }
    }
    Some(found)
}

fn at(places: &[(&str, Kind)], value: &Value) -> Vec<Identifier> {
    let find = |(place, kind): &(&str, Kind)| {
        let text = value.pointer(place)?.as_str()?;
        Some(Identifier::new(*kind, text))
    };
    places.iter().filter_map(find).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spelling_does_not_hide_a_recipient_and_kinds_stay_apart() {
        let name = |text| Identifier::new(Kind::Name, text);
        assert_eq!(name("Ivanov  IVAN"), name(" ivanov ivan "));
        assert_ne!(name("Ivanov Ivan"), name("IvanovIvan"));
        assert_eq!(
            name("\u{419}\u{43e}\u{434}"),
            name("\u{418}\u{306}\u{43e}\u{434}"),
            "Й, И and breve"
        );
        assert_eq!(name("Iva\u{200b}nov"), name("Ivanov"), "what is not seen");
        let account = |text| Identifier::new(Kind::Account, text);
        assert_eq!(account("40817 810 1"), account("408178101"));
        assert_ne!(account("79001234567"), Identifier::new(Kind::Phone, "79001234567"));
    }

    #[test]
    fn what_no_command_could_name_is_refused_with_its_cure() {
        let fits = |kind, value| Identifier::check(kind, value).is_ok();
        for (kind, good, bad) in [
            (Kind::Account, "40817 810 0000 0000 0001", "4081781000000000001"),
            (Kind::Phone, "7 900 123 45 67", "+79001234567"),
            (Kind::Wallet, "410012411727100", "4100124117"),
            (Kind::Inn, "7743013901", "77430139011"),
            (Kind::Name, "Йод Ко", "7743013901"),
            (Kind::CardHash, "2f0d7a", "2200 2401 2345 4940"),
            (Kind::CardToken, "2f0d7a", "2200-2401-2345-4940"),
            (Kind::AccountToken, "2f0d7a", "тест"),
        ] {
            assert!(fits(kind, good), "{kind:?}");
            assert!(!fits(kind, bad), "{kind:?}");
        }
    }

    #[test]
    fn an_identifier_is_never_printed() {
        let shown = format!("{:?}", Identifier::new(Kind::Phone, "79001234567"));
        assert_eq!(shown, "<phone>");
    }
}
