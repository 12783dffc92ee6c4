//! The composition root: turns settings into the parts that roles run with.

use std::fmt::Display;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use secrecy::SecretString;
use tokio::net::TcpListener;

use crate::bank::client::{Bank, BankSettings};
use crate::bank::signing::{PrivateKey, PublicKeys};
use crate::config::{self, Config, ConfigError};
use crate::domain::policy::{Policy, WEBHOOK_PATIENCE};
use crate::domain::rules::Rules;
use crate::domain::standing::Paused;
use crate::roles::health::Health;
use crate::roles::{Door, Parts, Role};

use super::BadInput;
use super::backend::Backend;
use super::deny::rules;

/// Everything the roles need, from settings alone. The keys come first: what is wrong with them
/// is told before anything is opened.
pub(super) async fn parts(config: &Config, roles: &[Role]) -> anyhow::Result<Parts> {
    let bank = bank_and_keys(config)?;
    let rules = rules(config).map_err(BadInput::from_error)?;
    let door = match roles.contains(&Role::Ingress) {
        true => Some(listen("ingress.listen", config.ingress.listen).await?),
        false => None,
    };
    assemble(config, bank, rules, &Backend::open(config)?, door, roles)
}

/// Everything the roles need, with a backend and a door for webhooks that are open already.
pub(super) fn parts_with(
    config: &Config,
    backend: &Backend,
    door: TcpListener,
) -> anyhow::Result<Parts> {
    let bank = bank_and_keys(config)?;
    let rules = rules(config).map_err(BadInput::from_error)?;
    assemble(config, bank, rules, backend, Some(door), &Role::OF_PAYOUTS)
}

fn assemble(
    config: &Config,
    (bank, bank_keys): (Bank, PublicKeys),
    rules: Rules,
    backend: &Backend,
    door: Option<TcpListener>,
    roles: &[Role],
) -> anyhow::Result<Parts> {
    let path = config.ingress.path.clone();
    Ok(Parts {
        store: Arc::clone(&backend.store),
        fence: Arc::clone(&backend.fence),
        bus: Arc::clone(&backend.bus),
        bank,
        policy: policy(config, rules),
        source: source(config),
        concurrency: config.concurrency.clone(),
        retention: config.backend.retention,
        grace: config.shutdown_grace,
        door: door.map(|listener| Door { listener, path, bank_keys }),
        health: Health::of(roles),
    })
}

/// CloudEvents `source` of what is published.
pub(super) fn source(config: &Config) -> String {
    format!("/payoutd/{}", config.bank.project)
}

pub(super) fn policy(config: &Config, rules: Rules) -> Policy {
    Policy {
        call_timeout: config.bank.timeout,
        delays: config.tickets.delays.clone(),
        confirms_automatically: config.bank.confirms_automatically,
        flow: config.bank.flow,
        webhook_patience: WEBHOOK_PATIENCE,
        rules: Arc::new(rules),
        paused: Paused::default(),
        has_lost: false,
    }
}

/// Where the process tells how it is. Several processes of one machine meet at the default
/// address: who comes second goes without, for nobody has asked for it.
pub(super) async fn admin_door(config: &Config) -> anyhow::Result<Option<TcpListener>> {
    const KEY: &str = "admin.listen";
    let Some(address) = config.admin.listen else { return Ok(None) };
    match listen(KEY, address).await {
        Ok(listener) => {
            tracing::info!(event = "admin.listening", address = %listener.local_addr()?);
            Ok(Some(listener))
        }
        Err(error) if config.is_default(KEY) => {
            tracing::warn!(event = "admin.not_listening", %error);
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

pub(super) async fn listen(key: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!("{key} = {address} cannot be listened on; free the port or set another")
    })
}

/// The bank's client, and the bank's keys.
pub(super) fn bank_and_keys(config: &Config) -> anyhow::Result<(Bank, PublicKeys)> {
    let (private_key, bank_keys) = keys(config).map_err(BadInput::from_error)?;
    Ok((bank(&config.bank, private_key)?, bank_keys))
}

fn bank(settings: &config::Bank, private_key: PrivateKey) -> anyhow::Result<Bank> {
    Bank::new(BankSettings {
        base_url: settings.base_url.clone(),
        project: settings.project.clone(),
        submerchant: settings.submerchant.clone(),
        timeout: settings.timeout,
        // Less than the whole, so that a bank nobody can connect to is known as such.
        connect_timeout: settings.timeout / 2,
        private_key,
    })
    .map_err(BadInput::from_error)
}

/// Our private key and the bank's public ones.
type Keys = (PrivateKey, PublicKeys);

/// Reads all key files and reports everything that is wrong with them.
fn keys(config: &Config) -> Result<Keys, ConfigError> {
    let mut problems = Vec::new();
    let mut problem = |key: &str, path: &Path, error: &dyn Display| {
        problems.push(config.problem(key, format!("{}: {error}", path.display())));
    };
    let settings = &config.bank;
    let passphrase = settings.private_key_passphrase_file.as_ref().and_then(|path| {
        let text = fs::read_to_string(path)
            .map_err(|e| problem("bank.private_key_passphrase_file", path, &e))
            .ok()?;
        Some(SecretString::from(text.trim_end_matches(['\r', '\n'])))
    });
    let path = settings.private_key_file.as_deref().unwrap_or(Path::new(""));
    let private_key = match fs::read(path) {
        Ok(pem) => PrivateKey::from_pem(&pem, passphrase.as_ref())
            .map_err(|e| problem("bank.private_key_file", path, &e))
            .ok(),
        Err(e) => {
            problem("bank.private_key_file", path, &e);
            None
        }
    };
    let mut pems = Vec::new();
    for path in &settings.public_key_files {
        match fs::read(path) {
            Ok(pem) => {
                // Each by itself, so that the problem names the file.
                if let Err(e) = PublicKeys::from_pems([&pem]) {
                    problem("bank.public_key_files", path, &e);
                }
                pems.push(pem);
            }
            Err(e) => problem("bank.public_key_files", path, &e),
        }
    }
    match (private_key, PublicKeys::from_pems(pems)) {
        (Some(private_key), Ok(bank_keys)) if problems.is_empty() => Ok((private_key, bank_keys)),
        _ => Err(ConfigError(problems)),
    }
}
