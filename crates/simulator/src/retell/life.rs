//! A call's life, one task each: reach the person, talk, end, be analysed.

use std::sync::Arc;

use tokio::{sync::mpsc, time::Instant};

use super::{
    Face,
    call::{Call, Stop},
    ending::Ending,
    event::{Event, Hold},
};
use crate::{
    fault::Fault,
    person::Manner,
    truth::{HangupRequest, Status},
};

/// Phone seconds that a dial takes to leave the house, and that a carrier takes to reach a phone.
const QUEUE_SECONDS: f64 = 0.3;
const SETUP_SECONDS: f64 = 1.0;

impl Face {
    /// Begins the life of a call that REST asked for. Its person's phone will ring.
    pub(crate) fn dial(self: &Arc<Self>, call: Arc<Call>, mut stops: mpsc::UnboundedReceiver<Stop>) {
        let face = Arc::clone(self);
        self.world.run(async move {
            let ending = match face.reach(&call).await {
                Ok(()) => face.live(&call, &mut stops).await,
                Err(ending) => ending,
            };
            face.close(&call, ending);
        });
    }

    /// From the request to the moment when somebody picks up. Nobody can stop it: `stop-call` wants an ongoing call.
    async fn reach(self: &Arc<Self>, call: &Call) -> Result<(), Ending> {
        let world = &self.world;
        world.scale.sleep(QUEUE_SECONDS).await;
        world.outage.over().await;
        call.enter(Status::Initiated);
        world.scale.sleep(SETUP_SECONDS).await;

        let person = call.person();
        match person.manner {
            Manner::Invalid => return Err(Ending::InvalidDestination),
            Manner::Busy => return Err(Ending::DialBusy),
            Manner::Talks | Manner::NoAnswer | Manner::Rejects | Manner::HangsUp | Manner::Voicemail => {}
        }
        call.enter(Status::Ringing);
        let patience = call.story(|story| story.agent.ring);
        if world.faults.strikes(Fault::HangupDuringDial, call.occasion("ringing")) {
            call.suffered(Fault::HangupDuringDial);
            world.scale.sleep(person.ring.min(patience) / 2.0).await;
            return Err(Ending::DialFailed);
        }
        if person.manner == Manner::NoAnswer || person.ring >= patience {
            world.scale.sleep(patience).await;
            return Err(Ending::DialNoAnswer);
        }
        world.scale.sleep(person.ring).await;
        if person.manner == Manner::Rejects { Err(Ending::UserDeclined) } else { Ok(()) }
    }

    /// From the answer until somebody hangs up.
    pub(crate) async fn live(self: &Arc<Self>, call: &Arc<Call>, stops: &mut mpsc::UnboundedReceiver<Stop>) -> Ending {
        call.enter(Status::InProgress);
        let (scale, answered) = (self.world.scale, Instant::now());
        let person_leaves = answered + scale.real(self.world.stays(&call.record));
        let limit = answered + scale.real(call.story(|story| story.agent.longest));
        let opening = self.open(call);
        tokio::select! {
            ending = self.talk(call, opening) => ending,
            () = tokio::time::sleep_until(person_leaves) => Ending::UserHangup,
            () = tokio::time::sleep_until(limit) => Ending::MaxDurationReached,
            Some(carried_out) = stops.recv() => {
                self.finish(call, Ending::ManualStopped);
                // Whoever asked may have gone.
                let _ = carried_out.send(());
                Ending::ManualStopped
            }
        }
    }

    /// Writes the ending down, once.
    pub(crate) fn finish(&self, call: &Call, ending: Ending) {
        if call.status().is_terminal() {
            return;
        }
        let scale = self.world.scale;
        if call.look(|record| record.answered_at.is_some()) {
            let url = format!("{}/recordings/{}/recording.wav", self.base_url, call.sid);
            call.tell(|story| story.recording_url = Some(url));
        }
        call.enter_with(ending.status(), |record, ended| {
            record.cause = Some(ending.name().into());
            record.duration = Some(
                record
                    .answered_at
                    .map_or(0, |answered| scale.phone(answered.duration_until(ended).unsigned_abs()).ceil() as u64),
            );
        });
    }

    /// Ends the call, tells it, and lets it be analysed.
    pub(crate) fn close(self: &Arc<Self>, call: &Arc<Call>, ending: Ending) {
        self.finish(call, ending);
        if call.look(|record| record.answered_at.is_some()) {
            self.announce(call, Event::TranscriptUpdated, Hold::No);
        }
        self.announce(call, Event::Ended, Hold::No);
        let (face, call) = (Arc::clone(self), Arc::clone(call));
        self.world.run(async move {
            face.world.scale.sleep(face.world.config.retell.analysis_after).await;
            call.tell(|story| story.analyzed = true);
            face.announce(&call, Event::Analyzed, Hold::No);
        });
    }

    /// Writes a request to end the call down as it arrives.
    pub(crate) fn note_stop(call: &Call) {
        let request = HangupRequest { at: jiff::Timestamp::now(), wish: "stop".into(), found: call.status() };
        call.note(|record| record.hangups.push(request));
    }
}
