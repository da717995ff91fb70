//! `kill -9`, of the server or of ourselves, at any moment: what was acknowledged is there, and whole.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use call_core::CallId;
use call_core::port::{Commit, Store};
use databases::Mongo;
use futures::future::join_all;
use store_mongo::{MongoStore, Options};

use crate::stage::{at, bind, birth, check, digits, eventually, fresh, fresh_on, leg, nothing, open};

const URL: &str = "STORE_MONGO_TEST_URL";
const ROUND: &str = "STORE_MONGO_TEST_ROUND";
const WRITERS: u32 = 12;

/// Lives calls long enough for their journals to move, as fast as it can, and says what was acknowledged. Ends with the
/// first failure.
async fn write(store: Arc<MongoStore>, from: u32, told: impl Fn(CallId, u64)) {
    for n in from..from + 1000 {
        let on = leg(&format!("CA{n}"));
        let signal = call_core::Signal::new(call_core::Fact::Digits("0".to_owned()));
        if store.park(&on, &[signal], at(0), at(900_000)).await.is_err() {
            return;
        }
        let mut commit = birth(n);
        for step in 0..60 {
            let call = commit.call.clone();
            if store.commit(commit).await.is_err() {
                return;
            }
            told(call.id(), call.version());
            commit = match step {
                0 => bind(&call, &on),
                1 => match store.parked(&on).await {
                    Ok(parked) => {
                        assert_eq!(parked.len(), 1);
                        Commit { adopts: vec![parked[0].id], ..digits(&call, step) }
                    }
                    Err(_) => return,
                },
                step if step % 3 == 0 => nothing(&call),
                step => digits(&call, step),
            };
        }
    }
}

/// What was acknowledged is there, its journal tells its life, and no signal is both adopted and parked.
async fn all_there(store: &MongoStore, acknowledged: &BTreeMap<CallId, u64>) {
    for (id, version) in acknowledged {
        let call = check(store, *id).await;
        assert!(call.version() >= *version, "{id}: version {version} was acknowledged, {} is there", call.version());
        let on = call.legs().iter().next();
        if let Some(on) = on.filter(|_| call.version() > 3) {
            assert_eq!(store.parked(&on.leg).await.unwrap(), [], "{id} has adopted it");
        }
    }
}

/// The server dies three times while many write.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_the_death_of_the_server() {
    let server = Mongo::own();
    let (_patient, database) = fresh_on(&server).await;
    let hasty = Options { patience: Duration::from_secs(2), ..Options::default() };
    let store = open(database.url(), hasty).await;
    let acknowledged = Arc::new(Mutex::new(BTreeMap::<CallId, u64>::new()));
    for round in 0..3 {
        let before = acknowledged.lock().unwrap().len();
        let writers: Vec<_> = (0..WRITERS)
            .map(|n| {
                let acknowledged = acknowledged.clone();
                let told = move |id, version| _ = acknowledged.lock().unwrap().insert(id, version);
                tokio::spawn(write(store.clone(), (round * WRITERS + n) * 1000, told))
            })
            .collect();
        let enough =
            || async { if acknowledged.lock().unwrap().len() >= before + 20 { Ok(()) } else { Err("not yet") } };
        eventually(enough).await;
        server.kill_nine();
        for writer in join_all(writers).await {
            writer.unwrap();
        }
        server.restart();
        eventually(|| store.ping()).await;
        let acknowledged = acknowledged.lock().unwrap().clone();
        all_there(&store, &acknowledged).await;
    }
}

/// The process that is killed. A test of its own only so that the test program can start itself; does nothing unless it
/// was started so.
#[test]
fn the_victim() {
    let (Ok(url), Ok(round)) = (std::env::var(URL), std::env::var(ROUND)) else { return };
    let round: u32 = round.parse().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async move {
        let store = open(&url, Options::default()).await;
        let told = |id: CallId, version: u64| {
            // One write call, so that a kill leaves no half line of a foreign writer.
            std::io::stderr().write_all(format!("acknowledged {id} {version}\n").as_bytes()).unwrap();
        };
        join_all((0..WRITERS).map(|n| tokio::spawn(write(store.clone(), (round * WRITERS + n) * 1000, told)))).await;
    });
}

/// We die four times, somewhere between the writes that a long call's journal and a parked signal take.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_our_own_death() {
    let (store, database) = fresh().await;
    let mut acknowledged = BTreeMap::<CallId, u64>::new();
    for round in 0..4_usize {
        let mut victim = Command::new(std::env::current_exe().unwrap())
            .args(["kill::the_victim", "--exact", "--nocapture"])
            .envs([(URL, database.url()), (ROUND, &round.to_string())])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(victim.stderr.take().unwrap()).lines();
        let (enough, mut heard) = (500 + round * 211, 0);
        while let Some(Ok(line)) = lines.next() {
            let mut words = line.split(' ');
            let (Some("acknowledged"), Some(id), Some(version)) = (words.next(), words.next(), words.next()) else {
                panic!("the victim failed by itself: {line}");
            };
            acknowledged.insert(id.parse().unwrap(), version.parse().unwrap());
            heard += 1;
            if heard == enough {
                victim.kill().unwrap();
            }
        }
        victim.wait().unwrap();
        assert!(heard >= enough, "round {round}: {heard}");
        all_there(&store, &acknowledged).await;
    }
    let moved = crate::stage::documents(&crate::stage::raw(&database).await, "journal").await;
    assert!(!moved.is_empty(), "journals did move");
}
