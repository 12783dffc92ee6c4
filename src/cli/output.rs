//! How things are shown: to people in colours on a terminal, to machines as JSON lines.

use std::io::{IsTerminal, Write};

use crate::domain::payout::{Payout, State};

/// Colours only where somebody sees them; `NO_COLOR` (no-color.org) switches them off.
pub(super) fn in_colour() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none()
}

/// The state's name, padded to `width` and coloured by what it means for the money.
pub(super) fn state(state: State, width: usize) -> String {
    let name = format!("{state:width$}");
    let colour = match state {
        State::Succeeded => 32,
        State::Failed => 31,
        State::Cancelled | State::Rejected => 33,
        State::Held => 35,
        State::Stub
        | State::Creating
        | State::Initiating
        | State::Bound
        | State::Started
        | State::Confirming
        | State::Cancelling
        | State::Confirmed => 36,
    };
    if in_colour() { format!("\x1b[{colour}m{name}\x1b[0m") } else { name }
}

/// What is to be paid; a dash while that is not known.
pub(super) fn amount(payout: &Payout) -> String {
    let money = payout.command.create().map(|command| command.money.to_string());
    money.unwrap_or_else(|| "–".into())
}

/// A line on standard output. `false`: nobody reads any more (the pipe was closed).
pub(super) fn line(text: &str) -> bool {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).is_ok()
}

/// A value as one line of JSON on standard output.
pub(super) fn json(value: &impl serde::Serialize) -> bool {
    line(&serde_json::to_string(value).expect("what is shown is plain data"))
}
