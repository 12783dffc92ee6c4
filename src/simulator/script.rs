//! What the amount asks the simulator to do: the table in the simulator's own documentation.
//!
//! Only the last two digits of the amount in minor units count, so `10004` is 100.04 with script 04.

/// How a payout runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Script {
    Normal,
    RefusedAtStart,
    FailsAfterConfirm,
    FailsBeforeReady,
    OtherAmount,
    OtherRecipient,
    TwoPayouts,
    ErrorThenSucceeds,
    NeverFinishes,
    OtherCurrency,
    OtherMethod,
    NeverReady,
    OtherSender,
    InformationNotInWebhook,
    InformationChanges,
    StaysInError,
}

impl Script {
    pub(super) fn of_amount(amount: i64) -> Self {
        match amount.rem_euclid(100) {
            1 => Self::RefusedAtStart,
            2 => Self::FailsAfterConfirm,
            3 => Self::FailsBeforeReady,
            4 => Self::OtherAmount,
            5 => Self::OtherRecipient,
            6 => Self::TwoPayouts,
            7 => Self::ErrorThenSucceeds,
            8 => Self::NeverFinishes,
            9 => Self::OtherCurrency,
            10 => Self::OtherMethod,
            11 => Self::NeverReady,
            12 => Self::OtherSender,
            13 => Self::InformationNotInWebhook,
            14 => Self::InformationChanges,
            15 => Self::StaysInError,
            _ => Self::Normal,
        }
    }
}
