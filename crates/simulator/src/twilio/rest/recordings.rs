//! Recordings, of one call and of the account.

use std::sync::Arc;

use super::{Answer, create::recording_plan, error::Refusal, list::page, read::find, request::Request, shape};
use crate::{
    truth::Status,
    twilio::{Face, recording::Recording},
};

pub(super) fn of_call(face: &Face, call: &str, request: &Request) -> Result<Answer, Refusal> {
    find(face, call)?;
    let items = newest_first(face.recordings_of(call));
    let body = page(request, "recordings", items, |recording| shape::call_recording(face, recording));
    Ok(Answer::ok(body).about(call))
}

pub(super) fn all(face: &Face, request: &Request) -> Result<Answer, Refusal> {
    let mut recordings = face.recordings();
    if let Some(call) = request.query("CallSid") {
        recordings.retain(|recording| recording.call_sid == call);
    }
    let items = newest_first(recordings);
    Ok(Answer::ok(page(request, "recordings", items, |recording| shape::recording(face, recording))))
}

fn newest_first(recordings: Vec<Recording>) -> Vec<(String, Recording)> {
    recordings.into_iter().rev().map(|recording| (recording.sid.clone(), recording)).collect()
}

pub(super) fn start(face: &Arc<Face>, call: &str, request: &Request) -> Result<Answer, Refusal> {
    let call = find(face, call)?;
    if call.status() != Status::InProgress {
        return Err(Refusal::bad(21220, "Requested resource is not eligible for recording"));
    }
    let recording = face.begin_recording(&call, "StartCallRecordingAPI", &recording_plan(request));
    Ok(Answer::created(shape::call_recording(face, &recording)).about(&call.sid))
}

pub(super) fn fetch_of_call(face: &Face, call: &str, sid: &str) -> Result<Answer, Refusal> {
    let recording = seek(face, sid)?;
    if recording.call_sid != call {
        return Err(missing(sid));
    }
    Ok(Answer::ok(shape::call_recording(face, &recording)).about(call))
}

pub(super) fn fetch(face: &Face, sid: &str) -> Result<Answer, Refusal> {
    Ok(Answer::ok(shape::recording(face, &seek(face, sid)?)))
}

/// Pauses, resumes or stops a running recording; `Twilio.CURRENT` names the latest.
pub(super) fn update(face: &Arc<Face>, call: &str, sid: &str, request: &Request) -> Result<Answer, Refusal> {
    let call = find(face, call)?;
    let sid = match sid {
        "Twilio.CURRENT" => face.recordings_of(&call.sid).last().map(|recording| recording.sid.clone()),
        sid => Some(sid.to_owned()),
    };
    let sid = sid.ok_or_else(|| missing("Twilio.CURRENT"))?;
    let running = matches!(seek(face, &sid)?.status, "in-progress" | "paused");
    if !running {
        return Err(Refusal::bad(21220, "The recording is not in progress"));
    }
    match request.field("Status") {
        Some("stopped") => face.end_recording(&call, &sid),
        Some("paused") => {
            face.change_recording(&sid, |recording| recording.status = "paused");
        }
        Some("in-progress") => {
            face.change_recording(&sid, |recording| recording.status = "in-progress");
        }
        other => return Err(Refusal::bad(20001, format!("invalid Status {}", other.unwrap_or_default()))),
    }
    Ok(Answer::ok(shape::call_recording(face, &seek(face, &sid)?)).about(&call.sid))
}

pub(super) fn delete(face: &Face, sid: &str) -> Result<Answer, Refusal> {
    seek(face, sid)?;
    face.change_recording(sid, |recording| recording.deleted = true);
    Ok(Answer::no_content())
}

fn seek(face: &Face, sid: &str) -> Result<Recording, Refusal> {
    face.recordings().into_iter().find(|recording| recording.sid == sid).ok_or_else(|| missing(sid))
}

fn missing(sid: &str) -> Refusal {
    Refusal::not_found(&format!("/Recordings/{sid}.json"))
}
