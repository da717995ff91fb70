//! One leg: what was asked for, what is true of it, and how to give it orders.

use std::{
    ops::Deref,
    sync::{Arc, Mutex},
};

use tokio::sync::{mpsc, oneshot};

use super::{hook::Hook, obey::Source};
use crate::{lock::locked, person::Person, record::Record, truth::Direction};

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

/// A call's [`Record`], with what only Twilio's calls have.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) record: Arc<Record>,
    pub(crate) plan: Plan,
    orders: mpsc::UnboundedSender<Order>,
    /// A redirect may change where progress is told.
    status_hook: Mutex<Option<Hook>>,
}

impl Deref for Call {
    type Target = Record;

    fn deref(&self) -> &Record {
        &self.record
    }
}

impl Call {
    /// A call, and the end of the line on which it takes orders.
    pub(crate) fn new(record: Arc<Record>, plan: Plan) -> (Arc<Self>, mpsc::UnboundedReceiver<Order>) {
        let (orders, inbox) = mpsc::unbounded_channel();
        let status_hook = Mutex::new(plan.status.clone());
        (Arc::new(Self { record, plan, orders, status_hook }), inbox)
    }

    pub(crate) fn status_hook(&self) -> Option<Hook> {
        locked(&self.status_hook).clone()
    }

    pub(crate) fn set_status_hook(&self, hook: Hook) {
        *locked(&self.status_hook) = Some(hook);
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
