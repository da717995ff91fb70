//! One leg: what was asked for, what is written on it, and how to give it orders.

use std::{
    collections::HashMap,
    ops::Deref,
    sync::{Arc, Mutex},
};

use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use super::{talk::Cue, webhook::Webhook, window::Window};
use crate::{lock::locked, person::Person, record::Record, truth::Direction};

/// What was asked for.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) to: String,
    pub(super) from: String,
    pub(super) direction: Direction,
    /// The leg that this one was transferred from.
    pub(super) parent: Option<String>,
    /// The session of that leg, which this one joins.
    pub(super) session: Option<String>,
    /// The application.
    pub(super) connection: String,
    pub(super) client_state: Option<String>,
    pub(super) webhook: Webhook,
    pub(super) json: Option<Value>,
    /// Overrides the rule table (inbound calls).
    pub(super) person: Option<Person>,
    pub(super) ring: Ring,
    /// Phone seconds the answered call may last.
    pub(super) time_limit: f64,
    pub(super) record: Option<RecordPlan>,
    /// `answering_machine_detection`.
    pub(super) detection: Option<String>,
    /// `stream_url` of a stream that starts with the answer.
    pub(super) stream: Option<Value>,
    /// Whether what the person says is written down from the answer on.
    pub(super) transcription: bool,
}

/// How long it rings, and what that ending is called.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ring {
    pub(super) seconds: f64,
    pub(super) cause: &'static str,
}

/// A recording from the answer on, or from now on.
#[derive(Debug, Clone)]
pub(super) struct RecordPlan {
    pub(super) id: String,
    pub(super) channels: String,
    pub(super) format: String,
}

/// What REST wants from a living leg. The sender learns when it has been carried out.
#[derive(Debug)]
pub(super) enum Order {
    /// Pick it up.
    Answer(oneshot::Sender<()>),
    /// Turn the caller away.
    Reject { busy: bool, done: oneshot::Sender<()> },
    /// End it, answered or not.
    End(oneshot::Sender<()>),
    /// The person leaves.
    Leave(oneshot::Sender<()>),
}

#[derive(Debug)]
pub(super) struct Call {
    pub(super) record: Arc<Record>,
    pub(super) leg_id: String,
    pub(super) session_id: String,
    pub(super) plan: Plan,
    pub(super) window: Window,
    orders: mpsc::UnboundedSender<Order>,
    cues: mpsc::UnboundedSender<Cue>,
    notes: Mutex<Notes>,
}

/// What changes while it lives.
#[derive(Debug)]
struct Notes {
    client_state: Option<String>,
    /// What `client_state` was before its last change, until a message was sent.
    state_before: Option<Option<String>>,
    webhook: Webhook,
    /// The leg on the other side, by its control id; and whether we outlive it.
    bridged: Option<String>,
    parks: bool,
    /// The legs that were transferred from this one.
    children: Vec<String>,
    events: Vec<Value>,
    streams: HashMap<String, Value>,
}

/// The ends of a leg's lines on which it is told what to do.
pub(super) struct Lines {
    pub(super) orders: mpsc::UnboundedReceiver<Order>,
    pub(super) cues: mpsc::UnboundedReceiver<Cue>,
}

impl Deref for Call {
    type Target = Record;

    fn deref(&self) -> &Record {
        &self.record
    }
}

impl Call {
    pub(super) fn new(record: Arc<Record>, leg_id: String, session_id: String, plan: Plan) -> (Arc<Self>, Lines) {
        let (orders, order_inbox) = mpsc::unbounded_channel();
        let (cues, cue_inbox) = mpsc::unbounded_channel();
        let notes = Notes {
            client_state: plan.client_state.clone(),
            state_before: plan.client_state.is_some().then_some(None),
            webhook: plan.webhook.clone(),
            bridged: None,
            parks: false,
            children: Vec::new(),
            events: Vec::new(),
            streams: HashMap::new(),
        };
        let notes = Mutex::new(notes);
        let call = Self { record, leg_id, session_id, plan, window: Window::default(), orders, cues, notes };
        (Arc::new(call), Lines { orders: order_inbox, cues: cue_inbox })
    }

    pub(super) fn client_state(&self) -> Option<String> {
        locked(&self.notes).client_state.clone()
    }

    /// What a command writes on the call: every later message carries it.
    pub(super) fn write(&self, client_state: &str) {
        let mut notes = locked(&self.notes);
        let before = notes.client_state.replace(client_state.to_owned());
        if before.as_deref() != Some(client_state) {
            notes.state_before = Some(before);
        }
    }

    /// What was written before the last writing, if no message has gone out since.
    pub(super) fn state_before(&self) -> Option<Option<String>> {
        locked(&self.notes).state_before.clone()
    }

    pub(super) fn state_told(&self) {
        locked(&self.notes).state_before = None;
    }

    pub(super) fn webhook(&self) -> Webhook {
        locked(&self.notes).webhook.clone()
    }

    pub(super) fn set_webhook(&self, webhook: Webhook) {
        locked(&self.notes).webhook = webhook;
    }

    pub(super) fn bridged(&self) -> Option<String> {
        locked(&self.notes).bridged.clone()
    }

    pub(super) fn bridge(&self, other: &str) {
        locked(&self.notes).bridged = Some(other.to_owned());
    }

    /// Whether this leg stays when the one that it is bridged to next leaves.
    pub(super) fn bridge_next(&self, parks: bool) {
        locked(&self.notes).parks = parks;
    }

    /// The other side has left. Tells whether this leg stays, parked.
    pub(super) fn unbridge(&self) -> bool {
        let mut notes = locked(&self.notes);
        notes.bridged = None;
        notes.parks
    }

    pub(super) fn add_child(&self, id: &str) {
        locked(&self.notes).children.push(id.to_owned());
    }

    pub(super) fn children(&self) -> Vec<String> {
        locked(&self.notes).children.clone()
    }

    pub(super) fn log(&self, event: Value) {
        locked(&self.notes).events.push(event);
    }

    /// The commands and webhooks so far.
    pub(super) fn events(&self) -> Vec<Value> {
        locked(&self.notes).events.clone()
    }

    pub(super) fn was_commanded(&self) -> bool {
        locked(&self.notes).events.iter().any(|event| event["type"] == "command")
    }

    /// False: the call has a stream already.
    pub(super) fn add_stream(&self, id: &str, spec: Value) -> bool {
        let mut notes = locked(&self.notes);
        let free = notes.streams.is_empty();
        if free {
            notes.streams.insert(id.to_owned(), spec);
        }
        free
    }

    /// Takes out the stream of this id, or whichever there is.
    pub(super) fn take_stream(&self, id: Option<&str>) -> Option<Value> {
        let mut notes = locked(&self.notes);
        let id = match id {
            Some(id) => id.to_owned(),
            None => notes.streams.keys().next()?.clone(),
        };
        notes.streams.remove(&id)
    }

    /// Gives an order and waits until the call has carried it out. False: the call is over and takes none.
    pub(super) async fn order(&self, order: impl FnOnce(oneshot::Sender<()>) -> Order) -> bool {
        let (done, carried_out) = oneshot::channel();
        self.orders.send(order(done)).is_ok() && carried_out.await.is_ok()
    }

    /// Gives an order without waiting.
    pub(super) fn command(&self, order: impl FnOnce(oneshot::Sender<()>) -> Order) {
        // A call that is over has nothing left to do.
        let _ = self.orders.send(order(oneshot::channel().0));
    }

    /// Something to be heard on the call.
    pub(super) fn cue(&self, cue: Cue) {
        // A call that is over is silent.
        let _ = self.cues.send(cue);
    }
}
