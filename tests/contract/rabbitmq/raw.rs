//! A publisher that speaks AMQP by hand, to publish what no library would.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

pub(super) struct Raw(TcpStream);

type Id = (u16, u16);

const START: Id = (10, 10);
const TUNE: Id = (10, 30);
const OPEN_OK: Id = (10, 41);
const CHANNEL_OPEN_OK: Id = (20, 11);
const SELECT_OK: Id = (85, 11);
const ACK: Id = (60, 80);

pub(super) fn short(bytes: &[u8]) -> Vec<u8> {
    [&[u8::try_from(bytes.len()).expect("short")], bytes].concat()
}

pub(super) fn long(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).expect("fits").to_be_bytes(), bytes].concat()
}

impl Raw {
    /// Connects to `host:port` as guest, on the default virtual host.
    pub(super) fn connect(to: &str) -> Self {
        let socket = TcpStream::connect(to).expect("the broker listens");
        socket.set_read_timeout(Some(Duration::from_secs(20))).expect("is set");
        let mut raw = Self(socket);
        raw.0.write_all(b"AMQP\0\0\x09\x01").expect("sent");
        raw.wait_for(START);
        let login = [long(b""), short(b"PLAIN"), long(b"\0guest\0guest"), short(b"en_US")];
        raw.method(0, (10, 11), &login.concat());
        raw.wait_for(TUNE);
        raw.method(0, (10, 31), &[0, 16, 0, 2, 0, 0, 0, 0]);
        raw.method(0, (10, 40), &[short(b"/"), vec![0, 0]].concat());
        raw.wait_for(OPEN_OK);
        raw.method(1, (20, 10), &short(b""));
        raw.wait_for(CHANNEL_OPEN_OK);
        raw.method(1, (85, 10), &[0]);
        raw.wait_for(SELECT_OK);
        raw
    }

    /// Publishes with these property flags and properties, and waits for the confirm.
    pub(super) fn publish(&mut self, exchange: &str, key: &[u8], properties: &[u8], body: &[u8]) {
        let target = [vec![0, 0], short(exchange.as_bytes()), short(key), vec![0]];
        self.method(1, (60, 40), &target.concat());
        let size = u64::try_from(body.len()).expect("fits").to_be_bytes();
        self.frame(2, 1, &[&[0, 60, 0, 0][..], &size, properties].concat());
        for chunk in body.chunks(100_000) {
            self.frame(3, 1, chunk);
        }
        self.wait_for(ACK);
    }

    fn method(&mut self, channel: u16, (class, method): Id, arguments: &[u8]) {
        let ids = [class.to_be_bytes(), method.to_be_bytes()].concat();
        self.frame(1, channel, &[&ids, arguments].concat());
    }

    fn frame(&mut self, kind: u8, channel: u16, payload: &[u8]) {
        let head = [&[kind][..], &channel.to_be_bytes()].concat();
        let frame = [head, long(payload), vec![0xCE]].concat();
        self.0.write_all(&frame).expect("sent");
    }

    fn wait_for(&mut self, id: Id) {
        loop {
            let mut head = [0; 7];
            self.0.read_exact(&mut head).expect("the broker goes on");
            let size = u32::from_be_bytes([head[3], head[4], head[5], head[6]]);
            let mut payload = vec![0; usize::try_from(size).expect("fits") + 1];
            self.0.read_exact(&mut payload).expect("the broker goes on");
            if head[0] == 1 {
                let two = |at: usize| u16::from_be_bytes([payload[at], payload[at + 1]]);
                match (two(0), two(2)) {
                    found if found == id => return,
                    (10, 50) | (20, 40) => panic!("{}", String::from_utf8_lossy(&payload)),
                    _ => {}
                }
            }
        }
    }
}
