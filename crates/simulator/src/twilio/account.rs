//! How the account is set up: its state, its numbers and their applications, as the REST API reads and changes them.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::Face;
use crate::{config::Number, lock::locked, provider::Provider};

/// One thing that somebody set up wrong in a Twilio account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TwilioMistake {
    /// The account is suspended: an unpaid bill, or fraud suspected.
    Suspended,
    /// It is a trial account.
    Trial,
    /// The numbers were given back.
    Released,
    /// The numbers carry no voice.
    NoVoice,
    /// The numbers receive faxes.
    Fax,
    /// The numbers belong to a SIP trunk, which makes Twilio ignore their webhooks.
    Trunk,
    /// The numbers belong to an application of another backend, which makes Twilio ignore their webhooks.
    Application,
    /// The voice URL is the old backend's.
    VoiceUrlElsewhere,
    /// There is no voice URL.
    VoiceUrlUnset,
    /// The voice URL is fetched by GET.
    VoiceMethod,
    /// The voice URL asks for no repetitions.
    VoiceUrlOnce,
    /// The fallback URL is the old backend's.
    FallbackElsewhere,
    /// There is no fallback URL.
    FallbackUnset,
    /// The status callback is the old backend's.
    StatusElsewhere,
    /// There is no status callback (post-mortem 2.2).
    StatusUnset,
    /// The status callback comes by GET.
    StatusMethod,
    /// The status callback asks for no repetitions.
    StatusOnce,
}

impl TwilioMistake {
    /// Every one, in the order of the declaration.
    pub const ALL: [Self; 17] = [
        Self::Suspended,
        Self::Trial,
        Self::Released,
        Self::NoVoice,
        Self::Fax,
        Self::Trunk,
        Self::Application,
        Self::VoiceUrlElsewhere,
        Self::VoiceUrlUnset,
        Self::VoiceMethod,
        Self::VoiceUrlOnce,
        Self::FallbackElsewhere,
        Self::FallbackUnset,
        Self::StatusElsewhere,
        Self::StatusUnset,
        Self::StatusMethod,
        Self::StatusOnce,
    ];
}

/// A backend that is no longer there.
const ELSEWHERE: &str = "https://old-backend.example.net/voice";
const APPLICATION: &str = "AP00000000000000000000000000000099";
const TRUNK: &str = "TK00000000000000000000000000000099";

/// What the account knows beside its numbers' webhooks, which lead calls and are the network's own
/// [`Number`](crate::Number)s.
#[derive(Debug)]
pub(super) struct Account(Mutex<State>);

#[derive(Debug)]
struct State {
    status: &'static str,
    kind: &'static str,
    /// Settings of numbers that have no effect on the network's calls.
    more: BTreeMap<String, Map<String, Value>>,
    released: bool,
}

impl Account {
    pub(super) fn new() -> Self {
        Self(Mutex::new(State { status: "active", kind: "Full", more: BTreeMap::new(), released: false }))
    }
}

/// Whether a path below the account is served here.
pub(super) fn serves(path: &[&str]) -> bool {
    matches!(path, [] | ["IncomingPhoneNumbers" | "OutgoingCallerIds"] | ["IncomingPhoneNumbers" | "Applications", _])
}

impl Face {
    /// Reads a resource of the account; with fields, changes it first. `None`: there is no such thing.
    pub(super) fn account(&self, path: &str, fields: &[(String, String)]) -> Option<Value> {
        let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
        match segments.as_slice() {
            [] => {
                let state = locked(&self.account.0);
                let sid = &self.world.config.account_sid;
                Some(json!({ "sid": sid, "status": state.status, "type": state.kind, "friendly_name": "simulated" }))
            }
            ["IncomingPhoneNumbers"] => {
                let numbers: Vec<Value> = self.own_numbers().iter().map(|number| self.shape(number)).collect();
                Some(json!({ "incoming_phone_numbers": numbers, "next_page_uri": null }))
            }
            ["OutgoingCallerIds"] => {
                let verified = self.world.config.verified.iter();
                let verified: Vec<Value> = verified.map(|number| json!({ "phone_number": number })).collect();
                Some(json!({ "outgoing_caller_ids": verified, "next_page_uri": null }))
            }
            ["IncomingPhoneNumbers", sid] => {
                let number = self.own_numbers().into_iter().find(|number| number_sid(number) == *sid)?;
                let number = self.change(number, fields);
                Some(self.shape(&number))
            }
            ["Applications", APPLICATION] => Some(json!({
                "sid": APPLICATION,
                "voice_url": ELSEWHERE,
                "voice_method": "POST",
                "status_callback": null,
            })),
            _ => None,
        }
    }

    fn own_numbers(&self) -> Vec<Number> {
        if locked(&self.account.0).released {
            return Vec::new();
        }
        let mut numbers = self.world.ledger.numbers();
        numbers.retain(|number| number.provider == Provider::Twilio);
        numbers
    }

    fn shape(&self, number: &Number) -> Value {
        let mut shape = json!({
            "sid": number_sid(number),
            "account_sid": self.world.config.account_sid,
            "phone_number": number.number,
            "capabilities": { "voice": true, "sms": true, "mms": false, "fax": false },
            "status": "in-use",
            "voice_receive_mode": "voice",
            "voice_application_sid": null,
            "trunk_sid": null,
            "voice_url": number.voice_url,
            "voice_method": number.voice_method.as_deref().unwrap_or("POST"),
            "voice_fallback_url": number.voice_fallback_url,
            "voice_fallback_method": "POST",
            "status_callback": number.status_callback.as_deref().unwrap_or_default(),
            "status_callback_method": number.status_callback_method.as_deref().unwrap_or("POST"),
        });
        let more = locked(&self.account.0).more.get(&number.number).cloned().unwrap_or_default();
        if let Some(fields) = shape.as_object_mut() {
            fields.extend(more);
        }
        shape
    }

    /// Sets fields of a number by their names in requests. An empty value clears.
    fn change(&self, mut number: Number, fields: &[(String, String)]) -> Number {
        for (name, value) in fields {
            let given = Some(value.clone()).filter(|value| !value.is_empty());
            match name.as_str() {
                "VoiceUrl" => number.voice_url.clone_from(value),
                "VoiceMethod" => number.voice_method = given,
                "VoiceFallbackUrl" => number.voice_fallback_url = given,
                "StatusCallback" => number.status_callback = given,
                "StatusCallbackMethod" => number.status_callback_method = given,
                "TrunkSid" => self.note(&number, "trunk_sid", given.into()),
                "VoiceApplicationSid" => self.note(&number, "voice_application_sid", given.into()),
                "VoiceReceiveMode" => self.note(&number, "voice_receive_mode", given.into()),
                _ => {}
            }
        }
        self.world.ledger.set_number(number.clone());
        number
    }

    fn note(&self, number: &Number, field: &str, value: Value) {
        locked(&self.account.0).more.entry(number.number.clone()).or_default().insert(field.to_owned(), value);
    }

    /// Sets the account up wrong, in one way.
    pub(crate) fn misconfigure(self: &Arc<Self>, mistake: TwilioMistake) {
        let numbers = |change: fn(&mut Number)| {
            for mut number in self.own_numbers() {
                change(&mut number);
                self.world.ledger.set_number(number);
            }
        };
        let note = |field: &str, value: Value| {
            self.own_numbers().iter().for_each(|number| self.note(number, field, value.clone()));
        };
        match mistake {
            TwilioMistake::Suspended => locked(&self.account.0).status = "suspended",
            TwilioMistake::Trial => locked(&self.account.0).kind = "Trial",
            TwilioMistake::Released => locked(&self.account.0).released = true,
            TwilioMistake::NoVoice => note("capabilities", json!({ "voice": false, "sms": true })),
            TwilioMistake::Fax => note("voice_receive_mode", "fax".into()),
            TwilioMistake::Trunk => note("trunk_sid", TRUNK.into()),
            TwilioMistake::Application => note("voice_application_sid", APPLICATION.into()),
            TwilioMistake::VoiceUrlElsewhere => numbers(|number| ELSEWHERE.clone_into(&mut number.voice_url)),
            TwilioMistake::VoiceUrlUnset => numbers(|number| number.voice_url.clear()),
            TwilioMistake::VoiceMethod => numbers(|number| number.voice_method = Some("GET".to_owned())),
            TwilioMistake::VoiceUrlOnce => numbers(|number| number.voice_url = once(&number.voice_url)),
            TwilioMistake::FallbackElsewhere => numbers(|number| number.voice_fallback_url = old()),
            TwilioMistake::FallbackUnset => numbers(|number| number.voice_fallback_url = None),
            TwilioMistake::StatusElsewhere => numbers(|number| number.status_callback = old()),
            TwilioMistake::StatusUnset => numbers(|number| number.status_callback = None),
            TwilioMistake::StatusMethod => numbers(|number| number.status_callback_method = Some("GET".to_owned())),
            TwilioMistake::StatusOnce => {
                numbers(|number| number.status_callback = number.status_callback.as_deref().map(once));
            }
        }
    }
}

/// A setting that leads to the old backend.
fn old() -> Option<String> {
    Some(ELSEWHERE.to_owned())
}

/// `PN` and 32 digits: zeros, then the number's own.
fn number_sid(number: &Number) -> String {
    format!("PN{:0>32}", number.number.trim_start_matches('+'))
}

/// The URL without its connection overrides.
fn once(url: &str) -> String {
    url.split('#').next().unwrap_or_default().to_owned()
}
