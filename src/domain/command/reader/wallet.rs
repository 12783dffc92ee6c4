//! Wallets: YooMoney's. Other kinds pass.

use serde_json::Value;

use super::super::Account;
use super::Reader;
use super::method::Terms;

/// Shortest and longest wallet number.
const LENGTHS: [usize; 10] = [11, 12, 13, 14, 15, 16, 17, 18, 19, 20];

impl Reader<'_> {
    pub(super) fn wallet(&mut self, wallet: &Value, terms: Terms<'_>) {
        let at = "/payment_method/wallet";
        match wallet["type"].as_str() {
            Some("yoomoney") => {
                let pointer = format!("{at}/yoomoney/account");
                self.digits(&wallet["yoomoney"]["account"], &pointer, &LENGTHS, "11 to 20 digits");
                self.roubles_only(terms, "a YooMoney wallet");
                if terms.account == Some(Account::Settlement) {
                    let problem = "must be \"collateral\": no other account pays to wallets";
                    self.refuse("/account", problem);
                }
            }
            Some(_) => {}
            None => self.refuse(&format!("{at}/type"), "must be a string, such as \"yoomoney\""),
        }
    }
}
