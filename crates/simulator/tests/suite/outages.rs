//! The provider down for a while.

use simulator::{Config, Down, Person, Status};

use crate::backend::{Bench, PHONE, quick};

async fn bench() -> Bench {
    let bench = Bench::with(Config { control_port: Some(0), ..quick() }).await;
    let mut person = Person::talks(20.0);
    person.ring = 20.0;
    bench.network.set_person("*", person);
    bench.twiml("/voice", "<Pause length='600'/>");
    bench
}

#[tokio::test]
async fn rest_is_unavailable_and_callbacks_come_late() {
    let bench = bench().await;
    let sid = bench.call(PHONE, &[]).await;
    bench.until(&sid, |call| call.rang_at.is_some()).await;
    bench.network.down(Down::unavailable(1e9));
    let (status, body) = bench.get("/Calls.json").await;
    assert_eq!((status, body["code"].as_u64()), (503, Some(20503)));
    bench.until(&sid, |call| call.status == Status::Completed).await;
    assert!(bench.fields("/status", "CallStatus").iter().all(|status| status != "completed"));
    bench.network.heal();
    bench.settle().await;
    let mut told = bench.fields("/status", "SequenceNumber");
    told.sort();
    assert_eq!(told, ["0", "1", "2", "3"]);
    assert_eq!(bench.get("/Calls.json").await.0, 200);
}

#[tokio::test]
async fn an_outage_may_lose_callbacks_and_ends_by_itself() {
    let bench = bench().await;
    let sid = bench.call(PHONE, &[]).await;
    bench.until(&sid, |call| call.status == Status::InProgress).await;
    bench.network.down(Down::unavailable(200.0).losing_callbacks());
    bench.settle().await;
    assert!(!bench.fields("/status", "CallStatus").contains(&"completed".to_owned()));
    let deadline = tokio::time::Instant::now() + crate::backend::PATIENCE;
    while bench.get("/Calls.json").await.0 != 200 {
        assert!(tokio::time::Instant::now() < deadline, "the outage never ends");
    }
}

#[tokio::test]
async fn connections_are_refused_and_later_accepted_again() {
    let bench = bench().await;
    assert_eq!(bench.get("/Calls.json").await.0, 200);
    bench.network.down(Down::refused(1e9));
    // Closing the port takes the network a moment.
    let deadline = tokio::time::Instant::now() + crate::backend::PATIENCE;
    loop {
        match tokio::net::TcpStream::connect(bench.network.base_url().trim_start_matches("http://")).await {
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => break,
            _ => assert!(tokio::time::Instant::now() < deadline, "still accepting"),
        }
    }
    let error = bench.rest(reqwest::Method::GET, "/Calls.json").send().await.unwrap_err();
    assert!(error.is_connect(), "{error:?}");
    // The control port stays.
    let heal = bench.http.post(format!("{}/control/heal", bench.network.control_url())).send().await.unwrap();
    assert_eq!(heal.status(), 204);
    while bench.rest(reqwest::Method::GET, "/Calls.json").send().await.is_err() {
        assert!(tokio::time::Instant::now() < deadline, "never open again");
    }
}

#[tokio::test]
async fn connections_may_be_dropped() {
    let bench = bench().await;
    bench.network.down(Down::dropped(1e9));
    let error = bench.rest(reqwest::Method::GET, "/Calls.json").send().await.unwrap_err();
    assert!(!error.is_connect() && !error.is_timeout(), "{error:?}");
    bench.network.heal();
    assert_eq!(bench.get("/Calls.json").await.0, 200);
}

#[tokio::test]
async fn nothing_is_dialled_while_the_provider_is_down() {
    let bench = Bench::with(Config { speed: 20.0, ..quick() }).await;
    bench.network.set_person("*", Person::busy());
    let sid = bench.call(PHONE, &[]).await;
    bench.network.down(Down::unavailable(1e9));
    let before = bench.network.call(&sid).unwrap();
    // It may have left the queue in the instant between; then there is nothing to see here.
    if before.status == Status::Queued {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        assert_eq!(bench.network.call(&sid).unwrap().status, Status::Queued);
    }
    bench.network.heal();
    bench.settle().await;
    assert_eq!(bench.network.call(&sid).unwrap().status, Status::Busy);
}
