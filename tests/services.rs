//! The servers that tests start for themselves: they come back as they were, and leave nothing.

#[expect(dead_code, reason = "tests of the binary use the rest")]
#[path = "support/services.rs"]
mod services;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use lapin::options::{
    BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};

use services::{RabbitMq, Redis};

/// Longest that anything awaited here may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Processes are awaited by looking at them again and again: nobody tells us of other people's
/// children.
fn soon(what: &str, happened: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !happened() {
        assert!(Instant::now() < deadline, "{what}: not in time");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Whether a process runs that belongs to the server with this folder. It is in the environment
/// of all its processes and among the guard's arguments; Redis writes over its environment, but
/// works in its folder. Those that ended show none of it.
fn runs(folder: &Path) -> bool {
    let name = folder.to_str().expect("the name is ours").as_bytes();
    let processes = fs::read_dir("/proc").expect("Linux").filter_map(Result::ok);
    // Other people's processes may not be read, and any may end meanwhile.
    processes.map(|process| process.path()).any(|process| {
        let shows = |file| {
            let text = fs::read(process.join(file)).unwrap_or_default();
            text.windows(name.len()).any(|window| window == name)
        };
        let works_there = || {
            let place = fs::read_link(process.join("cwd")).unwrap_or_default();
            // A place that was removed has that behind its name.
            place.as_os_str().as_encoded_bytes().starts_with(name)
        };
        shows("environ") || shows("cmdline") || works_there()
    })
}

fn value(redis: &Redis) -> redis::RedisResult<Option<String>> {
    let client = redis::Client::open(redis.url())?;
    let mut connection = client.get_connection_with_timeout(Duration::from_millis(500))?;
    redis::cmd("GET").arg("key").query(&mut connection)
}

#[test]
fn redis_is_killed_and_frozen_and_comes_back_with_its_data_and_leaves_nothing() {
    let mut redis = Redis::start();
    let (url, folder) = (redis.url(), redis.folder().to_owned());
    let client = redis::Client::open(redis.url()).expect("a good URL");
    let mut connection = client.get_connection().expect("it listens");
    redis::cmd("SET").arg("key").arg("kept").exec(&mut connection).expect("written");
    assert!(runs(&folder));
    let (product, version) = (&redis.answer().product, &redis.answer().version);
    assert!(product == "Redis" && version.starts_with(|c: char| c.is_ascii_digit()));

    redis.kill();
    assert!(value(&redis).is_err(), "killed and still there");
    redis.start_again();
    assert_eq!(redis.url(), url);
    assert_eq!(value(&redis).expect("read").as_deref(), Some("kept"));

    redis.freeze();
    assert!(value(&redis).is_err(), "frozen and still answering");
    redis.thaw();
    assert_eq!(value(&redis).expect("read").as_deref(), Some("kept"));

    drop(redis);
    soon("the end of its processes", || !runs(&folder));
    assert!(!folder.exists());
}

/// A channel on which publishing is confirmed, and the queue.
async fn open(rabbitmq: &RabbitMq) -> (Connection, Channel) {
    let properties = ConnectionProperties::default();
    let connection = Connection::connect(&rabbitmq.url(), properties).await.expect("it listens");
    let channel = connection.create_channel().await.expect("a channel");
    channel.confirm_select(ConfirmSelectOptions::default()).await.expect("confirms");
    let mut quorum = FieldTable::default();
    quorum.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
    let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    channel.queue_declare("queue".into(), durable, quorum).await.expect("the queue");
    (connection, channel)
}

async fn publish(channel: &Channel) {
    let options = BasicPublishOptions::default();
    let properties = BasicProperties::default().with_delivery_mode(2);
    let sent = channel.basic_publish("".into(), "queue".into(), options, b"kept", properties);
    assert!(sent.await.expect("sent").await.expect("confirmed").is_ack());
}

#[tokio::test]
async fn rabbitmq_is_killed_and_frozen_and_comes_back_with_its_messages_and_leaves_nothing() {
    let mut rabbitmq = RabbitMq::start();
    let (product, version) = (&rabbitmq.answer().product, &rabbitmq.answer().version);
    assert!(product == "RabbitMQ" && version.starts_with(|c: char| c.is_ascii_digit()));
    let (url, folder) = (rabbitmq.url(), rabbitmq.folder().to_owned());
    let (_connection, channel) = open(&rabbitmq).await;
    publish(&channel).await;
    assert!(runs(&folder));
    rabbitmq.keeps("queue");

    rabbitmq.kill();
    soon("the end of its processes", || !runs(&folder));
    rabbitmq.start_again();
    assert_eq!(rabbitmq.url(), url);
    let (_connection, channel) = open(&rabbitmq).await;
    let message = channel.basic_get("queue".into(), BasicGetOptions { no_ack: true }).await;
    assert_eq!(message.expect("read").expect("not lost").data, b"kept");

    rabbitmq.freeze();
    let publishing = publish(&channel);
    tokio::pin!(publishing);
    let while_frozen = tokio::time::timeout(Duration::from_millis(500), &mut publishing).await;
    assert!(while_frozen.is_err(), "frozen and still confirming");
    rabbitmq.thaw();
    tokio::time::timeout(PATIENCE, publishing).await.expect("confirmed after the thaw");

    drop(rabbitmq);
    soon("the end of its processes", || !runs(&folder));
    assert!(!folder.exists());
}

#[test]
#[ignore = "the process that the next test kills"]
fn starts_redis_and_waits() {
    let redis = Redis::start();
    redis.freeze();
    println!("folder: {}", redis.folder().display());
    thread::sleep(PATIENCE);
}

#[test]
fn a_server_is_gone_when_the_process_that_started_it_is_killed() {
    let mut starter = Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", "starts_redis_and_waits", "--ignored", "--nocapture"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("this test");
    let lines = BufReader::new(starter.stdout.take().expect("piped")).lines();
    let folder = lines
        .map_while(Result::ok)
        .find_map(|line| Some(line.split_once("folder: ")?.1.to_owned()))
        .expect("it says which folder");
    let folder = Path::new(&folder);
    assert!(runs(folder));
    starter.kill().and_then(|()| starter.wait()).expect("a process of ours");
    soon("the end of its processes", || !runs(folder) && !folder.exists());
}
