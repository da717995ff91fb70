//! `POST /Calls/{Sid}.json` and `DELETE`.

use std::sync::Arc;

use jiff::Timestamp;

use super::{
    Answer,
    create::{hook, redirect_to},
    error::Refusal,
    read::find,
    request::Request,
    shape::{self, View},
};
use crate::{
    truth::{HangupRequest, Status},
    twilio::{
        Face,
        call::{Call, Order},
        obey::Source,
    },
};

pub(super) async fn update(face: &Arc<Face>, sid: &str, request: &Request) -> Result<Answer, Refusal> {
    let call = find(face, sid)?;
    match request.field("Status") {
        Some(wish @ ("completed" | "canceled")) => end(&call, wish).await?,
        Some(other) => return Err(Refusal::bad(20001, format!("Status must be completed or canceled, not {other}"))),
        None => redirect(&call, request).await?,
    }
    let view = call.look(|record| View::at(record, Timestamp::now()));
    Ok(Answer::ok(shape::call(face, &view)).about(sid))
}

async fn end(call: &Arc<Call>, wish: &str) -> Result<(), Refusal> {
    let found = call.status();
    call.note(|record| {
        record.hangups.push(HangupRequest { at: Timestamp::now(), wish: wish.to_owned(), found });
    });
    let carried_out = match wish {
        "canceled" => call.order(Order::Cancel).await,
        _ => call.order(Order::End).await,
    };
    if carried_out { Ok(()) } else { Err(Refusal::wrong_state()) }
}

async fn redirect(call: &Arc<Call>, request: &Request) -> Result<(), Refusal> {
    let source = match (request.field("Url"), request.field("Twiml")) {
        (Some(_), Some(_)) => return Err(Refusal::bad(20001, "Url and Twiml exclude each other")),
        (Some(url), None) => redirect_to(url, request.field("Method"))?,
        (None, Some(text)) => Source::Inline(text.to_owned()),
        // Without a redirect the other parameters are accepted and ignored.
        (None, None) => return Ok(()),
    };
    if call.status() != Status::InProgress {
        return Err(Refusal::wrong_state());
    }
    if let Some(hook) = hook(request, "StatusCallback", "StatusCallbackMethod") {
        call.set_status_hook(hook);
    }
    if call.order(|done| Order::Redirect(source, done)).await { Ok(()) } else { Err(Refusal::wrong_state()) }
}

/// Deletes the record of an ended call.
pub(super) fn delete(face: &Face, sid: &str) -> Result<Answer, Refusal> {
    let call = find(face, sid)?;
    if !call.status().is_terminal() {
        return Err(Refusal::new(409, 20409, "The call is still open and cannot be deleted"));
    }
    call.note(|record| record.deleted = true);
    Ok(Answer::no_content().about(sid))
}
