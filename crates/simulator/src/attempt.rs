//! One try at one HTTP request, and the record of it.

use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use reqwest::{RequestBuilder, Response, header::CONTENT_TYPE};
use tokio::time::{Instant, timeout};

use crate::{record::Record, truth::Attempt};

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: String,
    pub(crate) body: String,
}

/// Why nothing did.
#[derive(Debug)]
pub(crate) enum Silence {
    NotConnected(String),
    TooLate(String),
    Broken(String),
}

/// How much of an answer is kept in the record.
const KEPT_BYTES: usize = 4096;

impl Record {
    /// Sends a filed request once, and files how it went.
    pub(crate) async fn attempt(
        &self,
        index: usize,
        request: RequestBuilder,
        patience: Duration,
    ) -> Result<Answer, Silence> {
        let (at, started) = (Timestamp::now(), Instant::now());
        let exchange = async {
            let response = request.timeout(patience).send().await.map_err(silence)?;
            let (status, content_type) = (response.status().as_u16(), content_type(&response));
            let body: Bytes = response.bytes().await.map_err(silence)?;
            Ok(Answer { status, content_type, body: String::from_utf8_lossy(&body).into_owned() })
        };
        let outcome =
            timeout(patience, exchange).await.unwrap_or_else(|_| Err(Silence::TooLate("no answer in time".into())));
        self.remember(index, at, started.elapsed(), &outcome);
        outcome
    }

    fn remember(&self, index: usize, at: Timestamp, took: Duration, outcome: &Result<Answer, Silence>) {
        let (answer, error, body) = match outcome {
            Ok(answer) => (Some(answer.status), None, answer.body.as_str()),
            Err(Silence::NotConnected(why) | Silence::TooLate(why) | Silence::Broken(why)) => {
                (None, Some(why.clone()), "")
            }
        };
        self.note(|record| {
            let Some(sent) = record.sent.get_mut(index) else { return };
            sent.body = body.chars().take(KEPT_BYTES).collect();
            sent.attempts.push(Attempt { at, took_ms: took.as_millis() as u64, answer, error });
        });
    }
}

fn content_type(response: &Response) -> String {
    let header = response.headers().get(CONTENT_TYPE);
    header.and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}

fn silence(error: reqwest::Error) -> Silence {
    // The outer message repeats the URL; the cause is what says something.
    let cause = std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source()).last();
    let why = cause.map_or_else(String::new, ToString::to_string);
    if error.is_timeout() && !error.is_connect() {
        Silence::TooLate(why)
    } else if error.is_connect() {
        Silence::NotConnected(why)
    } else {
        Silence::Broken(why)
    }
}
