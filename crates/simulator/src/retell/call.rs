//! One call: its page of the truth, and what only Retell knows of it.

use std::{
    ops::Deref,
    sync::{Arc, Mutex},
};

use serde_json::{Map, Value};
use tokio::sync::{mpsc, oneshot};

use super::{setup::Agent, transcript::Entry};
use crate::{lock::locked, record::Record};

/// What REST, the inbound webhook and the conversation add to a call.
#[derive(Debug, Clone)]
pub(crate) struct Story {
    pub(crate) agent: Agent,
    pub(crate) metadata: Option<Value>,
    pub(crate) variables: Option<Map<String, Value>>,
    pub(crate) sip_headers: Option<Value>,
    pub(crate) storage: String,
    pub(crate) transcript: Vec<Entry>,
    /// Milliseconds that each of the agent's replies took.
    pub(crate) latencies: Vec<f64>,
    /// Where the sound of the ended call can be fetched.
    pub(crate) recording_url: Option<String>,
    /// Whether the agent said all that it had to say.
    pub(crate) successful: bool,
    pub(crate) analyzed: bool,
    /// Whether the call exists for the account: an inbound call does once its agent takes it.
    pub(crate) registered: bool,
}

impl Story {
    pub(crate) fn new(agent: Agent) -> Self {
        Self {
            agent,
            metadata: None,
            variables: None,
            sip_headers: None,
            storage: "everything".into(),
            transcript: Vec::new(),
            latencies: Vec::new(),
            recording_url: None,
            successful: false,
            analyzed: false,
            registered: true,
        }
    }
}

/// An order to end the call; the sender learns when it has been carried out.
pub(crate) type Stop = oneshot::Sender<()>;

#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) record: Arc<Record>,
    story: Mutex<Story>,
    stops: mpsc::UnboundedSender<Stop>,
}

impl Deref for Call {
    type Target = Record;

    fn deref(&self) -> &Record {
        &self.record
    }
}

impl Call {
    /// A call, and the end of the line on which it is told to stop.
    pub(crate) fn new(record: Arc<Record>, story: Story) -> (Arc<Self>, mpsc::UnboundedReceiver<Stop>) {
        let (stops, inbox) = mpsc::unbounded_channel();
        (Arc::new(Self { record, story: Mutex::new(story), stops }), inbox)
    }

    pub(crate) fn story<T>(&self, read: impl FnOnce(&Story) -> T) -> T {
        read(&locked(&self.story))
    }

    pub(crate) fn tell<T>(&self, write: impl FnOnce(&mut Story) -> T) -> T {
        write(&mut locked(&self.story))
    }

    pub(crate) fn agent(&self) -> Agent {
        self.story(|story| story.agent.clone())
    }

    /// Ends the call. False: it is not ongoing.
    pub(crate) async fn stop(&self) -> bool {
        let (done, carried_out) = oneshot::channel();
        self.stops.send(done).is_ok() && carried_out.await.is_ok()
    }

    /// An address with `{{call_id}}` and the call's variables filled in.
    pub(crate) fn fill(&self, url: &str) -> String {
        let mut filled = url.replace("{{call_id}}", &self.sid);
        self.story(|story| {
            for (name, value) in story.variables.iter().flatten() {
                if let Some(value) = value.as_str() {
                    filled = filled.replace(&format!("{{{{{name}}}}}"), value);
                }
            }
        });
        filled
    }
}
