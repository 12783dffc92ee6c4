//! RabbitMQ, Redis and Valkey as containers, for versions that this machine has no packages of.
//!
//! The images are the official ones unless the environment names others
//! (`PAYOUTD_TEST_RABBITMQ_IMAGE`, `PAYOUTD_TEST_REDIS_IMAGE`, `PAYOUTD_TEST_VALKEY_IMAGE`).

use std::env;
use std::io;
use std::time::Duration;

use anyhow::{Context, anyhow};
use testcontainers::core::{ContainerPort, IntoContainerPort};
use testcontainers::runners::AsyncRunner;
use testcontainers::{ContainerAsync, GenericImage, ImageExt};

use crate::services::probe::Answer;

/// For pulling an image and creating the container.
const PULLING: Duration = Duration::from_secs(300);
/// From there to the first answer.
const STARTING: Duration = Duration::from_secs(90);
/// Between two questions whether it answers: nothing tells us when it will.
const PAUSE: Duration = Duration::from_millis(100);

/// An image, and how a container of it is started.
pub(crate) struct Image {
    name: String,
    port: ContainerPort,
    command: Vec<&'static str>,
}

impl Image {
    pub(crate) fn rabbitmq() -> Self {
        let name = named("PAYOUTD_TEST_RABBITMQ_IMAGE", "rabbitmq:4.0");
        Self { name, port: 5672.tcp(), command: Vec::new() }
    }

    pub(crate) fn redis() -> Self {
        let name = named("PAYOUTD_TEST_REDIS_IMAGE", "redis:8.0");
        Self { name, port: 6379.tcp(), command: durable("redis-server") }
    }

    pub(crate) fn valkey() -> Self {
        let name = named("PAYOUTD_TEST_VALKEY_IMAGE", "valkey/valkey:8.1");
        Self { name, port: 6379.tcp(), command: durable("valkey-server") }
    }
}

fn named(variable: &str, official: &str) -> String {
    env::var(variable).unwrap_or_else(|_| official.into())
}

/// As payoutd wants it: append-only and never evicting. Reachable from outside its container,
/// whether the image sees to that or not.
fn durable(program: &'static str) -> Vec<&'static str> {
    let mut command = vec![program, "--bind", "0.0.0.0", "--protected-mode", "no", "--dir", "/tmp"];
    command.extend(["--save", "", "--appendonly", "yes", "--maxmemory-policy", "noeviction"]);
    command
}

/// Runs until it is removed.
pub(crate) struct Container {
    container: ContainerAsync<GenericImage>,
    address: String,
    answer: Answer,
}

impl Container {
    /// Returns when the server in it answers `probe`.
    ///
    /// # Errors
    /// No Docker engine, no image, or no answer in time.
    pub(crate) async fn start(
        image: Image,
        probe: fn(&str) -> io::Result<Answer>,
    ) -> anyhow::Result<Self> {
        let Image { name, port, command } = image;
        let (repository, tag) = name
            .rsplit_once(':')
            .filter(|(_, tag)| !tag.contains('/'))
            .ok_or_else(|| anyhow!("{name}: an image is named with its tag, as in redis:8.0"))?;
        let mut request = GenericImage::new(repository, tag).with_exposed_port(port).into();
        if !command.is_empty() {
            request = ImageExt::with_cmd(request, command);
        }
        let container = tokio::time::timeout(PULLING, AsyncRunner::start(request))
            .await
            .with_context(|| format!("{name}: no container within {PULLING:?}"))?
            .with_context(|| name.clone())?;
        match Self::ready(&container, port, probe).await {
            Ok((address, answer)) => Ok(Self { container, address, answer }),
            Err(why) => {
                container.rm().await?;
                Err(why.context(name))
            }
        }
    }

    async fn ready(
        container: &ContainerAsync<GenericImage>,
        port: ContainerPort,
        probe: fn(&str) -> io::Result<Answer>,
    ) -> anyhow::Result<(String, Answer)> {
        let port = container.get_host_port_ipv4(port).await?;
        // The port is of IPv4; by the name another container's could be found under IPv6.
        let host = container.get_host().await?.to_string().replace("localhost", "127.0.0.1");
        let address = format!("{host}:{port}");
        let asking = async {
            loop {
                let address = address.clone();
                if let Ok(answer) = tokio::task::spawn_blocking(move || probe(&address)).await? {
                    return anyhow::Ok(answer);
                }
                tokio::time::sleep(PAUSE).await;
            }
        };
        let answer = tokio::time::timeout(STARTING, asking).await.context("no answer")??;
        Ok((address, answer))
    }

    /// Host and port, as seen from here.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// What it says of itself.
    pub(crate) fn answer(&self) -> &Answer {
        &self.answer
    }

    /// Kills and removes it.
    pub(crate) async fn remove(self) -> anyhow::Result<()> {
        self.container.rm().await.context("a container could not be removed")
    }
}
