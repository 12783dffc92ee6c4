//! Opening a connection: settings to a checked server.
//!
//! Guarantees that no connection is handed out before the server's settings were found good and
//! every command that payoutd uses was tried on it.

use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::{
    AsyncConnectionConfig, Client, ClientTlsConfig, ConnectionAddr, ConnectionInfo,
    IntoConnectionInfo, TlsCertificates,
};
use secrecy::{ExposeSecret, SecretString};

use super::barrier::Progress;
use super::connection::{Call, Connection, RESPONSE_MAX};
use super::failure::Failure;
use super::info::Info;
use super::keys::Keys;
use super::sentinel::{Place, Sentinels};
use super::{Settings, scripts};
use crate::store::StoreError;
use crate::tls::Tls;

/// Longest wait for a connection to open: name, TCP, TLS, user.
const OPEN_MAX: Duration = Duration::from_secs(2);

/// Opens connections, one like the other.
pub(super) struct Dialer {
    client: Client,
    /// Who knows where the primary is, if the URL does not say it.
    sentinels: Option<Sentinels>,
    config: AsyncConnectionConfig,
    settings: Settings,
    keys: Keys,
}

impl Dialer {
    /// Reads the settings. What is wrong with them is told without the credentials.
    pub(super) fn new(settings: Settings, keys: Keys) -> Result<Self, StoreError> {
        let client = client(&settings.url, &settings.tls, NOT_A_URL)?;
        let sentinels = sentinels(&settings, &client)?;
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(OPEN_MAX))
            .set_response_timeout(Some(RESPONSE_MAX + settings.barrier.wait_max()));
        Ok(Self { client, sentinels, config, settings, keys })
    }

    pub(super) async fn dial(&self) -> Result<(Connection, Info), Failure> {
        let place = match &self.sentinels {
            Some(sentinels) => Some(sentinels.primary().await?),
            None => None,
        };
        let client = match &place {
            Some(place) => client_at(&self.client, place).map_err(|e| Failure::of(&e))?,
            None => self.client.clone(),
        };
        let redis: MultiplexedConnection = client
            .get_multiplexed_async_connection_with_config(&self.config)
            .await
            .map_err(|e| Failure::of(&e))?;
        let connection = Connection::new(redis, Progress::new(self.settings.barrier), place);
        let info = connection.examine(&self.settings).await?;
        for script in scripts::all() {
            connection.load(script).await?;
        }
        let rehearsal = Call {
            script: &scripts::REHEARSE,
            keys: self.keys.rehearsal().into(),
            args: Vec::new(),
        };
        connection.try_out(&rehearsal).await?;
        Ok((connection, info))
    }

    /// Whether the server is still good, and still the primary. One that was cut off from the others
    /// believes so itself; if no Sentinel can be asked, that will do.
    pub(super) async fn look_at(&self, connection: &Connection) -> Result<(), Failure> {
        connection.examine(&self.settings).await?;
        if let (Some(sentinels), Some(here)) = (&self.sentinels, &connection.place)
            && let Ok(primary) = sentinels.primary().await
            && primary != *here
        {
            return Err(Failure::NotDone(format!("{primary} is the primary now, and not {here}")));
        }
        Ok(())
    }
}

fn sentinels(settings: &Settings, primary: &Client) -> Result<Option<Sentinels>, StoreError> {
    let clients: Result<Vec<_>, _> =
        settings.sentinels.iter().map(|url| client(url, &settings.tls, NO_SENTINEL)).collect();
    let name = match primary.get_connection_info().addr() {
        ConnectionAddr::Tcp(host, _) | ConnectionAddr::TcpTls { host, .. } => host.clone(),
        _ => return Ok(None),
    };
    let clients = clients?;
    Ok((!clients.is_empty()).then(|| Sentinels::new(clients, name)))
}

/// The same user, database and certificates somewhere else.
fn client_at(client: &Client, Place { host, port }: &Place) -> Result<Client, ::redis::RedisError> {
    let info = client.get_connection_info().clone();
    let (host, port) = (host.clone(), *port);
    let there = match info.addr().clone() {
        ConnectionAddr::TcpTls { insecure, tls_params, .. } => {
            ConnectionAddr::TcpTls { host, port, insecure, tls_params }
        }
        _ => ConnectionAddr::Tcp(host, port),
    };
    Client::open(info.set_addr(there))
}

fn client(url: &SecretString, tls: &Tls, not_a_url: &str) -> Result<Client, StoreError> {
    let misconfigured = |text: &str| StoreError::Misconfigured(text.into());
    let url = url.expose_secret();
    let info: ConnectionInfo = match url.split_once("://") {
        Some(("redis" | "rediss", _)) => url.into_connection_info().ok(),
        _ => None,
    }
    .ok_or_else(|| misconfigured(not_a_url))?;
    // Redis before 7.2 does not know the command, and a user may not be allowed it.
    let redis = info.redis_settings().clone().set_skip_set_lib_name();
    // Small requests must not wait for the answers to earlier ones.
    let tcp = info.tcp_settings().clone().set_nodelay(true);
    let info = info.set_redis_settings(redis).set_tcp_settings(tcp);
    let encrypted = url.starts_with("rediss");
    let Tls { ca_pem, client } = tls;
    match (encrypted, ca_pem.is_some() || client.is_some()) {
        (false, true) => Err(misconfigured(
            "certificates are set for Redis, but its URL begins with redis://: begin it with \
             rediss:// to use TLS",
        )),
        (true, _) if url.ends_with("#insecure") => {
            Err(misconfigured("Redis's URL switches the check of certificates off: drop #insecure"))
        }
        (true, true) => Client::build_with_tls(info, certificates(tls)?)
            .map_err(|_| misconfigured(UNREADABLE_PEM)),
        (_, false) => Client::open(info).map_err(|_| misconfigured(not_a_url)),
    }
}

fn certificates(tls: &Tls) -> Result<TlsCertificates, StoreError> {
    let holds_one = |pem: &String| pem.contains("-----BEGIN CERTIFICATE-----");
    let chain = tls.client.as_ref().map(|client| &client.certificate_pem);
    if !tls.ca_pem.iter().chain(chain).all(holds_one) {
        return Err(StoreError::Misconfigured(UNREADABLE_PEM.into()));
    }
    Ok(TlsCertificates {
        client_tls: tls.client.as_ref().map(|client| ClientTlsConfig {
            client_cert: client.certificate_pem.clone().into_bytes(),
            client_key: client.key_pem.expose_secret().as_bytes().to_vec(),
        }),
        root_cert: tls.ca_pem.clone().map(String::into_bytes),
    })
}

const NOT_A_URL: &str = "Redis's URL cannot be read: it has to be like \
                         redis://user:password@host:6379/0, or begin with rediss:// for TLS; \
                         percent-encode special characters of the password";

const NO_SENTINEL: &str = "a Sentinel's URL cannot be read: it has to be like \
                           redis://sentinel-1:26379 or, with a user of the Sentinel's own, \
                           redis://user:password@sentinel-1:26379, or begin with rediss:// for TLS";

const UNREADABLE_PEM: &str = "the certificates for Redis cannot be read: certificates and the \
                              client's key have to be PEM, the key PKCS#8";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redis::Barrier;
    use crate::tls::ClientCertificate;

    fn refusal(url: &str, tls: Tls) -> String {
        refusal_with(url, &[], tls)
    }

    fn refusal_with(url: &str, sentinels: &[&str], tls: Tls) -> String {
        let settings = Settings {
            url: url.into(),
            sentinels: sentinels.iter().map(|url| (*url).into()).collect(),
            prefix: "payoutd".into(),
            tls,
            retention: Duration::from_secs(1),
            barrier: Barrier::None,
            allow_volatile: false,
        };
        let keys = Keys::new("payoutd").expect("good");
        match Dialer::new(settings, keys) {
            Err(StoreError::Misconfigured(text)) => text,
            other => panic!("{url}: {:?}", other.err()),
        }
    }

    #[test]
    fn bad_settings_are_refused_with_a_cure_and_without_credentials() {
        for url in ["", "127.0.0.1:6379", "redis://u:hidden@/x", "http://u:hidden@h", "unix:///x"] {
            let text = refusal(url, Tls::default());
            assert!(text.contains("redis://user:password@host:6379/0"), "{text}");
            assert!(!text.contains("hidden"), "{text}");
        }
        let text = refusal("rediss://u:hidden@h/#insecure", Tls::default());
        assert!(text.contains("drop #insecure") && !text.contains("hidden"), "{text}");
    }

    #[test]
    fn bad_urls_of_sentinels_are_refused_with_a_cure_and_without_credentials() {
        let refusal = |sentinel| {
            refusal_with("redis://mymaster", &["redis://s:26379", sentinel], Tls::default())
        };
        for url in ["s1:26379", "http://u:hidden@s1", "redis://u:hidden@/x"] {
            let text = refusal(url);
            assert!(text.contains("redis://sentinel-1:26379"), "{text}");
            assert!(!text.contains("hidden"), "{text}");
        }
        assert!(refusal("rediss://u:hidden@h/#insecure").contains("drop #insecure"));
    }

    #[test]
    fn the_primary_is_looked_for_under_the_name_in_the_url_and_met_with_what_else_is_in_it() {
        let client = client(&"rediss://u:p@My_Master.1/3".into(), &Tls::default(), NOT_A_URL);
        let client = client.expect("good");
        let ConnectionAddr::TcpTls { host, .. } = client.get_connection_info().addr() else {
            panic!("it is encrypted")
        };
        assert_eq!(host, "My_Master.1");
        let place = Place { host: "10.0.0.7".into(), port: 6380 };
        let there = client_at(&client, &place).expect("good").get_connection_info().clone();
        assert_eq!(there.addr().to_string(), "10.0.0.7:6380");
        assert!(matches!(there.addr(), ConnectionAddr::TcpTls { insecure: false, .. }));
        let redis = there.redis_settings();
        assert_eq!((redis.username(), redis.password(), redis.db()), (Some("u"), Some("p"), 3));
    }

    #[test]
    fn certificates_that_cannot_be_read_or_used_are_refused() {
        let garbage = || Tls { ca_pem: Some("garbage".into()), client: None };
        assert!(refusal("rediss://h", garbage()).contains("PEM"));
        assert!(refusal("redis://h", garbage()).contains("begin it with rediss://"));
        let client = ClientCertificate {
            certificate_pem: "-----BEGIN CERTIFICATE-----".into(),
            key_pem: "hidden".into(),
        };
        let text = refusal("rediss://h", Tls { ca_pem: None, client: Some(client) });
        assert!(text.contains("PKCS#8") && !text.contains("hidden"), "{text}");
    }
}
