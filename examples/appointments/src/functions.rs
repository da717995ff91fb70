//! The three functions, as the agent sees them.

use std::collections::BTreeMap;

use jiff::civil::{Date, DateTime, Time};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::{Appointment, Book, Refused};

/// What the server posts.
#[derive(Debug, Clone, Deserialize)]
pub struct Invocation {
    /// The server's name for the call: the same one for all functions of a call.
    pub call_id: String,
    /// Whom the call concerns, if it was placed for somebody.
    #[serde(default)]
    pub subject: Option<String>,
    /// Which function.
    pub name: String,
    /// What the agent says to it.
    #[serde(default)]
    pub arguments: Value,
    /// The context of the call's plan.
    #[serde(default)]
    pub context: BTreeMap<String, String>,
}

/// What comes of an invocation.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// What the agent goes on with. Something that it can mend by asking the caller is such a result, too.
    Result(Value),
    /// There is no such function: a mistake in the agent's configuration, which no retry mends.
    NoSuchFunction,
}

/// What the agent may say to `check_availability`.
#[derive(Deserialize)]
struct Wish {
    day: Date,
}

/// What the agent has collected so far. Everything may be missing: then it is told what to ask for.
#[derive(Deserialize)]
struct Collected {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    day: Option<Date>,
    #[serde(default)]
    time: Option<Time>,
    #[serde(default)]
    reason: Option<String>,
}

/// Runs a function. The same invocation may come twice (the server tries again when an answer is lost): each of them bears it.
pub fn answer(book: &mut Book, invocation: &Invocation, now: DateTime) -> Reply {
    let said = match invocation.name.as_str() {
        "initialize_call" => Ok(initialize(book, invocation, now)),
        "check_availability" => read(&invocation.arguments).map(|wish: Wish| check(book, wish.day, now)),
        "collect_appointment_info" => {
            read(&invocation.arguments).map(|collected| collect(book, &invocation.call_id, collected, now))
        }
        _ => return Reply::NoSuchFunction,
    };
    Reply::Result(said.unwrap_or_else(|problem| json!({"problem": problem})))
}

/// The first thing that the agent does: whom it talks to, and what day it is.
fn initialize(book: &Book, invocation: &Invocation, now: DateTime) -> Value {
    let name = invocation.context.get("name").or(invocation.subject.as_ref());
    let made = name.into_iter().flat_map(|name| book.of(name, now));
    let appointments: Vec<Value> = made.map(|(slot, made)| json!({"at": told(slot), "reason": made.reason})).collect();
    json!({
        "practice": "Dr. Example",
        "today": now.date(),
        "weekday": weekday(now.date()),
        "caller": name,
        "appointments": appointments,
    })
}

fn check(book: &Book, day: Date, now: DateTime) -> Value {
    let free: Vec<String> = book.free(day, now).into_iter().map(clock).collect();
    let next = if free.is_empty() { book.next_free(day, now) } else { None };
    json!({"day": day, "weekday": weekday(day), "free": free, "next_free_day": next})
}

fn collect(book: &mut Book, call: &str, collected: Collected, now: DateTime) -> Value {
    let Collected { name, day, time, reason } = collected;
    let name = name.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
    let (Some(name), Some(day), Some(time)) = (&name, day, time) else {
        let known = [("name", name.is_some()), ("day", day.is_some()), ("time", time.is_some())];
        let missing: Vec<&str> = known.into_iter().filter(|(_, known)| !known).map(|(field, _)| field).collect();
        return json!({"booked": false, "missing": missing});
    };
    let appointment = Appointment { name: name.clone(), reason, call: call.to_owned() };
    let slot = day.to_datetime(time);
    match book.make(slot, appointment, now) {
        Ok(()) => json!({"booked": true, "at": told(slot), "weekday": weekday(day), "name": name}),
        Err(refused) => {
            let why = match refused {
                Refused::Taken => "somebody else has this time",
                Refused::Closed => "the practice is closed then",
                Refused::Past => "this time has passed",
            };
            let mut answer = check(book, day, now);
            answer["booked"] = json!(false);
            answer["problem"] = json!(why);
            answer
        }
    }
}

/// Arguments are a model's words: what is wrong with them is said so that it can do better.
fn read<T: DeserializeOwned>(arguments: &Value) -> Result<T, String> {
    T::deserialize(arguments).map_err(|e| format!("{e}; days are written as 2026-11-27 and times as 10:30"))
}

fn weekday(day: Date) -> String {
    format!("{:?}", day.weekday())
}

fn clock(time: Time) -> String {
    format!("{:02}:{:02}", time.hour(), time.minute())
}

fn told(slot: DateTime) -> String {
    format!("{} {}", slot.date(), clock(slot.time()))
}
