//! `POST /v2/calls/{call_control_id}/actions/…`

use std::sync::Arc;

use axum::http::Method;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{dial, error::Refusal, valid};
use crate::{
    fault::Fault,
    gate::Answer,
    telnyx::{
        Face,
        call::{Call, Order, Plan, RecordPlan},
        event,
        gather::Gather,
        talk::{Cue, FILE_SECONDS, Sound, SoundKind, spoken},
        webhook::Webhook,
        window,
    },
    truth::{Direction, HangupRequest, Status},
};

/// Actions that need no answered call.
const AT_ANY_TIME: [&str; 4] = ["answer", "reject", "hangup", "client_state_update"];

/// How an action is sent.
pub(super) fn method(action: &str) -> Method {
    if action == "client_state_update" { Method::PUT } else { Method::POST }
}

pub(super) async fn act(face: &Arc<Face>, id: &str, name: &str, body: &Value) -> Result<Answer, Refusal> {
    if !valid::is_known(name) {
        return Err(Refusal::not_found());
    }
    // Nothing at all means nothing special.
    let body = if body.is_null() { &json!({}) } else { body };
    valid::check(name, body)?;
    let call = face.find(id).ok_or_else(|| match face.world.ledger.find(id) {
        Some(_) => Refusal::not_found(),
        None => Refusal::unknown_call(),
    })?;
    let lasts = face.world.scale.real(window::SECONDS);
    call.window.once(body["command_id"].as_str(), lasts, command(face, &call, name, body)).await
}

async fn command(face: &Arc<Face>, call: &Arc<Call>, name: &str, body: &Value) -> Result<Answer, Refusal> {
    ready(face, call, name).await?;
    call.log(event::record(call, name, "command", Timestamp::now(), body));
    if let Some(state) = body["client_state"].as_str() {
        call.write(state);
    }
    Action { face, call, body }.perform(name).await?;
    Ok(Answer::ok(json!({ "data": { "result": "ok" } })).about(&call.sid))
}

/// Whether the call can take the command where it stands.
async fn ready(face: &Arc<Face>, call: &Arc<Call>, name: &str) -> Result<(), Refusal> {
    let status = call.status();
    if status.is_terminal() {
        return Err(Refusal::ended());
    }
    let answered = status == Status::InProgress;
    if !answered && name == "record_start" {
        return Err(Refusal::silent());
    }
    if !answered && !AT_ANY_TIME.contains(&name) {
        return Err(Refusal::unanswered());
    }
    let leaves = || face.world.faults.strikes(Fault::HangupBeforeCommand, call.occasion(name));
    if answered && name != "hangup" && leaves() {
        call.suffered(Fault::HangupBeforeCommand);
        call.order(Order::Leave).await;
        return Err(Refusal::ended());
    }
    Ok(())
}

#[derive(Clone, Copy)]
struct Action<'a> {
    face: &'a Arc<Face>,
    call: &'a Arc<Call>,
    body: &'a Value,
}

impl Action<'_> {
    async fn perform(self, name: &str) -> Result<(), Refusal> {
        let Self { face, call, body } = self;
        match name {
            "answer" => self.answer().await,
            "reject" => self.reject().await,
            "hangup" => self.end("hangup", Order::End).await,
            "speak" => self.play(SoundKind::Speak, spoken(self.text("payload"))),
            "playback_start" => self.playback(),
            "playback_stop" => {
                call.cue(Cue::Stop { all: body["stop"] != json!("current") });
                Ok(())
            }
            "gather" => self.gather(0.0),
            "gather_using_speak" => self.gather(Gather::words(body)),
            "gather_using_audio" => {
                self.playback()?;
                self.gather(FILE_SECONDS)
            }
            "gather_stop" => {
                call.cue(Cue::GatherStop);
                Ok(())
            }
            "transfer" => self.transfer(),
            "bridge" => self.bridge(),
            "streaming_start" => face.start_stream(call, body).ok_or_else(Refusal::streams),
            "streaming_stop" => face.stop_stream(call, body["stream_id"].as_str()).ok_or_else(Refusal::no_stream),
            "record_start" => {
                let format = self.text("format").to_owned();
                let channels = self.text("channels").to_owned();
                face.begin_recording(call, &RecordPlan { id: face.sids.uuid(), channels, format });
                Ok(())
            }
            "record_stop" => {
                face.end_recordings(call, body["recording_id"].as_str());
                Ok(())
            }
            "transcription_start" => {
                face.transcribe(call);
                Ok(())
            }
            // They change nothing that is told to anybody. A state is written before any action.
            "client_state_update" | "record_pause" | "record_resume" | "send_dtmf" | "transcription_stop" => Ok(()),
            _ => Err(Refusal::not_found()),
        }
    }

    fn text(&self, name: &str) -> &str {
        self.body[name].as_str().unwrap_or_default()
    }

    async fn answer(self) -> Result<(), Refusal> {
        let Self { face, call, body } = self;
        if call.plan.direction != Direction::Inbound {
            return Err(Refusal::wrong_state("Only an incoming call can be answered."));
        }
        call.set_webhook(Webhook::said(body, call.webhook()));
        if !call.order(Order::Answer).await {
            return Err(Refusal::ended());
        }
        if let Some(plan) = dial::record(face, body) {
            face.begin_recording(call, &plan);
        }
        if body["transcription"] == json!(true) {
            face.transcribe(call);
        }
        if body["stream_url"].is_string() {
            face.start_stream(call, body).ok_or_else(Refusal::streams)?;
        }
        Ok(())
    }

    async fn reject(self) -> Result<(), Refusal> {
        if self.call.plan.direction != Direction::Inbound || self.call.status() == Status::InProgress {
            return Err(Refusal::wrong_state("Only an incoming call that was not answered can be rejected."));
        }
        let busy = self.text("cause") == "USER_BUSY";
        self.end("reject", |done| Order::Reject { busy, done }).await
    }

    async fn end(
        self,
        wish: &str,
        order: impl FnOnce(tokio::sync::oneshot::Sender<()>) -> Order,
    ) -> Result<(), Refusal> {
        let found = self.call.status();
        let request = HangupRequest { at: Timestamp::now(), wish: wish.to_owned(), found };
        self.call.note(|record| record.hangups.push(request));
        if self.call.order(order).await { Ok(()) } else { Err(Refusal::ended()) }
    }

    fn play(self, kind: SoundKind, once: f64) -> Result<(), Refusal> {
        if let Some(stop) = self.body["stop"].as_str() {
            self.call.cue(Cue::Stop { all: stop == "all" });
        }
        let times = match self.body["loop"].as_str() {
            // Until something ends it.
            Some("infinity") => f64::INFINITY,
            Some(times) => times.parse().unwrap_or(1.0),
            None => self.body["loop"].as_f64().unwrap_or(1.0),
        };
        self.call.cue(Cue::Play(Sound { kind, seconds: once * times }));
        Ok(())
    }

    fn playback(self) -> Result<(), Refusal> {
        let facts = match (&self.body["audio_url"], &self.body["media_name"]) {
            (Value::String(url), _) => json!({ "media_url": url }),
            (_, Value::String(name)) => json!({ "media_name": name }),
            _ if self.body["playback_content"].is_string() => json!({}),
            _ => return Err(Refusal::missing("audio_url")),
        };
        let mut facts = facts;
        facts["overlay"] = json!(self.body["overlay"] == json!(true));
        self.play(SoundKind::Playback(facts), FILE_SECONDS)
    }

    fn gather(self, prompt: f64) -> Result<(), Refusal> {
        self.call.cue(Cue::Gather(Gather::read(self.body, prompt)));
        Ok(())
    }

    fn transfer(self) -> Result<(), Refusal> {
        let Self { face, call, body } = self;
        let to = self.text("to");
        let from = body["from"].as_str().unwrap_or(&call.plan.to);
        dial::check(to, from)?;
        call.bridge_next(body["park_after_unbridge"] == json!("self"));
        let child = face.place(Plan {
            to: dial::address(to).to_owned(),
            from: from.to_owned(),
            direction: Direction::OutboundDial,
            parent: Some(call.sid.clone()),
            session: Some(call.session_id.clone()),
            connection: call.plan.connection.clone(),
            client_state: body["target_leg_client_state"].as_str().map(str::to_owned),
            webhook: Webhook::said(body, Webhook::default()),
            json: Some(body.clone()),
            person: None,
            ring: dial::ring(body),
            time_limit: dial::time_limit(body),
            record: dial::record(face, body),
            detection: body["answering_machine_detection"].as_str().map(str::to_owned),
            stream: None,
            transcription: false,
        });
        call.add_child(&child.sid);
        Ok(())
    }

    fn bridge(self) -> Result<(), Refusal> {
        let other = self.face.find(self.text("call_control_id")).ok_or_else(Refusal::unknown_call)?;
        let status = other.status();
        if status.is_terminal() {
            return Err(Refusal::ended());
        }
        if status != Status::InProgress {
            return Err(Refusal::unanswered());
        }
        self.call.bridge_next(self.body["park_after_unbridge"] == json!("self"));
        self.face.bridge(self.call, &other);
        Ok(())
    }
}
