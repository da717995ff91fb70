//! A call's life, one task each: reach the person, talk, end.

use std::sync::Arc;

use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};

use super::{
    Face,
    call::{Call, Detection, Milestone, Order, Plan},
    obey::{Ending, Leg, Source},
    twiml::Verb,
};
use crate::{
    fault::Fault,
    person::Manner,
    truth::{Direction, Status},
};

/// What a leg dialled by `<Dial>` tells the leg that dialled it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Report {
    Ringing,
    Answered,
    Ended(Status, u64),
}

/// Where reports go.
pub(crate) type Reporter = mpsc::UnboundedSender<(usize, Report)>;

/// How a call ended, in the carrier's words.
#[derive(Debug, Clone, Copy)]
struct End {
    status: Status,
    sip: u16,
}

impl End {
    const COMPLETED: Self = Self { status: Status::Completed, sip: 200 };
    const CANCELED: Self = Self { status: Status::Canceled, sip: 487 };
    const UNANSWERED: Self = Self { status: Status::NoAnswer, sip: 487 };
    const DECLINED: Self = Self { status: Status::NoAnswer, sip: 603 };
    const DROPPED: Self = Self { status: Status::NoAnswer, sip: 480 };
    const BUSY: Self = Self { status: Status::Busy, sip: 486 };
    const UNKNOWN_NUMBER: Self = Self { status: Status::Failed, sip: 404 };
}

/// Phone seconds that even an idle queue takes, and that a carrier takes to reach a phone.
const QUEUE_SECONDS: f64 = 0.3;
const SETUP_SECONDS: f64 = 1.0;

impl Face {
    /// Takes a call in and begins its life. Its person's phone will ring.
    pub(crate) fn place(self: &Arc<Self>, plan: Plan) -> Arc<Call> {
        self.launch(plan, None)
    }

    /// The same for a leg of `<Dial>`.
    pub(crate) fn place_leg(self: &Arc<Self>, plan: Plan, index: usize, reporter: Reporter) -> Arc<Call> {
        self.launch(plan, Some((index, reporter)))
    }

    fn launch(self: &Arc<Self>, plan: Plan, reporter: Option<(usize, Reporter)>) -> Arc<Call> {
        let queue = if plan.direction == Direction::OutboundApi { QUEUE_SECONDS + self.queue() } else { 0.0 };
        let (call, orders) = self.admit(plan);
        let life = Life { face: Arc::clone(self), call: Arc::clone(&call), orders, reporter };
        self.world.run(async move {
            match life.call.plan.direction {
                Direction::Inbound => life.inbound().await,
                Direction::OutboundApi | Direction::OutboundDial => life.outbound(queue).await,
            }
        });
        call
    }
}

struct Life {
    face: Arc<Face>,
    call: Arc<Call>,
    orders: mpsc::UnboundedReceiver<Order>,
    reporter: Option<(usize, Reporter)>,
}

impl Life {
    async fn outbound(mut self, queue: f64) {
        let end = match self.reach(queue).await {
            Ok(()) => {
                let source = self.call.plan.voice.clone();
                self.live(source).await
            }
            Err(end) => end,
        };
        self.close(end);
    }

    /// The first document decides whether the call is answered at all.
    async fn inbound(mut self) {
        let (face, call) = (Arc::clone(&self.face), Arc::clone(&self.call));
        let leg = Leg { face: &face, call: &call };
        let first = async {
            match call.plan.voice.clone() {
                Some(source) => Ok(leg.load(source).await),
                None => Err(End::UNKNOWN_NUMBER),
            }
        };
        let end = match self.unanswered(first).await.and_then(|loaded| loaded) {
            Err(end) => end,
            Ok(Some(script)) if matches!(script.verbs.first(), Some(Verb::Reject { busy: true })) => End::BUSY,
            Ok(Some(script)) if matches!(script.verbs.first(), Some(Verb::Reject { busy: false })) => End::DECLINED,
            Ok(script) => self.live(Some(script.map_or(Source::Nothing, Source::Ready))).await,
        };
        self.close(end);
    }

    /// From the queue to the moment somebody picks up.
    async fn reach(&mut self, queue: f64) -> Result<(), End> {
        let (face, call) = (Arc::clone(&self.face), Arc::clone(&self.call));
        let scale = face.world.scale;
        self.unanswered(async {
            scale.sleep(queue).await;
            face.world.outage.over().await;
        })
        .await?;
        call.enter(Status::Initiated);
        face.announce(&call, Milestone::Initiated);
        self.unanswered(scale.sleep(SETUP_SECONDS)).await?;

        let person = call.person();
        match person.manner {
            Manner::Invalid => return Err(End::UNKNOWN_NUMBER),
            Manner::Busy => return Err(End::BUSY),
            Manner::Talks | Manner::NoAnswer | Manner::Rejects | Manner::HangsUp | Manner::Voicemail => {}
        }
        call.enter(Status::Ringing);
        face.announce(&call, Milestone::Ringing);
        self.report(Report::Ringing);

        let patience = call.plan.timeout;
        let first_leg = call.plan.direction == Direction::OutboundApi;
        if first_leg && face.world.faults.strikes(Fault::HangupDuringDial, call.occasion("ringing")) {
            call.suffered(Fault::HangupDuringDial);
            self.unanswered(scale.sleep(person.ring.min(patience) / 2.0)).await?;
            return Err(End::DROPPED);
        }
        if person.manner == Manner::NoAnswer || person.ring >= patience {
            self.unanswered(scale.sleep(patience)).await?;
            return Err(End::UNANSWERED);
        }
        self.unanswered(scale.sleep(person.ring)).await?;
        if person.manner == Manner::Rejects { Err(End::DECLINED) } else { Ok(()) }
    }

    /// Waits for `step` while nobody has answered; any order to end cancels the call.
    async fn unanswered<T>(&mut self, step: impl Future<Output = T>) -> Result<T, End> {
        tokio::pin!(step);
        loop {
            tokio::select! {
                done = &mut step => return Ok(done),
                order = self.orders.recv() => match order {
                    Some(Order::End(carried_out) | Order::Cancel(carried_out)) => {
                        return Err(self.cancel(carried_out));
                    }
                    // REST refuses to redirect a call that is not in progress, so this one lost a race: drop it.
                    Some(Order::Redirect(..)) => {}
                    None => std::future::pending().await,
                },
            }
        }
    }

    /// The record shows the ending before the one who asked for it is answered.
    fn cancel(&mut self, carried_out: oneshot::Sender<()>) -> End {
        self.finish(End::CANCELED);
        let _ = carried_out.send(());
        End::CANCELED
    }

    /// From the answer to the end.
    async fn live(&mut self, first: Option<Source>) -> End {
        let (face, call) = (Arc::clone(&self.face), Arc::clone(&self.call));
        let scale = face.world.scale;
        call.enter(Status::InProgress);
        face.announce(&call, Milestone::Answered);
        if let Some(plan) = &call.plan.record {
            face.begin_recording(&call, "OutboundAPI", plan);
        }
        let mut detection = call.plan.detection.clone();
        if let Some(plan) = detection.take_if(|plan| plan.background.is_some()) {
            face.detect_in_background(&call, plan);
        }
        let answered = Instant::now();
        let person_leaves = answered + scale.real(face.world.stays(&call));
        let limit = answered + scale.real(call.plan.time_limit);
        let mut source = first;
        loop {
            let leg = Leg { face: &face, call: &call };
            let script = script(leg, detection.take(), source.take(), self.reporter.clone());
            tokio::pin!(script);
            tokio::select! {
                () = &mut script => {}
                () = tokio::time::sleep_until(person_leaves) => {}
                () = tokio::time::sleep_until(limit) => {}
                (other, carried_out) = next_order(&mut self.orders) => {
                    if other.is_none() {
                        self.finish(End::COMPLETED);
                    }
                    let _ = carried_out.send(());
                    if other.is_some() {
                        source = other;
                        self.leave_bridge(answered);
                        continue;
                    }
                }
            }
            // Written down before `script` is dropped: what an interrupted verb still reports says that the call is over.
            self.finish(End::COMPLETED);
            return End::COMPLETED;
        }
    }

    /// A dialled leg that is sent elsewhere is over for the leg that dialled it, and lives on by itself.
    fn leave_bridge(&mut self, answered: Instant) {
        let seconds = self.face.world.scale.phone(answered.elapsed()).ceil() as u64;
        self.report(Report::Ended(Status::Completed, seconds));
        self.reporter = None;
    }

    fn report(&self, report: Report) {
        if let Some((index, reporter)) = &self.reporter {
            // Nobody listens once the `<Dial>` is over.
            let _ = reporter.send((*index, report));
        }
    }

    /// Writes the ending down, once.
    fn finish(&self, end: End) {
        if self.call.status().is_terminal() {
            return;
        }
        let scale = self.face.world.scale;
        self.call.enter_with(end.status, |record, ended| {
            record.sip_code = Some(end.sip);
            record.duration = Some(
                record
                    .answered_at
                    .map_or(0, |answered| scale.phone(answered.duration_until(ended).unsigned_abs()).ceil() as u64),
            );
        });
    }

    /// Ends the call and tells everybody. A call cancelled while queued ends in silence, as at Twilio.
    fn close(self, end: End) {
        let call = &self.call;
        let was_queued = call.look(|record| record.dialed_at.is_none());
        self.finish(end);
        self.face.end_recordings(call);
        self.face.stop_streams(call);
        if !was_queued {
            self.face.announce(call, Milestone::Completed);
        }
        let duration = call.look(|record| record.duration.unwrap_or(0));
        self.report(Report::Ended(end.status, duration));
    }
}

/// What an answered leg does until something interrupts it: waits for the verdict, obeys, and, if another leg dialled it,
/// is connected to that one.
async fn script(leg: Leg<'_>, detection: Option<Detection>, source: Option<Source>, bridge: Option<(usize, Reporter)>) {
    let source = match (detection, source) {
        (Some(detection), Some(source)) => {
            let (verdict, _) = leg.face.detect(leg.call, &detection).await;
            Some(source.with("AnsweredBy", verdict))
        }
        (_, source) => source,
    };
    let ending = match source {
        Some(source) => leg.obey(source).await,
        None => Ending::RanOut,
    };
    if let Some((index, reporter)) = bridge.filter(|_| ending == Ending::RanOut) {
        // Nobody listens once the `<Dial>` is over; then an order to end is on its way.
        let _ = reporter.send((index, Report::Answered));
        std::future::pending::<()>().await;
    }
}

/// The next order that concerns an answered call: other instructions, or `None` to end it. A cancellation has no effect.
async fn next_order(orders: &mut mpsc::UnboundedReceiver<Order>) -> (Option<Source>, oneshot::Sender<()>) {
    loop {
        match orders.recv().await {
            Some(Order::Cancel(carried_out)) => {
                let _ = carried_out.send(());
            }
            Some(Order::End(carried_out)) => return (None, carried_out),
            Some(Order::Redirect(source, carried_out)) => return (Some(source), carried_out),
            None => std::future::pending().await,
        }
    }
}
