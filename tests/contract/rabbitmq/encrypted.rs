//! By TLS: a server in front of the broker that has a certificate and asks for one.

use std::sync::Arc;

use payoutd::bus::{Bus, BusError};
use payoutd::rabbitmq::RabbitmqBus;
use payoutd::tls::{ClientCertificate, Tls};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use super::super::bus::{consume, publish, queued, take};
use super::super::soon;
use super::{Broker, host_and_port, url};

const CA: &str = include_str!("../../fixtures/tls/ca.pem");
const STRANGER: &str = include_str!("../../fixtures/tls/stranger.pem");
const SERVER: &str = include_str!("../../fixtures/tls/server.pem");
const SERVER_KEY: &str = include_str!("../../fixtures/tls/server_key.pem");
const CLIENT: &str = include_str!("../../fixtures/tls/client.pem");
const CLIENT_KEY: &str = include_str!("../../fixtures/tls/client_key.pem");

/// Takes only clients with a certificate of our authority.
fn acceptor() -> TlsAcceptor {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(CA.as_bytes()).expect("a certificate")).expect("one");
    let verifier =
        WebPkiClientVerifier::builder_with_provider(roots.into(), Arc::clone(&provider)).build();
    let chain = vec![CertificateDer::from_pem_slice(SERVER.as_bytes()).expect("a certificate")];
    let key = PrivateKeyDer::from_pem_slice(SERVER_KEY.as_bytes()).expect("a key");
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider has them")
        .with_client_cert_verifier(verifier.expect("has roots"))
        .with_single_cert(chain, key)
        .expect("they fit");
    TlsAcceptor::from(Arc::new(config))
}

/// Its port.
async fn serve(serving: &mut JoinSet<()>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let port = listener.local_addr().expect("is bound").port();
    serving.spawn(async move {
        let acceptor = acceptor();
        let mut connections = JoinSet::new();
        while let Ok((near, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            connections.spawn(async move {
                let mut near = acceptor.accept(near).await.ok()?;
                let mut far = TcpStream::connect(host_and_port()).await.ok()?;
                copy_bidirectional(&mut near, &mut far).await.ok()
            });
        }
    });
    port
}

fn client() -> Option<ClientCertificate> {
    Some(ClientCertificate { certificate_pem: CLIENT.into(), key_pem: CLIENT_KEY.into() })
}

/// A bus by TLS with names of the broker's.
fn encrypted(broker: &Broker, host: &str, tls: Tls) -> RabbitmqBus {
    let mut settings = broker.settings.clone();
    let url = url().replace("amqp://", "amqps://").replace(&host_and_port(), host);
    (settings.urls, settings.tls) = (vec![url.into()], tls);
    RabbitmqBus::start(settings).expect("valid settings")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_sides_show_certificates_and_messages_pass() {
    let (broker, mut serving) = (Broker::new(), JoinSet::new());
    let port = serve(&mut serving).await;
    for host in ["localhost", "127.0.0.1"] {
        let tls = Tls { ca_pem: Some(CA.into()), client: client() };
        let bus = encrypted(&broker, &format!("{host}:{port}"), tls);
        let large = vec![7; 1024 * 1024];
        publish(&bus, vec![queued(large.clone()), queued("two")]).await;
        let mut consumer = consume(&bus, 8).await;
        assert!(take(&mut consumer).await == large);
        assert_eq!(take(&mut consumer).await, "two");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_of_an_unknown_authority_is_not_trusted() {
    let (broker, mut serving) = (Broker::new(), JoinSet::new());
    let host = format!("localhost:{}", serve(&mut serving).await);
    for ca_pem in [Some(STRANGER.into()), None] {
        let bus = encrypted(&broker, &host, Tls { ca_pem, client: client() });
        let Err(BusError::Misconfigured(text)) = soon(bus.publish(vec![queued("one")])).await
        else {
            panic!("published to a stranger");
        };
        assert!(text.contains("TLS: invalid peer certificate"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_client_certificate_nobody_is_let_in() {
    let (broker, mut serving) = (Broker::new(), JoinSet::new());
    let host = format!("localhost:{}", serve(&mut serving).await);
    let bus = encrypted(&broker, &host, Tls { ca_pem: Some(CA.into()), client: None });
    let Err(BusError::Unavailable(text)) = soon(bus.publish(vec![queued("one")])).await else {
        panic!("let in");
    };
    assert!(text.to_lowercase().contains("certificate"), "{text}");
}
