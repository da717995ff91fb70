//! One leg: what was asked for, what is true of it, and how to give it orders.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU64, Ordering},
};

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::{hook::Hook, obey::Source};
use crate::{
    fault::{Fault, Occasion},
    lock::locked,
    person::Person,
    truth::{CallRecord, Change, Direction, Notice, Sent, Status},
};

/// What was asked for.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) to: String,
    pub(crate) from: String,
    pub(crate) direction: Direction,
    pub(crate) parent: Option<String>,
    pub(crate) form: Vec<(String, String)>,
    /// Overrides the rule table (inbound calls).
    pub(crate) person: Option<Person>,
    pub(crate) voice: Option<Source>,
    pub(crate) fallback: Option<Hook>,
    pub(crate) status: Option<Hook>,
    pub(crate) events: Vec<Milestone>,
    /// Phone seconds to let it ring.
    pub(crate) timeout: f64,
    /// Phone seconds the answered call may last.
    pub(crate) time_limit: f64,
    pub(crate) record: Option<RecordPlan>,
    pub(crate) detection: Option<Detection>,
}

/// A subscribable step (`StatusCallbackEvent`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Milestone {
    Initiated,
    Ringing,
    Answered,
    Completed,
}

impl Milestone {
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "initiated" => Self::Initiated,
            "ringing" => Self::Ringing,
            "answered" => Self::Answered,
            "completed" => Self::Completed,
            _ => return None,
        })
    }
}

#[derive(Debug, Clone)]
pub(crate) struct RecordPlan {
    pub(crate) channels: u32,
    pub(crate) track: String,
    pub(crate) hook: Option<Hook>,
    /// `in-progress`, `completed`, `absent`.
    pub(crate) events: Vec<String>,
}

/// Answering machine detection.
#[derive(Debug, Clone)]
pub(crate) struct Detection {
    pub(crate) waits_for_end: bool,
    /// In the background, telling this hook; otherwise the voice URL waits for the verdict.
    pub(crate) background: Option<Hook>,
}

/// Something REST wants from a living call. The sender learns when it has been carried out.
#[derive(Debug)]
pub(crate) enum Order {
    /// End it, answered or not.
    End(oneshot::Sender<()>),
    /// End it unless answered.
    Cancel(oneshot::Sender<()>),
    /// Run other instructions.
    Redirect(Source, oneshot::Sender<()>),
}

#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) sid: String,
    pub(crate) plan: Plan,
    pub(crate) mail: Mail,
    record: Mutex<CallRecord>,
    orders: mpsc::UnboundedSender<Order>,
    /// A redirect may change where progress is told.
    status_hook: Mutex<Option<Hook>>,
}

/// Keeps the callbacks of one call in their order, unless a fault says otherwise.
#[derive(Debug)]
pub(crate) struct Mail {
    sequence: AtomicU64,
    posted: AtomicU64,
    last: Mutex<Option<CancellationToken>>,
    /// One more than the index of the latest delivered callback.
    pub(crate) delivered: watch::Sender<u64>,
}

impl Mail {
    /// The place of a new callback: its index, a token that its predecessor cancels, and its own.
    pub(crate) fn post(&self) -> (u64, Option<CancellationToken>, CancellationToken) {
        let mine = CancellationToken::new();
        let mut last = locked(&self.last);
        let index = self.posted.fetch_add(1, Ordering::Relaxed);
        (index, last.replace(mine.clone()), mine)
    }

    /// `SequenceNumber` of the next progress event.
    pub(crate) fn next_sequence(&self) -> u64 {
        self.sequence.fetch_add(1, Ordering::Relaxed)
    }
}

impl Call {
    pub(crate) fn new(
        sid: String,
        plan: Plan,
        person: Person,
        now: Timestamp,
    ) -> (Arc<Self>, mpsc::UnboundedReceiver<Order>) {
        let status = if plan.direction == Direction::Inbound { Status::Ringing } else { Status::Queued };
        let record = CallRecord {
            sid: sid.clone(),
            parent: plan.parent.clone(),
            to: plan.to.clone(),
            from: plan.from.clone(),
            direction: plan.direction,
            form: plan.form.clone(),
            person,
            created_at: now,
            dialed_at: (plan.direction == Direction::Inbound).then_some(now),
            rang_at: None,
            answered_at: None,
            ended_at: None,
            duration: None,
            sip_code: None,
            answered_by: None,
            status,
            history: vec![Change { at: now, status }],
            sent: Vec::new(),
            hangups: Vec::new(),
            notices: Vec::new(),
            faults: Vec::new(),
            deleted: false,
        };
        let (orders, inbox) = mpsc::unbounded_channel();
        let call = Self {
            sid,
            status_hook: Mutex::new(plan.status.clone()),
            mail: Mail {
                sequence: AtomicU64::new(0),
                posted: AtomicU64::new(0),
                last: Mutex::new(None),
                delivered: watch::Sender::new(0),
            },
            record: Mutex::new(record),
            orders,
            plan,
        };
        (Arc::new(call), inbox)
    }

    pub(crate) fn look<T>(&self, read: impl FnOnce(&CallRecord) -> T) -> T {
        read(&locked(&self.record))
    }

    pub(crate) fn note<T>(&self, write: impl FnOnce(&mut CallRecord) -> T) -> T {
        write(&mut locked(&self.record))
    }

    pub(crate) fn status(&self) -> Status {
        self.look(|record| record.status)
    }

    pub(crate) fn person(&self) -> Person {
        self.look(|record| record.person.clone())
    }

    pub(crate) fn status_hook(&self) -> Option<Hook> {
        locked(&self.status_hook).clone()
    }

    pub(crate) fn set_status_hook(&self, hook: Hook) {
        *locked(&self.status_hook) = Some(hook);
    }

    pub(crate) fn enter(&self, status: Status) {
        self.enter_with(status, |_, _| {});
    }

    /// Changes the status, together with what `also` writes: no reader sees one without the other.
    pub(crate) fn enter_with(&self, status: Status, also: impl FnOnce(&mut CallRecord, Timestamp)) {
        self.note(|record| {
            let at = Timestamp::now();
            record.status = status;
            record.history.push(Change { at, status });
            match status {
                Status::Initiated => record.dialed_at = Some(at),
                Status::Ringing => record.rang_at = Some(at),
                Status::InProgress => record.answered_at = Some(at),
                Status::Queued => {}
                Status::Completed | Status::Busy | Status::NoAnswer | Status::Failed | Status::Canceled => {
                    record.ended_at = Some(at);
                }
            }
            also(record, at);
        });
    }

    pub(crate) fn warn(&self, code: u32, text: impl Into<String>, url: &str) {
        let notice = Notice { at: Timestamp::now(), code, text: text.into(), url: url.to_owned() };
        tracing::debug!(call = %self.sid, code, text = %notice.text, "provider's debugger");
        self.note(|record| record.notices.push(notice));
    }

    /// Files a request under this call; the index finds it again.
    pub(crate) fn file(&self, sent: Sent) -> usize {
        self.note(|record| {
            record.sent.push(sent);
            record.sent.len() - 1
        })
    }

    pub(crate) fn mark(&self, sent: usize, fault: Fault) {
        self.note(|record| {
            if let Some(sent) = record.sent.get_mut(sent) {
                sent.faults.push(fault);
            }
        });
    }

    /// The occasion for a fault to strike this call.
    pub(crate) fn occasion<'a>(&'a self, on: &'a str) -> Occasion<'a> {
        let number = if self.plan.direction == Direction::Inbound { &self.plan.from } else { &self.plan.to };
        Occasion { number, call: Some(&self.sid), on }
    }

    /// Gives an order and waits until the call has carried it out. False: the call is over and takes none.
    pub(crate) async fn order(&self, order: impl FnOnce(oneshot::Sender<()>) -> Order) -> bool {
        let (done, carried_out) = oneshot::channel();
        self.orders.send(order(done)).is_ok() && carried_out.await.is_ok()
    }

    /// Gives an order without waiting.
    pub(crate) fn command(&self, order: impl FnOnce(oneshot::Sender<()>) -> Order) {
        // A call that is over has nothing left to end.
        let _ = self.orders.send(order(oneshot::channel().0));
    }

    /// The parameters that every request about a call carries.
    pub(crate) fn params(&self, account: &str) -> Vec<(String, String)> {
        let status = self.status().name();
        let plan = &self.plan;
        let mut params: Vec<(String, String)> = [
            ("AccountSid", account),
            ("ApiVersion", "2010-04-01"),
            ("CallSid", &self.sid),
            ("CallStatus", status),
            ("Called", &plan.to),
            ("CalledCountry", country(&plan.to)),
            ("Caller", &plan.from),
            ("CallerCountry", country(&plan.from)),
            ("Direction", plan.direction.name()),
            ("From", &plan.from),
            ("FromCity", ""),
            ("FromCountry", country(&plan.from)),
            ("To", &plan.to),
            ("ToCity", ""),
            ("ToCountry", country(&plan.to)),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
        if let Some(parent) = &plan.parent {
            params.push(("ParentCallSid".into(), parent.clone()));
        }
        params
    }
}

fn country(address: &str) -> &'static str {
    match address {
        number if number.starts_with("+1") => "US",
        number if number.starts_with("+49") => "DE",
        number if number.starts_with("+44") => "GB",
        _ => "",
    }
}
