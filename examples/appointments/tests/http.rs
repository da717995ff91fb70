//! The functions as the server posts to them, over a real socket.
#![allow(clippy::unwrap_used, missing_docs, reason = "a test that cannot unwrap has failed; its name documents it")]

use appointments::{Practice, router};
use jiff::civil::date;
use serde_json::{Value, json};

struct Office {
    url: String,
    http: reqwest::Client,
}

impl Office {
    async fn open() -> Self {
        // Whoever came first has chosen a provider, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // A Thursday.
        let practice = Practice::new("open-sesame", || date(2026, 11, 26).at(15, 0, 0, 0));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/functions", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router(practice)).await });
        Self { url, http: reqwest::Client::builder().tls_certs_only([]).no_proxy().build().unwrap() }
    }

    async fn post(&self, token: &str, body: &Value) -> (u16, String) {
        let answer = self.http.post(&self.url).bearer_auth(token).json(body).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// What the agent sends is what the function's definition lets it send.
    async fn invoke(&self, call: &str, name: &str, arguments: Value) -> Value {
        let definition = definitions().into_iter().find(|function| function["name"] == name).unwrap();
        let schema = jsonschema::options().should_validate_formats(true).build(&definition["parameters"]).unwrap();
        assert!(schema.is_valid(&arguments), "{name}: {arguments}");
        self.ask(call, name, arguments).await
    }

    async fn ask(&self, call: &str, name: &str, arguments: Value) -> Value {
        let body = json!({
            "call_id": call, "subject": "lead-7", "name": name, "arguments": arguments, "context": {"name": "Ann"},
        });
        let (status, text) = self.post("open-sesame", &body).await;
        assert_eq!(status, 200, "{text}");
        serde_json::from_str(&text).unwrap()
    }
}

fn definitions() -> Vec<Value> {
    serde_json::from_str(include_str!("../retell-functions.json")).unwrap()
}

#[tokio::test]
async fn an_appointment_is_made_from_the_first_word_to_the_last() {
    let office = Office::open().await;
    let hello = office.invoke("call-1", "initialize_call", json!({})).await;
    assert_eq!(
        (&hello["today"], &hello["weekday"], &hello["caller"]),
        (&json!("2026-11-26"), &json!("Thursday"), &json!("Ann"))
    );
    assert_eq!(hello["appointments"], json!([]));

    let free = office.invoke("call-1", "check_availability", json!({"day": "2026-11-27"})).await;
    assert_eq!((free["free"][0].as_str(), free["free"].as_array().unwrap().len()), (Some("09:00"), 12));

    let half = office.invoke("call-1", "collect_appointment_info", json!({"day": "2026-11-27"})).await;
    assert_eq!(half, json!({"booked": false, "missing": ["name", "time"]}));

    let whole = json!({"name": "Ann", "day": "2026-11-27", "time": "10:30", "reason": "a cleaning"});
    let booked = json!({"booked": true, "at": "2026-11-27 10:30", "weekday": "Friday", "name": "Ann"});
    for _ in 0..2 {
        assert_eq!(office.invoke("call-1", "collect_appointment_info", whole.clone()).await, booked, "once, or twice");
    }
    let again = office.invoke("call-2", "initialize_call", json!({})).await;
    assert_eq!(again["appointments"], json!([{"at": "2026-11-27 10:30", "reason": "a cleaning"}]));
}

#[tokio::test]
async fn a_time_that_cannot_be_had_comes_with_others() {
    let office = Office::open().await;
    let wish = |day: &str, time: &str| json!({"name": "Ben", "day": day, "time": time});
    office.invoke("call-1", "collect_appointment_info", wish("2026-11-27", "10:30")).await;
    for (day, time, problem, next) in [
        ("2026-11-27", "10:30", "somebody else has this time", json!(null)),
        ("2026-11-28", "10:30", "the practice is closed then", json!("2026-11-30")),
        ("2026-11-26", "10:30", "this time has passed", json!(null)),
    ] {
        let refused = office.invoke("call-2", "collect_appointment_info", wish(day, time)).await;
        assert_eq!((&refused["booked"], &refused["problem"]), (&json!(false), &json!(problem)), "{refused}");
        assert_eq!(refused["next_free_day"], next);
    }
    let free = office.invoke("call-2", "check_availability", json!({"day": "2026-11-27"})).await;
    assert!(!free["free"].as_array().unwrap().contains(&json!("10:30")), "{free}");
}

/// A model writes what it likes, whatever the definition says.
#[tokio::test]
async fn what_the_agent_can_mend_is_told_to_it() {
    let office = Office::open().await;
    for arguments in [json!({"day": "tomorrow"}), json!({"day": 5}), json!({}), json!("2026-11-27"), json!(null)] {
        let answer = office.ask("call-1", "check_availability", arguments.clone()).await;
        assert!(answer["problem"].as_str().unwrap().contains("2026-11-27"), "{arguments}: {answer}");
    }
}

#[tokio::test]
async fn only_the_server_may_ask_and_only_for_what_there_is() {
    let office = Office::open().await;
    let body = json!({"call_id": "call-1", "name": "transfer_money", "arguments": {}});
    for token in ["", "open", "open-sesame-2"] {
        assert_eq!(office.post(token, &body).await.0, 401);
    }
    let (status, words) = office.post("open-sesame", &body).await;
    assert_eq!((status, words.as_str()), (404, "there is no function named transfer_money"));
    assert_eq!(office.post("open-sesame", &json!({"name": 3})).await.0, 400);
}

#[test]
fn every_function_of_the_definitions_exists_and_no_other() {
    let names: Vec<Value> = definitions().iter().map(|function| function["name"].clone()).collect();
    assert_eq!(json!(names), json!(["initialize_call", "check_availability", "collect_appointment_info"]));
    for function in definitions() {
        assert_eq!((&function["method"], &function["parameters"]["type"]), (&json!("POST"), &json!("object")));
        assert!(function["url"].as_str().unwrap().ends_with("/hooks/retell/functions"));
    }
}
