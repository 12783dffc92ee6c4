//! Requests that attack the door for webhooks, each with its answer. Case 45 of the fault matrix.
//!
//! Written byte by byte to the socket: no client would send them.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::ingress::post_signed;
use crate::world::{WEBHOOKS, World, bank_private_key, card};

/// Longest that the server's own limits let anybody wait.
const PATIENCE: Duration = Duration::from_secs(30);

async fn connect(world: &World) -> TcpStream {
    let door = world.door();
    let address = door.trim_start_matches("http://").split('/').next().expect("an address");
    TcpStream::connect(address).await.expect("connected")
}

/// The status of the first answer; `None`: hung up on without one.
async fn status(stream: &mut TcpStream) -> Option<u16> {
    let mut head = [0; "HTTP/1.1 400".len()];
    let read = tokio::time::timeout(PATIENCE, stream.read_exact(&mut head)).await;
    read.expect("in time").ok()?;
    let text = std::str::from_utf8(&head).expect("an HTTP answer");
    Some(text.strip_prefix("HTTP/1.1 ")?.parse().expect("a status"))
}

async fn answered(world: &World, request: &[u8]) -> Option<u16> {
    let mut stream = connect(world).await;
    // Whoever is hung up on cannot write the rest, and has the answer all the same.
    drop(stream.write_all(request).await);
    status(&mut stream).await
}

/// Sends the beginning of a request, and then a byte whenever there was no answer for a while.
async fn drip(world: &World, beginning: String, byte: &[u8]) -> Option<u16> {
    const PAUSE: Duration = Duration::from_millis(200);
    let mut stream = connect(world).await;
    stream.write_all(beginning.as_bytes()).await.expect("written");
    let dripping = async {
        while tokio::time::timeout(PAUSE, stream.readable()).await.is_err() {
            stream.write_all(byte).await.expect("written");
        }
    };
    tokio::time::timeout(PATIENCE, dripping).await.expect("not listened to for ever");
    status(&mut stream).await
}

#[tokio::test(flavor = "multi_thread")]
async fn case_45_whoever_drips_a_head_or_a_body_is_not_listened_to_for_ever() {
    let world = World::new().await;
    let machine = world.machine();
    let head = format!("POST {WEBHOOKS} HTTP/1.1\r\nhost: a\r\n");
    let (of_head, of_body) = tokio::join!(
        drip(&world, format!("{head}x-a: "), b"a"),
        drip(&world, format!("{head}content-length: 1000\r\n\r\n"), b" "),
    );
    assert_eq!((of_head, of_body), (None, Some(408)));
    machine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn case_45_what_is_no_request_or_far_too_much_of_one_has_its_answer() {
    let mut world = World::new().await;
    let machine = world.machine();
    let post = format!("POST {WEBHOOKS} HTTP/1.1\r\nhost: a\r\n");
    let signature = bank_private_key().sign(b"{\"type\":\"brand_new\"}");
    let body = "content-length: 20\r\n\r\n{\"type\":\"brand_new\"}";
    let long = "a".repeat(64 * 1024);
    let requests: [(&str, Vec<u8>, Option<u16>); 19] = [
        ("no HTTP", b"\x16\x03\x01\x02\x00\x01\r\n\r\n".to_vec(), Some(400)),
        ("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), None),
        ("another method", format!("GET {WEBHOOKS} HTTP/1.1\r\nhost: a\r\n\r\n").into(), Some(405)),
        ("another path", b"POST /../etc/passwd HTTP/1.1\r\nhost: a\r\n\r\n".to_vec(), Some(404)),
        (
            "a path that is not UTF-8",
            b"POST /\xff\xfe HTTP/1.1\r\nhost: a\r\n\r\n".to_vec(),
            Some(400),
        ),
        ("a head of 1 MiB", format!("{post}x-a: {}\r\n\r\n", long.repeat(16)).into(), Some(431)),
        ("1000 headers", format!("{post}{}\r\n", "x-a: 1\r\n".repeat(1000)).into(), Some(431)),
        ("a path of 64 KiB", format!("POST /{long} HTTP/1.1\r\nhost: a\r\n\r\n").into(), Some(414)),
        (
            "a length beyond all numbers",
            format!("{post}content-length: {}\r\n\r\n", "9".repeat(30)).into(),
            Some(400),
        ),
        ("a length below 0", format!("{post}content-length: -1\r\n\r\n").into(), Some(400)),
        (
            "two lengths",
            format!("{post}content-length: 1\r\ncontent-length: 2\r\n\r\n").into(),
            Some(400),
        ),
        (
            "a large length, and nothing",
            format!("{post}content-length: 9999999999\r\n\r\n").into(),
            Some(408),
        ),
        (
            "chunks that have no size",
            format!("{post}transfer-encoding: chunked\r\n\r\nzz\r\n").into(),
            Some(400),
        ),
        (
            "a chunk beyond all numbers",
            format!("{post}transfer-encoding: chunked\r\n\r\n{}\r\n", "f".repeat(30)).into(),
            Some(400),
        ),
        (
            "chunks without end",
            format!(
                "{post}transfer-encoding: chunked\r\n\r\n{}",
                format!("10000\r\n{long}\r\n").repeat(17)
            )
            .into(),
            Some(413),
        ),
        (
            "a signature that is not UTF-8",
            [post.as_bytes(), b"x-partner-sign: \xff\xfe\r\n", body.as_bytes()].concat(),
            Some(401),
        ),
        (
            "a signature of 64 KiB",
            format!("{post}x-partner-sign: {long}\r\n{body}").into(),
            Some(401),
        ),
        (
            "a good signature after another",
            format!("{post}x-partner-sign: AAAA\r\nx-partner-sign: {signature}\r\n{body}").into(),
            Some(401),
        ),
        (
            "all as it should be",
            format!("{post}x-partner-sign: {signature}\r\n{body}").into(),
            Some(200),
        ),
    ];
    for (what, request, expected) in &requests {
        assert_eq!(answered(&world, request).await, *expected, "{what}");
    }
    world.publish(&card("inv-1", 10_000)).await;
    world.settled("inv-1").await;
    machine.stop().await;
}

/// Empty, and compressed.
const NOTHING_GZIPPED: &[u8] =
    b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00";

/// `{"type":"brand_new"}`, compressed: a webhook that would be taken.
const GZIPPED: &[u8] = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xab\x56\x2a\xa9\x2c\x48\x55\xb2\x52\x4a\x2a\x4a\xcc\x4b\x89\xcf\x4b\x2d\x57\xaa\x05\x00\x2d\x6c\x70\x28\x14\x00\x00\x00";

#[tokio::test(flavor = "multi_thread")]
async fn case_45_bodies_that_attack_are_answered_though_the_bank_signed_them() {
    let mut world = World::new().await;
    let machine = world.machine();
    let deep = format!("{}{}", "[".repeat(400_000), "]".repeat(400_000));
    let session = |fields: &str| {
        format!(r#"{{"type":"payment_finished","session":{{"id":"ps_1",{fields}}}}}"#)
    };
    let bodies: [(&str, Vec<u8>, u16); 17] = [
        (
            "deep where a session belongs",
            format!(r#"{{"type":"payment_finished","session":{deep}}}"#).into(),
            400,
        ),
        ("deep where payouts belong", session(&format!(r#""payments":{deep}"#)).into(), 200),
        (
            "deep where nothing is read",
            format!(r#"{{"type":"brand_new","newer":{deep}}}"#).into(),
            200,
        ),
        ("a key twice", br#"{"type":"brand_new","type":"ready_to_confirm"}"#.to_vec(), 400),
        ("a session's key twice", session(r#""id":"ps_2""#).into(), 400),
        ("an unknown key twice", br#"{"type":"brand_new","newer":1,"newer":2}"#.to_vec(), 200),
        (
            "numbers beyond all types",
            session(r#""payments":[{"amount_details":{"amount":1e999,"currency":"rub"}}]"#).into(),
            200,
        ),
        (
            "an id that is a number",
            br#"{"type":"payment_finished","session":{"id":1e999}}"#.to_vec(),
            400,
        ),
        ("no UTF-8 where it is read", b"{\"type\":\"brand_new\xff\"}".to_vec(), 400),
        (
            "no UTF-8 where nothing is read",
            b"{\"type\":\"brand_new\",\"newer\":\"\xff\xfe\"}".to_vec(),
            200,
        ),
        ("half a character", br#"{"type":"\ud800"}"#.to_vec(), 400),
        ("a byte order mark", b"\xef\xbb\xbf{\"type\":\"brand_new\"}".to_vec(), 400),
        (
            "UTF-16",
            "{\"type\":\"brand_new\"}".encode_utf16().flat_map(u16::to_le_bytes).collect(),
            400,
        ),
        ("zeros", vec![0; 1024 * 1024], 400),
        ("nothing, compressed", NOTHING_GZIPPED.to_vec(), 400),
        ("a webhook, compressed", GZIPPED.to_vec(), 400),
        (
            "a webhook and something after it",
            b"{\"type\":\"brand_new\"}{\"type\":\"brand_new\"}".to_vec(),
            400,
        ),
    ];
    for (what, body, expected) in &bodies {
        assert_eq!(post_signed(&world, body).await, *expected, "{what}");
    }
    // What was let in reaches the decider, which outlives it.
    world.publish(&card("inv-1", 10_000)).await;
    world.settled("inv-1").await;
    machine.stop().await;
    world.assert_paid_once("inv-1").await;
}

/// The signature is over the bytes on the wire, and nothing is inflated, whatever a header says.
#[tokio::test(flavor = "multi_thread")]
async fn case_45_a_compressed_body_is_not_inflated_whatever_was_signed() {
    let world = World::new().await;
    let machine = world.machine();
    let plain = bank_private_key().sign(b"{\"type\":\"brand_new\"}");
    let packed = bank_private_key().sign(GZIPPED);
    for (signature, expected) in [(plain, 401), (packed, 400)] {
        let head = format!(
            "POST {WEBHOOKS} HTTP/1.1\r\nhost: a\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\
             x-partner-sign: {signature}\r\n\r\n",
            GZIPPED.len()
        );
        let request = [head.as_bytes(), GZIPPED].concat();
        assert_eq!(answered(&world, &request).await, Some(expected));
    }
    machine.stop().await;
}
