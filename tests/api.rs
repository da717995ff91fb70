//! A small client of the server's HTTP API.

use std::time::Duration;

use reqwest::{Client, Method, Response};
use serde::Serialize;
use serde_json::Value;

use crate::{eventually, until};

/// A client of one server.
#[derive(Debug, Clone)]
pub struct Api {
    http: Client,
    base: String,
    token: String,
}

/// A call that somebody wishes for: the body of `POST /v1/calls`.
#[derive(Debug, Clone, Serialize)]
pub struct Wish {
    /// The callee.
    pub to: String,
    /// The caller.
    pub from: String,
    /// Whom it concerns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// What to do on answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub script: Option<Value>,
    /// Prompts and references.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<Value>,
}

impl Wish {
    /// A call to `to`, with everything else at its default.
    #[must_use]
    pub fn to(to: impl Into<String>) -> Self {
        Self { to: to.into(), from: "+12025550000".to_owned(), subject: None, script: None, context: None }
    }

    /// The same, concerning `subject`.
    #[must_use]
    pub fn about(mut self, subject: impl Into<String>) -> Self {
        self.subject = Some(subject.into());
        self
    }

    /// The same, with what to do on answer.
    #[must_use]
    pub fn doing(mut self, script: Value) -> Self {
        self.script = Some(script);
        self
    }

    /// The same, with prompts and references.
    #[must_use]
    pub fn knowing(mut self, context: Value) -> Self {
        self.context = Some(context);
        self
    }
}

/// An answer: its status and its body, `Null` if that is no JSON.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Value,
}

impl Api {
    /// A client of the server at `base`, with an API token.
    #[must_use]
    pub fn new(http: Client, base: impl Into<String>, token: impl Into<String>) -> Self {
        Self { http, base: base.into(), token: token.into() }
    }

    /// The client below, for requests that this one does not know.
    #[must_use]
    pub const fn http(&self) -> &Client {
        &self.http
    }

    /// Where the server is.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Asks for a call, whatever the answer. `Err`: there was none.
    ///
    /// # Errors
    /// The server could not be reached, or broke off.
    pub async fn try_place(&self, wish: &Wish, key: Option<&str>) -> reqwest::Result<Answer> {
        let mut request = self.request(Method::POST, "/v1/calls").json(wish);
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        answer(request.send().await?).await
    }

    /// Places a call and gives its id.
    pub async fn place(&self, wish: &Wish) -> String {
        let answer = self.try_place(wish, None).await.expect("the server answers");
        assert_eq!(answer.status, 201, "the call is created: {:#}", answer.body);
        answer.body["id"].as_str().expect("a call has an id").to_owned()
    }

    /// A call, as the API shows it.
    pub async fn call(&self, id: &str) -> Value {
        let answer = self.get(&format!("/v1/calls/{id}")).await;
        assert_eq!(answer.status, 200, "call {id}: {:#}", answer.body);
        answer.body
    }

    /// A call's phase.
    pub async fn phase(&self, id: &str) -> String {
        self.call(id).await["phase"].as_str().expect("a call has a phase").to_owned()
    }

    /// Waits until a call has reached one of the phases, and shows it.
    pub async fn until_phase(&self, id: &str, phases: &[&str], patience: Duration) -> Value {
        let what = format!("call {id} is {}", phases.join(" or "));
        until(&what, patience, || self.call(id), |call| call["phase"].as_str().is_some_and(|p| phases.contains(&p)))
            .await
    }

    /// Waits until a call has ended, and shows it.
    pub async fn until_ended(&self, id: &str, patience: Duration) -> Value {
        self.until_phase(id, &["ended"], patience).await
    }

    /// Waits until a call shows something.
    pub async fn until_call(&self, id: &str, what: &str, is_right: impl Fn(&Value) -> bool) -> Value {
        until(what, Duration::from_secs(15), || self.call(id), is_right).await
    }

    /// Hangs a call up.
    pub async fn hang_up(&self, id: &str) -> Answer {
        self.post(&format!("/v1/calls/{id}/hangup")).await
    }

    /// Asks to hang a call up, whatever the answer.
    ///
    /// # Errors
    /// The server could not be reached, or broke off.
    pub async fn try_hang_up(&self, id: &str) -> reqwest::Result<Answer> {
        answer(self.request(Method::POST, &format!("/v1/calls/{id}/hangup")).send().await?).await
    }

    /// Tells a call what to do.
    pub async fn command(&self, id: &str, command: &Value) -> Answer {
        let sent = self.request(Method::POST, &format!("/v1/calls/{id}/commands")).json(command).send().await;
        answer(sent.expect("the server answers")).await.expect("the answer is whole")
    }

    /// Any `GET`.
    pub async fn get(&self, path: &str) -> Answer {
        let sent = self.request(Method::GET, path).send().await;
        answer(sent.expect("the server answers")).await.expect("the answer is whole")
    }

    /// Any `POST` without a body.
    pub async fn post(&self, path: &str) -> Answer {
        let sent = self.request(Method::POST, path).send().await;
        answer(sent.expect("the server answers")).await.expect("the answer is whole")
    }

    /// Listens to live events; what was said is read from the answer as it comes.
    pub async fn listen(&self) -> Response {
        let sent = self.request(Method::GET, "/v1/events").send().await.expect("the server answers");
        assert_eq!(sent.status(), 200, "events are told");
        sent
    }

    /// The sum of a metric over all its labels that contain `labels` (such as `outcome="refused"`).
    pub async fn metric(&self, name: &str, labels: &[&str]) -> f64 {
        let sent = self.request(Method::GET, "/metrics").send().await.expect("the server answers");
        let text = sent.text().await.expect("metrics are text");
        text.lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| line.rsplit_once(' '))
            .filter(|(series, _)| series.split('{').next() == Some(name))
            .filter(|(series, _)| labels.iter().all(|label| series.contains(label)))
            .map(|(_, value)| value.parse::<f64>().expect("a sample is a number"))
            .sum()
    }

    /// Waits until the server answers at all: it may just have been started again.
    pub async fn until_ready(&self) {
        eventually("the server is ready", Duration::from_secs(15), async || {
            let sent = self.http.get(format!("{}/readyz", self.base)).send().await.ok()?;
            sent.status().is_success().then_some(())
        })
        .await;
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base)).bearer_auth(&self.token)
    }
}

async fn answer(response: Response) -> reqwest::Result<Answer> {
    let status = response.status().as_u16();
    let text = response.text().await?;
    Ok(Answer { status, body: serde_json::from_str(&text).unwrap_or_default() })
}
