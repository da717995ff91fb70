//! Retell's messages, as signals and questions (retell.md §4, §6).

use std::time::Duration;

use call_core::port::{Hook, HookError, HookRequest, Question, Received, Reply, ToolOutcome, ToolRequest};
use call_core::{Address, Call, Leg, ProviderName, Signal};
use serde_json::{Value, json};

use crate::act::{agent, variables};
use crate::callback::Callback;
use crate::config::ConfigError;
use crate::extra::extra;
use crate::message::{Event, inbound, malformed};
use crate::rings::Rings;
use crate::sign::{Key, verify};
use crate::told::Teller;
use crate::{NAME, RetellConfig, function};

/// The largest body that is looked at: the end of a long call brings every word with its time, twice.
const MOST_BODY: usize = 8 * 1024 * 1024;

/// Reads Retell's webhooks and functions, as a [`Hook`]. Pure: no request is made, no clock is read.
#[derive(Debug, Clone)]
pub struct RetellHook {
    keys: Vec<Key>,
    agent_id: Option<String>,
    window: Duration,
}

impl RetellHook {
    /// The webhooks of one workspace.
    ///
    /// # Errors
    /// Names the configuration key that cannot work.
    pub fn new(config: &RetellConfig) -> Result<Self, ConfigError> {
        config.check()?;
        Ok(Self { keys: config.keys(), agent_id: config.agent_id.clone(), window: config.replay_window })
    }

    /// The message, once its signature has been found genuine and fresh.
    fn verified(&self, request: &HookRequest<'_>) -> Result<Value, HookError> {
        // The signature of a request without a body would fit every path and query.
        if request.method != "POST" {
            return Err(malformed("not a POST: set the function's method to POST"));
        }
        if request.body.len() > MOST_BODY {
            return Err(malformed("it is too large to be Retell's"));
        }
        let header = (request.header)("x-retell-signature").ok_or(HookError::Unsigned)?;
        if !verify(&self.keys, header, request.body, request.now, self.window) {
            return Err(HookError::Unsigned);
        }
        serde_json::from_slice(request.body).map_err(|e| HookError::Malformed(format!("it is not JSON: {e}")))
    }

    /// What happens to a call that rings: our agent takes it, with our context and our name on it.
    fn take(&self, call: Option<&Call>) -> Value {
        let mut answer = json!({});
        let configured = self.agent_id.as_ref();
        if let Some(agent) = call.map_or(configured, |call| agent(call.plan(), configured)) {
            answer["override_agent_id"] = json!(agent);
        }
        if let Some(call) = call {
            answer["metadata"] = json!({"call_id": call.id().to_string()});
            answer["dynamic_variables"] = variables(call);
            // Given up while it rang.
            if call.has_ended() {
                answer["reject"] = json!(true);
            }
        }
        json!({"call_inbound": answer})
    }
}

impl Hook for RetellHook {
    fn name(&self) -> ProviderName {
        NAME
    }

    fn receive(&self, request: &HookRequest<'_>) -> Result<Received, HookError> {
        let body = self.verified(request)?;
        match Callback::parse(request.path).ok_or(HookError::UnknownPath)? {
            Callback::Events => events(&body),
            Callback::Inbound => rings(&body),
            Callback::Functions => functions(&body),
            Callback::Function { name } => arguments(&name, request.url, &body),
        }
    }

    fn reply(&self, question: &Question, call: Option<&Call>) -> Reply {
        match (question, call) {
            (Question::Tool(_), None) => function::failed(503, "this call is not known here yet: try again"),
            (Question::Tool(_), Some(_)) => function::failed(500, "no functions are configured here"),
            (Question::WhatNow | Question::WhatNext { .. } | _, _) => {
                Reply { status: 200, content_type: function::JSON, body: self.take(call).to_string() }
            }
        }
    }

    fn acknowledge(&self) -> Reply {
        Reply { status: 204, content_type: "text/plain", body: String::new() }
    }

    fn returned(&self, _: &ToolRequest, outcome: &ToolOutcome) -> Reply {
        function::returned(outcome)
    }
}

fn events(body: &Value) -> Result<Received, HookError> {
    let event = Event::read(body)?;
    let (call, leg) = (event.call.ours(), event.call.leg());
    let begins = call.is_none();
    Ok(Received {
        address: Address { call, leg, begins },
        signals: event.signals(),
        question: None,
        inbound: begins.then(|| inbound(&event.call)),
    })
}

fn rings(body: &Value) -> Result<Received, HookError> {
    let rings = Rings::read(body)?;
    let begins = rings.id.is_some();
    Ok(Received {
        address: Address { call: None, leg: rings.leg(), begins },
        signals: rings.signals(),
        question: Some(Question::WhatNow),
        inbound: begins.then_some(rings.inbound),
    })
}

/// A function call may be the first that is heard of a call (post-mortem 4.1). It proves that somebody has answered.
fn functions(body: &Value) -> Result<Received, HookError> {
    let (request, call) = function::read(body)?;
    let (ours, leg) = (call.ours(), call.leg());
    let begins = ours.is_none();
    let answered = Teller::new(call, format!("function {}", request.id)).started();
    Ok(Received {
        address: Address { call: ours, leg, begins },
        signals: vec![Signal { extra: extra([call.fields]), ..answered }],
        question: Some(Question::Tool(request)),
        inbound: begins.then(|| inbound(&call)),
    })
}

/// Without its `metadata`, it cannot be known whether a call is one that we dialled and whose leg we do not know yet. So
/// it waits for another message, and makes no record of its own.
fn arguments(name: &str, url: &str, body: &Value) -> Result<Received, HookError> {
    let (request, call) = function::read_arguments(name, url, body)?;
    Ok(Received {
        address: Address { call: None, leg: Leg::new(NAME, call), begins: false },
        signals: Vec::new(),
        question: Some(Question::Tool(request)),
        inbound: None,
    })
}
