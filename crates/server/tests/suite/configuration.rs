//! The configuration: layers, and every problem at once.

use call_core::{Lookup, Policy, Script, StalePolicy};
use call_server::Config;
use call_server::config::{DEFAULTS, Problems, Source};

fn read(toml: &str, environment: &[(&str, &str)]) -> Result<Config, Problems> {
    let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Source::default().with_text(toml).with_environment(environment).read()
}

/// The keys that a configuration has problems with.
fn problems(toml: &str, environment: &[(&str, &str)]) -> Vec<String> {
    let Problems(problems) = read(toml, environment).and_then(|config| config.check()).unwrap_err();
    problems.into_iter().map(|problem| problem.key).collect()
}

#[test]
fn the_written_defaults_are_the_cores_defaults() {
    let config = Config::default();
    assert_eq!(config.policy, Policy::default());
    assert_eq!(config.lookup, Lookup::default());
    assert_eq!(config.inbound.script, Script::default());
}

#[test]
fn every_default_is_explained() {
    let mut explained = false;
    for line in DEFAULTS.lines() {
        if line.starts_with('#') {
            explained = true;
        } else if line.contains('=') {
            assert!(explained, "no comment above: {line}");
            explained = false;
        }
    }
}

#[test]
fn nothing_set_names_each_key_to_set() {
    assert_eq!(problems("", &[]), ["api.tokens", "twilio.account_sid"]);
}

#[test]
fn all_problems_are_told_at_once() {
    let toml = "server.listen = 'here'\nserver.drain = 'soon'\nstore.uri = 'sqlite:x'\n[swep]\nevery = '1s'\n\
                [policy]\nring_limit = 5";
    let mut found = problems(toml, &[("CALL_SERVER__OUTBOX__WORKER", "4")]);
    found.sort();
    let wished =
        ["CALL_SERVER__OUTBOX__WORKER", "policy.ring_limit", "server.drain", "server.listen", "store.uri", "swep"];
    assert_eq!(found, wished);
}

#[test]
fn what_cannot_work_is_refused_by_its_key() {
    let account = "twilio.account_sid = 'AC0123456789abcdef0123456789abcdef'";
    let token = [("CALL_SERVER__API__TOKENS", "0123456789abcdef"), ("CALL_SERVER__TWILIO__AUTH_TOKEN", "x")];
    assert_eq!(problems(account, &token[..1]), ["twilio.auth_token", "server.public_url"]);
    assert_eq!(problems(account, &token), ["twilio.auth_token", "server.public_url"], "not 32 hexadecimal digits");
    assert_eq!(problems("twilio.account_sid = 'SK00'", &token)[0], "twilio.account_sid");
    let good = format!("{account}\nserver.public_url = 'https://x.example'\ntwilio.base_url = 'http://127.0.0.1:1'\n");
    assert!(read(&good, &token).unwrap().check().is_ok());
    for (key, line) in [
        ("api.tokens", "api.tokens_file = '/dev/null'"),
        ("store.url", "store.url = 'mysql://x'"),
        ("store.url", "store.url = 'sqlite:'"),
        ("store.connections", "store.connections = 3"),
        ("store.timeout", "store.timeout = '0s'"),
        ("retention.keep", "retention.keep = '1h'"),
        ("retention.keep", "retention.keep = 'long'"),
        ("server.public_url", "server.public_url = 'https://x.example/?a=b'"),
        ("twilio.from", "twilio.from = '0155'"),
        ("server.provider", "server.provider = 'telnyx'"),
        ("telnyx.api_key", "telnyx.connection_id = '12'"),
        ("retell.api_key", "retell.agent_id = 'agent_1'"),
        ("retell.max_body", "retell.max_body = 0"),
        ("functions.url", "functions.url = 'ftp://x.example'"),
        ("functions.timeout", "functions.timeout = '15s'\nfunctions.url = 'http://127.0.0.1:1'"),
        ("twilio.api_key_secret", "twilio.api_key_sid = 'SK0123456789abcdef0123456789abcdef'"),
        ("inbound.script.to", "inbound.script = { do = 'connect', to = 'desk' }"),
        ("inbound.numbers.\"0155\"", "inbound.numbers.0155 = { do = 'stream' }"),
        ("sweep.every", "sweep.every = '0s'"),
        ("outbox.workers", "outbox.workers = 0"),
        ("outbox.lease", "outbox.lease = '999ms'"),
        ("outbox.lease", "outbox.lease = '2m'"),
        ("lookup", "lookup.step = '10s'"),
        ("policy.hangup_tries", "policy.hangup_tries = 0"),
        ("log.level", "log.level = 'a=b=c'"),
    ] {
        let secrets = if key == "api.tokens" { &token[1..] } else { &token[..] };
        let toml = good.lines().filter(|l| !l.starts_with(key)).chain([line]).collect::<Vec<_>>().join("\n");
        assert_eq!(problems(&toml, secrets), [key]);
    }
}

#[test]
fn an_api_key_needs_its_secret_and_the_other_way_round() {
    let keys = |sid: &str, secret: &[(&str, &str)]| {
        let found = problems(&format!("twilio.account_sid = 'AC00'\ntwilio.api_key_sid = '{sid}'"), secret);
        found.into_iter().filter(|key| key.starts_with("twilio.api_key")).collect::<Vec<_>>()
    };
    let secret = [("CALL_SERVER__TWILIO__API_KEY_SECRET", "x")];
    let sid = "SK0123456789abcdef0123456789abcdef";
    assert!(keys(sid, &secret).is_empty() && keys("", &[]).is_empty());
    assert_eq!(keys("AC00", &secret), ["twilio.api_key_sid"]);
    assert_eq!(keys(sid, &[]), ["twilio.api_key_secret"]);
    assert_eq!(keys("", &secret), ["twilio.api_key_secret"]);
}

#[test]
fn each_provider_can_be_the_only_one_and_says_what_it_needs_by_its_own_keys() {
    const KEY: &str = "A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=";
    let secrets = [("CALL_SERVER__API__TOKENS", "0123456789abcdef"), ("CALL_SERVER__TELNYX__API_KEY", "KEY0123")];
    let public = "server.public_url = 'https://x.example'";
    let telnyx = format!("{public}\ntelnyx.connection_id = '24816'\ntelnyx.from = '+15550100001'\n");
    assert_eq!(problems(&telnyx, &secrets), ["telnyx.public_keys"]);
    assert_eq!(problems(&format!("{telnyx}telnyx.public_keys = ['x']"), &secrets), ["telnyx.public_keys"]);
    assert!(read(&format!("{telnyx}telnyx.public_keys = ['{KEY}']"), &secrets).unwrap().check().is_ok());

    let secrets = [("CALL_SERVER__API__TOKENS", "0123456789abcdef"), ("CALL_SERVER__RETELL__API_KEY", "key_1,key_2")];
    let retell = read(public, &secrets).unwrap();
    assert!(retell.check().is_ok());
    assert_eq!(retell.retell.api_keys.len(), 2);
    assert!(!format!("{retell:?}").contains("key_1"));
    assert_eq!(problems("", &secrets), ["server.public_url"]);
}

#[test]
fn a_secret_in_the_file_is_refused_and_never_repeated() {
    let toml = "api.tokens = 'very-secret-token-1'\n[twilio]\nauth_token = 'very-secret-token-2'";
    let error = read(toml, &[]).unwrap_err();
    let keys: Vec<&str> = error.0.iter().map(|p| p.key.as_str()).collect();
    assert_eq!(keys, ["api.tokens", "twilio.auth_token"]);
    let told = format!("{error} {error:?}");
    assert!(!told.contains("very-secret"), "{told}");
    assert!(told.contains("CALL_SERVER__TWILIO__AUTH_TOKEN") && told.contains("twilio.auth_token_file"), "{told}");
}

#[test]
fn secrets_come_from_files_too_and_are_not_shown() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tokens");
    std::fs::write(&path, "token-number-one-1\ntoken-number-two-2\n").unwrap();
    let toml = format!("api.tokens_file = '{}'", path.display());
    let config = read(&toml, &[]).unwrap();
    assert_eq!(config.api.tokens.len(), 2);
    assert!(!format!("{config:?}").contains("token-number"));
    let missing = read("twilio.auth_token_file = '/nowhere/at/all'", &[]).unwrap_err();
    assert_eq!(missing.0[0].key, "twilio.auth_token_file");
}

#[test]
fn the_environment_wins_over_the_file_and_numbers_that_people_call_stay_text() {
    let toml = "twilio.from = '+15550100001'\nsweep.batch = 10";
    let environment = [
        ("CALL_SERVER__TWILIO__FROM", "+15550100002"),
        ("CALL_SERVER__SWEEP__BATCH", "20"),
        ("CALL_SERVER__POLICY__STALE__CLOSE", "{as=\"failed\", after=\"30m\"}"),
    ];
    let config = read(toml, &environment).unwrap();
    assert_eq!(config.twilio.from, "+15550100002");
    assert_eq!(config.sweep.batch, 20);
    assert_eq!(config.policy.stale, StalePolicy::fail_after(std::time::Duration::from_secs(1800)));
}

#[test]
fn every_kind_of_store_is_known_and_an_unknown_one_is_told_the_list() {
    let keys = |url: &str| problems(&format!("store.url = '{url}'"), &[]);
    for known in ["sqlite:calls.db", "postgres://app@db/calls", "postgresql://db/calls", "mongodb://a:1,b:2/calls"] {
        assert!(!keys(known).contains(&"store.url".to_owned()), "{known}");
    }
    let Problems(found) = read("store.url = 'redis://db'", &[]).unwrap().check().unwrap_err();
    let told = found.iter().find(|problem| problem.key == "store.url").unwrap().to_string();
    for known in ["redis://db", "sqlite:", "postgres://", "mongodb://"] {
        assert!(told.contains(known), "{told}");
    }
}

#[test]
fn a_stores_password_comes_from_the_environment_or_a_file_and_is_shown_nowhere() {
    let url = "postgres://app:very-secret@db/calls";
    let error = read(&format!("store.url = '{url}'"), &[]).unwrap_err();
    assert_eq!(error.0[0].key, "store.url");
    let told = format!("{error} {error:?}");
    assert!(!told.contains("very-secret"), "{told}");
    assert!(told.contains("CALL_SERVER__STORE__URL") && told.contains("store.url_file"), "{told}");

    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("url");
    std::fs::write(&path, format!("{url}\n")).unwrap();
    let file = format!("store.url_file = '{}'", path.display());
    let from_file = read(&file, &[]).unwrap();
    assert_eq!(from_file.store.url.reveal(), url);
    assert!(!format!("{from_file:?}").contains("very-secret"));
    let other = [("CALL_SERVER__STORE__URL", "postgres://app:other-secret@db/calls")];
    let from_environment = read(&file, &other).unwrap();
    assert!(from_environment.store.url.reveal().contains("other-secret"), "the environment wins");
    assert!(!format!("{from_environment:?}").contains("other-secret"));
    assert_eq!(read("store.url_file = '/nowhere/at/all'", &[]).unwrap_err().0[0].key, "store.url_file");
}

#[test]
fn spans_of_retention_are_written_in_days() {
    assert_eq!(Config::default().retention.keep, None);
    let keep = read("retention.keep = '90d'", &[]).unwrap().retention.keep;
    assert_eq!(keep, Some(std::time::Duration::from_secs(90 * 86_400)));
}

#[test]
fn a_file_that_is_not_toml_is_one_problem() {
    assert_eq!(problems("[server\nlisten", &[]), ["call-server.toml"]);
}
