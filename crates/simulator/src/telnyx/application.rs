//! Call Control applications: where webhooks go, and in which shape.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{event::millis, settings::TelnyxConfig};

/// One application, as the REST API shows it. What it does not know of it keeps all the same.
#[derive(Debug, Clone)]
pub(super) struct Application {
    pub(super) id: String,
    fields: Map<String, Value>,
}

impl Application {
    /// The account's application.
    pub(super) fn configured(config: &TelnyxConfig) -> Self {
        let fields = json!({
            "application_name": "simulated",
            "webhook_event_url": config.webhook_url.as_deref().unwrap_or_default(),
            "webhook_event_failover_url": config.webhook_failover_url,
            "webhook_api_version": config.webhook_api_version,
            "call_cost_in_webhooks": config.call_cost_in_webhooks,
            "outbound": { "outbound_voice_profile_id": super::account::PROFILE },
        });
        Self::new(config.connection_id.clone(), &fields)
    }

    /// A new one: Telnyx's defaults, and on them what its maker said.
    pub(super) fn new(id: String, said: &Value) -> Self {
        let now = millis(Timestamp::now());
        let defaults = json!({
            "record_type": "call_control_application",
            "id": id,
            "active": true,
            "anchorsite_override": "Latency",
            "dtmf_type": "RFC 2833",
            "first_command_timeout": false,
            "first_command_timeout_secs": 30,
            "inbound": {},
            "outbound": {},
            "redact_dtmf_debug_logging": false,
            "tags": [],
            "webhook_api_version": "1",
            "webhook_event_failover_url": null,
            "webhook_timeout_secs": null,
            "call_cost_in_webhooks": false,
            "created_at": now,
            "updated_at": now,
        });
        let mut application = Self { id, fields: Map::new() };
        application.change(&defaults);
        application.change(said);
        application
    }

    /// Sets the fields given; the others stay.
    pub(super) fn change(&mut self, said: &Value) {
        for (name, value) in said.as_object().into_iter().flatten() {
            self.fields.insert(name.clone(), value.clone());
        }
        self.fields.insert("id".into(), json!(self.id));
        self.fields.insert("updated_at".into(), json!(millis(Timestamp::now())));
    }

    pub(super) fn shown(&self) -> Value {
        Value::Object(self.fields.clone())
    }

    /// Where its webhooks go, first and if that fails.
    pub(super) fn urls(&self) -> (Option<String>, Option<String>) {
        let url = |name| self.text(name).filter(|url| !url.is_empty()).map(str::to_owned);
        (url("webhook_event_url"), url("webhook_event_failover_url"))
    }

    pub(super) fn is_version_1(&self) -> bool {
        self.text("webhook_api_version") == Some("1")
    }

    pub(super) fn tells_cost(&self) -> bool {
        self.fields.get("call_cost_in_webhooks") == Some(&Value::Bool(true))
    }

    pub(super) fn is_active(&self) -> bool {
        self.fields.get("active") != Some(&Value::Bool(false))
    }

    /// Phone seconds after which a call that got no command is hung up, where that is switched on.
    pub(super) fn first_command(&self) -> Option<f64> {
        let wanted = self.fields.get("first_command_timeout") == Some(&Value::Bool(true));
        let seconds = self.fields.get("first_command_timeout_secs").and_then(Value::as_f64);
        wanted.then_some(seconds.unwrap_or(30.0))
    }

    /// Seconds to wait for the answer to a webhook.
    pub(super) fn patience(&self) -> Option<u64> {
        self.fields.get("webhook_timeout_secs").and_then(Value::as_u64).filter(|seconds| *seconds > 0)
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.fields.get(name).and_then(Value::as_str)
    }
}
