//! A process may die between any two writes. Each test leaves what such a death leaves, and looks as those who live on.

use call_core::port::{Commit, Parked, Store};
use call_core::{Disposition, Fact, Hungup, Signal};
use mongodb::bson::{Document, doc};

use crate::stage::{at, bind, birth, check, digits, documents, fresh, keep, leg, live, nothing, raw};

/// A block of the journal.
const BLOCK: usize = 32;

async fn entries(database: &mongodb::Database) -> Vec<Document> {
    let calls = documents(database, "calls").await;
    calls[0].get_array("entries").unwrap().iter().map(|entry| entry.as_document().unwrap().clone()).collect()
}

/// Whatever its length, a journal is whole, and its call's document holds less than a block of it.
#[tokio::test]
async fn a_long_journal_moves_out_of_its_call_block_by_block() {
    let (store, database) = fresh().await;
    let raw = raw(&database).await;
    let mut call = live(&*store, 1).await;
    for n in 0..100 {
        keep(&*store, nothing(&call)).await;
        call = keep(&*store, digits(&call, n)).await;
        assert!(entries(&raw).await.len() < BLOCK);
    }
    assert_eq!(check(&*store, call.id()).await, call);
    assert_eq!(store.journal(call.id()).await.unwrap().len(), 202);
    let blocks = documents(&raw, "journal").await;
    assert_eq!(blocks.len(), 202 / BLOCK);
    let seqs = blocks.iter().flat_map(|block| block.get_array("entries").unwrap());
    let seqs: Vec<_> = seqs.map(|entry| entry.as_document().unwrap().get_i64("seq").unwrap()).collect();
    assert_eq!(seqs, (0..192).collect::<Vec<_>>());

    // More than a block at once, too, and at birth.
    let mut many = Commit::on(call);
    for n in 0..80 {
        assert_eq!(many.handle(Signal::new(Fact::Digits(n.to_string())).into(), at(3000)), None);
    }
    let call = keep(&*store, many).await;
    assert_eq!(check(&*store, call.id()).await, call);
    assert!(entries(&raw).await.len() < BLOCK);
    let mut birth = birth(2);
    for n in 0..80 {
        birth.handle(Signal::new(Fact::Digits(n.to_string())).into(), at(3000));
    }
    let call = keep(&*store, birth).await;
    assert_eq!(check(&*store, call.id()).await, call);
}

/// Dead before the block was inserted, and dead between that and taking it out of the call.
#[tokio::test]
async fn a_move_of_the_journal_that_was_cut_short_loses_and_doubles_nothing() {
    for inserted in [false, true] {
        let (store, database) = fresh().await;
        let raw = raw(&database).await;
        let mut call = live(&*store, 1).await;
        for n in 0..29 {
            call = keep(&*store, digits(&call, n)).await;
        }
        // As a commit leaves it whose process died: one full block, not moved.
        let last = digits(&call, 99);
        let entry = serde_json::to_string(&last.entries[0]).unwrap();
        let (state, version) = (last.to_json().unwrap().1, last.call.version().cast_signed());
        let entry =
            doc! { "seq": 31_i64, "version": version - 1, "at": mongodb::bson::DateTime::now(), "entry": entry };
        let step = doc! {
            "$push": { "entries": entry }, "$set": { "state": state, "version": version }, "$inc": { "grown": 1_i64 },
        };
        raw.collection::<Document>("calls").update_one(doc! {}, step).await.unwrap();
        assert_eq!(entries(&raw).await.len(), BLOCK);
        if inserted {
            let block = doc! { "_id": format!("{}.00000000", call.id()), "entries": entries(&raw).await };
            raw.collection::<Document>("journal").insert_one(block).await.unwrap();
        }

        assert_eq!(check(&*store, call.id()).await, last.call, "inserted: {inserted}");
        assert_eq!(store.journal(call.id()).await.unwrap().len(), BLOCK);
        let call = keep(&*store, digits(&last.call, 100)).await;
        assert_eq!(check(&*store, call.id()).await, call, "inserted: {inserted}");
        assert_eq!(entries(&raw).await.len(), 1, "the next commit has moved the block");
        assert_eq!(documents(&raw, "journal").await.len(), 1);
    }
}

/// Dead between the commit that adopts and the removal from the mailbox: the signal is not shown again.
#[tokio::test]
async fn an_adopted_signal_is_not_seen_again_though_it_is_still_there() {
    let (store, database) = fresh().await;
    let raw = raw(&database).await;
    let mailbox = raw.collection::<Document>("mailbox");
    let call = keep(&*store, birth(1)).await;
    let signals = ["1", "2"].map(|keys| Signal::new(Fact::Digits(keys.to_owned())));
    assert_eq!(store.park(&leg("CA1"), &signals, at(0), at(9000)).await.unwrap(), Parked::Kept);
    let call = keep(&*store, bind(&call, &leg("CA1"))).await;
    let parked = store.parked(&leg("CA1")).await.unwrap();
    let parcel = documents(&raw, "mailbox").await.remove(0);

    let first = Commit { adopts: vec![parked[0].id], ..digits(&call, 1) };
    let call = keep(&*store, first).await;
    mailbox.replace_one(doc! {}, &parcel).await.unwrap();
    assert_eq!(store.parked(&leg("CA1")).await.unwrap(), parked[1..], "one of the parcel is adopted");
    assert_eq!(store.mailbox(10).await.unwrap(), parked[1..]);
    assert_eq!(store.stranded(10).await.unwrap(), [(call.id(), leg("CA1"))]);

    let second = Commit { adopts: vec![parked[1].id], ..nothing(&call) };
    keep(&*store, second).await;
    assert_eq!(documents(&raw, "mailbox").await, []);
    mailbox.insert_one(&parcel).await.unwrap();
    assert_eq!(store.parked(&leg("CA1")).await.unwrap(), []);
    assert_eq!(store.stranded(10).await.unwrap(), []);
    assert_eq!(documents(&raw, "mailbox").await, [], "who looks for the stranded removes what is left behind");
    mailbox.insert_one(&parcel).await.unwrap();
    assert_eq!(store.expire(at(9000)).await.unwrap(), 0, "nothing that nobody came for");
}

/// Dead after parking, before the look whether the leg is bound: the sweep takes the signals to their call, and whoever
/// parked, if it is alive after all, does not take them back.
#[tokio::test]
async fn a_signal_whose_parker_died_is_stranded_and_adopted() {
    let (store, database) = fresh().await;
    let raw = raw(&database).await;
    let mailbox = raw.collection::<Document>("mailbox");
    let call = keep(&*store, birth(1)).await;
    store.park(&leg("CA1"), &[Signal::new(Fact::Digits("1".to_owned()))], at(0), at(9000)).await.unwrap();
    let call = keep(&*store, bind(&call, &leg("CA1"))).await;
    let parcel = documents(&raw, "mailbox").await.remove(0);
    assert!(!parcel.contains_key("taken"), "nobody has been given it");

    assert_eq!(store.stranded(10).await.unwrap(), [(call.id(), leg("CA1"))]);
    let parked = store.parked(&leg("CA1")).await.unwrap();
    assert_eq!(parked.len(), 1);
    let back = mailbox.delete_one(doc! { "_id": parcel.get("_id"), "taken": { "$ne": true } }).await.unwrap();
    assert_eq!(back.deleted_count, 0, "it was given out");
    keep(&*store, Commit { adopts: vec![parked[0].id], ..digits(&call, 1) }).await;
    assert_eq!(store.stranded(10).await.unwrap(), []);
}

/// Dead between the removal of a call and that of its journal's blocks: nobody sees them, and the next prune takes them.
#[tokio::test]
async fn a_prune_that_was_cut_short_leaves_nothing_for_long() {
    let (store, database) = fresh().await;
    let raw = raw(&database).await;
    let mut call = live(&*store, 1).await;
    for n in 0..40 {
        call = keep(&*store, digits(&call, n)).await;
    }
    let mut end = Commit::on(call);
    end.handle(Signal::new(Fact::Ended(Hungup::new(Disposition::Completed))).into(), at(5000));
    let call = keep(&*store, end).await;
    raw.collection::<Document>("calls").update_one(doc! {}, doc! { "$set": { "outbox": [] } }).await.unwrap();
    let young = live(&*store, 100_000).await;
    let blocks = documents(&raw, "journal").await;
    assert_eq!(blocks.len(), 1);

    assert_eq!(store.prune(at(60_000), 10).await.unwrap(), 1);
    assert_eq!(documents(&raw, "journal").await, [], "blocks go with their call");
    raw.collection::<Document>("journal").insert_many(&blocks).await.unwrap();
    assert_eq!(store.journal(call.id()).await.unwrap(), []);
    assert_eq!(store.prune(at(60_000), 10).await.unwrap(), 0);
    assert_eq!(documents(&raw, "journal").await, []);
    check(&*store, young.id()).await;
}
