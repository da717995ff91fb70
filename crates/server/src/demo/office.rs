//! The clinic's own functions, which an agent invokes.

use async_trait::async_trait;
use call_core::Call;
use call_core::port::{Functions, ToolOutcome, ToolRequest};
use serde_json::json;

pub(super) struct Office;

#[async_trait]
impl Functions for Office {
    async fn invoke(&self, call: &Call, request: &ToolRequest) -> ToolOutcome {
        match request.name.as_str() {
            "initialize_call" => Ok(json!({ "caller": call.plan().to, "known": call.subject().is_some() }).to_string()),
            "check_availability" => Ok(json!({ "slots": ["10:00", "14:30"] }).to_string()),
            other => Err(format!("there is no function {other}")),
        }
    }
}
