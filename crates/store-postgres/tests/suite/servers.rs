//! Several servers on one database, and the people who run it.

use std::time::Duration;

use call_core::port::{Lane, Store, StoreError};
use futures::future::join_all;
use store_postgres::PostgresStore;

use crate::{about, accepted, at, birth, count, execute, fresh, impatient, leg, next, open, raw};

/// Subjects, legs and keys are fought over by two servers that both write batches: one wins each, nobody fails for a
/// neighbour.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_that_write_batches_refuse_by_name_only() {
    let database = fresh();
    let stores = [open(database.url()).await, open(database.url()).await];
    for round in 0..6_u32 {
        let births: Vec<_> = (0..40).map(|n| about(round * 100 + n, &format!("subject-{round}-{}", n % 10))).collect();
        let racing = births.iter().enumerate().map(|(n, birth)| stores[n / 10 % 2].commit(birth.clone()));
        let answers = join_all(racing).await;
        let busy = answers.iter().filter(|answer| matches!(answer, Err(StoreError::SubjectBusy(_)))).count();
        assert_eq!((answers.iter().filter(|answer| answer.is_ok()).count(), busy), (10, 30), "{answers:?}");

        let born = births.iter().zip(&answers).filter(|(_, answer)| answer.is_ok()).map(|(birth, _)| &birth.call);
        let calls: Vec<_> = born.cloned().collect();
        // Two servers, two calls to a leg.
        let steps = calls.iter().enumerate().map(|(n, call)| accepted(call, &leg(format!("CA{round}-{}", n / 2))));
        let answers = join_all(steps.enumerate().map(|(n, step)| stores[n % 2].commit(step))).await;
        let taken = answers.iter().filter(|answer| matches!(answer, Err(StoreError::LegTaken(_)))).count();
        assert_eq!((answers.iter().filter(|answer| answer.is_ok()).count(), taken), (5, 5), "{answers:?}");
    }
}

/// Two servers step the same calls in batches, in opposite orders: neither waits for the other for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_over_the_same_calls_do_not_lock_each_other_out() {
    let database = fresh();
    let stores = [open(database.url()).await, open(database.url()).await];
    let mut calls: Vec<_> = (0..50).map(|n| birth(n).call).collect();
    assert!(join_all((0..50).map(|n| stores[0].commit(birth(n)))).await.iter().all(Result::is_ok));
    for round in 0..20 {
        let steps: Vec<_> = calls.iter().map(|call| next(call, round)).collect();
        let one = join_all(steps.iter().map(|step| stores[0].commit(step.clone())));
        let two = join_all(steps.iter().rev().map(|step| stores[1].commit(step.clone())));
        let (one, two) = futures::join!(one, two);
        for (one, two) in one.iter().zip(two.iter().rev()) {
            let won = [one, two].into_iter().filter(|answer| answer.is_ok()).count();
            assert_eq!(won, 1, "{one:?} {two:?}");
        }
        calls = steps.into_iter().map(|step| step.call).collect();
    }
    let deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
    assert_eq!(count(&mut raw(database.url()).await, deadlocks).await, 0);
}

/// A lost race and a refused name leave nothing behind in any table.
#[tokio::test]
async fn a_lost_commit_leaves_no_row_in_any_table() {
    const ROWS: &str = "SELECT (SELECT sum(version)::bigint FROM calls) * 1000000 + (SELECT count(*) FROM births) * 100000
        + (SELECT count(*) FROM legs) * 10000 + (SELECT count(*) FROM keys) * 1000 + (SELECT count(*) FROM journal) * 100
        + (SELECT count(*) FROM outbox) * 10 + (SELECT count(*) FROM mailbox)";
    let database = fresh();
    let store = open(database.url()).await;
    let mut connection = raw(database.url()).await;
    store.commit(birth(1)).await.unwrap();
    store.commit(accepted(&birth(1).call, &leg("CA1"))).await.unwrap();
    store.commit(birth(2)).await.unwrap();
    let before = count(&mut connection, ROWS).await;
    let lost = [
        store.commit(accepted(&birth(1).call, &leg("CA9"))).await,
        store.commit(accepted(&birth(2).call, &leg("CA1"))).await,
        store.commit(about(3, "subject-1")).await,
        store.commit(birth(1)).await,
    ];
    assert!(lost.iter().all(Result::is_err), "{lost:?}");
    assert_eq!(count(&mut connection, ROWS).await, before);
}

/// Somebody's shell holds a call: who wants that call is refused as transient, and the others in the same batch are not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_call_holds_up_nobody_else_for_long() {
    let database = fresh();
    let store = impatient(database.url()).await;
    assert!(join_all((0..20).map(|n| store.commit(birth(n)))).await.iter().all(Result::is_ok));
    let mut shell = raw(database.url()).await;
    execute(&mut shell, "BEGIN").await;
    sqlx::query("SELECT id FROM calls WHERE id = $1 FOR UPDATE")
        .bind(birth(7).call.id().as_uuid())
        .fetch_one(&mut shell)
        .await
        .unwrap();
    let answers = join_all((0..20).map(|n| store.commit(next(&birth(n).call, 1)))).await;
    for (n, answer) in answers.iter().enumerate() {
        match answer {
            Err(error @ StoreError::Unavailable(_)) if n == 7 => assert!(error.is_transient()),
            answer => assert!(answer.is_ok() && n != 7, "{n}: {answer:?}"),
        }
    }
    execute(&mut shell, "ROLLBACK").await;
    store.commit(next(&birth(7).call, 1)).await.unwrap();
}

/// Missing rights are not retried: an operator must mend them, and then it works.
#[tokio::test]
async fn a_missing_right_is_permanent_until_it_is_granted() {
    let database = fresh();
    let mut admin = raw(database.url()).await;
    let role = format!("{}_reader", database.name());
    execute(
        &mut admin,
        format!("CREATE ROLE {role} LOGIN PASSWORD 'x'; GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}"),
    )
    .await;
    let (scheme, rest) = database.url().split_once("://").unwrap();
    let store = open(&format!("{scheme}://{role}:x@{}", rest.split_once('@').unwrap().1)).await;
    for _ in 0..2 {
        let answer = store.commit(birth(1)).await;
        assert!(matches!(&answer, Err(error @ StoreError::Broken(_)) if !error.is_transient()), "{answer:?}");
        let answer = store.claim(Lane::News, at(1), Duration::from_secs(1), 1).await;
        assert!(matches!(answer, Err(StoreError::Broken(_))), "{answer:?}");
    }
    assert_eq!(store.load(birth(1).call.id()).await.unwrap(), None, "what is granted works");
    execute(&mut admin, format!("GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}")).await;
    store.commit(birth(1)).await.unwrap();
    store.close().await;
    execute(&mut admin, format!("DROP OWNED BY {role}; DROP ROLE {role}")).await;
}

/// Tables that somebody else has changed are not mistaken for a passing weakness either.
#[tokio::test]
async fn a_missing_table_is_permanent() {
    let database = fresh();
    let store = open(database.url()).await;
    execute(&mut raw(database.url()).await, "DROP TABLE mailbox CASCADE").await;
    let answer = store.mailbox(1).await;
    assert!(matches!(answer, Err(StoreError::Broken(_))), "{answer:?}");
}

/// Tables may be in a schema of their own, beside those of others.
#[tokio::test]
async fn a_schema_of_ones_own_will_do() {
    let database = databases::Postgres::shared().fresh();
    execute(&mut raw(database.url()).await, "CREATE SCHEMA calls; CREATE TABLE public.outbox (letter text)").await;
    let separator = if database.url().contains('?') { '&' } else { '?' };
    let url = format!("{}{separator}options=-csearch_path%3Dcalls", database.url());
    assert!(PostgresStore::migrate(&url).await.unwrap() > 0);
    let store = open(&url).await;
    store.commit(birth(1)).await.unwrap();
    let call = store.load(birth(1).call.id()).await.unwrap().unwrap();
    store.commit(accepted(&call, &leg("CA1"))).await.unwrap();
    assert_eq!(count(&mut raw(database.url()).await, "SELECT count(*) FROM calls.journal").await, 1);
}

/// The views for people work, also for a call that holds what text cannot.
#[tokio::test]
async fn the_views_show_every_call() {
    let database = fresh();
    let store = open(database.url()).await;
    store.commit(birth(1)).await.unwrap();
    store.commit(about(2, "a\0b")).await.unwrap();
    store.commit(accepted(&birth(1).call, &leg("CA\0"))).await.unwrap();
    let mut connection = raw(database.url()).await;
    let calls = "SELECT count(*) FROM (SELECT * FROM calls_view) AS v WHERE v::text <> ''";
    assert_eq!(count(&mut connection, calls).await, 2);
    let entries = "SELECT count(*) FROM (SELECT * FROM journal_view) AS v WHERE v::text <> ''";
    assert_eq!(count(&mut connection, entries).await, 1);
    let shown: (String, String) = sqlx::query_as("SELECT \"to\", outbox FROM calls_view WHERE subject = 'subject-1'")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(shown.0, "+15550199");
    assert!(shown.1.starts_with("dial"), "{}", shown.1);
}
