//! What cannot be opened says what to do; what can be is as it was left.

use std::error::Error;

use call_core::port::{Store, StoreError};
use databases::Postgres;
use store_postgres::{OpenError, Options, PostgresStore};

use crate::{birth, execute, fresh, next, open, raw};

async fn refused(url: &str) -> OpenError {
    let error = PostgresStore::open(url, &Options::default()).await.unwrap_err();
    let migrate = PostgresStore::migrate(url).await;
    if let Err(other) = migrate {
        assert_eq!(other.to_string(), error.to_string());
    }
    error
}

fn at_port(port: u16) -> String {
    format!("postgres://ada:hunter2@127.0.0.1:{port}/calls")
}

#[tokio::test]
async fn what_cannot_be_reached_says_what_to_do_and_no_password() {
    // A port that nobody listens on: it was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let nobody = refused(&at_port(port)).await;
    assert!(matches!(nobody, OpenError::Unreachable { .. }), "{nobody:?}");
    assert!(nobody.to_string().contains("check that it runs"));

    for url in ["", "calls.db", "mysql://ada:hunter2@localhost/calls", "postgres://ada:hunter2@[/calls"] {
        let error = refused(url).await;
        assert!(matches!(error, OpenError::Url(_)), "{url}: {error:?}");
        assert!(!told(&error).contains("hunter2"), "{}", told(&error));
    }
    assert!(!told(&nobody).contains("hunter2"), "{}", told(&nobody));
}

/// All that a log could show of an error.
fn told(error: &OpenError) -> String {
    let mut all = format!("{error:?} {error}");
    let mut source = error.source();
    while let Some(error) = source {
        all += &format!(" {error} {error:?}");
        source = error.source();
    }
    all
}

#[tokio::test]
async fn a_stranger_and_a_missing_database_are_told_apart() {
    let database = fresh();
    let (scheme, rest) = database.url().split_once("://").unwrap();
    let stranger = format!("{scheme}://nobody-we-know:hunter2@{}", rest.split_once('@').unwrap().1);
    let error = refused(&stranger).await;
    assert!(matches!(error, OpenError::Login { .. }), "{error:?}");
    assert!(error.to_string().contains("check user and password"));
    assert!(!told(&error).contains("hunter2"));

    let error = refused(&format!("{}_not_there", database.url())).await;
    assert!(matches!(error, OpenError::NoDatabase { .. }), "{error:?}");
    assert!(error.to_string().contains("CREATE DATABASE"));
}

#[tokio::test]
async fn a_url_that_demands_tls_is_not_content_without() {
    let database = fresh();
    let separator = if database.url().contains('?') { '&' } else { '?' };
    let url = format!("{}{separator}sslmode=require", database.url());
    match PostgresStore::open(&url, &Options::default()).await {
        Err(error) => assert!(matches!(error, OpenError::Tls { .. }), "{error:?}"),
        Ok(_) => assert!(std::env::var("TEST_DATABASE_URL").is_ok(), "the server of a test run has no certificate"),
    }
}

#[tokio::test]
async fn a_database_without_tables_is_older_until_it_is_migrated() {
    let database = Postgres::shared().fresh();
    let error = PostgresStore::open(database.url(), &Options::default()).await.unwrap_err();
    assert!(matches!(error, OpenError::Older), "{error:?}");
    assert!(error.to_string().contains("run `call-server migrate` first"));

    // Several servers of a rolling upgrade may all try.
    let steps = futures::future::join_all((0..4).map(|_| PostgresStore::migrate(database.url()))).await;
    let mut steps: Vec<usize> = steps.into_iter().map(Result::unwrap).collect();
    steps.sort_unstable();
    assert!(steps.last().is_some_and(|most| *most > 0), "{steps:?}");
    assert_eq!(PostgresStore::migrate(database.url()).await.unwrap(), 0);
    open(database.url()).await.commit(birth(1)).await.unwrap();
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_not_touched() {
    let database = fresh();
    let later = "INSERT INTO _sqlx_migrations
        SELECT 999, 'later', installed_on, true, checksum, 0 FROM _sqlx_migrations LIMIT 1";
    execute(&mut raw(database.url()).await, later).await;
    let answers = [
        PostgresStore::open(database.url(), &Options::default()).await.map(drop),
        PostgresStore::open_read_only(database.url(), &Options::default()).await.map(drop),
        PostgresStore::migrate(database.url()).await.map(drop),
    ];
    for answer in answers {
        match answer {
            Err(error @ OpenError::Newer { found: 999, .. }) => {
                assert!(error.to_string().contains("run the newer version"), "{error}");
            }
            answer => panic!("{answer:?}"),
        }
    }
}

#[tokio::test]
async fn a_database_in_another_encoding_is_refused() {
    let database = fresh();
    let name = format!("{}_ascii", database.name());
    let mut admin = raw(Postgres::shared().url()).await;
    execute(
        &mut admin,
        format!("CREATE DATABASE {name} ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"),
    )
    .await;
    let error = refused(&format!("{}_ascii", database.url())).await;
    assert!(matches!(&error, OpenError::Encoding { found, .. } if found == "SQL_ASCII"), "{error:?}");
    execute(&mut admin, format!("DROP DATABASE {name} WITH (FORCE)")).await;
}

/// A store that only reads looks beside one that writes.
#[tokio::test]
async fn a_reader_sees_what_is_written_and_writes_nothing() {
    let database = fresh();
    let store = open(database.url()).await;
    let reader = PostgresStore::open_read_only(database.url(), &Options::default()).await.unwrap();
    store.commit(birth(1)).await.unwrap();
    let call = reader.load(birth(1).call.id()).await.unwrap().unwrap();
    assert_eq!(call, birth(1).call);
    let answer = reader.commit(next(&call, 1)).await;
    assert!(matches!(answer, Err(StoreError::Unavailable(_))), "{answer:?}");
    assert!(reader.expire(crate::at(1)).await.is_err() && reader.prune(crate::at(1), 1).await.is_err());
    assert_eq!(store.load(call.id()).await.unwrap(), Some(call));
}

#[tokio::test]
async fn a_closed_store_has_finished_what_it_accepted() {
    let database = fresh();
    let store = open(database.url()).await;
    let (answers, ()) =
        futures::join!(futures::future::join_all((0..100).map(|n| store.commit(birth(n)))), store.close());
    let stored = answers.iter().filter(|answer| answer.is_ok()).count();
    assert!(stored > 0, "{answers:?}");
    assert!(matches!(store.commit(birth(200)).await, Err(StoreError::Unavailable(_))));
    assert!(matches!(store.load(birth(0).call.id()).await, Err(StoreError::Unavailable(_))));
    assert!(matches!(store.ping().await, Err(StoreError::Unavailable(_))));
    store.close().await;
    let count = crate::count(&mut raw(database.url()).await, "SELECT count(*) FROM calls").await;
    assert_eq!(usize::try_from(count).unwrap(), stored);
}
