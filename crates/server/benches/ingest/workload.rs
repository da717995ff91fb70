//! Calls that ring, and what Twilio says about each of them until its end.

use std::sync::Arc;

use adapter_twilio::sign::{Pair, Signed, sign};
use adapter_twilio::{Callback, NAME};
use call_core::port::{Commit, Hook, HookRequest, Received};
use call_core::{Call, CallId, DialAnswer, Fact, Leg, Plan, Policy, Signal, Timestamp};
use secrecy::SecretString;
use url::form_urlencoded;

use crate::production::{ACCOUNT, AUTH_TOKEN, PUBLIC_URL, now};

/// Some calls and their messages.
pub(crate) struct Workload {
    births: Vec<Commit>,
    /// All calls' first messages, then all calls' second ones ...: as calls overlap in life.
    messages: Vec<Message>,
}

/// One webhook, in parts.
struct Message {
    path: String,
    signature: String,
    body: String,
}

/// How many messages each call has.
pub(crate) const EACH: usize = 3;

const KIND: &str = "application/x-www-form-urlencoded; charset=UTF-8";

impl Workload {
    pub(crate) fn new(calls: usize) -> Self {
        let now = now();
        let births: Vec<Commit> = (0..calls).map(|n| birth(n, now)).collect();
        let token = SecretString::from(AUTH_TOKEN);
        let messages = ["ringing", "in-progress", "completed"]
            .into_iter()
            .zip(1..)
            .flat_map(|(status, order)| births.iter().map(move |birth| (birth, status, order)))
            .map(|(birth, status, order)| Message::new(&birth.call, status, order, &token))
            .collect();
        Self { births, messages }
    }

    pub(crate) fn births(&self) -> &[Commit] {
        &self.births
    }

    pub(crate) fn ids(&self) -> impl Iterator<Item = CallId> {
        self.births.iter().map(|birth| birth.call.id())
    }

    /// The messages as bytes on a socket.
    pub(crate) fn requests(&self) -> Vec<Box<[u8]>> {
        self.messages.iter().map(Message::request).collect()
    }

    /// The messages as the hook reads them.
    pub(crate) fn received(&self, hook: &dyn Hook) -> Vec<Received> {
        self.messages.iter().map(|message| message.read(hook)).collect()
    }

    /// The commits that the messages lead to.
    pub(crate) fn steps(&self, hook: &dyn Hook) -> Vec<Commit> {
        let mut calls: Vec<Call> = self.births.iter().map(|birth| birth.call.clone()).collect();
        let count = calls.len();
        let step = |(n, received): (usize, Received)| {
            let mut commit = Commit::on(calls[n % count].clone());
            for signal in received.signals {
                assert_eq!(commit.handle(signal.into(), now()), None, "every message moves its call");
            }
            calls[n % count] = commit.call.clone();
            commit
        };
        self.received(hook).into_iter().enumerate().map(step).collect()
    }
}

/// A call that the provider has accepted. Its dial is not in the outbox: that is done.
fn birth(n: usize, now: Timestamp) -> Commit {
    let plan = Plan::new(NAME, "+15550100000", format!("+1555{n:07}")).about(format!("lead-{}", uuid()));
    let id = CallId::new(now, random());
    let mut commit = Commit::birth(Call::dial(id, plan, Policy::default(), now));
    let leg = Leg::new(NAME, format!("CA{}", uuid()));
    commit.handle(Signal::new(Fact::Dialed(DialAnswer::Accepted)).on(leg).into(), now);
    commit.effects = Arc::default();
    commit
}

fn random() -> [u8; 10] {
    rand::random()
}

/// 32 hexadecimal digits.
fn uuid() -> String {
    format!("{:032x}", rand::random::<u128>())
}

impl Message {
    /// A status callback with everything that Twilio puts into it.
    fn new(call: &Call, status: &str, order: u64, token: &SecretString) -> Self {
        let sid = call.legs().first().unwrap().leg.id.as_str();
        let (from, to) = (call.plan().from.as_str(), call.plan().to.as_str());
        let order = order.to_string();
        let mut fields = vec![
            ("AccountSid", ACCOUNT),
            ("ApiVersion", "2010-04-01"),
            ("CallSid", sid),
            ("CallStatus", status),
            ("CallbackSource", "call-progress-events"),
            ("Called", to),
            ("CalledCity", "SAN FRANCISCO"),
            ("CalledCountry", "US"),
            ("CalledState", "CA"),
            ("CalledZip", "94105"),
            ("Caller", from),
            ("CallerCity", "OAKLAND"),
            ("CallerCountry", "US"),
            ("CallerState", "CA"),
            ("CallerZip", "94612"),
            ("Direction", "outbound-api"),
            ("From", from),
            ("FromCity", "OAKLAND"),
            ("FromCountry", "US"),
            ("FromState", "CA"),
            ("FromZip", "94612"),
            ("SequenceNumber", &order),
            ("Timestamp", "Sat, 21 Nov 2026 08:00:00 +0000"),
            ("To", to),
            ("ToCity", "SAN FRANCISCO"),
            ("ToCountry", "US"),
            ("ToState", "CA"),
            ("ToZip", "94105"),
        ];
        if status == "completed" {
            fields.extend([("CallDuration", "42"), ("Duration", "1"), ("SipResponseCode", "200")]);
        }
        let path = format!("/hooks/twilio{}", Callback::Status(call.id()).path());
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(&fields).finish();
        let fields: Vec<Pair<'_>> = fields.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        let signature = sign(token, &format!("{PUBLIC_URL}{path}"), Signed::Form(&fields));
        Self { path, signature, body }
    }

    fn request(&self) -> Box<[u8]> {
        let Self { path, signature, body } = self;
        let token = uuid();
        let length = body.len();
        format!(
            "POST {path} HTTP/1.1\r\nHost: calls.example.com\r\nUser-Agent: TwilioProxy/1.1\r\nAccept: */*\r\n\
             Content-Type: {KIND}\r\nContent-Length: {length}\r\nI-Twilio-Idempotency-Token: {token}\r\n\
             X-Twilio-Signature: {signature}\r\n\r\n{body}"
        )
        .into_bytes()
        .into()
    }

    fn read(&self, hook: &dyn Hook) -> Received {
        let url = format!("{PUBLIC_URL}{}", self.path);
        let header = |name: &str| match name {
            "x-twilio-signature" => Some(self.signature.as_str()),
            "content-type" => Some(KIND),
            _ => None,
        };
        let path = self.path.strip_prefix("/hooks/twilio").unwrap();
        let body = self.body.as_bytes();
        hook.receive(&HookRequest { method: "POST", url: &url, path, header: &header, body, now: now() }).unwrap()
    }
}
