//! A leg's life, one task each: reach the person or wait to be picked up, talk, end.

use std::{future::pending, sync::Arc};

use serde_json::{Value, json};
use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};

use super::{
    Face,
    call::{Call, Lines, Order, Plan},
    ending::End,
    event::{Event, micros},
    talk::Talk,
};
use crate::{
    fault::Fault,
    person::Manner,
    truth::{Direction, Status},
};

/// Phone seconds that a carrier takes to reach a phone.
const SETUP_SECONDS: f64 = 1.0;
/// Phone seconds that a caller waits to be picked up.
const CALLER_PATIENCE: f64 = 60.0;
/// A tenth of a cent a minute, begun minutes counted whole.
const RATE: f64 = 0.001;

impl Face {
    /// Takes a leg in and begins its life.
    pub(super) fn place(self: &Arc<Self>, plan: Plan) -> Arc<Call> {
        let (call, lines) = self.admit(plan);
        self.await_command(&call);
        let life = Life { face: Arc::clone(self), call: Arc::clone(&call), lines };
        self.world.run(async move {
            match life.call.plan.direction {
                Direction::Inbound => life.inbound().await,
                Direction::OutboundApi | Direction::OutboundDial => life.outbound().await,
            }
        });
        call
    }
}

impl Face {
    /// Hangs the call up if nobody commands it, where the application is set up so. The dial is no command.
    fn await_command(self: &Arc<Self>, call: &Arc<Call>) {
        let Some(patience) = self.application(&call.plan.connection).and_then(|one| one.first_command()) else {
            return;
        };
        let (face, call) = (Arc::clone(self), Arc::clone(call));
        self.world.run(async move {
            face.world.scale.sleep(patience).await;
            if !call.was_commanded() {
                call.command(Order::End);
            }
        });
    }
}

struct Life {
    face: Arc<Face>,
    call: Arc<Call>,
    lines: Lines,
}

impl Life {
    async fn outbound(mut self) {
        let end = match self.reach().await {
            Ok(()) => self.live().await,
            Err(end) => end,
        };
        self.close(end);
    }

    /// Parked until a command picks it up or turns it away.
    async fn inbound(mut self) {
        self.initiated("incoming", "parked");
        let patience = self.face.world.scale.sleep(CALLER_PATIENCE);
        let end = match self.unanswered(patience).await {
            // Picked up: the one order that is no ending.
            Err(None) => self.live().await,
            Err(Some(end)) => end,
            Ok(()) => End::GAVE_UP,
        };
        self.close(end);
    }

    /// From the dial to the moment somebody picks up.
    async fn reach(&mut self) -> Result<(), End> {
        let (face, call) = (Arc::clone(&self.face), Arc::clone(&self.call));
        let scale = face.world.scale;
        self.dialling(face.world.outage.over()).await?;
        call.enter(Status::Initiated);
        self.initiated("outgoing", "bridging");
        self.dialling(scale.sleep(SETUP_SECONDS)).await?;

        let person = call.person();
        match person.manner {
            Manner::Invalid => return Err(End::UNKNOWN_NUMBER),
            Manner::Busy => return Err(End::BUSY),
            Manner::Talks | Manner::NoAnswer | Manner::Rejects | Manner::HangsUp | Manner::Voicemail => {}
        }
        call.enter(Status::Ringing);
        let patience = call.plan.ring.seconds;
        if face.world.faults.strikes(Fault::HangupDuringDial, call.occasion("ringing")) {
            call.suffered(Fault::HangupDuringDial);
            self.dialling(scale.sleep(person.ring.min(patience) / 2.0)).await?;
            return Err(End::DROPPED);
        }
        if person.manner == Manner::NoAnswer || person.ring >= patience {
            self.dialling(scale.sleep(patience)).await?;
            return Err(End::unanswered(call.plan.ring.cause));
        }
        self.dialling(scale.sleep(person.ring)).await?;
        if person.manner == Manner::Rejects { Err(End::DECLINED) } else { Ok(()) }
    }

    async fn dialling<T>(&mut self, step: impl Future<Output = T>) -> Result<T, End> {
        // An order to answer a leg that we dial is refused before it gets here.
        self.unanswered(step).await.map_err(|end| end.unwrap_or(End::CANCELED))
    }

    /// Waits for `step` while nobody has answered. `Err(None)`: picked up by command.
    async fn unanswered<T>(&mut self, step: impl Future<Output = T>) -> Result<T, Option<End>> {
        tokio::pin!(step);
        let inbound = self.call.plan.direction == Direction::Inbound;
        tokio::select! {
            done = &mut step => Ok(done),
            Some(order) = self.lines.orders.recv() => Err(match order {
                Order::Answer(done) => {
                    self.answered();
                    let _ = done.send(());
                    None
                }
                Order::Reject { busy, done } => Some(self.ordered(End::rejected(busy), done)),
                Order::End(done) => {
                    let end = if inbound { End::rejected(false) } else { End::CANCELED };
                    Some(self.ordered(end, done))
                }
                Order::Leave(done) => {
                    let end = if inbound { End::GAVE_UP } else { End::DROPPED };
                    Some(self.ordered(end, done))
                }
            }),
        }
    }

    /// The record shows the ending before the one who asked for it is answered.
    fn ordered(&self, end: End, done: oneshot::Sender<()>) -> End {
        self.finish(end);
        let _ = done.send(());
        end
    }

    fn initiated(&self, direction: &str, state: &str) {
        let started = self.call.look(|record| record.created_at);
        let event = Event::new("call.initiated")
            .with("direction", direction)
            .with("state", state)
            .with("start_time", micros(started));
        self.face.tell(&self.call, event);
    }

    /// The record shows the answer before the one who asked for it is answered.
    fn answered(&self) {
        if self.call.status() != Status::InProgress {
            self.call.enter(Status::InProgress);
        }
    }

    /// From the answer to the end.
    async fn live(&mut self) -> End {
        let (face, call) = (Arc::clone(&self.face), Arc::clone(&self.call));
        let scale = face.world.scale;
        self.answered();
        let now = call.look(|record| record.created_at);
        face.tell(&call, Event::new("call.answered").with("state", "answered").with("start_time", micros(now)));
        face.joined(&call);
        if let Some(plan) = &call.plan.record {
            face.begin_recording(&call, plan);
        }
        if call.plan.transcription {
            face.transcribe(&call);
        }
        if let Some(body) = &call.plan.stream {
            face.start_stream(&call, body);
        }
        if let Some(mode) = &call.plan.detection {
            face.detect(&call, mode);
        }
        let answered = Instant::now();
        let person_leaves = answered + scale.real(face.world.stays(&call));
        let limit = answered + scale.real(call.plan.time_limit);
        let mut talk = Talk::new(&face, &call);
        let Lines { orders, cues } = &mut self.lines;
        let (end, done) = tokio::select! {
            () = talk.run(cues) => pending().await,
            () = tokio::time::sleep_until(person_leaves) => (End::LEFT, None),
            () = tokio::time::sleep_until(limit) => (End::TIME_LIMIT, None),
            (end, done) = last_order(orders) => (end, Some(done)),
        };
        self.finish(end);
        // What was cut by the end is told before it.
        talk.hang_up();
        if let Some(done) = done {
            let _ = done.send(());
        }
        end
    }

    /// Writes the ending down, once.
    fn finish(&self, end: End) {
        if self.call.status().is_terminal() {
            return;
        }
        let scale = self.face.world.scale;
        self.call.enter_with(end.status, |record, ended| {
            record.sip_code = Some(end.sip);
            record.cause = Some(end.cause.to_owned());
            record.duration = Some(
                record
                    .answered_at
                    .map_or(0, |answered| scale.phone(answered.duration_until(ended).unsigned_abs()).ceil() as u64),
            );
        });
    }

    /// Ends the leg, and tells everybody; who was bridged to it leaves too.
    fn close(self, end: End) {
        let call = &self.call;
        self.finish(end);
        self.face.stop_stream(call, None);
        self.face.tell(call, end.event(call));
        self.face.end_recordings(call, None);
        self.face.part(call);
        if self.face.application(&call.plan.connection).is_some_and(|application| application.tells_cost()) {
            self.face.tell(call, cost(call.look(|record| record.duration.unwrap_or(0))));
        }
    }
}

/// The next order that ends an answered leg. An order to answer it has nothing left to do.
async fn last_order(orders: &mut mpsc::UnboundedReceiver<Order>) -> (End, oneshot::Sender<()>) {
    loop {
        match orders.recv().await {
            Some(Order::Answer(done)) => {
                let _ = done.send(());
            }
            Some(Order::Reject { done, .. } | Order::End(done)) => return (End::HUNG_UP, done),
            Some(Order::Leave(done)) => return (End::LEFT, done),
            None => pending().await,
        }
    }
}

fn cost(seconds: u64) -> Event {
    let billed = seconds.div_ceil(60) * 60;
    let cost = format!("{:.4}", RATE * (billed / 60) as f64);
    let part: Value = json!({
        "billed_duration_secs": billed,
        "call_part": "call-control",
        "cost": cost,
        "currency": "USD",
        "rate": format!("{RATE:.5}"),
    });
    Event::on_leg("call.cost")
        .with("status", "success")
        .with("billed_duration_secs", billed)
        .with("total_cost", cost)
        .with("cost_parts", json!([part]))
}
