//! What stands between a request and its resource: credentials, outages, faults.

use std::{sync::Arc, time::Duration};

use super::{
    Answer,
    error::Refusal,
    perform,
    request::{Request, Resource},
};
use crate::{
    fault::{Fault, Occasion},
    outage::Mode,
    twilio::Face,
};

/// How long the answer to a creation waits for the call's first callback, on the wall clock.
const FIRST_CALLBACK: Duration = Duration::from_secs(2);

/// Faults that keep a request from being carried out.
const BEFORE: [Fault; 4] = [Fault::RateLimited, Fault::ErrorBefore, Fault::DroppedBefore, Fault::TimeoutBefore];

/// Faults that hide that it was carried out.
const AFTER: [Fault; 3] = [Fault::ErrorAfter, Fault::DroppedAfter, Fault::TimeoutAfter];

/// What the client gets to see.
pub(super) struct Seen {
    /// `None`: its connection is cut.
    pub(super) answer: Option<Answer>,
    /// Whether it has to wait for that.
    pub(super) held: bool,
    /// The call concerned.
    pub(super) call: Option<String>,
    pub(super) fault: Option<Fault>,
}

impl Seen {
    fn answer(answer: impl Into<Answer>, call: Option<&str>) -> Self {
        Self { answer: Some(answer.into()), held: false, call: call.map(str::to_owned), fault: None }
    }

    /// The fault's own answer, or none, whatever happened behind it.
    fn hidden(face: &Face, fault: Fault, occasion: Occasion<'_>) -> Self {
        let answer = if fault == Fault::RateLimited {
            Some(Refusal::too_many_requests().into())
        } else if matches!(fault, Fault::ErrorBefore | Fault::ErrorAfter) {
            Some(broken(face, occasion).into())
        } else {
            None
        };
        let held = matches!(fault, Fault::TimeoutBefore | Fault::TimeoutAfter);
        Self { answer, held, call: occasion.call.map(str::to_owned), fault: Some(fault) }
    }
}

/// Carries a request out, unless something is in its way.
pub(super) async fn pass(face: &Arc<Face>, request: &Request) -> Seen {
    if let Err(refusal) = request.authorize(&face.world.config) {
        return Seen::answer(refusal, None);
    }
    let named = request.resource.as_ref().and_then(Resource::call);
    let number = match named {
        Some(sid) => face.visible(sid).map(|call| call.plan.to.clone()),
        None => request.field("To").or(request.query("To")).map(str::to_owned),
    };
    let on = request.operation();
    let occasion = Occasion { number: number.as_deref().unwrap_or_default(), call: named, on };
    if on == "create" {
        face.world.perhaps_fail(occasion);
    }
    if let Some(outage) = face.world.outage.now() {
        let seen = Seen { fault: Some(Fault::Outage), ..Seen::answer(Refusal::unavailable(), named) };
        return if outage.mode == Mode::Unavailable { seen } else { Seen { answer: None, ..seen } };
    }
    if let Some(fault) = BEFORE.into_iter().find(|fault| face.world.faults.strikes(*fault, occasion)) {
        return Seen::hidden(face, fault, occasion);
    }

    let answer = perform(face, request).await.unwrap_or_else(Answer::from);
    let call = answer.call.clone().or_else(|| named.map(str::to_owned));
    let occasion = Occasion { call: call.as_deref(), ..occasion };
    if answer.status < 300 && request.changes() {
        if let Some(fault) = AFTER.into_iter().find(|fault| face.world.faults.strikes(*fault, occasion)) {
            return Seen::hidden(face, fault, occasion);
        }
        if on == "create" && face.world.faults.strikes(Fault::CallbackFirst, occasion) {
            first_callback(face, occasion).await;
            return Seen { fault: Some(Fault::CallbackFirst), ..Seen::answer(answer, occasion.call) };
        }
    }
    Seen::answer(answer, occasion.call)
}

/// A 500 or a 503: neither tells whether the request was carried out.
fn broken(face: &Face, Occasion { number, on, .. }: Occasion<'_>) -> Refusal {
    if face.world.dice.happens(0.5, &["5xx", number, on]) { Refusal::internal() } else { Refusal::unavailable() }
}

/// Returns when the call's first callback has been answered, or nothing will come.
async fn first_callback(face: &Face, occasion: Occasion<'_>) {
    let Some(call) = occasion.call.and_then(|sid| face.visible(sid)) else { return };
    let mut delivered = call.mail.delivered.subscribe();
    let _ = tokio::time::timeout(FIRST_CALLBACK, delivered.wait_for(|upto| *upto > 0)).await;
}
