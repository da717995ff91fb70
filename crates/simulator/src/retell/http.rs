//! Sending one signed JSON request, as often as Retell would.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use reqwest::{
    RequestBuilder,
    header::{CONTENT_TYPE, USER_AGENT},
};
use serde_json::Value;
use tokio::time::sleep;

use super::{Face, sign::signature};
use crate::{attempt::Answer, record::Record};

/// A POST to be made.
#[derive(Debug, Clone)]
pub(crate) struct Letter {
    pub(crate) url: String,
    /// What it says: the bytes that are signed.
    pub(crate) json: Value,
    /// Headers beside the standard ones.
    pub(crate) headers: BTreeMap<String, String>,
    /// For one answer, by the wall clock.
    pub(crate) patience: Duration,
    /// Attempts after the first.
    pub(crate) retries: u32,
}

impl Face {
    /// Sends a filed letter until it is answered 2xx or the attempts are used up; the last answer, if there was one.
    pub(crate) async fn send(&self, record: &Record, index: usize, letter: &Letter) -> Option<Answer> {
        let mut pause = self.world.config.retry_pause;
        let key = self.world.config.retell.api_key.reveal();
        for retry in 0..=letter.retries {
            let outcome = record.attempt(index, self.signed(letter, &letter.json, key), letter.patience).await;
            let accepted = outcome.as_ref().is_ok_and(|answer| (200..300).contains(&answer.status));
            if accepted || retry == letter.retries {
                return outcome.ok();
            }
            sleep(pause).await;
            pause *= 2;
        }
        None
    }

    /// The request, saying `json` in the place of its own words, signed now with `key`.
    pub(crate) fn signed(&self, letter: &Letter, json: &Value, key: &str) -> RequestBuilder {
        let body = json.to_string();
        let signature = signature(key, body.as_bytes(), Timestamp::now().as_millisecond());
        let mut request = self.world.http.post(&letter.url);
        for (name, value) in &letter.headers {
            request = request.header(name, value);
        }
        request
            .header(USER_AGENT, "Retell")
            .header(CONTENT_TYPE, "application/json")
            .header("x-retell-signature", signature)
            .body(body)
    }
}
