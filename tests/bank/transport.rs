//! What may go wrong on the way: not sent only when certainly not one byte was.

use std::time::Duration;

use payoutd::bank::client::{Bank, BankSettings};
use payoutd::domain::call::Answer;
use tokio::io::AsyncWriteExt;

use super::server::{Server, listener, read_request};
use super::world::*;

const MIB: usize = 1024 * 1024;

async fn sent_to(url: &str) -> Answer {
    bank(url).send(&collateral()).await
}

pub(crate) fn impatient(url: &str) -> Bank {
    let short = Duration::from_millis(300);
    Bank::new(BankSettings { timeout: short, connect_timeout: short / 2, ..settings(url) })
        .expect("usable settings")
}

/// Sends with the impatient client, which must give up long before the test does.
async fn sent_impatiently(url: &str) -> Answer {
    let bank = impatient(url);
    let payout = collateral();
    tokio::time::timeout(Duration::from_secs(10), bank.send(&payout)).await.expect("gives up")
}

pub(crate) fn assert_unknown(answer: &Answer, why: &str) {
    assert!(matches!(answer, Answer::Unknown(text) if text.contains(why)), "{answer:?}");
}

#[tokio::test]
async fn case_25_a_refused_connection_sends_nothing() {
    let (unused, address) = listener().await;
    drop(unused);
    let answer = sent_to(&format!("http://{address}")).await;
    assert!(matches!(answer, Answer::NotSent(_)), "{answer:?}");
}

#[tokio::test]
async fn case_25_a_name_that_does_not_resolve_sends_nothing() {
    let answer = sent_to("http://bank.invalid").await;
    assert!(matches!(answer, Answer::NotSent(_)), "{answer:?}");
}

#[tokio::test]
async fn case_25_a_server_that_speaks_no_tls_is_sent_nothing() {
    let server = Server::answering(200, ok("ps_1")).await;
    let answer = sent_to(&server.url.replace("http://", "https://")).await;
    assert!(matches!(answer, Answer::NotSent(_)), "{answer:?}");
    assert!(server.received().is_empty());
}

#[tokio::test]
async fn case_25_a_tls_handshake_that_never_ends_sends_nothing() {
    let (_silent, address) = listener().await;
    let answer = sent_impatiently(&format!("https://{address}")).await;
    assert!(matches!(answer, Answer::NotSent(_)), "{answer:?}");
}

#[tokio::test]
async fn a_server_that_never_answers_leaves_the_outcome_unknown() {
    let (_silent, address) = listener().await;
    let answer = sent_impatiently(&format!("http://{address}")).await;
    assert_unknown(&answer, "timed out");
}

#[tokio::test]
async fn a_server_that_stops_in_the_middle_of_its_answer_leaves_the_outcome_unknown() {
    let (listener, address) = listener().await;
    let bank = impatient(&format!("http://{address}"));
    let payout = collateral();
    let (answer, _open) = tokio::join!(bank.send(&payout), async {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        read_request(&mut stream).await;
        let part = b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{\"status\":";
        stream.write_all(part).await.expect("written");
        stream
    });
    assert_unknown(&answer, "HTTP 200, timed out");
}

#[tokio::test]
async fn a_connection_cut_before_or_in_the_answer_leaves_the_outcome_unknown() {
    for part in ["", "HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{\"status\":\"ok\""] {
        let (listener, address) = listener().await;
        let bank = bank(&format!("http://{address}"));
        let payout = collateral();
        let (answer, ()) = tokio::join!(bank.send(&payout), async {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            read_request(&mut stream).await;
            stream.write_all(part.as_bytes()).await.expect("written");
        });
        assert_unknown(&answer, "the connection broke");
    }
}

#[tokio::test]
async fn a_call_is_sent_once_whatever_happens_to_it() {
    let (listener, address) = listener().await;
    let bank = bank(&format!("http://{address}"));
    let payout = collateral();
    let accepting = async {
        for accepted in 1.. {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            assert_eq!(accepted, 1, "the call was repeated");
            read_request(&mut stream).await;
        }
    };
    tokio::select! {
        answer = bank.send(&payout) => assert_unknown(&answer, "the connection broke"),
        () = accepting => unreachable!("accepts until the call is answered"),
    }
}

/// The library below repeats what it could not write into a used connection; it must not repeat
/// what it wrote.
#[tokio::test]
async fn a_used_connection_cut_after_the_request_does_not_send_it_again() {
    let (listener, address) = listener().await;
    let bank = bank(&format!("http://{address}"));
    let payout = collateral();
    let answer = ok("ps_1");
    let (mut stream, _) = {
        let (first, stream) = tokio::join!(bank.send(&payout), async {
            let (mut stream, peer) = listener.accept().await.expect("a connection");
            read_request(&mut stream).await;
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", answer.len());
            stream.write_all(format!("{head}{answer}").as_bytes()).await.expect("written");
            (stream, peer)
        });
        assert!(matches!(first, Answer::Done(_)), "{first:?}");
        stream
    };
    let cutting = async {
        read_request(&mut stream).await;
        drop(stream);
        listener.accept().await.expect("a connection")
    };
    tokio::select! {
        answer = bank.send(&payout) => assert_unknown(&answer, "the connection broke"),
        _ = cutting => panic!("the call was repeated"),
    }
}

#[tokio::test]
async fn a_connection_that_is_reset_leaves_the_outcome_unknown() {
    let (listener, address) = listener().await;
    let bank = bank(&format!("http://{address}"));
    let payout = collateral();
    let (answer, ()) = tokio::join!(bank.send(&payout), async {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        read_request(&mut stream).await;
        stream.set_zero_linger().expect("a socket option");
    });
    assert_unknown(&answer, "the connection broke");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    for http in [301, 302, 303, 307, 308] {
        let server = Server::answering(http, ok("ps_1")).await;
        assert_unknown(&sent_to(&server.url).await, &format!("HTTP {http}"));
        assert_eq!(server.only().path, "/api/v1/session/create");
    }
}

#[tokio::test]
async fn an_answer_of_one_mebibyte_is_read_and_a_larger_one_is_not() {
    let answer = ok("ps_1");
    let padded = |size| format!("{answer}{}", " ".repeat(size - answer.len()));
    let server = Server::answering(200, padded(MIB)).await;
    assert!(matches!(sent_to(&server.url).await, Answer::Done(_)));
    let server = Server::answering(200, padded(MIB + 1)).await;
    assert_unknown(&sent_to(&server.url).await, "more than 1048576 bytes");
}

#[tokio::test]
async fn calls_share_a_connection() {
    let server = Server::answering(200, ok("ps_1")).await;
    let bank = bank(&server.url);
    for _ in 0..4 {
        assert!(matches!(bank.send(&collateral()).await, Answer::Done(_)));
    }
    let peers: Vec<_> = server.received().iter().map(|r| r.peer).collect();
    assert_eq!(peers, [peers[0]; 4]);
}

/// Runs itself again with a proxy in the environment, which a process cannot safely give itself.
#[tokio::test]
async fn a_proxy_in_the_environment_is_not_used() {
    const INNER: &str = "PAYOUTD_TEST_PROXIED";
    if std::env::var_os(INNER).is_none() {
        let proxy = Server::answering(502, "").await;
        let test = std::env::current_exe().expect("this test's binary");
        let run = tokio::task::spawn_blocking({
            let url = proxy.url.clone();
            move || {
                let name = "transport::a_proxy_in_the_environment_is_not_used";
                let mut run = std::process::Command::new(test);
                run.args(["--exact", name]).env(INNER, "1").env_remove("NO_PROXY");
                run.env_remove("no_proxy").env("http_proxy", &url).env("all_proxy", &url).output()
            }
        });
        let output = run.await.expect("no panic").expect("runs");
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.contains("1 passed"), "{text}");
        assert!(proxy.received().is_empty());
    } else {
        let server = Server::answering(200, ok("ps_1")).await;
        assert!(matches!(sent_to(&server.url).await, Answer::Done(_)));
    }
}
