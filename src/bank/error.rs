//! The bank's error codes, sorted by what the caller does next.
//!
//! The bank says that its codes change without notice: a code that is not listed here is an
//! outcome nobody knows, and never taken for a refusal.

/// What an error code means for the call that got it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// Nothing was done, and the same request would be refused again: the request is wrong, this
    /// payout cannot be made, or the time to confirm it has run out.
    Refused,
    /// Nothing was done: the bank does not know us, whatever the payout. Our keys or our project's
    /// name must be mended.
    Misconfigured,
    /// Nothing was done: the bank knows us, and our project may not do this.
    Forbidden,
    /// The idempotency key was used before; what became of that request is not said.
    KeyUsed,
    /// Something broke at the bank or behind it, before, during or after the effect.
    Unknown,
}

/// Every code that the bank's pages name.
pub(super) const CODES: [(Class, &[&str]); 5] = [
    (
        Class::Refused,
        &[
            "invalid_request",
            "account_not_found",
            "activity_count_exceeded",
            "amount_less_allowed_provider",
            "bank_card_expired",
            "card_number_does_not_exist",
            "provider_exceeds_amount_limit",
            "provider_foreign_transfer_prohibited",
            "taxpayer_income_exceeds_amount_limit",
            "taxpayer_not_bound",
            "taxpayer_unknown",
            "confirm_timeout",
        ],
    ),
    (Class::Misconfigured, &["authentication_error", "identification_error"]),
    (Class::Forbidden, &["authorization_error"]),
    (Class::KeyUsed, &["idempotency_key_already_exists"]),
    (
        Class::Unknown,
        &[
            "internal_error",
            "provider_internal_error",
            "provider_issuer_unavailable",
            "provider_timeout",
        ],
    ),
];

/// The class of a code, spelled exactly so.
pub(super) fn classify(code: &str) -> Class {
    let listed = CODES.iter().find(|(_, codes)| codes.contains(&code));
    listed.map_or(Class::Unknown, |(class, _)| *class)
}
