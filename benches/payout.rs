//! What a payout costs in computing: its signatures beside everything else that is pure.
//!
//! `cargo bench`. Figures are for comparing with each other on one machine.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use payoutd::bank::keygen;
use payoutd::bank::signing::{PrivateKey, PublicKeys};
use payoutd::bank::webhook::Webhook;
use payoutd::domain::command::{CreateCommand, Flow};
use payoutd::domain::event::Event;
use payoutd::domain::id::SessionId;
use payoutd::domain::payout::Payout;
use payoutd::domain::policy::{Delays, Policy, WEBHOOK_PATIENCE};
use payoutd::domain::step::{Sight, Source, next_step};
use payoutd::domain::time::Timestamp;
use payoutd::domain::transition::apply;
use secrecy::ExposeSecret;

const WEBHOOK: &[u8] = include_bytes!("../tests/fixtures/settlement_ready_to_confirm_webhook.json");
const COMMANDS: &str = include_str!("../deploy/examples/payouts.jsonl");

fn signatures(c: &mut Criterion) {
    let pair = keygen::generate().expect("a key");
    let private = PrivateKey::from_pem(pair.private_pem.expose_secret().as_bytes(), None)
        .expect("a key that was just made");
    let public = PublicKeys::from_pems([&pair.public_pem]).expect("a key that was just made");
    let signature = private.sign(WEBHOOK);
    c.bench_function("sign (RSA-2048)", |b| b.iter(|| private.sign(black_box(WEBHOOK))));
    c.bench_function("verify (RSA-2048)", |b| {
        b.iter(|| public.verify(black_box(WEBHOOK), &signature));
    });
}

fn reading(c: &mut Criterion) {
    let command = COMMANDS.lines().nth(3).expect("a settlement command").as_bytes();
    c.bench_function("read a command", |b| b.iter(|| CreateCommand::parse(black_box(command))));
    c.bench_function("read a webhook", |b| b.iter(|| Webhook::parse(black_box(WEBHOOK))));
}

fn deciding(c: &mut Criterion) {
    let command = COMMANDS.lines().nth(3).expect("a settlement command");
    let command = CreateCommand::parse(command.as_bytes()).expect("valid");
    let at = Timestamp::from_millis;
    let payout = Payout::accept(command, "hash".into(), Flow::TwoStep, at(0), at(0));
    let webhook = Webhook::parse(WEBHOOK).expect("valid");
    let session = webhook.session.expect("shown");
    let bound = Event::SessionBound { session: SessionId::new("ps_2643"), next_look_at: at(9) };
    let started = Event::Started { bank_payout: None, answered: true };
    let payout = apply(&payout, bound, at(1)).expect("legal");
    let payout = apply(&payout, started, at(2)).expect("legal");
    let sight = Sight { session, source: Source::Webhook };
    let policy = Policy {
        paused: Default::default(),
        has_lost: false,
        call_timeout: Duration::from_secs(10),
        delays: Delays::new(vec![Duration::from_secs(5)]).expect("one delay"),
        confirms_automatically: false,
        flow: Flow::TwoStep,
        webhook_patience: WEBHOOK_PATIENCE,
        rules: Arc::default(),
    };
    c.bench_function("decide and apply", |b| {
        b.iter(|| {
            let step = next_step(black_box(&payout), Some(&sight), &policy, at(3));
            let payoutd::domain::step::Step::Write(event) = step else { panic!("no decision") };
            apply(&payout, event, at(3))
        });
    });
    c.bench_function("store and load a record", |b| {
        b.iter(|| {
            let stored = serde_json::to_vec(black_box(&payout)).expect("JSON");
            serde_json::from_slice::<Payout>(&stored).expect("round trip")
        });
    });
}

criterion_group!(benches, signatures, reading, deciding);
criterion_main!(benches);
