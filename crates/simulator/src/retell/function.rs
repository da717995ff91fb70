//! Custom functions: what the agent asks of somebody else's server in the middle of a call.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use rand::Rng;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::{
    Face,
    call::Call,
    http::Letter,
    object::{Detail, object},
    setup::Function,
    transcript::Entry,
};
use crate::{
    attempt::Answer,
    fault::Fault,
    post::Forgery,
    truth::{Invocation, Purpose, Sent},
};

/// The longest result that reaches the model.
const MOST_RESULT: usize = 15_000;

impl Face {
    /// Calls a function and returns when the agent has its result. The request goes on if the call ends meanwhile.
    pub(crate) async fn invoke(self: &Arc<Self>, call: &Arc<Call>, function: &Function) {
        let id = self.sids.make("tool_call_");
        let arguments = Value::Object(function.arguments.clone());
        let (name, text) = (function.name.clone(), arguments.to_string());
        call.tell(|story| story.transcript.push(Entry::Invoked { id: id.clone(), name, arguments: text }));
        let nth = call.note(|record| {
            record.functions.push(Invocation::begin(&id, &function.name, arguments.clone()));
            record.functions.len() - 1
        });
        let body = if function.args_at_root {
            arguments
        } else {
            json!({ "name": function.name, "call": object(call, Detail::Running, Timestamp::now()), "args": arguments })
        };
        let letter = Letter {
            url: call.fill(&function.url),
            json: body,
            headers: function
                .headers
                .iter()
                .map(|(name, value)| (name.clone(), call.fill(value)))
                .collect::<BTreeMap<_, _>>(),
            patience: function.timeout,
            retries: function.max_retry,
        };
        let (done, returned) = oneshot::channel();
        let (face, owner) = (Arc::clone(self), Arc::clone(call));
        self.world.run(async move {
            face.request(&owner, nth, letter).await;
            // Nobody waits when the call is over.
            let _ = done.send(());
        });
        // The sender is dropped unsent only when the network stops.
        let _ = returned.await;
        let outcome = call.look(|record| {
            let invocation = record.functions.get(nth)?;
            Some((invocation.result.clone()?, invocation.successful?))
        });
        if let Some((content, successful)) = outcome {
            call.tell(|story| story.transcript.push(Entry::Returned { id, content, successful }));
        }
    }

    /// Sends the request, once or with a fault, and writes the truth down.
    async fn request(&self, call: &Call, nth: usize, letter: Letter) {
        let sent = Sent { json: Some(letter.json.clone()), ..Sent::new(Purpose::Function, "POST", &letter.url) };
        let strikes = |fault| self.world.faults.strikes(fault, call.occasion("function"));
        if strikes(Fault::CallbackForged) {
            let request = self.signed(&letter, &letter.json, "not-the-api-key");
            let forgery = Forgery { request, params: Vec::new(), json: Some(letter.json.clone()) };
            self.world.impostor(&call.record, &letter.url, forgery).await;
        }
        let (late, twice) = (strikes(Fault::CallbackLate), strikes(Fault::CallbackDoubled));
        let index = call.file(sent);
        if late {
            call.mark(index, Fault::CallbackLate);
            let seconds = self.world.dice.about(&["late", &call.person_at, "function"]).random_range(1.0..5.0);
            self.world.suffer(seconds).await;
        }
        let mut answer = self.send(&call.record, index, &letter).await;
        if twice {
            call.mark(index, Fault::CallbackDoubled);
            answer = self.send(&call.record, index, &letter).await;
        }
        let (result, successful) = outcome(answer);
        call.note(|record| {
            let Some(invocation) = record.functions.get_mut(nth) else { return };
            invocation.sent = Some(index);
            invocation.returned_at = Some(Timestamp::now());
            invocation.result = Some(result);
            invocation.successful = Some(successful);
        });
    }
}

/// What the model gets to read.
fn outcome(answer: Option<Answer>) -> (String, bool) {
    match answer {
        Some(answer) if (200..300).contains(&answer.status) => (answer.body.chars().take(MOST_RESULT).collect(), true),
        Some(answer) => (format!("Error: the function answered {}", answer.status), false),
        None => ("Error: the function did not answer".into(), false),
    }
}
