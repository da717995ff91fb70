//! Telnyx's face of the network: commands, and signed events about what they and the people do.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

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
mod application;
mod bridge;
mod call;
mod ending;
mod event;
mod gather;
mod life;
mod recording;
mod rest;
mod settings;
mod sign;
mod stream;
mod talk;
mod webhook;
mod window;

pub use account::TelnyxMistake;
use application::Application;
use call::{Call, Lines, Plan, Ring};
use recording::Recording;
pub(crate) use rest::router;
pub use settings::TelnyxConfig;
use sign::Signer;
use webhook::Webhook;
use window::Window;

/// Phone seconds that an ended call can still be read.
const KEPT_SECONDS: f64 = 600.0;
/// Telnyx's longest call, in seconds.
const MOST_LENGTH: f64 = 14_400.0;

/// One Telnyx account on the network.
#[derive(Debug)]
pub(crate) struct Face {
    world: Arc<World>,
    /// What stands in the place of `https://api.telnyx.com`.
    base_url: String,
    sids: Sids,
    signer: Signer,
    calls: Mutex<Register>,
    account: account::Account,
    applications: Mutex<Vec<Application>>,
    recordings: Mutex<Vec<Recording>>,
    /// A dial is known by its `command_id` alone: there is no call yet.
    dials: Window,
}

#[derive(Debug, Default)]
struct Register {
    all: Vec<Arc<Call>>,
    by_id: HashMap<String, usize>,
}

impl Face {
    pub(crate) fn new(world: Arc<World>, base_url: String) -> Arc<Self> {
        let config = &world.config.telnyx;
        Arc::new(Self {
            base_url,
            sids: Sids::new(),
            signer: Signer::new(&config.signing_seed),
            calls: Mutex::default(),
            account: account::Account::new(),
            applications: Mutex::new(vec![Application::configured(config)]),
            recordings: Mutex::default(),
            dials: Window::default(),
            world,
        })
    }

    pub(crate) fn public_key(&self) -> String {
        self.signer.public_key()
    }

    /// A person calls one of our numbers; returns the leg's `call_control_id`.
    pub(crate) fn ring(self: &Arc<Self>, caller: Caller) -> String {
        let Caller { from, person, number } = caller;
        let connection = number.connection.unwrap_or_else(|| self.world.config.telnyx.connection_id.clone());
        let plan = Plan {
            to: number.number,
            from,
            direction: Direction::Inbound,
            parent: None,
            session: None,
            connection,
            client_state: None,
            webhook: Webhook::default(),
            json: None,
            person,
            ring: Ring { seconds: 0.0, cause: "timeout" },
            time_limit: MOST_LENGTH,
            record: None,
            detection: None,
            stream: None,
            transcription: false,
        };
        self.place(plan).sid.clone()
    }

    /// Registers a leg and hands back the ends of the lines on which it is told what to do.
    fn admit(&self, plan: Plan) -> (Arc<Call>, Lines) {
        let leg_id = self.sids.uuid();
        let session_id = plan.session.clone().unwrap_or_else(|| self.sids.uuid());
        // Opaque, and with the colon that a path must not contain as it is.
        let id = format!("v3:{}", URL_SAFE_NO_PAD.encode(self.sids.make("leg-")));
        // The person on an inbound leg is the caller.
        let inbound = plan.direction == Direction::Inbound;
        let met = self.world.meet(if inbound { &plan.from } else { &plan.to });
        let person = plan.person.clone().unwrap_or(met);
        let record = self.world.ledger.open(CallRecord {
            parent: plan.parent.clone(),
            to: plan.to.clone(),
            from: plan.from.clone(),
            json: plan.json.clone(),
            ..CallRecord::begin(Provider::Telnyx, id.clone(), plan.direction, person)
        });
        let (call, lines) = Call::new(record, leg_id, session_id, plan);
        let mut register = locked(&self.calls);
        let index = register.all.len();
        register.by_id.insert(id, index);
        register.all.push(Arc::clone(&call));
        (call, lines)
    }

    /// A call that lives, or ended no longer than ten phone minutes ago.
    fn find(&self, id: &str) -> Option<Arc<Call>> {
        let register = locked(&self.calls);
        let call = register.by_id.get(id).and_then(|index| register.all.get(*index))?;
        let kept = self.world.scale.real(KEPT_SECONDS);
        let ended = call.look(|record| record.ended_at);
        let is_forgotten = ended.is_some_and(|at| at.duration_until(jiff::Timestamp::now()).unsigned_abs() > kept);
        (!is_forgotten).then(|| Arc::clone(call))
    }

    fn all(&self) -> Vec<Arc<Call>> {
        locked(&self.calls).all.clone()
    }

    fn application(&self, id: &str) -> Option<Application> {
        locked(&self.applications).iter().find(|application| application.id == id).cloned()
    }
}
