//! Where a broker is and how to get in, from a URL. Shows itself as host and port only.

use std::fmt;
use std::net::IpAddr;

use lapin::uri::{AMQPScheme, AMQPUri};
use secrecy::{ExposeSecret, SecretString};

use crate::bus::BusError;

/// A heartbeat at least every so many seconds, unless the URL says otherwise: a broker that is gone
/// without a word is noticed after two.
const HEARTBEAT_SECONDS: u16 = 10;

#[derive(Clone)]
pub(super) struct Address {
    pub(super) uri: AMQPUri,
    pub(super) host: String,
}

impl Address {
    /// `number` is the URL's place in the list, for the error.
    fn parse(url: &SecretString, number: usize) -> Result<Self, BusError> {
        let wrong = |what: &str| {
            BusError::Misconfigured(format!(
                "URL {number} of the broker {what}: it has to look like \
                 amqp://user:password@host:5672/vhost or amqps://…, with special characters in \
                 user, password and vhost as %XX"
            ))
        };
        let text = url.expose_secret();
        // The library's own words may repeat the URL.
        let mut uri: AMQPUri = text.parse().map_err(|_| wrong("cannot be read"))?;
        let host = match host(text) {
            None | Some("") => return Err(wrong("names no host")),
            Some(host) => match host.strip_prefix('[') {
                None => uri.authority.host.clone(),
                Some(rest) => {
                    let literal = rest.split_once(']').map_or(rest, |(literal, _)| literal);
                    let ip = literal.parse::<IpAddr>().map_err(|_| wrong("names no valid host"))?;
                    ip.to_string()
                }
            },
        };
        // As other clients do: nobody has a virtual host without a name.
        if uri.vhost.is_empty() {
            uri.vhost = "/".into();
        }
        uri.query.heartbeat.get_or_insert(HEARTBEAT_SECONDS);
        Ok(Self { uri, host })
    }

    pub(super) fn parse_all(urls: &[SecretString]) -> Result<Vec<Self>, BusError> {
        if urls.is_empty() {
            return Err(BusError::Misconfigured("no URL of a broker is given".into()));
        }
        urls.iter().enumerate().map(|(n, url)| Self::parse(url, n + 1)).collect()
    }

    pub(super) fn is_encrypted(&self) -> bool {
        self.uri.scheme == AMQPScheme::AMQPS
    }
}

/// The host with its port. The library takes what is no name for "localhost".
fn host(url: &str) -> Option<&str> {
    let authority = url.split_once("://")?.1.split(['/', '?', '#']).next()?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    (!host.starts_with(':')).then_some(host)
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let port = self.uri.authority.port;
        if self.host.contains(':') {
            write!(f, "[{}]:{port}", self.host)
        } else {
            write!(f, "{}:{port}", self.host)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(url: &str) -> Result<Address, String> {
        Address::parse(&url.into(), 2).map_err(|error| error.to_string())
    }

    #[test]
    fn an_address_shows_host_and_port_only() {
        let shown = |url| address(url).expect("valid").to_string();
        assert_eq!(shown("amqp://u:secret@broker.example/vh"), "broker.example:5672");
        assert_eq!(shown("amqps://u:secret@10.0.0.1"), "10.0.0.1:5671");
        assert_eq!(shown("amqp://u:p@[::1]:5673/%2f"), "[::1]:5673");
        assert_eq!(address("amqp://h/").expect("valid").uri.vhost, "/");
        assert_eq!(address("amqp://h").expect("valid").uri.query.heartbeat, Some(10));
        assert_eq!(address("amqp://h?heartbeat=3").expect("valid").uri.query.heartbeat, Some(3));
    }

    #[test]
    fn a_wrong_url_is_told_by_its_number_and_never_shown() {
        for url in [
            "secret",
            "http://u:secret@h",
            "amqp:secret",
            "amqp://u:secret@h:x",
            "amqp://",
            "amqp://u:secret@",
        ] {
            let error = address(url).err().unwrap_or_else(|| panic!("{url} is no URL"));
            assert!(error.starts_with("URL 2 of the broker"), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
