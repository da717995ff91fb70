//! The laws can see: an adapter with one flaw breaks the law that is about it.
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub, reason = "a test")]

#[path = "../examples/skeleton/laws.rs"]
mod laws;
#[path = "../examples/skeleton/skeleton.rs"]
mod skeleton;

use std::fmt;
use std::panic::catch_unwind;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use call_core::port::{Answer, Hook, HookError, HookRequest, Inadmissible, Provider, Question, Received, Reply};
use call_core::{
    Call, CallId, Conduct, Disposition, Effect, EffectId, Fact, HangupAnswer, Hungup, Plan, Policy, ProviderName,
    Report, Script, Signal, Timestamp,
};
use laws::{AtAcme, KEY};
use provider_laws::{Adapter, Key, Message, OpenApi, Recordings, Said, Signing, born, laws as law};
use serde_json::Value;
use skeleton::{Acme, AcmeHook};

/// The skeleton, with one flaw.
struct Flawed<const FLAW: u8>;
struct FlawedHook<const FLAW: u8>(AcmeHook);
struct FlawedProvider<const FLAW: u8>(Acme);

/// Each flaw, and the law that it breaks.
macro_rules! flaws {
    ($($flaw:ident = $number:literal, $name:ident: $topic:ident::$law:ident;)+) => {
        $(const $flaw: u8 = $number;)+

        $(#[test]
        fn $name() {
            assert!(catch_unwind(law::$topic::$law::<Flawed<$number>>).is_err(), "the law did not see it");
        })+

        #[test]
        fn without_a_flaw_these_laws_are_kept() {
            $(law::$topic::$law::<Flawed<0>>();)+
        }
    };
}

flaws! {
    ANYBODY = 1, it_believes_anybody: signatures::another_keys_signature_is_refused;
    ANY_TIME = 2, it_believes_any_time: signatures::a_message_out_of_its_time_is_refused;
    ANY_MESSAGE = 3, it_believes_a_signature_of_another_message: signatures::a_signature_fits_no_other_message;
    HALF = 4, it_checks_half_of_the_body: signatures::an_altered_byte_is_refused;
    PARSES_FIRST = 5, it_parses_before_it_verifies: signatures::nothing_of_an_unsigned_message_is_looked_at;
    TRUSTS_NOBODY = 6, it_believes_nobody: signatures::what_is_signed_is_believed;
    UNDOCUMENTED = 7, an_event_is_not_recorded: events::every_documented_event_is_recorded;
    DEAF = 8, it_does_not_hear_the_answer: events::every_message_says_what_it_should;
    ENDS = 9, what_it_does_not_know_ends_the_call: events::an_unknown_event_is_kept_and_harmless;
    DROPS = 10, it_drops_what_it_does_not_know: events::an_unknown_field_is_kept_and_harmless;
    KEEPS = 11, it_keeps_everything: events::what_looks_like_a_secret_is_not_kept;
    RUDE = 12, it_does_not_acknowledge: events::every_question_has_a_reply;
    RENAMES = 13, it_names_events_by_the_time: identity::a_message_that_comes_again_is_the_same_event;
    ONE_NAME = 14, it_names_all_events_alike: identity::different_events_have_different_keys;
    NAMELESS = 15, it_gives_events_no_name: identity::different_events_have_different_keys;
    REPEATS = 16, it_takes_a_repetition_for_news: identity::a_repetition_changes_nothing;
    FORGETS = 42, it_forgets_our_name: identity::our_name_comes_back;
    HASTY = 17, it_takes_the_answer_for_the_end: identity::a_life_ends_alike_in_any_order;
    ASTRAY = 18, it_sends_to_a_path_that_is_none: requests::every_act_keeps_to_the_specification;
    MUTE = 19, it_refuses_without_a_reason: requests::what_cannot_be_done_is_refused_in_words;
    ADMITS = 20, it_admits_what_it_cannot_do: requests::what_cannot_be_done_is_refused_in_words;
    RESTLESS = 21, it_never_says_the_same_twice: requests::the_same_effect_is_the_same_request;
    SECRETIVE = 22, it_does_not_send_our_name: requests::our_name_travels_with_every_dial;
    HELPLESS = 23, it_panics_at_an_odd_name: requests::any_effect_of_any_call_has_an_answer;
    EAGER = 24, it_dials_again: dials::a_success_in_unreadable_words_proves_nothing;
    DOUBTLESS = 25, it_takes_silence_for_a_refusal: dials::silence_proves_nothing_and_ends_in_time;
    HOPEFUL = 26, it_takes_a_reset_for_a_refusal: dials::a_reset_after_the_request_proves_nothing;
    FEARFUL = 27, it_doubts_a_refused_connection: dials::a_refused_connection_proves_that_nothing_was_sent;
    CURT = 28, it_takes_half_an_answer_for_a_refusal: dials::an_answer_that_breaks_off_proves_nothing;
    FORGIVING = 29, it_takes_a_failure_for_a_refusal: dials::a_failing_provider_proves_nothing;
    FOLLOWS = 30, it_follows_redirects: dials::a_redirect_is_not_followed;
    IMPATIENT = 31, it_does_not_wait_as_it_is_told: dials::a_provider_that_is_busy_is_asked_again_when_it_says;
    BURIES = 32, it_takes_a_dialled_call_for_ended: dials::a_dial_that_was_taken_names_its_leg;
    STRICT = 33, it_fails_to_hang_up_what_is_over: errors::every_documented_error_has_its_class;
    HAUNTED = 34, it_takes_a_missing_call_for_a_live_one: errors::every_documented_error_has_its_class;
    UNRECORDED = 35, an_error_is_not_recorded: errors::every_status_of_the_specification_is_recorded;
    GRUMPY = 36, it_refuses_a_hang_up_that_was_taken: errors::a_call_that_has_ended_is_hung_up;
    SHOWS = 37, it_shows_its_key: secrets::no_secret_is_shown;
    LOGS = 38, it_logs_its_key: secrets::no_secret_is_logged;
    TELLS = 39, it_explains_with_its_key: secrets::no_secret_is_in_an_answer;
    BRITTLE = 40, it_panics_at_bytes_that_are_no_text: totality::any_message_has_an_answer;
    GLOOMY = 43, it_takes_what_it_cannot_read_for_the_end: totality::any_garbled_message_has_an_answer;
    NAIVE = 41, it_panics_at_a_number_for_a_text: totality::any_garbled_message_has_an_answer;
}

/// The fuzzer's own target.
#[test]
fn it_panics_at_any_bytes() {
    assert!(catch_unwind(|| law::totality::any_bytes::<Flawed<BRITTLE>>(b"/events\n\xff")).is_err());
    law::totality::any_bytes::<Flawed<0>>(b"/events\n\xff");
}

impl<const FLAW: u8> Hook for FlawedHook<FLAW> {
    fn name(&self) -> ProviderName {
        self.0.name()
    }

    fn receive(&self, request: &HookRequest<'_>) -> Result<Received, HookError> {
        let time = (request.header)("x-acme-time").unwrap_or_default();
        let genuine = skeleton::sign(KEY, time, request.body);
        let claimed = (request.header)("x-acme-signature").unwrap_or_default();
        let believed = |name: &str| match name {
            "x-acme-signature" => Some(genuine.as_str()),
            _ => Some(time),
        };
        let mut request = HookRequest { ..*request };
        match FLAW {
            ANYBODY if !claimed.is_empty() => return self.0.receive(&HookRequest { header: &believed, ..request }),
            ANY_MESSAGE if claimed.len() == 64 => {
                return self.0.receive(&HookRequest { header: &believed, ..request });
            }
            // Whoever knows the second half of the digest.
            HALF if claimed.get(32..) == genuine.get(32..) => {
                return self.0.receive(&HookRequest { header: &believed, ..request });
            }
            ANY_TIME => request.now = Timestamp::from_millis(time.parse().unwrap_or_default()),
            PARSES_FIRST if serde_json::from_slice::<Value>(request.body).is_err() => {
                return Err(HookError::Malformed("not JSON".to_owned()));
            }
            TRUSTS_NOBODY => return Err(HookError::Unsigned),
            BRITTLE => drop(std::str::from_utf8(request.body).expect("text").to_owned()),
            _ => {}
        }
        let mut received = self.0.receive(&request)?;
        for signal in &mut received.signals {
            self.spoil(signal, &request);
        }
        if FLAW == FORGETS {
            received.address.call = None;
        }
        Ok(received)
    }

    fn reply(&self, question: &Question, call: Option<&Call>) -> Reply {
        self.0.reply(question, call)
    }

    fn acknowledge(&self) -> Reply {
        let reply = self.0.acknowledge();
        Reply { status: if FLAW == RUDE { 500 } else { reply.status }, ..reply }
    }
}

impl<const FLAW: u8> FlawedHook<FLAW> {
    fn spoil(&self, signal: &mut Signal, request: &HookRequest<'_>) {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let end = || Fact::Ended(Hungup::new(Disposition::Failed));
        match FLAW {
            DEAF if signal.fact == Fact::Answered => signal.fact = Fact::Unknown("answered".to_owned()),
            ENDS if matches!(signal.fact, Fact::Unknown(_)) => signal.fact = end(),
            DROPS => signal.extra.clear(),
            KEEPS => drop(signal.extra.insert("raw".to_owned(), String::from_utf8_lossy(request.body).into_owned())),
            RENAMES => signal.key = Some(format!("{:?}", request.now)),
            ONE_NAME => signal.key = Some("event".to_owned()),
            NAMELESS => signal.key = None,
            REPEATS => {
                let count = COUNT.fetch_add(1, Ordering::Relaxed);
                signal.key = Some(format!("{count}"));
                signal.fact = Fact::Digits(format!("{count}"));
            }
            GLOOMY if !String::from_utf8_lossy(request.body).contains("\"ours\":\"0") => signal.fact = end(),
            HASTY if signal.fact == Fact::Answered => signal.fact = end(),
            NAIVE => {
                let body: Value = serde_json::from_slice(request.body).unwrap_or_default();
                assert!(body["ours"].is_string() || body["ours"].is_null(), "a text");
            }
            _ => {}
        }
    }
}

impl<const FLAW: u8> fmt::Debug for FlawedHook<FLAW> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if FLAW == SHOWS { KEY } else { "FlawedHook" })
    }
}

#[async_trait::async_trait]
impl<const FLAW: u8> Provider for FlawedProvider<FLAW> {
    fn name(&self) -> ProviderName {
        self.0.name()
    }

    fn admit(&self, plan: &Plan) -> Result<Conduct, Inadmissible> {
        if FLAW == ADMITS { Ok(Conduct::Agent) } else { self.0.admit(plan) }
    }

    async fn perform(&self, call: &Call, id: &EffectId, effect: &Effect) -> Answer {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let renamed = |id: CallId, from: String| {
            let plan = Plan { from, ..Plan::clone(call.plan()) };
            Call::dial(id, plan, Policy::default(), born()).0
        };
        let spoilt = match FLAW {
            SECRETIVE => Some(renamed(CallId::new(born(), [8; 10]), call.plan().from.clone())),
            RESTLESS => Some(renamed(call.id(), COUNT.fetch_add(1, Ordering::Relaxed).to_string())),
            _ => None,
        };
        if let (HELPLESS, Effect::Transfer { to }) = (FLAW, effect) {
            assert!(!to.is_empty(), "a number");
        }
        if FLAW == LOGS {
            tracing::debug!(key = KEY, "asking");
        }
        let call = spoilt.as_ref().filter(|_| matches!(effect, Effect::Dial)).unwrap_or(call);
        let answer = self.0.perform(call, id, effect).await;
        if FLAW == EAGER && matches!(answer, Answer::Unknown { .. }) {
            return self.0.perform(call, id, effect).await;
        }
        worse::<FLAW>(answer)
    }
}

/// What a flaw makes of an answer.
fn worse<const FLAW: u8>(answer: Answer) -> Answer {
    let told = |fact| Answer::Done(vec![Signal::new(fact)]);
    let is = |fact: &Fact| matches!(&answer, Answer::Done(signals) if signals.iter().any(|s| s.fact == *fact));
    match (FLAW, answer.clone()) {
        (MUTE, Answer::Refused { .. }) => Answer::Refused { why: "no".to_owned() },
        (DOUBTLESS | HOPEFUL | CURT | FORGIVING, Answer::Unknown { why }) => Answer::Refused { why },
        (FEARFUL, Answer::Later { why, .. }) => Answer::Unknown { why },
        (IMPATIENT, Answer::Later { why, .. }) => Answer::Later { after: None, why },
        (TELLS, Answer::Later { why, .. } | Answer::Refused { why } | Answer::Unknown { why }) => {
            Answer::Refused { why: format!("{why}, asked with {KEY}") }
        }
        (BURIES, Answer::Done(mut signals)) => {
            signals.push(Signal::new(Fact::Ended(Hungup::new(Disposition::Completed))));
            Answer::Done(signals)
        }
        (STRICT, Answer::Done(_)) if is(&Fact::HangupAnswer(HangupAnswer::AlreadyEnded)) => {
            Answer::Refused { why: "already ended".to_owned() }
        }
        (GRUMPY, Answer::Done(_)) if is(&Fact::HangupAnswer(HangupAnswer::Accepted)) => {
            Answer::Refused { why: "cannot read it".to_owned() }
        }
        (HAUNTED, Answer::Done(_)) if is(&Fact::Report(Report::Gone)) => told(Fact::Report(Report::InProgress)),
        (_, answer) => answer,
    }
}

impl<const FLAW: u8> fmt::Debug for FlawedProvider<FLAW> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FlawedProvider")
    }
}

impl<const FLAW: u8> Adapter for Flawed<FLAW> {
    type Hook = FlawedHook<FLAW>;
    type Provider = FlawedProvider<FLAW>;

    const NAME: ProviderName = AtAcme::NAME;
    const SIGNING: Signing = AtAcme::SIGNING;
    const LEGS: [&'static str; 2] = AtAcme::LEGS;
    const CANNOT: &'static [&'static str] = AtAcme::CANNOT;
    const SECRETS: &'static [&'static str] = AtAcme::SECRETS;

    fn script() -> Script {
        AtAcme::script()
    }

    fn hook() -> Self::Hook {
        FlawedHook(AtAcme::hook())
    }

    fn provider(base: &str) -> Self::Provider {
        let base = if FLAW == ASTRAY { format!("{base}/v7") } else { base.to_owned() };
        let mut inner = AtAcme::provider(&base);
        if FLAW == FOLLOWS {
            let client = reqwest::Client::builder().timeout(Duration::from_secs(1)).tls_certs_only([]).no_proxy();
            inner.0 = client.build().unwrap();
        }
        FlawedProvider(inner)
    }

    fn config() -> String {
        AtAcme::config()
    }

    fn sign(message: Message, key: Key, at: Timestamp) -> Message {
        AtAcme::sign(message, key, at)
    }

    fn recordings() -> Recordings {
        let mut recordings = AtAcme::recordings();
        match FLAW {
            UNDOCUMENTED => recordings.documented.push("vanished".to_owned()),
            UNRECORDED => recordings.errors.retain(|refusal| refusal.status != 409),
            _ => {}
        }
        recordings
    }

    fn unknown(event: &str) -> Message {
        AtAcme::unknown(event)
    }

    fn with_field(message: Message, name: &str, value: &str) -> Message {
        AtAcme::with_field(message, name, value)
    }

    fn refusal(status: u16, code: Option<u32>) -> Said {
        AtAcme::refusal(status, code)
    }

    fn openapi() -> &'static OpenApi {
        AtAcme::openapi()
    }
}
