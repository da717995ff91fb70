//! Twilio's face of the network: REST resources, TwiML, signed callbacks.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use tokio::{sync::mpsc, time::Instant};

use crate::{
    lock::locked,
    network::Caller,
    provider::Provider,
    sid::Sids,
    truth::{CallRecord, Direction},
    world::World,
};

mod account;
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
mod sign;
mod stream;
mod twiml;
mod xml;

pub use account::TwilioMistake;
use call::{Call, Milestone, Order, Plan};
use hook::Hook;
use obey::Source;
use recording::Recording;
use stream::Stream;

/// One Twilio account on the network.
#[derive(Debug)]
pub(crate) struct Face {
    pub(crate) world: Arc<World>,
    pub(crate) base_url: String,
    sids: Sids,
    account: account::Account,
    calls: Mutex<Register>,
    recordings: Mutex<Vec<Recording>>,
    streams: Mutex<Vec<Stream>>,
    /// When the next call may leave the queue, where the account's pace is limited.
    next_dial: Mutex<Instant>,
}

#[derive(Debug, Default)]
struct Register {
    all: Vec<Arc<Call>>,
    by_sid: HashMap<String, usize>,
}

impl Face {
    pub(crate) fn new(world: Arc<World>, base_url: String) -> Arc<Self> {
        Arc::new(Self {
            base_url,
            sids: Sids::new(),
            account: account::Account::new(),
            calls: Mutex::default(),
            recordings: Mutex::default(),
            streams: Mutex::default(),
            next_dial: Mutex::new(Instant::now()),
            world,
        })
    }

    /// Registers a call and hands back the end of the line on which it takes orders.
    fn admit(&self, plan: Plan) -> (Arc<Call>, mpsc::UnboundedReceiver<Order>) {
        // The person on an inbound call is the caller.
        let remote = if plan.direction == Direction::Inbound { &plan.from } else { &plan.to };
        let met = self.world.meet(remote);
        let person = plan.person.clone().unwrap_or(met);
        let sid = self.sids.make("CA");
        let record = self.world.ledger.open(CallRecord {
            parent: plan.parent.clone(),
            to: plan.to.clone(),
            from: plan.from.clone(),
            form: plan.form.clone(),
            ..CallRecord::begin(Provider::Twilio, sid.clone(), plan.direction, person)
        });
        let (call, orders) = Call::new(record, plan);
        let mut register = locked(&self.calls);
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
