//! `<Dial>`: legs of their own, the first to answer is connected.

use std::sync::{Arc, Mutex};

use tokio::{sync::mpsc, time::Instant};

use super::{
    call::{Call, Milestone, Order, Plan, RecordPlan},
    hook::Hook,
    life::Report,
    obey::{Leg, OnDrop, Script, Source},
    twiml::{Callback, Dial, Noun},
};
use crate::{
    fault::Fault,
    lock::locked,
    truth::{Direction, Status},
};

/// Dials, and returns the parameters for `action` when it is over. `None`: the caller left meanwhile.
pub(super) async fn dial(leg: Leg<'_>, dial: &Dial, script: &Script) -> Option<Vec<(String, String)>> {
    let (reporter, mut reports) = mpsc::unbounded_channel();
    let children: Vec<Arc<Call>> = dial
        .legs
        .iter()
        .enumerate()
        .map(|(index, noun)| leg.face.place_leg(plan(leg, dial, noun, script), index, reporter.clone()))
        .collect();
    drop(reporter);

    let connection = Mutex::new(Connection::default());
    let interrupted = OnDrop::new(|| {
        for child in &children {
            child.command(Order::End);
        }
        let Connection { connected, recording } = std::mem::take(&mut *locked(&connection));
        if let Some(sid) = recording {
            leg.face.end_recording(leg.call, &sid);
        }
        // A redirect or the caller's leaving still sends the `action` request; its answer controls nothing.
        let Some(action) = &dial.action else { return };
        let status = if connected.is_some() { Status::Completed } else { Status::Canceled };
        let child = connected.and_then(|index| children.get(index)).or(children.first());
        let facts = result(status, child, connected.is_some(), None);
        if let Some(Source::Fetch(hook, extra)) = leg.continue_at(script, Some(action), dial.method.as_deref(), facts) {
            leg.report_to(hook, extra);
        }
    });

    let limit = leg.face.world.scale.real(dial.time_limit);
    let mut last = (Status::Failed, 0, None);
    let mut open = children.len();
    let mut deadline: Option<Instant> = None;
    while open > 0 {
        let timed_out = async {
            match deadline {
                Some(deadline) => tokio::time::sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        let (index, report) = tokio::select! {
            report = reports.recv() => report?,
            () = timed_out => {
                deadline = None;
                end_all(&children, None);
                continue;
            }
        };
        let connected = locked(&connection).connected;
        match report {
            Report::Ringing => {
                if leg.face.world.faults.strikes(Fault::HangupDuringDial, leg.call.occasion("dial")) {
                    leg.call.suffered(Fault::HangupDuringDial);
                    return None;
                }
            }
            Report::Answered if connected.is_none() => {
                locked(&connection).connected = Some(index);
                deadline = Some(Instant::now() + limit);
                end_all(&children, Some(index));
                if dial.record {
                    let sid = record(leg, dial, script);
                    locked(&connection).recording = Some(sid);
                }
            }
            // Two picked up at once: the later one is let go.
            Report::Answered => {
                if let Some(late) = children.get(index) {
                    late.command(Order::End);
                }
            }
            Report::Ended(status, duration) => {
                open -= 1;
                if connected.is_none_or(|connected| connected == index) {
                    last = (status, duration, Some(index));
                }
            }
        }
    }
    interrupted.disarm();
    let Connection { connected, recording } = std::mem::take(&mut *locked(&connection));
    let url = recording.map(|sid| {
        leg.face.end_recording(leg.call, &sid);
        leg.face.recording_url(&sid)
    });
    let (status, duration, index) = last;
    let child = connected.or(index).and_then(|index| children.get(index));
    let bridged = connected.is_some();
    let mut facts = result(status, child, bridged, bridged.then_some(duration));
    facts.extend(url.map(|url| ("RecordingUrl".to_owned(), url)));
    Some(facts)
}

/// Which leg the caller talks to, and what records them.
#[derive(Default)]
struct Connection {
    connected: Option<usize>,
    recording: Option<String>,
}

fn end_all(children: &[Arc<Call>], except: Option<usize>) {
    for (index, child) in children.iter().enumerate() {
        if Some(index) != except {
            child.command(Order::End);
        }
    }
}

fn record(leg: Leg<'_>, dial: &Dial, script: &Script) -> String {
    let callback = dial.recording_callback.as_ref();
    let hook =
        callback.and_then(|Callback { url, method, .. }| Hook::within(script.base.as_deref(), url, method.as_deref()));
    let plan = RecordPlan::simple(hook, callback.and_then(|callback| callback.events.as_deref()));
    leg.face.begin_recording(leg.call, "DialVerb", &plan).sid
}

fn result(status: Status, child: Option<&Arc<Call>>, bridged: bool, duration: Option<u64>) -> Vec<(String, String)> {
    let mut facts =
        vec![("DialCallStatus".to_owned(), status.name().to_owned()), ("DialBridged".to_owned(), bridged.to_string())];
    facts.extend(child.map(|child| ("DialCallSid".to_owned(), child.sid.clone())));
    facts.extend(duration.map(|seconds| ("DialCallDuration".to_owned(), seconds.to_string())));
    facts
}

fn plan(leg: Leg<'_>, dial: &Dial, noun: &Noun, script: &Script) -> Plan {
    let base = script.base.as_deref();
    let callback = noun.callback.as_ref();
    let events = callback.and_then(|callback| callback.events.as_deref()).unwrap_or("completed");
    Plan {
        to: noun.address.clone(),
        from: dial.caller_id.clone().unwrap_or_else(|| leg.call.plan.from.clone()),
        direction: Direction::OutboundDial,
        parent: Some(leg.call.sid.clone()),
        form: Vec::new(),
        person: None,
        voice: noun
            .url
            .as_deref()
            .and_then(|url| Hook::within(base, url, noun.url_method.as_deref()))
            .map(|hook| Source::Fetch(hook, Vec::new())),
        fallback: None,
        status: callback.and_then(|callback| Hook::within(base, &callback.url, callback.method.as_deref())),
        events: events.split_whitespace().filter_map(Milestone::parse).collect(),
        timeout: dial.timeout,
        time_limit: dial.time_limit,
        record: None,
        detection: None,
    }
}
