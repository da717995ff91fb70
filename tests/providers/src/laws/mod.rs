//! The laws, one function each, named as a sentence.

pub mod dials;
pub mod errors;
pub mod events;
pub mod identity;
pub mod page;
pub mod requests;
pub mod secrets;
pub mod signatures;
mod stir;
pub mod totality;

use std::future::Future;
use std::time::Duration;

use call_core::port::{Answer, HookError, Provider as _, Received};
use call_core::{Call, Effect, Timestamp};
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, TestRunner};

use crate::{Adapter, Key, Message, born, effect_id};

/// Makes each law of the providers a test of its own, for a type that implements [`Adapter`].
#[macro_export]
macro_rules! provider_laws {
    ($adapter:ty) => {
        $crate::provider_laws! { @each $adapter;
            signatures: what_is_signed_is_believed, an_altered_byte_is_refused, another_keys_signature_is_refused,
                a_signature_fits_no_other_message, a_message_out_of_its_time_is_refused,
                nothing_of_an_unsigned_message_is_looked_at;
            events: every_documented_event_is_recorded, every_message_says_what_it_should,
                an_unknown_event_is_kept_and_harmless, an_unknown_field_is_kept_and_harmless,
                what_looks_like_a_secret_is_not_kept, every_question_has_a_reply;
            identity: a_message_that_comes_again_is_the_same_event, different_events_have_different_keys,
                a_repetition_changes_nothing, our_name_comes_back, a_life_ends_alike_in_any_order;
            requests: every_act_keeps_to_the_specification, what_cannot_be_done_is_refused_in_words,
                the_same_effect_is_the_same_request, our_name_travels_with_every_dial,
                any_effect_of_any_call_has_an_answer;
            dials: a_dial_that_was_taken_names_its_leg, a_refused_connection_proves_that_nothing_was_sent,
                a_reset_after_the_request_proves_nothing, silence_proves_nothing_and_ends_in_time,
                an_answer_that_breaks_off_proves_nothing, a_success_in_unreadable_words_proves_nothing,
                a_failing_provider_proves_nothing, a_redirect_is_not_followed,
                a_provider_that_is_busy_is_asked_again_when_it_says;
            errors: every_documented_error_has_its_class, every_status_of_the_specification_is_recorded,
                a_call_that_has_ended_is_hung_up;
            secrets: no_secret_is_shown, no_secret_is_logged, no_secret_is_in_an_answer;
            totality: any_message_has_an_answer, any_garbled_message_has_an_answer;
            page: the_page_tells_what_it_can_do, the_page_tells_what_it_says;
        }

        #[test]
        fn any_bytes_have_an_answer() {
            $crate::bolero::check!().for_each(|bytes: &[u8]| $crate::laws::totality::any_bytes::<$adapter>(bytes));
        }

        #[test]
        fn the_corpus_holds_every_recorded_message() {
            let file = ::std::path::Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().map(|root| root.join(file!()));
            $crate::laws::totality::corpus::<$adapter>(file, module_path!());
        }
    };
    (@each $adapter:ty; $($topic:ident: $($law:ident),+;)+) => {
        $($(
            #[test]
            fn $law() {
                $crate::laws::$topic::$law::<$adapter>();
            }
        )+)+
    };
}

/// Runs to its end what waits on sockets.
fn wait<T>(what: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(what)
}

/// Tries many values of a kind.
fn all<S: Strategy>(cases: u32, strategy: &S, law: impl Fn(S::Value)) {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let outcome = TestRunner::new(config).run(strategy, |value| {
        law(value);
        Ok(())
    });
    if let Err(broken) = outcome {
        panic!("{broken}");
    }
}

/// What a hook says to a message that is signed now, by the provider.
fn told<A: Adapter>(message: Message) -> Result<Received, HookError> {
    A::sign(message, Key::Ours, born()).tell(&A::hook(), born())
}

/// The same, where it must be read.
fn read<A: Adapter>(name: &str, message: Message) -> Received {
    told::<A>(message).unwrap_or_else(|why| panic!("{name}: {why}"))
}

/// Performs at `base`.
async fn perform<A: Adapter>(base: &str, call: &Call, effect: &Effect) -> Answer {
    let provider = A::provider(&format!("{base}{}", A::openapi().base()));
    provider.perform(call, &effect_id(call), effect).await
}

fn later(now: Timestamp, seconds: u64) -> Timestamp {
    now + Duration::from_secs(seconds)
}

fn earlier(now: Timestamp, seconds: u64) -> Timestamp {
    Timestamp::from_millis(now.as_millis() - i64::try_from(seconds * 1000).expect("some seconds"))
}
