//! A RabbitMQ of one's own, as the packages of Debian bring it, beside whatever else runs.
//!
//! It is started without the package's wrapper, which would change to a user of its own. Own are
//! also the node's name, the cookie (in its home), and the port mapper `epmd`: RabbitMQ would use
//! one that it finds, or start one that outlives it.

use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use super::group::Group;
use super::ports;
use super::probe::{self, Answer};

const SERVER: &str = "/usr/lib/rabbitmq/bin/rabbitmq-server";

/// Longest wait for a new queue's name to be on disk.
const KEPT_WITHIN: Duration = Duration::from_secs(30);

/// Killed, and its data removed, when dropped.
pub(crate) struct RabbitMq {
    group: Group,
    ports: Ports,
    answer: Answer,
}

#[derive(Clone, Copy)]
struct Ports {
    amqp: u16,
    distribution: u16,
    mapper: u16,
}

impl RabbitMq {
    /// Starts one, empty, on free ports of this machine, and waits until it answers (5 s).
    #[track_caller]
    pub(crate) fn start() -> Self {
        // Somebody may take a port between our finding and its listening.
        match Self::try_start().or_else(|_| Self::try_start()) {
            Ok(server) => server,
            Err(failed) => panic!("RabbitMQ does not start: {failed}"),
        }
    }

    fn try_start() -> Result<Self, String> {
        let [amqp, distribution, mapper] = ports::free();
        let ports = Ports { amqp, distribution, mapper };
        let mut group = Group::new("rabbitmq");
        configure(group.folder(), amqp).map_err(|error| error.to_string())?;
        let answer = launch(&mut group, ports)?;
        Ok(Self { group, ports, answer })
    }

    /// With the user that RabbitMQ comes with, and the root virtual host.
    pub(crate) fn url(&self) -> String {
        format!("amqp://guest:guest@127.0.0.1:{}/%2f", self.ports.amqp)
    }

    /// Where its data and its log are.
    pub(crate) fn folder(&self) -> &Path {
        self.group.folder()
    }

    /// What it says of itself.
    pub(crate) fn answer(&self) -> &Answer {
        &self.answer
    }

    /// Runs `rabbitmqctl` with these arguments.
    #[track_caller]
    pub(crate) fn control(&self, args: &[&str]) {
        let ran = Command::new("/usr/lib/rabbitmq/bin/rabbitmqctl")
            .args(["-q", "-n", &node(self.ports)])
            .args(args)
            // Where its cookie is.
            .env("HOME", self.folder())
            .env("ERL_EPMD_ADDRESS", "127.0.0.1")
            .env("ERL_EPMD_PORT", self.ports.mapper.to_string())
            .env("RABBITMQ_CONF_ENV_FILE", "/dev/null")
            .output()
            .expect("rabbitmqctl is installed");
        assert!(ran.status.success(), "{args:?}: {}", String::from_utf8_lossy(&ran.stderr));
    }

    /// Waits until a kill leaves a quorum queue (of the root virtual host) as it is. 3.10 writes
    /// the names of new ones to disk within about a second after it has confirmed them: killed
    /// before that, it comes back with a queue that answers nothing, whatever was in it.
    #[track_caller]
    pub(crate) fn keeps(&self, queue: &str) {
        let node = node(self.ports);
        let path = self.folder().join("mnesia").join(&node).join("quorum").join(&node);
        let name = format!("%2F_{queue}");
        // As Erlang writes an atom, so that it is not the beginning of a longer one.
        let atom = [&[u8::try_from(name.len()).expect("a short name")], name.as_bytes()].concat();
        let deadline = Instant::now() + KEPT_WITHIN;
        loop {
            let names = fs::read(path.join("names.dets")).unwrap_or_default();
            if names.windows(atom.len()).any(|window| window == atom) {
                return;
            }
            assert!(Instant::now() < deadline, "RabbitMQ has not written the name of {queue}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// SIGKILL. What it had confirmed stays in its folder, if its queue [is kept](Self::keeps).
    pub(crate) fn kill(&mut self) {
        self.group.kill();
    }

    /// After [`kill`](Self::kill): on the same port, with the same data. Waits until it answers.
    #[track_caller]
    pub(crate) fn start_again(&mut self) {
        self.kill();
        if let Err(failed) = launch(&mut self.group, self.ports) {
            panic!("RabbitMQ does not start again: {failed}");
        }
    }

    /// SIGSTOP: connections stay, nothing is answered.
    pub(crate) fn freeze(&self) {
        self.group.signal("STOP");
    }

    /// SIGCONT, after [`freeze`](Self::freeze).
    pub(crate) fn thaw(&self) {
        self.group.signal("CONT");
    }
}

fn node(ports: Ports) -> String {
    format!("payoutd-test-{}@localhost", ports.amqp)
}

/// Limits fit for a machine that runs many things at once: publishers are not held up by a disk
/// that is half full, and neither memory nor the log of the quorum queues grows to what the
/// defaults allow (0.4 of the machine's memory, 512 MB).
fn configure(folder: &Path, port: u16) -> io::Result<()> {
    let settings = format!(
        "listeners.tcp.1 = 127.0.0.1:{port}\n\
         disk_free_limit.absolute = 50MB\n\
         vm_memory_high_watermark.absolute = 512MB\n\
         raft.wal_max_size_bytes = 67108864\n"
    );
    fs::write(folder.join("rabbitmq.conf"), settings)?;
    fs::write(folder.join("plugins"), "[].")?;
    fs::write(folder.join("advanced.config"), "[].")?;
    fs::create_dir(folder.join("conf.d"))
}

fn launch(group: &mut Group, ports: Ports) -> Result<Answer, String> {
    if !Path::new(SERVER).exists() {
        return Err(format!("no {SERVER} (apt-get install rabbitmq-server)"));
    }
    // In the foreground, as one of the group.
    let mut mapper = Command::new("epmd");
    mapper.args(["-address", "127.0.0.1", "-port", &ports.mapper.to_string()]);
    group.spawn(&mut mapper).map_err(|error| format!("epmd: {error}"))?;
    let folder = group.folder().to_owned();
    let mut server = Command::new(SERVER);
    server
        .env("ERL_EPMD_ADDRESS", "127.0.0.1")
        .env("ERL_EPMD_PORT", ports.mapper.to_string())
        .env("RABBITMQ_NODENAME", node(ports))
        .env("RABBITMQ_NODE_PORT", ports.amqp.to_string())
        .env("RABBITMQ_DIST_PORT", ports.distribution.to_string())
        .env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", "-kernel inet_dist_use_interface {127,0,0,1}")
        .env("RABBITMQ_MNESIA_BASE", folder.join("mnesia"))
        .env("RABBITMQ_LOG_BASE", folder.join("logs"))
        .env("RABBITMQ_LOGS", "-")
        .env("RABBITMQ_CONFIG_FILE", folder.join("rabbitmq.conf"))
        .env("RABBITMQ_CONFIG_FILES", folder.join("conf.d"))
        .env("RABBITMQ_ADVANCED_CONFIG_FILE", folder.join("advanced.config"))
        .env("RABBITMQ_ENABLED_PLUGINS_FILE", folder.join("plugins"))
        .env("RABBITMQ_PID_FILE", folder.join("pid"))
        .env("RABBITMQ_CONF_ENV_FILE", "/dev/null")
        // The script then becomes the server instead of waiting for it.
        .env("RUNNING_UNDER_SYSTEMD", "true");
    group.spawn(&mut server).map_err(|error| format!("{SERVER}: {error}"))?;
    group.answers(|| probe::amqp(&format!("127.0.0.1:{}", ports.amqp)))
}
