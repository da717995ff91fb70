//! The JSON API.

use reqwest::Method;
use serde_json::json;

use crate::client::{Server, config, json as body, problem};

#[tokio::test]
async fn without_one_of_the_tokens_nothing_is_told() {
    let server = Server::start().await;
    let paths = ["/v1/calls", "/v1/calls/x", "/v1/parked", "/v1/events"];
    for path in paths {
        let response = server.plain(Method::GET, path).send().await.unwrap();
        assert_eq!(response.headers()["www-authenticate"], "Bearer");
        problem(response, 401, "unauthorized").await;
        let wrong = server.plain(Method::GET, path).bearer_auth("test-token-0123456789abcdeX").send().await.unwrap();
        problem(wrong, 401, "unauthorized").await;
    }
    let place = server.plain(Method::POST, "/v1/calls").json(&json!({ "to": "+15550100123" })).send().await.unwrap();
    problem(place, 401, "unauthorized").await;
    assert_eq!(body(server.get("/v1/calls").await).await["calls"], json!([]));
}

#[tokio::test]
async fn a_placed_call_is_stored_and_can_be_looked_at() {
    let server = Server::start().await;
    let wish = json!({
        "to": "+15550100123", "subject": "lead-1", "ring_for": "30s", "context": { "prompt": "Be kind." },
        "script": { "do": "say", "text": "Hello." },
    });
    let response = server.post("/v1/calls", &wish).await;
    assert_eq!(response.status(), 201);
    let location = response.headers()["location"].to_str().unwrap().to_owned();
    let placed = body(response).await;
    assert_eq!(location, format!("/v1/calls/{}", placed["id"].as_str().unwrap()));

    let shown = body(server.get(&location).await).await;
    assert_eq!(shown["id"], placed["id"]);
    assert_eq!(shown["from"], "+15550100000", "the provider's default");
    assert_eq!(shown["script"], wish["script"]);
    assert_eq!(shown["context"], wish["context"]);
    assert_eq!(shown["subject"], "lead-1");
    assert!(shown["deadline"]["at"].is_string(), "an open call always has a deadline");

    let journal = body(server.get(&format!("{location}/journal")).await).await;
    assert_eq!(journal["birth"]["plan"]["to"], "+15550100123");
}

#[tokio::test]
async fn a_wish_that_makes_no_sense_is_refused_by_the_field() {
    let server = Server::start().await;
    let cases = [
        (json!({ "to": "0155 0100" }), "to:"),
        (json!({ "to": "+15550100123", "from": "desk" }), "from:"),
        (json!({ "to": "+15550100123", "provider": "carrier-pigeon" }), "provider:"),
        (json!({ "to": "+15550100123", "subject": "" }), "subject:"),
        (json!({ "to": "+15550100123", "ring_for": "1h" }), "ring_for:"),
        (json!({ "to": "+15550100123", "ring_for": "long" }), "body"),
        (json!({ "to": "+15550100123", "script": { "do": "connect", "to": "desk" } }), "script.to:"),
        (json!({ "to": "+15550100123", "script": { "do": "sing" } }), "sing"),
        (json!({ "to": "+15550100123", "sujbect": "lead-1" }), "sujbect"),
        (json!({}), "to"),
    ];
    for (wish, named) in cases {
        let problem = problem(server.post("/v1/calls", &wish).await, 422, "invalid").await;
        assert!(problem["detail"].as_str().unwrap().contains(named), "{problem}");
    }
    let garbage = server.request(Method::POST, "/v1/calls").header("content-type", "application/json").body("{");
    problem(garbage.send().await.unwrap(), 400, "bad-request").await;
    let form = server.request(Method::POST, "/v1/calls").form(&[("to", "+15550100123")]);
    problem(form.send().await.unwrap(), 415, "unsupported-media-type").await;
    assert_eq!(body(server.get("/v1/calls").await).await["calls"], json!([]), "nothing was stored");
}

#[tokio::test]
async fn the_same_key_with_the_same_request_is_the_same_call() {
    let server = Server::start().await;
    let place = |text: &'static str| {
        let request = server.request(Method::POST, "/v1/calls").header("idempotency-key", "key-1");
        request.header("content-type", "application/json").body(text).send()
    };
    let first = place(r#"{"to": "+15550100123", "subject": "lead-1"}"#).await.unwrap();
    assert_eq!(first.status(), 201);
    assert!(!first.headers().contains_key("idempotency-replayed"));
    let first = body(first).await;

    // White space and order are not part of a request.
    let second = place(r#"{ "subject":"lead-1", "to":"+15550100123" }"#).await.unwrap();
    assert_eq!(second.status(), 200);
    assert_eq!(second.headers()["idempotency-replayed"], "true");
    assert_eq!(body(second).await["id"], first["id"]);

    let other = place(r#"{"to": "+15550100124"}"#).await.unwrap();
    let problem = problem(other, 422, "idempotency-key-reused").await;
    assert_eq!(problem["call"], first["id"]);
    assert_eq!(body(server.get("/v1/calls").await).await["calls"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_second_call_to_a_busy_subject_names_the_open_one() {
    let server = Server::start().await;
    let open = server.place(&json!({ "to": "+15550100123", "subject": "lead-1" })).await;
    let response = server.post("/v1/calls", &json!({ "to": "+15550100123", "subject": "lead-1" })).await;
    let problem = problem(response, 409, "subject-busy").await;
    assert_eq!(problem["open_call"], open.as_str());
    server.place(&json!({ "to": "+15550100123", "subject": "lead-2" })).await;
}

#[tokio::test]
async fn a_call_that_is_not_there_is_a_problem_that_names_it() {
    let server = Server::start().await;
    let id = "0192f0c1-2345-7abc-8def-0123456789ab";
    for path in [format!("/v1/calls/{id}"), format!("/v1/calls/{id}/journal")] {
        assert_eq!(problem(server.get(&path).await, 404, "no-such-call").await["call"], id);
    }
    for wish in ["hangup", "reconcile"] {
        problem(server.post(&format!("/v1/calls/{id}/{wish}"), &json!({})).await, 404, "no-such-call").await;
    }
    problem(server.get("/v1/calls/not-an-id").await, 400, "bad-request").await;
    problem(server.get("/v1/nothing").await, 404, "no-such-route").await;
    problem(server.request(Method::DELETE, "/v1/calls").send().await.unwrap(), 405, "method-not-allowed").await;
}

#[tokio::test]
async fn the_first_hangup_wins_and_the_second_is_refused_with_the_reason() {
    let server = Server::start().await;
    let id = server.place(&json!({ "to": "+15550100123" })).await;
    // Nobody listens where Twilio should be: the dial is proof of nothing done, so the call waits for another try.
    let path = format!("/v1/calls/{id}/hangup");
    let bare = server.request(Method::POST, &path).send().await.unwrap();
    assert_eq!(bare.status(), 202);
    let again = problem(server.post(&path, &json!({ "reason": "impatience" })).await, 409, "refused").await;
    assert!(["already-ending", "already-ended"].contains(&again["reason"].as_str().unwrap()), "{again}");
    let ended = server.until(&format!("/v1/calls/{id}"), |call| call["phase"] == "ended").await;
    assert_eq!(ended["disposition"], "canceled");
    assert_eq!(ended["outcome"]["proposer"]["by"], "operator");
    problem(server.post(&path, &json!({ "sooner": true })).await, 422, "invalid").await;
}

#[tokio::test]
async fn a_command_that_makes_no_sense_is_refused_by_the_field_and_one_that_comes_too_early_by_the_call() {
    let server = Server::start().await;
    let id = server.place(&json!({ "to": "+15550100123" })).await;
    let path = format!("/v1/calls/{id}/commands");
    let cases = [
        (json!({ "command": "sing" }), "sing"),
        (json!({ "command": "speak", "operation": "", "text": "Hello." }), "operation:"),
        (json!({ "command": "speak", "operation": "prompt", "text": "Hello." }), "operation:"),
        (json!({ "command": "play", "operation": "a", "url": "hold.mp3" }), "url:"),
        (json!({ "command": "play", "operation": "a", "url": "file:///etc/passwd" }), "url:"),
        (json!({ "command": "gather", "operation": "a", "most": 0 }), "body"),
        (json!({ "command": "gather", "operation": "a", "most": 4, "until": "x" }), "a telephone has no key 'x'"),
        (json!({ "command": "gather", "operation": "a", "most": 4, "pause": "1h" }), "pause:"),
        (json!({ "command": "transfer", "to": "desk" }), "to:"),
        (json!({ "command": "bridge", "call": "desk" }), "body"),
        (json!({ "command": "bridge", "call": id }), "call:"),
        (json!({ "command": "hush", "loudly": true }), "loudly"),
    ];
    for (command, what) in cases {
        let told = problem(server.post(&path, &command).await, 422, "invalid").await;
        assert!(told["detail"].as_str().unwrap().contains(what), "{command}: {told}");
    }
    let early = problem(server.post(&path, &json!({ "command": "start-recording" })).await, 409, "refused").await;
    assert_eq!(early["reason"], "not-live");
    let unknown = "/v1/calls/01a1fd1e-8c00-7000-8000-000000000003/commands";
    problem(server.post(unknown, &json!({ "command": "hush" })).await, 404, "no-such-call").await;
}

#[tokio::test]
async fn lists_are_paged_by_cursor_and_filtered() {
    let server = Server::start().await;
    let mut placed = Vec::new();
    for n in 0..5 {
        placed.push(server.place(&json!({ "to": "+15550100123", "subject": format!("lead-{n}") })).await);
    }
    placed.sort();
    placed.reverse();
    let mut seen = Vec::new();
    let mut path = "/v1/calls?limit=2".to_owned();
    loop {
        let page = body(server.get(&path).await).await;
        let calls = page["calls"].as_array().unwrap();
        assert!(calls.len() <= 2);
        seen.extend(calls.iter().map(|call| call["id"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/v1/calls?limit=2&before={next}");
    }
    assert_eq!(seen, placed, "newest first, each once");

    let of = body(server.get("/v1/calls?subject=lead-3&phase=dialing,ringing").await).await;
    assert_eq!(of["calls"].as_array().unwrap().len(), 1);
    let none = body(server.get("/v1/calls?disposition=busy").await).await;
    assert_eq!(none["calls"], json!([]));
    let old = body(server.get("/v1/calls?open_before=2020-01-01T00:00:00Z").await).await;
    assert_eq!(old["calls"], json!([]));
    for wrong in ["limit=0", "limit=many", "phase=asleep", "sort=up", "open_before=yesterday", "disposition=sad"] {
        problem(server.get(&format!("/v1/calls?{wrong}")).await, 400, "bad-request").await;
    }
}

#[tokio::test]
async fn a_dry_sweep_changes_nothing() {
    let server = Server::start().await;
    server.place(&json!({ "to": "+15550100123" })).await;
    let report = body(server.post("/v1/sweep?dry_run=true", &json!(null)).await).await;
    assert_eq!(report["dry_run"], true);
    assert_eq!(report["calls"], json!([]), "nothing is due yet");
    problem(server.post("/v1/sweep?dryrun=true", &json!(null)).await, 400, "bad-request").await;
}

#[tokio::test]
async fn a_call_goes_to_the_provider_that_is_named_or_to_the_default_one() {
    let telnyx = "telnyx.connection_id = '24816'\ntelnyx.from = '+15550100001'\ntelnyx.base_url = 'http://127.0.0.1:9'\n\
                  telnyx.public_keys = ['A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=']\nretell.from = '+15550100002'";
    let server = Server::with(config(telnyx)).await;
    let wish = json!({ "to": "+15550100123" });
    let told = problem(server.post("/v1/calls", &wish).await, 422, "invalid").await;
    assert!(told["detail"].as_str().unwrap().contains("retell, telnyx, twilio"), "three and no default: {told}");
    let by = |name: &str| json!({ "to": "+15550100123", "provider": name });
    let call = body(server.post("/v1/calls", &by("telnyx")).await).await;
    assert_eq!((&call["provider"], &call["from"]), (&json!("telnyx"), &json!("+15550100001")));
    let journal = body(server.get(&format!("/v1/calls/{}/journal", call["id"].as_str().unwrap())).await).await;
    assert_eq!(journal["birth"]["plan"]["conduct"], "commanded", "settled before it was stored");

    let server = Server::with(config(&format!("server.provider = 'twilio'\n{telnyx}"))).await;
    assert_eq!(body(server.post("/v1/calls", &wish).await).await["provider"], "twilio");
}

#[tokio::test]
async fn what_a_provider_cannot_do_is_refused_before_anything_is_stored() {
    let server = Server::with(config("retell.from = '+15550100002'")).await;
    let say = json!({ "to": "+15550100123", "provider": "retell", "script": { "do": "say", "text": "Hello." } });
    let told = problem(server.post("/v1/calls", &say).await, 422, "inadmissible").await;
    assert!(told["detail"].as_str().unwrap().contains("script agent"), "{told}");
    let agent = json!({ "to": "+15550100123", "script": { "do": "agent" }, "provider": "twilio" });
    problem(server.post("/v1/calls", &agent).await, 422, "inadmissible").await;
    assert_eq!(body(server.get("/v1/calls").await).await["calls"], json!([]));
}
