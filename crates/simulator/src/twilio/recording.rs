//! Recordings: no sound yet, but their lives, their callbacks and their resources.

use std::sync::Arc;

use jiff::Timestamp;

use super::{
    Face,
    call::{Call, RecordPlan},
    callback::rfc2822,
    hook::Hook,
};
use crate::{lock::locked, truth::Purpose};

/// Phone seconds from the end of a recording until its file is ready.
const PROCESSING_SECONDS: f64 = 2.0;

#[derive(Debug, Clone)]
pub(crate) struct Recording {
    pub(crate) sid: String,
    /// Always the parent leg.
    pub(crate) call_sid: String,
    pub(crate) source: &'static str,
    /// `in-progress`, `paused`, `stopped`, `processing`, `completed`.
    pub(crate) status: &'static str,
    pub(crate) channels: u32,
    pub(crate) track: String,
    pub(crate) started: Timestamp,
    /// Phone seconds, once over.
    pub(crate) duration: Option<u64>,
    pub(crate) deleted: bool,
    hook: Option<Hook>,
    events: Vec<String>,
}

impl Recording {
    fn is_running(&self) -> bool {
        matches!(self.status, "in-progress" | "paused")
    }
}

impl RecordPlan {
    /// What verbs record: one channel, both sides, telling the end.
    pub(crate) fn simple(hook: Option<Hook>, events: Option<&str>) -> Self {
        let events = events.unwrap_or("completed").split_whitespace().map(str::to_owned).collect();
        Self { channels: 1, track: "both".into(), hook, events }
    }
}

impl Face {
    pub(crate) fn begin_recording(
        self: &Arc<Self>,
        call: &Arc<Call>,
        source: &'static str,
        plan: &RecordPlan,
    ) -> Recording {
        let recording = Recording {
            sid: self.sids.make("RE"),
            call_sid: call.sid.clone(),
            source,
            status: "in-progress",
            channels: plan.channels,
            track: plan.track.clone(),
            started: Timestamp::now(),
            duration: None,
            deleted: false,
            hook: plan.hook.clone(),
            events: plan.events.clone(),
        };
        locked(&self.recordings).push(recording.clone());
        self.tell_recording(call, &recording);
        recording
    }

    /// Ends a recording that still runs: its length is known at once, its file later.
    pub(crate) fn end_recording(self: &Arc<Self>, call: &Arc<Call>, sid: &str) {
        let phone = |since: Timestamp| {
            let real = since.duration_until(Timestamp::now());
            self.world.scale.phone(real.unsigned_abs()).round() as u64
        };
        let ended = self.change_recording(sid, |recording| {
            let running = recording.is_running();
            if running {
                recording.status = "processing";
                recording.duration = Some(phone(recording.started));
            }
            running
        });
        if ended != Some(true) {
            return;
        }
        let (face, call, sid) = (Arc::clone(self), Arc::clone(call), sid.to_owned());
        self.world.run(async move {
            face.world.scale.sleep(PROCESSING_SECONDS).await;
            let ready = face.change_recording(&sid, |recording| {
                recording.status = "completed";
                recording.clone()
            });
            if let Some(recording) = ready {
                face.tell_recording(&call, &recording);
            }
        });
    }

    /// Ends everything that still records this call.
    pub(crate) fn end_recordings(self: &Arc<Self>, call: &Arc<Call>) {
        for recording in self.recordings_of(&call.sid) {
            self.end_recording(call, &recording.sid);
        }
    }

    pub(crate) fn change_recording<T>(&self, sid: &str, change: impl FnOnce(&mut Recording) -> T) -> Option<T> {
        locked(&self.recordings).iter_mut().find(|recording| recording.sid == sid).map(change)
    }

    /// Recordings of one call, oldest first, deleted ones left out.
    pub(crate) fn recordings_of(&self, call_sid: &str) -> Vec<Recording> {
        let mut all = self.recordings();
        all.retain(|recording| recording.call_sid == call_sid);
        all
    }

    /// All recordings, oldest first, deleted ones left out.
    pub(crate) fn recordings(&self) -> Vec<Recording> {
        locked(&self.recordings).iter().filter(|recording| !recording.deleted).cloned().collect()
    }

    pub(crate) fn recording_url(&self, sid: &str) -> String {
        format!("{}/2010-04-01/Accounts/{}/Recordings/{sid}", self.base_url, self.world.config.account_sid)
    }

    /// What a `completed` callback says about the recording that `Record=true` made.
    pub(crate) fn recording_facts(&self, call: &Call) -> Vec<(&'static str, String)> {
        let own = self.recordings_of(&call.sid).into_iter().find(|recording| recording.source == "OutboundAPI");
        let Some(recording) = own else { return Vec::new() };
        vec![
            ("RecordingUrl", self.recording_url(&recording.sid)),
            ("RecordingSid", recording.sid),
            ("RecordingDuration", recording.duration.unwrap_or(0).to_string()),
        ]
    }

    fn tell_recording(self: &Arc<Self>, call: &Arc<Call>, recording: &Recording) {
        let Some(hook) = &recording.hook else { return };
        if !recording.events.iter().any(|event| event == recording.status) {
            return;
        }
        let mut params: Vec<(String, String)> = [
            ("AccountSid", self.world.config.account_sid.clone()),
            ("CallSid", recording.call_sid.clone()),
            ("RecordingSid", recording.sid.clone()),
            ("RecordingUrl", self.recording_url(&recording.sid)),
            ("RecordingStatus", recording.status.to_owned()),
            ("RecordingChannels", recording.channels.to_string()),
            ("RecordingStartTime", rfc2822(recording.started)),
            ("RecordingSource", recording.source.to_owned()),
            ("RecordingTrack", recording.track.clone()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        if let Some(duration) = recording.duration {
            params.push(("RecordingDuration".into(), duration.to_string()));
        }
        self.tell(call, Purpose::Recording, hook, params, "recording");
    }
}
