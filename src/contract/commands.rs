//! Commands, as the contract describes them.
//!
//! Says what the reader takes, as far as a schema can: what it cannot say, such as the size of the
//! whole message, stands in the descriptions. Fields that are not described are passed to the bank.
//! A field that may be left out may be `null` too.

mod open_cards;
mod payment_method;
mod receipt;
mod terms;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;

use super::{generator, schema_of};
use crate::domain::command::{COMMAND_BYTES_MAX, REASON_CHARS_MAX, SESSION_ID_CHARS_MAX};
use crate::domain::id::PAYOUT_ID_CHARS_MAX;
use crate::domain::json::DEPTH_MAX;
use open_cards::WithoutOpenCard;
use payment_method::PaymentMethod;
use receipt::FiscalizationDetails;

/// One command, told apart by its `type`.
#[derive(JsonSchema)]
#[schemars(untagged, title = "Commands to payoutd")]
pub enum Command {
    Create(Box<PayoutCreate>),
    Cancel(PayoutCancel),
    Approve(PayoutApprove),
    Reject(PayoutReject),
    Release(PayoutRelease),
    Adopt(PayoutAdopt),
}

/// Pay this amount to this recipient. Fields that are not described here travel to the bank
/// untouched. Open cards are refused wherever they stand, outside `metadata`: an object called
/// `bank_card`, and 13 to 19 digits under a name that has `card` in it, or `pan` as a word, or is
/// `number`, `number_hash` or `token`.
#[derive(JsonSchema)]
#[schemars(
    transform = open_cards::refuse,
    transform = terms::demand,
    transform = refuse_foreign_fields
)]
pub struct PayoutCreate {
    #[serde(rename = "type")]
    #[schemars(extend("const" = "payout.create"))]
    pub kind: String,
    pub payout_id: PayoutId,
    /// The account that pays. `collateral` unless given; `settlement` uses the bank's `/rko` calls.
    pub account: Option<Account>,
    pub payment_method: PaymentMethod,
    pub amount_details: AmountDetails,
    pub participant_details: Option<ParticipantDetails>,
    /// How the payout is started. Without it the configuration decides.
    pub flow: Option<Flow>,
    pub fiscalization_details: Option<FiscalizationDetails>,
    /// As the bank documents it, and judged by the bank.
    pub customer: Option<Value>,
    pub expected: Option<Expected>,
    /// When the command was written, RFC 3339. Refused if it is longer ago than payouts are
    /// remembered, or more than a day ahead.
    #[schemars(extend("format" = "date-time"))]
    pub issued_at: Option<String>,
    /// RFC 3339. Not started, and not confirmed, after this time.
    #[schemars(extend("format" = "date-time"))]
    pub confirm_before: Option<String>,
    /// The caller's own, any JSON: it comes back in every event of the payout.
    pub metadata: Option<Value>,
}

/// The caller's name for the payout, and its idempotency key.
#[derive(JsonSchema)]
#[schemars(extend(
    "minLength" = 1,
    "maxLength" = PAYOUT_ID_CHARS_MAX,
    "pattern" = "^[A-Za-z0-9._:-]+$"
))]
pub struct PayoutId(pub String);

/// Which of the business's accounts at the bank pays.
#[derive(JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Account {
    Collateral,
    Settlement,
}

/// `two_step` opens a session and starts the payout in it. `one_request` does both in one call,
/// which is never repeated when its outcome is not known.
#[derive(JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Flow {
    TwoStep,
    OneRequest,
}

/// How much.
#[derive(JsonSchema)]
pub struct AmountDetails {
    /// In minor units: 10000 is 100.00.
    #[schemars(range(min = 1, max = i64::MAX))]
    pub amount: i64,
    pub currency: Currency,
}

/// Three letters, such as `rub`, in upper or lower case.
#[derive(JsonSchema)]
#[schemars(extend("pattern" = "^[A-Za-z]{3}$"))]
pub struct Currency(pub String);

/// Who pays and who is paid, as the bank documents it. What the bank shows of these has to agree.
#[derive(JsonSchema)]
pub struct ParticipantDetails {
    pub recipient: Option<Recipient>,
    pub sender: Option<Sender>,
}

/// Who is paid.
#[derive(JsonSchema)]
pub struct Recipient {
    pub full_name: Option<String>,
}

/// Who pays.
#[derive(JsonSchema)]
pub struct Sender {
    pub full_name: Option<String>,
    /// The settlement account that pays, 20 digits. Has to be there with `account: settlement`.
    pub account: Option<String>,
}

/// Digits that the bank has to show before it is told to pay: for cards known by a hash only.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    #[schemars(regex(pattern = "^[0-9]{4}$"))]
    pub last4: Option<String>,
    #[schemars(regex(pattern = "^[0-9]{6,8}$"))]
    pub bin: Option<String>,
}

macro_rules! short_command {
    ($(#[$doc:meta])* $name:ident, $kind:literal $(, $field:ident: $type:ty)?) => {
        $(#[$doc])*
        #[derive(JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            #[serde(rename = "type")]
            #[schemars(extend("const" = $kind))]
            pub kind: String,
            pub payout_id: PayoutId,
            $(pub $field: $type,)?
            pub reason: Reason,
        }
    };
}

short_command! {
    /// Do not make this payout. Before it is started nothing is sent; before it is confirmed it is
    /// cancelled at the bank; later the command is refused.
    PayoutCancel, "payout.cancel"
}

short_command! {
    /// Make this payout, which is held for approval.
    PayoutApprove, "payout.approve"
}

short_command! {
    /// Do not make this payout, which is held for approval or needs attention.
    PayoutReject, "payout.reject"
}

short_command! {
    /// Carry on with this payout, which needed attention.
    PayoutRelease, "payout.release"
}

short_command! {
    /// Take this session for the payout's, which needs attention. The bank is asked: its session has to
    /// carry the payout's id, and to be the only one in which something was or may be paid. The
    /// attention stays until a release or a rejection.
    PayoutAdopt, "payout.adopt", session_id: SessionId
}

/// The bank's id of a session.
#[derive(JsonSchema)]
#[schemars(extend(
    "minLength" = 1,
    "maxLength" = SESSION_ID_CHARS_MAX,
    "pattern" = "^[A-Za-z0-9._:-]+$"
))]
pub struct SessionId(pub String);

/// Why, in one line of plain text: it is kept, and told in the events. No control characters, and none
/// that break a line, are invisible, or turn the direction of writing.
#[derive(JsonSchema)]
#[schemars(extend(
    "minLength" = 1,
    "maxLength" = REASON_CHARS_MAX,
    "pattern" = concat!(
        r"^[^\u0000-\u001F\u007F-\u009F\u200B-\u200F",
        r"\u2028-\u202E\u2060-\u2069\uFEFF]*$"
    ),
    "allOf" = [{"pattern": r"\S"}]
))]
pub struct Reason(pub String);

/// Adds the names that must not occur.
fn refuse_foreign_fields(schema: &mut schemars::Schema) {
    let session = "must be left out: payoutd opens the session";
    let other_name = "must be left out: say payment_method";
    let names = [
        ("session_id", session),
        ("payments", other_name),
        ("payout_details", other_name),
        ("payout_list", other_name),
    ];
    let properties = schema.get_mut("properties").and_then(Value::as_object_mut);
    let properties = properties.expect("a struct has properties");
    for (name, why) in names {
        let refused = serde_json::json!({"not": {}, "description": why});
        properties.insert(name.to_owned(), refused);
    }
}

/// The JSON Schema of every command.
pub fn schema() -> Value {
    let mut generator = generator(SchemaSettings::draft2020_12());
    // Only rules that are added by hand refer to it.
    generator.subschema_for::<WithoutOpenCard>();
    let mut schema = schema_of::<Command>(generator);
    let bounds = format!(
        "A command is one JSON object in UTF-8, at most {COMMAND_BYTES_MAX} bytes, nested at most \
         {DEPTH_MAX} levels deep. No key may occur twice in an object, and an amount has to be \
         spelled without a point and without an exponent."
    );
    schema.insert("description".into(), bounds.into());
    schema.to_value()
}
