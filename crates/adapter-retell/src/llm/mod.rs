//! Retell's custom-LLM WebSocket (retell.md §7): Retell listens and speaks, and asks us over a socket what its agent says.
//!
//! The protocol only, without a socket: [`FromRetell`] and [`ToRetell`] are its messages, [`Session`] keeps its rules,
//! [`Agent`] lets a [`Brain`] talk by them. Whoever has the socket feeds text frames in and sends the frames that come
//! out.
//!
//! The socket is neither signed nor authenticated: put a secret into its URL.
//!
//! ```
//! use adapter_retell::llm::{After, Agent, Asked, Brain, Said, Settings};
//!
//! struct Parrot;
//!
//! impl Brain for Parrot {
//!     fn greet(&mut self) -> Said {
//!         Said::new("Say something.")
//!     }
//!
//!     fn answer(&mut self, asked: &Asked) -> Said {
//!         match asked.last_words() {
//!             Some("Bye.") => Said::new("Goodbye.").then(After::HangUp),
//!             words => Said::new(words.unwrap_or("Are you there?")),
//!         }
//!     }
//! }
//!
//! let now = "2026-11-21T08:00:00Z".parse()?;
//! let (mut agent, frames) = Agent::begin(Parrot, Settings::default(), now);
//! assert!(frames[0].contains(r#""response_type":"config""#));
//! assert!(frames[1].contains("Say something."));
//!
//! let asked = r#"{"interaction_type": "response_required", "response_id": 1,
//!     "transcript": [{"role": "user", "content": "Bye."}]}"#;
//! let frames = agent.hear(asked, now)?;
//! assert!(frames[0].contains(r#""end_call":true"#));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod brain;
mod close;
mod session;
mod wire;

pub use brain::{Agent, Brain, Said};
pub use close::{Leaving, ending_of};
pub use session::{After, Asked, Heard, Session, Stale, Unreadable, Why};
pub use wire::{AgentSettings, FromRetell, Interrupt, Response, Role, Settings, ToRetell, TurnTaking, Utterance};
