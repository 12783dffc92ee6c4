//! The composition root: turns settings into the parts that roles run with.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use secrecy::SecretString;
use tokio::net::TcpListener;

use crate::bank::client::{Bank, BankSettings};
use crate::bank::signing::{PrivateKey, PublicKeys};
use crate::config::{self, Config};
use crate::domain::policy::Policy;
use crate::embedded::Embedded;
use crate::roles::{Door, Parts, Role};

use super::BadInput;

/// Opens the backend.
pub(super) fn backend(config: &Config) -> anyhow::Result<Embedded> {
    Embedded::open(&config.backend.path).map_err(BadInput::from_error)
}

/// Everything the roles need, from settings alone.
pub(super) async fn parts(config: &Config, roles: &[Role]) -> anyhow::Result<Parts> {
    let door = match roles.contains(&Role::Ingress) {
        true => Some(listen("ingress.listen", config.ingress.listen).await?),
        false => None,
    };
    parts_with(config, &backend(config)?, door)
}

/// Everything the roles need, with a backend and a door for webhooks that are open already.
pub(super) fn parts_with(
    config: &Config,
    backend: &Embedded,
    door: Option<TcpListener>,
) -> anyhow::Result<Parts> {
    let bank_keys = bank_keys(&config.bank)?;
    let path = config.ingress.path.clone();
    Ok(Parts {
        store: Arc::clone(&backend.store) as _,
        bus: Arc::clone(&backend.bus) as _,
        bank: bank(&config.bank)?,
        policy: Policy {
            call_timeout: config.bank.timeout,
            delays: config.tickets.delays.clone(),
            confirms_automatically: config.bank.confirms_automatically,
        },
        source: format!("/payoutd/{}", config.bank.project),
        concurrency: config.concurrency.clone(),
        grace: config.shutdown_grace,
        door: door.map(|listener| Door { listener, path, bank_keys }),
    })
}

async fn listen(key: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!("{key} = {address} cannot be listened on; free the port or set another")
    })
}

fn bank(settings: &config::Bank) -> anyhow::Result<Bank> {
    let key_file = settings.private_key_file.as_deref().unwrap_or(Path::new(""));
    let pem = read("bank.private_key_file", key_file)?;
    let passphrase = match &settings.private_key_passphrase_file {
        None => None,
        Some(path) => {
            let text = String::from_utf8(read("bank.private_key_passphrase_file", path)?)
                .map_err(|_| BadInput("bank.private_key_passphrase_file: is not UTF-8".into()))?;
            Some(SecretString::from(text.trim_end_matches(['\r', '\n'])))
        }
    };
    let private_key = PrivateKey::from_pem(&pem, passphrase.as_ref())
        .map_err(|e| named("bank.private_key_file", key_file, &e))?;
    Bank::new(BankSettings {
        base_url: settings.base_url.clone(),
        project: settings.project.clone(),
        submerchant: settings.submerchant.clone(),
        timeout: settings.timeout,
        connect_timeout: settings.timeout,
        private_key,
    })
    .map_err(BadInput::from_error)
}

fn bank_keys(settings: &config::Bank) -> anyhow::Result<PublicKeys> {
    let mut pems = Vec::new();
    for path in &settings.public_key_files {
        let pem = read("bank.public_key_files", path)?;
        // Each by itself first, so that the error names the file.
        PublicKeys::from_pems([&pem]).map_err(|e| named("bank.public_key_files", path, &e))?;
        pems.push(pem);
    }
    PublicKeys::from_pems(pems).map_err(BadInput::from_error)
}

fn read(key: &str, path: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(path).map_err(|e| named(key, path, &e))
}

fn named(key: &str, path: &Path, error: &dyn std::fmt::Display) -> anyhow::Error {
    BadInput(format!("{key} = {}: {error}", path.display())).into()
}
