//! A server under test and a client of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use adapter_twilio::sign::{Pair, Signed, sign};
use call_core::port::{Clock as _, Store};
use call_core::testkit::MemoryStore;
use call_server::config::Source;
use call_server::{App, Config, Overrides, RunningApp, SystemClock};
use reqwest::{Method, RequestBuilder, Response};
use secrecy::SecretString;
use serde_json::Value;

pub(crate) const TOKEN: &str = "test-token-0123456789abcdef";
pub(crate) const ACCOUNT: &str = "AC0123456789abcdef0123456789abcdef";
pub(crate) const SECRET: &str = "00112233445566778899aabbccddeeff";
/// What the outside world calls the server; nothing is ever fetched from there.
pub(crate) const PUBLIC: &str = "https://calls.example.com";

/// A configuration that can work, and may be changed by `more` lines of TOML. Twilio is where nobody listens.
pub(crate) fn config(more: &str) -> Config {
    let toml = format!(
        "server.listen = '127.0.0.1:0'\nserver.public_url = '{PUBLIC}'\ntwilio.account_sid = '{ACCOUNT}'\n\
         twilio.base_url = 'http://127.0.0.1:9'\ntwilio.from = '+15550100000'\nstore.url = 'sqlite:never-opened.db'\n{more}"
    );
    let secrets = [
        ("CALL_SERVER__API__TOKENS", TOKEN),
        ("CALL_SERVER__TWILIO__AUTH_TOKEN", SECRET),
        ("CALL_SERVER__TELNYX__API_KEY", SECRET),
        ("CALL_SERVER__FUNCTIONS__TOKEN", if more.contains("functions.url") { SECRET } else { "" }),
        ("CALL_SERVER__RETELL__API_KEY", if more.contains("retell.") { SECRET } else { "" }),
    ];
    let secrets = secrets.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let config = Source::default().with_text(toml).with_environment(secrets).read().unwrap();
    config.check().unwrap();
    config
}

pub(crate) struct Server {
    pub(crate) app: RunningApp,
    http: reqwest::Client,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::with(config("")).await
    }

    pub(crate) async fn with(config: Config) -> Self {
        Self::over(config, Arc::new(MemoryStore::new())).await
    }

    pub(crate) async fn over(config: Config, store: Arc<dyn Store>) -> Self {
        let overrides = Overrides { store: Some(store), ..Overrides::default() };
        Self::of(App::start(config, overrides).await.unwrap())
    }

    pub(crate) fn of(app: RunningApp) -> Self {
        Self { app, http: reqwest::Client::builder().no_proxy().build().unwrap() }
    }

    /// A request without a token.
    pub(crate) fn plain(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.app.url()))
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.plain(method, path).bearer_auth(TOKEN)
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await.unwrap()
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Response {
        self.request(Method::POST, path).json(body).send().await.unwrap()
    }

    /// Places a call and gives its id.
    pub(crate) async fn place(&self, body: &Value) -> String {
        let response = self.post("/v1/calls", body).await;
        assert_eq!(response.status(), 201);
        json(response).await["id"].as_str().unwrap().to_owned()
    }

    /// A form from Twilio, signed as Twilio signs.
    pub(crate) async fn twilio(&self, path: &str, form: &[(&str, &str)]) -> Response {
        let form: Vec<Pair<'_>> = form.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        let secret = SecretString::from(SECRET);
        let signature = sign(&secret, &format!("{PUBLIC}{path}"), Signed::Form(&form));
        let request = self.plain(Method::POST, path).header("x-twilio-signature", signature).form(&form);
        request.send().await.unwrap()
    }

    /// JSON from Retell, signed as Retell signs.
    pub(crate) async fn retell(&self, path: &str, body: &Value) -> Response {
        let body = body.to_string();
        let signature = adapter_retell::sign::Key::new(SECRET).sign(body.as_bytes(), SystemClock.now());
        let request = self.plain(Method::POST, path).header("x-retell-signature", signature);
        request.header("content-type", "application/json").body(body).send().await.unwrap()
    }

    /// Asks until the answer is as wished.
    pub(crate) async fn until(&self, path: &str, wished: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let value = json(self.get(path).await).await;
            if wished(&value) {
                return value;
            }
            assert!(Instant::now() < deadline, "{path} never became as wished: {value:#}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// The value of one line of the metrics.
    pub(crate) async fn metric(&self, line: &str) -> f64 {
        let text = self.plain(Method::GET, "/metrics").send().await.unwrap().text().await.unwrap();
        let found = text.lines().find_map(|l| l.strip_prefix(line)?.trim().parse().ok());
        found.unwrap_or_else(|| panic!("no {line} in\n{text}"))
    }
}

pub(crate) async fn json(response: Response) -> Value {
    response.json().await.unwrap()
}

/// A problem document, checked for its form, by the last word of its type.
pub(crate) async fn problem(response: Response, status: u16, word: &str) -> Value {
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    assert_eq!(response.status(), status);
    let retry = response.headers().get("retry-after").map(|value| value.to_str().unwrap().parse::<u32>().unwrap());
    let problem = json(response).await;
    assert_eq!(problem["type"], format!("urn:call-server:problem:{word}"), "{problem}");
    assert_eq!(problem["status"], status);
    assert_eq!(problem["retry_after"].as_u64(), retry.map(u64::from));
    for field in ["title", "detail", "remedy"] {
        assert!(problem[field].as_str().is_some_and(|text| !text.is_empty()), "{field} in {problem}");
    }
    problem
}
