//! What is taken from where, and what is said of what cannot be taken.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use super::*;

/// As a person would write them: environment variables, and the text of a file.
#[derive(Default)]
struct Given<'a> {
    environment: &'a [(&'a str, &'a str)],
    file: Option<&'a str>,
}

impl Given<'_> {
    fn read(&self, needs: Needs) -> Result<Config, ConfigError> {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("payoutd.toml");
        if let Some(text) = self.file {
            std::fs::write(&path, text).expect("written");
        }
        let environment = self.environment.iter().map(|(name, value)| (name.into(), value.into()));
        Config::read(self.file.map(|_| path.as_path()), environment, needs)
    }

    /// Key, source and cure of each problem; sources that are files by their name only.
    fn problems(&self, needs: Needs) -> Vec<(String, String, String)> {
        let ConfigError(problems) = self.read(needs).expect_err("must be refused");
        let shown = |Problem { key, source, cure }| {
            let file = Path::new(&source).file_name().map(|name| name.to_string_lossy().into());
            (key, file.unwrap_or(source), cure)
        };
        problems.into_iter().map(shown).collect()
    }
}

fn in_file(text: &str) -> Given<'_> {
    Given { file: Some(text), ..Given::default() }
}

fn in_environment<'a>(environment: &'a [(&'a str, &'a str)]) -> Given<'a> {
    Given { environment, ..Given::default() }
}

/// The cure for one variable's value.
fn cure_of(name: &str, value: &str) -> String {
    let problems = in_environment(&[(name, value)]).problems(Needs::Backend);
    let [(_, source, cure)] = problems.as_slice() else { panic!("{problems:?}") };
    assert_eq!(*source, format!("environment variable {name}"));
    cure.clone()
}

#[test]
fn the_defaults_are_enough_for_queues_and_records() {
    let config = Given::default().read(Needs::Backend).expect("usable");
    let BackendKind::Embedded { path } = config.backend.kind else { panic!("the default") };
    assert_eq!(path, Path::new("payoutd.db"));
    assert_eq!(config.bank.base_url, "https://demo.bank131.ru");
    assert_eq!(config.bank.timeout, Duration::from_secs(10));
    assert_eq!(config.ingress.listen, "127.0.0.1:8131".parse().expect("an address"));
    assert_eq!(config.ingress.path, "/webhooks/bank131");
    assert_eq!(config.gateway.listen, "127.0.0.1:8133".parse().expect("an address"));
    assert_eq!(config.gateway.key_file, None);
    let delays: Vec<_> = config.tickets.delays.iter().map(|delay| delay.as_secs()).collect();
    assert_eq!(delays, [5, 30, 300, 3600]);
    assert_eq!(config.bank.submerchant, None);
    assert_eq!(config.log.format, LogFormat::Text);
}

#[test]
fn the_bank_needs_a_project_and_keys_and_all_that_is_missing_is_said_at_once() {
    let problems = Given::default().problems(Needs::Bank);
    let keys: Vec<_> = problems.iter().map(|(key, _, _)| key.as_str()).collect();
    assert_eq!(keys, ["bank.project", "bank.private_key_file", "bank.public_key_files"]);
    assert!(problems.iter().all(|(_, source, _)| source == "default"), "{problems:?}");
}

#[test]
fn environment_goes_before_file_and_file_before_default() {
    let given = Given {
        environment: &[("PAYOUTD_BANK__PROJECT", "from-environment")],
        file: Some("[bank]\nproject = \"from-file\"\ntimeout = \"7s\"\n"),
    };
    let bank = given.read(Needs::Backend).expect("usable").bank;
    assert_eq!(bank.project, "from-environment");
    assert_eq!(bank.timeout, Duration::from_secs(7));
    assert_eq!(bank.base_url, "https://demo.bank131.ru");
}

#[test]
fn an_empty_variable_overrides_a_file_with_not_set() {
    let given = Given {
        environment: &[("PAYOUTD_BANK__SUBMERCHANT", "")],
        file: Some("[bank]\nsubmerchant = \"from-file\"\n"),
    };
    assert_eq!(given.read(Needs::Backend).expect("usable").bank.submerchant, None);
}

#[test]
fn values_of_the_environment_stay_text() {
    let bank = in_environment(&[
        ("PAYOUTD_BANK__PROJECT", "00123"),
        ("PAYOUTD_BANK__SUBMERCHANT", "true"),
        ("PAYOUTD_BANK__PUBLIC_KEY_FILES", "old.pem, new.pem,"),
    ])
    .read(Needs::Backend)
    .expect("usable")
    .bank;
    assert_eq!(bank.project, "00123");
    assert_eq!(bank.submerchant.as_deref(), Some("true"));
    assert_eq!(bank.public_key_files, [Path::new("old.pem"), Path::new("new.pem")]);
}

#[test]
fn lists_may_be_written_as_lists_and_numbers_as_numbers_in_a_file() {
    let config = in_file(
        "[bank]\npublic_key_files = [\"old.pem\", \"new.pem\"]\nproject = 123\n\
         [tickets]\ndelays = [\"1s\", \"2s\"]\n[executor]\nconcurrency = 7\n",
    )
    .read(Needs::Backend)
    .expect("usable");
    assert_eq!(config.bank.public_key_files, [Path::new("old.pem"), Path::new("new.pem")]);
    assert_eq!(config.bank.project, "123");
    assert_eq!(config.tickets.delays.iter().count(), 2);
    assert_eq!(config.concurrency.executor, 7);
}

#[test]
fn every_problem_is_told_with_its_key_source_and_cure() {
    let given = Given {
        environment: &[
            ("PAYOUTD_BANK__TIMEOUT", "soon"),
            ("PAYOUTD_INGRESS__LISTEN", "everywhere"),
            ("PAYOUTD_GATEWAY__LISTEN", "8133"),
            ("PAYOUTD_BANK__TIMEUOT", "10s"),
        ],
        file: Some(
            "[backend]\nkind = \"oracle\"\n[executor]\nconcurrency = 0\n[bank]\nprojekt = \"x\"\n",
        ),
    };
    let mut problems = given.problems(Needs::Backend);
    problems.sort();
    let expected = [
        (
            "backend.kind",
            "payoutd.toml",
            "is not known; set it to \"embedded\" or \"rabbitmq-redis\"",
        ),
        ("bank.projekt", "payoutd.toml", "is not a setting; did you mean bank.project?"),
        (
            "bank.timeout",
            "environment variable PAYOUTD_BANK__TIMEOUT",
            "must be a duration, such as \"10s\"",
        ),
        (
            "bank.timeuot",
            "environment variable PAYOUTD_BANK__TIMEUOT",
            "is not a setting; did you mean bank.timeout?",
        ),
        ("executor.concurrency", "payoutd.toml", "must be between 1 and 1024"),
        (
            "gateway.listen",
            "environment variable PAYOUTD_GATEWAY__LISTEN",
            "must be an address and port, such as 127.0.0.1:8133",
        ),
        (
            "ingress.listen",
            "environment variable PAYOUTD_INGRESS__LISTEN",
            "must be an address and port, such as 127.0.0.1:8131",
        ),
    ];
    let expected = expected.map(|(k, s, c)| (k.to_owned(), s.to_owned(), c.to_owned()));
    assert_eq!(problems, expected);
}

#[test]
fn a_section_that_is_no_section_and_a_value_that_is_one_are_problems() {
    for text in ["bank = 3\n", "[bank.project]\nname = \"x\"\n", "[[bank]]\nproject = \"x\"\n"] {
        let problems = in_file(text).problems(Needs::Backend);
        assert!(problems.iter().all(|(_, source, _)| source == "payoutd.toml"), "{problems:?}");
    }
}

#[test]
fn a_variable_with_one_underscore_too_few_is_not_passed_over() {
    let problems = in_environment(&[("PAYOUTD_BANK_PROJECT", "x")]).problems(Needs::Backend);
    let expected = (
        "PAYOUTD_BANK_PROJECT".to_owned(),
        "environment".to_owned(),
        "is not a setting; did you mean PAYOUTD_BANK__PROJECT?".to_owned(),
    );
    assert_eq!(problems, [expected]);
}

#[test]
fn variables_that_others_set_are_none_of_ours() {
    // Kubernetes sets these in every container beside a service named payoutd.
    let others = [
        ("PAYOUTD_SERVICE_HOST", "10.0.0.1"),
        ("PAYOUTD_PORT_8131_TCP_PROTO", "tcp"),
        ("PAYOUTD_CONFIG", "payoutd.toml"),
        ("OTHER__BANK__PROJECT", "x"),
    ];
    in_environment(&others).read(Needs::Backend).expect("usable");
}

#[test]
fn a_variable_that_is_not_text_is_a_problem() {
    let value = OsString::from_vec(vec![0xff, 0xfe]);
    let read = Config::read(None, [("PAYOUTD_BANK__PROJECT".into(), value)], Needs::Backend);
    let ConfigError(problems) = read.expect_err("must be refused");
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert_eq!(problems[0].key, "PAYOUTD_BANK__PROJECT");
    assert!(problems[0].cure.starts_with("is not UTF-8"), "{problems:?}");
}

#[test]
fn the_live_bank_is_only_used_when_told_so() {
    let live = "https://proxy.bank131.ru";
    for address in [
        live,
        "https://proxy.bank131.ru:443/",
        "https://PROXY.bank131.ru",
        "https://proxy.bank131.ru.",
    ] {
        let cure = cure_of("PAYOUTD_BANK__BASE_URL", address);
        assert_eq!(cure, "is the live bank; set bank.live = true to pay real money", "{address}");
    }
    let told = [("PAYOUTD_BANK__BASE_URL", live), ("PAYOUTD_BANK__LIVE", "true")];
    let bank = in_environment(&told).read(Needs::Backend).expect("usable").bank;
    assert_eq!(bank.base_url, live);
}

#[test]
fn only_this_machine_is_spoken_to_without_tls() {
    for far in [
        "http://demo.bank131.ru",
        "http://192.0.2.1:8132",
        "http://localhost.example",
        "http://127.0.0.1.example",
    ] {
        let cure = cure_of("PAYOUTD_BANK__BASE_URL", far);
        assert!(cure.starts_with("must begin with https://"), "{far}: {cure}");
    }
    for near in
        ["http://127.0.0.1:8132", "http://localhost:1/", "http://[::1]:8132", "http://127.9.9.9"]
    {
        let bank = in_environment(&[("PAYOUTD_BANK__BASE_URL", near)]).read(Needs::Backend);
        assert_eq!(bank.expect("usable").bank.base_url, near.trim_end_matches('/'));
    }
}

#[test]
fn the_banks_address_is_an_address_and_nothing_else() {
    for text in [
        "",
        "demo.bank131.ru",
        "ftp://demo.bank131.ru",
        "https://",
        "https://name:hunter2@demo.bank131.ru",
        "https://demo.bank131.ru/?token=hunter2",
        "https://demo.bank131.ru/api",
        "https://proxy%2Ebank131.ru",
    ] {
        let cure = cure_of("PAYOUTD_BANK__BASE_URL", text);
        assert_eq!(cure, "must be an address such as https://demo.bank131.ru", "{text}");
    }
}

#[test]
fn values_out_of_their_bounds_are_refused() {
    for (name, value, cure) in [
        ("PAYOUTD_BANK__TIMEOUT", "99ms", "must be between 100ms and 2m"),
        ("PAYOUTD_BANK__TIMEOUT", "121s", "must be between 100ms and 2m"),
        ("PAYOUTD_BANK__LIVE", "yes", "must be true or false"),
        (
            "PAYOUTD_TICKETS__DELAYS",
            "",
            "must be growing durations from 100ms to 1day, such as \"5s,30s,5m,1h\"",
        ),
        (
            "PAYOUTD_TICKETS__DELAYS",
            "5s,5s",
            "must be growing durations from 100ms to 1day, such as \"5s,30s,5m,1h\"",
        ),
        (
            "PAYOUTD_TICKETS__DELAYS",
            "5s,x",
            "must be growing durations from 100ms to 1day, such as \"5s,30s,5m,1h\"",
        ),
        ("PAYOUTD_EXECUTOR__CONCURRENCY", "1025", "must be between 1 and 1024"),
        ("PAYOUTD_EXECUTOR__CONCURRENCY", "-1", "must be a whole number"),
        (
            "PAYOUTD_INGRESS__PATH",
            "webhooks",
            "must begin with / and hold only letters, digits and /-_.",
        ),
        (
            "PAYOUTD_INGRESS__PATH",
            "/{id}",
            "must begin with / and hold only letters, digits and /-_.",
        ),
        ("PAYOUTD_BACKEND__PATH", "", "is empty; name the SQLite file"),
        ("PAYOUTD_LOG__FORMAT", "xml", "must be \"text\" or \"json\""),
        (
            "PAYOUTD_LOG__LEVEL",
            "loud=very",
            "must be off, error, warn, info, debug or trace, or a filter",
        ),
        (
            "PAYOUTD_LOG__LEVEL",
            "inof",
            "must be off, error, warn, info, debug or trace, or a filter",
        ),
        ("PAYOUTD_SHUTDOWN__GRACE", "", "must be a duration, such as \"10s\""),
    ] {
        assert_eq!(cure_of(name, value), cure, "{name}={value}");
    }
}

#[test]
fn a_review_is_refused_where_the_bank_asks_nobody() {
    let automatic = ("PAYOUTD_BANK__CONFIRMS_AUTOMATICALLY", "true");
    let review = ("PAYOUTD_DECISION__POLICY", "review");
    for alone in [automatic, review] {
        in_environment(&[alone]).read(Needs::Backend).expect("usable");
    }
    let problems = in_environment(&[automatic, review]).problems(Needs::Backend);
    let [(key, _, cure)] = problems.as_slice() else { panic!("{problems:?}") };
    assert_eq!(key, "decision.policy");
    assert!(cure.contains("bank.confirms_automatically"), "{cure}");
}

#[test]
fn rules_that_cannot_hold_together_are_refused() {
    let review = ("PAYOUTD_DECISION__POLICY", "review");
    let within = ("PAYOUTD_DECISION__REVIEW_WITHIN", "230m");
    let hourly = ("PAYOUTD_TICKETS__DELAYS", "1h");
    let limits = ("PAYOUTD_DECISION__AMOUNT_MAX", "rub=1,eur=0");
    let currencies = |codes| ("PAYOUTD_DECISION__CURRENCIES", codes);
    for good in [&[review, within][..], &[within, hourly], &[limits, currencies("rub")]] {
        in_environment(good).read(Needs::Backend).expect("usable");
    }
    for (together, key) in [
        (&[review, within, hourly][..], "decision.review_within"),
        (&[limits, currencies("rub,usd")], "decision.currencies"),
        (&[limits, currencies("eur")], "decision.currencies"),
    ] {
        let problems = in_environment(together).problems(Needs::Backend);
        let [(found, _, _)] = problems.as_slice() else { panic!("{problems:?}") };
        assert_eq!(found, key);
    }
}

#[test]
fn a_value_is_never_repeated_for_it_may_be_a_secret() {
    let secret = "hunter2";
    let everything = [
        ("PAYOUTD_BACKEND__KIND", secret),
        ("PAYOUTD_BANK__BASE_URL", "https://name:hunter2@demo.bank131.ru"),
        ("PAYOUTD_BANK__LIVE", secret),
        ("PAYOUTD_BANK__TIMEOUT", secret),
        ("PAYOUTD_BANK__PRIVATE_KEY_PASSPHRASE", secret),
        ("PAYOUTD_TICKETS__DELAYS", secret),
        ("PAYOUTD_INGRESS__LISTEN", secret),
        ("PAYOUTD_INGRESS__PATH", secret),
        ("PAYOUTD_EXECUTOR__CONCURRENCY", secret),
        ("PAYOUTD_SHUTDOWN__GRACE", secret),
        ("PAYOUTD_LOG__FORMAT", secret),
    ];
    let error = in_environment(&everything).read(Needs::Bank).expect_err("refused").to_string();
    assert_eq!(error.lines().count(), 1 + everything.len() + 3, "{error}");
    assert!(!error.contains(secret), "{error}");
}

#[test]
fn a_file_that_is_no_toml_is_refused_by_name_and_line_and_not_repeated() {
    let text = "[bank]\nproject = \"x\"\nprivate_key_passphrase_file = hunter2\n";
    let problems = in_file(text).problems(Needs::Backend);
    let [(key, source, cure)] = problems.as_slice() else { panic!("{problems:?}") };
    assert_eq!((key.as_str(), source.as_str()), ("the file", "payoutd.toml"));
    assert!(cure.contains("line 3"), "{cure}");
    assert!(!cure.contains("hunter2"), "{cure}");
}

#[test]
fn a_file_that_is_not_there_is_a_problem_beside_the_others() {
    let environment = [("PAYOUTD_BANK__TIMEOUT".into(), "soon".into())];
    let read = Config::read(Some(Path::new("nowhere.toml")), environment, Needs::Backend);
    let ConfigError(problems) = read.expect_err("must be refused");
    let keys: Vec<_> = problems.iter().map(|problem| problem.key.as_str()).collect();
    assert_eq!(keys, ["--config", "bank.timeout"]);
    assert_eq!(problems[0].source, "nowhere.toml");
    assert!(problems[0].cure.ends_with("name a readable TOML file"), "{problems:?}");
}

/// The servers that these settings name.
fn servers(settings: &[(&str, &str)]) -> Servers {
    let kind = [("PAYOUTD_BACKEND__KIND", "rabbitmq-redis")];
    let environment: Vec<_> = kind.iter().chain(settings).copied().collect();
    let config = in_environment(&environment).read(Needs::Backend).expect("usable");
    let BackendKind::RabbitmqRedis(servers) = config.backend.kind else { panic!("servers") };
    *servers
}

#[test]
fn servers_are_taken_as_they_are_named_and_never_shown() {
    use secrecy::ExposeSecret;

    let one = servers(&[
        ("PAYOUTD_BACKEND__AMQP_URL", "amqps://u:hidden@a:5671/v, amqps://u:hidden@b:5671/v"),
        ("PAYOUTD_BACKEND__REDIS_URL", "rediss://u:hidden@r:6380/2"),
        ("PAYOUTD_BACKEND__REDIS_SENTINELS", "redis://s1:26379, redis://:hidden@s2:26379"),
        ("PAYOUTD_BACKEND__PREFIX", "shop-1.payouts"),
        ("PAYOUTD_BACKEND__REDIS_BARRIER", "aof"),
        ("PAYOUTD_BACKEND__REDIS_CA_FILE", "ca.pem"),
    ]);
    let urls: Vec<_> = one.amqp_urls.iter().map(ExposeSecret::expose_secret).collect();
    assert_eq!(urls, ["amqps://u:hidden@a:5671/v", "amqps://u:hidden@b:5671/v"]);
    assert_eq!(one.redis_url.expose_secret(), "rediss://u:hidden@r:6380/2");
    let sentinels: Vec<_> = one.redis_sentinels.iter().map(ExposeSecret::expose_secret).collect();
    assert_eq!(sentinels, ["redis://s1:26379", "redis://:hidden@s2:26379"]);
    assert_eq!(one.prefix, "shop-1.payouts");
    assert_eq!(one.redis_barrier, Barrier::Aof { replicas: 0 });
    assert_eq!(one.redis_tls.ca.as_deref(), Some(Path::new("ca.pem")));
    assert!(!format!("{one:?}").contains("hidden"), "{one:?}");
    let two = servers(&[
        ("PAYOUTD_BACKEND__REDIS_BARRIER", "replicas"),
        ("PAYOUTD_BACKEND__REDIS_BARRIER_REPLICAS", "2"),
    ]);
    assert_eq!(two.redis_barrier, Barrier::Replicas(2));
}

#[test]
fn what_names_no_server_is_refused_without_showing_it() {
    let cases = [
        ("AMQP_URL", "http://u:hidden@host", "must be amqp:// or amqps:// addresses"),
        ("AMQP_URL", "amqp://ok, u:hidden@host", "must be amqp:// or amqps:// addresses"),
        ("AMQP_URL", "", "must be amqp:// or amqps:// addresses"),
        ("REDIS_URL", "u:hidden@host:6379", "must be a redis:// or rediss:// address"),
        ("REDIS_SENTINELS", "redis://s1:26379,hidden", "must be redis:// or rediss:// addresses"),
        ("PREFIX", "two words", "must be 1 to 64 letters"),
        ("PREFIX", "{hidden}", "must be 1 to 64 letters"),
        ("REDIS_BARRIER", "some", "must be \"none\", \"replicas\" or \"aof\""),
        ("REDIS_BARRIER_REPLICAS", "17", "must be between 0 and 16"),
        ("AMQP_CLIENT_KEY_FILE", "key.pem", "needs backend.amqp_client_key_file as well"),
        ("PREFIX", &"x".repeat(65), "must be 1 to 64 letters"),
        ("RETENTION", "1h", "must be between 1day and 36500days"),
        ("RETENTION", "36501days", "must be between 1day and 36500days"),
    ];
    for (key, value, cure) in cases {
        let variable = format!("PAYOUTD_BACKEND__{key}");
        let environment = [("PAYOUTD_BACKEND__KIND", "rabbitmq-redis"), (variable.as_str(), value)];
        let problems = in_environment(&environment).problems(Needs::Backend);
        let [(_, _, told)] = problems.as_slice() else { panic!("{key}: {problems:?}") };
        assert!(told.contains(cure) && !told.contains("hidden"), "{key}: {told}");
    }
}

#[test]
fn redis_barriers_of_no_replica_at_all_are_refused() {
    let environment = [
        ("PAYOUTD_BACKEND__KIND", "rabbitmq-redis"),
        ("PAYOUTD_BACKEND__REDIS_BARRIER", "replicas"),
    ];
    let problems = in_environment(&environment).problems(Needs::Backend);
    assert_eq!(problems[0].0, "backend.redis_barrier_replicas");
}
