//! Whole calls over sockets, against the simulator's Retell: it knows the documentation, and not this adapter.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use adapter_retell::{Callback, Retell, RetellConfig, RetellHook};
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::{Router, response::IntoResponse};
use call_core::port::{Answer, Hook as _, HookRequest, Provider as _, Question, Reply};
use call_core::{
    Call, CallId, Command, DialAnswer, Disposition, Effect, EffectId, Fact, HangupAnswer, Input, Leg, Policy, Report,
    Signal, Timestamp,
};
use provider_laws::id;
use simulator::{Agent, Config, Function, Network, Person};

use crate::kit::{AGENT, KEY, plan};

/// A call at the network, told of by its webhooks and by our own questions.
struct Line {
    network: Network,
    retell: Retell,
    call: Arc<Mutex<Call>>,
}

#[derive(Clone)]
struct Ears {
    call: Arc<Mutex<Call>>,
    hook: RetellHook,
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Timestamp::from_millis(since.as_millis().try_into().unwrap())
}

fn handle(call: &Mutex<Call>, input: impl Into<Input>) {
    call.lock().unwrap().handle(&input.into(), now());
}

async fn hear(State(ears): State<Ears>, uri: Uri, headers: HeaderMap, body: Bytes) -> impl IntoResponse {
    let path = uri.path().strip_prefix("/hooks/retell").unwrap();
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let url = uri.to_string();
    let request = HookRequest { method: "POST", url: &url, path, header: &header, body: &body, now: now() };
    let Reply { status, body, .. } = match ears.hook.receive(&request) {
        Err(error) => Reply { status: error.status(), content_type: "text/plain", body: error.to_string() },
        Ok(received) => {
            assert_eq!(received.address.call, Some(id()), "our name travels with the call");
            for signal in received.signals {
                handle(&ears.call, signal);
            }
            match received.question {
                Some(Question::Tool(request)) => ears.hook.returned(&request, &Ok(request.arguments.clone())),
                Some(Question::WhatNow | Question::WhatNext { .. }) | Some(_) | None => ears.hook.acknowledge(),
            }
        }
    };
    (StatusCode::from_u16(status).unwrap(), body)
}

impl Line {
    /// `change` says what the agent does, given where we are reached.
    async fn open(person: Person, change: impl FnOnce(Agent, &str) -> Agent) -> Self {
        let mut config = Config { seed: 7, speed: 100.0, retry_pause: Duration::from_millis(20), ..Config::default() };
        (config.retell.api_key, config.retell.stale_status) = (KEY.into(), 1.0);
        let network = Network::start(config).await.unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let public = format!("http://{}", listener.local_addr().unwrap());
        let ours = RetellConfig {
            base_url: network.retell_url(),
            agent_id: Some(AGENT.to_owned()),
            ..RetellConfig::new(KEY, &public)
        };
        let call = Call::dial(CallId::from_uuid(id().as_uuid()), plan(), Policy::default(), now()).0;
        let ears = Ears { call: Arc::new(Mutex::new(call)), hook: RetellHook::new(&ours).unwrap() };
        let call = Arc::clone(&ears.call);
        tokio::spawn(async move { axum::serve(listener, Router::new().fallback(hear).with_state(ears)).await });
        network.set_person("+15550000002", person);
        network.set_agent(change(Agent::new(AGENT), &public));
        Self { network, retell: Retell::new(&ours).unwrap(), call }
    }

    /// With its webhooks, and without anything else.
    async fn telling(person: Person) -> Self {
        Self::open(person, |agent, public| agent.webhook(Callback::Events.url(public))).await
    }

    async fn perform(&self, effect: &Effect) -> Answer {
        let call = self.call.lock().unwrap().clone();
        let id = EffectId { call: call.id(), version: call.version(), index: 0 };
        self.retell.perform(&call, &id, effect).await
    }

    async fn dial(&self) -> Leg {
        let answer = self.perform(&Effect::Dial).await;
        let Answer::Done(signals) = answer else { panic!("{answer:?}") };
        assert_eq!(signals[0].fact, Fact::Dialed(DialAnswer::Accepted));
        handle(&self.call, signals[0].clone());
        signals[0].leg.clone().unwrap()
    }

    async fn until(&self, wanted: impl Fn(&Call) -> bool) -> Call {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let call = self.call.lock().unwrap().clone();
            if wanted(&call) {
                return call;
            }
            assert!(Instant::now() < deadline, "{call:#?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

fn is_analyzed(call: &Call) -> bool {
    call.has_ended() && call.state().findings.analysis.is_some()
}

#[tokio::test]
async fn a_conversation_is_told_from_the_first_word_to_the_analysis() {
    let line = Line::open(Person::talks(20.0), |agent, public| {
        let functions = Callback::Functions.url(public);
        agent.webhook(Callback::Events.url(public)).function(Function::new("initialize_call", functions))
    })
    .await;
    let leg = line.dial().await;
    let call = line.until(is_analyzed).await;
    assert_eq!(call.outcome().unwrap().disposition, Disposition::Completed);
    let findings = &call.state().findings;
    assert!(findings.turns > 1 && findings.cost.is_some() && findings.latency.is_some(), "{findings:?}");
    assert_eq!(findings.analysis.as_ref().unwrap().successful, Some(true));
    assert!(call.state().timeline.answered.is_some());
    let truth = line.network.call(&leg.id).unwrap();
    let invoked = &truth.functions[0];
    assert_eq!(
        (invoked.name.as_str(), invoked.result.as_deref(), invoked.successful),
        ("initialize_call", Some("{}"), Some(true))
    );
}

#[tokio::test]
async fn every_way_to_end_is_told_right() {
    for (person, disposition) in [
        (Person::busy(), Disposition::Busy),
        (Person::no_answer(), Disposition::NoAnswer),
        (Person::rejects(), Disposition::NoAnswer),
        (Person::invalid(), Disposition::Failed),
        (Person::hangs_up(), Disposition::Completed),
        (Person::voicemail(), Disposition::NoAnswer),
    ] {
        let line = Line::telling(person.clone()).await;
        line.dial().await;
        let call = line.until(Call::has_ended).await;
        assert_eq!(call.outcome().unwrap().disposition, disposition, "{person:?}");
    }
}

/// Post-mortem 4.3: no webhook is configured at all.
#[tokio::test]
async fn a_call_that_nobody_tells_of_is_asked_for() {
    let line = Line::open(Person::talks(20.0), |agent, _| agent).await;
    let Answer::Done(signals) = line.perform(&Effect::Dial).await else { panic!() };
    // The answer to the dial is lost: the call is found by our name.
    handle(&line.call, Signal::new(Fact::Dialed(DialAnswer::Unknown { why: "lost".to_owned() })));
    let deadline = Instant::now() + Duration::from_secs(20);
    while !line.call.lock().unwrap().has_ended() {
        assert!(Instant::now() < deadline);
        let Answer::Done(told) = line.perform(&Effect::Reconcile).await else { panic!() };
        for signal in told.into_iter().filter(|signal| signal.fact != Fact::Report(Report::Gone)) {
            assert_eq!(signal.leg, signals[0].leg);
            handle(&line.call, signal);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let call = line.call.lock().unwrap().clone();
    assert_eq!(call.outcome().unwrap().disposition, Disposition::Completed);
    assert!(call.state().findings.turns > 1 && call.state().findings.cost.is_some());
}

/// Retell stops only what is connected, and must not be left to ring until then.
#[tokio::test]
async fn a_call_is_stopped_while_it_lives_and_when_it_rings_as_soon_as_that_works() {
    // Two seconds here: long enough to be asked for on a busy machine.
    let mut patient = Person::talks(600.0);
    patient.ring = 200.0;
    let change = |agent: Agent, public: &str| {
        let mut agent = agent.webhook(Callback::Events.url(public));
        agent.ring = 300.0;
        agent
    };
    let line = Line::open(patient, change).await;
    let leg = line.dial().await;
    let hangup = Effect::Hangup { leg };
    handle(&line.call, Command::hangup());
    let early = line.perform(&hangup).await;
    assert!(matches!(early, Answer::Later { .. }), "it rings: {early:?}");
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        match line.perform(&hangup).await {
            Answer::Later { .. } => assert!(Instant::now() < deadline),
            Answer::Done(signals) => break assert_eq!(signals[0].fact, Fact::HangupAnswer(HangupAnswer::Accepted)),
            answer @ (Answer::Refused { .. } | Answer::Unknown { .. }) => panic!("{answer:?}"),
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let call = line.until(Call::has_ended).await;
    assert_eq!(call.outcome().unwrap().disposition, Disposition::Completed, "somebody had answered");
    let Answer::Done(again) = line.perform(&hangup).await else { panic!() };
    assert_eq!(again[0].fact, Fact::HangupAnswer(HangupAnswer::AlreadyEnded));
    assert_eq!(line.network.calls_to("+15550000002").len(), 1);
}
