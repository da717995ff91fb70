//! The custom-LLM protocol: what is sent, what still counts, and how to leave.

use std::time::Duration;

use adapter_retell::llm::{
    After, Agent, Asked, Brain, FromRetell, Heard, Leaving, Role, Said, Session, Settings, Stale, ToRetell, Why,
    ending_of,
};
use proptest::prelude::*;
use provider_laws::born;
use serde_json::{Value, json};

fn frame(message: &ToRetell) -> Value {
    serde_json::to_value(message).unwrap()
}

fn required(id: u64) -> String {
    json!({"interaction_type": "response_required", "response_id": id, "transcript": [
        {"role": "agent", "content": "Hello."}, {"role": "user", "content": "Is Friday free?", "words": []}
    ]})
    .to_string()
}

fn asked(session: &mut Session, id: u64) -> Asked {
    let heard = session.hear(&required(id), born()).unwrap();
    let Heard::Asked(asked) = heard else { panic!("{heard:?}") };
    asked
}

#[test]
fn the_settings_come_first_and_then_the_greeting() {
    let (mut session, config, greeting) = Session::begin(Settings::default(), born());
    assert_eq!(
        frame(&config),
        json!({"response_type": "config", "config": {"auto_reconnect": true, "call_details": true, "transcript_with_tool_calls": false}})
    );
    assert_eq!((greeting.response_id, greeting.why), (0, Why::Greeting));
    assert_eq!(
        frame(&session.finish(0, "", &After::Listen).unwrap()),
        json!({"response_type": "response", "response_id": 0, "content": "", "content_complete": true}),
        "no words: the caller begins"
    );
    let (session, _) = Session::resume(Settings::default(), born());
    assert_eq!(session.owed(), None, "a caller is greeted once");
}

#[test]
fn a_sign_of_life_is_echoed_as_it_came() {
    let (mut session, _) = Session::resume(Settings::default(), born());
    let heard = session.hear(r#"{"interaction_type":"ping_pong","timestamp":1795248000123}"#, born()).unwrap();
    let Heard::Send(echo) = heard else { panic!("{heard:?}") };
    assert_eq!(frame(&echo), json!({"response_type": "ping_pong", "timestamp": 1_795_248_000_123_i64}));
    assert!(!session.is_lost(born() + Duration::from_secs(5)));
    assert!(session.is_lost(born() + Duration::from_millis(5001)));
    let silent = Settings { auto_reconnect: false, ..Settings::default() };
    assert!(!Session::resume(silent, born()).0.is_lost(born() + Duration::from_secs(60)), "none were asked for");
}

#[test]
fn only_the_newest_answer_counts_and_only_until_it_is_complete() {
    let (mut session, _, _) = Session::begin(Settings::default(), born());
    assert_eq!(session.say(1, "?"), Err(Stale::Unasked(1)));
    let question = asked(&mut session, 1);
    assert_eq!((question.last_words(), session.owed()), (Some("Is Friday free?"), Some(1)));
    assert_eq!(session.say(0, "late greeting"), Err(Stale::Superseded(0)));
    assert_eq!(frame(&session.say(1, "Let me ").unwrap())["content_complete"], json!(false));

    asked(&mut session, 2);
    assert_eq!(session.finish(1, "see.", &After::Listen), Err(Stale::Superseded(1)));
    assert_eq!(session.hear(&required(1), born()).unwrap(), Heard::Nothing, "overtaken on its way");
    session.finish(2, "Yes.", &After::Listen).unwrap();
    assert_eq!(session.say(2, "And"), Err(Stale::Complete(2)));
    assert_eq!(session.owed(), None);
}

#[test]
fn news_supersedes_nothing() {
    let (mut session, _, _) = Session::begin(Settings::default(), born());
    asked(&mut session, 1);
    let news = r#"{"interaction_type":"update_only","transcript":[{"role":"transfer_target","content":"Hm"}],"turntaking":"user_turn"}"#;
    let Heard::Told(transcript) = session.hear(news, born()).unwrap() else { panic!() };
    assert_eq!(transcript[0].role, Role::Other);
    let details = json!({"interaction_type": "call_details", "call": {"call_id": "call_1"}}).to_string();
    assert!(matches!(session.hear(&details, born()).unwrap(), Heard::Call(call) if call["call_id"] == "call_1"));
    assert_eq!(session.hear(r#"{"interaction_type":"brand_new","x":1}"#, born()).unwrap(), Heard::Nothing);
    assert!(session.say(1, "Still here.").is_ok());
}

#[test]
fn at_most_one_action_follows_an_answer() {
    let actions = ["end_call", "transfer_number", "digit_to_press"];
    let cases = [
        (After::Listen, json!({})),
        (After::HangUp, json!({"end_call": true})),
        (After::Transfer("+15550000004".to_owned()), json!({"transfer_number": "+15550000004"})),
        (After::Press('#'), json!({"digit_to_press": "#"})),
    ];
    for (after, expected) in cases {
        let (mut session, _, _) = Session::begin(Settings::default(), born());
        let answer = frame(&session.finish(0, "Bye.", &after).unwrap());
        let interrupt = frame(&session.interrupt("Bye.", &after));
        assert_eq!((&interrupt["response_type"], &interrupt["interrupt_id"]), (&json!("agent_interrupt"), &json!(1)));
        for message in [answer, interrupt] {
            for action in actions {
                assert_eq!(message.get(action), expected.get(action), "{after:?}");
            }
        }
    }
}

#[test]
fn every_message_has_the_fields_of_the_documentation() {
    let invocation =
        ToRetell::ToolCallInvocation { tool_call_id: "t1".into(), name: "book".into(), arguments: "{}".into() };
    assert_eq!(
        frame(&invocation),
        json!({"response_type": "tool_call_invocation", "tool_call_id": "t1", "name": "book", "arguments": "{}"})
    );
    let result = ToRetell::ToolCallResult { tool_call_id: "t1".into(), content: "ok".into(), successful: Some(true) };
    assert_eq!(frame(&result)["successful"], json!(true));
    let agent_config = adapter_retell::llm::AgentSettings { reminder_max_count: Some(0), ..Default::default() };
    assert_eq!(
        frame(&ToRetell::UpdateAgent { agent_config }),
        json!({"response_type": "update_agent", "agent_config": {"reminder_max_count": 0}})
    );
    let reminder = json!({"interaction_type": "reminder_required", "response_id": 3, "transcript": [], "timestamp": 1})
        .to_string();
    let FromRetell::ReminderRequired { response_id: 3, .. } = serde_json::from_str(&reminder).unwrap() else {
        panic!()
    };
}

/// A normal closing hangs up on the caller (retell.md §0).
#[test]
fn an_error_never_closes_normally() {
    assert_eq!(Leaving::Trouble.code(), None);
    assert_eq!(ending_of(Leaving::HangUp.code()), Some("agent_hangup"));
    assert_eq!(ending_of(Some(1006)), Some("error_llm_websocket_runtime"));
    assert_eq!(ending_of(Some(1007)), Some("error_llm_websocket_corrupt_payload"));
    assert_eq!(ending_of(None), ending_of(Some(1005)));
    assert_eq!(ending_of(Some(1011)), None);
}

struct Counter(u32);

impl Brain for Counter {
    fn greet(&mut self) -> Said {
        Said::default()
    }

    fn answer(&mut self, asked: &Asked) -> Said {
        self.0 += 1;
        match asked.why {
            Why::Silence => Said::new("Are you there?"),
            Why::Spoken | Why::Greeting => Said::new(format!("Answer {}", self.0)).then(After::HangUp),
        }
    }
}

proptest! {
    /// Whatever comes, what goes out is a message of the protocol, and no answer is given twice or given up.
    #[test]
    fn a_brain_answers_each_question_once(ids in prop::collection::vec(0..6_u64, 0..20), noise in ".{0,40}") {
        let (mut agent, first) = Agent::begin(Counter(0), Settings::default(), born());
        prop_assert_eq!(first.len(), 2);
        let mut newest = 0;
        for id in ids {
            let frames = agent.hear(&required(id), born()).unwrap();
            prop_assert_eq!(frames.len(), usize::from(id > newest));
            for frame in frames {
                let frame: Value = serde_json::from_str(&frame).unwrap();
                prop_assert_eq!((&frame["response_id"], &frame["content_complete"]), (&json!(id), &json!(true)));
            }
            newest = newest.max(id);
            prop_assert_eq!(agent.session().owed(), None);
            let _ = agent.hear(&noise, born());
        }
    }
}

#[path = "../../examples/brain/receptionist.rs"]
mod receptionist;

/// The example's brain.
#[test]
fn a_receptionist_makes_an_appointment_and_ends_the_call() {
    let (mut agent, first) = Agent::begin(receptionist::Receptionist::default(), Settings::default(), born());
    assert!(first[1].contains("Which day"));
    let mut say = |id: u64, kind: &str, words: &str| -> Value {
        let asked =
            json!({"interaction_type": kind, "response_id": id, "transcript": [{"role": "user", "content": words}]});
        serde_json::from_str(&agent.hear(&asked.to_string(), born()).unwrap()[0]).unwrap()
    };
    assert!(say(1, "response_required", "Soon.")["content"].as_str().unwrap().contains("Monday to Friday"));
    assert!(say(2, "reminder_required", "")["content"].as_str().unwrap().contains("still there"));
    assert!(
        say(3, "response_required", "friday, please")["content"].as_str().unwrap().contains("Friday at ten is free")
    );
    let goodbye = say(4, "response_required", "Ann");
    assert_eq!((goodbye["end_call"].as_bool(), goodbye["content_complete"].as_bool()), (Some(true), Some(true)));
    assert_eq!(say(5, "response_required", "Can I speak to a human?")["transfer_number"], "+12025550100");
}
