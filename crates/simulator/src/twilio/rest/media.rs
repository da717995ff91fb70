//! The sound of a recording: silence of the right length, as a WAV file.
//!
//! Needs no credentials, as at Twilio unless the account asks for them.

use axum::{
    body::Body,
    http::{Method, Uri, header},
    response::{IntoResponse, Response},
};

use crate::{config::Config, twilio::Face};

/// One byte per sample in µ-law, 8000 samples per second, one channel.
const BYTES_PER_SECOND: usize = 8000;
const SILENCE: u8 = 0xff;
/// Longer recordings are cut: nobody listens to silence.
const MOST_SECONDS: usize = 60;

/// The file that `uri` names, if it names one that is ready. `None`: not a media request, or nothing there.
pub(super) fn file(face: &Face, method: &Method, uri: &Uri) -> Option<Response> {
    let sid = sid(&face.world.config, uri.path()).filter(|_| method == Method::GET)?;
    let recordings = face.recordings();
    let recording = recordings.iter().find(|recording| recording.sid == sid && recording.status == "completed")?;
    let seconds = (recording.duration.unwrap_or(0) as usize).min(MOST_SECONDS);
    let body = wav(seconds * BYTES_PER_SECOND);
    Some(([(header::CONTENT_TYPE, "audio/x-wav")], Body::from(body)).into_response())
}

/// `/2010-04-01/Accounts/{account}/Recordings/{sid}`, plain or with `.wav`.
fn sid<'a>(config: &Config, path: &'a str) -> Option<&'a str> {
    let rest = path.strip_prefix("/2010-04-01/Accounts/")?.strip_prefix(config.account_sid.as_str())?;
    let name = rest.strip_prefix("/Recordings/")?;
    let sid = name.strip_suffix(".wav").unwrap_or(name);
    (!sid.contains(['.', '/'])).then_some(sid)
}

fn wav(bytes: usize) -> Vec<u8> {
    let length = bytes as u32;
    let rate = BYTES_PER_SECOND as u32;
    let mut file = Vec::with_capacity(bytes + 58);
    file.extend_from_slice(b"RIFF");
    file.extend_from_slice(&(length + 50).to_le_bytes());
    file.extend_from_slice(b"WAVEfmt ");
    file.extend_from_slice(&18u32.to_le_bytes());
    // Format 7 is µ-law; one channel.
    file.extend_from_slice(&[7, 0, 1, 0]);
    file.extend_from_slice(&rate.to_le_bytes());
    file.extend_from_slice(&rate.to_le_bytes());
    // One byte per frame, eight bits per sample, no extension.
    file.extend_from_slice(&[1, 0, 8, 0, 0, 0]);
    // Formats other than PCM state how many samples there are.
    file.extend_from_slice(b"fact");
    file.extend_from_slice(&4u32.to_le_bytes());
    file.extend_from_slice(&length.to_le_bytes());
    file.extend_from_slice(b"data");
    file.extend_from_slice(&length.to_le_bytes());
    file.resize(file.len() + bytes, SILENCE);
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_in_the_file_add_up() {
        let file = wav(8000);
        let word = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap()) as usize;
        assert_eq!((word(4), word(file.len() - 8004)), (file.len() - 8, 8000));
        assert_eq!(&file[file.len() - 8008..file.len() - 8004], b"data");
    }
}
