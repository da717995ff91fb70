//! What stands between a REST request and its resource at every provider: outages and faults.

use std::time::Duration;

use serde_json::Value;

use crate::{
    fault::{Fault, Occasion},
    line::Line,
    outage::Mode,
    truth::RestRequest,
    world::World,
};

/// How long the answer to a creation waits for the call's first message, on the wall clock.
const FIRST_CALLBACK: Duration = Duration::from_secs(2);

/// Faults that keep a request from being carried out.
const BEFORE: [Fault; 4] = [Fault::RateLimited, Fault::ErrorBefore, Fault::DroppedBefore, Fault::TimeoutBefore];

/// Faults that hide that it was carried out.
const AFTER: [Fault; 3] = [Fault::ErrorAfter, Fault::DroppedAfter, Fault::TimeoutAfter];

/// What a resource answers, and the call it is about.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Option<Value>,
    pub(crate) call: Option<String>,
}

impl Answer {
    pub(crate) fn new(status: u16, body: Value) -> Self {
        Self { status, body: Some(body), call: None }
    }

    pub(crate) fn ok(body: Value) -> Self {
        Self::new(200, body)
    }

    pub(crate) fn created(body: Value) -> Self {
        Self::new(201, body)
    }

    pub(crate) fn no_content() -> Self {
        Self { status: 204, body: None, call: None }
    }

    pub(crate) fn about(mut self, call: &str) -> Self {
        self.call = Some(call.to_owned());
        self
    }
}

/// What a provider suffers from; each has its own words for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// 429.
    TooManyRequests,
    /// 500.
    Internal,
    /// 503.
    Unavailable,
}

/// A request that may pass the gate: its sender is known.
pub(crate) struct Visit<'a> {
    /// `create` places a call; other names are the provider's.
    pub(crate) occasion: Occasion<'a>,
    /// Whether it asks for more than a look.
    pub(crate) changes: bool,
    /// The provider's words for its troubles.
    pub(crate) excuse: fn(Trouble) -> Answer,
}

/// What the client gets to see.
pub(crate) struct Seen {
    /// `None`: its connection is cut.
    pub(crate) answer: Option<Answer>,
    /// Whether it has to wait for that.
    held: bool,
    /// The call concerned.
    call: Option<String>,
    fault: Option<Fault>,
}

impl Seen {
    pub(crate) fn answer(answer: Answer, call: Option<&str>) -> Self {
        Self { answer: Some(answer), held: false, call: call.map(str::to_owned), fault: None }
    }
}

impl World {
    /// Carries a request out, unless something is in its way.
    pub(crate) async fn pass(&self, visit: Visit<'_>, perform: impl Future<Output = Answer>) -> Seen {
        let Visit { occasion, changes, excuse } = visit;
        let (named, creates) = (occasion.call, occasion.on == "create");
        if creates {
            self.perhaps_fail(occasion);
        }
        if let Some(outage) = self.outage.now() {
            let seen = Seen { fault: Some(Fault::Outage), ..Seen::answer(excuse(Trouble::Unavailable), named) };
            return if outage.mode == Mode::Unavailable { seen } else { Seen { answer: None, ..seen } };
        }
        if let Some(fault) = BEFORE.into_iter().find(|fault| self.faults.strikes(*fault, occasion)) {
            return self.hidden(fault, occasion, excuse);
        }

        let answer = perform.await;
        let call = answer.call.clone().or_else(|| named.map(str::to_owned));
        let occasion = Occasion { call: call.as_deref(), ..occasion };
        if answer.status < 300 && changes {
            if let Some(fault) = AFTER.into_iter().find(|fault| self.faults.strikes(*fault, occasion)) {
                return self.hidden(fault, occasion, excuse);
            }
            if creates && self.faults.strikes(Fault::CallbackFirst, occasion) {
                self.first_callback(occasion).await;
                return Seen { fault: Some(Fault::CallbackFirst), ..Seen::answer(answer, occasion.call) };
            }
        }
        Seen::answer(answer, occasion.call)
    }

    /// The fault's own answer, or none, whatever happened behind it.
    fn hidden(&self, fault: Fault, occasion: Occasion<'_>, excuse: fn(Trouble) -> Answer) -> Seen {
        let answer = if fault == Fault::RateLimited {
            Some(excuse(Trouble::TooManyRequests))
        } else if matches!(fault, Fault::ErrorBefore | Fault::ErrorAfter) {
            Some(excuse(self.breakdown(occasion)))
        } else {
            None
        };
        let held = matches!(fault, Fault::TimeoutBefore | Fault::TimeoutAfter);
        Seen { answer, held, call: occasion.call.map(str::to_owned), fault: Some(fault) }
    }

    /// A 500 or a 503: neither tells whether the request was carried out.
    fn breakdown(&self, Occasion { number, on, .. }: Occasion<'_>) -> Trouble {
        if self.dice.happens(0.5, &["5xx", number, on]) { Trouble::Internal } else { Trouble::Unavailable }
    }

    /// Returns when the call's first message has been answered, or nothing will come.
    async fn first_callback(&self, occasion: Occasion<'_>) {
        let Some(call) = occasion.call.and_then(|sid| self.ledger.find(sid)) else { return };
        let mut delivered = call.mail.delivered.subscribe();
        let _ = tokio::time::timeout(FIRST_CALLBACK, delivered.wait_for(|upto| *upto > 0)).await;
    }

    /// Files the request with what came of it, and makes the client wait or cuts it off. `None`: it sees no answer.
    pub(crate) async fn conclude(&self, request: RestRequest, seen: Seen, line: &Line) -> Option<Answer> {
        // Filed before the client sees anything: one that gives up waiting takes this very task with it.
        self.ledger.file(RestRequest {
            answer: seen.answer.as_ref().map(|answer| answer.status),
            call: seen.call,
            fault: seen.fault,
            ..request
        });
        if seen.held {
            tokio::time::sleep(self.config.hold).await;
        }
        if seen.answer.is_none() {
            line.cut();
        }
        seen.answer
    }
}
