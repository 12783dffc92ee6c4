//! TLS, with certificates on both sides.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use payoutd::redis::Settings;
use payoutd::store::{Store, StoreError};
use payoutd::tls::{ClientCertificate, Tls};
use tempfile::TempDir;

use super::super::store::{payout, write};
use super::{RedisServer, settings, soon, start};

fn openssl(directory: &Path, args: &str) {
    let ran = Command::new("openssl")
        .args(args.split_whitespace())
        .current_dir(directory)
        .stderr(Stdio::null())
        .status();
    assert!(ran.expect("openssl is installed").success(), "{args}");
}

/// An authority, and what it has signed: `server` for 127.0.0.1, and `client`.
fn certificates() -> TempDir {
    let place = tempfile::tempdir().expect("a temporary directory");
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    let dir = place.path();
    openssl(
        dir,
        &format!("req -x509 {key} -keyout ca.key -out ca.pem -subj /CN=authority -days 2"),
    );
    fs::write(dir.join("server.ext"), "subjectAltName=IP:127.0.0.1").expect("writes");
    fs::write(dir.join("client.ext"), "extendedKeyUsage=clientAuth").expect("writes");
    for name in ["server", "client"] {
        let request = format!("req {key} -keyout {name}.key -out {name}.csr -subj /CN={name}");
        openssl(dir, &request);
        openssl(
            dir,
            &format!(
                "x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 \
                 -extfile {name}.ext -out {name}.pem"
            ),
        );
    }
    place
}

#[tokio::test]
async fn both_sides_show_certificates_and_strangers_are_turned_away() {
    let place = certificates();
    let path = |name: &str| place.path().join(name).display().to_string();
    let text = |name: &str| fs::read_to_string(place.path().join(name)).expect("reads");
    let server = RedisServer::start(&[
        "--port",
        "0",
        "--tls-port",
        "{port}",
        "--tls-auth-clients",
        "yes",
        "--tls-cert-file",
        &path("server.pem"),
        "--tls-key-file",
        &path("server.key"),
        "--tls-ca-cert-file",
        &path("ca.pem"),
    ]);
    let url = format!("rediss://127.0.0.1:{}", server.port());
    let with = |ca: bool, client: bool| {
        let client = client.then(|| ClientCertificate {
            certificate_pem: text("client.pem"),
            key_pem: text("client.key").into(),
        });
        let tls = Tls { ca_pem: ca.then(|| text("ca.pem")), client };
        start(&Settings { tls, ..settings(&url) })
    };
    write(&with(true, true), &payout("inv-1")).await;
    for (ca, client) in [(true, false), (false, true), (false, false)] {
        let refused = soon(with(ca, client).check()).await;
        assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{ca} {client}: {refused:?}");
    }
    // Nor does a server count whose name is another.
    let elsewhere = url.replace("127.0.0.1", "localhost");
    let tls = Tls { ca_pem: Some(text("ca.pem")), client: None };
    let refused = soon(start(&Settings { tls, ..settings(&elsewhere) }).check()).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
}
