//! Recordings: their lives and their messages. The sound is silence.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::json;

use super::{
    Face, KEPT_SECONDS,
    call::{Call, RecordPlan},
    event::{Event, micros},
};
use crate::{lock::locked, silence::silence};

/// Phone seconds from the end of a recording until its file is ready.
const PROCESSING_SECONDS: f64 = 2.0;

/// One recording of one leg.
#[derive(Debug, Clone)]
pub(super) struct Recording {
    call: String,
    plan: RecordPlan,
    started: Timestamp,
    ended: Option<Timestamp>,
}

impl Face {
    pub(super) fn begin_recording(&self, call: &Call, plan: &RecordPlan) {
        let recording =
            Recording { call: call.sid.clone(), plan: plan.clone(), started: Timestamp::now(), ended: None };
        locked(&self.recordings).push(recording);
    }

    /// Ends the recording of this id, or all that still record this call.
    pub(super) fn end_recordings(self: &Arc<Self>, call: &Arc<Call>, id: Option<&str>) {
        let mut ended = Vec::new();
        for recording in locked(&self.recordings).iter_mut() {
            let meant = recording.call == call.sid && id.is_none_or(|id| recording.plan.id == id);
            if meant && recording.ended.is_none() {
                recording.ended = Some(Timestamp::now());
                ended.push(recording.clone());
            }
        }
        for recording in ended {
            let (face, call) = (Arc::clone(self), Arc::clone(call));
            self.world.run(async move {
                face.world.scale.sleep(PROCESSING_SECONDS).await;
                face.tell_recording(&call, &recording);
            });
        }
    }

    /// The sound of a recording, by the name in its address: silence of the right length, for everybody who knows the
    /// address, for ten phone minutes.
    pub(super) fn sound(&self, file: &str) -> Option<(&'static str, Vec<u8>)> {
        let (id, format) = file.rsplit_once('.')?;
        let recordings = locked(&self.recordings);
        let recording = recordings.iter().find(|one| one.plan.id == id && one.plan.format == format)?;
        let phone = |since: Timestamp, until| self.world.scale.phone(since.duration_until(until).unsigned_abs());
        let ended = recording.ended?;
        if !(PROCESSING_SECONDS..PROCESSING_SECONDS + KEPT_SECONDS).contains(&phone(ended, Timestamp::now())) {
            return None;
        }
        let seconds = phone(recording.started, ended).ceil() as u64;
        Some(match format {
            "wav" => ("audio/wav", silence(seconds)),
            _ => ("audio/mpeg", mp3(seconds)),
        })
    }

    fn tell_recording(self: &Arc<Self>, call: &Arc<Call>, recording: &Recording) {
        let format = &recording.plan.format;
        let url = format!("{}/recordings/{}.{format}", self.base_url, recording.plan.id);
        let event = Event::after("call.recording.saved")
            .with("channels", recording.plan.channels.as_str())
            .with("recording_started_at", micros(recording.started))
            .with("recording_ended_at", micros(recording.ended.unwrap_or(recording.started)))
            .with("recording_urls", json!({ format: url }))
            .with("public_recording_urls", json!({}));
        self.tell(call, event);
    }
}

/// An hour of silence is enough for any player.
const MOST_SECONDS: u64 = 3600;

/// Silence in MPEG-1 layer III: one channel, 44.1 kHz, 32 kbit/s. Frames whose side information is zero hold no sound.
fn mp3(seconds: u64) -> Vec<u8> {
    const HEADER: [u8; 4] = [0xff, 0xfb, 0x10, 0xc4];
    const FRAME_BYTES: usize = 144 * 32_000 / 44_100;
    let frames = (seconds.min(MOST_SECONDS) * 44_100).div_ceil(1152) as usize;
    let mut frame = HEADER.to_vec();
    frame.resize(FRAME_BYTES, 0);
    frame.repeat(frames)
}
