//! How the workspace is set up: agents, their functions, numbers, as the API reads and changes them.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Agent, Face, Function};
use crate::{config::Number, lock::locked, provider::Provider};

/// One thing that somebody set up wrong in a Retell workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RetellMistake {
    /// The agents were deleted.
    Deleted,
    /// The agents' events go to the old backend, and nothing of them to the account's address.
    WebhookElsewhere,
    /// The agents have no address of their own.
    WebhookUnset,
    /// Nobody is told of a call's end.
    NoCallEnded,
    /// Nobody is told of a call's analysis.
    NoCallAnalyzed,
    /// Retell waits one second for an answer to an event.
    Impatient,
    /// The functions are the old backend's.
    FunctionElsewhere,
    /// The functions are given one second.
    FunctionImpatient,
    /// The functions send their arguments only, to an address that says neither their name nor the call's.
    FunctionNameless,
    /// The functions are invoked by GET.
    FunctionMethod,
    /// The numbers were given back.
    Released,
    /// The numbers' inbound webhook is the old backend's.
    InboundElsewhere,
    /// The numbers have no inbound webhook.
    InboundUnset,
    /// No agent takes the numbers' calls.
    NoInboundAgent,
    /// No agent makes the numbers' calls.
    NoOutboundAgent,
}

impl RetellMistake {
    /// Every one, in the order of the declaration.
    pub const ALL: [Self; 15] = [
        Self::Deleted,
        Self::WebhookElsewhere,
        Self::WebhookUnset,
        Self::NoCallEnded,
        Self::NoCallAnalyzed,
        Self::Impatient,
        Self::FunctionElsewhere,
        Self::FunctionImpatient,
        Self::FunctionNameless,
        Self::FunctionMethod,
        Self::Released,
        Self::InboundElsewhere,
        Self::InboundUnset,
        Self::NoInboundAgent,
        Self::NoOutboundAgent,
    ];
}

/// A backend that is no longer there.
const ELSEWHERE: &str = "https://old-backend.example.net/retell";
const A_SECOND: Duration = Duration::from_secs(1);

/// What has no effect on the network's calls.
#[derive(Debug, Default)]
pub(super) struct Account(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// What is otherwise with a number, by the number.
    more: BTreeMap<String, Map<String, Value>>,
    /// Functions' methods, if one was said.
    method: Option<String>,
    deleted: bool,
    released: bool,
}

impl Face {
    /// Reads a resource of the workspace; with a change, changes it first. `None`: there is no such thing.
    pub(super) fn account(&self, kind: &str, id: &str, change: Option<&Value>) -> Option<Value> {
        match kind {
            "agent" => {
                let mut agent = self.own_agent(id)?;
                if let Some(change) = change {
                    set_agent(&mut agent, change);
                    self.set_agent(agent.clone());
                }
                Some(agent_shape(&agent))
            }
            "retell-llm" => {
                let mut agent = self.own_agent(&id.replacen("llm_", "agent_", 1))?;
                if let Some(tools) = change.and_then(|change| change["general_tools"].as_array()) {
                    tools.iter().for_each(|tool| self.set_function(&mut agent, tool));
                    self.set_agent(agent.clone());
                }
                let method = locked(&self.account.0).method.clone();
                let tools: Vec<Value> =
                    agent.functions.iter().map(|function| tool(function, method.as_ref())).collect();
                Some(json!({ "llm_id": id, "version": agent.version, "general_tools": tools }))
            }
            "phone-number" => {
                let digits = id.trim_start_matches("%2B").trim_start_matches('+');
                let named = |number: &Number| number.number.trim_start_matches('+') == digits;
                let mut number = self.own_numbers().into_iter().find(named)?;
                if let Some(change) = change {
                    self.set_number(&mut number, change);
                }
                Some(self.number_shape(&number))
            }
            _ => None,
        }
    }

    fn own_agent(&self, id: &str) -> Option<Agent> {
        if locked(&self.account.0).deleted { None } else { self.agent(Some(id)) }
    }

    fn own_numbers(&self) -> Vec<Number> {
        let mut numbers = self.world.ledger.numbers();
        let released = locked(&self.account.0).released;
        numbers.retain(|number| number.provider == Provider::Retell && !released);
        numbers
    }

    fn set_function(&self, agent: &mut Agent, tool: &Value) {
        let Some(function) = agent.functions.iter_mut().find(|function| tool["name"] == function.name.as_str()) else {
            return;
        };
        if let Some(url) = tool["url"].as_str() {
            url.clone_into(&mut function.url);
        }
        if let Some(timeout) = tool["timeout_ms"].as_u64() {
            function.timeout = Duration::from_millis(timeout);
        }
        if let Some(method) = tool["method"].as_str() {
            locked(&self.account.0).method = Some(method.to_owned());
        }
    }

    fn set_number(&self, number: &mut Number, change: &Value) {
        if let Some(url) = change["inbound_webhook_url"].as_str() {
            url.clone_into(&mut number.voice_url);
        }
        if let Some(agents) = change.get("inbound_agents") {
            if let Some(agent) = agents[0]["agent_id"].as_str() {
                number.connection = Some(agent.to_owned());
            }
            self.note(number, "inbound_agents", agents.clone());
        }
        self.world.ledger.set_number(number.clone());
    }

    fn number_shape(&self, number: &Number) -> Value {
        let agent = self.agent(number.connection.as_deref()).map(|agent| agent.agent_id);
        let bound: Vec<Value> =
            agent.iter().map(|id| json!({ "agent_id": id, "agent_version": 0, "weight": 1 })).collect();
        let mut shape = json!({
            "phone_number": number.number,
            "phone_number_type": "retell-telnyx",
            "inbound_agents": bound,
            "outbound_agents": bound,
            "inbound_webhook_url": Some(&number.voice_url).filter(|url| !url.is_empty()),
        });
        if let (Some(fields), Some(more)) = (shape.as_object_mut(), locked(&self.account.0).more.get(&number.number)) {
            fields.extend(more.clone());
        }
        shape
    }

    fn note(&self, number: &Number, field: &str, value: Value) {
        locked(&self.account.0).more.entry(number.number.clone()).or_default().insert(field.to_owned(), value);
    }

    /// Sets the workspace up wrong, in one way.
    pub(crate) fn misconfigure(self: &Arc<Self>, mistake: RetellMistake) {
        let agents = |change: fn(&mut Agent)| locked(&self.agents).iter_mut().for_each(change);
        let functions = |change: fn(&mut Function)| {
            locked(&self.agents).iter_mut().flat_map(|agent| &mut agent.functions).for_each(change);
        };
        let numbers = |change: fn(&mut Number)| {
            for mut number in self.own_numbers() {
                change(&mut number);
                self.world.ledger.set_number(number);
            }
        };
        let unbind = |list: &str| self.own_numbers().iter().for_each(|number| self.note(number, list, json!([])));
        match mistake {
            RetellMistake::Deleted => locked(&self.account.0).deleted = true,
            RetellMistake::WebhookElsewhere => agents(|agent| agent.webhook_url = Some(ELSEWHERE.to_owned())),
            RetellMistake::WebhookUnset => agents(|agent| agent.webhook_url = None),
            RetellMistake::NoCallEnded => agents(|agent| agent.webhook_events.retain(|event| event != "call_ended")),
            RetellMistake::NoCallAnalyzed => {
                agents(|agent| agent.webhook_events.retain(|event| event != "call_analyzed"));
            }
            RetellMistake::Impatient => agents(|agent| agent.webhook_timeout = A_SECOND),
            RetellMistake::FunctionElsewhere => functions(|function| ELSEWHERE.clone_into(&mut function.url)),
            RetellMistake::FunctionImpatient => functions(|function| function.timeout = A_SECOND),
            RetellMistake::FunctionNameless => functions(|function| function.args_at_root = true),
            RetellMistake::FunctionMethod => locked(&self.account.0).method = Some("GET".to_owned()),
            RetellMistake::Released => locked(&self.account.0).released = true,
            RetellMistake::InboundElsewhere => numbers(|number| ELSEWHERE.clone_into(&mut number.voice_url)),
            RetellMistake::InboundUnset => numbers(|number| number.voice_url.clear()),
            RetellMistake::NoInboundAgent => unbind("inbound_agents"),
            RetellMistake::NoOutboundAgent => unbind("outbound_agents"),
        }
    }
}

fn set_agent(agent: &mut Agent, change: &Value) {
    if let Some(url) = change.get("webhook_url") {
        agent.webhook_url = url.as_str().map(str::to_owned);
    }
    if let Some(events) = change["webhook_events"].as_array() {
        agent.webhook_events = events.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    }
    if let Some(timeout) = change["webhook_timeout_ms"].as_u64() {
        agent.webhook_timeout = Duration::from_millis(timeout);
    }
}

/// Every agent has a Retell LLM of its own, of the same name.
fn agent_shape(agent: &Agent) -> Value {
    json!({
        "agent_id": agent.agent_id,
        "agent_name": agent.agent_name,
        "version": agent.version,
        "response_engine": { "type": "retell-llm", "llm_id": agent.agent_id.replacen("agent_", "llm_", 1) },
        "webhook_url": agent.webhook_url,
        "webhook_events": agent.webhook_events,
        "webhook_timeout_ms": agent.webhook_timeout.as_millis() as u64,
    })
}

fn tool(function: &Function, method: Option<&String>) -> Value {
    json!({
        "type": "custom",
        "name": function.name,
        "url": function.url,
        "method": method.map_or("POST", String::as_str),
        "timeout_ms": function.timeout.as_millis() as u64,
        "args_at_root": function.args_at_root,
    })
}
