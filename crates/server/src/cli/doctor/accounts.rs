//! The accounts that the configuration names.

use std::sync::Arc;

use adapter_twilio::TwilioAccount;
use anyhow::Context as _;
use call_core::port::{Account, Numbers};

use super::numbers;
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
    if config.twilio.is_wanted() {
        let account = TwilioAccount::new(&parts::twilio(config)).context("twilio")?;
        patients.push(Patient { account: Arc::new(account), numbers: numbers(config, &config.twilio.from) });
    }
    Ok(patients)
}
