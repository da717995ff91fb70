//! Who listens along: media streams as far as their status goes (no socket is opened, as on Twilio's face), and
//! transcription.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Face, call::Call, event::Event, talk::spoken};
use crate::{fault::Fault, truth::Status};

/// Phone seconds before a person begins to speak.
const REACTION_SECONDS: f64 = 1.5;

impl Face {
    /// Writes down what the person says, if they say anything. A call that ends first has no transcript.
    pub(super) fn transcribe(self: &Arc<Self>, call: &Arc<Call>) {
        let Some(speech) = call.person().speech else { return };
        let (face, call) = (Arc::clone(self), Arc::clone(call));
        self.world.run(async move {
            face.world.scale.sleep(REACTION_SECONDS + spoken(&speech)).await;
            if call.status() == Status::InProgress {
                let said = json!({ "transcript": speech, "confidence": 0.92, "is_final": true });
                face.tell(&call, Event::on_leg("call.transcription").with("transcription_data", said));
            }
        });
    }

    /// Starts the leg's one stream and tells whether it runs. `None`: there is one already.
    pub(super) fn start_stream(self: &Arc<Self>, call: &Arc<Call>, body: &Value) -> Option<()> {
        let url = body["stream_url"].as_str().unwrap_or_default();
        let id = self.sids.uuid();
        // Plain ws is allowed beside wss, because nobody has a certificate for loopback.
        let failure = if !url.starts_with("wss://") && !url.starts_with("ws://") {
            Some("invalid_url")
        } else if self.world.faults.strikes(Fault::StreamFails, call.occasion("stream")) {
            call.suffered(Fault::StreamFails);
            Some("connection_failed")
        } else {
            None
        };
        if !call.add_stream(&id, json!(url)) {
            return None;
        }
        let Some(reason) = failure else {
            self.tell(call, Event::on_leg("streaming.started").with("stream_url", url));
            return Some(());
        };
        call.take_stream(Some(&id));
        let track = body["stream_track"].as_str().unwrap_or("inbound_track");
        let event = Event::on_leg("streaming.failed")
            .with("failure_reason", reason)
            .with("stream_id", id)
            .with("stream_params", json!({ "stream_url": url, "track": track }))
            .with("stream_type", "websocket");
        self.tell(call, event);
        Some(())
    }

    /// Stops the stream of this id, or whichever runs. `None`: there is none.
    pub(super) fn stop_stream(self: &Arc<Self>, call: &Arc<Call>, id: Option<&str>) -> Option<()> {
        let url = call.take_stream(id)?;
        self.tell(call, Event::on_leg("streaming.stopped").with("stream_url", url));
        Some(())
    }
}
