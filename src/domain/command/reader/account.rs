//! Bank accounts: by token, by open number, and by phone through the Faster Payments System.
//!
//! The bank's pages on payouts by bank account number say which accounts it pays to. The key digit
//! inside a number is not computed: one of the bank's own examples has a wrong one.

use serde_json::Value;

use super::super::Account;
use super::Reader;
use super::method::Terms;

const AT: &str = "/payment_method/bank_account";

/// What account numbers begin with that a collateral account pays to.
const FROM_COLLATERAL: [&str; 11] = [
    "40817810", "42301810", "42302810", "42303810", "42304810", "42305810", "42306810", "42307810",
    "40802810", "40820810", "40702810",
];

/// What account numbers begin with that a settlement account pays to.
const FROM_SETTLEMENT: [&str; 12] = [
    "40817810", "42301810", "42302810", "42303810", "42304810", "42305810", "42306810", "42307810",
    "40802810", "40701810", "40502810", "40702810",
];

/// What account numbers begin with that the bank pays to from one account or the other.
fn from_any() -> Vec<&'static str> {
    let more = FROM_SETTLEMENT.into_iter().filter(|prefix| !FROM_COLLATERAL.contains(prefix));
    FROM_COLLATERAL.into_iter().chain(more).collect()
}

impl Reader<'_> {
    pub(super) fn bank_account(&mut self, account: &Value, terms: Terms<'_>) {
        match account["system_type"].as_str() {
            Some("ru") => self.russian_account(&account["ru"], terms.account),
            Some("faster_payment_system") => {
                self.faster_payment(account, terms);
            }
            Some(_) => {}
            None => self.refuse(&format!("{AT}/system_type"), "must be a string, such as \"ru\""),
        }
    }

    fn russian_account(&mut self, ru: &Value, account: Option<Account>) {
        let at = format!("{AT}/ru");
        self.filled(ru, &at, &["full_name"]);
        self.filled(ru, &at, &["description"]);
        match (ru["token"].is_null(), ru["account"].is_null()) {
            (true, true) => self.refuse(
                &format!("{at}/token"),
                "is missing: give the account's token, or its bik and account",
            ),
            (false, false) => self.refuse(
                &format!("{at}/token"),
                "must be left out beside account: the two could be different accounts",
            ),
            (false, true) => {
                self.filled(ru, &at, &["token"]);
                self.digits_if_given(&ru["bik"], &format!("{at}/bik"), &[9], "9 digits");
            }
            (true, false) => {
                self.digits(&ru["bik"], &format!("{at}/bik"), &[9], "9 digits");
                self.account_number(&ru["account"], &format!("{at}/account"), account);
            }
        }
        self.taxpayer(ru, &at);
    }

    fn account_number(&mut self, number: &Value, pointer: &str, account: Option<Account>) {
        let before = self.violations.len();
        self.digits(number, pointer, &[20], "20 digits");
        let (whence, payable) = match account {
            Some(Account::Collateral) => ("from a collateral account ", FROM_COLLATERAL.to_vec()),
            Some(Account::Settlement) => ("from a settlement account ", FROM_SETTLEMENT.to_vec()),
            None => ("", from_any()),
        };
        let begins = |prefix: &&str| number.as_str().is_some_and(|text| text.starts_with(prefix));
        if self.violations.len() == before && !payable.iter().any(begins) {
            let list = payable.join(", ");
            let problem =
                format!("must begin with one of {list}: {whence}the bank pays to no other");
            self.refuse(pointer, problem);
        }
    }

    fn taxpayer(&mut self, ru: &Value, at: &str) {
        self.digits_if_given(&ru["inn"], &format!("{at}/inn"), &[10, 12], "10 or 12 digits");
        self.digits_if_given(&ru["kpp"], &format!("{at}/kpp"), &[9], "9 digits");
        let firm = ru["inn"].as_str().is_some_and(|inn| inn.len() == 10);
        if !ru["kpp"].is_null() && !firm {
            let problem = "goes with an inn of 10 digits only: those of legal entities";
            self.refuse_too(&format!("{at}/kpp"), problem);
        }
    }

    fn faster_payment(&mut self, account: &Value, terms: Terms<'_>) {
        let at = format!("{AT}/faster_payment_system");
        let details = &account["faster_payment_system"];
        let phone = "11 digits without a plus sign, such as 70000000000";
        self.digits(&details["phone"], &format!("{at}/phone"), &[11], phone);
        let bank = details["bank_id"].as_str().unwrap_or_default();
        if bank.is_empty() || !bank.bytes().all(|b| b.is_ascii_digit()) {
            let problem = "must be the recipient's bank in the system, as text of digits";
            self.refuse(&format!("{at}/bank_id"), problem);
        }
        self.filled(details, &at, &["description"]);
        self.roubles_only(terms, "the Faster Payments System");
    }
}
