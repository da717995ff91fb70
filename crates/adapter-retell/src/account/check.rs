//! What was read of a workspace, compared with what the server needs. Pure.

use std::time::Duration;

use call_core::port::{Finding, Numbers};
use serde_json::{Value, json};

use super::{Agent, Function, Number, Snapshot};
use crate::callback::Callback;

/// The events that a call cannot do without; others are welcome.
const EVENTS: [&str; 3] = ["call_started", "call_ended", "call_analyzed"];
/// A server that takes over from a dead one, or waits for its store, may take so long to answer.
const LEAST_PATIENCE: u64 = 5_000;
/// Retell's own defaults (retell.md §4, §6).
const EVENT_PATIENCE: u64 = 10_000;
const FUNCTION_PATIENCE: u64 = 120_000;

/// What the server needs.
pub(super) struct Ours<'a> {
    /// The agent that every call names; none: the number's own.
    pub(super) agent_id: Option<&'a str>,
    pub(super) public_url: &'a str,
    /// How long a function of ours may take.
    pub(super) patience: Duration,
    pub(super) numbers: &'a Numbers,
}

/// One finding for each setting that matters, the right ones too.
pub(super) fn findings(snapshot: &Snapshot, ours: &Ours<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for (id, agent) in &snapshot.agents {
        let place = format!("agent {id}");
        let exists = agent.is_some();
        found.push(
            Finding::judge(&place, "agent", exists.then_some("in the account"), "in the account", exists)
                .means("Retell refuses every call that should go through it: set retell.agent_id, or bind another"),
        );
        if let Some(agent) = agent {
            found.extend(events(&place, &format!("/update-agent/{id}"), agent, ours));
            found.extend(agent.functions.iter().flat_map(|function| tool(&place, function, ours)));
        }
    }
    found.extend(from(snapshot, ours));
    found.extend(snapshot.numbers.iter().flat_map(|number| line(number, ours)));
    found
}

fn events(place: &str, resource: &str, agent: &Agent, ours: &Ours<'_>) -> Vec<Finding> {
    let url = Callback::Events.url(ours.public_url);
    let sent: Vec<&str> = match &agent.webhook_events {
        Some(events) => events.iter().map(String::as_str).collect(),
        None => EVENTS.to_vec(),
    };
    let all = || sent.iter().copied().chain(EVENTS.into_iter().filter(|event| !sent.contains(event)));
    let patience = agent.webhook_timeout_ms.unwrap_or(EVENT_PATIENCE);
    vec![
        Finding::compare(place, "webhook URL", set(&agent.webhook_url), &url)
            .means("the server is not told how its calls go: each stays open until it asks (without a URL of the agent's own, Retell uses the account's, which its API does not show)")
            .remedy(resource, [("webhook_url", json!(url))]),
        Finding::judge(
            place,
            "webhook events",
            Some(&sent.join(", ")).filter(|sent| !sent.is_empty()).map(String::as_str),
            &format!("at least {}", EVENTS.join(", ")),
            EVENTS.iter().all(|event| sent.contains(event)),
        )
        .means("beginnings, ends or analyses of calls are not told: the server has to ask for them, late")
        .remedy(resource, [("webhook_events", json!(all().collect::<Vec<_>>()))]),
        Finding::judge(
            place,
            "webhook timeout",
            Some(&millis(patience)),
            &format!("{} and more", millis(LEAST_PATIENCE)),
            patience >= LEAST_PATIENCE,
        )
        .means("a server that restarts or waits for its store loses events, and gets others twice")
        .remedy(resource, [("webhook_timeout_ms", json!(EVENT_PATIENCE))]),
    ]
}

/// One function of an agent.
fn tool(place: &str, function: &Function, ours: &Ours<'_>) -> Vec<Finding> {
    let Function { name, engine, .. } = function;
    let place = format!("{place}, function {name}");
    let remedy = |field: &str, value: Value| {
        let fields = serde_json::Map::from_iter([(field.to_owned(), value)]);
        Some(call_core::port::Remedy {
            resource: engine.clone(),
            fields: serde_json::Map::from_iter([(name.clone(), Value::Object(fields))]),
        })
    };
    let unless_right = |finding: Finding, field: &str, value: Value| match finding.is_right() {
        true => finding,
        false => Finding { remedy: remedy(field, value), ..finding },
    };
    let bare = function.args_at_root.unwrap_or(false);
    let named = Callback::Function { name: name.clone() }.url(ours.public_url);
    let wanted = if bare { named.clone() } else { Callback::Functions.url(ours.public_url) };
    let url = set(&function.url);
    // A URL that names the function does for both kinds of body.
    let is_ours = url.is_some_and(|url| url == wanted || url == named);
    let patience = function.timeout_ms.unwrap_or(FUNCTION_PATIENCE);
    let needed = u64::try_from(ours.patience.as_millis()).unwrap_or(u64::MAX);
    // Empty is what the API shows of a function that keeps the default.
    let method = function.method.as_deref().filter(|method| !method.is_empty()).unwrap_or("POST");
    vec![
        unless_right(
            Finding::judge(&place, "URL", url, &wanted, is_ours)
                .means("the agent is answered by somebody else or not at all, and no trace of the invocation is kept"),
            "url",
            json!(wanted),
        ),
        unless_right(
            Finding::compare(&place, "method", Some(method), "POST")
                .means("the server refuses the invocation, and the agent tells the caller that it failed"),
            "method",
            json!("POST"),
        ),
        unless_right(
            Finding::judge(
                &place,
                "timeout",
                Some(&millis(patience)),
                &format!("{} and more", millis(needed)),
                patience >= needed,
            )
            .means("Retell gives up before the function may have answered: it runs, and the agent says that it failed"),
            "timeout_ms",
            json!(FUNCTION_PATIENCE.max(needed)),
        ),
    ]
}

/// Whether calls may come from the configured number.
fn from(snapshot: &Snapshot, ours: &Ours<'_>) -> Option<Finding> {
    let from = ours.numbers.from.as_deref()?;
    let owned = snapshot.numbers.iter().any(|number| number.phone_number == from);
    let finding =
        Finding::judge(&format!("number {from}"), "owner", owned.then_some("in the account"), "in the account", owned)
            .means(
                "calls come from this number, and Retell refuses each of them: buy or import it, or set retell.from",
            );
    Some(finding)
}

fn line(number: &Number, ours: &Ours<'_>) -> Vec<Finding> {
    let place = format!("number {}", number.phone_number);
    let resource = format!("/update-phone-number/{}", super::encoded(&number.phone_number));
    let url = Callback::Inbound.url(ours.public_url);
    let (inbound, outbound) = (number.inbound(), number.outbound());
    let shown = |agents: &[&str]| Some(agents.join(", ")).filter(|agents| !agents.is_empty());
    let answered = Finding::judge(&place, "inbound agent", shown(&inbound).as_deref(), "any", !inbound.is_empty())
        .means("whoever rings the number while the server cannot be reached is cut off, for no agent stands in");
    vec![
        Finding::compare(&place, "inbound webhook", set(&number.inbound_webhook_url), &url)
            .means(
                "calls to it begin without the server, which hears of them late, if at all, and by none of its rules",
            )
            .remedy(&resource, [("inbound_webhook_url", json!(url))]),
        match ours.agent_id {
            Some(id) => answered.remedy(&resource, [("inbound_agents", json!([{"agent_id": id, "weight": 1}]))]),
            None => answered,
        },
        Finding::judge(
            &place,
            "outbound agent",
            ours.agent_id.map(str::to_owned).or(shown(&outbound)).as_deref(),
            "any, or retell.agent_id",
            ours.agent_id.is_some() || !outbound.is_empty(),
        )
        .means("Retell refuses every call from it that names no agent: bind one to the number, or set retell.agent_id"),
    ]
}

fn set(value: &Option<String>) -> Option<&str> {
    value.as_deref().filter(|value| !value.is_empty())
}

fn millis(count: u64) -> String {
    if count.is_multiple_of(1000) { format!("{} s", count / 1000) } else { format!("{count} ms") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use call_core::port::FindingState::{self, Missing, Wrong};

    const US: &str = "https://calls.example.com";
    const NUMBER: &str = "+12025550100";

    fn agent() -> Value {
        json!({"agent_id": "agent_1", "webhook_url": Callback::Events.url(US), "webhook_timeout_ms": 10000})
    }

    fn function() -> Value {
        json!({"type": "custom", "name": "book", "url": Callback::Functions.url(US), "timeout_ms": 120000})
    }

    fn number() -> Value {
        json!({
            "phone_number": NUMBER,
            "inbound_webhook_url": Callback::Inbound.url(US),
            "inbound_agents": [{"agent_id": "agent_1", "agent_version": 1, "weight": 1}],
            "outbound_agent_id": "agent_1",
        })
    }

    fn troubles(agent: &Value, function: &Value, number: &Value) -> Vec<(String, FindingState)> {
        let mut read: Agent = serde_json::from_value(agent.clone()).unwrap();
        read.functions = vec![serde_json::from_value(function.clone()).unwrap()];
        let snapshot = Snapshot {
            agents: [("agent_1".to_owned(), Some(read))].into(),
            numbers: vec![serde_json::from_value(number.clone()).unwrap()],
        };
        let all = compare(&snapshot);
        assert!(all.iter().all(|finding| !finding.means.is_empty()));
        let all = all.into_iter().filter(|finding| !finding.is_right());
        all.map(|finding| (finding.setting, finding.state)).collect()
    }

    fn compare(snapshot: &Snapshot) -> Vec<Finding> {
        let numbers = Numbers { from: Some(NUMBER.to_owned()), ..Numbers::default() };
        let patience = Duration::from_secs(10);
        findings(snapshot, &Ours { agent_id: None, public_url: US, patience, numbers: &numbers })
    }

    #[test]
    fn a_right_workspace_has_only_right_findings() {
        assert_eq!(troubles(&agent(), &function(), &number()), []);
    }

    #[test]
    fn each_setting_is_compared_by_itself() {
        let changed = |mut value: Value, field: &str, to: Value| {
            value[field] = to;
            value
        };
        for (field, value, setting, state) in [
            ("webhook_url", json!(null), "webhook URL", Missing),
            ("webhook_url", json!("https://old.example.net/"), "webhook URL", Wrong),
            ("webhook_events", json!(["call_started", "call_analyzed"]), "webhook events", Wrong),
            ("webhook_events", json!([]), "webhook events", Missing),
            ("webhook_timeout_ms", json!(1000), "webhook timeout", Wrong),
        ] {
            let found = troubles(&changed(agent(), field, value), &function(), &number());
            assert_eq!(found, [(setting.to_owned(), state)]);
        }
        for (field, value, setting, state) in [
            ("url", json!("https://old.example.net/book"), "URL", Wrong),
            ("url", json!(""), "URL", Missing),
            // The arguments alone would not say whose they are.
            ("args_at_root", json!(true), "URL", Wrong),
            ("method", json!("GET"), "method", Wrong),
            ("timeout_ms", json!(5000), "timeout", Wrong),
        ] {
            let found = troubles(&agent(), &changed(function(), field, value), &number());
            assert_eq!(found, [(setting.to_owned(), state)]);
        }
        for (field, value, setting, state) in [
            ("inbound_webhook_url", json!(null), "inbound webhook", Missing),
            ("inbound_webhook_url", json!("https://old.example.net/"), "inbound webhook", Wrong),
            ("inbound_agents", json!([]), "inbound agent", Missing),
            ("outbound_agent_id", json!(null), "outbound agent", Missing),
        ] {
            let found = troubles(&agent(), &function(), &changed(number(), field, value));
            assert_eq!(found, [(setting.to_owned(), state)]);
        }
    }

    #[test]
    fn a_function_that_sends_its_arguments_only_names_itself_and_its_call() {
        let mut function = function();
        function["args_at_root"] = json!(true);
        function["url"] = json!(format!("{US}/hooks/retell/functions/book?call_id={{{{call_id}}}}"));
        assert_eq!(troubles(&agent(), &function, &number()), []);
    }

    #[test]
    fn events_beside_the_needed_ones_stay() {
        let mut agent = Agent { webhook_events: Some(vec!["transcript_updated".to_owned()]), ..Agent::default() };
        agent.webhook_url = Some(Callback::Events.url(US));
        let snapshot = Snapshot { agents: [("agent_1".to_owned(), Some(agent))].into(), ..Snapshot::default() };
        let all = compare(&snapshot);
        let events = all.iter().find(|finding| finding.setting == "webhook events").unwrap();
        let wanted = json!(["transcript_updated", "call_started", "call_ended", "call_analyzed"]);
        assert_eq!(events.remedy.as_ref().unwrap().fields["webhook_events"], wanted);
        assert_eq!(all.iter().find(|finding| finding.setting == "owner").unwrap().state, Missing);
    }
}
