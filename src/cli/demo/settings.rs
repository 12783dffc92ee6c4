//! The demo's own settings. Nothing but the servers is taken from the environment, so that nobody's
//! real bank or store is touched; and on the servers everything has a name of the demo's own.

use std::ffi::OsString;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use secrecy::{ExposeSecret, SecretString};

use crate::config::{BackendKind, Config, Needs, Servers};

use super::super::BadInput;
use super::{Args, PROJECT};

/// Settings for this process and those it starts.
pub(super) struct Settings {
    pub(super) config: Config,
    /// Goes over the file: what must not be written to a disk.
    pub(super) environment: Environment,
}

type Environment = Vec<(OsString, OsString)>;

pub(super) fn write(
    dir: &Path,
    bank: SocketAddr,
    door: SocketAddr,
    args: &Args,
    config: Option<&Config>,
) -> anyhow::Result<Settings> {
    let servers = config.and_then(|config| match &config.backend.kind {
        BackendKind::RabbitmqRedis(servers) => Some(&**servers),
        BackendKind::Embedded { .. } => None,
    });
    let backend = match servers {
        Some(_) => format!(
            "kind = \"rabbitmq-redis\"\nprefix = \"payoutd-demo-{:08x}\"",
            rand::random::<u32>()
        ),
        None => format!("path = {:?}", dir.join("payoutd.db")),
    };
    let concurrency = config.map_or(64, |config| config.concurrency.executor);
    let text = format!(
        "# Settings of the demo: payoutd --config {dir}/payoutd.toml list\n\
         [backend]\n{backend}\n\n\
         [bank]\nbase_url = \"http://{bank}\"\nproject = {PROJECT:?}\n\
         private_key_file = {private:?}\npublic_key_files = {public:?}\ntimeout = \"2s\"\n\n\
         [tickets]\ndelays = \"1s,2s,5s\"\n\n\
         [ingress]\nlisten = \"{door}\"\n\n\
         [executor]\nconcurrency = {concurrency}\n\n\
         [log]\nlevel = {level:?}\n",
        dir = dir.display(),
        private = dir.join("partner_private.pem"),
        public = dir.join("bank_public.pem"),
        level = if args.verbose || servers.is_some() { "info" } else { "off" },
    );
    let path = dir.join("payoutd.toml");
    fs::write(&path, text)?;
    let environment = servers.map(environment).unwrap_or_default();
    let config = Config::read(Some(&path), environment.clone(), Needs::Bank)
        .map_err(BadInput::from_error)?;
    Ok(Settings { config, environment })
}

/// Where the servers are, and how to connect to them.
fn environment(servers: &Servers) -> Environment {
    let list = |urls: &[SecretString]| {
        let urls: Vec<_> = urls.iter().map(ExposeSecret::expose_secret).collect();
        OsString::from(urls.join(","))
    };
    let mut variables = vec![
        ("AMQP_URL".to_owned(), list(&servers.amqp_urls)),
        ("REDIS_URL".to_owned(), servers.redis_url.expose_secret().into()),
        ("REDIS_SENTINELS".to_owned(), list(&servers.redis_sentinels)),
        ("ALLOW_VOLATILE_STORE".to_owned(), servers.allow_volatile_store.to_string().into()),
    ];
    for (server, files) in [("AMQP", &servers.amqp_tls), ("REDIS", &servers.redis_tls)] {
        for (name, file) in [
            ("CA_FILE", &files.ca),
            ("CLIENT_CERTIFICATE_FILE", &files.client_certificate),
            ("CLIENT_KEY_FILE", &files.client_key),
        ] {
            let path = file.clone().unwrap_or_default().into_os_string();
            variables.push((format!("{server}_{name}"), path));
        }
    }
    variables
        .into_iter()
        .map(|(name, value)| (format!("PAYOUTD_BACKEND__{name}").into(), value))
        .collect()
}
