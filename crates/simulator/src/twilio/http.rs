//! Sending one signed request, as often as its address asks for.

use reqwest::{Method, RequestBuilder, header::HeaderMap};
use tokio::time::{Instant, sleep};

use super::{
    Face,
    hook::{Effort, Hook},
    sign::{signature, signed_url},
};
use crate::{
    attempt::{Answer, Silence},
    record::Record,
    truth::{Purpose, Sent},
};

impl Face {
    /// Files the request and sends it.
    pub(crate) async fn ask(
        &self,
        call: &Record,
        purpose: Purpose,
        hook: &Hook,
        params: Vec<(String, String)>,
    ) -> Option<Answer> {
        let params_sent = params.clone();
        let index = call.file(Sent { params: params_sent, ..Sent::new(purpose, hook.method.as_str(), &hook.url) });
        self.send(call, index, hook, &params).await
    }

    /// Sends a filed request, repeating it as its URL's overrides allow, and keeps the record of every attempt.
    pub(crate) async fn send(
        &self,
        call: &Record,
        index: usize,
        hook: &Hook,
        params: &[(String, String)],
    ) -> Option<Answer> {
        let effort = Effort::for_url(&self.world.config, &hook.url);
        let deadline = Instant::now() + effort.total;
        let token = self.sids.make("");
        let mut pause = self.world.config.retry_pause;
        for retry in 0..=effort.retries {
            let mut headers = HeaderMap::new();
            if retry > 0
                && let Ok(value) = token.parse()
            {
                headers.insert("I-Twilio-Idempotency-Token", value);
            }
            let patience = effort.answer.min(deadline.saturating_duration_since(Instant::now()));
            let outcome = call.attempt(index, self.signed(hook, params, headers), patience).await;
            let again = match &outcome {
                Ok(answer) => {
                    (effort.on.client_error && (400..500).contains(&answer.status))
                        || (effort.on.server_error && answer.status >= 500)
                }
                Err(Silence::NotConnected(_)) => effort.on.connect,
                Err(Silence::TooLate(_)) => effort.on.timeout,
                Err(Silence::Broken(_)) => effort.on.connect && effort.on.timeout,
            };
            if !again || Instant::now() + pause >= deadline {
                return outcome.ok();
            }
            if retry < effort.retries {
                sleep(pause).await;
                pause *= 2;
            } else {
                return outcome.ok();
            }
        }
        None
    }

    /// The request with the account's true signature.
    fn signed(&self, hook: &Hook, params: &[(String, String)], mut headers: HeaderMap) -> RequestBuilder {
        let token = self.world.config.auth_token.reveal();
        let (url, signature) = if hook.method == Method::GET {
            let url = with_query(&hook.url, params);
            let signature = signature(token, &signed_url(&url), &[]);
            (url, signature)
        } else {
            (hook.url.clone(), signature(token, &signed_url(&hook.url), params))
        };
        if let Ok(value) = signature.parse() {
            headers.insert("X-Twilio-Signature", value);
        }
        let request = self.world.http.request(hook.method.clone(), url).headers(headers);
        if hook.method == Method::GET { request } else { request.form(params) }
    }
}

/// The parameters of a GET go into the query, in front of the fragment.
fn with_query(url: &str, params: &[(String, String)]) -> String {
    let base = url.split_once('#').map_or(url, |(before, _)| before);
    let joint = if base.contains('?') { '&' } else { '?' };
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(params).finish();
    format!("{base}{joint}{query}")
}
