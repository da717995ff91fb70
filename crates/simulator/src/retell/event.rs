//! Call webhooks: what each says, and when it may leave.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::{
    Face,
    call::Call,
    http::Letter,
    object::{Detail, object},
};
use crate::{
    post::{Courier, Forgery, Mailing},
    record::Record,
    truth::{Purpose, Sent},
};

/// Attempts after the first.
pub(crate) const RETRIES: u32 = 3;

/// A call webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    Started,
    TranscriptUpdated,
    Ended,
    Analyzed,
}

impl Event {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Started => "call_started",
            Self::TranscriptUpdated => "transcript_updated",
            Self::Ended => "call_ended",
            Self::Analyzed => "call_analyzed",
        }
    }

    fn detail(self) -> Detail {
        match self {
            Self::Started => Detail::Basic,
            Self::TranscriptUpdated => Detail::Running,
            Self::Ended => Detail::Ended,
            Self::Analyzed => Detail::Whole,
        }
    }
}

/// What a webhook waits for before it leaves.
#[derive(Debug, Clone)]
pub(crate) enum Hold {
    /// Nothing.
    No,
    /// A moment: whatever else waits for it leaves in the same millisecond.
    Until(Instant),
    /// Something to be over.
    After(CancellationToken),
}

impl Hold {
    pub(crate) async fn over(&self) {
        match self {
            Self::No => {}
            Self::Until(moment) => sleep_until(*moment).await,
            Self::After(done) => done.cancelled().await,
        }
    }
}

impl Face {
    /// Tells an event to the agent's address, or to the account's if it has none.
    pub(crate) fn announce(self: &Arc<Self>, call: &Arc<Call>, event: Event, hold: Hold) {
        let agent = call.agent();
        let Some(url) = agent.webhook_url.clone().or_else(|| self.webhook_url()) else { return };
        if !agent.webhook_events.iter().any(|name| name == event.name()) {
            return;
        }
        let json = self.words(call, event);
        let letter = Letter {
            url: call.fill(&url),
            json: json.clone(),
            headers: BTreeMap::new(),
            patience: agent.webhook_timeout,
            retries: RETRIES,
        };
        let sent = Sent { json: Some(json), ..Sent::new(Purpose::Status, "POST", &letter.url) };
        let mailing = Mailing { sent, on: event.name(), is_end: event == Event::Ended };
        self.world.post(&call.record, mailing, Postman { face: Arc::clone(self), letter, hold });
    }

    fn words(&self, call: &Call, event: Event) -> Value {
        let mut object = object(call, event.detail(), Timestamp::now());
        // Retell's own sample of `call_ended` still says `registered`.
        let stale = self.world.config.retell.stale_status;
        if self.world.dice.happens(stale, &["stale", &call.person_at, event.name()]) {
            object["call_status"] = "registered".into();
        }
        json!({ "event": event.name(), "call": object })
    }
}

/// Brings one webhook.
struct Postman {
    face: Arc<Face>,
    letter: Letter,
    hold: Hold,
}

impl Courier for Postman {
    async fn send(&self, record: &Record, index: usize) {
        self.hold.over().await;
        self.face.send(record, index, &self.letter).await;
    }

    fn forge(&self) -> Forgery {
        let mut json = self.letter.json.clone();
        json["event"] = Event::Ended.name().into();
        json["call"]["call_status"] = "ended".into();
        json["call"]["disconnection_reason"] = "user_hangup".into();
        let request = self.face.signed(&self.letter, &json, "not-the-api-key");
        Forgery { request, params: Vec::new(), json: Some(json) }
    }
}
