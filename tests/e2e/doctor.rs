//! `call-server doctor` at accounts of three providers: new ones, right ones, and ones set up wrong in every way that
//! the network knows (post-mortem 2.2: a status webhook that nobody had configured).

use std::process::{Output, Stdio};

use futures::{StreamExt as _, stream};
use serde_json::Value;
use simulator::{
    Agent, Config, Down, Function, Misconfiguration, Network, Number, Provider, RetellConfig, RetellMistake,
    TelnyxMistake, TwilioMistake,
};
use tempfile::TempDir;
use tests::{Town, Wish, process};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::{SOON, STAYS};

const TOKEN: &str = "twilio-token-that-nobody-may-see";
const KEYS: [(&str, &str); 4] = [
    ("CALL_SERVER__API__TOKENS", "api-token-that-is-long-enough"),
    ("CALL_SERVER__TWILIO__AUTH_TOKEN", TOKEN),
    ("CALL_SERVER__TELNYX__API_KEY", "KEY-that-nobody-may-see"),
    ("CALL_SERVER__RETELL__API_KEY", "key_that-nobody-may-see"),
];
const PUBLIC: &str = "https://calls.example.com";
const TWILIO: &str = "+12025550111";
const TELNYX: &str = "+12025550122";
const RETELL: &str = "+12025550133";

/// The accounts as they are when they are new, and a configuration that names them. No server runs.
struct Clinic {
    network: Network,
    directory: TempDir,
}

impl Clinic {
    async fn new() -> Self {
        let demo = "https://demo.twilio.com/welcome/voice/";
        let agent =
            Agent::new("agent_5100a7ed").function(Function::new("book", "https://old-backend.example.net/book"));
        let mut config = Config {
            auth_token: TOKEN.into(),
            numbers: vec![
                Number::new(TWILIO, demo),
                Number::at(Provider::Telnyx, TELNYX),
                Number::at(Provider::Retell, RETELL),
            ],
            retell: RetellConfig { api_key: KEYS[3].1.into(), agents: vec![agent], ..RetellConfig::default() },
            ..Config::default()
        };
        config.telnyx.api_key = KEYS[2].1.into();
        config.telnyx.webhook_api_version = "1".to_owned();
        let network = Network::start(config).await.unwrap();
        let clinic = Self { network, directory: TempDir::new().unwrap() };
        clinic.configure("");
        clinic
    }

    /// Writes the configuration, with `more` in place of what it says.
    fn configure(&self, more: &str) {
        let (twilio, telnyx, retell) = (self.network.base_url(), self.network.telnyx_url(), self.network.retell_url());
        let (account, application) = (Config::default().account_sid, Config::default().telnyx.connection_id);
        let key = self.network.telnyx_public_key();
        let settings = format!(
            "server.public_url = '{PUBLIC}'\n\
             twilio = {{ account_sid = '{account}', from = '{TWILIO}', base_url = '{twilio}' }}\n\
             telnyx = {{ connection_id = '{application}', from = '{TELNYX}', base_url = '{telnyx}', public_keys = ['{key}'] }}\n\
             retell = {{ from = '{RETELL}', base_url = '{retell}' }}\n{more}"
        );
        std::fs::write(self.directory.path().join("call-server.toml"), settings).unwrap();
    }

    async fn run(&self, arguments: &[&str], keys: &[(&str, &str)]) -> Output {
        let mut command = process::command("call-server");
        command.current_dir(self.directory.path()).arg("doctor").args(arguments).envs(KEYS).envs(keys.iter().copied());
        let output = command.stdin(Stdio::null()).output().await.unwrap();
        for (_, secret) in KEYS {
            let told = [&output.stdout[..], &output.stderr[..]].map(String::from_utf8_lossy).concat();
            assert!(!told.contains(secret), "{told}");
        }
        output
    }

    /// What doctor finds; its exit code says the same.
    async fn doctor(&self, arguments: &[&str]) -> Report {
        let output = self.run(&[arguments, &["--json"]].concat(), &[]).await;
        let told = String::from_utf8_lossy(&output.stdout);
        let json: Value = serde_json::from_str(&told)
            .unwrap_or_else(|error| panic!("{error}: {told}{}", String::from_utf8_lossy(&output.stderr)));
        assert_eq!(json["clean"], output.status.success());
        Report(json)
    }
}

struct Report(Value);

impl Report {
    fn findings(&self) -> impl Iterator<Item = &Value> {
        self.0["accounts"].as_array().unwrap().iter().flat_map(|account| account["findings"].as_array().unwrap())
    }

    fn found(&self, place: &str, setting: &str) -> &Value {
        let mut all = self.findings();
        all.find(|finding| finding["place"] == place && finding["setting"] == setting).expect("it is examined")
    }

    /// What is not right: where, which setting, and whether it can be mended.
    fn troubles(&self) -> Vec<(String, String, bool)> {
        let wrong = self.findings().filter(|finding| finding["state"] != "right");
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        wrong.map(|f| (text(&f["place"]), text(&f["setting"]), !f["remedy"].is_null())).collect()
    }
}

#[tokio::test]
async fn new_accounts_are_set_up_by_one_command() {
    let clinic = Clinic::new().await;
    let new = clinic.doctor(&[]).await;
    let troubles = new.troubles();
    assert!(troubles.len() == 9 && troubles.iter().all(|(.., mendable)| *mendable), "{troubles:#?}");

    let refused = clinic.run(&["--fix"], &[]).await;
    assert!(!refused.status.success());
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(told.starts_with("call-server: doctor --fix changes accounts: say --yes") && told.lines().count() == 1);
    assert_eq!(clinic.doctor(&[]).await.troubles(), troubles, "nothing was changed");

    let mended = clinic.doctor(&["--fix", "--yes"]).await;
    assert_eq!(mended.troubles(), []);
    assert_eq!(mended.0["mended"].as_array().unwrap().len(), troubles.len());
    for (place, setting, url) in [
        (format!("number {TWILIO}"), "voice URL", "/hooks/twilio/voice"),
        (format!("number {TWILIO}"), "fallback URL", "/hooks/twilio/voice"),
        (format!("number {TWILIO}"), "status callback", "/hooks/twilio/status"),
        ("application 2481632640128256512".to_owned(), "webhook URL", "/hooks/telnyx/events"),
        ("agent agent_5100a7ed".to_owned(), "webhook URL", "/hooks/retell/events"),
        ("agent agent_5100a7ed, function book".to_owned(), "URL", "/hooks/retell/functions"),
        (format!("number {RETELL}"), "inbound webhook", "/hooks/retell/inbound"),
    ] {
        assert_eq!(mended.found(&place, setting)["found"], format!("{PUBLIC}{url}"), "{place} {setting}");
    }
    let table = clinic.run(&[], &[]).await;
    let told = String::from_utf8_lossy(&table.stdout).into_owned();
    assert!(table.status.success() && told.contains("0 missing, 0 wrong"), "{told}");
}

/// Where each is found, and whether doctor may mend it: what is bought, ported, suspended or of another kind of account
/// is for people to settle.
fn expected(misconfiguration: Misconfiguration) -> (String, &'static str, bool) {
    use Misconfiguration::{Retell, Telnyx, Twilio};
    let [twilio, telnyx, retell] = [TWILIO, TELNYX, RETELL].map(|number| format!("number {number}"));
    let account = || "account".to_owned();
    let application = || "application 2481632640128256512".to_owned();
    let agent = || "agent agent_5100a7ed".to_owned();
    let function = || "agent agent_5100a7ed, function book".to_owned();
    match misconfiguration {
        Twilio(TwilioMistake::Suspended) => (account(), "status", false),
        Twilio(TwilioMistake::Trial) => (account(), "type", false),
        Twilio(TwilioMistake::Released) => (twilio, "owner", false),
        Twilio(TwilioMistake::NoVoice) => (twilio, "capability", false),
        Twilio(TwilioMistake::Fax) => (twilio, "receive mode", true),
        Twilio(TwilioMistake::Trunk) => (twilio, "SIP trunk", true),
        Twilio(TwilioMistake::Application) => (twilio, "application", true),
        Twilio(TwilioMistake::VoiceUrlElsewhere | TwilioMistake::VoiceUrlUnset) => (twilio, "voice URL", true),
        Twilio(TwilioMistake::VoiceMethod) => (twilio, "voice method", true),
        Twilio(TwilioMistake::VoiceUrlOnce) => (twilio, "voice URL retries", true),
        Twilio(TwilioMistake::FallbackElsewhere | TwilioMistake::FallbackUnset) => (twilio, "fallback URL", true),
        Twilio(TwilioMistake::StatusElsewhere | TwilioMistake::StatusUnset) => (twilio, "status callback", true),
        Twilio(TwilioMistake::StatusMethod) => (twilio, "status method", true),
        Twilio(TwilioMistake::StatusOnce) => (twilio, "status callback retries", true),
        Telnyx(TelnyxMistake::Deleted) => (application(), "application", false),
        Telnyx(TelnyxMistake::Inactive) => (application(), "active", true),
        Telnyx(TelnyxMistake::UrlElsewhere | TelnyxMistake::UrlUnset) => (application(), "webhook URL", true),
        Telnyx(TelnyxMistake::VersionOne) => (application(), "webhook API version", true),
        Telnyx(TelnyxMistake::FailoverElsewhere) => (application(), "failover URL", true),
        Telnyx(TelnyxMistake::Impatient) => (application(), "webhook timeout", true),
        Telnyx(TelnyxMistake::FirstCommand) => (application(), "first command timeout", true),
        Telnyx(TelnyxMistake::NoCost) => (application(), "call cost", true),
        Telnyx(TelnyxMistake::NoProfile) => (application(), "outbound voice profile", false),
        Telnyx(TelnyxMistake::ProfileDisabled) => {
            ("outbound voice profile 1293384261075731499".to_owned(), "enabled", true)
        }
        Telnyx(TelnyxMistake::Released) => (telnyx, "owner", false),
        Telnyx(TelnyxMistake::PortedOut) => (telnyx, "status", false),
        Telnyx(TelnyxMistake::Unassigned | TelnyxMistake::Reassigned) => (telnyx, "application", true),
        Telnyx(TelnyxMistake::Forwarded) => (telnyx, "forwarding", true),
        Retell(RetellMistake::Deleted) => (agent(), "agent", false),
        Retell(RetellMistake::WebhookElsewhere | RetellMistake::WebhookUnset) => (agent(), "webhook URL", true),
        Retell(RetellMistake::NoCallEnded | RetellMistake::NoCallAnalyzed) => (agent(), "webhook events", true),
        Retell(RetellMistake::Impatient) => (agent(), "webhook timeout", true),
        Retell(RetellMistake::FunctionElsewhere | RetellMistake::FunctionNameless) => (function(), "URL", true),
        Retell(RetellMistake::FunctionImpatient) => (function(), "timeout", true),
        Retell(RetellMistake::FunctionMethod) => (function(), "method", true),
        Retell(RetellMistake::Released) => (retell, "owner", false),
        Retell(RetellMistake::InboundElsewhere | RetellMistake::InboundUnset) => (retell, "inbound webhook", true),
        Retell(RetellMistake::NoInboundAgent) => (retell, "inbound agent", false),
        Retell(RetellMistake::NoOutboundAgent) => (retell, "outbound agent", false),
    }
}

/// Each is found, nothing else is, and mending leaves nothing to find.
#[tokio::test]
async fn every_misconfiguration_is_found_and_mended() {
    let all: Vec<Misconfiguration> = Misconfiguration::all().collect();
    assert!(all.len() >= 25);
    // Side by side, for each is a few processes that mostly start.
    stream::iter(all).map(examine).buffer_unordered(4).collect::<Vec<()>>().await;
}

async fn examine(misconfiguration: Misconfiguration) {
    let clinic = Clinic::new().await;
    assert_eq!(clinic.doctor(&["--fix", "--yes"]).await.troubles(), []);
    clinic.network.misconfigure(misconfiguration);
    let (place, setting, mendable) = expected(misconfiguration);
    let only = vec![(place, setting.to_owned(), mendable)];
    let ill = clinic.doctor(&[]).await;
    assert_eq!(ill.troubles(), only, "{misconfiguration:?}");
    let wrong = ill.findings().find(|finding| finding["state"] != "right").unwrap();
    assert!(!wrong["means"].as_str().unwrap().is_empty());
    let left = if mendable { Vec::new() } else { only };
    assert_eq!(clinic.doctor(&["--fix", "--yes"]).await.troubles(), left, "{misconfiguration:?}");
    assert_eq!(clinic.doctor(&[]).await.troubles(), left, "{misconfiguration:?}");
}

#[tokio::test]
async fn a_number_with_a_script_that_no_account_has_is_told() {
    let clinic = Clinic::new().await;
    clinic.configure("inbound.numbers.'+12025550199' = { do = 'say', text = 'We are closed.' }\n");
    let report = clinic.doctor(&["--fix", "--yes"]).await;
    assert_eq!(report.troubles(), [("number +12025550199".to_owned(), "owner".to_owned(), false)]);
}

#[tokio::test]
async fn accounts_that_cannot_be_read_are_told_in_one_sentence_each() {
    let clinic = Clinic::new().await;
    let wrong = ["CALL_SERVER__TWILIO__AUTH_TOKEN", "CALL_SERVER__TELNYX__API_KEY", "CALL_SERVER__RETELL__API_KEY"]
        .map(|name| (name, "another-key-that-is-not-the-account-s"));
    let output = clinic.run(&[], &wrong).await;
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!output.status.success());
    for provider in ["twilio", "telnyx", "retell"] {
        let line = format!("{provider}: could not be examined; the credentials are not accepted: ");
        assert!(told.lines().any(|told| told.starts_with(&line) && told.contains("401")), "{told}");
    }
    assert!(told.contains("3 of 3 accounts could not be examined"), "{told}");

    clinic.network.down(Down::unavailable(100_000.0));
    let output = clinic.run(&[], &[]).await;
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        !output.status.success() && told.matches("could not be examined; no usable answer: ").count() == 3,
        "{told}"
    );
}

/// A key that may place calls and not read numbers, and an address where nobody listens.
#[tokio::test]
async fn a_permission_that_is_missing_is_told_from_a_provider_that_is_away() {
    let clinic = Clinic::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let forbidding = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 4096]).await;
            let body = r#"{"errors":[{"code":"10010","title":"Authorization failed"}]}"#;
            let head = "HTTP/1.1 403 Forbidden\r\ncontent-type: application/json\r\nconnection: close";
            let _ =
                stream.write_all(format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).as_bytes()).await;
        }
    });
    let forbidding = format!("http://{forbidding}");
    let output = clinic
        .run(
            &[],
            &[("CALL_SERVER__TELNYX__BASE_URL", &forbidding), ("CALL_SERVER__TWILIO__BASE_URL", "http://127.0.0.1:9")],
        )
        .await;
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!output.status.success());
    assert!(told.contains("telnyx: could not be examined; the credentials do not permit it: "), "{told}");
    assert!(told.contains("twilio: could not be examined; no usable answer: twilio could not be reached"), "{told}");
    // The third is examined all the same.
    assert!(told.contains("RETELL\n"), "{told}");
}

#[tokio::test]
async fn data_tells_of_calls_in_a_store_that_servers_use() {
    let town = Town::new("doctor-data").await;
    let open = town.place(&Wish::to(STAYS)).await;
    let ended = town.place(&Wish::to("+12025550100")).await;
    town.api.until_ended(&ended, SOON).await;
    let output = town.command(&["doctor", "--data", "--json"]).output().await.unwrap();
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(output.status.success(), "{told}");
    assert_eq!((&told["stuck"]["count"], &told["over_but_open"]["count"]), (&0.into(), &0.into()));
    assert_eq!(told["latest"]["by_disposition"]["completed"], 1);
    let table = town.command(&["doctor", "--data"]).output().await.unwrap();
    assert!(String::from_utf8_lossy(&table.stdout).contains("open for over 10 min: 0"));
    town.api.hang_up(&open).await;
    town.rest().await;
    town.close().await;
}
