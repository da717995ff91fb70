//! The system under the network's fire: an HTTP server that remembers what it was sent, and a REST client.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha1::Sha1;
use simulator::{CallRecord, Config, Network};

/// Long enough for a loaded machine, short enough to notice.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
pub(crate) const PHONE: &str = "+12025550100";
pub(crate) const OURS: &str = "+12025559999";

/// One request that the network sent us.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) form: Vec<(String, String)>,
    /// Whether it bears the account's true signature.
    pub(crate) genuine: bool,
}

impl Seen {
    pub(crate) fn get(&self, name: &str) -> &str {
        self.form.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }
}

#[derive(Default)]
struct Shelf {
    seen: Vec<Seen>,
    /// Answers by path; the last one stays.
    answers: HashMap<String, Vec<(u16, String)>>,
}

/// A backend, a network and a client, wired to each other.
pub(crate) struct Bench {
    pub(crate) network: Network,
    pub(crate) url: String,
    pub(crate) http: reqwest::Client,
    pub(crate) account: String,
    token: String,
    shelf: Arc<Mutex<Shelf>>,
}

pub(crate) fn quick() -> Config {
    Config { seed: 7, speed: 200.0, retry_pause: Duration::from_millis(20), ..Config::default() }
}

impl Bench {
    pub(crate) async fn new() -> Self {
        Self::with(quick()).await
    }

    pub(crate) async fn with(config: Config) -> Self {
        let (account, token) = (config.account_sid.clone(), config.auth_token.reveal().to_owned());
        let network = Network::start(config).await.unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shelf = Arc::new(Mutex::new(Shelf::default()));
        let state = (Arc::clone(&shelf), url.clone(), token.clone());
        let app = Router::new().fallback(receive).with_state(state);
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        // Without the system's certificates, which take longer to read than most of these tests.
        let http = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
        Self { network, url, http, account, token, shelf }
    }

    /// What this path answers; several calls give several answers in turn, the last one for ever.
    pub(crate) fn answer(&self, path: &str, status: u16, body: &str) {
        self.shelf.lock().unwrap().answers.entry(path.into()).or_default().push((status, body.into()));
    }

    pub(crate) fn twiml(&self, path: &str, verbs: &str) {
        self.answer(path, 200, &format!("<Response>{verbs}</Response>"));
    }

    pub(crate) fn seen(&self, path: &str) -> Vec<Seen> {
        self.shelf.lock().unwrap().seen.iter().filter(|seen| seen.path == path).cloned().collect()
    }

    pub(crate) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// Values of one field over all requests to a path, in order of arrival.
    pub(crate) fn fields(&self, path: &str, name: &str) -> Vec<String> {
        self.seen(path).iter().map(|seen| seen.get(name).to_owned()).collect()
    }

    pub(crate) fn rest(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let url = format!("{}/2010-04-01/Accounts/{}{path}", self.network.base_url(), self.account);
        self.http.request(method, url).basic_auth(&self.account, Some(&self.token))
    }

    pub(crate) async fn post(&self, path: &str, form: &[(&str, &str)]) -> (u16, Value) {
        let response = self.rest(Method::POST, path).form(form).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap_or_default())
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        let response = self.rest(Method::GET, path).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    /// The form of an ordinary call that subscribes to everything.
    pub(crate) fn form(&self, to: &str) -> Vec<(String, String)> {
        let (voice, status) = (self.at("/voice"), self.at("/status"));
        let pairs = [("To", to), ("From", OURS), ("Url", &voice), ("StatusCallback", &status)];
        let events = ["initiated", "ringing", "answered", "completed"].map(|event| ("StatusCallbackEvent", event));
        pairs.into_iter().chain(events).map(|(name, value)| (name.into(), value.into())).collect()
    }

    /// Places a call with extra fields and returns its SID.
    pub(crate) async fn call(&self, to: &str, extra: &[(&str, &str)]) -> String {
        let mut form = self.form(to);
        form.retain(|(name, _)| extra.iter().all(|(other, _)| other != name));
        form.extend(extra.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let response = self.rest(Method::POST, "/Calls.json").form(&form).send().await.unwrap();
        assert_eq!(response.status(), 201);
        response.json::<Value>().await.unwrap()["sid"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn settle(&self) {
        assert!(self.network.until_quiet(PATIENCE).await, "not quiet: {:#?}", self.network.calls());
    }

    /// Places an ordinary call and waits for the end of everything.
    pub(crate) async fn live(&self, to: &str, extra: &[(&str, &str)]) -> CallRecord {
        let sid = self.call(to, extra).await;
        self.settle().await;
        self.network.call(&sid).unwrap()
    }

    /// Waits until the call looks as wished.
    pub(crate) async fn until(&self, sid: &str, wished: impl Fn(&CallRecord) -> bool) -> CallRecord {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let record = self.network.call(sid).unwrap();
            if wished(&record) {
                return record;
            }
            assert!(tokio::time::Instant::now() < deadline, "never as wished: {record:#?}");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

type Shared = (Arc<Mutex<Shelf>>, String, String);

async fn receive(
    State((shelf, own, token)): State<Shared>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let form: Vec<(String, String)> = match method {
        Method::GET => form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned().collect(),
        _ => form_urlencoded::parse(&body).into_owned().collect(),
    };
    let signed: &[(String, String)] = if method == Method::GET { &[] } else { &form };
    let expected = sign(&token, &format!("{own}{uri}"), signed);
    let given = headers.get("X-Twilio-Signature").map(|value| value.as_bytes());
    let seen = Seen {
        method: method.to_string(),
        path: uri.path().to_owned(),
        query: uri.query().unwrap_or_default().to_owned(),
        genuine: given == Some(expected.as_bytes()),
        headers,
        form,
    };
    let mut shelf = shelf.lock().unwrap();
    shelf.seen.push(seen);
    let answers = shelf.answers.get_mut(uri.path());
    let (status, body) = match answers {
        Some(answers) if answers.len() > 1 => answers.remove(0),
        Some(answers) => answers[0].clone(),
        None => (204, String::new()),
    };
    (StatusCode::from_u16(status).unwrap(), [(header::CONTENT_TYPE, "text/xml")], body).into_response()
}

/// Twilio's signature once more, by the receiving side.
fn sign(token: &str, url: &str, form: &[(String, String)]) -> String {
    let mut pairs = form.to_vec();
    pairs.sort();
    pairs.dedup();
    let text: String = pairs.iter().flat_map(|(name, value)| [name.as_str(), value.as_str()]).collect();
    let mut mac = Hmac::<Sha1>::new_from_slice(token.as_bytes()).unwrap();
    mac.update(url.as_bytes());
    mac.update(text.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}
