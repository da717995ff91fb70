//! The accounts that the configuration names.

use std::sync::Arc;

use adapter_retell::RetellAccount;
use adapter_telnyx::TelnyxAccount;
use adapter_twilio::TwilioAccount;
use anyhow::Context as _;
use call_core::port::{Account, Numbers};

use crate::app::parts;
use crate::config::Config;

/// An account, and the numbers that it should have.
pub(super) struct Patient {
    pub(super) account: Arc<dyn Account>,
    pub(super) numbers: Numbers,
}

/// One for each configured provider.
pub(super) fn accounts(config: &Config) -> anyhow::Result<Vec<Patient>> {
    let mut patients = Vec::new();
    let mut admit = |account: Arc<dyn Account>, from: &str| {
        let from = Some(from.to_owned()).filter(|from| !from.is_empty());
        let numbers = Numbers { from, inbound: config.inbound.numbers.keys().cloned().collect() };
        patients.push(Patient { account, numbers });
    };
    if config.twilio.is_wanted() {
        admit(Arc::new(TwilioAccount::new(&parts::twilio(config)).context("twilio")?), &config.twilio.from);
    }
    if config.telnyx.is_wanted() {
        admit(Arc::new(TelnyxAccount::new(&parts::telnyx(config)).context("telnyx")?), &config.telnyx.from);
    }
    if config.retell.is_wanted() {
        // Within this time a function has answered, or is said to have failed.
        let patience = config.functions.timeout;
        let account = RetellAccount::new(&parts::retell(config), patience).context("retell")?;
        admit(Arc::new(account), &config.retell.from);
    }
    Ok(patients)
}
