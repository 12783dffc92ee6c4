//! Who the primary is just now, as Sentinels tell.
//!
//! Guarantees that of several answers the one of the latest failover counts: a Sentinel that was cut
//! off beside an old primary goes on naming it. Whether what they name is a primary is left to the
//! examination of each connection.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use ::redis::{AsyncConnectionConfig, Client, RedisError, cmd};
use tokio::task::JoinSet;

use super::failure::Failure;

/// Longest that Sentinels are waited for. One that runs answers within milliseconds.
const ANSWERS_MAX: Duration = Duration::from_secs(1);

/// Where a server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) host: String,
    pub(super) port: u16,
}

/// Several that watch over one primary.
pub(super) struct Sentinels {
    clients: Vec<Client>,
    /// What they call the primary.
    name: String,
}

/// A Sentinel's word. A failover has a higher number than those before it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Word {
    failover: u64,
    place: Place,
}

impl Sentinels {
    pub(super) fn new(clients: Vec<Client>, name: String) -> Self {
        Self { clients, name }
    }

    /// Asks them all at once. As soon as most have answered, those that are gone are not waited for.
    pub(super) async fn primary(&self) -> Result<Place, Failure> {
        let mut asking: JoinSet<_> =
            self.clients.iter().map(|client| ask(client.clone(), &self.name)).collect();
        let mut words = Vec::new();
        let mut failure = Failure::NotDone("no Sentinel answers".into());
        let collecting = async {
            while let Some(Ok(answer)) = asking.join_next().await {
                match answer {
                    Ok(word) => words.push(word),
                    Err(error) => failure = self.failure(&error),
                }
                if words.len() > self.clients.len() / 2 {
                    return;
                }
            }
        };
        tokio::time::timeout(ANSWERS_MAX, collecting).await.ok();
        latest(words).ok_or(failure)
    }

    fn failure(&self, error: &RedisError) -> Failure {
        match (error.code(), error.detail()) {
            (Some("ERR"), Some(detail)) if detail.contains("No such master") => {
                Failure::Misconfigured(format!(
                    "the Sentinels know no primary by the name {:?}: set the host of the URL to \
                     the name that it has in their configuration (sentinel monitor NAME …)",
                    self.name
                ))
            }
            (Some("ERR"), Some(detail)) if detail.contains("unknown command") => {
                Failure::Misconfigured(
                    "a Sentinel's URL leads to something else: its port is mostly 26379".into(),
                )
            }
            _ => match Failure::of(error) {
                Failure::Misconfigured(text) => {
                    Failure::Misconfigured(format!("at a Sentinel: {text}"))
                }
                Failure::NotDone(text) | Failure::Unknown(text) => {
                    Failure::NotDone(format!("at a Sentinel: {text}"))
                }
            },
        }
    }
}

fn ask(
    client: Client,
    name: &str,
) -> impl Future<Output = Result<Word, RedisError>> + Send + 'static {
    // During a failover the first has its number already, and only the second the new primary.
    let number = cmd("SENTINEL").arg("MASTER").arg(name).take();
    let place = cmd("SENTINEL").arg("GET-MASTER-ADDR-BY-NAME").arg(name).take();
    async move {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(ANSWERS_MAX))
            .set_response_timeout(Some(ANSWERS_MAX));
        let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
        let fields: HashMap<String, String> = number.query_async(&mut connection).await?;
        let (host, port) = place.query_async(&mut connection).await?;
        // Never absent; if it were, any other Sentinel would be believed first.
        let failover = fields.get("config-epoch").and_then(|number| number.parse().ok());
        Ok(Word { failover: failover.unwrap_or_default(), place: Place { host, port } })
    }
}

fn latest(words: Vec<Word>) -> Option<Place> {
    words.into_iter().max_by_key(|word| word.failover).map(|word| word.place)
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(failover: u64, host: &str) -> Word {
        Word { failover, place: Place { host: host.into(), port: 6379 } }
    }

    #[test]
    fn the_latest_failover_counts_whatever_most_say() {
        let words = vec![word(3, "old"), word(4, "new"), word(3, "old")];
        assert_eq!(latest(words).expect("one").to_string(), "new:6379");
        assert_eq!(latest(vec![]), None);
    }

    #[test]
    fn a_place_shows_as_an_address() {
        let place = Place { host: "::1".into(), port: 6380 };
        assert_eq!(place.to_string(), "[::1]:6380");
    }
}
