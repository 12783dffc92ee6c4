//! The embedded backend: the suites, several processes on one file, and files it must refuse.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use payoutd::bus::dead_letters::DeadLetters;
use payoutd::bus::{Bus, Message, Queue};
use payoutd::embedded::{Depth, Embedded};
use payoutd::store::{Recorded, Store};
use tempfile::TempDir;

use super::bus::{bus_contract, consume, next, publish, queued};
use super::dead_letters::dead_letters_contract;
use super::fence::fence_contract;
use super::store::{load, payout, store_contract, write};
use super::{Backend, Ports, soon};

#[path = "embedded_files.rs"]
mod files;

/// A file in a directory of its own.
struct OneFile {
    directory: TempDir,
}

impl OneFile {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().expect("a temporary directory") }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("payoutd 100% #1?.db")
    }

    fn embedded(&self) -> Embedded {
        Embedded::open(&self.path()).expect("opens")
    }
}

#[async_trait]
impl Backend for OneFile {
    async fn open(&self) -> Ports {
        ports(self.embedded())
    }

    async fn open_keeping(&self, retention: Duration) -> Ports {
        ports(Embedded::open_keeping(&self.path(), retention).expect("opens"))
    }
}

pub(crate) fn ports(Embedded { store, bus }: Embedded) -> Ports {
    let fence = Arc::clone(&store) as _;
    Ports { store, fence, dead_letters: Arc::clone(&bus) as _, bus }
}

store_contract!(OneFile::new());
fence_contract!(OneFile::new());
bus_contract!(OneFile::new());
dead_letters_contract!(OneFile::new());

#[tokio::test]
async fn case_16_poison_is_delivered_twenty_times_and_its_dead_letter_says_so() {
    let file = OneFile::new();
    let embedded = file.embedded();
    publish(&*embedded.bus, vec![queued("poison")]).await;
    let mut consumer = consume(&*embedded.bus, 8).await;
    for _ in 0..20 {
        drop(next(&mut consumer).await);
    }
    publish(&*embedded.bus, vec![queued("good")]).await;
    let delivery = next(&mut consumer).await;
    assert_eq!(delivery.body, "good");
    let kept = embedded.bus.list(10).await.expect("read").letters;
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].body, "poison");
    assert_eq!(kept[0].reason, "delivered 20 times and never settled");
    assert_eq!(kept[0].queue, Some(Queue::Commands));
}

#[tokio::test]
async fn the_depth_counts_what_waits_and_what_is_in_flight() {
    let file = OneFile::new();
    let embedded = file.embedded();
    let ticket = Message::Ticket { body: "t".into(), delay: Duration::from_secs(3600) };
    publish(&*embedded.bus, vec![queued("1"), queued("2"), queued("3"), ticket]).await;
    let mut consumer = consume(&*embedded.bus, 1).await;
    let held = next(&mut consumer).await;
    let depth = async |queue| embedded.bus.depth(queue).await.expect("read");
    assert_eq!(depth(Queue::Commands).await, Depth { waiting: 2, in_flight: 1 });
    assert_eq!(depth(Queue::Tickets).await, Depth { waiting: 1, in_flight: 0 });
    soon(held.settle.acknowledge()).await.expect("acknowledged");
    assert_eq!(depth(Queue::Commands).await, Depth { waiting: 2, in_flight: 0 });
}

// ---- Other processes: this test binary, started again as one of these. ----

/// What a process started by [`start`] does, with the file's path.
const CHILD: &str = "PAYOUTD_TEST_CHILD";
const CHILD_PATH: &str = "PAYOUTD_TEST_CHILD_PATH";

const FORWARDED: u32 = 300;
const COUNTED: u32 = 100;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "what a process does that other tests start"]
async fn child() {
    let path = PathBuf::from(std::env::var_os(CHILD_PATH).expect("started by a test"));
    let role = std::env::var(CHILD).expect("started by a test");
    let embedded = match Embedded::open(&path) {
        Ok(embedded) => embedded,
        Err(refused) => {
            eprintln!("refused {refused}");
            return;
        }
    };
    match role.as_str() {
        "open" => {}
        "hold" => {
            let mut consumer = consume(&*embedded.bus, 2).await;
            let _held = (next(&mut consumer).await, next(&mut consumer).await);
            eprintln!("ready");
            std::future::pending::<()>().await;
        }
        "forward" => tokio::join!(forward(&*embedded.bus), count(&*embedded.store)).1,
        other => panic!("no role {other}"),
    }
    eprintln!("ready");
    std::future::pending::<()>().await;
}

/// From commands to bank events, with an event for each, for ever.
async fn forward(bus: &dyn Bus) {
    let mut consumer = consume(bus, 16).await;
    let pump = async {
        loop {
            let delivery = consumer.next().await.expect("a delivery");
            let (body, kind) = (delivery.body.clone(), "forwarded".into());
            let forwarded = Message::Queued { queue: Queue::BankEvents, body: body.clone() };
            bus.publish(vec![forwarded, Message::Event { kind, body }]).await.expect("published");
            delivery.settle.acknowledge().await.expect("acknowledged");
        }
    };
    pump.await
}

/// Raises the version of one record, against whoever else does.
async fn count(store: &dyn Store) {
    let mut written = 0;
    while written < COUNTED {
        let mut record = load(store, "counter").await.expect("recorded");
        record.version += 1;
        let recorded = store.record(&record, record.version - 1).await.expect("answered");
        written += u32::from(matches!(recorded, Recorded::Written { .. }));
    }
}

/// Ended when dropped, by SIGKILL.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        self.0.kill().expect("kills");
        self.0.wait().expect("reaps");
    }
}

fn start(role: &str, path: &Path, adapt: impl FnOnce(&mut Command)) -> Process {
    let mut command = Command::new(std::env::current_exe().expect("a path"));
    adapt(&mut command);
    command
        .args(["--exact", "embedded::child", "--ignored", "--nocapture"])
        .envs([(CHILD, role.as_ref()), (CHILD_PATH, path.as_os_str())])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    Process(command.spawn().expect("starts"))
}

/// The process's first word: `ready`, or that it was refused and why.
async fn first_word(process: &mut Process) -> String {
    let stderr = process.0.stderr.take().expect("piped");
    let word = tokio::task::spawn_blocking(|| {
        BufReader::new(stderr)
            .lines()
            .map(|line| line.expect("text"))
            .find(|line| line == "ready" || line.starts_with("refused "))
            .expect("a word before it ends")
    });
    soon(word).await.expect("reads")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_process_held_comes_back_within_seconds() {
    let file = OneFile::new();
    let embedded = file.embedded();
    publish(&*embedded.bus, vec![queued("1"), queued("2")]).await;
    let mut process = start("hold", &file.path(), |_| {});
    assert_eq!(first_word(&mut process).await, "ready");
    let mut consumer = consume(&*embedded.bus, 8).await;
    // Longer than messages stay away by themselves: the living keep what they hold.
    let early = tokio::time::timeout(Duration::from_millis(6_500), consumer.next()).await;
    assert!(early.is_err(), "taken from a living process");
    drop(process);
    let killed = Instant::now();
    for _ in 0..2 {
        let delivery = next(&mut consumer).await;
        assert!(killed.elapsed() < Duration::from_millis(6_500), "{:?}", killed.elapsed());
        soon(delivery.settle.acknowledge()).await.expect("acknowledged");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_processes_share_one_file() {
    let file = OneFile::new();
    let embedded = file.embedded();
    write(&*embedded.store, &payout("counter")).await;
    let mut events = soon(embedded.bus.subscribe()).await.expect("subscribed");
    let mut processes: Vec<_> = (0..3).map(|_| start("forward", &file.path(), |_| {})).collect();
    for n in 0..FORWARDED {
        publish(&*embedded.bus, vec![queued(n.to_string())]).await;
    }
    let mut consumer = soon(embedded.bus.consume(Queue::BankEvents, 32)).await.expect("consuming");
    let mut missing: std::collections::BTreeSet<String> =
        (0..FORWARDED).map(|n| n.to_string()).collect();
    let mut seen = Vec::new();
    for _ in 0..FORWARDED {
        let delivery = next(&mut consumer).await;
        let body = String::from_utf8(delivery.body.to_vec()).expect("text");
        assert!(missing.remove(&body), "{body} came twice");
        soon(delivery.settle.acknowledge()).await.expect("acknowledged");
        seen.push(soon(events.next()).await.expect("an event"));
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), FORWARDED as usize, "each event once");
    // The counting goes on until each process has had its turns.
    let finished = async {
        while load(&*embedded.store, "counter").await.expect("recorded").version
            < 1 + 3 * u64::from(COUNTED)
        {}
    };
    soon(finished).await;
    assert!(processes.iter_mut().all(|p| p.0.try_wait().expect("asked").is_none()), "all live");
}
