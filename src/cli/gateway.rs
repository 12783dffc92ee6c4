//! The gateway as settings name it: its keys, its door, and a client of the bank of its own, so
//! that what a site asks never waits behind payouts, nor they behind it.

use std::fs;

use secrecy::SecretString;
use tokio::net::TcpListener;

use crate::config::{Config, ConfigError};
use crate::roles::gateway::Gateway;
use crate::roles::gateway::keys::Keys;
use crate::roles::health::Health;
use crate::shutdown::Shutdown;

use super::{BadInput, compose};

/// A gateway whose door is open.
pub(super) struct Open {
    gateway: Gateway,
    listener: TcpListener,
}

pub(super) async fn open(config: &Config, keys: Keys, health: Health) -> anyhow::Result<Open> {
    let (bank, _) = compose::bank_and_keys(config)?;
    let listener = compose::listen("gateway.listen", config.gateway.listen).await?;
    Ok(Open { gateway: Gateway { bank, keys, health }, listener })
}

impl Open {
    pub(super) async fn serve(self, shutdown: Shutdown) {
        self.gateway.serve(self.listener, shutdown).await;
    }
}

/// The keys of the file that the settings name. Read before anything is opened.
pub(super) fn keys(config: &Config) -> anyhow::Result<Keys> {
    let wrong = |cure: String| {
        let problem = config.problem("gateway.key_file", cure);
        BadInput::from_error(ConfigError(vec![problem]))
    };
    let Some(path) = &config.gateway.key_file else {
        let cure = "is not set; write a key of at least 32 characters into a file and name it \
                    (openssl rand -hex 32)";
        return Err(wrong(cure.into()));
    };
    let text = fs::read_to_string(path).map(SecretString::from);
    let text = text.map_err(|error| wrong(format!("{}: {error}", path.display())))?;
    Keys::read(&text).map_err(|error| wrong(format!("{}: {error}", path.display())))
}
