//! Answering machine detection.

use std::sync::Arc;

use super::{Face, call::Call, event::Event};
use crate::{person::Manner, truth::Status};

/// Phone seconds until a person or a machine is told, and from there to the beep.
const PERSON_SECONDS: f64 = 2.5;
const MACHINE_SECONDS: f64 = 4.0;
const BEEP_SECONDS: f64 = 5.0;

impl Face {
    /// Detects beside the running call. A call that ends first gets no verdict.
    pub(super) fn detect(self: &Arc<Self>, call: &Arc<Call>, mode: &str) {
        let premium = mode == "premium";
        let waits_for_beep = matches!(mode, "detect_beep" | "detect_words" | "greeting_end" | "premium");
        if !premium && !waits_for_beep && mode != "detect" {
            return;
        }
        let (face, call) = (Arc::clone(self), Arc::clone(call));
        self.world.run(async move {
            let machine = call.person().manner == Manner::Voicemail;
            let (seconds, verdict) = match (machine, premium) {
                (true, _) => (MACHINE_SECONDS, "machine"),
                (false, true) => (PERSON_SECONDS, "human_residence"),
                (false, false) => (PERSON_SECONDS, "human"),
            };
            let [detected, greeted] = if premium {
                ["call.machine.premium.detection.ended", "call.machine.premium.greeting.ended"]
            } else {
                ["call.machine.detection.ended", "call.machine.greeting.ended"]
            };
            face.world.scale.sleep(seconds).await;
            if call.status() != Status::InProgress {
                return;
            }
            call.note(|record| record.answered_by = Some(verdict.to_owned()));
            face.tell(&call, Event::new(detected).with("result", verdict));
            if machine && waits_for_beep {
                face.world.scale.sleep(BEEP_SECONDS).await;
                if call.status() == Status::InProgress {
                    face.tell(&call, Event::new(greeted).with("result", "beep_detected"));
                }
            }
        });
    }
}
