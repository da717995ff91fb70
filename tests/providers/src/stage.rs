//! Calls in known states, at any provider.

use std::time::Duration;

use call_core::{
    Call, CallId, Command, Conduct, DialAnswer, Effect, EffectId, Fact, Input, Leg, Plan, Policy, ProviderName, Script,
    Signal, Step, Timestamp,
};

/// Our name for the call that every law is about.
#[must_use]
pub fn id() -> CallId {
    CallId::new(born(), [7; 10])
}

/// When it was born.
#[must_use]
pub fn born() -> Timestamp {
    // 2026-11-21T08:00:00Z
    Timestamp::from_millis(1_795_248_000_000)
}

/// The name of an effect that the call asks for now.
#[must_use]
pub fn effect_id(call: &Call) -> EffectId {
    EffectId { call: call.id(), version: call.version(), index: 0 }
}

/// Where the calls are.
#[derive(Debug, Clone)]
pub struct Stage {
    /// At which provider.
    pub provider: ProviderName,
    /// What it names the call's first leg.
    pub leg: &'static str,
    /// Who carries the script out.
    pub conduct: Conduct,
}

impl Stage {
    /// The first leg.
    #[must_use]
    pub fn leg(&self) -> Leg {
        Leg::new(self.provider.clone(), self.leg)
    }

    /// A plan from +15550000001 to +15550000002.
    #[must_use]
    pub fn plan(&self, script: Script) -> Plan {
        let plan = Plan::new(self.provider.clone(), "+15550000001", "+15550000002").with_script(script);
        Plan { conduct: self.conduct, ..plan }
    }

    /// A call whose dial is wished.
    #[must_use]
    pub fn dialing(&self, plan: Plan) -> Call {
        Call::dial(id(), plan, Policy::default(), born()).0
    }

    /// A call that was dialled.
    #[must_use]
    pub fn ringing(&self, plan: Plan) -> Call {
        let mut call = self.dialing(plan);
        tell(&mut call, Signal::new(Fact::Dialed(DialAnswer::Accepted)).on(self.leg()));
        call
    }

    /// A call that was dialled and answered.
    #[must_use]
    pub fn live(&self, plan: Plan) -> Call {
        let mut call = self.ringing(plan);
        tell(&mut call, Signal::new(Fact::Answered).on(self.leg()));
        call
    }

    /// A live call with these operations of speech.
    #[must_use]
    pub fn talking(&self, plan: Plan, operations: &[&str]) -> Call {
        let mut call = self.live(plan);
        for operation in operations {
            tell(&mut call, Command::Speak { operation: (*operation).to_owned(), text: "One & <two>".to_owned() });
        }
        call
    }

    /// Somebody rings us.
    #[must_use]
    pub fn inbound(&self, plan: Plan) -> Call {
        Call::ring(id(), self.leg(), plan, Policy::default(), born()).0
    }
}

/// Handles one input, a second after the last.
///
/// # Panics
/// If the call ignores it.
pub fn tell(call: &mut Call, input: impl Into<Input>) -> Vec<Effect> {
    let now = call.state().now + Duration::from_secs(1);
    match call.handle(&input.into(), now) {
        Step::Applied(effects) => effects,
        Step::Ignored(reason) => panic!("ignored: {reason:?}"),
    }
}
