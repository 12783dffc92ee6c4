//! The processes of one server: in a process group and a folder of their own.
//!
//! Nothing is left behind. Dropped, the group is killed and the folder removed; and if the test
//! process itself dies without a chance to drop anything (Ctrl-C, SIGKILL), a guard does both: a
//! shell whose standard input ends with us.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// From start to the first answer. RabbitMQ takes about 5 s alone on a machine.
const PATIENCE: Duration = Duration::from_secs(120);
/// Between two questions whether it answers: nothing tells us when it will.
const PAUSE: Duration = Duration::from_millis(20);
/// Of the log, shown when a server does not start.
const TAIL_LINES: usize = 30;

pub(crate) struct Group {
    folder: TempDir,
    /// The first one leads the group and gives it its number. None: killed.
    members: Vec<Child>,
    guard: Option<Child>,
}

impl Group {
    /// With an empty folder and no process yet.
    pub(crate) fn new(name: &str) -> Self {
        let folder = tempfile::Builder::new().prefix(&format!("payoutd-test-{name}-")).tempdir();
        let folder = folder.expect("a folder for temporary files that can be written");
        Self { folder, members: Vec::new(), guard: None }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Starts a process in the group. It sees the folder as its home, reads nothing, and writes
    /// to the log.
    pub(crate) fn spawn(&mut self, command: &mut Command) -> io::Result<()> {
        let log = OpenOptions::new().create(true).append(true).open(self.folder().join("log"))?;
        let child = command
            .current_dir(self.folder())
            .env("HOME", self.folder())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(self.leader().unwrap_or(0))
            .spawn()?;
        self.members.push(child);
        if self.guard.is_none() {
            self.guard = Some(self.start_guard()?);
        }
        Ok(())
    }

    fn start_guard(&self) -> io::Result<Child> {
        let group = self.leader().expect("a process was just started").to_string();
        Command::new("sh")
            .args(["-c", "read -r _; kill -s KILL -- \"-$0\"; rm -rf -- \"$1\"", &group])
            .arg(self.folder())
            .stdin(Stdio::piped())
            // Not of the terminal's group, whose Ctrl-C would end it before it could do anything.
            .process_group(0)
            .spawn()
    }

    /// Waits until `asked` gets an answer. Fails when a process ends before that, or time is up.
    pub(crate) fn answers<T>(&mut self, asked: impl Fn() -> io::Result<T>) -> Result<T, String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let error = match asked() {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            for member in &mut self.members {
                if let Ok(Some(status)) = member.try_wait() {
                    return Err(format!("it has ended, {status}\n{}", self.log_tail()));
                }
            }
            if Instant::now() > deadline {
                return Err(format!("no answer: {error}\n{}", self.log_tail()));
            }
            thread::sleep(PAUSE);
        }
    }

    /// SIGKILL for all of them, which then are gone: they get no chance to finish anything. The
    /// folder stays. Does nothing if none runs.
    pub(crate) fn kill(&mut self) {
        if self.members.is_empty() {
            return;
        }
        // Refused only if all of them ended by themselves.
        self.send("KILL");
        for mut member in self.members.drain(..) {
            member.wait().expect("a process of ours");
        }
        // After that, for its number may be given to another group from now on.
        if let Some(mut guard) = self.guard.take() {
            guard.kill().and_then(|()| guard.wait()).expect("a process of ours");
        }
    }

    /// Sends all of them a signal, named without `SIG`.
    pub(crate) fn signal(&self, name: &str) {
        assert!(self.send(name), "no {name} sent: it has ended, or was not started");
    }

    fn send(&self, name: &str) -> bool {
        let Some(group) = self.leader() else { return false };
        let mut kill = Command::new("sh");
        kill.args(["-c", "kill -s \"$0\" -- \"-$1\"", name, &group.to_string()]);
        kill.stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    }

    fn leader(&self) -> Option<i32> {
        let leader = self.members.first()?;
        Some(i32::try_from(leader.id()).expect("process numbers are small"))
    }

    fn log_tail(&self) -> String {
        let log = fs::read(self.folder().join("log")).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}
