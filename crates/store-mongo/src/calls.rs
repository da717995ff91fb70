//! What is read of calls.

use call_core::port::{Counts, Filter, Page, StoreError, restore};
use call_core::{Call, CallId, Leg, PhaseName, Timestamp};
use futures::TryStreamExt as _;
use mongodb::bson::{Bson, DateTime, Document, doc};
use serde::Deserialize;

use crate::connection::Work;
use crate::error::unreadable;
use crate::schema::{CALLS, MAILBOX};

/// A call's name, where nothing else of it is wanted.
#[derive(Debug, Deserialize)]
pub(crate) struct Named {
    #[serde(rename = "_id")]
    pub(crate) id: String,
}

impl Named {
    pub(crate) fn id(&self) -> Result<CallId, StoreError> {
        self.id.parse().map_err(unreadable)
    }
}

/// The two parts of a call.
#[derive(Debug, Deserialize)]
struct Kept {
    birth: String,
    state: String,
}

impl Kept {
    fn call(&self) -> Result<Call, StoreError> {
        restore(&self.birth, &self.state)
    }
}

fn parts() -> Document {
    doc! { "_id": 0, "birth": 1, "state": 1 }
}

/// A leg as one text. The first colon that is not escaped divides it, so no two legs are taken for each other.
pub(crate) fn leg_name(leg: &Leg) -> String {
    let provider = leg.provider.as_str();
    let provider = provider.replace('\\', r"\\").replace(':', r"\:");
    format!("{provider}:{}", leg.id)
}

/// A moment as a date: the same milliseconds.
pub(crate) const fn date(at: Timestamp) -> DateTime {
    DateTime::from_millis(at.as_millis())
}

/// The moment that a date is.
pub(crate) fn moment(date: DateTime) -> Timestamp {
    Timestamp::from_millis(date.timestamp_millis())
}

/// A limit as MongoDB takes it; 0 would mean none, so whoever wants nothing must not ask.
pub(crate) fn most(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

pub(crate) async fn load(work: &Work<'_>, id: CallId) -> Result<Option<Call>, StoreError> {
    let calls = work.collection::<Kept>(CALLS);
    let kept = work.ask(calls.find_one(doc! { "_id": id.to_string() }).projection(parts())).await?;
    kept.map(|kept| kept.call()).transpose()
}

pub(crate) async fn find(work: &Work<'_>, leg: &Leg) -> Result<Option<CallId>, StoreError> {
    let calls = work.collection::<Named>(CALLS);
    let found = work.ask(calls.find_one(doc! { "legs": leg_name(leg) }).projection(doc! { "_id": 1 })).await?;
    found.map(|call| call.id()).transpose()
}

pub(crate) async fn find_key(work: &Work<'_>, key: &str) -> Result<Option<(CallId, String)>, StoreError> {
    #[derive(Deserialize)]
    struct Keyed {
        #[serde(flatten)]
        named: Named,
        digest: String,
    }
    let calls = work.collection::<Keyed>(CALLS);
    let found = work.ask(calls.find_one(doc! { "key": key }).projection(doc! { "_id": 1, "digest": 1 })).await?;
    found.map(|call| Ok((call.named.id()?, call.digest))).transpose()
}

/// What `due` asks for.
pub(crate) fn due_by(now: Timestamp) -> (Document, Document) {
    (doc! { "deadline": { "$lte": date(now) } }, doc! { "deadline": 1, "_id": 1 })
}

pub(crate) async fn due(work: &Work<'_>, now: Timestamp, limit: usize) -> Result<Vec<CallId>, StoreError> {
    if limit == 0 {
        return Ok(Vec::new());
    }
    let (filter, order) = due_by(now);
    let calls = work.collection::<Named>(CALLS);
    let due = calls.find(filter).sort(order).limit(most(limit)).projection(doc! { "_id": 1 });
    work.all(due).await?.iter().map(Named::id).collect()
}

/// A filter as MongoDB takes it.
pub(crate) fn query(filter: &Filter, page: &Page) -> Document {
    let mut query = Document::new();
    if !filter.phases.is_empty() {
        let phases: Vec<_> = filter.phases.iter().map(|phase| phase.as_str()).collect();
        query.insert("phase", doc! { "$in": phases });
        if !filter.phases.contains(&PhaseName::Ended) {
            query.insert("open", true);
        }
    }
    if let Some(disposition) = filter.disposition {
        query.insert("disposition", disposition.as_str());
    }
    if let Some(subject) = &filter.subject {
        query.insert("subject", &subject.0);
    }
    if let Some(at) = filter.open_before {
        query.insert("open", true);
        query.insert("born", doc! { "$lt": date(at) });
    }
    if let Some(before) = page.before {
        query.insert("_id", doc! { "$lt": before.to_string() });
    }
    query
}

pub(crate) async fn list(work: &Work<'_>, filter: &Filter, page: &Page) -> Result<Vec<Call>, StoreError> {
    if page.limit == 0 {
        return Ok(Vec::new());
    }
    let calls = work.collection::<Kept>(CALLS);
    let found = calls.find(query(filter, page)).sort(doc! { "_id": -1 }).limit(most(page.limit)).projection(parts());
    work.all(found).await?.iter().map(Kept::call).collect()
}

pub(crate) async fn counts(work: &Work<'_>, now: Timestamp) -> Result<Counts, StoreError> {
    #[derive(Deserialize)]
    struct Phase {
        #[serde(rename = "_id")]
        name: String,
        calls: i64,
    }
    #[derive(Deserialize)]
    struct Open {
        #[serde(flatten)]
        named: Named,
        born: DateTime,
    }
    #[derive(Deserialize)]
    struct Due {
        deadline: DateTime,
    }
    #[derive(Deserialize)]
    struct Sum {
        sum: i64,
        oldest: Option<DateTime>,
    }
    // Ended calls are left out: counting them would read the whole collection.
    let phases =
        [doc! { "$match": { "open": true } }, doc! { "$group": { "_id": "$phase", "calls": { "$sum": 1_i64 } } }];
    // Only calls with something in the outbox are in these two indexes.
    let busy = doc! { "$or": [{ "news_at": { "$exists": true } }, { "acts_at": { "$exists": true } }] };
    let since = doc! { "$min": { "$map": { "input": "$outbox", "as": "e", "in": "$$e.since" } } };
    let outbox = [
        doc! { "$match": busy },
        doc! { "$project": { "size": { "$size": "$outbox" }, "since": since } },
        doc! { "$group": { "_id": Bson::Null, "sum": { "$sum": "$size" }, "oldest": { "$min": "$since" } } },
    ];
    let parked = [
        doc! { "$project": { "size": { "$size": "$signals" } } },
        doc! { "$group": { "_id": Bson::Null, "sum": { "$sum": "$size" } } },
    ];

    let calls = work.collection::<Document>(CALLS);
    let grouped = async { calls.aggregate(phases).with_type::<Phase>().await?.try_collect::<Vec<_>>().await };
    let grouped = work.ask(grouped).await?;
    let open = work.collection::<Open>(CALLS);
    let open = open.find(doc! { "open": true }).sort(doc! { "born": 1, "_id": 1 }).limit(10);
    let open = work.all(open.projection(doc! { "_id": 1, "born": 1 })).await?;
    let (late, order) = due_by(now);
    let due = work.collection::<Due>(CALLS);
    let due = work.ask(due.find_one(late).sort(order).projection(doc! { "_id": 0, "deadline": 1 })).await?;
    let first = |sums: Vec<Sum>| sums.into_iter().next();
    let outbox = async { calls.aggregate(outbox).with_type::<Sum>().await?.try_collect().await };
    let outbox = first(work.ask(outbox).await?);
    let mailbox = work.collection::<Document>(MAILBOX);
    let parked = async { mailbox.aggregate(parked).with_type::<Sum>().await?.try_collect().await };
    let parked = first(work.ask(parked).await?);

    let count = |phase: PhaseName| {
        let of_phase = grouped.iter().find(|grouped| grouped.name == phase.as_str())?;
        Some((phase, of_phase.calls.cast_unsigned()))
    };
    Ok(Counts {
        phases: PhaseName::ALL.into_iter().filter_map(count).collect(),
        oldest_due: due.map(|due| moment(due.deadline)),
        parked: parked.map_or(0, |parked| parked.sum.cast_unsigned()),
        outbox: outbox.as_ref().map_or(0, |outbox| outbox.sum.cast_unsigned()),
        oldest_effect: outbox.and_then(|outbox| outbox.oldest).map(moment),
        oldest_open: open
            .iter()
            .map(|open| Ok((open.named.id()?, moment(open.born))))
            .collect::<Result<_, StoreError>>()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_legs_have_one_name() {
        let parts = ["", ":", "\\", "a", "a:", ":a", "\\:", "a\\", "\0"];
        let legs = parts.iter().flat_map(|provider| parts.iter().map(move |id| (provider, id)));
        let names = legs.map(|(provider, id)| leg_name(&Leg::new((*provider).to_owned().into(), *id)));
        assert_eq!(names.collect::<std::collections::BTreeSet<_>>().len(), parts.len() * parts.len());
        assert_eq!(leg_name(&Leg::new("twilio".to_owned().into(), "CA1")), "twilio:CA1");
    }
}
