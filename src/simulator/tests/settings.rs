//! Settings: what is refused at the start, and the command line.

use clap::Parser;

use super::rig::{Partner, keys, settings};
use crate::simulator::{
    Faults, Idempotency, Naming, Options, SecondStart, Simulator, SimulatorError,
};

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    options: Options,
}

fn read(arguments: &[&str]) -> Options {
    let line = Line::try_parse_from([&["bank-sim"], arguments].concat());
    line.unwrap_or_else(|error| panic!("{error}")).options
}

#[test]
fn a_missing_key_file_is_named_with_the_command_that_makes_it() {
    let options = read(&["--partner-public-key", "nowhere/partner_public.pem"]);
    let error = options.into_settings().err().expect("no such file").to_string();
    assert!(error.contains("nowhere/partner_public.pem"), "{error}");
    assert!(error.contains("payoutd keygen"), "{error}");
}

#[test]
fn the_command_line_becomes_settings() {
    let directory = tempfile::tempdir().expect("a directory");
    let (public, private) = (directory.path().join("public"), directory.path().join("private"));
    std::fs::write(&public, &keys().partner_public).expect("written");
    std::fs::write(&private, &keys().bank_private).expect("written");
    let file = directory.path().join("faults.json");
    std::fs::write(&file, r#"{"rules":[{"kind":"lost"}]}"#).expect("written");
    let keys = [
        "--partner-public-key",
        public.to_str().expect("UTF-8"),
        "--bank-private-key",
        private.to_str().expect("UTF-8"),
    ];
    let (plain, address) = read(&keys).into_settings().expect("the defaults");
    assert_eq!(address.to_string(), "127.0.0.1:8132");
    assert_eq!(plain.webhook_url, "http://127.0.0.1:8131/webhooks/bank131");
    assert_eq!(plain.processing.as_millis(), 20);
    assert_eq!(plain.faults, Faults::none());

    assert_eq!(plain.kind.naming, Naming::V1);

    let more = ["--idempotency", "replayed", "--second-start", "appended", "--latency", "150ms"];
    let last = ["--faults", "rough", "--naming", "v2"];
    let (settings, _) = read(&[&keys[..], &more, &last].concat()).into_settings().expect("more");
    assert_eq!(settings.kind.naming, Naming::V2);
    assert_eq!(settings.kind.idempotency, Idempotency::Replayed);
    assert_eq!(settings.kind.second_start, SecondStart::Appended);
    assert_eq!(settings.latency.as_millis(), 150);
    assert_eq!(settings.faults, Faults::rough());
    for named in [file.to_str().expect("UTF-8"), r#"{"rules":[{"kind":"lost"}]}"#] {
        let (settings, _) =
            read(&[&keys[..], &["--faults", named]].concat()).into_settings().expect("faults");
        assert_eq!(settings.faults.rules.len(), 1);
    }
}

#[tokio::test]
async fn settings_that_cannot_work_are_refused() {
    let (data, partner) = (tempfile::tempdir().expect("a directory"), Partner::open().await);
    let good = || settings(&data, &partner, Faults::none());
    let mut wrong = good();
    wrong.webhook_url = String::from("https://127.0.0.1/hook");
    assert!(matches!(Simulator::open(wrong), Err(SimulatorError::WebhookUrl(_))));
    let mut wrong = good();
    wrong.speed_up = 0.0;
    assert!(matches!(Simulator::open(wrong), Err(SimulatorError::SpeedUp(_))));
    let mut wrong = good();
    wrong.data = data.path().join("no/such/directory/bank.sqlite");
    assert!(matches!(Simulator::open(wrong), Err(SimulatorError::Data { .. })));
    let mut wrong = good();
    wrong.bank_private_key_pem = String::new();
    assert!(matches!(Simulator::open(wrong), Err(SimulatorError::Key { .. })));
    assert!(Simulator::open(good()).is_ok());
}
