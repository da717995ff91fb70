//! A brain without a model: enough rules to make an appointment.

use adapter_retell::llm::{After, Asked, Brain, Said, Why};

/// Asks for a day and for a name, and says goodbye.
#[derive(Debug, Default)]
pub(crate) struct Receptionist {
    day: Option<&'static str>,
    unanswered: u32,
}

const DAYS: [&str; 5] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday"];

impl Brain for Receptionist {
    fn greet(&mut self) -> Said {
        Said::new("Good day, this is the practice. Which day would suit you?")
    }

    fn answer(&mut self, asked: &Asked) -> Said {
        if asked.why == Why::Silence {
            self.unanswered += 1;
            return match self.unanswered {
                1 => Said::new("Are you still there?"),
                _ => Said::new("I cannot hear you. Please call again. Goodbye.").then(After::HangUp),
            };
        }
        self.unanswered = 0;
        let words = asked.last_words().unwrap_or_default().to_lowercase();
        if words.contains("human") || words.contains("speak to") {
            return Said::new("I will connect you.").then(After::Transfer("+12025550100".to_owned()));
        }
        // The transcript comes whole each time, but a day that was agreed on stays agreed on.
        let named = DAYS.into_iter().find(|day| words.contains(&day.to_lowercase()));
        match (named, self.day) {
            (Some(day), _) => {
                self.day = Some(day);
                Said::new(format!("{day} at ten is free. What is your name?"))
            }
            (None, None) => Said::new("We are open from Monday to Friday. Which day would suit you?"),
            (None, Some(day)) => {
                Said::new(format!("Thank you. We will see you on {day} at ten. Goodbye.")).then(After::HangUp)
            }
        }
    }
}
