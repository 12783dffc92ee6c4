//! A process: started, listened to, signalled, and always ended.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Longest wait for anything: far beyond what a busy machine needs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Lines of each stream shown when a wait fails.
const TAIL: usize = 25;

#[derive(Clone, Copy, Debug)]
pub(crate) enum Stream {
    Out,
    Err,
}

/// Killed and waited for when it goes out of scope.
pub(crate) struct Process {
    name: String,
    child: Child,
    output: Arc<Output>,
}

/// What an ended process leaves.
#[derive(Debug)]
pub(crate) struct Ended {
    /// `None`: ended by a signal.
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Process {
    pub(crate) fn start(name: &str, mut command: Command) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|e| panic!("{name} does not start: {e}"));
        let output = Arc::new(Output::default());
        output.follow(Stream::Out, child.stdout.take().expect("piped"));
        output.follow(Stream::Err, child.stderr.take().expect("piped"));
        Self { name: name.into(), child, output }
    }

    /// The first line that `wanted` makes something of, whether it came already or comes yet.
    pub(crate) fn line<T>(&self, stream: Stream, wanted: impl Fn(&str) -> Option<T>) -> T {
        self.output(stream, |lines| lines.iter().find_map(|line| wanted(line)))
    }

    /// Waits until `enough` makes something of all lines so far.
    #[track_caller]
    pub(crate) fn output<T>(&self, stream: Stream, enough: impl Fn(&[String]) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        let mut seen = self.output.lock();
        loop {
            if let Some(found) = enough(seen.of(stream)) {
                return found;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || seen.open == 0 {
                let why = if seen.open == 0 { "it has ended" } else { "time is up" };
                let text = format!("{}: waited in vain, {why}\n{}", self.name, seen.tail());
                drop(seen);
                panic!("{text}");
            }
            seen = self.output.wait(seen, left);
        }
    }

    /// All that it gets on its standard input, which has to be piped.
    pub(crate) fn feed(&mut self, text: &str) {
        let mut stdin = self.child.stdin.take().expect("piped");
        stdin.write_all(text.as_bytes()).expect("it reads");
    }

    /// A part of what it gets on its standard input, which stays open.
    pub(crate) fn feed_more(&mut self, text: &str) {
        let stdin = self.child.stdin.as_mut().expect("piped");
        stdin.write_all(text.as_bytes()).and_then(|()| stdin.flush()).expect("it reads");
    }

    /// The most memory that it has ever held, in KiB. It has to be running.
    pub(crate) fn memory_kib_max(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.expect("a process that runs has one");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = peak.and_then(|text| text.trim().strip_suffix(" kB"));
        kib.and_then(|kib| kib.parse().ok()).expect("a number of kB")
    }

    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("sh").args(["-c", "kill -s \"$0\" \"$1\"", name, &pid]).status();
        assert!(sent.is_ok_and(|status| status.success()), "{}: no {name} sent", self.name);
    }

    /// SIGKILL: it gets no chance to finish anything.
    pub(crate) fn kill(mut self) -> Ended {
        self.child.kill().expect("a process of ours");
        self.end()
    }

    /// SIGTERM, then its end.
    pub(crate) fn terminate(self) -> Ended {
        self.signal("TERM");
        self.end()
    }

    /// Waits until it ends by itself.
    #[track_caller]
    pub(crate) fn end(mut self) -> Ended {
        let deadline = Instant::now() + PATIENCE;
        let mut seen = self.output.lock();
        while seen.open > 0 {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let text = format!("{} does not end\n{}", self.name, seen.tail());
                drop(seen);
                panic!("{text}");
            }
            seen = self.output.wait(seen, left);
        }
        let (out, err) = (seen.of(Stream::Out).join("\n"), seen.of(Stream::Err).join("\n"));
        drop(seen);
        let status = self.child.wait().expect("a process of ours");
        Ended { code: status.code(), out, err }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only for a process that has ended and was waited for.
        let ended = self.child.kill().and_then(|()| self.child.wait());
        if ended.is_err() && !thread::panicking() {
            eprintln!("{}: could not be ended", self.name);
        }
    }
}

/// The lines of both streams as they come.
#[derive(Default)]
struct Output {
    seen: Mutex<Seen>,
    changed: Condvar,
}

#[derive(Default)]
struct Seen {
    out: Vec<String>,
    err: Vec<String>,
    /// Streams that have not ended.
    open: u8,
}

impl Output {
    fn follow(self: &Arc<Self>, stream: Stream, from: impl Read + Send + 'static) {
        self.lock().open += 1;
        let output = Arc::clone(self);
        thread::spawn(move || {
            let mut from = BufReader::new(from);
            let mut line = Vec::new();
            while from.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
                let text = String::from_utf8_lossy(&line).trim_end_matches('\n').to_owned();
                output.lock().of_mut(stream).push(text);
                output.changed.notify_all();
                line.clear();
            }
            output.lock().open -= 1;
            output.changed.notify_all();
        });
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, seen: MutexGuard<'a, Seen>, time: Duration) -> MutexGuard<'a, Seen> {
        self.changed.wait_timeout(seen, time).unwrap_or_else(PoisonError::into_inner).0
    }
}

impl Seen {
    fn of(&self, stream: Stream) -> &[String] {
        match stream {
            Stream::Out => &self.out,
            Stream::Err => &self.err,
        }
    }

    fn of_mut(&mut self, stream: Stream) -> &mut Vec<String> {
        match stream {
            Stream::Out => &mut self.out,
            Stream::Err => &mut self.err,
        }
    }

    fn tail(&self) -> String {
        let tail = |lines: &[String]| lines[lines.len().saturating_sub(TAIL)..].join("\n");
        format!("--- stdout ends with:\n{}\n--- stderr:\n{}", tail(&self.out), tail(&self.err))
    }
}
