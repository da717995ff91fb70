//! Recordings: their lives and their messages. The sound is silence.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::json;

use super::{
    Face,
    call::{Call, RecordPlan},
    event::{Event, micros},
};
use crate::lock::locked;

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
