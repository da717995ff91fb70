//! Twilio's messages, as signals; its questions, answered with TwiML (twilio.md §4, §5).

use call_core::port::{Hook, HookError, HookRequest, Inbound, Question, Received, Reply};
use call_core::{Address, Call, Conduct, ProviderName};
use secrecy::SecretString;

use crate::callback::Callback;
use crate::config::ConfigError;
use crate::form::Form;
use crate::message::Message;
use crate::sign::{Signed, verify};
use crate::twiml::Response;
use crate::{NAME, TwilioConfig, script};

/// The largest body that is looked at. Twilio's own are below 10 kB.
const MOST_BODY: usize = 64 * 1024;
/// The longest URL: a message by `GET` is all in it.
const MOST_URL: usize = 16 * 1024;

/// Reads Twilio's webhooks, as a [`Hook`]. Pure: no request is made, no clock is read.
#[derive(Debug, Clone)]
pub struct TwilioHook {
    account_sid: String,
    auth_tokens: Vec<SecretString>,
    public_url: String,
}

impl TwilioHook {
    /// The webhooks of one account.
    ///
    /// # Errors
    /// Names the configuration key that cannot work.
    pub fn new(config: &TwilioConfig) -> Result<Self, ConfigError> {
        config.check()?;
        Ok(Self {
            account_sid: config.account_sid.clone(),
            auth_tokens: config.auth_tokens.clone(),
            public_url: config.public_url.clone(),
        })
    }

    /// Whether the upgrade to a media WebSocket comes from Twilio; `url` is the public `wss://` URL that was requested.
    #[must_use]
    pub fn verify_upgrade(&self, signature: &str, url: &str) -> bool {
        verify(&self.auth_tokens, signature, url, Signed::Url)
    }

    /// The message's parameters, once its signature has been found genuine.
    fn verified<'r>(&self, request: &HookRequest<'r>) -> Result<Form<'r>, HookError> {
        if request.body.len() > MOST_BODY || request.url.len() > MOST_URL {
            return Err(HookError::Malformed("it is too large to be Twilio's".to_owned()));
        }
        let signature = (request.header)("x-twilio-signature").ok_or(HookError::Unsigned)?;
        let kind = (request.header)("content-type").unwrap_or_default().to_ascii_lowercase();
        let is_form = request.method == "POST" && kind.starts_with("application/x-www-form-urlencoded");
        let form = if is_form { Form::parse(request.body) } else { Form::of_url(request.url) };
        let signed = match request.method {
            "POST" if is_form => Signed::Form(form.pairs()),
            "POST" => Signed::Json(request.body),
            // A body that is not signed is not looked at.
            "GET" => Signed::Url,
            _ => return Err(HookError::Malformed("neither GET nor POST".to_owned())),
        };
        if verify(&self.auth_tokens, signature, request.url, signed) { Ok(form) } else { Err(HookError::Unsigned) }
    }
}

impl Hook for TwilioHook {
    fn name(&self) -> ProviderName {
        NAME
    }

    fn receive(&self, request: &HookRequest<'_>) -> Result<Received, HookError> {
        let form = self.verified(request)?;
        let callback = Callback::parse(request.path).ok_or(HookError::UnknownPath)?;
        match form.get("AccountSid") {
            Some(account) if account == self.account_sid => {}
            Some(_) => return Err(HookError::Malformed("AccountSid is another account's".to_owned())),
            None => return Err(HookError::Malformed("AccountSid is missing".to_owned())),
        }
        let query = Form::of_url(request.url);
        let message = Message::read(&form, &query)?;
        let begins = matches!(callback, Callback::InboundVoice | Callback::InboundStatus) && message.parent.is_none();
        let told = message.told(callback)?;
        let number = |name| form.get(name).unwrap_or_default().to_owned();
        Ok(Received {
            address: Address { call: callback.call(), leg: message.leg, begins },
            signals: told.signals,
            question: told.question,
            inbound: begins.then(|| Inbound { from: number("From"), to: number("To"), conduct: Conduct::Asked }),
        })
    }

    fn reply(&self, question: &Question, call: Option<&Call>) -> Reply {
        let twiml = match (question, call) {
            (Question::WhatNow, Some(call)) => script::on_answer(call, &self.public_url),
            (Question::WhatNext { action }, Some(call)) => script::on_action(call, &self.public_url, action),
            // Nobody knows the call, or what is asked: say so, rather than leave the caller in silence.
            (_, _) => script::apology(),
        };
        Reply { status: 200, content_type: "text/xml", body: fit(&twiml) }
    }

    fn acknowledge(&self) -> Reply {
        Reply { status: 204, content_type: "text/xml", body: String::new() }
    }
}

/// A document that Twilio would refuse for its length becomes an apology: without it the caller hears an error message.
fn fit(twiml: &Response) -> String {
    let xml = twiml.to_xml();
    if xml.len() <= Response::MOST_BYTES { xml } else { script::apology().to_xml() }
}
