//! Telnyx's messages, as signals (telnyx.md §6).

use std::time::Duration;

use call_core::port::{Hook, HookError, HookRequest, Question, Received, Reply};
use call_core::{Address, Call, ProviderName};
use serde_json::Value;

use crate::callback::Callback;
use crate::config::ConfigError;
use crate::message::Event;
use crate::sign::{PublicKey, Signed, verify};
use crate::{NAME, TelnyxConfig};

/// The largest body that is looked at. Call events are below 10 kB; those with a conversation in them are larger.
const MOST_BODY: usize = 256 * 1024;

/// Reads Telnyx's webhooks, as a [`Hook`]. Pure: no request is made, no clock is read.
#[derive(Debug, Clone)]
pub struct TelnyxHook {
    keys: Vec<PublicKey>,
    connection_id: String,
    window: Duration,
}

impl TelnyxHook {
    /// The webhooks of one application.
    ///
    /// # Errors
    /// Names the configuration key that cannot work.
    pub fn new(config: &TelnyxConfig) -> Result<Self, ConfigError> {
        config.check()?;
        Ok(Self { keys: config.keys()?, connection_id: config.connection_id.clone(), window: config.replay_window })
    }

    /// The message, once its signature has been found genuine and fresh.
    fn verified(&self, request: &HookRequest<'_>) -> Result<Value, HookError> {
        // What is signed of a GET is not documented, so we never ask for one.
        if request.method != "POST" {
            return Err(HookError::Malformed("not a POST".to_owned()));
        }
        if request.body.len() > MOST_BODY {
            return Err(HookError::Malformed("it is too large to be Telnyx's".to_owned()));
        }
        let header = |name| (request.header)(name).ok_or(HookError::Unsigned);
        let signed = Signed {
            signature: header("telnyx-signature-ed25519")?,
            timestamp: header("telnyx-timestamp")?,
            body: request.body,
        };
        if !verify(&self.keys, signed, request.now, self.window) {
            return Err(HookError::Unsigned);
        }
        serde_json::from_slice(request.body).map_err(|e| HookError::Malformed(format!("it is not JSON: {e}")))
    }
}

impl Hook for TelnyxHook {
    fn name(&self) -> ProviderName {
        NAME
    }

    fn receive(&self, request: &HookRequest<'_>) -> Result<Received, HookError> {
        let body = self.verified(request)?;
        let callback = Callback::parse(request.path).ok_or(HookError::UnknownPath)?;
        let event = Event::read(&body)?;
        let call = match (event.call(), callback.call()) {
            // The path is not signed: the message was sent again, to another call.
            (Some(said), Some(path)) if said != path => {
                return Err(HookError::Malformed("client_state names another call than the path".to_owned()));
            }
            (said, path) => said.or(path),
        };
        if call.is_none() && event.connection().is_some_and(|id| id != self.connection_id) {
            return Err(HookError::Malformed("connection_id is another application's".to_owned()));
        }
        let begins = call.is_none() && event.begins();
        Ok(Received {
            address: Address { call, leg: event.leg()?, begins },
            signals: vec![event.signal()],
            question: None,
            inbound: event.inbound().filter(|_| begins),
        })
    }

    /// Telnyx asks nothing: it is told what to do by commands.
    fn reply(&self, _: &Question, _: Option<&Call>) -> Reply {
        self.acknowledge()
    }

    fn acknowledge(&self) -> Reply {
        Reply { status: 200, content_type: "text/plain", body: String::new() }
    }
}
