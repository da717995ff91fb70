//! What happens to people who ring us.

use call_core::port::{Answering, Inbound as Ring};
use call_core::{Plan, Policy, ProviderName};
use tracing::warn;

use super::Providers;
use crate::config::Inbound;

/// Chooses the script by the number that was rung.
pub(super) struct ByNumber {
    inbound: Inbound,
    policy: Policy,
    providers: Providers,
}

impl ByNumber {
    pub(super) const fn new(inbound: Inbound, policy: Policy, providers: Providers) -> Self {
        Self { inbound, policy, providers }
    }
}

impl Answering for ByNumber {
    fn answer(&self, provider: &ProviderName, ring: &Ring) -> (Plan, Policy) {
        let script = self.inbound.numbers.get(&ring.to).unwrap_or(&self.inbound.script);
        let plan = ring.plan(provider.clone()).with_script(script.clone());
        // They ring already: what can be done of it is done, and an operator hears of the rest.
        if let Some(Err(why)) = self.providers.get(provider).map(|known| known.admit(&plan)) {
            warn!(%provider, to = %crate::telemetry::mask(&ring.to), %why, "a script under [inbound] cannot be carried out");
        }
        (plan, self.policy.clone())
    }
}
