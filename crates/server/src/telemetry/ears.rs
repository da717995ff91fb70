//! Notices when a provider's calls end while none of its webhooks arrive (post-mortem 2.2).

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use call_core::port::{Observation, Observer};
use call_core::{Effect, Event, ProviderName};

/// One call may end before its first webhook; this many in a row are no accident.
const SUSPICIOUS: u32 = 3;

/// Listens for webhooks, and counts the calls that end in silence.
#[derive(Debug, Default)]
pub(crate) struct Ears(Mutex<BTreeMap<ProviderName, u32>>);

impl Ears {
    /// What to look at, one sentence a provider.
    pub(crate) fn trouble(&self) -> Vec<String> {
        let silent = self.ended();
        let suspicious = silent.iter().filter(|(_, ended)| **ended >= SUSPICIOUS);
        suspicious
            .map(|(provider, ended)| {
                format!(
                    "the last {ended} calls that {provider} took have ended without a webhook: check that it can reach \
                     server.public_url, and call_webhooks_total for refused ones"
                )
            })
            .collect()
    }

    fn ended(&self) -> MutexGuard<'_, BTreeMap<ProviderName, u32>> {
        // A count is never half written.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Ears {
    fn observe(&self, observation: Observation<'_>) {
        if let Observation::LookedUp { leg, .. } = observation {
            self.ended().remove(&leg.provider);
        }
        if let Observation::Committed { call, effects, .. } = observation
            && effects.iter().any(|e| matches!(e, Effect::Publish(Event::Ended { .. })))
            // A call without a leg was never taken by its provider, so no webhook is owed.
            && let Some(first) = call.legs().first()
        {
            *self.ended().entry(first.leg.provider.clone()).or_default() += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use call_core::port::Commit;
    use call_core::{Call, CallId, Disposition, Fact, Hungup, Leg, Plan, Policy, Report, Signal, Timestamp};

    const PROVIDER: ProviderName = ProviderName::new("twilio");

    /// A call that the provider took, and whose end was learned only by asking.
    fn ends_in_silence(ears: &Ears, leg: &Leg) {
        let now = Timestamp::EPOCH;
        let plan = Plan::new(PROVIDER, "+15550100100", "+15550100101");
        let mut commit = Commit::birth(Call::dial(CallId::new(now, [0; 10]), plan, Policy::default(), now));
        let report = Fact::Report(Report::Ended(Hungup::new(Disposition::Completed)));
        commit.handle(Signal::new(report).on(leg.clone()).into(), now);
        let effects: Vec<Effect> = commit.effects.iter().map(|(_, effect)| effect.clone()).collect();
        ears.observe(Observation::Committed { call: &commit.call, entry: &commit.entries[0], effects: &effects });
    }

    #[test]
    fn calls_that_end_without_webhooks_are_told() {
        let ears = Ears::default();
        let leg = Leg::new(PROVIDER, "CA1");
        ends_in_silence(&ears, &leg);
        ends_in_silence(&ears, &leg);
        assert_eq!(ears.trouble(), Vec::<String>::new());
        ends_in_silence(&ears, &leg);
        assert_eq!(ears.trouble().len(), 1);
        assert!(ears.trouble()[0].contains("twilio"), "{:?}", ears.trouble());

        ears.observe(Observation::LookedUp { call: None, leg: &leg, look: 1 });
        assert_eq!(ears.trouble(), Vec::<String>::new());
    }
}
