//! Signals that wait for their call. One document holds what was parked together.
//!
//! **Parking races with the commit that binds the leg**, in another document. Parking writes first and looks then:
//!
//! - It finds no binding. Then any binding comes later than the insertion, and whoever binds finds the signals: kept.
//! - It finds one. Then whoever bound may have read the mailbox before the insertion, or after it. The document itself
//!   decides: `parked` marks what it gives out as `taken`, in one update, and gives out nothing unmarked; parking takes
//!   back what is not `taken`, in one deletion. The server does these two on one document one after the other, so that
//!   exactly one succeeds: the signals are kept and were seen, or they are gone, nobody saw them, and the call is named.
//!
//! If parking crashes before it looks, the signals stay, unacknowledged, and the sweep takes them to their call.
//!
//! **Adopting is part of the step**: the commit writes the signals' numbers into the call's `adopted`, in its one write,
//! and removes them from the mailbox afterwards. A signal with such a mark is not shown any more, so a crash between the
//! two is not seen by anybody; what it left behind is removed by the sweep, which looks for stranded signals all the
//! time. Readers read the mailbox first and the marks then, and marks stay for as long as their call: what was adopted
//! before they began is never shown to them.
//!
//! **Numbers**: documents are counted by `meta`, one number each, never used again; a signal's number is its document's
//! and its place there.

use std::collections::{BTreeMap, BTreeSet};

use call_core::port::{Parked, ParkedSignal, StoreError};
use call_core::{CallId, Leg, Signal, Timestamp};
use mongodb::bson::{DateTime, doc};
use mongodb::options::ReturnDocument;
use serde::{Deserialize, Serialize};

use crate::calls::{Named, date, find, leg_name, moment, most};
use crate::connection::Work;
use crate::error::{Refused, broken, unreadable};
use crate::schema::{CALLS, MAILBOX, META};

/// How many bits of a signal's number are its place.
const PLACES: u32 = 16;

/// How many documents are looked at in one go.
const PORTION: i64 = 256;

/// Signals that were parked together.
#[derive(Debug, Serialize, Deserialize)]
struct Parcel {
    #[serde(rename = "_id")]
    number: i64,
    on: String,
    provider: String,
    leg: String,
    since: DateTime,
    until: DateTime,
    /// Whether they were given out. Decided once.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    taken: bool,
    signals: Vec<Kept>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    place: i64,
    signal: String,
}

impl Parcel {
    fn ids(&self) -> impl Iterator<Item = i64> {
        self.signals.iter().map(|kept| self.number << PLACES | kept.place)
    }

    fn on(&self) -> Leg {
        Leg::new(self.provider.clone().into(), self.leg.clone())
    }

    fn signals(&self) -> impl Iterator<Item = Result<ParkedSignal, StoreError>> {
        self.ids().zip(&self.signals).map(|(id, kept)| {
            Ok(ParkedSignal {
                id,
                leg: self.on(),
                signal: serde_json::from_str(&kept.signal).map_err(unreadable)?,
                since: moment(self.since),
                until: moment(self.until),
            })
        })
    }
}

pub(crate) async fn park(
    work: &Work<'_>,
    leg: &Leg,
    signals: &[Signal],
    now: Timestamp,
    until: Timestamp,
) -> Result<Parked, StoreError> {
    let mut kept = Vec::with_capacity(signals.len());
    for (place, signal) in signals.iter().enumerate() {
        let place = u16::try_from(place).map_err(|_| broken(Refused::TooMany))?.into();
        kept.push(Kept { place, signal: serde_json::to_string(signal).map_err(unreadable)? });
    }
    let number = next_number(work).await?;
    let parcel = Parcel {
        number,
        on: leg_name(leg),
        provider: leg.provider.as_str().to_owned(),
        leg: leg.id.clone(),
        since: date(now),
        until: date(until),
        taken: false,
        signals: kept,
    };
    let mailbox = work.collection::<Parcel>(MAILBOX);
    work.ask(mailbox.insert_one(parcel)).await?;
    let Some(call) = find(work, leg).await? else { return Ok(Parked::Kept) };
    let back = mailbox.delete_one(doc! { "_id": number, "taken": { "$ne": true } });
    let is_back = work.ask(back).await?.deleted_count == 1;
    Ok(if is_back { Parked::Bound(call) } else { Parked::Kept })
}

async fn next_number(work: &Work<'_>) -> Result<i64, StoreError> {
    #[derive(Deserialize)]
    struct Counter {
        last: i64,
    }
    // No upsert: a counter that began anew would give out numbers twice.
    let meta = work.collection::<Counter>(META);
    let count = meta.find_one_and_update(doc! { "_id": "mailbox" }, doc! { "$inc": { "last": 1_i64 } });
    let counter = work.ask(count.return_document(ReturnDocument::After)).await?;
    Ok(counter.ok_or_else(|| broken(Refused::NoCounter))?.last)
}

pub(crate) async fn parked(work: &Work<'_>, leg: &Leg) -> Result<Vec<ParkedSignal>, StoreError> {
    let mailbox = work.collection::<Parcel>(MAILBOX);
    let on = || mailbox.find(doc! { "on": leg_name(leg) }).sort(doc! { "_id": 1 });
    let mut parcels = work.all(on()).await?;
    let free: Vec<i64> = parcels.iter().filter(|parcel| !parcel.taken).map(|parcel| parcel.number).collect();
    // Whoever only looks takes nothing.
    if !free.is_empty() && work.writes() {
        let take = mailbox.update_many(doc! { "_id": { "$in": free } }, doc! { "$set": { "taken": true } });
        work.ask(take).await?;
        parcels = work.all(on()).await?;
        parcels.retain(|parcel| parcel.taken);
    }
    shown(work, &parcels).await
}

pub(crate) async fn all(work: &Work<'_>, limit: usize) -> Result<Vec<ParkedSignal>, StoreError> {
    if limit == 0 {
        return Ok(Vec::new());
    }
    let mailbox = work.collection::<Parcel>(MAILBOX);
    let parcels = work.all(mailbox.find(doc! {}).sort(doc! { "_id": 1 }).limit(most(limit))).await?;
    let mut signals = shown(work, &parcels).await?;
    signals.truncate(limit);
    Ok(signals)
}

/// The signals that no call has adopted.
async fn shown(work: &Work<'_>, parcels: &[Parcel]) -> Result<Vec<ParkedSignal>, StoreError> {
    let adopted = adopted(work, parcels.iter().flat_map(Parcel::ids).collect()).await?;
    let signals = parcels.iter().flat_map(Parcel::signals);
    let is_adopted = |signal: &Result<ParkedSignal, _>| signal.as_ref().is_ok_and(|s| adopted.contains(&s.id));
    signals.filter(|signal| !is_adopted(signal)).collect()
}

/// Which of these signals a call has adopted.
async fn adopted(work: &Work<'_>, ids: Vec<i64>) -> Result<BTreeSet<i64>, StoreError> {
    #[derive(Deserialize)]
    struct Marked {
        adopted: Vec<i64>,
    }
    if ids.is_empty() {
        return Ok(BTreeSet::new());
    }
    let calls = work.collection::<Marked>(CALLS);
    let marked = calls.find(doc! { "adopted": { "$in": &ids } }).projection(doc! { "_id": 0, "adopted": 1 });
    let marks: BTreeSet<i64> = work.all(marked).await?.into_iter().flat_map(|call| call.adopted).collect();
    Ok(ids.into_iter().filter(|id| marks.contains(id)).collect())
}

pub(crate) async fn stranded(work: &Work<'_>, limit: usize) -> Result<Vec<(CallId, Leg)>, StoreError> {
    let mailbox = work.collection::<Parcel>(MAILBOX);
    let (mut stranded, mut seen, mut after) = (Vec::new(), BTreeSet::new(), i64::MIN);
    while stranded.len() < limit {
        let parcels = mailbox.find(doc! { "_id": { "$gt": after } }).sort(doc! { "_id": 1 }).limit(PORTION);
        let parcels = work.all(parcels).await?;
        let Some(last) = parcels.last() else { break };
        after = last.number;

        let adopted = adopted(work, parcels.iter().flat_map(Parcel::ids).collect()).await?;
        if !adopted.is_empty() && work.writes() {
            remove(work, &adopted.iter().copied().collect::<Vec<_>>()).await?;
        }
        let waiting = parcels.iter().filter(|parcel| parcel.ids().any(|id| !adopted.contains(&id)));
        let fresh: Vec<&Parcel> = waiting.filter(|parcel| seen.insert(parcel.on.clone())).collect();
        let bound = bound(work, fresh.iter().map(|parcel| parcel.on.clone()).collect()).await?;
        stranded.extend(fresh.iter().filter_map(|parcel| Some((*bound.get(&parcel.on)?, parcel.on()))));
    }
    stranded.truncate(limit);
    Ok(stranded)
}

/// The calls that legs are bound to, by the legs' names.
async fn bound(work: &Work<'_>, legs: Vec<String>) -> Result<BTreeMap<String, CallId>, StoreError> {
    #[derive(Deserialize)]
    struct Bound {
        #[serde(flatten)]
        named: Named,
        legs: Vec<String>,
    }
    if legs.is_empty() {
        return Ok(BTreeMap::new());
    }
    let calls = work.collection::<Bound>(CALLS);
    let found = calls.find(doc! { "legs": { "$in": legs } }).projection(doc! { "_id": 1, "legs": 1 });
    let mut bound = BTreeMap::new();
    for call in work.all(found).await? {
        let id = call.named.id()?;
        bound.extend(call.legs.into_iter().map(|leg| (leg, id)));
    }
    Ok(bound)
}

/// Removes signals that a call has adopted.
pub(crate) async fn remove(work: &Work<'_>, ids: &[i64]) -> Result<(), StoreError> {
    let mut parcels = BTreeMap::<i64, Vec<i64>>::new();
    for id in ids {
        parcels.entry(id >> PLACES).or_default().push(id & ((1 << PLACES) - 1));
    }
    let mailbox = work.collection::<Parcel>(MAILBOX);
    let mut touched = Vec::with_capacity(parcels.len());
    for (number, places) in parcels {
        let out = doc! { "$pull": { "signals": { "place": { "$in": places } } } };
        work.ask(mailbox.update_one(doc! { "_id": number }, out)).await?;
        touched.push(number);
    }
    if !touched.is_empty() {
        let empty = doc! { "_id": { "$in": touched }, "signals": { "$size": 0 } };
        work.ask(mailbox.delete_many(empty)).await?;
    }
    Ok(())
}

/// Gives up what nobody came for, and says how many signals.
pub(crate) async fn expire(work: &Work<'_>, now: Timestamp) -> Result<u64, StoreError> {
    let mailbox = work.collection::<Parcel>(MAILBOX);
    let mut ids = Vec::new();
    // One by one, so that of two that give up at once each counts what it removed.
    while let Some(parcel) = work.ask(mailbox.find_one_and_delete(doc! { "until": { "$lte": date(now) } })).await? {
        ids.extend(parcel.ids());
    }
    let given_up = ids.len();
    Ok((given_up - adopted(work, ids).await?.len()) as u64)
}
