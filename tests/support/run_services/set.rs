//! The sets of services that tests can run on.

use std::env;
use std::fmt;
use std::io;

use anyhow::{Context, bail};
use clap::ValueEnum;

use crate::containers::{Container, Image};
use crate::services::probe::{self, Answer};
use crate::services::{RabbitMq, Redis};

const AMQP_URL: &str = "PAYOUTD_TEST_AMQP_URL";
const REDIS_URL: &str = "PAYOUTD_TEST_REDIS_URL";

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Set {
    /// Those that the environment names already.
    Given,
    /// RabbitMQ and Redis as installed here, started as processes of our own.
    Native,
    /// Containers of RabbitMQ and Redis.
    Containers,
    /// Containers of RabbitMQ and Valkey.
    ContainersValkey,
}

impl fmt::Display for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.to_possible_value().expect("none is hidden");
        f.write_str(value.get_name())
    }
}

impl Set {
    /// Returns when all of them answer.
    ///
    /// # Errors
    /// One of them cannot be had; those that could are stopped.
    pub(crate) async fn start(self) -> anyhow::Result<Services> {
        match self {
            Self::Given => given(),
            Self::Native => native().await,
            Self::Containers => containers(Image::redis()).await,
            Self::ContainersValkey => containers(Image::valkey()).await,
        }
    }
}

/// Services that run until this is stopped.
pub(crate) struct Services {
    amqp_url: String,
    redis_url: String,
    names: [String; 2],
    held: Held,
}

/// What keeps them running.
enum Held {
    ByOthers,
    Processes(Box<(RabbitMq, Redis)>),
    Containers(Box<[Container; 2]>),
}

impl Services {
    /// Name, version and place of each.
    pub(crate) fn lines(&self) -> [String; 2] {
        let line = |name: &str, url: &str| format!("{name} at {}", place(url));
        [line(&self.names[0], &self.amqp_url), line(&self.names[1], &self.redis_url)]
    }

    /// Name and version of each.
    pub(crate) fn names(&self) -> String {
        self.names.join(", ")
    }

    /// For the command's environment.
    pub(crate) fn variables(&self) -> [(&str, &str); 2] {
        [(AMQP_URL, &self.amqp_url), (REDIS_URL, &self.redis_url)]
    }

    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        match self.held {
            Held::ByOthers => Ok(()),
            Held::Processes(servers) => {
                drop(servers);
                Ok(())
            }
            Held::Containers(containers) => {
                let [broker, store] = *containers;
                broker.remove().await.and(store.remove().await)
            }
        }
    }
}

fn given() -> anyhow::Result<Services> {
    let url = |name| env::var(name).with_context(|| format!("{name} is not set"));
    let (amqp_url, redis_url) = (url(AMQP_URL)?, url(REDIS_URL)?);
    let ask = |url: &str, plain: &str, what: &str, probe: fn(&str) -> io::Result<Answer>| {
        // Beyond TLS or a password only the tests themselves come.
        if !url.starts_with(plain) {
            return Ok(format!("{what} (not asked for its version)"));
        }
        match probe(place(url)) {
            Ok(answer) => Ok(name(&answer)),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                Ok(format!("{what} (which did not say its version: {error})"))
            }
            Err(error) => Err(error).with_context(|| format!("{what} at {}", place(url))),
        }
    };
    let names = [
        ask(&amqp_url, "amqp://", "RabbitMQ", probe::amqp)?,
        ask(&redis_url, "redis://", "Redis", probe::redis)?,
    ];
    Ok(Services { amqp_url, redis_url, names, held: Held::ByOthers })
}

async fn native() -> anyhow::Result<Services> {
    let start = || (RabbitMq::start(), Redis::start());
    let Ok((broker, store)) = tokio::task::spawn_blocking(start).await else {
        bail!("what is installed here does not start: see above");
    };
    Ok(Services {
        amqp_url: broker.url(),
        redis_url: store.url(),
        names: [name(broker.answer()), name(store.answer())],
        held: Held::Processes(Box::new((broker, store))),
    })
}

async fn containers(store: Image) -> anyhow::Result<Services> {
    let broker = Container::start(Image::rabbitmq(), probe::amqp).await?;
    let store = match Container::start(store, probe::redis).await {
        Ok(store) => store,
        Err(why) => {
            broker.remove().await?;
            return Err(why);
        }
    };
    Ok(Services {
        amqp_url: format!("amqp://guest:guest@{}/%2f", broker.address()),
        redis_url: format!("redis://{}/", store.address()),
        names: [name(broker.answer()), name(store.answer())],
        held: Held::Containers(Box::new([broker, store])),
    })
}

fn name(answer: &Answer) -> String {
    format!("{} {}", answer.product, answer.version)
}

/// Host and port of a URL: what may be shown of it.
fn place(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', ',']).next().unwrap_or(rest);
    authority.rsplit_once('@').map_or(authority, |(_, place)| place)
}
