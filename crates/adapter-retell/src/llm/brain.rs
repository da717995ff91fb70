//! Whoever decides what the agent says.

use call_core::Timestamp;

use super::session::{After, Asked, Heard, Session, Stale, Unreadable, Why};
use super::wire::{Settings, ToRetell};

/// Decides what the agent says. For brains that answer at once; one that streams its words as they come uses a
/// [`Session`] itself.
pub trait Brain {
    /// The first words; none, and the caller begins.
    fn greet(&mut self) -> Said;

    /// What to say now. It may be asked for an answer that is then superseded: what it does meanwhile must bear
    /// repetition.
    fn answer(&mut self, asked: &Asked) -> Said;
}

/// An answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said {
    words: String,
    after: After,
}

impl Said {
    /// These words, and then the caller's turn.
    #[must_use]
    pub fn new(words: impl Into<String>) -> Self {
        Self { words: words.into(), after: After::Listen }
    }

    /// The same words, and something else after them.
    #[must_use]
    pub fn then(mut self, after: After) -> Self {
        self.after = after;
        self
    }
}

/// A brain on a connection: text frames in, text frames out.
#[derive(Debug)]
pub struct Agent<B> {
    session: Session,
    brain: B,
}

impl<B: Brain> Agent<B> {
    /// A call begins. The frames are to be sent at once.
    pub fn begin(brain: B, settings: Settings, now: Timestamp) -> (Self, Vec<String>) {
        let (session, config, greeting) = Session::begin(settings, now);
        let mut agent = Self { session, brain };
        let frames = std::iter::once(frame(&config)).chain(agent.speak(&greeting)).collect();
        (agent, frames)
    }

    /// Retell has connected again for the same call.
    pub fn resume(brain: B, settings: Settings, now: Timestamp) -> (Self, Vec<String>) {
        let (session, config) = Session::resume(settings, now);
        (Self { session, brain }, vec![frame(&config)])
    }

    /// Takes one text frame; those that it is answered with are to be sent at once.
    ///
    /// # Errors
    /// It is not a message of the protocol. The connection goes on.
    pub fn hear(&mut self, text: &str, now: Timestamp) -> Result<Vec<String>, Unreadable> {
        Ok(match self.session.hear(text, now)? {
            Heard::Send(message) => vec![frame(&message)],
            Heard::Asked(asked) => self.speak(&asked).into_iter().collect(),
            Heard::Told(_) | Heard::Call(_) | Heard::Nothing => Vec::new(),
        })
    }

    /// The rules of the connection.
    #[must_use]
    pub const fn session(&self) -> &Session {
        &self.session
    }

    fn speak(&mut self, asked: &Asked) -> Option<String> {
        let said = match asked.why {
            Why::Greeting => self.brain.greet(),
            Why::Spoken | Why::Silence => self.brain.answer(asked),
        };
        let answer: Result<ToRetell, Stale> = self.session.finish(asked.response_id, said.words, &said.after);
        answer.ok().map(|message| frame(&message))
    }
}

fn frame(message: &ToRetell) -> String {
    serde_json::to_string(message).expect("texts, numbers and JSON values are JSON")
}
