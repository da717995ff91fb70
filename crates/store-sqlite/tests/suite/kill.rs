//! `kill -9`, at any moment: what was acknowledged is there.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use call_core::journal::fold;
use call_core::port::{Commit, Store};
use call_core::{Call, CallId, Plan, Policy, ProviderName, Timestamp};
use sqlx::{ConnectOptions, Connection};
use store_sqlite::SqliteStore;
use tempfile::TempDir;

const FILE: &str = "STORE_SQLITE_TEST_FILE";
const ROUND: &str = "STORE_SQLITE_TEST_ROUND";
const WRITERS: u8 = 24;

/// The process that is killed: writes as fast as it can, and says what was acknowledged. A test of its own only so
/// that the test program can start itself; does nothing unless it was started so.
#[test]
fn the_victim() {
    let (Ok(file), Ok(round)) = (std::env::var(FILE), std::env::var(ROUND)) else { return };
    let round: u8 = round.parse().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async move {
        let store = std::sync::Arc::new(SqliteStore::open(&file).await.unwrap());
        let writers: Vec<_> = (0..WRITERS).map(|n| tokio::spawn(write(store.clone(), round, n))).collect();
        for writer in writers {
            writer.await.unwrap();
        }
    });
}

async fn write(store: std::sync::Arc<SqliteStore>, round: u8, writer: u8) {
    for n in 0..=u16::MAX {
        let now = Timestamp::from_millis(1_795_248_000_000 + i64::from(n));
        let [high, low] = n.to_be_bytes();
        let id = CallId::new(now, [0, 0, 0, 0, 0, 0, round, writer, high, low]);
        let plan = Plan::new(ProviderName::new("acme"), "+15550100", "+15550199").about(id.to_string());
        let mut commit = Commit::birth(Call::dial(id, plan, Policy::default(), now));
        for _ in 0..4 {
            let call = commit.call.clone();
            store.commit(commit).await.unwrap();
            // One write call, so that a kill leaves no half line of a foreign writer.
            std::io::stderr().write_all(format!("acknowledged {id} {}\n", call.version()).as_bytes()).unwrap();
            commit = Commit::on(call);
            commit.handle(call_core::Command::Reconcile.into(), now);
        }
    }
}

#[tokio::test]
async fn what_was_acknowledged_survives_kill_9() {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("calls.db").to_str().unwrap().to_owned();
    let mut acknowledged = BTreeMap::<CallId, u64>::new();
    for round in 0..6_u8 {
        let before = acknowledged.len();
        let mut victim = Command::new(std::env::current_exe().unwrap())
            .args(["kill::the_victim", "--exact", "--nocapture"])
            .envs([(FILE, &file), (ROUND, &round.to_string())])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(victim.stderr.take().unwrap()).lines();
        let enough = 40 + usize::from(round) * 170;
        let mut heard = 0;
        while let Some(Ok(line)) = lines.next() {
            let mut words = line.split(' ');
            let (Some("acknowledged"), Some(id), Some(version)) = (words.next(), words.next(), words.next()) else {
                panic!("the victim failed by itself: {line}");
            };
            let version: u64 = version.parse().unwrap();
            acknowledged.entry(id.parse().unwrap()).and_modify(|v| *v = version.max(*v)).or_insert(version);
            heard += 1;
            if heard == enough {
                victim.kill().unwrap();
            }
        }
        victim.wait().unwrap();
        assert!(heard >= enough && acknowledged.len() > before, "round {round}: {heard}");
        check(&file, &acknowledged).await;
    }
}

async fn check(file: &str, acknowledged: &BTreeMap<CallId, u64>) {
    let store = SqliteStore::open(file).await.unwrap();
    for (id, version) in acknowledged {
        let call = store.load(*id).await.unwrap().unwrap_or_else(|| panic!("{id} was acknowledged and is lost"));
        assert!(call.version() >= *version, "{id}: version {version} was acknowledged, {} is there", call.version());
        let journal = store.journal(*id).await.unwrap();
        assert_eq!(fold(call.birth(), &journal).unwrap(), call);
    }
    store.close().await;
    let mut connection = sqlx::sqlite::SqliteConnectOptions::new().filename(file).connect().await.unwrap();
    let sound: String = sqlx::query_scalar("PRAGMA integrity_check").fetch_one(&mut connection).await.unwrap();
    assert_eq!(sound, "ok");
    // Nothing is stored by half: every call has its birth, and its dial is in the outbox.
    let halves = "SELECT count(*) FROM calls WHERE id NOT IN (SELECT call FROM births)
        OR id NOT IN (SELECT call FROM outbox WHERE kind = 'dial')";
    let halves: i64 = sqlx::query_scalar(halves).fetch_one(&mut connection).await.unwrap();
    assert_eq!(halves, 0);
    connection.close().await.unwrap();
}
