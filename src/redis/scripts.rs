//! The scripts that run inside the server.
//!
//! Each touches only the keys it is given, all of one slot.

use std::sync::LazyLock;

use ::redis::Script;

use crate::store::LOST;

macro_rules! scripts {
    ($($(#[$doc:meta])* $name:ident = $file:literal;)*) => {
        $($(#[$doc])* pub(super) static $name: LazyLock<Script> =
            LazyLock::new(|| Script::new(&whole(include_str!($file))));)*

        /// All of them, to be loaded on a new connection.
        pub(super) fn all() -> [&'static Script; [$($file),*].len()] {
            [$(&$name),*]
        }
    };
}

/// A script with what several of them share.
fn whole(script: &str) -> String {
    let shared = include_str!("standing.lua").replace("@LOST", LOST);
    script.replace("--@standing.lua\n", &shared)
}

scripts! {
    /// A write.
    RECORD = "record.lua";
    LOAD = "load.lua";
    /// A session's payout.
    SESSION = "session.lua";
    FENCE = "fence.lua";
    OVERDUE = "overdue.lua";
    /// A page of a list.
    PAGE = "page.lua";
    /// Every command that the others use.
    REHEARSE = "rehearse.lua";
}
