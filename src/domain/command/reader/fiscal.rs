//! What goes on the receipt of a payout to somebody self-employed.
//!
//! Whether the sums on it fit the payout is between the business, the bank and the tax service.

use serde::Deserialize;
use serde_json::Value;

use super::super::super::money::Money;
use super::super::Account;
use super::Reader;

const AT: &str = "/fiscalization_details/professional_income_taxpayer";

impl Reader<'_> {
    pub(in super::super) fn receipt(&mut self, account: Option<Account>) {
        let Some(raw) = self.present("fiscalization_details") else { return };
        if account == Some(Account::Settlement) {
            let problem = "must be \"collateral\": no other account pays with a receipt";
            self.refuse_too("/account", problem);
        }
        let details: Value = raw.read().unwrap_or_default();
        let taxpayer = &details["professional_income_taxpayer"];
        if !taxpayer.is_object() {
            self.refuse(AT, "is missing: an object that says who is paid for what");
            return;
        }
        let recipient = "12 digits, the recipient's tax number";
        self.digits(&taxpayer["tax_reference"], &format!("{AT}/tax_reference"), &[12], recipient);
        let payer = &taxpayer["payer_tax_number"];
        let (pointer, what) = (format!("{AT}/payer_tax_number"), "10 or 12 digits");
        if taxpayer["payer_type"] == "legal" {
            self.digits(payer, &pointer, &[10, 12], what);
        } else {
            self.digits_if_given(payer, &pointer, &[10, 12], what);
        }
        self.services(&taxpayer["services"]);
    }

    fn services(&mut self, services: &Value) {
        let listed = services.as_array().map(Vec::as_slice).unwrap_or_default();
        if listed.is_empty() {
            self.refuse(&format!("{AT}/services"), "must list at least one service");
        }
        for (n, service) in listed.iter().enumerate() {
            let at = format!("{AT}/services/{n}");
            self.filled(service, &at, &["name"]);
            let money = Money::deserialize(&service["amount_details"]);
            if !money.is_ok_and(|money| money.amount > 0) {
                let problem = "must hold an amount of minor units above 0 and a currency";
                self.refuse(&format!("{at}/amount_details"), problem);
            }
        }
    }
}
