//! Twilio's face of the network: REST resources, TwiML, signed callbacks.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use jiff::Timestamp;
use tokio::{sync::mpsc, time::Instant};

use crate::{
    config::Number,
    lock::locked,
    person::Person,
    truth::{CallRecord, Direction, RestRequest},
    world::World,
};

mod amd;
mod call;
mod callback;
mod dial;
mod hook;
mod http;
mod life;
mod obey;
mod recording;
pub(crate) mod rest;
mod sid;
mod sign;
mod stream;
mod twiml;
mod xml;

use call::{Call, Milestone, Order, Plan};
use hook::Hook;
use obey::Source;
use recording::Recording;
use sid::Sids;
use stream::Stream;

/// One Twilio account on the network.
#[derive(Debug)]
pub(crate) struct Face {
    pub(crate) world: Arc<World>,
    pub(crate) base_url: String,
    sids: Sids,
    calls: Mutex<Register>,
    numbers: Mutex<HashMap<String, Number>>,
    recordings: Mutex<Vec<Recording>>,
    streams: Mutex<Vec<Stream>>,
    requests: Mutex<Vec<RestRequest>>,
    /// When the next call may leave the queue, where the account's pace is limited.
    next_dial: Mutex<Instant>,
}

/// A person who dials one of our numbers.
pub(crate) struct Caller {
    pub(crate) from: String,
    pub(crate) person: Option<Person>,
    pub(crate) number: Number,
}

#[derive(Debug, Default)]
struct Register {
    all: Vec<Arc<Call>>,
    by_sid: HashMap<String, usize>,
    met: HashMap<String, u64>,
}

impl Face {
    pub(crate) fn new(world: Arc<World>, base_url: String) -> Arc<Self> {
        let numbers = world.config.numbers.iter().map(|number| (number.number.clone(), number.clone())).collect();
        Arc::new(Self {
            base_url,
            sids: Sids::new(),
            calls: Mutex::default(),
            numbers: Mutex::new(numbers),
            recordings: Mutex::default(),
            streams: Mutex::default(),
            requests: Mutex::default(),
            next_dial: Mutex::new(Instant::now()),
            world,
        })
    }

    /// Registers a call and hands back the end of the line on which it takes orders.
    fn admit(&self, plan: Plan) -> (Arc<Call>, mpsc::UnboundedReceiver<Order>) {
        let sid = self.sids.make("CA");
        let mut register = locked(&self.calls);
        // The person on an inbound call is the caller.
        let remote = if plan.direction == Direction::Inbound { plan.from.clone() } else { plan.to.clone() };
        let met = register.met.entry(remote.clone()).or_default();
        let person = plan.person.clone().unwrap_or_else(|| self.world.people.at(self.world.dice, &remote, *met));
        *met += 1;
        let (call, orders) = Call::new(sid.clone(), plan, person, Timestamp::now());
        let index = register.all.len();
        register.by_sid.insert(sid, index);
        register.all.push(Arc::clone(&call));
        (call, orders)
    }

    /// A call as REST clients may see it: deleted ones are gone.
    fn visible(&self, sid: &str) -> Option<Arc<Call>> {
        let register = locked(&self.calls);
        let call = register.by_sid.get(sid).and_then(|index| register.all.get(*index))?;
        (!call.look(|record| record.deleted)).then(|| Arc::clone(call))
    }

    fn all(&self) -> Vec<Arc<Call>> {
        locked(&self.calls).all.clone()
    }

    pub(crate) fn records(&self) -> Vec<CallRecord> {
        self.all().iter().map(|call| call.look(CallRecord::clone)).collect()
    }

    pub(crate) fn records_to(&self, number: &str) -> Vec<CallRecord> {
        let all = self.all();
        all.iter().filter(|call| call.plan.to == number).map(|call| call.look(CallRecord::clone)).collect()
    }

    pub(crate) fn record(&self, sid: &str) -> Option<CallRecord> {
        let register = locked(&self.calls);
        let call = register.by_sid.get(sid).and_then(|index| register.all.get(*index))?;
        Some(call.look(CallRecord::clone))
    }

    pub(crate) fn requests(&self) -> Vec<RestRequest> {
        locked(&self.requests).clone()
    }

    pub(crate) fn set_number(&self, number: Number) {
        locked(&self.numbers).insert(number.number.clone(), number);
    }

    pub(crate) fn number(&self, number: &str) -> Option<Number> {
        locked(&self.numbers).get(number).cloned()
    }

    /// A person calls one of our numbers; returns the call's SID.
    pub(crate) fn ring(self: &Arc<Self>, caller: Caller) -> String {
        let Caller { from, person, number } = caller;
        let voice = Hook::new(number.voice_url, number.voice_method.as_deref());
        let token = ("CallToken".to_owned(), self.sids.make("token-"));
        let status = number.status_callback.map(|url| Hook::new(url, number.status_callback_method.as_deref()));
        let plan = Plan {
            to: number.number,
            from,
            direction: Direction::Inbound,
            parent: None,
            form: Vec::new(),
            person,
            voice: Some(Source::Fetch(voice, vec![token])),
            fallback: number.voice_fallback_url.map(|url| Hook::new(url, None)),
            status,
            events: vec![Milestone::Completed],
            timeout: 60.0,
            time_limit: 14_400.0,
            record: None,
            detection: None,
        };
        self.place(plan).sid.clone()
    }

    /// How long a new call waits in the queue, in phone seconds beyond the usual.
    fn queue(&self) -> f64 {
        let Some(pace) = self.world.config.calls_per_second.filter(|pace| *pace > 0.0) else {
            return 0.0;
        };
        let now = Instant::now();
        let mut next = locked(&self.next_dial);
        let slot = (*next).max(now);
        *next = slot + self.world.scale.real(1.0 / pace);
        self.world.scale.phone(slot - now)
    }
}
