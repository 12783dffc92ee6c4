//! Requests that attack the gateway, each with its answer.

use super::*;

/// The status; `None`: hung up on without an answer.
async fn status(mut stream: TcpStream) -> Option<u16> {
    let mut head = [0; "HTTP/1.1 400".len()];
    let read = tokio::time::timeout(Duration::from_secs(30), stream.read_exact(&mut head)).await;
    read.expect("in time").ok()?;
    let text = std::str::from_utf8(&head).expect("an HTTP answer");
    Some(text.strip_prefix("HTTP/1.1 ")?.parse().expect("a status"))
}

async fn answered(running: &Running, request: &[u8]) -> Option<u16> {
    let mut stream = TcpStream::connect(&running.address).await.expect("connected");
    // Whoever is hung up on cannot write the rest, and has the answer all the same.
    drop(stream.write_all(request).await);
    status(stream).await
}

/// Sends the beginning of a request, and then a byte whenever there was no answer for a while.
async fn drip(running: &Running, beginning: &str, byte: &[u8]) -> Option<u16> {
    const PAUSE: Duration = Duration::from_millis(200);
    let mut stream = running.send(beginning).await;
    let dripping = async {
        while tokio::time::timeout(PAUSE, stream.readable()).await.is_err() {
            stream.write_all(byte).await.expect("written");
        }
    };
    tokio::time::timeout(Duration::from_secs(30), dripping).await.expect("not for ever");
    status(stream).await
}

#[tokio::test]
async fn whoever_drips_a_head_or_a_body_is_not_listened_to_for_ever() {
    let running = Running::start().await;
    let head = "POST /v1/token-info HTTP/1.1\r\nhost: a\r\nx-a: ";
    let body = post("/v1/token-info", KEY, "").replace("length: 0", "length: 1000");
    let (of_head, of_body) = tokio::join!(drip(&running, head, b"a"), drip(&running, &body, b" "));
    assert_eq!((of_head, of_body), (None, Some(408)));
    running.stop().await;
}

#[tokio::test]
async fn heads_that_attack_have_their_answers() {
    let running = Running::start().await;
    let head = "POST /v1/token-info HTTP/1.1\r\nhost: a\r\n";
    let key = format!("authorization: Bearer {KEY}\r\n");
    let long = "a".repeat(1024 * 1024);
    let requests: [(&str, Vec<u8>, u16); 8] = [
        ("no HTTP", b"\x16\x03\x01\x02\x00\x01\r\n\r\n".to_vec(), 400),
        ("a head of 1 MiB", format!("{head}x-a: {long}\r\n\r\n").into(), 431),
        ("1000 headers", format!("{head}{}\r\n", "x-a: 1\r\n".repeat(1000)).into(), 431),
        (
            "a key that is not UTF-8",
            [head.as_bytes(), b"authorization: Bearer \xff\r\n\r\n"].concat(),
            401,
        ),
        (
            "a good key after another",
            format!("{head}authorization: Bearer a\r\n{key}\r\n").into(),
            401,
        ),
        (
            "a length beyond all numbers",
            format!("{head}{key}content-length: {}\r\n\r\n", "9".repeat(30)).into(),
            400,
        ),
        (
            "a large length, and nothing",
            format!("{head}{key}content-length: 9999999999\r\n\r\n").into(),
            408,
        ),
        (
            "chunks that have no size",
            format!("{head}{key}transfer-encoding: chunked\r\n\r\nzz\r\n").into(),
            400,
        ),
    ];
    for (what, request, expected) in &requests {
        assert_eq!(answered(&running, request).await, Some(*expected), "{what}");
    }
    running.stop().await;
}

/// `{"card":{"token":"abc"}}`, compressed: it would be asked about.
const GZIPPED: &[u8] = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xab\x56\x4a\x4e\x2c\x4a\x51\xb2\xaa\x56\x2a\xc9\xcf\x4e\xcd\x53\xb2\x52\x4a\x4c\x4a\x56\xaa\xad\x05\x00\x4e\x06\xe0\x9c\x18\x00\x00\x00";

#[tokio::test]
async fn bodies_that_attack_are_bad_bodies_and_none_is_inflated() {
    let running = Running::start().await;
    let deep = format!("{}{}", "[".repeat(8000), "]".repeat(8000));
    let bodies: [(&str, Vec<u8>); 8] = [
        ("deep nesting", deep.clone().into()),
        ("deep nesting where a token belongs", format!(r#"{{"card":{{"token":{deep}}}}}"#).into()),
        ("a key twice", br#"{"card":{"token":"abc"},"card":{"token":"abd"}}"#.to_vec()),
        ("a key inside twice", br#"{"card":{"token":"abc","token":"abd"}}"#.to_vec()),
        ("a number beyond all types", br#"{"card":{"token":1e999}}"#.to_vec()),
        ("what is no UTF-8", b"{\"card\":{\"token\":\"\xff\xfe\"}}".to_vec()),
        ("half a character", br#"{"card":{"token":"\ud800"}}"#.to_vec()),
        ("a body that would be good, compressed", GZIPPED.to_vec()),
    ];
    for (what, body) in &bodies {
        let head = post("/v1/token-info", KEY, "")
            .replace("length: 0", &format!("length: {}\r\ncontent-encoding: gzip", body.len()));
        let request = [head.as_bytes(), body].concat();
        assert_eq!(answered(&running, &request).await, Some(400), "{what}");
    }
    running.stop().await;
}
