//! The bytes between payoutd and a broker: plain or by TLS, sieved, and ended at will.
//!
//! The client library runs a connection on a thread of its own, which ends when its stream does.
//! The stream is made here before the library is asked to connect, and whoever holds its
//! [`Lifeline`] ends both: a broker that accepts and never answers leaves no thread behind.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use futures_io::{AsyncRead, AsyncWrite};
use tokio::io::ReadBuf;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::sieve::Sieve;

/// What is read from the socket at a time: half a frame of a large body.
const CHUNK: usize = 64 * 1024;

/// Ends the stream when cut or dropped, and tells when the stream has ended by itself.
pub(super) struct Lifeline(Arc<End>);

struct End {
    token: CancellationToken,
    reason: OnceLock<String>,
}

impl End {
    /// The first reason counts.
    fn now(&self, reason: impl FnOnce() -> String) {
        self.reason.get_or_init(reason);
        self.token.cancel();
    }

    fn error(&self) -> io::Error {
        let reason = self.reason.get().map_or("ended", String::as_str);
        io::Error::new(io::ErrorKind::ConnectionReset, reason)
    }
}

impl Lifeline {
    pub(super) fn cut(&self, reason: &str) {
        self.0.now(|| reason.to_owned());
    }

    /// Waits until the stream has ended, by whatever.
    pub(super) async fn ended(&self) {
        self.0.token.cancelled().await;
    }

    /// Why the stream has ended, if it has.
    pub(super) fn reason(&self) -> Option<&str> {
        self.0.reason.get().map(String::as_str)
    }
}

impl Drop for Lifeline {
    fn drop(&mut self) {
        self.cut("closed by payoutd");
    }
}

enum Socket {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

pub(super) struct Wire {
    socket: Socket,
    sieve: Sieve,
    chunk: Box<[u8]>,
    /// Sieved and not yet read, from `read` on.
    ready: Vec<u8>,
    read: usize,
    end: Arc<End>,
    ending: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl Wire {
    pub(super) fn plain(socket: TcpStream) -> (Self, Lifeline) {
        Self::new(Socket::Plain(socket))
    }

    pub(super) fn tls(socket: TlsStream<TcpStream>) -> (Self, Lifeline) {
        Self::new(Socket::Tls(Box::new(socket)))
    }

    fn new(socket: Socket) -> (Self, Lifeline) {
        let end = Arc::new(End { token: CancellationToken::new(), reason: OnceLock::new() });
        let wire = Self {
            socket,
            sieve: Sieve::default(),
            chunk: vec![0; CHUNK].into(),
            ready: Vec::new(),
            read: 0,
            ending: Box::pin(end.token.clone().cancelled_owned()),
            end: Arc::clone(&end),
        };
        (wire, Lifeline(end))
    }

    /// Reads more into `ready`; `false` at the end.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        let mut buffer = ReadBuf::new(&mut self.chunk);
        let read = match &mut self.socket {
            Socket::Plain(socket) => {
                tokio::io::AsyncRead::poll_read(Pin::new(socket), cx, &mut buffer)
            }
            Socket::Tls(socket) => {
                tokio::io::AsyncRead::poll_read(Pin::new(socket), cx, &mut buffer)
            }
        };
        ready!(read)?;
        self.ready.clear();
        self.read = 0;
        let sieved = self.sieve.feed(buffer.filled(), &mut self.ready);
        Poll::Ready(sieved.map(|()| !buffer.filled().is_empty()).map_err(io::Error::other))
    }

    /// Whoever holds the lifeline hears of an error, too.
    fn told<T>(&self, outcome: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if let Poll::Ready(Err(error)) = &outcome {
            self.end.now(|| error.to_string());
        }
        outcome
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        if this.ending.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(this.end.error()));
        }
        while this.read == this.ready.len() {
            let filled = this.poll_fill(cx);
            if !ready!(this.told(filled))? {
                this.end.now(|| "the broker closed the connection".into());
                return Poll::Ready(Ok(0));
            }
        }
        let count = into.len().min(this.ready.len() - this.read);
        into[..count].copy_from_slice(&this.ready[this.read..this.read + count]);
        this.read += count;
        Poll::Ready(Ok(count))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.end.token.is_cancelled() {
            return Poll::Ready(Err(self.end.error()));
        }
        let written = match &mut self.socket {
            Socket::Plain(socket) => tokio::io::AsyncWrite::poll_write(Pin::new(socket), cx, bytes),
            Socket::Tls(socket) => tokio::io::AsyncWrite::poll_write(Pin::new(socket), cx, bytes),
        };
        self.told(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = match &mut self.socket {
            Socket::Plain(socket) => tokio::io::AsyncWrite::poll_flush(Pin::new(socket), cx),
            Socket::Tls(socket) => tokio::io::AsyncWrite::poll_flush(Pin::new(socket), cx),
        };
        self.told(flushed)
    }

    /// The socket closes when it is dropped, right after; nobody waits here for a broker that
    /// does not answer.
    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.end.now(|| "the connection ended".into());
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire").finish_non_exhaustive()
    }
}
