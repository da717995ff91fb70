//! Forgetting calls.
//!
//! A call with its legs, key, outbox and latest entries is one document, so it goes whole. The blocks of a long one's
//! journal go right after it; if that is cut short, nobody can see them any more, and the next prune removes what is
//! older than every call.

use call_core::port::StoreError;
use call_core::{CallId, Timestamp};
use mongodb::bson::{Document, doc};
use serde::Deserialize;

use crate::calls::{Named, date, most};
use crate::connection::Work;
use crate::journal::blocks_of;
use crate::schema::{CALLS, JOURNAL};

#[derive(Debug, Deserialize)]
struct Over {
    #[serde(flatten)]
    named: Named,
    spilled: i64,
}

/// How many are looked up at once.
const PORTION: usize = 500;

pub(crate) async fn prune(work: &Work<'_>, born_before: Timestamp, limit: usize) -> Result<u64, StoreError> {
    let bound = CallId::new(born_before, [0; 10]).to_string();
    orphans(work, &bound).await?;
    let calls = work.collection::<Over>(CALLS);
    let (mut gone, mut after) = (0, String::new());
    while gone < limit as u64 {
        let portion = PORTION.min(limit - usize::try_from(gone).unwrap_or(limit));
        let over = doc! {
            "_id": { "$gt": &after, "$lt": &bound }, "born": { "$lt": date(born_before) },
            "open": false, "outbox": { "$size": 0 },
        };
        let found = calls.find(over).sort(doc! { "_id": 1 }).limit(most(portion));
        let found = work.all(found.projection(doc! { "_id": 1, "spilled": 1 })).await?;
        let Some(last) = found.last() else { break };
        after.clone_from(&last.named.id);

        let (short, long): (Vec<_>, Vec<_>) = found.into_iter().partition(|call| call.spilled == 0);
        // Looked at again while they go: an ended call may have been corrected and have something to tell.
        let over = |ids: Vec<String>| doc! { "_id": { "$in": ids }, "open": false, "outbox": { "$size": 0 } };
        let ids = short.into_iter().map(|call| call.named.id).collect();
        gone += work.ask(calls.delete_many(over(ids))).await?.deleted_count;
        for call in long {
            let deleted = work.ask(calls.delete_one(over(vec![call.named.id.clone()]))).await?.deleted_count;
            if deleted > 0 {
                let journal = work.collection::<Document>(JOURNAL);
                work.ask(journal.delete_many(blocks_of(&call.named.id))).await?;
            }
            gone += deleted;
        }
    }
    Ok(gone)
}

/// Removes blocks that are older than every call, and than any that might be born now.
async fn orphans(work: &Work<'_>, bound: &str) -> Result<(), StoreError> {
    let calls = work.collection::<Named>(CALLS);
    let oldest = work.ask(calls.find_one(doc! {}).sort(doc! { "_id": 1 }).projection(doc! { "_id": 1 })).await?;
    let bound = oldest.map_or(bound.to_owned(), |oldest| oldest.id.min(bound.to_owned()));
    let journal = work.collection::<Document>(JOURNAL);
    work.ask(journal.delete_many(doc! { "_id": { "$lt": bound } })).await.map(drop)
}
