//! A server that is told to stop begins no dial.

use std::sync::Arc;

use async_trait::async_trait;
use call_core::port::{Answer, Inadmissible, Provider};
use call_core::{Call, Conduct, Effect, EffectId, Plan, ProviderName};
use tokio_util::sync::CancellationToken;

/// A provider that is not asked to dial any more once the server drains: the last look before somebody's phone rings.
/// The dial stays in the outbox for a server that lives, with proof that nothing was dialled here.
pub(super) struct NoneWhileDraining {
    pub(super) provider: Arc<dyn Provider>,
    pub(super) draining: CancellationToken,
}

#[async_trait]
impl Provider for NoneWhileDraining {
    fn name(&self) -> ProviderName {
        self.provider.name()
    }

    fn admit(&self, plan: &Plan) -> Result<Conduct, Inadmissible> {
        self.provider.admit(plan)
    }

    async fn perform(&self, call: &Call, id: &EffectId, effect: &Effect) -> Answer {
        if matches!(effect, Effect::Dial) && self.draining.is_cancelled() {
            let why = "this server is shutting down".to_owned();
            return Answer::Later { after: Some(std::time::Duration::ZERO), why };
        }
        self.provider.perform(call, id, effect).await
    }
}
