//! A client of a running server.

use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use reqwest::{Method, Url};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

/// Which server, and how to answer.
#[derive(Debug, clap::Args)]
pub(super) struct Server {
    /// The running server
    #[arg(long, value_name = "URL", env = "CALL_SERVER_URL", default_value = "http://127.0.0.1:8080")]
    server: Url,
    /// A token of its API [environment only, so that it is not seen in the list of processes]
    #[arg(skip = token())]
    token: Option<SecretString>,
    /// Print the server's JSON instead of a table
    #[arg(long)]
    pub(super) json: bool,
}

/// `CALL_SERVER_TOKEN`, or the first of the tokens that a server on this machine is given.
fn token() -> Option<SecretString> {
    let own = std::env::var("CALL_SERVER_TOKEN").or_else(|_| std::env::var("CALL_SERVER__API__TOKENS")).ok()?;
    crate::config::Secrets::parse(&own).all().first().cloned()
}

impl Server {
    /// Asks, and reads the JSON answer.
    pub(super) async fn ask(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, String)],
        body: Option<&Value>,
        key: Option<&str>,
    ) -> anyhow::Result<Value> {
        let mut url = self.server.clone();
        url.path_segments_mut().map_err(|()| anyhow!("--server is not a URL with a host"))?.pop_if_empty().extend(path);
        let client = reqwest::Client::builder().timeout(Duration::from_secs(30)).build()?;
        let mut request = client.request(method, url).query(query);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token.expose_secret());
        }
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.with_context(|| format!("no answer from {}", self.server))?;
        let status = answer.status();
        let text = answer.text().await.context("the server's answer broke off")?;
        let value: Value = serde_json::from_str(&text)
            .with_context(|| format!("{} answered {status} and no JSON; is it a call-server?", self.server))?;
        if !status.is_success() {
            let say = |field: &str| value.get(field).and_then(Value::as_str).unwrap_or_default();
            bail!("{} ({status}); {}", say("detail"), say("remedy"));
        }
        Ok(value)
    }
}
