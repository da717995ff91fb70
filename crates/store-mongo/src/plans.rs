//! The searches that run all the time use their indexes, whatever the size of the collections.

use call_core::port::{Filter, Lane, Page};
use call_core::{Disposition, PhaseName, Subject, Timestamp};
use databases::Mongo;
use mongodb::bson::{Document, doc};

use crate::connection::{Link, Options};
use crate::schema::{CALLS, JOURNAL, MAILBOX};
use crate::{calls, journal, outbox, schema};

const NOW: Timestamp = Timestamp::EPOCH;

/// How the server finds what a filter asks for, in an order.
async fn plan(collection: &str, filter: Document, order: Document) -> String {
    let database = Mongo::shared().fresh();
    let link = Link::to(database.url(), &Options::default(), true).await.unwrap();
    schema::migrate(&link).await.unwrap();
    // What is not there yet has no plan.
    link.ask(link.database().collection(JOURNAL).insert_one(doc! { "_id": "x.00000000" })).await.unwrap();
    let find = doc! { "find": collection, "filter": filter, "sort": order, "limit": 10 };
    let explain = doc! { "explain": find, "verbosity": "queryPlanner" };
    let answer = link.ask(link.database().run_command(explain)).await.unwrap();
    let plan = answer.get_document("queryPlanner").unwrap().get_document("winningPlan").unwrap().to_string();
    link.close().await;
    plan
}

async fn check(collection: &str, (filter, order): (Document, Document), index: &str) {
    let plan = plan(collection, filter.clone(), order).await;
    let what = format!("{collection} {filter}\n{plan}");
    // Also `EXPRESS_IXSCAN`, for one document by its name.
    assert!(plan.contains("IXSCAN\"") && plan.contains(&format!("\"{index}\"")), "{index} is not used by {what}");
    assert!(!plan.contains("\"COLLSCAN\""), "everything is read by {what}");
    assert!(!plan.contains("\"SORT\""), "the index does not give the order of {what}");
}

fn newest() -> Document {
    doc! { "_id": -1 }
}

#[tokio::test]
async fn due_calls_are_found_by_their_deadline() {
    check(CALLS, calls::due_by(NOW), "deadline").await;
}

#[tokio::test]
async fn effects_are_found_by_their_lane_and_time() {
    check(CALLS, outbox::visible_by(Lane::News, NOW), "news").await;
    check(CALLS, outbox::visible_by(Lane::Acts, NOW), "acts").await;
}

#[tokio::test]
async fn calls_are_found_by_their_names() {
    check(CALLS, (doc! { "_id": "x" }, doc! {}), "_id_").await;
    check(CALLS, (doc! { "legs": "acme:CA1" }, doc! {}), "leg").await;
    check(CALLS, (doc! { "legs": { "$in": ["acme:CA1", "acme:CA2"] } }, doc! {}), "leg").await;
    check(CALLS, (doc! { "key": "order-7" }, doc! {}), "key").await;
    check(CALLS, (doc! { "subject": "ada", "open": true }, doc! {}), "open_subject").await;
    check(CALLS, (doc! { "adopted": { "$in": [65536_i64] } }, doc! {}), "adopted").await;
}

#[tokio::test]
async fn lists_need_no_sorting_but_for_what_is_open() {
    let subject = Filter { subject: Some(Subject("ada".to_owned())), ..Filter::default() };
    let ended = Filter { disposition: Some(Disposition::Busy), ..Filter::default() };
    for (filter, index) in [(Filter::default(), "_id_"), (subject, "subject"), (ended, "ended")] {
        let page = Page { before: Some(call_core::CallId::new(NOW, [0; 10])), limit: 10 };
        check(CALLS, (calls::query(&filter, &page), newest()), index).await;
    }
    check(CALLS, (doc! { "open": true }, doc! { "born": 1, "_id": 1 }), "open").await;
    let stuck = Filter { phases: vec![PhaseName::Live], open_before: Some(NOW), ..Filter::default() };
    let plan = plan(CALLS, calls::query(&stuck, &Page::default()), newest()).await;
    assert!(plan.contains("\"IXSCAN\""), "the open calls are few, but the others are not: {plan}");
}

#[tokio::test]
async fn the_mailbox_and_the_journal_are_found_by_their_names() {
    check(MAILBOX, (doc! { "on": "acme:CA1" }, doc! { "_id": 1 }), "on").await;
    check(MAILBOX, (doc! { "_id": { "$gt": i64::MIN } }, doc! { "_id": 1 }), "_id_").await;
    check(MAILBOX, (doc! { "until": { "$lte": calls::date(NOW) } }, doc! {}), "until").await;
    check(JOURNAL, (journal::blocks_of("x"), doc! { "_id": 1 }), "_id_").await;
}
