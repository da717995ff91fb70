//! The simulator's control API: what really happens on the network, and what shall go wrong there.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::Client;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use simulator::{Agent, CallRecord, Down, Fault, Faults, Inbound, Number, Person, RestRequest, Rule};

use crate::until;

/// A client of the control API.
#[derive(Debug, Clone)]
pub struct Network {
    http: Client,
    control: String,
}

impl Network {
    /// A client of the control API at `control`, such as `http://127.0.0.1:4000`.
    #[must_use]
    pub fn new(http: Client, control: impl Into<String>) -> Self {
        Self { http, control: control.into() }
    }

    /// Every call so far, oldest first.
    pub async fn calls(&self) -> Vec<CallRecord> {
        self.get("calls").await
    }

    /// The calls to a number.
    pub async fn calls_to(&self, number: &str) -> Vec<CallRecord> {
        self.calls().await.into_iter().filter(|call| call.to == number).collect()
    }

    /// Every REST request that reached the network, oldest first.
    pub async fn requests(&self) -> Vec<RestRequest> {
        self.get("requests").await
    }

    /// How often each fault was injected.
    pub async fn struck(&self) -> BTreeMap<Fault, u64> {
        let report: Value = self.get("faults").await;
        serde_json::from_value(report["counts"].clone()).expect("counts are counts")
    }

    /// How often one fault was injected.
    pub async fn struck_by(&self, fault: Fault) -> u64 {
        self.struck().await.get(&fault).copied().unwrap_or(0)
    }

    /// Something goes wrong from now on.
    pub async fn inject(&self, rule: Rule) {
        self.post("faults", &json!({ "rules": [rule] })).await;
    }

    /// Faults by chance from now on.
    pub async fn set_faults(&self, faults: &Faults) {
        self.post("faults", &json!({ "chances": faults })).await;
    }

    /// Who lives at a number (or prefix ending in `*`).
    pub async fn settle(&self, number: &str, person: Person) {
        self.post("persons", &json!({ "number": number, "person": person })).await;
    }

    /// One of our numbers.
    pub async fn set_number(&self, number: &Number) {
        self.post("numbers", number).await;
    }

    /// An agent of Retell's.
    pub async fn set_agent(&self, agent: &Agent) {
        self.post("agents", agent).await;
    }

    /// A person calls one of our numbers; gives the SID.
    pub async fn ring(&self, from: &str, to: &str) -> String {
        let answer = self.post("inbound", &Inbound::new(from, to)).await;
        answer["sid"].as_str().expect("an inbound call has a SID").to_owned()
    }

    /// The provider is down for a while.
    pub async fn down(&self, down: &Down) {
        self.post("down", down).await;
    }

    /// Ends every fault and outage; what waited is sent now.
    pub async fn heal(&self) {
        self.post("heal", &json!({})).await;
    }

    /// Waits until this many calls were placed and all of them are over, whoever knows of it.
    pub async fn until_over(&self, count: usize, patience: Duration) {
        let all = |calls: &Vec<CallRecord>| calls.iter().filter(|call| call.status.is_terminal()).count() >= count;
        until("the calls are over", patience, || self.calls(), all).await;
        self.until_quiet(patience).await;
    }

    /// Waits until no call is open and nothing is left to send.
    pub async fn until_quiet(&self, patience: Duration) {
        until("the network is quiet", patience, || self.get::<Value>("quiet"), |v| v["quiet"] == true).await;
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> T {
        let url = format!("{}/control/{path}", self.control);
        let answer = self.http.get(url).send().await.expect("the simulator answers");
        assert!(answer.status().is_success(), "GET {path}: {}", answer.status());
        answer.json().await.expect("the simulator tells what it documents")
    }

    async fn post(&self, path: &str, body: &impl Serialize) -> Value {
        let url = format!("{}/control/{path}", self.control);
        let answer = self.http.post(url).json(body).send().await.expect("the simulator answers");
        let status = answer.status();
        let text = answer.text().await.expect("an answer has a body");
        assert!(status.is_success(), "POST {path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or_default()
    }
}
