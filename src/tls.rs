//! How a server is trusted, and how a client shows itself: PEM texts for the adapters.

use secrecy::SecretString;

/// For a connection by TLS. Empty: the server's certificate has to be known to the system.
#[derive(Clone, Debug, Default)]
pub struct Tls {
    /// Certificates of the authorities that the server's own is checked against.
    pub ca_pem: Option<String>,
    pub client: Option<ClientCertificate>,
}

#[derive(Clone, Debug)]
pub struct ClientCertificate {
    pub certificate_pem: String,
    /// PKCS#8.
    pub key_pem: SecretString,
}
