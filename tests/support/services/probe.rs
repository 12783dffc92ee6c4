//! Does a server answer, and which version is it? Asked in the protocol itself, so that it means
//! the same for a process, a container and a server somewhere else.

use std::io::{BufRead, BufReader, Error, ErrorKind, Read, Result, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

/// For each step: connecting, and each read. A server that is up answers at once.
const PATIENCE: Duration = Duration::from_secs(2);
/// Longest answer read; real ones are below 8 KiB.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// A server that answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// As the server calls itself: `RabbitMQ`, `Redis` or `Valkey`.
    pub(crate) product: String,
    pub(crate) version: String,
}

/// Sends the protocol header of AMQP 0-9-1; RabbitMQ answers with who it is before any login.
pub(crate) fn amqp(address: &str) -> Result<Answer> {
    let mut stream = connect(address)?;
    stream.write_all(b"AMQP\0\0\x09\x01")?;
    let mut head = [0; 7];
    stream.read_exact(&mut head)?;
    let length = usize::try_from(u32::from_be_bytes([head[3], head[4], head[5], head[6]]));
    let length = length.ok().filter(|length| *length <= ANSWER_BYTES_MAX);
    let mut start = vec![0; length.ok_or_else(|| odd("a frame of a wrong length"))?];
    stream.read_exact(&mut start)?;
    // Connection.Start is class 10, method 10.
    if head[0] != 1 || !start.starts_with(&[0, 10, 0, 10]) {
        return Err(odd("not an AMQP 0-9-1 server"));
    }
    let property =
        |name: &str| long_string(&start, name).ok_or_else(|| odd("no server properties"));
    Ok(Answer { product: property("product")?, version: property("version")? })
}

/// A field of the server's properties: length and name, `S`, length and text.
fn long_string(start: &[u8], name: &str) -> Option<String> {
    let key = [&[u8::try_from(name.len()).ok()?], name.as_bytes(), b"S"].concat();
    let at = start.windows(key.len()).position(|window| window == key)? + key.len();
    let length = u32::from_be_bytes(start.get(at..at + 4)?.try_into().ok()?);
    let text = start.get(at + 4..at + 4 + usize::try_from(length).ok()?)?;
    String::from_utf8(text.to_vec()).ok()
}

/// Sends a `PING`, which is refused while the server still loads its data, then asks who it is.
pub(crate) fn redis(address: &str) -> Result<Answer> {
    let mut stream = connect(address)?;
    stream.write_all(b"PING\r\nINFO server\r\n")?;
    let mut lines = BufReader::new(stream.take(ANSWER_BYTES_MAX as u64)).lines();
    let mut next = || lines.next().unwrap_or_else(|| Err(odd("it hung up")));
    let pong = next()?;
    if pong != "+PONG" {
        return Err(odd(&pong));
    }
    let head = next()?;
    if !head.starts_with('$') {
        return Err(odd(&head));
    }
    let (mut product, mut version) = ("Redis", None);
    loop {
        let line = next()?;
        if line.is_empty() {
            let version = version.ok_or_else(|| odd("it does not say its version"))?;
            return Ok(Answer { product: product.into(), version });
        } else if let Some(text) = line.strip_prefix("valkey_version:") {
            // Beside it Valkey names the version of Redis that it stands in for, before or after.
            (product, version) = ("Valkey", Some(text.to_owned()));
        } else if let Some(text) = line.strip_prefix("redis_version:") {
            version = version.or_else(|| Some(text.to_owned()));
        }
    }
}

fn connect(address: &str) -> Result<TcpStream> {
    let mut last = odd("the name means no address");
    for address in address.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(stream) => {
                stream.set_read_timeout(Some(PATIENCE))?;
                stream.set_write_timeout(Some(PATIENCE))?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn odd(what: &str) -> Error {
    Error::new(ErrorKind::InvalidData, what)
}
