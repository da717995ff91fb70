//! The collections: their documents, their indexes, and how they are brought up to date.
//!
//! ```text
//! calls    { _id: "0192f0c1-…",            the call's id: UUIDv7 in text, sorts by birth
//!            version: 7,                    the call's; compared by every step
//!            phase, disposition?,           disposition once it has ended
//!            open: true, subject?,          one open call per subject: unique index
//!            legs?: ["twilio:CA1"],         one call per leg: unique index over the elements of all arrays
//!            key?, digest?,                 one call per idempotency key: unique index
//!            deadline?, born, from, to,
//!            birth: "{…}", state: "{…}",    JSON
//!            outbox: [{ id, lane, kind, effect: "{…}", since, visible, attempt, deferrals, claimed, token? }],
//!            news_at?, acts_at?,            earliest `visible` of each lane of the outbox
//!            entries: [{ seq, version, at, ignored?, entry: "{…}" }], grown, spilled,
//!            adopted?: [196608] }           signals that were taken from the mailbox
//! journal  { _id: "0192f0c1-….00000000", entries: […] }   a full block of a long call's journal
//! mailbox  { _id: 3, on: "twilio:CA1", provider, leg, since, until, taken?, signals: [{ place, signal: "{…}" }] }
//! meta     { _id: "format", number }  { _id: "mailbox", last }
//! ```
//!
//! **JSON text, not BSON documents**, for birth, state, effects, entries and signals. What is stored must come back
//! exactly, and BSON cannot hold it: names of fields may not contain NUL (context and extras come from outside), and
//! numbers end at `i64`. What people search for stands beside the text in fields of its own.
//!
//! **Missing, not null**, for what does not apply: the indexes are partial (`$exists`), so that an ended call leaves
//! the indexes of deadlines and effects, and calls without a leg, key or subject do not collide in the unique ones.

use mongodb::IndexModel;
use mongodb::bson::{Document, doc};
use mongodb::options::IndexOptions;
use serde::Deserialize;

use crate::connection::Link;
use crate::error::{OpenError, is_duplicate, open};

pub(crate) const CALLS: &str = "calls";
pub(crate) const JOURNAL: &str = "journal";
pub(crate) const MAILBOX: &str = "mailbox";
pub(crate) const META: &str = "meta";

/// The format that this version writes.
pub(crate) const FORMAT: i64 = 1;

/// An index, and the collection that it is on.
pub(crate) struct Index {
    pub(crate) collection: &'static str,
    pub(crate) name: &'static str,
    keys: Document,
    unique: bool,
    only: Option<Document>,
}

/// Every index of the latest format.
pub(crate) fn indexes() -> Vec<Index> {
    let index = |collection, name, keys, only| Index { collection, name, keys, unique: false, only };
    let unique = |name, keys, only| Index { unique: true, ..index(CALLS, name, keys, Some(only)) };
    let calls = |name, keys, only| index(CALLS, name, keys, Some(only));
    let has = |field: &str| doc! { field: { "$exists": true } };
    vec![
        unique("leg", doc! { "legs": 1 }, has("legs")),
        unique("key", doc! { "key": 1 }, has("key")),
        unique("open_subject", doc! { "subject": 1 }, doc! { "open": true, "subject": { "$exists": true } }),
        // The id makes the answer complete without a look at the calls.
        calls("deadline", doc! { "deadline": 1, "_id": 1 }, has("deadline")),
        calls("news", doc! { "news_at": 1 }, has("news_at")),
        calls("acts", doc! { "acts_at": 1 }, has("acts_at")),
        calls("adopted", doc! { "adopted": 1 }, has("adopted")),
        // `open` comes first, though it is always true: otherwise the planner has nothing to enter the index by.
        calls("open", doc! { "open": 1, "born": 1, "_id": 1, "phase": 1 }, doc! { "open": true }),
        calls("subject", doc! { "subject": 1, "_id": -1 }, has("subject")),
        calls("ended", doc! { "disposition": 1, "_id": -1 }, has("disposition")),
        index(MAILBOX, "on", doc! { "on": 1, "_id": 1 }, None),
        index(MAILBOX, "until", doc! { "until": 1 }, None),
    ]
}

impl Index {
    fn model(&self) -> IndexModel {
        let options = IndexOptions::builder()
            .name(self.name.to_owned())
            .unique(self.unique.then_some(true))
            .partial_filter_expression(self.only.clone())
            .build();
        IndexModel::builder().keys(self.keys.clone()).options(options).build()
    }
}

/// Makes what is missing: indexes, the mailbox's counter, the number of the format. Nothing is changed or taken away,
/// so it is safe beside running servers of the version before, and beside another migration. Says how many formats
/// higher the database is now.
pub(crate) async fn migrate(link: &Link) -> Result<usize, OpenError> {
    let found = format(link).await?;
    if found > FORMAT {
        return Err(OpenError::Newer { found, known: FORMAT });
    }
    let make = async {
        for index in indexes() {
            let collection = link.database().collection::<Document>(index.collection);
            link.ask(collection.create_index(index.model())).await?;
        }
        at_least(link, "mailbox", doc! { "last": 0_i64 }).await?;
        // Last: a migration that was cut short begins again.
        at_least(link, "format", doc! { "number": FORMAT }).await
    };
    make.await.map_err(|source| open(link.location(), source))?;
    Ok(usize::try_from(FORMAT - found).unwrap_or(0))
}

async fn at_least(link: &Link, id: &str, least: Document) -> mongodb::error::Result<()> {
    let meta = link.database().collection::<Document>(META);
    let raise = || meta.update_one(doc! { "_id": id }, doc! { "$max": least.clone() }).upsert(true);
    match link.ask(raise()).await {
        // Two upserts at once: the other one has made the document, and this one finds it now.
        Err(error) if is_duplicate(&error) => link.ask(raise()).await.map(drop),
        answer => answer.map(drop),
    }
}

/// Whether the database has exactly the format that this version works with, and all that it rests on.
pub(crate) async fn check(link: &Link) -> Result<(), OpenError> {
    let found = format(link).await?;
    if found > FORMAT {
        return Err(OpenError::Newer { found, known: FORMAT });
    }
    if found < FORMAT {
        return Err(OpenError::Older { found, known: FORMAT });
    }
    for collection in [CALLS, MAILBOX] {
        let names = link.ask(link.database().collection::<Document>(collection).list_index_names()).await;
        let names = names.map_err(|source| open(link.location(), source))?;
        for index in indexes().iter().filter(|index| index.collection == collection) {
            if !names.iter().any(|name| name == index.name) {
                return Err(OpenError::Incomplete { collection, index: index.name });
            }
        }
    }
    Ok(())
}

async fn format(link: &Link) -> Result<i64, OpenError> {
    #[derive(Deserialize)]
    struct Format {
        number: i64,
    }
    let meta = link.database().collection::<Format>(META);
    let found = link.ask(meta.find_one(doc! { "_id": "format" })).await;
    Ok(found.map_err(|source| open(link.location(), source))?.map_or(0, |format| format.number))
}
