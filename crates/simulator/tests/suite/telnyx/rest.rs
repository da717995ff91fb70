//! The REST API: who may ask, what is refused, what is read.

use reqwest::Method;
use serde_json::{Value, json};
use simulator::{Person, Provider};

use super::bench::{Bench, path};
use crate::backend::PHONE;

fn code((status, body): &(u16, Value)) -> (u16, &str) {
    (*status, body["errors"][0]["code"].as_str().unwrap_or_default())
}

#[tokio::test]
async fn only_the_key_opens() {
    let bench = Bench::new().await;
    for request in [
        bench.anonymous(Method::POST, "/calls"),
        bench.anonymous(Method::POST, "/calls").bearer_auth("KEYother"),
        bench.anonymous(Method::POST, "/calls").basic_auth("KEYother", Some("x")),
    ] {
        let answer = request.json(&bench.body(&json!({}))).send().await.unwrap();
        assert_eq!(answer.status(), 401);
        assert_eq!(answer.json::<Value>().await.unwrap()["errors"][0]["code"], "10009");
    }
    assert!(bench.network.calls().is_empty());
}

#[tokio::test]
async fn a_dial_never_says_that_the_call_is_alive() {
    let bench = Bench::new().await;
    bench.network.set_person(PHONE, Person::talks(3600.0));
    let (_, answer) = bench.dial(&json!({})).await;
    let data = &answer["data"];
    assert_eq!((&data["is_alive"], &data["record_type"]), (&json!(false), &json!("call")));
    let id = data["call_control_id"].as_str().unwrap();
    assert!(id.starts_with("v3:"));
    let (_, read) = bench.get(&path(id)).await;
    assert_eq!((&read["data"]["is_alive"], &read["data"]["client_state"]), (&json!(true), &json!("b3Vycw==")));
    assert_eq!(read["data"]["call_leg_id"], data["call_leg_id"]);
}

#[tokio::test]
async fn what_no_call_can_be_made_of_is_refused() {
    let bench = Bench::new().await;
    for (field, value, expected) in [
        ("connection_id", json!("1"), "10015"),
        ("to", json!("12025550100"), "10016"),
        ("to", json!("sip:"), "10016"),
        ("to", json!([]), "10004"),
        ("from", json!("nobody"), "10016"),
        ("client_state", json!("not base64!"), "90017"),
        ("record", json!("yes"), "10032"),
        ("time_limit_secs", json!(5), "10015"),
        ("timeout_secs", json!("10"), "10015"),
        ("to", json!(null), "10004"),
    ] {
        let answer = bench.dial(&json!({ field: value })).await;
        assert_eq!(code(&answer), (422, expected), "{field} {value}");
        if field != "to" || value != json!([]) {
            assert!(answer.1["errors"][0]["source"]["pointer"].as_str().unwrap().contains(field), "{answer:?}");
        }
    }
    let garbage = bench.rest(Method::POST, "/calls").body("{").send().await.unwrap();
    assert_eq!(garbage.status(), 400);
    assert!(bench.network.calls().is_empty());
}

#[tokio::test]
async fn an_application_without_an_address_places_no_calls() {
    let bench = Bench::with(crate::backend::quick(), |telnyx| telnyx.webhook_url = None).await;
    let own = json!({ "webhook_url": format!("{}/mine", bench.url) });
    assert_eq!(code(&bench.dial(&own).await), (422, "10015"));
}

#[tokio::test]
async fn unknown_calls_and_paths_are_not_found() {
    let bench = Bench::new().await;
    assert_eq!(code(&bench.get("/calls/v3%3Anobody").await), (422, "90015"));
    assert_eq!(code(&bench.act("v3:nobody", "hangup", &json!({})).await), (422, "90015"));
    assert_eq!(code(&bench.act("v3:nobody", "sing", &json!({})).await), (404, "10005"));
    assert_eq!(code(&bench.get("/nonsense").await), (404, "10005"));
    assert_eq!(code(&bench.get("/call_control_applications/1").await), (404, "10005"));
}

#[tokio::test]
async fn an_outgoing_call_cannot_be_answered_or_rejected() {
    let bench = Bench::new().await;
    bench.network.set_person(PHONE, Person::no_answer());
    let id = bench.call(&json!({})).await;
    for (action, body) in [("answer", json!({})), ("reject", json!({ "cause": "USER_BUSY" }))] {
        assert_eq!(bench.act(&id, action, &body).await.0, 422, "{action}");
    }
}

#[tokio::test]
async fn live_calls_are_listed_in_pages() {
    let bench = Bench::new().await;
    bench.network.set_person("*", Person::talks(36_000.0));
    let mut ids = Vec::new();
    for number in 0..5 {
        ids.push(bench.call(&json!({ "to": format!("+4930111{number:04}") })).await);
    }
    bench.command(&ids.remove(1), "hangup", &json!({})).await;
    let mut found = Vec::new();
    let mut after = String::new();
    loop {
        let list = format!("/connections/{}/active_calls?page%5Blimit%5D=3{after}", bench.connection);
        let (status, page) = bench.get(&list).await;
        assert_eq!((status, &page["meta"]["total_items"]), (200, &json!(4)));
        let data = page["data"].as_array().unwrap();
        found.extend(data.iter().map(|call| call["call_control_id"].as_str().unwrap().to_owned()));
        let next = page["meta"]["cursors"]["after"].as_str().unwrap();
        if next.is_empty() {
            break;
        }
        after = format!("&page%5Bafter%5D={next}");
    }
    assert_eq!(found, ids);
    assert_eq!(bench.get("/connections/1/active_calls").await.0, 422);
}

#[tokio::test]
async fn the_record_of_events_tells_commands_and_webhooks() {
    let bench = Bench::new().await;
    bench.network.set_person(PHONE, Person::talks(3600.0));
    let id = bench.talk(&json!({})).await;
    bench.command(&id, "hangup", &json!({})).await;
    bench.settle().await;
    let leg = bench.get(&path(&id)).await.1["data"]["call_leg_id"].as_str().unwrap().to_owned();
    bench.live(&json!({})).await;
    let (_, page) = bench.get(&format!("/call_events?filter%5Bleg_id%5D={leg}&page%5Bsize%5D=250")).await;
    let events: Vec<(&str, &str)> = (page["data"].as_array().unwrap().iter())
        .map(|event| (event["type"].as_str().unwrap(), event["name"].as_str().unwrap()))
        .collect();
    assert_eq!(
        events,
        [
            ("webhook", "call.initiated"),
            ("webhook", "call.answered"),
            ("command", "hangup"),
            ("webhook", "call.hangup")
        ]
    );
    assert_eq!(page["data"][3]["metadata"]["payload"]["hangup_cause"], "normal_clearing");
    let (_, all) = bench.get("/call_events?page%5Bsize%5D=250").await;
    assert!(all["meta"]["total_results"].as_u64() > Some(4));
}

#[tokio::test]
async fn an_application_is_read_and_changed() {
    let bench = Bench::with(crate::backend::quick(), |telnyx| telnyx.webhook_api_version = "1".to_owned()).await;
    let place = format!("/call_control_applications/{}", bench.connection);
    assert_eq!(bench.get(&place).await.1["data"]["webhook_api_version"], "1");
    let change = json!({ "application_name": "x", "webhook_event_url": format!("{}/new", bench.url), "webhook_api_version": "2" });
    let (status, changed) = bench.send(Method::PATCH, &place, &change).await;
    assert_eq!((status, &changed["data"]["webhook_api_version"]), (200, &json!("2")));
    assert_eq!(changed["data"]["id"], json!(bench.connection));
    assert_eq!(code(&bench.send(Method::PATCH, &place, &json!({ "application_name": "x" })).await), (422, "10004"));
    let relative = json!({ "application_name": "x", "webhook_event_url": "/hooks" });
    assert_eq!(code(&bench.send(Method::PATCH, &place, &relative).await), (422, "10015"));
    bench.network.set_person(PHONE, Person::busy());
    bench.live(&json!({})).await;
    assert!(bench.seen().iter().all(|message| message.path == "/new" && message.body["data"].is_object()));

    let (status, made) = bench.send(Method::POST, "/call_control_applications", &change).await;
    assert_eq!(status, 201);
    let id = made["data"]["id"].as_str().unwrap();
    assert_eq!(bench.live(&json!({ "connection_id": id })).await.provider, Provider::Telnyx);
    assert_eq!(bench.get("/call_control_applications").await.1["data"].as_array().unwrap().len(), 2);
}
