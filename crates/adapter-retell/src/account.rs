//! How a Retell workspace is set up: agents, what they may invoke, numbers. Read and mended by `doctor`.
//!
//! Examined is the latest version of an agent, which is also what a change changes. Numbers that are bound to an earlier,
//! published version get the change when the agent is published again; that is for people to decide.

mod check;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use async_trait::async_trait;
use call_core::ProviderName;
use call_core::port::{Account, AccountError, Finding, Numbers, Remedy};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::act::{Method, Request};
use crate::client::Retell;
use crate::config::ConfigError;
use crate::error::RetellError;
use crate::{NAME, RetellConfig};

/// One Retell workspace, as an [`Account`].
#[derive(Debug, Clone)]
pub struct RetellAccount {
    client: Retell,
    agent_id: Option<String>,
    public_url: String,
    patience: Duration,
}

/// What was read of a workspace.
#[derive(Debug, Default)]
struct Snapshot {
    /// Agents that calls go through, by id. None: there is no such agent.
    agents: BTreeMap<String, Option<Agent>>,
    /// The numbers that the configuration names, as far as they are in the workspace.
    numbers: Vec<Number>,
}

/// An agent, as far as its calls reach us.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Agent {
    webhook_url: Option<String>,
    /// None: the three that Retell sends by default.
    webhook_events: Option<Vec<String>>,
    webhook_timeout_ms: Option<u64>,
    response_engine: Engine,
    #[serde(skip)]
    functions: Vec<Function>,
}

/// What makes an agent's words, and has its functions.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Engine {
    #[serde(rename = "type")]
    kind: String,
    llm_id: Option<String>,
    conversation_flow_id: Option<String>,
}

/// A custom function (retell.md §6).
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Function {
    name: String,
    url: Option<String>,
    method: Option<String>,
    timeout_ms: Option<u64>,
    args_at_root: Option<bool>,
    /// The engine that has it.
    #[serde(skip)]
    engine: String,
}

/// A number. Weighted lists of agents, or one agent in older answers.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Number {
    phone_number: String,
    inbound_webhook_url: Option<String>,
    inbound_agents: Option<Vec<Bound>>,
    outbound_agents: Option<Vec<Bound>>,
    inbound_agent_id: Option<String>,
    outbound_agent_id: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Bound {
    agent_id: String,
}

impl Number {
    fn inbound(&self) -> Vec<&str> {
        bound(&self.inbound_agents, &self.inbound_agent_id)
    }

    fn outbound(&self) -> Vec<&str> {
        bound(&self.outbound_agents, &self.outbound_agent_id)
    }
}

fn bound<'n>(list: &'n Option<Vec<Bound>>, one: &'n Option<String>) -> Vec<&'n str> {
    let list = list.iter().flatten().map(|bound| bound.agent_id.as_str());
    let all: BTreeSet<&str> = list.chain(one.as_deref()).filter(|id| !id.is_empty()).collect();
    all.into_iter().collect()
}

impl RetellAccount {
    /// The workspace of a configuration, whose functions may take as long as `patience` to answer.
    ///
    /// # Errors
    /// Names the configuration key that cannot work.
    pub fn new(config: &RetellConfig, patience: Duration) -> Result<Self, ConfigError> {
        let (agent_id, public_url) = (config.agent_id.clone(), config.public_url.clone());
        Ok(Self { client: Retell::new(config)?, agent_id, public_url, patience })
    }

    async fn read(&self, named: &Numbers) -> Result<Snapshot, RetellError> {
        let mut snapshot = Snapshot::default();
        let all: BTreeSet<&String> = named.from.iter().chain(&named.inbound).collect();
        for number in all {
            let path = format!("/get-phone-number/{}", encoded(number));
            snapshot.numbers.extend(self.find::<Number>(&path).await?);
        }
        let bound = snapshot.numbers.iter().flat_map(|number| [number.inbound(), number.outbound()].concat());
        let ids: BTreeSet<String> = self.agent_id.as_deref().into_iter().chain(bound).map(str::to_owned).collect();
        for id in ids {
            let mut agent: Option<Agent> = self.find(&format!("/get-agent/{}", encoded(&id))).await?;
            if let Some(agent) = &mut agent {
                agent.functions = self.functions(&agent.response_engine).await?;
            }
            snapshot.agents.insert(id, agent);
        }
        Ok(snapshot)
    }

    /// The custom functions of an engine. A custom LLM has none that Retell knows.
    async fn functions(&self, engine: &Engine) -> Result<Vec<Function>, RetellError> {
        let (get, update, id) = match (engine.kind.as_str(), &engine.llm_id, &engine.conversation_flow_id) {
            ("retell-llm", Some(id), _) => ("/get-retell-llm/", "/update-retell-llm/", id),
            ("conversation-flow", _, Some(id)) => ("/get-conversation-flow/", "/update-conversation-flow/", id),
            _ => return Ok(Vec::new()),
        };
        let body: Option<Value> = self.find(&format!("{get}{}", encoded(id))).await?;
        let tools = body.as_ref().map(tools).unwrap_or_default();
        let custom = tools.into_iter().filter(|tool| tool["type"] == "custom");
        let read = custom.filter_map(|tool| Function::deserialize(tool).ok());
        Ok(read.map(|function| Function { engine: format!("{update}{}", encoded(id)), ..function }).collect())
    }

    /// Reads a resource; `None` if there is none, which Retell says with 422.
    async fn find<T: DeserializeOwned>(&self, path: &str) -> Result<Option<T>, RetellError> {
        match self.client.read(&get(path)).await {
            Ok(body) => serde_json::from_value(body).map(Some).map_err(RetellError::Unreadable),
            Err(RetellError::Api(error)) if matches!(error.status, 404 | 422) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A change to one function, as the change to the whole list that Retell wants.
    async fn lists(&self, remedy: &Remedy) -> Result<Map<String, Value>, AccountError> {
        let read = remedy.resource.replacen("/update-", "/get-", 1);
        let body = self.client.read(&get(&read)).await.map_err(AccountError::from)?;
        Ok(with(&body, &remedy.fields))
    }
}

#[async_trait]
impl Account for RetellAccount {
    fn name(&self) -> ProviderName {
        NAME
    }

    async fn examine(&self, numbers: &Numbers) -> Result<Vec<Finding>, AccountError> {
        let snapshot = self.read(numbers).await.map_err(AccountError::from)?;
        let ours = check::Ours {
            agent_id: self.agent_id.as_deref(),
            public_url: &self.public_url,
            patience: self.patience,
            numbers,
        };
        Ok(check::findings(&snapshot, &ours))
    }

    async fn mend(&self, remedy: &Remedy) -> Result<(), AccountError> {
        let of_function = may(remedy).map_err(AccountError::Refused)?;
        let fields = if of_function { self.lists(remedy).await? } else { remedy.fields.clone() };
        let change =
            Request { method: Method::Patch, path: remedy.resource.clone(), body: Some(Value::Object(fields)) };
        self.client.read(&change).await.map(|_| ()).map_err(AccountError::from)
    }
}

/// Everything that a remedy may set, by the kind of resource: nothing else of a workspace is ever changed. Of an engine,
/// the keys are names of functions, and the values what to set of each.
const KINDS: [(&str, Option<&[&str]>); 4] = [
    ("/update-agent/", Some(&["webhook_url", "webhook_events", "webhook_timeout_ms"])),
    ("/update-phone-number/", Some(&["inbound_webhook_url", "inbound_agents"])),
    ("/update-retell-llm/", None),
    ("/update-conversation-flow/", None),
];

/// Whether the remedy is for functions; or why it is not carried out.
fn may(remedy: &Remedy) -> Result<bool, String> {
    let is = |(before, _): &&(&str, Option<&[&str]>)| {
        remedy.resource.strip_prefix(before).is_some_and(|id| !id.is_empty() && !id.contains(['/', '?', '.']))
    };
    let Some((_, may)) = KINDS.iter().find(is) else {
        return Err(format!("{} is nothing that may be changed", remedy.resource));
    };
    let Some(may) = may else { return Ok(true) };
    match remedy.fields.keys().find(|name| !may.contains(&name.as_str())) {
        Some(name) => Err(format!("{name} is nothing that may be set")),
        None => Ok(false),
    }
}

/// Every tool of an engine: of a Retell LLM in general and in each state, of a conversation flow in one list.
fn tools(engine: &Value) -> Vec<&Value> {
    let lists = [&engine["general_tools"], &engine["tools"]];
    let states = engine["states"].as_array().into_iter().flatten().map(|state| &state["tools"]);
    lists.into_iter().chain(states).filter_map(Value::as_array).flatten().collect()
}

/// The lists of an engine, with some of its functions changed.
fn with(engine: &Value, changes: &Map<String, Value>) -> Map<String, Value> {
    let change = |tools: &mut Value| {
        for tool in tools.as_array_mut().into_iter().flatten() {
            let change = tool["name"].as_str().and_then(|name| changes.get(name)).and_then(Value::as_object).cloned();
            if let (Some(change), Some(tool)) = (change, tool.as_object_mut()) {
                tool.extend(change);
            }
        }
    };
    let mut lists = Map::new();
    for name in ["general_tools", "tools", "states"] {
        let Some(mut list) = engine.get(name).filter(|list| list.is_array()).cloned() else { continue };
        change(&mut list);
        if name == "states" {
            list.as_array_mut().into_iter().flatten().for_each(|state| change(&mut state["tools"]));
        }
        lists.insert(name.to_owned(), list);
    }
    lists
}

fn get(path: &str) -> Request {
    Request { method: Method::Get, path: path.to_owned(), body: None }
}

/// Retell's names are made of letters, digits and underscores; a number begins with a plus.
const ESCAPED: AsciiSet = NON_ALPHANUMERIC.remove(b'_').remove(b'-');

fn encoded(id: &str) -> String {
    utf8_percent_encode(id, &ESCAPED).to_string()
}

impl From<RetellError> for AccountError {
    fn from(error: RetellError) -> Self {
        let why = error.explain();
        match &error {
            RetellError::Api(api) => match api.status {
                401 => Self::Unauthorized(why),
                403 => Self::Forbidden(why),
                400..=499 if api.status != 429 => Self::Refused(why),
                _ => Self::Unreachable(why),
            },
            RetellError::NotALeg(_) => Self::Refused(why),
            RetellError::Unsent(_) | RetellError::Lost(_) | RetellError::Unreadable(_) | RetellError::TimedOut(_) => {
                Self::Unreachable(why)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_remedy_changes_nothing_but_what_it_may() {
        let remedy = |resource: &str, field: &str| {
            let fields = Map::from_iter([(field.to_owned(), json!("x"))]);
            may(&Remedy { resource: resource.to_owned(), fields })
        };
        assert_eq!(remedy("/update-agent/agent_1", "webhook_url"), Ok(false));
        assert_eq!(remedy("/update-retell-llm/llm_1", "book"), Ok(true));
        for (resource, field) in [
            ("/update-agent/agent_1", "voice_id"),
            ("/update-agent/../delete-agent/agent_1", "webhook_url"),
            ("/update-agent/", "webhook_url"),
            ("/v2/stop-call/call_1", "webhook_url"),
        ] {
            assert!(remedy(resource, field).is_err(), "{resource} {field}");
        }
    }

    #[test]
    fn a_function_is_changed_wherever_it_is_and_the_others_stay() {
        let engine = json!({
            "general_prompt": "Be kind.",
            "general_tools": [{"type": "end_call", "name": "end"}, {"type": "custom", "name": "book", "url": "a"}],
            "states": [{"name": "first", "tools": [{"type": "custom", "name": "book", "url": "b", "timeout_ms": 1}]}],
        });
        assert_eq!(tools(&engine).len(), 3);
        let lists = with(&engine, &Map::from_iter([("book".to_owned(), json!({"url": "c"}))]));
        assert_eq!(
            Value::Object(lists),
            json!({
                "general_tools": [{"type": "end_call", "name": "end"}, {"type": "custom", "name": "book", "url": "c"}],
                "states": [{"name": "first", "tools": [{"type": "custom", "name": "book", "url": "c", "timeout_ms": 1}]}],
            })
        );
    }
}
