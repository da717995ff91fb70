//! Effects that wait to be performed: an array in their call's document, so that a step and what it asks for are one
//! write. The earliest moment at which a lane of the array can be claimed stands beside it, under an index.
//!
//! Every change of the array is an aggregation pipeline, which the server runs on the document as it then is. So claims,
//! settlements and steps of one call need not know of each other, and none of them compares the call's version.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicUsize, Ordering};

use call_core::port::{Job, Lane, Settle, Settlement, StoreError};
use call_core::{Effect, EffectId, Timestamp};
use futures::future::try_join_all;
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Bson, DateTime, Document, doc};
use serde::Deserialize;

use crate::calls::{date, moment, most};
use crate::connection::Work;
use crate::error::unreadable;
use crate::schema::CALLS;

/// How many effects are claimed or settled with one command: each is looked for in every outbox that is touched.
const MOST: usize = 256;

/// How often a claim of which others were faster looks again.
const TRIES: u32 = 4;

/// A wish for something to do.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Claim {
    pub(crate) lane: Lane,
    pub(crate) now: Timestamp,
    pub(crate) lease: Timestamp,
    pub(crate) limit: usize,
}

/// A call with something in its outbox.
#[derive(Debug, Deserialize)]
struct Busy {
    outbox: Vec<Item>,
}

/// An effect as it is kept.
#[derive(Debug, Deserialize)]
struct Item {
    id: String,
    lane: String,
    effect: String,
    since: DateTime,
    visible: DateTime,
    attempt: i64,
    deferrals: i64,
    /// Of the latest claim.
    token: Option<ObjectId>,
}

impl Item {
    fn job(self, lease: Timestamp) -> Result<Job, StoreError> {
        Ok(Job {
            id: self.id.parse().map_err(unreadable)?,
            effect: serde_json::from_str(&self.effect).map_err(unreadable)?,
            attempt: u32::try_from(self.attempt).map_err(unreadable)?,
            deferrals: u32::try_from(self.deferrals).map_err(unreadable)?,
            since: moment(self.since),
            lease,
        })
    }
}

/// An effect as a step asks for it.
pub(crate) fn item(id: &EffectId, effect: &Effect, since: Timestamp) -> Result<Document, StoreError> {
    Ok(doc! {
        "id": id.to_string(),
        "lane": word(Lane::of(effect)),
        "kind": effect.as_str(),
        "effect": serde_json::to_string(effect).map_err(unreadable)?,
        "since": date(since),
        "visible": date(since),
        "attempt": 0_i64,
        "deferrals": 0_i64,
        "claimed": false,
    })
}

const fn word(lane: Lane) -> &'static str {
    match lane {
        Lane::News => "news",
        Lane::Acts => "acts",
    }
}

/// Where a call's document says when a lane can be claimed.
pub(crate) const fn earliest_of(lane: Lane) -> &'static str {
    match lane {
        Lane::News => "news_at",
        Lane::Acts => "acts_at",
    }
}

/// The last stage of every pipeline that changes an outbox: when each lane can be claimed.
pub(crate) fn earliest() -> Document {
    let of = |lane| {
        let is_of = doc! { "$eq": ["$$e.lane", word(lane)] };
        let items = doc! { "$filter": { "input": "$outbox", "as": "e", "cond": is_of } };
        let visible = doc! { "$map": { "input": items, "as": "e", "in": "$$e.visible" } };
        doc! { "$ifNull": [{ "$min": visible }, "$$REMOVE"] }
    };
    doc! { "$set": { earliest_of(Lane::News): of(Lane::News), earliest_of(Lane::Acts): of(Lane::Acts) } }
}

/// An outbox in which a claim is settled. If it was settled before or taken by another, the outbox as it is.
pub(crate) fn settled(outbox: Bson, settle: &Settle) -> Bson {
    let Settle { id, attempt, how } = settle;
    let is = doc! { "$and": [
        { "$eq": ["$$e.id", id.to_string()] },
        { "$eq": ["$$e.attempt", i64::from(*attempt)] },
        "$$e.claimed",
    ] };
    let changed = |change: Document| {
        let change = doc! { "$cond": [is.clone(), { "$mergeObjects": ["$$e", change] }, "$$e"] };
        doc! { "$map": { "input": outbox.clone(), "as": "e", "in": change } }
    };
    let outbox = match *how {
        Settlement::Done => {
            doc! { "$filter": { "input": outbox.clone(), "as": "e", "cond": { "$not": [is.clone()] } } }
        }
        Settlement::Later(at) => changed(doc! {
            "visible": date(at), "claimed": false, "deferrals": { "$add": ["$$e.deferrals", 1_i64] },
        }),
        Settlement::Held(until) => changed(doc! { "visible": date(until) }),
    };
    outbox.into()
}

/// How many others seem to claim at the same time, as the claims tell that were lost to them.
///
/// Whoever is alone takes the oldest. Of many, all but one would find the oldest taken; so the more are lost, the
/// wider they spread, each taking from a place of its own among the oldest.
#[derive(Debug, Default)]
pub(crate) struct Crowd(AtomicUsize);

impl Crowd {
    /// Wide enough for as many servers as one database carries.
    const WIDEST: usize = 31;

    fn places(&self) -> usize {
        1 + self.0.load(Ordering::Relaxed)
    }

    fn learn(&self, is_lost: bool) {
        let known = self.0.load(Ordering::Relaxed);
        // Two who learn at once may forget one lesson; there will be more.
        self.0.store(if is_lost { (2 * known + 1).min(Self::WIDEST) } else { known / 2 }, Ordering::Relaxed);
    }

    /// One of so many places.
    fn place(of: usize) -> usize {
        let random = RandomState::new().hash_one(0_u8);
        usize::try_from(random % of.max(1) as u64).unwrap_or(0)
    }
}

/// Takes jobs.
///
/// Those that are to be had are looked up by index, oldest first, and marked with a token in one command, each document
/// on its own: what somebody else has taken meanwhile is no longer visible and is passed over. Then the marks are read.
/// If the answer to the marking is lost, the marks still say what was taken.
pub(crate) async fn claim(work: &Work<'_>, claim: &Claim, crowd: &Crowd) -> Result<Vec<Job>, StoreError> {
    let (mut jobs, mut strange) = (BTreeMap::new(), None);
    let mut lost = 0;
    while jobs.len() < claim.limit && lost < TRIES {
        let wish = MOST.min(claim.limit - jobs.len());
        let mut visible = oldest(work, claim, MOST.min(wish * crowd.places())).await?;
        // With a lease of no length, what was taken is visible still.
        visible.retain(|id| !jobs.contains_key(id));
        let place = if crowd.places() > 1 { Crowd::place(visible.len() / wish) } else { 0 };
        let chosen: Vec<EffectId> = visible.into_iter().skip(place * wish).take(wish).collect();
        if chosen.is_empty() {
            break;
        }
        let taken = take(work, claim, &chosen).await?;
        let is_lost = taken.len() < chosen.len();
        crowd.learn(is_lost);
        for item in taken {
            match item.job(claim.lease) {
                Ok(job) => _ = jobs.insert(job.id, job),
                Err(error) => strange = Some(error),
            }
        }
        if !is_lost && chosen.len() < wish {
            break;
        }
        lost += u32::from(is_lost);
    }
    // An effect that this version cannot read waits for a version that can; it must not stop the others.
    match strange {
        Some(error) if jobs.is_empty() => Err(error),
        Some(_) | None => {
            let mut jobs: Vec<Job> = jobs.into_values().collect();
            jobs.sort_unstable_by_key(|job| (job.since, job.id));
            Ok(jobs)
        }
    }
}

/// What a claim looks for.
pub(crate) fn visible_by(lane: Lane, now: Timestamp) -> (Document, Document) {
    let earliest = earliest_of(lane);
    (doc! { earliest: { "$lte": date(now) } }, doc! { earliest: 1 })
}

/// The effects that have been visible longest, at least `wish` of them if there are as many. As many calls are enough:
/// each has one at least that is not later than its place in the index.
async fn oldest(work: &Work<'_>, claim: &Claim, wish: usize) -> Result<Vec<EffectId>, StoreError> {
    let (filter, order) = visible_by(claim.lane, claim.now);
    let calls = work.collection::<Busy>(CALLS);
    let busy = calls.find(filter).sort(order).limit(most(wish)).projection(doc! { "_id": 0, "outbox": 1 });
    let items = work.all(busy).await?.into_iter().flat_map(|busy| busy.outbox);
    let mut visible = Vec::new();
    for item in items.filter(|item| item.lane == word(claim.lane) && moment(item.visible) <= claim.now) {
        visible.push((item.visible, item.id.parse::<EffectId>().map_err(unreadable)?));
    }
    visible.sort_unstable();
    Ok(visible.into_iter().map(|(_, id)| id).collect())
}

async fn take(work: &Work<'_>, claim: &Claim, chosen: &[EffectId]) -> Result<Vec<Item>, StoreError> {
    let token = ObjectId::new();
    let ids: Vec<String> = chosen.iter().map(ToString::to_string).collect();
    let of_calls = among(chosen);
    let free = doc! { "$and": [
        { "$in": ["$$e.id", { "$literal": ids }] },
        { "$lte": ["$$e.visible", date(claim.now)] },
    ] };
    let taken = doc! { "$mergeObjects": ["$$e", {
        "visible": date(claim.lease), "attempt": { "$add": ["$$e.attempt", 1_i64] }, "claimed": true, "token": token,
    }] };
    let outbox = doc! { "$map": { "input": "$outbox", "as": "e", "in": { "$cond": [free, taken, "$$e"] } } };
    let pipeline = vec![doc! { "$set": { "outbox": outbox } }, earliest()];

    let calls = work.collection::<Busy>(CALLS);
    let marked = work.ask(calls.update_many(of_calls.clone(), pipeline)).await;
    if matches!(&marked, Ok(marked) if marked.modified_count == 0) {
        return Ok(Vec::new());
    }
    let busy = work.all(calls.find(of_calls).projection(doc! { "_id": 0, "outbox": 1 })).await?;
    let items = busy.into_iter().flat_map(|busy| busy.outbox);
    let ours: Vec<Item> = items.filter(|item| item.token == Some(token)).collect();
    match marked {
        Err(error) if ours.is_empty() => Err(error),
        Err(_) | Ok(_) => Ok(ours),
    }
}

fn among<'i>(effects: impl IntoIterator<Item = &'i EffectId>) -> Document {
    let calls: BTreeSet<String> = effects.into_iter().map(|id| id.call.to_string()).collect();
    doc! { "_id": { "$in": calls.into_iter().collect::<Vec<_>>() } }
}

/// Settles claims: those that are done with one command for many calls, the others, which are few, one by one.
pub(crate) async fn settle(work: &Work<'_>, settlements: &[Settle]) -> Result<(), StoreError> {
    let (done, others): (Vec<_>, Vec<_>) =
        first_words(settlements).into_iter().partition(|settle| settle.how == Settlement::Done);
    let calls = work.collection::<Busy>(CALLS);
    for done in done.chunks(MOST) {
        let claims = done.iter().map(|settle| {
            doc! { "id": settle.id.to_string(), "attempt": i64::from(settle.attempt), "claimed": true }
        });
        let claim = doc! { "id": "$$e.id", "attempt": "$$e.attempt", "claimed": "$$e.claimed" };
        let is = doc! { "$in": [claim, { "$literal": claims.collect::<Vec<_>>() }] };
        let outbox = doc! { "$filter": { "input": "$outbox", "as": "e", "cond": { "$not": [is] } } };
        let pipeline = vec![doc! { "$set": { "outbox": outbox } }, earliest()];
        work.ask(calls.update_many(among(done.iter().map(|settle| &settle.id)), pipeline)).await?;
    }
    let each = others.iter().map(|settle| {
        let pipeline = vec![doc! { "$set": { "outbox": settled("$outbox".into(), settle) } }, earliest()];
        work.ask(calls.update_one(doc! { "_id": settle.id.call.to_string() }, pipeline))
    });
    try_join_all(each).await.map(drop)
}

/// Each claim once: its first end, or if it has none, the last moment until which it is held. What comes behind an end
/// changes nothing, and an end sets aside whatever came before it.
fn first_words(settlements: &[Settle]) -> Vec<Settle> {
    let mut words = BTreeMap::<(EffectId, u32), Settlement>::new();
    for settle in settlements {
        let word = words.entry((settle.id, settle.attempt)).or_insert(settle.how);
        if let Settlement::Held(_) = word {
            *word = settle.how;
        }
    }
    words.into_iter().map(|((id, attempt), how)| Settle { id, attempt, how }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use call_core::CallId;

    #[test]
    fn a_claim_has_one_word_and_it_is_its_first_end() {
        let at = Timestamp::from_millis;
        let id = EffectId { call: CallId::new(at(0), [0; 10]), version: 1, index: 0 };
        let settle = |attempt, how| Settle { id, attempt, how };
        use Settlement::{Done, Held, Later};
        let table: [(&[Settlement], Settlement); 5] = [
            (&[Done, Later(at(1))], Done),
            (&[Later(at(1)), Done], Later(at(1))),
            (&[Held(at(1)), Held(at(2))], Held(at(2))),
            (&[Held(at(1)), Done, Held(at(2))], Done),
            (&[Later(at(1)), Held(at(9)), Later(at(2))], Later(at(1))),
        ];
        for (said, heard) in table {
            let said: Vec<_> = said.iter().map(|how| settle(1, *how)).collect();
            assert_eq!(first_words(&said), [settle(1, heard)]);
        }
        assert_eq!(first_words(&[settle(2, Done), settle(1, Done)]).len(), 2, "attempts are claims of their own");
    }
}
