//! Telling the world: asynchronous callbacks, in order and once, unless a fault strikes.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use rand::Rng;
use tokio_util::sync::CancellationToken;

use super::{
    Face,
    call::{Call, Milestone},
    hook::Hook,
    sign::{signature, signed_url},
};
use crate::{
    fault::Fault,
    outage::Backlog,
    truth::{Purpose, Sent, Status},
};

/// How long a callback waits for its predecessor to be answered, on the wall clock. Twilio waits not at all; this much
/// keeps a healthy receiver's view in order without letting a slow one hold everything up.
const ORDER_PATIENCE: Duration = Duration::from_secs(1);

/// The longest that a reordered callback waits for a successor, in phone seconds.
const SWAP_SECONDS: f64 = 10.0;

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
        let index = call.file(Sent {
            purpose,
            method: hook.method.to_string(),
            url: hook.url.clone(),
            params: params.clone(),
            event_at: Timestamp::now(),
            attempts: Vec::new(),
            body: String::new(),
            faults: Vec::new(),
        });
        let (place, before, mine) = call.mail.post();
        let letter = Letter { hook: hook.clone(), params, index, place, before, mine };
        let fate = self.fate(call, index, on);
        let (face, owner) = (Arc::clone(self), Arc::clone(call));
        self.world.run(async move { face.deliver(&owner, letter, fate).await });
    }

    fn fate(&self, call: &Call, index: usize, on: &str) -> Fate {
        let strikes = |fault| {
            let struck = self.world.faults.strikes(fault, call.occasion(on));
            if struck {
                call.mark(index, fault);
            }
            struck
        };
        let forged = strikes(Fault::CallbackForged);
        let garbage = strikes(Fault::CallbackGarbage);
        let outage = self.world.outage.now().map(|outage| outage.callbacks);
        let way = if outage == Some(Backlog::Lost) {
            call.mark(index, Fault::Outage);
            Way::Lost
        } else if outage == Some(Backlog::Late) {
            call.mark(index, Fault::Outage);
            Way::AfterOutage
        } else if strikes(Fault::CallbackLost) {
            Way::Lost
        } else if strikes(Fault::CallbackLate) {
            let mut draw = self.world.dice.about(&["late", &call.plan.to, on]);
            Way::Late(draw.random_range(1.0..30.0))
        } else if strikes(Fault::CallbackReordered) {
            Way::Swapped
        } else if strikes(Fault::CallbackDoubled) {
            Way::Twice
        } else {
            Way::Straight
        };
        Fate { forged, garbage, way }
    }

    async fn deliver(&self, call: &Arc<Call>, letter: Letter, fate: Fate) {
        if fate.garbage {
            self.litter(call, &letter.hook).await;
        }
        if fate.forged {
            self.forge(call, &letter).await;
        }
        let send = || self.send(call, letter.index, &letter.hook, &letter.params);
        match fate.way {
            Way::Straight | Way::Twice => {
                if let Some(before) = &letter.before {
                    let _ = tokio::time::timeout(ORDER_PATIENCE, before.cancelled()).await;
                }
                send().await;
                if fate.way == Way::Twice {
                    send().await;
                }
            }
            Way::Lost => {
                letter.mine.cancel();
                return;
            }
            Way::Late(seconds) => {
                letter.mine.cancel();
                self.world.suffer(seconds).await;
                send().await;
            }
            Way::AfterOutage => {
                letter.mine.cancel();
                self.world.outage.over().await;
                send().await;
            }
            Way::Swapped => {
                letter.mine.cancel();
                let mut delivered = call.mail.delivered.subscribe();
                tokio::select! {
                    _ = delivered.wait_for(|upto| *upto > letter.place + 1) => {}
                    () = self.world.suffer(SWAP_SECONDS) => {}
                }
                send().await;
            }
        }
        letter.mine.cancel();
        call.mail.delivered.send_modify(|upto| *upto = (*upto).max(letter.place + 1));
    }

    /// Something that is no callback, at the callback's address.
    async fn litter(&self, call: &Call, hook: &Hook) {
        let body = "{\"CallSid\": [\u{0}, \"%%%\"";
        let request = self.world.http.post(&hook.url).header("Content-Type", "application/json").body(body);
        self.impostor(call, hook, Vec::new(), request).await;
    }

    /// The true parameters with a false claim, signed with a key that is not the account's.
    async fn forge(&self, call: &Call, letter: &Letter) {
        let mut params = letter.params.clone();
        for (name, value) in &mut params {
            if name == "CallStatus" {
                *value = Status::Completed.name().to_owned();
            }
        }
        let signature = signature("not-the-auth-token", &signed_url(&letter.hook.url), &params);
        let request = self.world.http.post(&letter.hook.url).header("X-Twilio-Signature", signature).form(&params);
        self.impostor(call, &letter.hook, params, request).await;
    }

    async fn impostor(
        &self,
        call: &Call,
        hook: &Hook,
        params: Vec<(String, String)>,
        request: reqwest::RequestBuilder,
    ) {
        let at = Timestamp::now();
        let outcome = request.timeout(self.world.config.answer_timeout).send().await;
        let (answer, error) = match outcome {
            Ok(response) => (Some(response.status().as_u16()), None),
            Err(error) => (None, Some(error.to_string())),
        };
        let took_ms = at.duration_until(Timestamp::now()).as_millis().max(0) as u64;
        call.file(Sent {
            purpose: Purpose::Forgery,
            method: "POST".into(),
            url: hook.url.clone(),
            params,
            event_at: at,
            attempts: vec![crate::truth::Attempt { at, took_ms, answer, error }],
            body: String::new(),
            faults: Vec::new(),
        });
    }
}

/// A callback on its way.
struct Letter {
    hook: Hook,
    params: Vec<(String, String)>,
    index: usize,
    place: u64,
    before: Option<CancellationToken>,
    mine: CancellationToken,
}

/// What becomes of it.
struct Fate {
    forged: bool,
    garbage: bool,
    way: Way,
}

#[derive(PartialEq)]
enum Way {
    Straight,
    Twice,
    Lost,
    Late(f64),
    AfterOutage,
    Swapped,
}

/// `Tue, 31 Aug 2010 20:36:28 +0000`
pub(crate) fn rfc2822(at: Timestamp) -> String {
    at.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string()
}
