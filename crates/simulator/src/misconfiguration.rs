//! Accounts that somebody set up wrong, on demand: what `doctor` must find.

use serde::{Deserialize, Serialize};

use crate::{provider::Provider, retell::RetellMistake, telnyx::TelnyxMistake, twilio::TwilioMistake};

/// One thing that is wrong in an account. Each changes one setting, and leaves the others as they are. Exhaustive on
/// purpose: whoever adds one learns from the compiler which tests must say where it is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Misconfiguration {
    /// In the Twilio account.
    Twilio(TwilioMistake),
    /// In the Telnyx account.
    Telnyx(TelnyxMistake),
    /// In the Retell workspace.
    Retell(RetellMistake),
}

impl Misconfiguration {
    /// Every one.
    pub fn all() -> impl Iterator<Item = Self> {
        let twilio = TwilioMistake::ALL.into_iter().map(Self::Twilio);
        let telnyx = TelnyxMistake::ALL.into_iter().map(Self::Telnyx);
        twilio.chain(telnyx).chain(RetellMistake::ALL.into_iter().map(Self::Retell))
    }

    /// Whose account.
    #[must_use]
    pub const fn provider(self) -> Provider {
        match self {
            Self::Twilio(_) => Provider::Twilio,
            Self::Telnyx(_) => Provider::Telnyx,
            Self::Retell(_) => Provider::Retell,
        }
    }
}
