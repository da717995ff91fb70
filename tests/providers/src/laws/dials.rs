//! A dial is sent at most once: only proof that nobody was rung allows another one (design law 3).

use std::time::{Duration, Instant};

use call_core::port::Answer;
use call_core::{DialAnswer, Effect, Fact};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::stir::example;
use super::{perform, wait};
use crate::{Adapter, Far, Said, nowhere, raw, stage};

async fn dial<A: Adapter>(base: &str) -> Answer {
    let stage = stage::<A>();
    perform::<A>(base, &stage.dialing(stage.plan(A::script())), &Effect::Dial).await
}

/// To one answer; it is asked once.
async fn answer<A: Adapter>(said: Said) -> Answer {
    let far = Far::answering(move |_| said.clone()).await;
    let answer = dial::<A>(&far.url()).await;
    assert_eq!(far.seen().len(), 1, "nothing is retried");
    answer
}

fn unknown(answer: &Answer) -> &str {
    let Answer::Unknown { why } = answer else { panic!("{answer:?}") };
    assert!(!why.is_empty());
    why
}

/// One fact: the dial is accepted, as this leg.
pub fn a_dial_that_was_taken_names_its_leg<A: Adapter>() {
    wait(async {
        let far = Far::answering(example::<A>()).await;
        let answer = dial::<A>(&far.url()).await;
        let Answer::Done(signals) = &answer else { panic!("{answer:?}") };
        let accepted = signals.iter().find(|signal| signal.fact == Fact::Dialed(DialAnswer::Accepted));
        let leg = accepted.and_then(|signal| signal.leg.clone()).unwrap_or_else(|| panic!("{signals:?}"));
        assert_eq!(leg.provider, A::NAME);
        let ended = signals.iter().find(|signal| signal.fact.ending().is_some());
        assert_eq!(ended, None, "a call that was just taken is not over");
        assert_eq!(far.seen().len(), 1);
    });
}

/// The only silence that proves anything.
pub fn a_refused_connection_proves_that_nothing_was_sent<A: Adapter>() {
    wait(async {
        let answer = dial::<A>(&nowhere().await).await;
        assert!(matches!(&answer, Answer::Later { why, .. } if !why.is_empty()), "{answer:?}");
    });
}

/// The connection breaks while the request is on its way.
pub fn a_reset_after_the_request_proves_nothing<A: Adapter>() {
    wait(async {
        let base = raw(|mut socket| async move {
            // Closed with unread bytes in it: a reset.
            let _ = socket.read(&mut [0; 64]).await;
        })
        .await;
        unknown(&dial::<A>(&base).await);
    });
}

/// Nobody waits for ever.
pub fn silence_proves_nothing_and_ends_in_time<A: Adapter>() {
    wait(async {
        let base = raw(|mut socket| async move {
            let _ = socket.read_to_end(&mut Vec::new()).await;
        })
        .await;
        let begun = Instant::now();
        unknown(&dial::<A>(&base).await);
        assert!(begun.elapsed() < Duration::from_secs(5), "it took {:?}", begun.elapsed());
    });
}

/// A head that promises more than comes.
pub fn an_answer_that_breaks_off_proves_nothing<A: Adapter>() {
    wait(async {
        let base = raw(|mut socket| async move {
            let _ = socket.read(&mut [0; 4096]).await;
            let _ = socket.write_all(b"HTTP/1.1 201 Created\r\ncontent-length: 900\r\n\r\n{\"id\": \"").await;
        })
        .await;
        unknown(&dial::<A>(&base).await);
    });
}

/// It was taken, and nobody knows as what.
pub fn a_success_in_unreadable_words_proves_nothing<A: Adapter>() {
    wait(async {
        for body in ["", "{", "{}", "[]", "null", "<html/>", "{\"data\": {}}", "{\"call_id\": 7, \"sid\": \"?\"}"] {
            for status in [200, 201] {
                unknown(&answer::<A>(Said::new(status, body)).await);
            }
        }
    });
}

/// It may have rung before it failed.
pub fn a_failing_provider_proves_nothing<A: Adapter>() {
    wait(async {
        for status in [408, 500, 502, 503, 504, 599] {
            unknown(&answer::<A>(A::refusal(status, None)).await);
            unknown(&answer::<A>(Said::new(status, "<html>Bad gateway</html>")).await);
        }
    });
}

/// Whoever redirects is not the provider's API.
pub fn a_redirect_is_not_followed<A: Adapter>() {
    wait(async {
        let elsewhere = Far::answering(|_| Said::new(200, "{}")).await;
        for status in [301, 302, 307, 308] {
            let answer = answer::<A>(Said::new(status, "").with("location", elsewhere.url())).await;
            assert!(matches!(answer, Answer::Refused { .. }), "{answer:?}");
        }
        assert!(elsewhere.seen().is_empty());
    });
}

/// 429: nothing was processed.
pub fn a_provider_that_is_busy_is_asked_again_when_it_says<A: Adapter>() {
    wait(async {
        for (said, wait) in [(A::refusal(429, None), None), (A::refusal(429, None).with("retry-after", "3"), Some(3))] {
            let answer = answer::<A>(said).await;
            let Answer::Later { after, .. } = answer else { panic!("{answer:?}") };
            assert_eq!(after, wait.map(Duration::from_secs));
        }
    });
}
