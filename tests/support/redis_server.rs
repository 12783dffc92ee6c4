//! A Redis server of a test's own: started, frozen, killed and started again with its data.
//!
//! It listens on a free port of this machine and is killed when dropped.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Starting takes 50 ms on a machine that has nothing else to do.
const START_MAX: Duration = Duration::from_secs(20);

/// Between looks at a server that starts: nothing tells when it is ready.
const LOOK_EVERY: Duration = Duration::from_millis(10);

pub(crate) struct RedisServer {
    directory: TempDir,
    port: u16,
    args: Vec<String>,
    process: Child,
}

impl RedisServer {
    /// Starts one that is as payoutd wants it, but for `extra_args`, which come last. `{port}` in
    /// them is its port.
    pub(crate) fn start(extra_args: &[&str]) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let port = free_port();
        let args: Vec<String> =
            extra_args.iter().map(|arg| arg.replace("{port}", &port.to_string())).collect();
        let process = spawn(&directory, port, &args);
        let server = Self { directory, port, args, process };
        server.wait_until_ready();
        server
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// With -9: nothing is written any more.
    pub(crate) fn kill(&mut self) {
        self.process.kill().expect("killed");
        self.process.wait().expect("ended");
    }

    /// On the same port, with the same data.
    pub(crate) fn start_again(&mut self) {
        self.process = spawn(&self.directory, self.port, &self.args);
        self.wait_until_ready();
    }

    /// Stops it where it is; the system still takes connections and data for it.
    pub(crate) fn freeze(&self) {
        self.signal("STOP");
    }

    pub(crate) fn thaw(&self) {
        self.signal("CONT");
    }

    fn signal(&self, name: &str) {
        let pid = self.process.id().to_string();
        let sent = Command::new("sh").args(["-c", "kill -s \"$0\" \"$1\"", name, &pid]).status();
        assert!(sent.expect("a shell").success());
    }

    fn wait_until_ready(&self) {
        let started = Instant::now();
        while !self.answers() {
            assert!(started.elapsed() < START_MAX, "redis-server does not start");
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// Whatever it answers, as long as it has its data: it may want a password, or TLS.
    fn answers(&self) -> bool {
        let mut reply = [0; 8];
        let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.port)) else { return false };
        stream.set_read_timeout(Some(Duration::from_secs(1))).expect("set");
        let answered = stream.write_all(b"PING\r\n").and_then(|()| stream.read(&mut reply));
        // One that wants TLS hangs up.
        let reset = |e: &std::io::Error| e.kind() == ErrorKind::ConnectionReset;
        answered.as_ref().err().is_none_or(reset) && !reply.starts_with(b"-LOADING")
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

fn spawn(directory: &TempDir, port: u16, extra_args: &[String]) -> Child {
    Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
        .args(["--save", "", "--appendonly", "yes", "--maxmemory-policy", "noeviction"])
        .arg("--dir")
        .arg(directory.path())
        .args(extra_args)
        .stdout(Stdio::null())
        .spawn()
        .expect("redis-server is installed")
}

/// Free now, and not given out again soon.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("bound").port()
}
