//! The town's account at its provider, set up as an operator would.

use reqwest::Client;
use serde_json::json;
use simulator::{Agent, Config, Function, Network as Simulated, Provider};

use crate::Network;

/// The agent that talks in a town on Retell.
pub const AGENT: &str = "agent_5100a7ed5100a7ed5100a7ed51";

/// An account on the network of a town.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) provider: Provider,
    /// Where its API is.
    pub(super) url: String,
    /// What Telnyx's webhooks are verified with; empty for others.
    pub(super) public_key: String,
}

impl Account {
    /// The account of a network whose root is at `root`.
    pub(super) async fn of(provider: Provider, root: &str) -> Self {
        let url = match provider {
            Provider::Telnyx => format!("{root}/telnyx/v2"),
            Provider::Retell => format!("{root}/retell"),
            Provider::Twilio => root.to_owned(),
        };
        let public_key = if provider == Provider::Telnyx { public_key().await } else { String::new() };
        Self { provider, url, public_key }
    }

    /// Tells the provider where to send what happens.
    ///
    /// # Panics
    /// When it does not take that.
    pub(super) async fn point_to(&self, public_url: &str, http: &Client, network: &Network) {
        let hook = |path: &str| format!("{public_url}/hooks/{}/{path}", self.provider);
        match self.provider {
            Provider::Telnyx => {
                let telnyx = Config::default().telnyx;
                let url = format!("{}/call_control_applications/{}", self.url, telnyx.connection_id);
                let body = json!({
                    "application_name": "e2e", "webhook_event_url": hook("events"), "webhook_api_version": "2",
                });
                let sent = http.patch(url).bearer_auth(telnyx.api_key.reveal()).json(&body).send().await;
                let answer = sent.expect("the simulator answers");
                assert!(answer.status().is_success(), "the application is set: {}", answer.status());
            }
            Provider::Retell => network.set_agent(&agent(public_url)).await,
            Provider::Twilio => {}
        }
    }
}

/// The town's agent, with the worked example's functions (post-mortem 4.2): one at once, one after each of the next words.
#[must_use]
pub fn agent(public_url: &str) -> Agent {
    let function = |name: &str| Function::new(name, format!("{public_url}/hooks/retell/functions")).retrying(2);
    Agent::new(AGENT)
        .webhook(format!("{public_url}/hooks/retell/events"))
        .function(function("initialize_call"))
        .function(function("check_availability").argument("day", "Friday").after(1))
        .function(function("collect_appointment_info").argument("name", "Ann").after(2))
}

/// A network's key follows from its configuration, and the one in the other process has the same.
async fn public_key() -> String {
    let network = Simulated::start(Config::default()).await.expect("a port is free");
    let key = network.telnyx_public_key();
    network.shutdown().await;
    key
}
