//! What happens to people who ring us.

use call_core::port::{Answering, Inbound as Ring};
use call_core::{Plan, Policy, ProviderName};

use crate::config::Inbound;

/// Chooses the script by the number that was rung.
pub(super) struct ByNumber {
    inbound: Inbound,
    policy: Policy,
}

impl ByNumber {
    pub(super) const fn new(inbound: Inbound, policy: Policy) -> Self {
        Self { inbound, policy }
    }
}

impl Answering for ByNumber {
    fn answer(&self, provider: &ProviderName, ring: &Ring) -> (Plan, Policy) {
        let script = self.inbound.numbers.get(&ring.to).unwrap_or(&self.inbound.script);
        (ring.plan(provider.clone()).with_script(script.clone()), self.policy.clone())
    }
}
