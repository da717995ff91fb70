//! The journal of a call: its latest entries in the call's document, the older ones in blocks of their own.
//!
//! A step and its journal must be one write, so new entries are appended to an array in the call's document. Most calls
//! end with all of theirs there, and are one document whole. A document must stay bounded, so when the array holds a
//! full block, the block is moved to a document in `journal`, in two writes that may be cut short anywhere:
//!
//! 1. The block is inserted. Entries are numbered in the write that appends them (`seq`, counted by `grown`) and never
//!    change; the block of number `n` is by definition the entries `n * BLOCK ..`, and its name is `call.n`. So whoever
//!    makes it makes the same one, and a second insertion meets the first (11000) and is content.
//! 2. The entries of the block are taken out of the array and `spilled` says up to where, compared with what was read.
//!    Whoever comes second finds it moved.
//!
//! A crash before 1 leaves all in the call; between 1 and 2 the block is in both places, and the next commit moves it;
//! after 2 all is done. Readers read the call **first** and then the blocks below its `spilled`: those had been inserted
//! before they were taken out, so nothing can be missed; and what is in both places is read from the call alone, so
//! nothing is seen twice. A block is acknowledged by a majority before anything is taken out, so no election can undo
//! the one without the other.

use call_core::CallId;
use call_core::journal::Entry;
use call_core::port::StoreError;
use mongodb::bson::{DateTime, Document, doc};
use serde::{Deserialize, Serialize};

use crate::calls::date;
use crate::connection::Work;
use crate::error::{failed, is_duplicate, unreadable};
use crate::schema::{CALLS, JOURNAL};

/// How many entries make a block. A webhook's body is bounded by the server to far less than a hundredth of the 16 MB
/// that a document may have, so this many fit with room.
pub(crate) const BLOCK: i64 = 32;

/// An entry as it is kept.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    seq: i64,
    version: i64,
    at: DateTime,
    #[serde(skip_serializing_if = "Option::is_none")]
    ignored: Option<String>,
    entry: String,
}

/// What a call's document holds of its journal.
#[derive(Debug, Deserialize)]
struct Tail {
    entries: Vec<Kept>,
    spilled: i64,
}

#[derive(Debug, Serialize, Deserialize)]
struct Block {
    #[serde(rename = "_id")]
    id: String,
    entries: Vec<Kept>,
}

/// How much of a call's journal there is, and how much of it is in blocks.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct Extent {
    pub(crate) grown: i64,
    pub(crate) spilled: i64,
}

impl Extent {
    /// Whether there is a full block to be moved.
    pub(crate) const fn is_full(self) -> bool {
        self.grown - self.spilled >= BLOCK
    }
}

/// An entry as a step appends it, but for its number.
pub(crate) fn unnumbered(entry: &Entry) -> Result<Document, StoreError> {
    let mut kept = doc! { "version": entry.version.cast_signed(), "at": date(entry.at) };
    if let Some(reason) = entry.ignored {
        kept.insert("ignored", reason.as_str());
    }
    kept.insert("entry", serde_json::to_string(entry).map_err(unreadable)?);
    Ok(kept)
}

async fn tail(work: &Work<'_>, id: CallId) -> Result<Option<Tail>, StoreError> {
    let calls = work.collection::<Tail>(CALLS);
    let tail = calls.find_one(doc! { "_id": id.to_string() });
    work.ask(tail.projection(doc! { "_id": 0, "entries": 1, "spilled": 1 })).await
}

/// All blocks of a call: their names begin with its own, which is as long as every other.
pub(crate) fn blocks_of(id: &str) -> Document {
    // '/' is what comes after '.'.
    doc! { "_id": { "$gt": format!("{id}."), "$lt": format!("{id}/") } }
}

pub(crate) async fn read(work: &Work<'_>, id: CallId) -> Result<Vec<Entry>, StoreError> {
    let Some(tail) = tail(work, id).await? else { return Ok(Vec::new()) };
    let mut kept = Vec::new();
    if tail.spilled > 0 {
        let blocks = work.collection::<Block>(JOURNAL);
        let blocks = work.all(blocks.find(blocks_of(&id.to_string())).sort(doc! { "_id": 1 })).await?;
        kept.extend(blocks.into_iter().flat_map(|block| block.entries).filter(|kept| kept.seq < tail.spilled));
    }
    kept.extend(tail.entries);
    let entries: Result<Vec<Entry>, _> = kept.iter().map(|kept| serde_json::from_str(&kept.entry)).collect();
    let mut entries = entries.map_err(unreadable)?;
    // Writers whose input was ignored compare no version, so their entries may have come late.
    entries.sort_by_key(|entry| (entry.version, entry.ignored.is_none()));
    Ok(entries)
}

/// Moves full blocks out of a call's document.
pub(crate) async fn spill(work: &Work<'_>, id: CallId) -> Result<(), StoreError> {
    let Some(Tail { mut entries, mut spilled }) = tail(work, id).await? else { return Ok(()) };
    let (calls, journal) = (work.collection::<Tail>(CALLS), work.collection::<Block>(JOURNAL));
    let size = usize::try_from(BLOCK).unwrap_or(usize::MAX);
    while entries.len() >= size {
        let rest = entries.split_off(size);
        let block = Block { id: format!("{id}.{:08}", spilled / BLOCK), entries };
        match work.try_ask(journal.insert_one(block)).await {
            Err(error) if !is_duplicate(&error) => return Err(failed(error)),
            // Made before, by somebody who did not come further.
            Err(_) | Ok(_) => {}
        }
        let taken_out = doc! {
            "$pull": { "entries": { "seq": { "$lt": spilled + BLOCK } } },
            "$set": { "spilled": spilled + BLOCK },
        };
        let moved = calls.update_one(doc! { "_id": id.to_string(), "spilled": spilled }, taken_out);
        if work.ask(moved).await?.matched_count == 0 {
            break;
        }
        (entries, spilled) = (rest, spilled + BLOCK);
    }
    Ok(())
}
