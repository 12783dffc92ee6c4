//! A Redis of one's own, as the packages of Debian bring it: append-only, never evicting.

use std::path::Path;
use std::process::Command;

use super::group::Group;
use super::ports;
use super::probe::{self, Answer};

/// Killed, and its data removed, when dropped.
pub(crate) struct Redis {
    group: Group,
    port: u16,
    settings: &'static [&'static str],
    answer: Answer,
}

impl Redis {
    /// Starts one, empty, on a free port of this machine, and waits until it answers (50 ms).
    #[track_caller]
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same, with options of its command line in addition, also when it is started again.
    #[track_caller]
    pub(crate) fn start_with(settings: &'static [&'static str]) -> Self {
        let start = || Self::try_start(settings);
        // Somebody may take a port between our finding and its listening.
        match start().or_else(|_| start()) {
            Ok(server) => server,
            Err(failed) => panic!("Redis does not start: {failed}"),
        }
    }

    fn try_start(settings: &'static [&'static str]) -> Result<Self, String> {
        let [port] = ports::free();
        let mut group = Group::new("redis");
        let answer = launch(&mut group, port, settings)?;
        Ok(Self { group, port, settings, answer })
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// Where its data and its log are.
    pub(crate) fn folder(&self) -> &Path {
        self.group.folder()
    }

    /// What it says of itself.
    pub(crate) fn answer(&self) -> &Answer {
        &self.answer
    }

    /// SIGKILL. What it had answered to stays in its folder.
    pub(crate) fn kill(&mut self) {
        self.group.kill();
    }

    /// After [`kill`](Self::kill): on the same port, with the same data. Waits until it answers.
    #[track_caller]
    pub(crate) fn start_again(&mut self) {
        self.kill();
        if let Err(failed) = launch(&mut self.group, self.port, self.settings) {
            panic!("Redis does not start again: {failed}");
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

fn launch(group: &mut Group, port: u16, settings: &[&str]) -> Result<Answer, String> {
    let mut command = Command::new("redis-server");
    command
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""])
        .args(["--appendonly", "yes", "--maxmemory-policy", "noeviction"])
        .args(settings)
        .arg("--dir")
        .arg(group.folder());
    group.spawn(&mut command).map_err(|error| format!("{error} (apt-get install redis-server)"))?;
    group.answers(|| probe::redis(&format!("127.0.0.1:{port}")))
}
