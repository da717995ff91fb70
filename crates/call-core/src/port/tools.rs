//! The functions that a provider's agent invokes: run once, and traced (post-mortem 4.2).

use std::sync::Arc;

use async_trait::async_trait;

use crate::journal::Entry;
use crate::{Call, Fact, Input, Signal, ToolCall};

use super::{Clock, Store, StoreError, Switchboard, SwitchboardError, ToolRequest};

/// What a function returned, or why it failed; both are told to the agent.
pub type ToolOutcome = Result<String, String>;

/// The embedder's functions.
#[async_trait]
pub trait Functions: Send + Sync + 'static {
    /// Runs one function for the agent on this call. The result is JSON text; an error is one sentence that the agent
    /// can use.
    ///
    /// The same request may come twice if the provider sends it again while the first one runs: its id tells.
    async fn invoke(&self, call: &Call, request: &ToolRequest) -> ToolOutcome;
}

/// Runs functions, and writes down each invocation with its arguments, its outcome and its time.
#[derive(Clone)]
pub struct Tools {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    switchboard: Switchboard,
    functions: Arc<dyn Functions>,
}

impl Tools {
    /// Runs `functions`, and takes their traces to the calls of a store.
    pub fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        switchboard: Switchboard,
        functions: Arc<dyn Functions>,
    ) -> Self {
        Self { store, clock, switchboard, functions }
    }

    /// The outcome of one invocation on a call that was found by this look (1: at once). One that the journal has
    /// already is not run again: it gets the outcome that it had. If it was sent again while it ran, both get the outcome
    /// that the journal keeps.
    ///
    /// # Errors
    /// The store failed: before the function ran, or when its trace was to be kept. The provider may send it again.
    pub async fn run(&self, call: &Call, request: &ToolRequest, looks: u32) -> Result<ToolOutcome, SwitchboardError> {
        if let Some(outcome) = self.outcome_before(call, request).await? {
            return Ok(outcome);
        }
        let began = self.clock.now();
        let outcome = self.functions.invoke(call, request).await;
        let ToolRequest { id, name, arguments } = request.clone();
        let took = self.clock.now().since(began);
        let result = if planted!(FailureIsTracedAsSuccess) { Ok("null".to_owned()) } else { outcome.clone() };
        let trace = ToolCall { id, name, arguments, result, took, looks };
        let signal = Signal::new(Fact::ToolCall(trace)).keyed(format!("tool:{}", request.id)).happened(began);
        if planted!(FunctionIsNotTraced) {
            return Ok(outcome);
        }
        let handled = self.switchboard.report(call.id(), vec![signal], None).await?;
        // Sent twice, and ran twice at once: the first trace is kept, and the agent must not hear anything else.
        let kept = match handled.ignored {
            Some(_) if !planted!(AgentHearsAnotherOutcome) => self.outcome_before(&handled.call, request).await?,
            Some(_) | None => None,
        };
        Ok(kept.unwrap_or(outcome))
    }

    async fn outcome_before(&self, call: &Call, request: &ToolRequest) -> Result<Option<ToolOutcome>, StoreError> {
        if planted!(FunctionRunsAgain) {
            return Ok(None);
        }
        // The journal, and not the call's count: whoever brings the call may have read it before another server's trace.
        let journal = self.store.journal(call.id()).await?;
        Ok(journal.iter().rev().find_map(|entry| outcome_of(entry, request)))
    }
}

fn outcome_of(entry: &Entry, request: &ToolRequest) -> Option<ToolOutcome> {
    let Entry { input: Input::Signal(Signal { fact: Fact::ToolCall(trace), .. }), ignored: None, .. } = entry else {
        return None;
    };
    (trace.id == request.id && trace.name == request.name).then(|| trace.result.clone())
}
