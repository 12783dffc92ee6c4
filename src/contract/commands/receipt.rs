//! The receipt for somebody self-employed.

use schemars::JsonSchema;
use serde_json::Value;

use super::AmountDetails;
use super::payment_method::Filled;

/// What the receipt needs that the bank issues to a recipient who is self-employed. Paid from the
/// collateral account only.
#[derive(JsonSchema)]
pub struct FiscalizationDetails {
    pub professional_income_taxpayer: Taxpayer,
}

/// Who is paid, by whom and for what.
#[derive(JsonSchema)]
#[schemars(extend(
    "if" = {"properties": {"payer_type": {"const": "legal"}}, "required": ["payer_type"]},
    "then" = {"properties": {"payer_tax_number": {"type": "string"}},
              "required": ["payer_tax_number"]},
))]
pub struct Taxpayer {
    /// The recipient's tax number.
    #[schemars(extend("pattern" = "^[0-9]{12}$"))]
    pub tax_reference: String,
    /// With `legal`, `payer_tax_number` has to be there.
    pub payer_type: Option<Value>,
    #[schemars(extend("pattern" = "^([0-9]{10}|[0-9]{12})$"))]
    pub payer_tax_number: Option<String>,
    #[schemars(length(min = 1))]
    pub services: Vec<Service>,
}

/// What is paid for.
#[derive(JsonSchema)]
pub struct Service {
    pub name: Filled,
    pub amount_details: AmountDetails,
}
