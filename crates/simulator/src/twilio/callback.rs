//! Callbacks: what each says, and how it is signed.

use std::sync::Arc;

use jiff::Timestamp;

use super::{
    Face,
    call::{Call, Milestone},
    hook::Hook,
    sign::{signature, signed_url},
};
use crate::{
    post::{Courier, Forgery, Mailing},
    record::Record,
    truth::{Purpose, Sent, Status},
};

impl Face {
    /// Tells a step of the call's life to whoever subscribed to it.
    pub(crate) fn announce(self: &Arc<Self>, call: &Arc<Call>, step: Milestone) {
        let Some(hook) = call.status_hook() else { return };
        if !call.plan.events.contains(&step) {
            return;
        }
        let mut params = call.params(&self.world.config.account_sid);
        let mut add = |name: &str, value: String| params.push((name.to_owned(), value));
        add("Timestamp", rfc2822(Timestamp::now()));
        add("CallbackSource", "call-progress-events".into());
        add("SequenceNumber", call.mail.next_sequence().to_string());
        call.look(|record| {
            if record.status.is_terminal() {
                add("CallDuration", record.duration.unwrap_or(0).to_string());
                if let Some(code) = record.sip_code {
                    add("SipResponseCode", code.to_string());
                }
            }
            if record.status == Status::Completed {
                add("Duration", record.duration.unwrap_or(0).div_ceil(60).to_string());
            }
        });
        if step == Milestone::Completed && call.plan.record.is_some() {
            for (name, value) in self.recording_facts(call) {
                add(name, value);
            }
        }
        let on = call.status().name();
        self.tell(call, Purpose::Status, &hook, params, on);
    }

    /// Sends a callback in the background. `on` is the name of the occasion for faults.
    pub(crate) fn tell(
        self: &Arc<Self>,
        call: &Arc<Call>,
        purpose: Purpose,
        hook: &Hook,
        params: Vec<(String, String)>,
        on: &'static str,
    ) {
        let is_end = purpose == Purpose::Status && call.status().is_terminal();
        let sent = Sent { params: params.clone(), ..Sent::new(purpose, hook.method.as_str(), &hook.url) };
        let postman = Postman { face: Arc::clone(self), hook: hook.clone(), params };
        self.world.post(&call.record, Mailing { sent, on, is_end }, postman);
    }
}

/// Brings one callback.
struct Postman {
    face: Arc<Face>,
    hook: Hook,
    params: Vec<(String, String)>,
}

impl Courier for Postman {
    async fn send(&self, record: &Record, index: usize) {
        self.face.send(record, index, &self.hook, &self.params).await;
    }

    fn forge(&self) -> Forgery {
        let mut params = self.params.clone();
        for (name, value) in &mut params {
            if name == "CallStatus" {
                *value = Status::Completed.name().to_owned();
            }
        }
        let signature = signature("not-the-auth-token", &signed_url(&self.hook.url), &params);
        let request = self.face.world.http.post(&self.hook.url).header("X-Twilio-Signature", signature).form(&params);
        Forgery { request, params, json: None }
    }
}

/// `Tue, 31 Aug 2010 20:36:28 +0000`
pub(crate) fn rfc2822(at: Timestamp) -> String {
    at.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string()
}
