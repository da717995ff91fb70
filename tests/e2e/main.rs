//! End to end: the real server process against the simulator process, over real sockets and a real file. One test per
//! row of the post-mortems (`p1_…` to `p5_…`) and per fault; after each the [laws](tests::laws) hold.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod appointments;
mod creation;
mod doctor;
mod faults;
mod inbound;
mod keys;
mod kill;
mod load;
mod outages;
mod people;
mod recruiting;
mod reflection;
mod restart;
mod sales;
mod several;
mod sight;
mod voicebot;
mod webhooks;

use std::time::Duration;

/// Patience with one step of one call.
const SOON: Duration = Duration::from_secs(15);

/// One number of every kind of person: talks short and long, does not answer, busy, rejects, hangs up at once, voicemail.
const CAST: [&str; 7] =
    ["+12025550100", "+12025550104", "+12025550110", "+12025550120", "+12025550130", "+12025550140", "+12025550150"];

/// Stays on the line until hung up.
const STAYS: &str = "+12025550170";
