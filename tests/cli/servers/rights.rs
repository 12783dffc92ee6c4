//! Users with the rights that docs/servers.md gives them, and no others: enough for everything, and
//! not enough for harm.

use super::broker::Broker;
use super::examples::{example, pay, python};
use super::installation::place_on;
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
