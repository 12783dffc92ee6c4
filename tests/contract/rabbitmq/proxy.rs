//! Something between payoutd and the broker that cuts connections, or passes nothing on.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Mode {
    Open,
    /// Connections are accepted and kept, and nothing passes.
    Frozen,
    /// Connections end, and new ones end at once.
    Closed,
}

pub(super) struct Proxy {
    pub(super) address: SocketAddr,
    mode: Arc<watch::Sender<Mode>>,
    _serving: JoinSet<()>,
}

impl Proxy {
    pub(super) async fn to(target: String, mode: Mode) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
        let address = listener.local_addr().expect("is bound");
        let mode = Arc::new(watch::Sender::new(mode));
        let modes = Arc::clone(&mode);
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((near, _)) = listener.accept().await {
                connections.spawn(connection(near, target.clone(), modes.subscribe()));
            }
        });
        Self { address, mode, _serving: serving }
    }

    pub(super) fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }
}

async fn connection(near: TcpStream, target: String, mut mode: watch::Receiver<Mode>) {
    let mut closed = mode.clone();
    let passing = async {
        mode.wait_for(|mode| *mode != Mode::Frozen).await.ok()?;
        let far = TcpStream::connect(target).await.ok()?;
        let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
        tokio::select! {
            () = pass(near_in, far_out, mode.clone()) => {}
            () = pass(far_in, near_out, mode.clone()) => {}
        }
        Some(())
    };
    tokio::select! {
        _ = passing => {}
        _ = closed.wait_for(|mode| *mode == Mode::Closed) => {}
    }
}

async fn pass(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    mut mode: watch::Receiver<Mode>,
) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        if mode.wait_for(|mode| *mode != Mode::Frozen).await.is_err()
            || to.write_all(&buffer[..count]).await.is_err()
        {
            return;
        }
    }
}
