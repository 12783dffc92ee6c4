//! What must hold for every input, whoever sends it: one function for each reader of what comes from
//! outside. The fuzz targets call them, and so do the properties in `tests/inputs.rs`.
//!
//! Each asserts more than that nothing panics: what was read means the same when it is read again,
//! what is kept is kept byte for byte, and what is told of an input gives nothing of it away.

use std::io::{self, Read};
use std::sync::{Arc, Mutex, OnceLock};

use async_trait::async_trait;
use bytes::Bytes;
use payoutd::bank::signing::{PrivateKey, PublicKeys};
use payoutd::bank::webhook::{Kind, Webhook};
use payoutd::bus::{Bus, BusError, Consumer, Message, Queue, Subscription};
use payoutd::digest::sha256_hex;
use payoutd::domain::call::Answer;
use payoutd::domain::command::{COMMAND_BYTES_MAX, Command, CreateCommand};
use payoutd::domain::session::{BankReason, Session};
use payoutd::fuzzing::{self, StatusCode};
use payoutd::roles::health::Health;
use payoutd::roles::ingress::Ingress;
use secrecy::SecretString;

/// A card's number has 13 digits at least, an account's 20, a private person's tax number 12.
const DIGITS_TOLD_MAX: usize = 11;

/// Part of a key, in base64: as much as is certainly no word of ours.
const KEY_CHARS_TOLD_MAX: usize = 23;

/// Longest text told about an input: a few sentences.
const TOLD_BYTES_MAX: usize = 1024;

/// A text that ends up in logs and events, or on a terminal.
fn assert_tells_little(text: &str) {
    assert!(text.len() <= TOLD_BYTES_MAX, "{} bytes", text.len());
    let digits = longest(text, |b| b.is_ascii_digit());
    assert!(digits <= DIGITS_TOLD_MAX, "{digits} digits are told: {text}");
}

/// The length of the longest run of such bytes.
fn longest(text: &str, of: impl Fn(u8) -> bool) -> usize {
    text.as_bytes().split(|b| !of(*b)).map(<[u8]>::len).max().unwrap_or(0)
}

fn holds(whole: &[u8], part: &[u8]) -> bool {
    part.is_empty() || whole.windows(part.len()).any(|window| window == part)
}

/// A message of the command queue.
pub fn command(message: &[u8]) {
    match Command::parse(message) {
        Ok(Command::Create(command)) => {
            assert!(message.len() <= COMMAND_BYTES_MAX);
            let canonical = command.canonical();
            let again = CreateCommand::parse(canonical.as_bytes()).expect("its own words are good");
            assert_says_the_same(&command, &again);
            assert_eq!(again.canonical(), canonical);
            assert!(command.money.amount > 0);
            for (_, raw) in command.bank_fields() {
                assert!(holds(message, raw.text().as_bytes()), "not as it was written");
            }
        }
        Ok(Command::Intervention(word)) => {
            let again = Command::parse(&word.to_json()).expect("its own words are good");
            assert_eq!(again, Command::Intervention(word));
        }
        Err(invalid) => {
            assert!((1..=20).contains(&invalid.violations.len()));
            for violation in &invalid.violations {
                assert_tells_little(&violation.to_string());
            }
        }
    }
}

/// All but the order of their fields.
fn assert_says_the_same(one: &CreateCommand, other: &CreateCommand) {
    assert_eq!(one.payout_id, other.payout_id);
    assert_eq!(one.account, other.account);
    assert_eq!(one.money, other.money);
    assert_eq!(one.payment_method, other.payment_method);
    assert_eq!(one.participants, other.participants);
    assert_eq!(one.expected, other.expected);
    assert_eq!(one.flow, other.flow);
    assert_eq!(one.issued_at, other.issued_at);
    assert_eq!(one.confirm_before, other.confirm_before);
}

/// A webhook's body whose signature was good.
pub fn webhook(body: &[u8]) {
    let Ok(webhook) = Webhook::parse(body) else { return };
    assert_eq!(webhook.digest, sha256_hex(body));
    match (&webhook.kind, &webhook.session) {
        (Kind::Other(word), _) => {
            assert!(word.chars().count() <= 64 && !word.chars().any(char::is_control));
        }
        (Kind::ReadyToConfirm | Kind::PaymentFinished | Kind::PaymentRefunded, session) => {
            assert!(session.is_some());
        }
    }
    if let Some(session) = &webhook.session {
        assert_read_from(session, body);
    }
}

fn assert_read_from(session: &Session, body: &[u8]) {
    let id = session.id.as_str();
    assert!((1..=128).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic()));
    assert!(session.payouts.len() <= body.len());
    if let Some(information) = &session.confirm_information {
        assert!(holds(body, information.text().as_bytes()), "not as it was written");
    }
    for payout in &session.payouts {
        if let Some(reason) = &payout.error {
            assert_reason(reason);
        }
    }
}

fn assert_reason(BankReason { code, text }: &BankReason) {
    assert!((1..=48).contains(&code.len()));
    assert!(text.chars().count() <= 200 && !text.chars().any(char::is_control));
    assert_tells_little(code);
    assert_tells_little(text);
}

/// The body of an answer of the bank, under every class of status.
pub fn bank_answer(body: &[u8]) {
    for http in [
        StatusCode::OK,
        StatusCode::BAD_REQUEST,
        StatusCode::TOO_MANY_REQUESTS,
        StatusCode::BAD_GATEWAY,
    ] {
        match fuzzing::bank_answer(http, body) {
            Answer::Done(session) => {
                assert_eq!(http, StatusCode::OK);
                assert_read_from(&session, body);
            }
            Answer::Refused(reason) | Answer::Misconfigured(reason) | Answer::Forbidden(reason) => {
                assert!(http == StatusCode::OK || http == StatusCode::BAD_REQUEST);
                assert_reason(&reason);
            }
            Answer::KeyUsed => assert!(http == StatusCode::OK || http == StatusCode::BAD_REQUEST),
            Answer::Unknown(why) => assert_tells_little(&why),
            Answer::NotSent(why) => panic!("an answer came, and yet: {why}"),
        }
    }
}

/// A file of commands as `payoutd publish` reads it.
pub fn csv(file: &[u8]) {
    let rows = rows(file);
    // A byte at a time is slow.
    if file.len() <= 4096 {
        assert_eq!(rows, self::rows(Slowly(file)), "whatever the chunks");
    }
    let returns = file.split(|byte| *byte == b'\r').skip(1);
    let alone = returns.filter(|rest| !rest.starts_with(b"\n")).count();
    let lines = (file.iter().filter(|byte| **byte == b'\n').count() + alone + 1) as u64;
    let mut last = 0;
    for (line, row) in rows {
        assert!(last < line && line <= lines, "line {line} after {last}, of {lines}");
        last = line;
        match row {
            Ok(message) => {
                assert!(Command::parse(&message).is_ok());
                command(&message);
            }
            Err(flaws) => {
                assert!(!flaws.is_empty());
                flaws.iter().for_each(|flaw| assert_tells_little(flaw));
            }
        }
    }
}

type Row = (u64, Result<Bytes, Vec<String>>);

fn rows(file: impl Read) -> Vec<Row> {
    let mut rows = Vec::new();
    fuzzing::csv_rows(file, |line, row| rows.push((line, row))).expect("memory can be read");
    rows
}

/// Gives a byte at a time.
struct Slowly<'a>(&'a [u8]);

impl Read for Slowly<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = 1.min(into.len());
        self.0.read(&mut into[..count])
    }
}

/// A file that is named as our private key, or as the bank's public one.
pub fn key_file(file: &[u8]) {
    let passphrase = SecretString::from("correct horse");
    for passphrase in [None, Some(&passphrase)] {
        match PrivateKey::from_pem(file, passphrase) {
            Ok(key) => {
                let public = PublicKeys::from_pems([key.public_pem()]).expect("its other half");
                assert!(public.verify(b"body", &key.sign(b"body")));
            }
            Err(error) => assert_tells_no_key(&error.to_string(), file),
        }
    }
    match PublicKeys::from_pems([file]) {
        Ok(keys) => assert!(!keys.verify(b"body", "")),
        Err(error) => assert_tells_no_key(&error.to_string(), file),
    }
}

fn assert_tells_no_key(text: &str, file: &[u8]) {
    assert_tells_little(text);
    let of_base64 = |b: u8| b.is_ascii_alphanumeric() || b"+/=".contains(&b);
    for run in text.as_bytes().split(|b| !of_base64(*b)) {
        assert!(run.len() <= KEY_CHARS_TOLD_MAX || !holds(file, run), "part of a key: {text}");
    }
}

/// A request's signature, which is the first line of the input, and its body, the rest: all the way
/// to the queue. Then the input as a body that the bank did sign.
pub fn webhook_signature(input: &[u8]) {
    let end = input.iter().position(|b| *b == b'\n').unwrap_or(input.len());
    let (signature, body) = (&input[..end], &input[input.len().min(end + 1)..]);
    let door = Door::get();
    let (status, _) = door.answer(signature, body);
    if status != StatusCode::UNAUTHORIZED {
        let given: Vec<u8> =
            signature.iter().copied().filter(|b| !b.is_ascii_whitespace()).collect();
        assert_eq!(given, door.bank.sign(body).into_bytes(), "let in, and not signed");
    }
    let (status, published) = door.answer(door.bank.sign(input).as_bytes(), input);
    match Webhook::parse(input) {
        Ok(_) => assert_eq!((status, published), (StatusCode::OK, vec![input.to_vec()])),
        Err(_) => assert_eq!((status, published), (StatusCode::BAD_REQUEST, Vec::new())),
    }
}

struct Door {
    ingress: Ingress,
    /// The bank's own half.
    bank: PrivateKey,
    queue: Arc<Kept>,
    runtime: tokio::runtime::Runtime,
}

impl Door {
    fn get() -> &'static Self {
        static DOOR: OnceLock<Door> = OnceLock::new();
        DOOR.get_or_init(|| {
            let private = include_bytes!("../../tests/fixtures/signatures/private_pkcs8.pem");
            let bank = PrivateKey::from_pem(private, None).expect("a key");
            let queue = Arc::new(Kept::default());
            let ingress = Ingress {
                bus: queue.clone(),
                bank_keys: PublicKeys::from_pems([bank.public_pem()]).expect("a key"),
                path: "/".into(),
                health: Health::of(&[]),
            };
            let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
            Self { ingress, bank, queue, runtime }
        })
    }

    /// What is answered, and what came to the queue.
    fn answer(&self, signature: &[u8], body: &[u8]) -> (StatusCode, Vec<Vec<u8>>) {
        let body = Bytes::copy_from_slice(body);
        let status = self.runtime.block_on(fuzzing::webhook_answer(&self.ingress, signature, body));
        let published = std::mem::take(&mut *self.queue.0.lock().expect("no panic"));
        if status != StatusCode::OK {
            assert!(published.is_empty(), "{status}, and yet published");
        }
        (status, published)
    }
}

/// A queue that keeps what it is given.
#[derive(Default)]
struct Kept(Mutex<Vec<Vec<u8>>>);

#[async_trait]
impl Bus for Kept {
    async fn check(&self) -> Result<(), BusError> {
        Ok(())
    }

    async fn publish(&self, messages: Vec<Message>) -> Result<(), BusError> {
        let mut kept = self.0.lock().expect("no panic");
        for message in messages {
            match message {
                Message::Queued { queue: Queue::BankEvents, body } => kept.push(body.to_vec()),
                other => panic!("a webhook led to {other:?}"),
            }
        }
        Ok(())
    }

    async fn consume(&self, _: Queue, _: usize) -> Result<Box<dyn Consumer>, BusError> {
        Err(BusError::Unavailable("nothing is taken here".into()))
    }

    async fn subscribe(&self) -> Result<Box<dyn Subscription>, BusError> {
        Err(BusError::Unavailable("nothing is taken here".into()))
    }
}
