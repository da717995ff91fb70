//! A rolling restart: whoever got through the door is served, and nobody new is rung.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use call_core::port::{Answer, Hook, HookError, HookRequest, Inadmissible, Provider, Question, Received, Reply};
use call_core::testkit::MemoryStore;
use call_core::{Call, CallId, Conduct, DialAnswer, Effect, EffectId, Fact, Leg, Plan, ProviderName, Signal};
use call_server::{App, Overrides};
use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use crate::client::{Server, TOKEN, config, json as body};

const PATIENCE: Duration = Duration::from_secs(10);

/// What a client met.
enum Met {
    /// An answer; whether the connection may be used again.
    Answered { again: bool },
    /// The connection was made and the request was sent, and nobody answered.
    CutOff(String),
}

async fn connect(address: SocketAddr) -> Option<TcpStream> {
    timeout(PATIENCE, TcpStream::connect(address)).await.expect("refused or not, within seconds").ok()
}

async fn ask(stream: &mut TcpStream) -> Met {
    let request = b"POST /hooks/twilio/status HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n";
    if let Err(error) = stream.write_all(request).await {
        return Met::CutOff(format!("at the request: {error}"));
    }
    let mut answer = Vec::new();
    let mut part = [0; 4096];
    loop {
        let read = match timeout(PATIENCE, stream.read(&mut part)).await.expect("answered within seconds") {
            Ok(0) => return Met::CutOff(format!("after {} bytes", answer.len())),
            Ok(read) => read,
            Err(error) => return Met::CutOff(format!("at the answer: {error}")),
        };
        answer.extend_from_slice(&part[..read]);
        let text = String::from_utf8_lossy(&answer).to_lowercase();
        let Some((head, rest)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        if rest.len() >= length.unwrap_or(0) {
            assert!(head.starts_with("http/1.1 403"), "{head}");
            return Met::Answered { again: !head.contains("connection: close") };
        }
    }
}

/// Sends webhooks until nobody listens any more, each on a connection of its own or on one for as long as it may.
async fn load(address: SocketAddr, keeps: bool, answered: Arc<AtomicUsize>) -> Result<(), String> {
    let mut kept: Option<TcpStream> = None;
    loop {
        let mut stream = match kept.take() {
            Some(stream) => stream,
            None => match connect(address).await {
                Some(stream) => stream,
                None => return Ok(()),
            },
        };
        match ask(&mut stream).await {
            Met::Answered { again } => {
                answered.fetch_add(1, Ordering::Relaxed);
                kept = Some(stream).filter(|_| keeps && again);
            }

            Met::CutOff(how) => return Err(how),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_who_connects_while_the_server_stops_is_cut_off() {
    for round in 0..3 {
        let server = Server::with(config("server.linger = '100ms'")).await;
        let address = server.app.local_addr();
        let answered = Arc::new(AtomicUsize::new(0));
        let clients: Vec<_> = (0..16).map(|nth| tokio::spawn(load(address, nth % 4 == 0, answered.clone()))).collect();
        while answered.load(Ordering::Relaxed) < 200 {
            tokio::task::yield_now().await;
        }
        let Server { app, .. } = server;
        let before = answered.load(Ordering::Relaxed);
        app.shutdown().await;
        for client in clients {
            assert_eq!(client.await.unwrap(), Ok(()), "round {round}");
        }
        assert!(answered.load(Ordering::Relaxed) > before, "it served on for a while");
    }
}

#[tokio::test]
async fn a_server_that_stops_says_so_first_and_still_serves() {
    let server = Server::with(config("server.linger = '1s'")).await;
    let address = server.app.local_addr();
    let mut idle = connect(address).await.unwrap();
    assert!(matches!(ask(&mut idle).await, Met::Answered { again: true }));
    let Server { app, .. } = server;
    let stopping = tokio::spawn(app.shutdown());

    let http = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).build().unwrap();
    let deadline = Instant::now() + PATIENCE;
    let ready = loop {
        let ready = http.get(format!("http://{address}/readyz")).send().await.expect("it still serves");
        if ready.status() == 503 {
            break ready;
        }
        assert!(Instant::now() < deadline);
    };
    assert_eq!(ready.headers()["connection"], "close");
    let because = body(ready).await["because"].to_string();
    assert!(because.contains("shutting down"), "{because}");
    assert!(matches!(ask(&mut idle).await, Met::Answered { again: false }), "told to connect anew");
    stopping.await.unwrap();
    assert!(connect(address).await.is_none());
}

const ACME: ProviderName = ProviderName::new("acme");

/// A provider that takes every call, and counts.
#[derive(Default)]
struct Acme(AtomicUsize);

#[async_trait]
impl Provider for Acme {
    fn name(&self) -> ProviderName {
        ACME
    }

    fn admit(&self, plan: &Plan) -> Result<Conduct, Inadmissible> {
        Ok(plan.conduct)
    }

    async fn perform(&self, _: &Call, id: &EffectId, effect: &Effect) -> Answer {
        if matches!(effect, Effect::Dial) {
            self.0.fetch_add(1, Ordering::SeqCst);
            return Answer::Done(vec![
                Signal::new(Fact::Dialed(DialAnswer::Accepted)).on(Leg::new(ACME, id.to_string())),
            ]);
        }
        Answer::Done(Vec::new())
    }
}

impl Hook for Acme {
    fn name(&self) -> ProviderName {
        ACME
    }

    fn receive(&self, _: &HookRequest<'_>) -> Result<Received, HookError> {
        Err(HookError::UnknownPath)
    }

    fn acknowledge(&self) -> Reply {
        Reply { status: 204, content_type: "text/plain", body: String::new() }
    }

    fn reply(&self, _: &Question, _: Option<&Call>) -> Reply {
        self.acknowledge()
    }
}

#[tokio::test]
async fn a_server_that_stops_rings_nobody_and_leaves_the_dial_to_another() {
    let store: Arc<MemoryStore> = Arc::new(MemoryStore::new());
    let acme = Arc::new(Acme::default());
    let start = |linger: &str| {
        let overrides = Overrides {
            store: Some(store.clone()),
            providers: vec![(acme.clone(), acme.clone())],
            ..Overrides::default()
        };
        App::start(config(&format!("server.linger = '{linger}'")), overrides)
    };
    let first = start("1s").await.unwrap();
    let url = first.url();
    let http = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).build().unwrap();
    let stopping = tokio::spawn(first.shutdown());
    let deadline = Instant::now() + PATIENCE;
    while http.get(format!("{url}/readyz")).send().await.unwrap().status() != 503 {
        assert!(Instant::now() < deadline);
    }
    let place = http.request(Method::POST, format!("{url}/v1/calls")).bearer_auth(TOKEN);
    let placed =
        place.json(&json!({ "to": "+15550100123", "from": "+15550100000", "provider": "acme" })).send().await.unwrap();
    assert_eq!(placed.status(), 201, "a wish is stored to the last");
    let id: CallId = body(placed).await["id"].as_str().unwrap().parse().unwrap();
    stopping.await.unwrap();
    assert_eq!(acme.0.load(Ordering::SeqCst), 0, "nobody was rung by a server that stops");

    let second = start("0s").await.unwrap();
    let deadline = Instant::now() + PATIENCE;
    while second.store().load(id).await.unwrap().unwrap().legs().first().is_none() {
        assert!(Instant::now() < deadline, "the dial was left to nobody");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(acme.0.load(Ordering::SeqCst), 1);
}
