//! Answering machine detection.

use std::sync::Arc;

use super::{
    Face,
    call::{Call, Detection},
};
use crate::{
    person::Manner,
    truth::{Purpose, Status},
};

impl Face {
    /// Listens until the verdict is clear, notes it and returns it with the phone milliseconds it took.
    pub(crate) async fn detect(&self, call: &Call, detection: &Detection) -> (&'static str, u64) {
        let machine = call.person().manner == Manner::Voicemail;
        let (verdict, seconds) = match (machine, detection.waits_for_end) {
            (false, _) => ("human", 2.5),
            (true, false) => ("machine_start", 4.0),
            (true, true) => ("machine_end_beep", 9.0),
        };
        self.world.scale.sleep(seconds).await;
        if call.status() == Status::InProgress {
            call.note(|record| record.answered_by = Some(verdict.to_owned()));
        }
        (verdict, (seconds * 1000.0) as u64)
    }

    /// Detects beside the running call and tells the plan's hook. A call that ends first gets no verdict.
    pub(crate) fn detect_in_background(self: &Arc<Self>, call: &Arc<Call>, detection: Detection) {
        let (face, call) = (Arc::clone(self), Arc::clone(call));
        self.world.run(async move {
            let Some(hook) = &detection.background else { return };
            let (verdict, millis) = face.detect(&call, &detection).await;
            if call.status() != Status::InProgress {
                return;
            }
            let params = [
                ("AccountSid", face.world.config.account_sid.clone()),
                ("CallSid", call.sid.clone()),
                ("AnsweredBy", verdict.to_owned()),
                ("MachineDetectionDuration", millis.to_string()),
            ];
            let params = params.map(|(name, value)| (name.to_owned(), value)).into();
            face.tell(&call, Purpose::Amd, hook, params, "amd");
        });
    }
}
