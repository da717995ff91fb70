//! Both servers start, keep tests apart, come back after a kill, and never outlive the tests.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::env;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use databases::{Mongo, Postgres};

/// One statement on a database: what it answers, or its complaint.
fn sql(url: &str, statement: &str) -> Result<String, String> {
    let output = Command::new(Postgres::shared().psql())
        .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", statement])
        .output()
        .unwrap();
    let text = if output.status.success() { Ok(output.stdout) } else { Err(output.stderr) };
    let read = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().trim().to_owned();
    text.map(read).map_err(read)
}

fn until(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !is_so() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        sleep(Duration::from_millis(20));
    }
}

fn answers(address: SocketAddr) -> bool {
    TcpStream::connect(address).is_ok()
}

#[test]
fn fresh_databases_are_apart_and_gone_with_their_handles() {
    let server = Postgres::shared();
    let (one, other) = (server.fresh(), server.fresh());
    sql(one.url(), "create table marks (n int)").unwrap();
    sql(one.url(), "select n from marks").unwrap();
    assert!(sql(other.url(), "select n from marks").unwrap_err().contains("does not exist"));
    let url = one.url().to_owned();
    drop(one);
    assert!(sql(&url, "select 1").unwrap_err().contains("does not exist"));
    assert_eq!(sql(other.url(), "select 1").unwrap(), "1");
}

#[test]
fn a_database_is_dropped_though_a_forgotten_connection_holds_it() {
    let database = Postgres::shared().fresh();
    let url = database.url().to_owned();
    let mut forgotten = Command::new(Postgres::shared().psql())
        .args(["-X", "-d", &url, "-c", "select pg_sleep(60)"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let sleeping =
        "select count(*) from pg_stat_activity where datname = current_database() and query like '%sleep(6%'";
    until("it is connected", || sql(&url, sleeping).unwrap() == "2");
    drop(database);
    assert!(sql(&url, "select 1").unwrap_err().contains("does not exist"));
    assert!(!forgotten.wait().unwrap().success());
}

#[test]
fn a_database_is_prepared_once_and_copied() {
    let prepare = |url: &str| {
        sql(url, "create table marks (n int)").unwrap();
        sql(url, "insert into marks values (7)").unwrap();
    };
    let copies = scope(|scope| {
        let made = || Postgres::shared().fresh_prepared("marks", prepare);
        let handles: Vec<_> = (0..4).map(|_| scope.spawn(made)).collect();
        handles.into_iter().map(|handle| handle.join().unwrap()).collect::<Vec<_>>()
    });
    sql(copies[0].url(), "delete from marks").unwrap();
    assert_eq!(sql(copies[1].url(), "select n from marks").unwrap(), "7");
    let again = Postgres::shared().fresh_prepared("marks", |_| panic!("it is prepared already"));
    assert_eq!(sql(again.url(), "select n from marks").unwrap(), "7");
}

#[test]
fn postgres_keeps_what_it_acknowledged_when_it_is_killed() {
    let server = Postgres::own();
    let database = server.fresh();
    assert_eq!(sql(database.url(), "show fsync").unwrap(), "on");
    sql(database.url(), "create table marks (n int)").unwrap();
    for round in 0..3 {
        sql(database.url(), &format!("insert into marks values ({round})")).unwrap();
        if round == 1 {
            server.terminate()
        } else {
            server.kill_nine()
        }
        assert!(!answers(server.address()), "it is down");
        server.restart();
        let kept = sql(database.url(), "select count(*) from marks").unwrap();
        assert_eq!(kept, (round + 1).to_string());
    }
}

#[test]
fn mongo_comes_back_after_a_kill() {
    if Mongo::is_skipped() {
        return;
    }
    let server = Mongo::own();
    for round in 0..2 {
        if round == 1 {
            server.terminate()
        } else {
            server.kill_nine()
        }
        assert!(!answers(server.address()), "it is down");
        server.restart();
        assert!(answers(server.address()));
    }
    assert!(server.version().contains('.'), "{}", server.version());
}

#[test]
fn mongo_gives_each_test_a_name_of_its_own() {
    if Mongo::is_skipped() {
        return;
    }
    let (one, other) = (Mongo::shared().fresh(), Mongo::shared().fresh());
    assert_ne!(one.name(), other.name());
    assert!(one.url().contains(&format!("/{}", one.name())), "{}", one.url());
}

/// The same test is run as a process of its own, which starts servers, says where they are, and is killed.
#[test]
fn servers_end_and_their_data_goes_when_their_process_is_killed() {
    const SELF: &str = "servers_end_and_their_data_goes_when_their_process_is_killed";
    const IS_VICTIM: &str = "DATABASES_TEST_VICTIM";
    if env::var_os(IS_VICTIM).is_some() {
        let postgres = Postgres::own();
        println!("at {}", postgres.address());
        if !Mongo::is_skipped() {
            let mongo = Mongo::own();
            println!("at {}", mongo.address());
            println!("ready");
            sleep(Duration::from_secs(60));
        }
        println!("ready");
        sleep(Duration::from_secs(60));
        return;
    }
    let place = tempfile::tempdir_in(if Path::new("/tmp").is_dir() { PathBuf::from("/tmp") } else { env::temp_dir() });
    let place = place.unwrap();
    // The account that PostgreSQL runs under must be able to pass through.
    let open = <std::fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o711);
    std::fs::set_permissions(place.path(), open).unwrap();
    let mut victim = Command::new(env::current_exe().unwrap())
        .args(["--exact", SELF, "--nocapture"])
        .env(IS_VICTIM, "1")
        .env("TMPDIR", place.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(victim.stdout.take().unwrap()).lines().map_while(Result::ok);
    let said: Vec<String> = lines.take_while(|line| !line.ends_with("ready")).collect();
    let addresses: Vec<SocketAddr> = said.iter().filter_map(|line| line.split_once("at ")?.1.parse().ok()).collect();
    assert!(!addresses.is_empty(), "{said:?}");
    assert!(addresses.iter().all(|address| answers(*address)), "they run");
    let folders = || std::fs::read_dir(place.path()).unwrap().count();
    assert_eq!(folders(), addresses.len());
    victim.kill().unwrap();
    victim.wait().unwrap();
    until("no server answers any more", || !addresses.iter().any(|address| answers(*address)));
    until("their data is gone", || folders() == 0);
}
