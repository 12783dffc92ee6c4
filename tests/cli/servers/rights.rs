//! Users with the rights that docs/servers.md gives them, and no others: enough for everything, and
//! not enough for harm.

use std::process::Command;

use super::broker::Broker;
use super::examples::{example, pay, python};
use super::installation::place_on;
use crate::place::{Place, free_port};
use crate::process::{Process, Stream};
use crate::services::{RabbitMq, Redis};

const DOCS: &str = include_str!("../../../docs/servers.md");

/// The lines of the page that begin so, without that, and what quotes hold as one word.
fn words_of<'a>(line: &'a str, begins: &str) -> Option<Vec<&'a str>> {
    let rest = line.strip_prefix(begins)?;
    let quoted = rest.split('\'').enumerate();
    let words = quoted.flat_map(|(n, part)| match n % 2 {
        0 => part.split_whitespace().collect(),
        _ => vec![part],
    });
    Some(words.collect())
}

fn make_users(rabbitmq: &RabbitMq, redis: &Redis) {
    let granted: Vec<_> = DOCS.lines().filter_map(|l| words_of(l, "rabbitmqctl ")).collect();
    assert_eq!(granted.len(), 3, "{granted:?}");
    for words in &granted {
        let user = words.iter().find(|word| ["payoutd", "shop", "ledger"].contains(word));
        rabbitmq.control(&["add_user", user.expect("a user of the page"), "pw"]);
        rabbitmq.control(words);
    }
    let block = DOCS.split("```text").nth(1).and_then(|rest| rest.split("```").next());
    let acl = block.expect("the page has it").replace(">PASSWORD", ">pw");
    let mut words = acl.split_whitespace();
    let mut command = ::redis::cmd(words.next().expect("a command"));
    let client = ::redis::Client::open(redis.url()).expect("a URL");
    let mut connection = client.get_connection().expect("a connection");
    command.arg(words.collect::<Vec<_>>()).exec(&mut connection).expect("a user");
}

#[test]
fn users_with_the_rights_of_the_page_can_do_their_work_and_no_more() {
    let (rabbitmq, redis) = (RabbitMq::start(), Redis::start());
    make_users(&rabbitmq, &redis);
    let as_user = |user: &str| rabbitmq.url().replace("guest:guest", &format!("{user}:pw"));
    let mut place =
        place_on(&as_user("payoutd"), &redis.url().replace("redis://", "redis://payoutd:pw@"));
    place.set("backend.prefix", "payoutd");

    let (mut publish, mut subscribe) = (python(), python());
    publish.arg(example("publish.py")).env("PAYOUTD_BACKEND__AMQP_URL", as_user("shop"));
    subscribe.args([example("subscribe.py"), "ledger.results".into()]);
    subscribe.env("PAYOUTD_BACKEND__AMQP_URL", as_user("ledger"));
    pay(&mut place, publish, subscribe);

    place.watch().terminate();
    for args in [&["topology"][..], &["list"], &["dead-letters", "list"]] {
        let ran = place.ran(args.iter().copied());
        assert_eq!(ran.code, Some(0), "{ran:?}");
    }
    for exchange in ["payoutd.tickets", "payoutd.bank-events", "payoutd.events"] {
        let told =
            Broker::connect(&as_user("shop")).try_publish(exchange, b"{}", Default::default());
        assert!(told.is_err(), "{exchange}: {told:?}");
    }
}

#[test]
fn a_redis_whose_default_user_is_switched_off_as_the_page_says_reads_its_file_again() {
    let default = DOCS.split('`').find(|code| code.starts_with("user default off ~"));
    let place = Place::empty();
    let users = format!("{}\nuser admin on >pw ~* &* +@all\n", default.expect("the page has it"));
    place.write("users.acl", users);
    let port = free_port().to_string();
    let start = || {
        let mut command = Command::new("redis-server");
        command.current_dir(place.dir()).args(["--port", &port, "--bind", "127.0.0.1"]);
        command.args(["--save", "", "--appendonly", "yes", "--aclfile", "users.acl"]);
        let server = Process::start("redis-server", command);
        server.line(Stream::Out, |line| line.contains("Ready to accept").then_some(()));
        let client = ::redis::Client::open(format!("redis://admin:pw@127.0.0.1:{port}"));
        (server, client.expect("a URL").get_connection().expect("a connection"))
    };
    let (server, mut connection) = start();
    // As payoutd writes: several at once, which Redis keeps as a transaction.
    let written = "redis.call('SET', 'record', 1) redis.call('SET', 'index', 1)";
    ::redis::cmd("EVAL").arg(written).arg(0).exec(&mut connection).expect("written");
    server.kill();
    let (_server, mut connection) = start();
    let kept: u64 = ::redis::cmd("DBSIZE").query(&mut connection).expect("answered");
    assert_eq!(kept, 2);
}
