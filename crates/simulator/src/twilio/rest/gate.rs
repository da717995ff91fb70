//! Who may pass: credentials first, then what the gate of the network lets through.

use std::sync::Arc;

use super::{
    error::Refusal,
    perform,
    request::{Request, Resource},
};
use crate::{
    fault::Occasion,
    gate::{Answer, Seen, Trouble, Visit},
    twilio::Face,
};

/// Carries a request out, unless something is in its way.
pub(super) async fn pass(face: &Arc<Face>, request: &Request) -> Seen {
    if let Err(refusal) = request.authorize(&face.world.config) {
        return Seen::answer(refusal.into(), None);
    }
    let named = request.resource.as_ref().and_then(Resource::call);
    let number = match named {
        Some(sid) => face.visible(sid).map(|call| call.plan.to.clone()),
        None => request.field("To").or(request.query("To")).map(str::to_owned),
    };
    let occasion = Occasion { number: number.as_deref().unwrap_or_default(), call: named, on: request.operation() };
    let visit = Visit { occasion, changes: request.changes(), excuse };
    face.world.pass(visit, async { perform(face, request).await.unwrap_or_else(Answer::from) }).await
}

fn excuse(trouble: Trouble) -> Answer {
    match trouble {
        Trouble::TooManyRequests => Refusal::too_many_requests(),
        Trouble::Internal => Refusal::internal(),
        Trouble::Unavailable => Refusal::unavailable(),
    }
    .into()
}
