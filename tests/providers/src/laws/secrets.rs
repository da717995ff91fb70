//! Secrets are shown to the provider, and to nobody else.

use call_core::port::Answer;

use super::stir::{example, stir};
use super::{told, wait};
use crate::logs::Logs;
use crate::{Adapter, Far, Key, Said, born, nowhere};

fn hides<A: Adapter>(place: &str, text: &str) {
    assert!(!A::SECRETS.is_empty());
    for secret in A::SECRETS {
        assert!(!text.contains(secret), "{place} shows {secret:?}");
    }
}

/// In `Debug`, plain and pretty.
pub fn no_secret_is_shown<A: Adapter>() {
    let provider = A::provider("http://127.0.0.1:9");
    for (place, text) in [
        ("the configuration", A::config()),
        ("the hook", format!("{:?} {:#?}", A::hook(), A::hook())),
        ("the provider", format!("{provider:?} {provider:#?}")),
    ] {
        hides::<A>(place, &text);
    }
}

/// While messages are read, believed or not, and while effects succeed, are refused and fail.
pub fn no_secret_is_logged<A: Adapter>() {
    let logs = Logs::of_this_thread();
    tracing::info!("a canary");
    for recorded in A::recordings().messages {
        let _ = told::<A>(recorded.message.clone());
        let _ = A::sign(recorded.message, Key::Other, born()).tell(&A::hook(), born());
    }
    wait(async {
        let far = Far::answering(example::<A>()).await;
        stir::<A>(&far.url()).await;
        stir::<A>(&nowhere().await).await;
    });
    let text = logs.text();
    assert!(text.contains("a canary"), "what is logged is seen");
    assert!(text.contains("reqwest") || text.contains("hyper"), "what the HTTP library logs is seen");
    hides::<A>("the log", &text);
}

/// Whatever goes wrong, its explanation is for everybody.
pub fn no_secret_is_in_an_answer<A: Adapter>() {
    wait(async {
        let refusing = Far::answering(|_| A::refusal(401, None)).await;
        let failing = Far::answering(|_| Said::new(502, "<html/>")).await;
        for base in [refusing.url(), failing.url(), nowhere().await] {
            for answer in stir::<A>(&base).await {
                match &answer {
                    Answer::Done(signals) => hides::<A>("a signal", &format!("{signals:?}")),
                    Answer::Later { why, .. } | Answer::Refused { why } | Answer::Unknown { why } => {
                        hides::<A>("an answer", why);
                    }
                }
            }
        }
    });
    for recorded in A::recordings().messages {
        let forged = A::sign(recorded.message.clone(), Key::Other, born()).tell(&A::hook(), born());
        hides::<A>("a refusal", &format!("{forged:?}"));
        hides::<A>("a message", &format!("{:?}", told::<A>(recorded.message)));
    }
}
