//! The REST API: refusals, states, lists.

use reqwest::Method;
use simulator::{Config, Person, Status};

use crate::backend::{Bench, OURS, PHONE, quick};

#[tokio::test]
async fn bad_creations_have_twilios_codes() {
    let bench = Bench::new().await;
    let url = bench.at("/voice");
    let url = url.as_str();
    let cases: &[(u64, &[(&str, &str)])] = &[
        (21201, &[("From", OURS), ("Url", url)]),
        (21213, &[("To", PHONE), ("Url", url)]),
        (21211, &[("To", "5550100"), ("From", OURS), ("Url", url)]),
        (21211, &[("To", OURS), ("From", OURS), ("Url", url)]),
        (21212, &[("To", PHONE), ("From", "client:bob"), ("Url", url)]),
        (21205, &[("To", PHONE), ("From", OURS)]),
        (21205, &[("To", PHONE), ("From", OURS), ("Url", "not a url")]),
        (21205, &[("To", PHONE), ("From", OURS), ("Url", url), ("StatusCallback", "http://my_host/x")]),
        (21218, &[("To", PHONE), ("From", OURS), ("ApplicationSid", "AP00000000000000000000000000000000")]),
        (20001, &[("To", PHONE), ("From", OURS), ("Url", url), ("Timeout", "soon")]),
    ];
    for (code, form) in cases {
        let (status, body) = bench.post("/Calls.json", form).await;
        assert_eq!((status, body["code"].as_u64()), (400, Some(*code)), "{form:?}");
        assert_eq!(body["status"], 400);
        assert!(body["more_info"].as_str().unwrap().ends_with(&code.to_string()));
    }
    assert!(bench.network.calls().is_empty());
}

#[tokio::test]
async fn only_verified_numbers_may_call() {
    let bench = Bench::with(Config { verified: vec![OURS.into()], ..quick() }).await;
    let (_, body) =
        bench.post("/Calls.json", &[("To", PHONE), ("From", "+12025550001"), ("Twiml", "<Response/>")]).await;
    assert_eq!(body["code"], 21210);
}

#[tokio::test]
async fn credentials_and_paths_are_checked() {
    let bench = Bench::new().await;
    let base = format!("{}/2010-04-01/Accounts", bench.network.base_url());
    let calls = format!("{base}/{}/Calls.json", bench.account);
    let wrong = bench.http.get(&calls).basic_auth(&bench.account, Some("wrong")).send().await.unwrap();
    assert_eq!(wrong.status(), 401);
    assert_eq!(wrong.json::<serde_json::Value>().await.unwrap()["code"], 20003);
    assert_eq!(bench.http.get(&calls).send().await.unwrap().status(), 401);
    assert_eq!(bench.get("/Calls/CA00000000000000000000000000000000.json").await.0, 404);
    assert_eq!(bench.get("/Nothing.json").await.1["code"], 20404);
    assert_eq!(bench.rest(Method::DELETE, "/Calls.json").send().await.unwrap().status(), 405);
}

#[tokio::test]
async fn cancelling_a_queued_call_fires_no_callback() {
    // One call in a thousand phone seconds: the second one waits.
    let bench = Bench::with(Config { calls_per_second: Some(0.001), ..quick() }).await;
    bench.network.set_person("*", Person::busy());
    bench.call(PHONE, &[]).await;
    let sid = bench.call("+12025550101", &[("StatusCallback", &bench.at("/queued"))]).await;
    let (status, body) = bench.post(&format!("/Calls/{sid}.json"), &[("Status", "canceled")]).await;
    assert_eq!((status, body["status"].as_str()), (200, Some("canceled")));
    bench.settle().await;
    assert!(bench.seen("/queued").is_empty());
    assert_eq!(bench.network.call(&sid).unwrap().statuses(), [Status::Queued, Status::Canceled]);
}

#[tokio::test]
async fn cancelling_while_it_rings_is_told() {
    let bench = Bench::new().await;
    bench.network.set_person("*", Person::no_answer());
    let sid = bench.call(PHONE, &[("Timeout", "600")]).await;
    bench.until(&sid, |call| call.status == Status::Ringing).await;
    bench.post(&format!("/Calls/{sid}.json"), &[("Status", "canceled")]).await;
    bench.settle().await;
    assert_eq!(bench.fields("/status", "CallStatus"), ["initiated", "ringing", "canceled"]);
    let call = bench.network.call(&sid).unwrap();
    assert_eq!(call.hangups.len(), 1);
    assert_eq!((call.hangups[0].wish.as_str(), call.hangups[0].found), ("canceled", Status::Ringing));
}

#[tokio::test]
async fn hanging_up_ends_a_call_once() {
    let bench = Bench::new().await;
    bench.network.set_person("*", Person::talks(3600.0));
    bench.twiml("/voice", "<Pause length='3000'/>");
    let sid = bench.call(PHONE, &[]).await;
    bench.until(&sid, |call| call.status == Status::InProgress).await;
    let path = format!("/Calls/{sid}.json");
    let (_, still) = bench.post(&path, &[("Status", "canceled")]).await;
    assert_eq!(still["status"], "in-progress");
    let (status, ended) = bench.post(&path, &[("Status", "completed")]).await;
    assert_eq!((status, ended["status"].as_str()), (200, Some("completed")));
    bench.settle().await;
    let (status, again) = bench.post(&path, &[("Status", "completed")]).await;
    assert_eq!((status, again["code"].as_u64()), (400, Some(21220)));
    assert_eq!(bench.network.call(&sid).unwrap().hangups.len(), 3);
    assert_eq!(bench.fields("/status", "CallStatus").iter().filter(|status| *status == "completed").count(), 1);
}

#[tokio::test]
async fn a_redirect_needs_a_call_in_progress() {
    let bench = Bench::new().await;
    bench.network.set_person("*", Person::no_answer());
    let sid = bench.call(PHONE, &[("Timeout", "600")]).await;
    let path = format!("/Calls/{sid}.json");
    let (status, body) = bench.post(&path, &[("Url", &bench.at("/other"))]).await;
    assert_eq!((status, body["code"].as_u64()), (400, Some(21220)));
    bench.post(&path, &[("Status", "completed")]).await;
    bench.settle().await;
    assert_eq!(bench.network.call(&sid).unwrap().status, Status::Canceled);
}

#[tokio::test]
async fn a_redirect_replaces_what_runs() {
    let bench = Bench::new().await;
    bench.network.set_person("*", Person::talks(3600.0));
    bench.twiml("/voice", "<Connect><Stream url='wss://a.example/media'/></Connect>");
    bench.twiml("/bye", "<Say>good bye</Say><Hangup/>");
    let sid = bench.call(PHONE, &[]).await;
    bench.until(&sid, |call| !call.sent.is_empty() && call.status == Status::InProgress).await;
    let (status, body) = bench.post(&format!("/Calls/{sid}.json"), &[("Url", &bench.at("/bye"))]).await;
    assert_eq!((status, body["status"].as_str()), (200, Some("in-progress")));
    bench.settle().await;
    assert_eq!(bench.seen("/bye").len(), 1);
    assert_eq!(bench.network.call(&sid).unwrap().status, Status::Completed);
}

#[tokio::test]
async fn rest_never_says_initiated() {
    // Slow enough to look at the call between the queue and the first ring.
    let slow = Bench::with(Config { speed: 1.0, ..quick() }).await;
    slow.network.set_person("*", Person::busy());
    let sid = slow.call(PHONE, &[]).await;
    slow.until(&sid, |call| call.status == Status::Initiated).await;
    assert_eq!(slow.get(&format!("/Calls/{sid}.json")).await.1["status"], "queued");
    assert_eq!(slow.get("/Calls.json?Status=queued").await.1["calls"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn deleting_is_not_hanging_up() {
    let bench = Bench::new().await;
    bench.network.set_person("*", Person::talks(3600.0));
    bench.twiml("/voice", "<Pause length='3000'/>");
    let sid = bench.call(PHONE, &[]).await;
    let path = format!("/Calls/{sid}.json");
    assert_eq!(bench.rest(Method::DELETE, &path).send().await.unwrap().status(), 409);
    bench.post(&path, &[("Status", "completed")]).await;
    bench.settle().await;
    assert_eq!(bench.rest(Method::DELETE, &path).send().await.unwrap().status(), 204);
    assert_eq!(bench.get(&path).await.0, 404);
    assert!(bench.network.call(&sid).unwrap().deleted);
}

#[tokio::test]
async fn lists_filter_and_page() {
    let bench = Bench::new().await;
    bench.network.set_person("*", Person::busy());
    for line in 0..7 {
        bench.call(&format!("+1202555020{line}"), &[]).await;
    }
    bench.settle().await;
    let mut next = Some(format!("/2010-04-01/Accounts/{}/Calls.json?PageSize=3&Status=busy", bench.account));
    let mut seen = Vec::new();
    let mut pages = 0;
    while let Some(path) = next {
        let request = bench.http.get(format!("{}{path}", bench.network.base_url()));
        let request = request.basic_auth(&bench.account, Some("simulated-auth-token"));
        let page: serde_json::Value = request.send().await.unwrap().json().await.unwrap();
        seen.extend(page["calls"].as_array().unwrap().iter().map(|call| call["to"].as_str().unwrap().to_owned()));
        next = page["next_page_uri"].as_str().map(str::to_owned);
        pages += 1;
        // A call that arrives while somebody pages shifts nothing.
        bench.call(&format!("+1202555030{pages}"), &[]).await;
    }
    assert_eq!(pages, 3);
    let expected: Vec<String> = (0..7).rev().map(|line| format!("+1202555020{line}")).collect();
    assert_eq!(seen, expected);

    let count =
        async |query: &str| bench.get(&format!("/Calls.json?{query}")).await.1["calls"].as_array().unwrap().len();
    bench.settle().await;
    assert_eq!(count("To=%2B12025550203").await, 1);
    assert_eq!(count("From=%2B19999999999").await, 0);
    // Whole days around now, so that midnight may pass during the test.
    let day = |offset: i64| {
        let at = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * offset);
        at.strftime("%Y-%m-%d").to_string()
    };
    assert_eq!(count(&format!("StartTime%3E={}&StartTime%3C={}", day(-1), day(1))).await, 10);
    assert_eq!(count(&format!("StartTime%3C={}", day(-2))).await, 0);
    assert_eq!(count(&format!("StartTime%3E={}T00:00:00Z", day(-1))).await, 10);
    assert_eq!(count(&format!("StartTime%3E={}T00:00:00Z", day(2))).await, 0);
    assert_eq!(bench.get("/Calls.json?StartTime=someday").await.0, 400);
}

#[tokio::test]
async fn reads_may_lag_behind() {
    let bench = Bench::with(Config { read_lag: 1e7, ..quick() }).await;
    bench.network.set_person("*", Person::busy());
    let sid = bench.call(PHONE, &[]).await;
    bench.settle().await;
    let (_, body) = bench.get(&format!("/Calls/{sid}.json")).await;
    assert_eq!(body["status"], "queued");
    assert_eq!(bench.get("/Calls.json").await.1["calls"].as_array().unwrap().len(), 0);
}
