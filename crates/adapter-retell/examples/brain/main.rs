//! A brain behind Retell's custom-LLM protocol, on the command line: what you type is what the caller says, what you see is
//! what would go over the socket.
//!
//! ```text
//! cargo run -p adapter-retell --example brain
//! ```

mod receptionist;

use std::error::Error;
use std::io::{BufRead as _, stdin};
use std::time::{SystemTime, UNIX_EPOCH};

use adapter_retell::llm::{Agent, Settings};
use call_core::Timestamp;
use receptionist::Receptionist;
use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn Error>> {
    let (mut agent, frames) = Agent::begin(Receptionist::default(), Settings::default(), now()?);
    let mut transcript = Vec::new();
    show(&frames, &mut transcript)?;
    for (line, response_id) in stdin().lock().lines().zip(1_u64..) {
        transcript.push(json!({"role": "user", "content": line?}));
        let asked =
            json!({"interaction_type": "response_required", "response_id": response_id, "transcript": transcript});
        let frames = agent.hear(&asked.to_string(), now()?)?;
        if show(&frames, &mut transcript)? {
            break;
        }
    }
    Ok(())
}

/// Whether the call is ended.
fn show(frames: &[String], transcript: &mut Vec<Value>) -> Result<bool, Box<dyn Error>> {
    let mut over = false;
    for frame in frames {
        println!("{frame}");
        let message: Value = serde_json::from_str(frame)?;
        if message["response_type"] == "response" {
            transcript.push(json!({"role": "agent", "content": message["content"]}));
        }
        over |= message["end_call"] == true;
    }
    Ok(over)
}

fn now() -> Result<Timestamp, Box<dyn Error>> {
    Ok(Timestamp::from_millis(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis().try_into()?))
}
