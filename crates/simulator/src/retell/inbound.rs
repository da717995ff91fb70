//! A person rings: the inbound webhook decides, while the caller hears the tone.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use rand::Rng;
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;

use super::{
    Face,
    call::{Call, Stop, Story},
    ending::Ending,
    event::RETRIES,
    http::Letter,
    setup::Agent,
};
use crate::{
    fault::Fault,
    network::Caller,
    post::Forgery,
    truth::{Direction, Purpose, Sent},
};

/// The event's name, in its body and as an occasion for faults.
const NAME: &str = "call_inbound";

/// What becomes of the caller.
enum Verdict {
    Accepted,
    Rejected,
    /// Nobody said who answers.
    Unheard,
}

impl Face {
    /// A person calls one of our numbers; returns the call's id.
    pub(crate) fn ring(self: &Arc<Self>, caller: Caller) -> String {
        let Caller { from, person, number } = caller;
        let own = self.agent(number.connection.as_deref());
        let story = Story { registered: false, ..Story::new(own.clone().unwrap_or_else(|| Agent::new(""))) };
        let (call, stops) = self.admit(Direction::Inbound, from, number.number, None, person, story);
        let sid = call.sid.clone();
        let face = Arc::clone(self);
        let url = Some(number.voice_url).filter(|url| !url.is_empty());
        self.world.run(async move { face.answer(call, stops, own, url).await });
        sid
    }

    async fn answer(
        self: &Arc<Self>,
        call: Arc<Call>,
        mut stops: mpsc::UnboundedReceiver<Stop>,
        own: Option<Agent>,
        url: Option<String>,
    ) {
        let said = match &url {
            Some(url) => self.ask(&call, own.as_ref(), url).await,
            None => None,
        };
        let verdict = match said {
            Some(said) => self.obey(&call, &said, own.is_some()),
            None if own.is_some() => Verdict::Accepted,
            None => Verdict::Unheard,
        };
        match verdict {
            Verdict::Accepted => {
                call.tell(|story| story.registered = true);
                let ending = self.live(&call, &mut stops).await;
                self.close(&call, ending);
            }
            // Such calls leave no call object, and nobody is told of them.
            Verdict::Rejected => self.finish(&call, Ending::UserDeclined),
            Verdict::Unheard => self.finish(&call, Ending::DialFailed),
        }
    }

    /// The answer to the inbound webhook. `None`: there was none worth reading.
    async fn ask(&self, call: &Call, own: Option<&Agent>, url: &str) -> Option<Map<String, Value>> {
        let (from, to) = call.look(|record| (record.from.clone(), record.to.clone()));
        let mut inbound = json!({ "from_number": from, "to_number": to });
        if let Some(agent) = own {
            inbound["agent_id"] = agent.agent_id.as_str().into();
            inbound["agent_version"] = agent.version.into();
        }
        if self.world.config.retell.inbound_call_id {
            inbound["call_id"] = call.sid.as_str().into();
        }
        let json = json!({
            "event": NAME,
            "event_timestamp": Timestamp::now().as_millisecond(),
            "call_inbound": inbound,
        });
        let letter = Letter {
            url: url.to_owned(),
            json: json.clone(),
            headers: BTreeMap::new(),
            patience: own.map_or(self.world.config.answer_timeout, |agent| agent.webhook_timeout),
            retries: RETRIES,
        };
        let index = call.file(Sent { json: Some(json), ..Sent::new(Purpose::Instructions, "POST", url) });
        let strikes = |fault| {
            let struck = self.world.faults.strikes(fault, call.occasion(NAME));
            if struck {
                call.mark(index, fault);
            }
            struck
        };
        if strikes(Fault::CallbackForged) {
            let request = self.signed(&letter, &letter.json, "not-the-api-key");
            let forgery = Forgery { request, params: Vec::new(), json: Some(letter.json.clone()) };
            self.world.impostor(&call.record, url, forgery).await;
        }
        if strikes(Fault::CallbackLost) {
            return None;
        }
        if strikes(Fault::CallbackLate) {
            let seconds = self.world.dice.about(&["late", &call.person_at, NAME]).random_range(1.0..5.0);
            self.world.suffer(seconds).await;
        }
        let mut answer = self.send(&call.record, index, &letter).await;
        if strikes(Fault::CallbackDoubled) {
            answer = self.send(&call.record, index, &letter).await;
        }
        let answer = answer.filter(|answer| (200..300).contains(&answer.status))?;
        let mut answer: Value = serde_json::from_str(&answer.body).ok()?;
        match answer.get_mut("call_inbound").map(Value::take) {
            Some(Value::Object(said)) => Some(said),
            _ => None,
        }
    }

    /// What the answer makes of the call. Only a boolean `true` rejects.
    fn obey(&self, call: &Call, said: &Map<String, Value>, own: bool) -> Verdict {
        if said.get("reject") == Some(&Value::Bool(true)) {
            return Verdict::Rejected;
        }
        let wished = said.get("override_agent_id").and_then(Value::as_str);
        let named = wished.and_then(|id| self.agent(Some(id)));
        if let (Some(id), None) = (wished, &named) {
            call.warn(0, format!("inbound webhook names an unknown agent {id:?}"), "");
        }
        let known = named.is_some() || own;
        call.tell(|story| {
            if let Some(agent) = named {
                story.agent = agent;
            }
            if let Some(settings) = said.get("agent_override").and_then(|wishes| wishes.get("agent"))
                && let Some(agent) = story.agent.clone().overridden(settings)
            {
                story.agent = agent;
            }
            story.metadata = said.get("metadata").filter(|it| it.is_object()).cloned();
            story.variables = said.get("dynamic_variables").and_then(Value::as_object).cloned();
        });
        if known { Verdict::Accepted } else { Verdict::Unheard }
    }
}
