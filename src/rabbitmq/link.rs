//! One connection, from the socket to the topology, and its end.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_rs::Runtime;
use lapin::tcp::AsyncTcpStream;
use lapin::{Channel, Connection, ConnectionProperties};
use tokio::net::TcpStream;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::{TlsConnector, rustls};

use super::address::Address;
use super::failure::{failure, unavailable, within};
use super::kit::Kit;
use super::wire::{Lifeline, Wire};
use crate::bus::BusError;

/// Longest from the socket to an open connection. A broker that runs takes milliseconds; one that
/// is frozen accepts and never answers.
const ATTEMPT: Duration = Duration::from_secs(5);

/// Longest that opening a channel takes, or any other small thing.
pub(super) const ANSWER: Duration = Duration::from_secs(5);

/// How often a blocked connection is asked whether it still is: no signal tells.
pub(super) const BLOCKED_LOOK: Duration = Duration::from_millis(250);

/// An open connection. It ends when this is dropped.
pub(super) struct Link {
    connection: Connection,
    lifeline: Lifeline,
}

impl Link {
    pub(super) async fn open(
        address: &Address,
        tls: &TlsConnector,
        name: &str,
    ) -> Result<Self, BusError> {
        let (wire, lifeline) = tokio::time::timeout(ATTEMPT, wire(address, tls))
            .await
            .unwrap_or_else(|_| Err(unavailable(format!("no connection in {ATTEMPT:?}"))))?;
        let properties = ConnectionProperties::default().with_connection_name(name.into());
        let wire = Mutex::new(Some(wire));
        let connecting = Connection::connector(
            address.uri.clone(),
            Runtime::new(Kit::current()),
            async move |_, _| match wire.lock().unwrap_or_else(PoisonError::into_inner).take() {
                Some(wire) => Ok(AsyncTcpStream::Plain(wire)),
                None => Err(std::io::Error::from(std::io::ErrorKind::NotConnected).into()),
            },
            properties,
        );
        // Dropped half-way, the lifeline ends the library's thread.
        match tokio::time::timeout(ATTEMPT, connecting).await {
            Ok(Ok(connection)) => Ok(Self { connection, lifeline }),
            Ok(Err(error)) => Err(failure(&error)),
            Err(_) => Err(unavailable(format!("the broker did not greet in {ATTEMPT:?}"))),
        }
    }

    pub(super) async fn channel(&self) -> Result<Channel, BusError> {
        within(ANSWER, "opening a channel", self.connection.create_channel()).await
    }

    /// The broker takes no messages for now: it has too little memory or disk.
    pub(super) fn is_blocked(&self) -> bool {
        self.connection.status().blocked()
    }

    /// Waits a little for a broker that takes no messages.
    pub(super) async fn unblocked(&self) -> Result<(), BusError> {
        let freed = async {
            while self.is_blocked() && self.is_open() {
                tokio::time::sleep(BLOCKED_LOOK).await;
            }
        };
        tokio::time::timeout(ANSWER, freed).await.ok();
        self.usable()
    }

    pub(super) fn usable(&self) -> Result<(), BusError> {
        if self.is_blocked() {
            return Err(unavailable("the broker takes no messages: it is short of memory or disk"));
        }
        Ok(())
    }

    pub(super) fn is_open(&self) -> bool {
        self.lifeline.reason().is_none() && self.connection.status().connected()
    }

    /// Ends it for a reason; whoever looks after it builds another.
    pub(super) fn cut(&self, reason: &str) {
        self.lifeline.cut(reason);
    }

    /// Waits until it has ended, and says why.
    pub(super) async fn ended(&self) -> String {
        // The stream ends with the connection; asked as well, so that nothing hangs on that.
        const LOOK: Duration = Duration::from_secs(1);
        while self.is_open() {
            tokio::time::timeout(LOOK, self.lifeline.ended()).await.ok();
        }
        self.lifeline.reason().unwrap_or("the connection was closed").to_owned()
    }

    /// Says goodbye, if the broker listens.
    pub(super) async fn close(&self) {
        within(Duration::from_secs(1), "closing", self.connection.close(200, "OK".into()))
            .await
            .ok();
    }
}

async fn wire(address: &Address, tls: &TlsConnector) -> Result<(Wire, Lifeline), BusError> {
    let told = |error: std::io::Error| unavailable(error.to_string());
    let target = (address.host.as_str(), address.uri.authority.port);
    let socket = TcpStream::connect(target).await.map_err(told)?;
    socket.set_nodelay(true).map_err(told)?;
    if !address.is_encrypted() {
        return Ok(Wire::plain(socket));
    }
    let name = ServerName::try_from(address.host.clone())
        .map_err(|_| BusError::Misconfigured("no certificate can be for this host".into()))?;
    let socket = tls.connect(name, socket).await.map_err(untrusted)?;
    Ok(Wire::tls(socket))
}

/// A certificate that is not trusted does not become so by trying again.
fn untrusted(error: std::io::Error) -> BusError {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>());
    match cause {
        Some(rustls::Error::InvalidCertificate(_)) => BusError::Misconfigured(format!(
            "TLS: {error}: check the broker's certificate, the host in the URL and the CA"
        )),
        _ => unavailable(format!("TLS: {error}")),
    }
}

pub(super) type Shared = Arc<Link>;
