//! What the REST API answers (twilio.md §2.3). All fields may be missing or null; money and durations are text.

use call_core::{Cost, Fact, Leg, Recording, Report, Signal, Timestamp};
use serde::{Deserialize, Deserializer};

use crate::NAME;
use crate::status::{Status, answered_by, duration, hungup, moment};

/// A call, as Twilio keeps it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct CallResource {
    /// Twilio's name for it.
    pub sid: Option<String>,
    /// The call that dialled it.
    pub parent_call_sid: Option<String>,
    /// Twilio's word for its state.
    pub status: Option<String>,
    /// `inbound`, `outbound-api`, `outbound-dial`…
    pub direction: Option<String>,
    /// When it was asked for (RFC 2822).
    pub date_created: Option<String>,
    /// When it ended (RFC 2822).
    pub end_time: Option<String>,
    /// How long it was answered, in seconds.
    pub duration: Option<String>,
    /// What it cost, as a negative number; known late.
    #[serde(deserialize_with = "text_or_number")]
    pub price: Option<String>,
    /// ISO 4217 code.
    pub price_unit: Option<String>,
    /// Person or machine.
    pub answered_by: Option<String>,
}

/// A recording, as Twilio keeps it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct RecordingResource {
    /// Twilio's name for it.
    pub sid: Option<String>,
    /// The call that was recorded.
    pub call_sid: Option<String>,
    /// `in-progress`, `completed`, `absent`…
    pub status: Option<String>,
    /// How long it is, in seconds.
    pub duration: Option<String>,
    /// Where the resource is, relative to the API.
    pub uri: Option<String>,
    /// Where the sound is.
    pub media_url: Option<String>,
}

/// One page of a list. `next_page_uri` is relative to the API and null at the end.
#[derive(Debug, Deserialize)]
pub(crate) struct CallPage {
    #[serde(default)]
    pub(crate) calls: Vec<CallResource>,
    #[serde(default)]
    pub(crate) next_page_uri: Option<String>,
}

/// One page of recordings.
#[derive(Debug, Deserialize)]
pub(crate) struct RecordingPage {
    #[serde(default)]
    pub(crate) recordings: Vec<RecordingResource>,
    #[serde(default)]
    pub(crate) next_page_uri: Option<String>,
}

/// One page of a call's HTTP exchanges: their shape is not specified, only searched.
#[derive(Debug, Deserialize)]
pub(crate) struct EventPage {
    #[serde(default)]
    pub(crate) events: Vec<serde_json::Value>,
}

impl CallResource {
    /// Twilio's word for its state.
    pub(crate) fn state(&self) -> Status {
        self.status.as_deref().map_or(Status::Unknown, Status::parse)
    }

    pub(crate) fn leg(&self) -> Option<Leg> {
        self.sid.as_deref().filter(|sid| crate::sid::is(crate::sid::CALL, sid)).map(|sid| Leg::new(NAME, sid))
    }

    pub(crate) fn created(&self) -> Option<Timestamp> {
        self.date_created.as_deref().and_then(moment)
    }

    fn hungup(&self, disposition: call_core::Disposition) -> call_core::Hungup {
        hungup(disposition, self.status.as_deref().unwrap_or_default(), None, self.duration.as_deref())
    }

    /// The answer to "what is true?".
    pub(crate) fn report(&self) -> Report {
        match self.state() {
            Status::Before(progress) => Report::Unanswered { progress },
            Status::InProgress => Report::InProgress,
            Status::Over(disposition) => Report::Ended(self.hungup(disposition)),
            Status::Unknown => {
                let word = self.status.as_deref().unwrap_or("nothing");
                Report::Unreachable { why: format!("twilio says {word:?}, which this version does not know") }
            }
        }
    }

    /// Its report, and what else it tells, as signals about its leg.
    pub(crate) fn signals(&self, leg: &Leg) -> Vec<Signal> {
        let report = self.report();
        let at = match &report {
            Report::Ended(_) => self.ended(),
            Report::Unanswered { .. } | Report::InProgress | Report::Gone | Report::Unreachable { .. } => None,
        };
        let mut signals = vec![Signal { at, ..Signal::new(Fact::Report(report)).on(leg.clone()) }];
        signals.extend(self.findings().map(|fact| Signal::new(fact).on(leg.clone())));
        signals
    }

    /// The end as Twilio tells it without being asked, if it is over.
    pub(crate) fn end(&self, leg: &Leg) -> Option<Signal> {
        let Status::Over(disposition) = self.state() else { return None };
        let signal = Signal::new(Fact::Ended(self.hungup(disposition))).on(leg.clone());
        Some(Signal { at: self.ended(), ..signal })
    }

    fn ended(&self) -> Option<Timestamp> {
        self.end_time.as_deref().and_then(moment)
    }

    fn findings(&self) -> impl Iterator<Item = Fact> {
        let cost = self.price.as_deref().filter(|price| is_decimal(price)).map(|price| {
            // Twilio writes what it takes as a negative number.
            let amount = price.strip_prefix('-').unwrap_or(price).to_owned();
            Fact::Billed(Cost { amount, currency: self.price_unit.clone().unwrap_or_else(|| "USD".to_owned()) })
        });
        let detected = self.answered_by.as_deref().and_then(answered_by).map(Fact::Detected);
        [cost, detected].into_iter().flatten()
    }
}

impl RecordingResource {
    /// The core's view of it; `base_url` makes its address whole.
    #[must_use]
    pub fn recording(&self, base_url: &str) -> Option<Recording> {
        let url = self.media_url.clone().or_else(|| {
            let path = self.uri.as_deref()?.strip_suffix(".json")?;
            Some(format!("{}{path}", base_url.trim_end_matches('/')))
        });
        let status = self.status.clone()?;
        Some(Recording {
            id: self.sid.clone()?,
            url: url.filter(|_| status == "completed"),
            status,
            duration: self.duration.as_deref().and_then(duration),
        })
    }
}

fn is_decimal(text: &str) -> bool {
    text.parse::<f64>().is_ok_and(f64::is_finite)
}

/// A price is text in one resource and a number in another (an inconsistency of the API).
fn text_or_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Text(String),
        Number(serde_json::Number),
    }
    Ok(Option::<Either>::deserialize(deserializer)?.map(|either| match either {
        Either::Text(text) => text,
        Either::Number(number) => number.to_string(),
    }))
}
