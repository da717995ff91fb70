//! Several observers as one.

use std::sync::Arc;

use call_core::port::{Observation, Observer};

/// Tells each of them, in order.
pub(super) struct Observers(pub(super) Vec<Arc<dyn Observer>>);

impl Observer for Observers {
    fn observe(&self, observation: Observation<'_>) {
        for observer in &self.0 {
            observer.observe(observation);
        }
    }
}
