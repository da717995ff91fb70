//! The sound of a recording, as a WAV file.
//!
//! Needs no credentials, as at Twilio unless the account asks for them.

use axum::{
    body::Body,
    http::{Method, Uri, header},
    response::{IntoResponse, Response},
};

use crate::{config::Config, silence::silence, twilio::Face};

/// The file that `uri` names, if it names one that is ready. `None`: not a media request, or nothing there.
pub(super) fn file(face: &Face, method: &Method, uri: &Uri) -> Option<Response> {
    let sid = sid(&face.world.config, uri.path()).filter(|_| method == Method::GET)?;
    let recordings = face.recordings();
    let recording = recordings.iter().find(|recording| recording.sid == sid && recording.status == "completed")?;
    let body = Body::from(silence(recording.duration.unwrap_or(0)));
    Some(([(header::CONTENT_TYPE, "audio/x-wav")], body).into_response())
}

/// `/2010-04-01/Accounts/{account}/Recordings/{sid}`, plain or with `.wav`.
fn sid<'a>(config: &Config, path: &'a str) -> Option<&'a str> {
    let rest = path.strip_prefix("/2010-04-01/Accounts/")?.strip_prefix(config.account_sid.as_str())?;
    let name = rest.strip_prefix("/Recordings/")?;
    let sid = name.strip_suffix(".wav").unwrap_or(name);
    (!sid.contains(['.', '/'])).then_some(sid)
}
