//! TLS to a broker: which authorities are trusted, and the certificate shown.

use std::sync::Arc;

use secrecy::ExposeSecret;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::bus::BusError;
use crate::tls::{ClientCertificate, Tls};

pub(super) fn connector(tls: &Tls) -> Result<TlsConnector, BusError> {
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider knows TLS 1.2 and 1.3")
        .with_root_certificates(authorities(tls)?);
    let config = match &tls.client {
        None => config.with_no_client_auth(),
        Some(ClientCertificate { certificate_pem, key_pem }) => {
            let key = PrivateKeyDer::from_pem_slice(key_pem.expose_secret().as_bytes())
                .map_err(|_| wrong("the key of the client certificate is not a key in PEM"))?;
            let chain = certificates(certificate_pem, "the client certificate")?;
            config
                .with_client_auth_cert(chain, key)
                .map_err(|_| wrong("the client certificate and its key do not fit together"))?
        }
    };
    Ok(TlsConnector::from(Arc::new(config)))
}

fn authorities(tls: &Tls) -> Result<RootCertStore, BusError> {
    let mut trusted = RootCertStore::empty();
    match &tls.ca_pem {
        Some(pem) => {
            for certificate in certificates(pem, "the CA")? {
                trusted
                    .add(certificate)
                    .map_err(|_| wrong("the CA holds something that is no certificate"))?;
            }
        }
        // A system without any is told when a server is not trusted.
        None => {
            trusted.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    Ok(trusted)
}

fn certificates(pem: &str, what: &str) -> Result<Vec<CertificateDer<'static>>, BusError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(wrong(&format!("{what} holds no certificate in PEM"))),
    }
}

fn wrong(what: &str) -> BusError {
    BusError::Misconfigured(format!("TLS to the broker: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_certificates_is_named_without_showing_them() {
        let error = |tls: &Tls| connector(tls).err().expect("refused").to_string();
        let ca = Tls { ca_pem: Some("nonsense".into()), client: None };
        assert_eq!(error(&ca), "TLS to the broker: the CA holds no certificate in PEM");
        let client = ClientCertificate { certificate_pem: String::new(), key_pem: "sesame".into() };
        let keyless = Tls { ca_pem: None, client: Some(client) };
        let expected = "TLS to the broker: the key of the client certificate is not a key in PEM";
        assert_eq!(error(&keyless), expected);
    }
}
