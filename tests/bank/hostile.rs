//! Answers that attack the client: each leaves the outcome unknown, in words that hold nothing of
//! them, and within the call's time.

use payoutd::domain::call::Answer;
use tokio::io::AsyncWriteExt;

use super::server::{Server, listener, read_request};
use super::transport::{assert_unknown, impatient};
use super::world::*;

/// What the client makes of bytes that come as the answer; the connection stays open.
async fn answered(bytes: &[u8]) -> Answer {
    let (listener, address) = listener().await;
    let (bank, payout) = (bank(&format!("http://{address}")), collateral());
    let (answer, _open) = tokio::join!(bank.send(&payout), async {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        read_request(&mut stream).await;
        // The client may have hung up before all of it is written.
        drop(stream.write_all(bytes).await);
        stream
    });
    answer
}

/// What it makes of an answer that begins so and goes on for ever with the same bytes.
async fn answered_without_end(beginning: &str, more: &[u8]) -> Answer {
    let (listener, address) = listener().await;
    let (bank, payout) = (impatient(&format!("http://{address}")), collateral());
    let dripping = async {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        read_request(&mut stream).await;
        stream.write_all(beginning.as_bytes()).await.expect("written");
        while stream.write_all(more).await.is_ok() {
            tokio::task::yield_now().await;
        }
        // Hung up on, as it has to be.
        std::future::pending().await
    };
    tokio::select! {
        answer = bank.send(&payout) => answer,
        () = dripping => unreachable!("drips until the call is answered"),
    }
}

#[tokio::test]
async fn what_is_no_answer_or_far_too_much_of_one_leaves_the_outcome_unknown() {
    let ok = ok("ps_1");
    let long = "a".repeat(1024 * 1024);
    let answers: [(&str, Vec<u8>); 8] = [
        ("no HTTP", b"\x15\x03\x01\x00\x02\x02\x28".to_vec()),
        ("HTTP/2", b"\x00\x00\x00\x04\x00\x00\x00\x00\x00".to_vec()),
        ("a head of 1 MiB", format!("HTTP/1.1 200 OK\r\nx-a: {long}\r\n\r\n{ok}").into()),
        (
            "1000 headers",
            format!("HTTP/1.1 200 OK\r\n{}\r\n{ok}", "x-a: 1\r\n".repeat(1000)).into(),
        ),
        (
            "two lengths",
            format!("HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n{ok}").into(),
        ),
        (
            "a length beyond all numbers",
            format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{ok}", "9".repeat(30)).into(),
        ),
        (
            "chunks that have no size",
            format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n{ok}").into(),
        ),
        (
            "a chunk beyond all numbers",
            format!(
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{}\r\n{ok}",
                "f".repeat(30)
            )
            .into(),
        ),
    ];
    for (what, answer) in &answers {
        let answer = answered(answer).await;
        assert!(
            matches!(&answer, Answer::Unknown(why) if why.contains("the connection broke")),
            "{what}: {answer:?}"
        );
    }
}

#[tokio::test]
async fn an_answer_without_end_is_not_read_for_ever() {
    let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    let much = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
    for (beginning, more, why) in [
        ("", "HTTP/1.1 100 Continue\r\n\r\n", "timed out"),
        (head, much.as_str(), "HTTP 200, more than 1048576 bytes"),
        (head, "0", "HTTP 200, "),
    ] {
        assert_unknown(&answered_without_end(beginning, more.as_bytes()).await, why);
    }
}

/// `{"status":"ok","session":{"id":"ps_1"}}`, compressed: a session that would be bound.
const GZIPPED: &[u8] = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xab\x56\x2a\x2e\x49\x2c\x29\x2d\x56\xb2\x52\xca\xcf\x56\xd2\x51\x2a\x4e\x2d\x2e\xce\xcc\xcf\x53\xb2\xaa\x56\xca\x4c\x01\x0a\x16\x14\xc7\x1b\x2a\xd5\xd6\x02\x00\x3f\xba\x7e\x9b\x27\x00\x00\x00";

#[tokio::test]
async fn bodies_that_attack_leave_the_outcome_unknown_and_are_not_inflated() {
    let deep = format!("{}{}", "[".repeat(400_000), "]".repeat(400_000));
    let bodies: [(&str, Vec<u8>, &str); 9] = [
        ("deep nesting", deep.clone().into(), "unreadable body"),
        (
            "deep where a session belongs",
            format!(r#"{{"status":"ok","session":{deep}}}"#).into(),
            "without a session",
        ),
        (
            "deep where an error belongs",
            format!(r#"{{"status":"error","error":{deep}}}"#).into(),
            "neither",
        ),
        (
            "a key twice",
            br#"{"status":"error","status":"ok","session":{"id":"ps_1"}}"#.to_vec(),
            "unreadable body",
        ),
        (
            "a session's key twice",
            br#"{"status":"ok","session":{"id":"ps_1","id":"ps_2"}}"#.to_vec(),
            "without a session",
        ),
        (
            "a number beyond all types",
            br#"{"status":"ok","session":{"id":1e999}}"#.to_vec(),
            "without a session",
        ),
        (
            "what is no UTF-8",
            b"{\"status\":\"ok\",\"session\":{\"id\":\"ps_1\",\"newer\":\"\xff\"}}".to_vec(),
            "unreadable body",
        ),
        (
            "an answer and something after it",
            [ok("ps_1"), ok("ps_2")].concat().into(),
            "unreadable body",
        ),
        ("an answer, compressed", GZIPPED.to_vec(), "unreadable body"),
    ];
    for (what, body, why) in bodies {
        let server = Server::answering(200, body).await;
        let answer = bank(&server.url).send(&collateral()).await;
        assert!(
            matches!(&answer, Answer::Unknown(text) if text.contains(why)),
            "{what}: {answer:?}"
        );
        assert_eq!(
            server.only().header("accept-encoding"),
            None,
            "nothing compressed is asked for"
        );
    }
}

/// Two different answers to one call would be one too many: the second is for nobody.
#[tokio::test]
async fn an_answer_before_its_question_is_not_taken_for_one() {
    let (first, second) = (ok("ps_1"), ok("ps_2"));
    let both = [&first, &second]
        .map(|body| format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()));
    let (listener, address) = listener().await;
    let (bank, payout) = (bank(&format!("http://{address}")), collateral());
    let (answer, _open) = tokio::join!(bank.send(&payout), async {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        read_request(&mut stream).await;
        stream.write_all(both.concat().as_bytes()).await.expect("written");
        stream
    });
    assert!(
        matches!(&answer, Answer::Done(session) if session.id.as_str() == "ps_1"),
        "{answer:?}"
    );
    let (answer, _open) = tokio::join!(bank.send(&payout), async {
        let (mut stream, _) = listener.accept().await.expect("another connection");
        read_request(&mut stream).await;
        let third = ok("ps_3");
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", third.len());
        stream.write_all(format!("{head}{third}").as_bytes()).await.expect("written");
        stream
    });
    assert!(
        matches!(&answer, Answer::Done(session) if session.id.as_str() == "ps_3"),
        "{answer:?}"
    );
}
