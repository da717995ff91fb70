//! What requests say, beyond that the specification allows it.

use std::time::Duration;

use call_core::port::Answer;
use call_core::{DialAnswer, Effect, Fact, Plan};
use provider_laws::{Far, Said, Seen, id};
use serde_json::json;

use crate::kit::{ACCOUNT, CALL, SPEC, client, converse, leg, perform, stage};

/// Answers in the specification's own examples.
async fn far() -> Far {
    Far::answering(|seen| {
        let (status, body) = SPEC.example(seen).unwrap();
        Said::new(status, body.to_string())
    })
    .await
}

fn values<'f>(form: &'f [(String, String)], name: &str) -> Vec<&'f str> {
    form.iter().filter(|(n, _)| n == name).map(|(_, value)| value.as_str()).collect()
}

fn rich() -> Plan {
    let mut plan = converse();
    plan.ring_for = Some(Duration::from_millis(24_500));
    plan.record = true;
    plan.detect_machine = true;
    plan
}

/// With our credentials, as Twilio takes them.
#[tokio::test]
async fn what_no_effect_asks_for_keeps_to_the_specification_too() {
    let far = far().await;
    let client = client(&far.url());
    client.call(&leg(CALL)).await.unwrap();
    client.recordings(&leg(CALL)).await.unwrap();
    client.recording("RE00000000000000000000000000000001").await.unwrap();
    for seen in far.seen() {
        SPEC.check(&seen).unwrap();
        assert_eq!(seen.headers["accept"], "application/json");
        let credentials = "Basic QUMwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMTpjb3JyZWN0LWhvcnNl";
        assert_eq!(seen.headers["authorization"], credentials);
    }
}

#[tokio::test]
async fn a_dial_asks_for_everything_that_the_call_will_need() {
    let far = far().await;
    let answer = perform(&far.url(), &stage().dialing(rich()), &Effect::Dial).await;
    let Answer::Done(signals) = answer else { panic!("{answer:?}") };
    assert!(matches!(signals[0].fact, Fact::Dialed(DialAnswer::Accepted)));
    assert!(signals[0].leg.is_some());

    let form = far.seen()[0].form();
    let url = |kind: &str| {
        format!("https://calls.example.com/hooks/twilio/{}/{kind}#rc=3&rp=all&ct=2000&rt=3500&tt=15000", id())
    };
    assert_eq!(values(&form, "StatusCallbackEvent"), ["initiated", "ringing", "answered", "completed"]);
    assert_eq!(values(&form, "RecordingStatusCallbackEvent"), ["in-progress", "completed", "absent"]);
    for (name, value) in [
        ("To", "+15550000002".to_owned()),
        ("From", "+15550000001".to_owned()),
        ("Url", url("voice")),
        ("FallbackUrl", url("voice")),
        ("StatusCallback", url("status")),
        ("RecordingStatusCallback", url("recording")),
        ("AsyncAmdStatusCallback", url("amd")),
        ("Timeout", "25".to_owned()),
        ("TimeLimit", "3600".to_owned()),
        ("MachineDetection", "Enable".to_owned()),
        ("AsyncAmd", "true".to_owned()),
        ("Record", "true".to_owned()),
    ] {
        assert_eq!(values(&form, name), [value], "{name}");
    }
}

#[tokio::test]
async fn a_plain_dial_asks_for_nothing_more() {
    let far = far().await;
    perform(&far.url(), &stage().dialing(converse()), &Effect::Dial).await;
    let form = far.seen()[0].form();
    for name in ["Record", "MachineDetection", "AsyncAmd", "Timeout"] {
        assert!(values(&form, name).is_empty(), "{name}");
    }
}

#[tokio::test]
async fn a_hang_up_ends_the_call_in_whatever_state_it_is() {
    let far = Far::answering(|_| Said::ok(&json!({"sid": CALL, "status": "in-progress"}))).await;
    perform(&far.url(), &stage().live(converse()), &Effect::Hangup { leg: leg(CALL) }).await;
    assert_eq!(far.seen()[0].form(), [("Status".to_owned(), "completed".to_owned())]);
}

/// The check of the laws must be able to fail.
#[test]
fn the_specification_refuses_what_twilio_would() {
    let post = |path: &str, form: &str| Seen::new("POST", path, "", "application/x-www-form-urlencoded", form);
    let calls = format!("/2010-04-01/Accounts/{ACCOUNT}/Calls.json");
    let one = format!("/2010-04-01/Accounts/{ACCOUNT}/Calls/{CALL}.json");
    SPEC.check(&post(&calls, "To=%2B1&From=%2B2&Timeout=5")).unwrap();
    for (path, form) in [
        (calls.as_str(), "To=%2B1"),
        (&calls, "To=%2B1&From=%2B2&Timeout=soon"),
        (&calls, "To=%2B1&From=%2B2&Surprise=1"),
        (&calls, "To=%2B1&From=%2B2&Url=a&Url=b"),
        (&one, "Status=finished"),
        (&calls.replace("AC", "AD"), "To=%2B1&From=%2B2"),
        ("/2010-04-01/Nothing.json", ""),
    ] {
        assert!(SPEC.check(&post(path, form)).is_err(), "{path} {form}");
    }
}
