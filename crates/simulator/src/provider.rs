//! The providers that the network can be seen through.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A face of the network: one provider's API and webhooks, in front of the people that all of them share.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    /// Documents (TwiML) and callbacks.
    #[default]
    Twilio,
    /// Commands and events (Call Control).
    Telnyx,
    /// An agent platform that tells us what its agents do.
    Retell,
}

impl Provider {
    /// Every provider, in the order of the declaration.
    pub const ALL: [Self; 3] = [Self::Twilio, Self::Telnyx, Self::Retell];

    /// The name used in JSON and in paths, e.g. `telnyx`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Twilio => "twilio",
            Self::Telnyx => "telnyx",
            Self::Retell => "retell",
        }
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
