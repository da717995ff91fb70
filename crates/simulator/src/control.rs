//! The control API: the same functions as the library's, as JSON over HTTP.

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    book::FaultReport,
    config::Number,
    fault::{Faults, Rule},
    network::{Desk, Inbound},
    outage::Down,
    person::Person,
    retell::Agent,
    truth::{CallRecord, RestRequest, Summary},
};

pub(crate) fn router(desk: Desk) -> Router {
    Router::new()
        .route("/control/calls", get(calls))
        .route("/control/calls/{sid}", get(call))
        .route("/control/requests", get(requests))
        .route("/control/summary", get(summary))
        .route("/control/faults", get(faults).post(set_faults))
        .route("/control/persons", post(set_person))
        .route("/control/numbers", post(set_number))
        .route("/control/agents", post(set_agent))
        .route("/control/providers", get(providers))
        .route("/control/inbound", post(inbound))
        .route("/control/down", post(down))
        .route("/control/heal", post(heal))
        .route("/control/quiet", get(quiet))
        .with_state(desk)
}

#[derive(Debug, Deserialize)]
struct Filter {
    to: Option<String>,
}

async fn calls(State(desk): State<Desk>, Query(filter): Query<Filter>) -> Json<Vec<CallRecord>> {
    Json(match filter.to {
        Some(to) => desk.world.ledger.records_to(&to),
        None => desk.world.ledger.records(),
    })
}

async fn call(State(desk): State<Desk>, Path(sid): Path<String>) -> Response {
    match desk.world.ledger.find(&sid) {
        Some(record) => Json(record.look(CallRecord::clone)).into_response(),
        None => refuse(StatusCode::NOT_FOUND, "no such call"),
    }
}

async fn requests(State(desk): State<Desk>) -> Json<Vec<RestRequest>> {
    Json(desk.world.ledger.requests())
}

async fn summary(State(desk): State<Desk>) -> Json<Summary> {
    Json(desk.summary())
}

async fn faults(State(desk): State<Desk>) -> Json<FaultReport> {
    Json(desk.world.faults.report())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FaultOrder {
    #[serde(default)]
    chances: Option<Chances>,
    #[serde(default)]
    rules: Vec<Rule>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Chances {
    Preset(Preset),
    Each(Faults),
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Preset {
    None,
    Demo,
}

async fn set_faults(State(desk): State<Desk>, Json(order): Json<FaultOrder>) -> Json<FaultReport> {
    match order.chances {
        Some(Chances::Preset(Preset::None)) => desk.world.faults.set(Faults::none()),
        Some(Chances::Preset(Preset::Demo)) => desk.world.faults.set(Faults::demo()),
        Some(Chances::Each(faults)) => desk.world.faults.set(faults),
        None => {}
    }
    for rule in order.rules {
        desk.world.faults.add(rule);
    }
    Json(desk.world.faults.report())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settlement {
    number: String,
    person: Person,
}

async fn set_person(State(desk): State<Desk>, Json(settlement): Json<Settlement>) -> StatusCode {
    desk.world.people.settle(settlement.number, settlement.person);
    StatusCode::NO_CONTENT
}

async fn set_number(State(desk): State<Desk>, Json(number): Json<Number>) -> StatusCode {
    desk.world.ledger.set_number(number);
    StatusCode::NO_CONTENT
}

async fn set_agent(State(desk): State<Desk>, Json(agent): Json<Agent>) -> StatusCode {
    desk.set_agent(agent);
    StatusCode::NO_CONTENT
}

async fn providers(State(desk): State<Desk>) -> Json<Value> {
    Json(desk.providers())
}

async fn inbound(State(desk): State<Desk>, Json(inbound): Json<Inbound>) -> Response {
    match desk.inbound(inbound) {
        Ok(sid) => (StatusCode::CREATED, Json(json!({ "sid": sid }))).into_response(),
        Err(error) => refuse(StatusCode::NOT_FOUND, &error.to_string()),
    }
}

async fn down(State(desk): State<Desk>, Json(down): Json<Down>) -> StatusCode {
    desk.down(down);
    StatusCode::NO_CONTENT
}

async fn heal(State(desk): State<Desk>) -> StatusCode {
    desk.world.heal();
    StatusCode::NO_CONTENT
}

async fn quiet(State(desk): State<Desk>) -> Json<Value> {
    Json(json!({ "quiet": desk.world.is_quiet() }))
}

fn refuse(status: StatusCode, why: &str) -> Response {
    (status, Json(json!({ "error": why }))).into_response()
}
