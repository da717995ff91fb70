//! The REST API, its refusals included.

use reqwest::Method;
use serde_json::{Value, json};
use simulator::{Config, Number, Person, Provider, RetellConfig, Status};

use super::{AGENT, Bench};
use crate::backend::{OURS, PHONE, quick};

const OTHER: &str = "+12025550101";

#[tokio::test]
async fn a_creation_answers_the_call_as_it_was_registered() {
    let bench = Bench::new().await;
    bench.network.set_person("*", Person::busy());
    let mut order = Bench::order(PHONE);
    order["retell_llm_dynamic_variables"] = json!({ "name": "Ada" });
    let (status, call) = bench.post("/v2/create-phone-call", order.clone()).await;
    assert_eq!((status, &call["call_status"]), (201, &json!("registered")));
    assert_eq!((&call["metadata"], &call["direction"]), (&order["metadata"], &json!("outbound")));
    assert_eq!((&call["agent_id"], &call["retell_llm_dynamic_variables"]["name"]), (&json!(AGENT), &json!("Ada")));
    assert!(call.get("start_timestamp").is_none());
    let truth = bench.network.calls().remove(0);
    assert_eq!((truth.provider, truth.json), (Provider::Retell, Some(order)));
    bench.settle().await;
}

#[tokio::test]
async fn what_cannot_be_dialled_is_refused() {
    let bench = Bench::new().await;
    bench.network.set_number(Number::at(Provider::Retell, OURS).connection(AGENT));
    for (field, value, status) in [
        ("from_number", Value::Null, 400),
        ("to_number", json!("12025550100"), 400),
        ("to_number", json!("+1 202 555 0100"), 400),
        ("from_number", json!("+12025558888"), 422),
        ("override_agent_id", json!("agent_unknown"), 422),
        ("metadata", json!("text"), 400),
        ("metadata", json!({ "much": "x".repeat(50_000) }), 400),
        ("retell_llm_dynamic_variables", json!({ "age": 7 }), 400),
    ] {
        let mut order = Bench::order(PHONE);
        order[field] = value.clone();
        let (seen, answer) = bench.post("/v2/create-phone-call", order).await;
        assert_eq!((seen, &answer["status"]), (status, &json!("error")), "{field}: {value}");
    }
    assert_eq!(bench.post("/v2/create-phone-call", json!([])).await.0, 400);
    assert_eq!(bench.post("/v2/no-such-thing", json!({})).await.0, 404);
    assert!(bench.network.calls().is_empty());
}

#[tokio::test]
async fn settings_can_be_overridden_for_one_call() {
    let bench = Bench::with(Config { speed: 20.0, ..quick() }).await;
    bench.network.set_person("*", Person::no_answer());
    let mut order = Bench::order(PHONE);
    order["agent_override"] = json!({ "agent": { "ring_duration_ms": 5_000, "webhook_url": bench.at("/other") } });
    bench.post("/v2/create-phone-call", order.clone()).await;
    bench.settle().await;
    let call = bench.network.calls().remove(0);
    let rang = call.rang_at.unwrap().duration_until(call.ended_at.unwrap());
    // At speed 20; the agent's own patience would be 1.5 s.
    assert!((250..1500).contains(&rang.as_millis()), "{rang:?}");
    assert_eq!((bench.seen("/other").len(), bench.seen("/events").len()), (2, 0));
    order["agent_override"]["agent"]["ring_duration_ms"] = json!(4_999);
    assert_eq!(bench.post("/v2/create-phone-call", order).await.0, 400);
}

#[tokio::test]
async fn a_recording_can_be_fetched_when_the_call_is_over() {
    let bench = Bench::new().await;
    bench.network.set_person("*", Person::talks(3600.0));
    let call = bench.live().await;
    let url = bench.told("call_ended")["recording_url"].as_str().unwrap().to_owned();
    let answer = bench.http.get(&url).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers()["content-type"].to_str().unwrap()), (200, "audio/wav"));
    let seconds = call.duration.unwrap().min(60) as usize;
    assert!(answer.bytes().await.unwrap().len() > 8000 * seconds);
    assert_eq!(bench.http.get(url.replace("call_", "call_0")).send().await.unwrap().status(), 404);
}

#[tokio::test]
async fn an_escaped_name_is_the_same_name() {
    let bench = Bench::new().await;
    bench.network.set_person("*", Person::busy());
    let call = bench.live().await;
    let escaped = call.sid.replace('_', "%5F");
    assert_eq!(bench.get(&format!("/v2/get-call/{escaped}")).await.1["call_id"], call.sid.as_str());
}

#[tokio::test]
async fn a_wrong_key_opens_nothing() {
    let bench = Bench::new().await;
    let url = format!("{}/v2/get-call/call_x", bench.network.retell_url());
    for request in [bench.http.get(&url), bench.http.get(&url).bearer_auth("key_other")] {
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 401);
        assert_eq!(answer.json::<Value>().await.unwrap()["status"], "error");
    }
    assert_eq!(bench.get("/v2/get-call/call_x").await.0, 422);
}

#[tokio::test]
async fn one_key_makes_one_call_for_an_hour() {
    // A phone hour in a second and a half.
    let bench = Bench::with(Config { speed: 2400.0, ..quick() }).await;
    bench.network.set_person("*", Person::busy());
    let mut order = Bench::order(PHONE);
    order["idempotency_key"] = "once".into();
    let first = bench.post("/v2/create-phone-call", order.clone()).await.1["call_id"].clone();
    let again = bench.post("/v2/create-phone-call", order.clone()).await.1["call_id"].clone();
    assert_eq!((&first, bench.network.calls().len()), (&again, 1));
    order["idempotency_key"] = "other".into();
    assert_ne!(bench.post("/v2/create-phone-call", order.clone()).await.1["call_id"], first);
    order["idempotency_key"] = "once".into();
    tokio::time::sleep(std::time::Duration::from_millis(1600)).await;
    assert_ne!(bench.post("/v2/create-phone-call", order).await.1["call_id"], first);
    bench.settle().await;
}

#[tokio::test]
async fn requests_at_once_with_one_key_make_one_call() {
    let bench = Bench::new().await;
    bench.network.set_person("*", Person::busy());
    let mut order = Bench::order(PHONE);
    order["idempotency_key"] = "once".into();
    let requests = [(); 4].map(|()| bench.post("/v2/create-phone-call", order.clone()));
    let [a, b, c, d] = requests;
    let (a, b, c, d) = tokio::join!(a, b, c, d);
    assert!([b, c, d].iter().all(|other| other.1["call_id"] == a.1["call_id"]));
    assert_eq!(bench.network.calls().len(), 1);
    bench.settle().await;
}

#[tokio::test]
async fn a_list_is_filtered_sorted_and_paged() {
    let bench = Bench::new().await;
    bench.network.set_person(PHONE, Person::busy());
    bench.network.set_person(OTHER, Person::talks(2.0));
    let mut ids = Vec::new();
    for (nth, to) in [PHONE, OTHER, PHONE, OTHER].into_iter().enumerate() {
        let mut order = Bench::order(to);
        order["metadata"] = json!({ "call_id": format!("ours-{nth}") });
        ids.push(bench.post("/v2/create-phone-call", order).await.1["call_id"].clone());
        bench.settle().await;
    }
    let list = async |body: Value| {
        let (status, page) = bench.post("/v3/list-calls", body).await;
        assert_eq!(status, 200, "{page}");
        page
    };
    let found = |page: &Value| -> Vec<Value> {
        page["items"].as_array().unwrap().iter().map(|item| item["call_id"].clone()).collect()
    };
    let ours = json!({ "metadata": [{ "key": "call_id", "type": "string", "op": "eq", "value": "ours-2" }] });
    assert_eq!(found(&list(json!({ "filter_criteria": ours })).await), [ids[2].clone()]);
    let ended = json!({ "call_status": { "type": "enum", "op": "in", "value": ["ended"] } });
    let page = list(json!({ "filter_criteria": ended, "include_total": true })).await;
    assert_eq!((found(&page), &page["total"]), (vec![ids[3].clone(), ids[1].clone()], &json!(2)));
    assert!(page["items"].as_array().unwrap().iter().all(|item| item.get("transcript").is_none()));
    let one = json!({ "call_id": { "type": "string", "op": "eq", "value": ids[0] } });
    assert_eq!(found(&list(json!({ "filter_criteria": one })).await), [ids[0].clone()]);

    let first = list(json!({ "limit": 3, "sort_order": "ascending" })).await;
    assert_eq!((found(&first), &first["has_more"]), (ids[..3].to_vec(), &json!(true)));
    let key = first["pagination_key"].clone();
    let second = list(json!({ "limit": 3, "sort_order": "ascending", "pagination_key": key })).await;
    assert_eq!((found(&second), &second["has_more"]), (ids[3..].to_vec(), &json!(false)));
    assert_eq!(found(&list(json!({ "skip": 3 })).await), [ids[0].clone()]);

    for wrong in [
        json!({ "skip": 1, "pagination_key": "x" }),
        json!({ "limit": 1001 }),
        json!({ "sort_order": "sideways" }),
        json!({ "filter_criteria": { "call_status": { "type": "enum", "op": "in", "value": ["registered"] } } }),
    ] {
        assert_eq!(bench.post("/v3/list-calls", wrong.clone()).await.0, 400, "{wrong}");
    }
}

#[tokio::test]
async fn a_call_can_be_changed_and_deleted() {
    let bench = Bench::new().await;
    bench.network.set_person("*", Person::busy());
    let call = bench.live().await;
    let path = format!("/v2/update-call/{}", call.sid);
    let patch = async |body: Value| bench.send(Method::PATCH, &path, Some(&body)).await.unwrap();
    let (status, changed) =
        patch(json!({ "metadata": { "x": 1 }, "data_storage_setting": "basic_attributes_only" })).await;
    assert_eq!((status, &changed["metadata"]), (200, &json!({ "x": 1 })));
    assert_eq!(changed["data_storage_setting"], "basic_attributes_only");
    for wrong in [
        json!({ "data_storage_setting": "everything" }),
        json!({ "unheard_of": 1 }),
        json!({ "custom_attributes": { "a": 1 } }),
        json!({ "metadata": 1 }),
    ] {
        assert_eq!(patch(wrong.clone()).await.0, 400, "{wrong}");
    }
    let path = format!("/v2/delete-call/{}", call.sid);
    assert_eq!(bench.send(Method::DELETE, &path, None).await.unwrap().0, 204);
    assert_eq!(bench.send(Method::DELETE, &path, None).await.unwrap().0, 422);
    assert_eq!(bench.get(&format!("/v2/get-call/{}", call.sid)).await.0, 422);
    assert!(bench.network.call(&call.sid).unwrap().deleted);
}

#[tokio::test]
async fn a_live_call_can_be_changed() {
    let bench = Bench::slow().await;
    bench.hire(|agent| agent.staying());
    let id = bench.call(PHONE).await;
    let path = format!("/v2/update-live-call/{id}");
    let body = json!({ "fields_to_override": {
        "metadata": { "x": 1 }, "override_dynamic_variables": { "name": "Ada" },
    } });
    let patch = async |path: &str| bench.send(Method::PATCH, path, Some(&body)).await.unwrap();
    assert_eq!(patch(&path).await.0, 422);
    bench.until(&id, |call| call.status == Status::InProgress).await;
    assert_eq!(patch(&path).await, (200, json!({ "success": true })));
    let call = bench.get(&format!("/v2/get-call/{id}")).await.1;
    assert_eq!((&call["metadata"]["x"], &call["call_status"]), (&json!(1), &json!("ongoing")));
    // Nothing of the conversation while it lasts.
    assert!(call.get("transcript").is_none());
    assert_eq!(patch("/v2/update-live-call/call_x").await.0, 404);
}

#[tokio::test]
async fn no_more_calls_than_agreed() {
    let retell = RetellConfig { concurrency: 1, ..RetellConfig::default() };
    let bench = Bench::with(Config { retell, ..quick() }).await;
    bench.network.set_person("*", Person::talks(3600.0));
    bench.hire(|agent| agent.staying());
    let first = bench.call(PHONE).await;
    let (_, seen) = bench.get("/get-concurrency").await;
    assert_eq!((&seen["current_concurrency"], &seen["concurrency_limit"]), (&json!(1), &json!(1)));
    assert_eq!(bench.post("/v2/create-phone-call", Bench::order(PHONE)).await.0, 429);
    bench.until(&first, |call| call.status == Status::InProgress).await;
    bench.send(Method::POST, &format!("/v2/stop-call/{first}"), None).await;
    bench.call(PHONE).await;
}
