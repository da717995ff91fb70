//! Unidirectional streams over REST.

use std::sync::Arc;

use super::{Answer, error::Refusal, read::find, request::Request, shape};
use crate::{
    truth::Status,
    twilio::{
        Face,
        twiml::{self, Callback},
    },
};

pub(super) fn start(face: &Arc<Face>, call: &str, request: &Request) -> Result<Answer, Refusal> {
    let call = find(face, call)?;
    let url = request.field("Url").ok_or_else(|| Refusal::bad(21205, "Url parameter is required."))?;
    if call.status() != Status::InProgress {
        return Err(Refusal::wrong_state());
    }
    let text = |name: &str| request.field(name).map(str::to_owned);
    let spec = twiml::Stream {
        url: url.to_owned(),
        name: text("Name"),
        callback: request.field("StatusCallback").map(|url| Callback {
            url: url.to_owned(),
            method: text("StatusCallbackMethod"),
            events: None,
        }),
    };
    let running = face.start_stream(&call, &spec, None);
    let running = running.ok_or_else(|| Refusal::bad(31920, "the stream could not be started"))?;
    let stream = running.sid();
    running.detach();
    let stream = face.find_stream(&stream).ok_or_else(Refusal::internal)?;
    Ok(Answer::ok(shape::stream(face, &stream)).about(&call.sid))
}

pub(super) fn stop(face: &Arc<Face>, call: &str, stream: &str, request: &Request) -> Result<Answer, Refusal> {
    let call = find(face, call)?;
    if request.field("Status") != Some("stopped") {
        return Err(Refusal::bad(20001, "Status must be stopped"));
    }
    let stream =
        face.stop_stream(&call, stream).ok_or_else(|| Refusal::not_found(&format!("/Streams/{stream}.json")))?;
    Ok(Answer::ok(shape::stream(face, &stream)).about(&call.sid))
}
