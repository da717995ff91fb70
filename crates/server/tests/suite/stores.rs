//! Every kind of store, through the program itself: what works on one works on all.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use call_core::port::{Clock, Commit, Store};
use call_core::{
    Call, CallId, DialAnswer, Disposition, Fact, Hungup, Leg, Plan, Policy, Progress, ProviderName, Signal,
};
use call_server::SystemClock;
use databases::{Database, Mongo, Postgres};
use store_mongo::MongoStore;
use store_postgres::PostgresStore;
use store_sqlite::SqliteStore;
use tempfile::TempDir;

use crate::client::TOKEN;
use crate::command::{configured, fails, text};

const ACME: ProviderName = ProviderName::new("acme");

/// A store of one's own, with nothing in it yet.
pub(crate) struct Place {
    kind: &'static str,
    pub(crate) url: String,
    dir: TempDir,
    _database: Option<Database>,
}

impl Place {
    fn new(kind: &'static str, database: Option<Database>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let file = || format!("sqlite:{}", dir.path().join("calls.db").display());
        let url = database.as_ref().map_or_else(file, |database| database.url().to_owned());
        Self { kind, url, dir, _database: database }
    }

    fn sqlite() -> Option<Self> {
        Some(Self::new("sqlite", None))
    }

    pub(crate) fn postgres() -> Option<Self> {
        Some(Self::new("postgres", Some(Postgres::shared().fresh())))
    }

    pub(crate) fn mongo() -> Option<Self> {
        (!Mongo::is_skipped()).then(|| Self::new("mongo", Some(Mongo::shared().fresh())))
    }

    fn program(&self, args: &[&str]) -> Command {
        let mut command = configured(self.dir.path());
        command.args(args).env("CALL_SERVER__STORE__URL", &self.url).stdin(Stdio::null());
        command
    }

    fn output(&self, args: &[&str]) -> Output {
        self.program(args).output().unwrap()
    }

    /// What a command that works prints.
    fn run(&self, args: &[&str]) -> String {
        let output = self.output(args);
        assert!(output.status.success(), "{args:?}: {}{}", text(&output.stdout), text(&output.stderr));
        text(&output.stdout)
    }

    fn serve(&self) -> (Child, String) {
        let mut server = self.program(&["serve"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(server.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("call-server listening on ").expect("it listens").to_owned();
        (server, url)
    }

    async fn open(&self) -> Arc<dyn Store> {
        match self.kind {
            "postgres" => Arc::new(PostgresStore::open(&self.url, &store_postgres::Options::default()).await.unwrap()),
            "mongo" => Arc::new(MongoStore::open(&self.url, store_mongo::Options::default()).await.unwrap()),
            _ => Arc::new(SqliteStore::open(&self.url).await.unwrap()),
        }
    }
}

/// A call born so many days ago, whose phone rang for 50 s before it was answered; everything that it asked for is done.
pub(crate) fn old(days: u64, nth: u8, ended: bool) -> Commit {
    let born = SystemClock.now() - Duration::from_secs(days * 86_400);
    let at = |seconds| born + Duration::from_secs(seconds);
    let leg = Leg::new(ACME, format!("CA{nth}"));
    let plan = Plan::new(ACME, "+15550100100", "+15550100123");
    let (call, _) = Call::dial(CallId::new(born, [nth; 10]), plan, Policy::default(), born);
    let mut commit = Commit::birth((call, Vec::new()));
    if ended {
        for (seconds, fact) in [
            (1, Fact::Dialed(DialAnswer::Accepted)),
            (2, Fact::Progress(Progress::Ringing)),
            (52, Fact::Answered),
            (90, Fact::Ended(Hungup::new(Disposition::Completed))),
        ] {
            let applied = commit.handle(Signal::new(fact).on(leg.clone()).into(), at(seconds));
            assert_eq!(applied, None);
        }
    }
    commit.effects = Arc::default();
    commit
}

fn a_store_is_made_ready_by_migrate_and_only_by_it(place: &Place) {
    if place.kind != "sqlite" {
        let told = fails(&place.output(&["serve"]));
        assert!(told.starts_with("call-server: store.url: ") && told.contains("`call-server migrate`"), "{told}");
        let told = fails(&place.output(&["what-if", "--policy", "/dev/null"]));
        assert!(told.contains("policy: is missing"), "{told}");
    }
    assert!(place.run(&["migrate"]).contains("is up to date, after "));
    assert!(place.run(&["migrate"]).contains("was up to date"));
}

fn a_server_serves_from_it(place: &Place) {
    place.run(&["migrate"]);
    let (mut server, url) = place.serve();
    // No server runs in this process, which would choose it.
    let _chosen = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (id, metrics) = runtime.block_on(async {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        assert_eq!(http.get(format!("{url}/readyz")).send().await.unwrap().status(), 200);
        let wish = serde_json::json!({ "to": "+15550100123", "subject": "lead-1" });
        let place = || http.post(format!("{url}/v1/calls")).bearer_auth(TOKEN).json(&wish).send();
        let placed: serde_json::Value = place().await.unwrap().json().await.unwrap();
        assert_eq!(place().await.unwrap().status(), 409, "one open call for each subject");
        let metrics = http.get(format!("{url}/metrics")).send().await.unwrap().text().await.unwrap();
        (placed["id"].as_str().unwrap().to_owned(), metrics)
    });
    assert!(metrics.contains(&format!("call_store_info{{kind=\"{}\"}} 1", place.kind)), "{metrics}");
    assert!(metrics.contains("call_store_up 1"), "{metrics}");
    let told = place.run(&["replay", &id]);
    assert!(told.contains("the journal gives the stored call"), "beside a running server: {told}");
    assert!(Command::new("sh").args(["-c", &format!("kill -TERM {}", server.id())]).status().unwrap().success());
    assert!(server.wait().unwrap().success());
    assert!(place.run(&["replay", &id]).contains("subject    lead-1"));
}

fn old_calls_are_asked_what_if_and_then_forgotten(place: &Place) {
    place.run(&["migrate"]);
    let [ancient, recent, open] = [old(100, 1, true), old(1, 2, true), old(100, 3, false)];
    let ids = [&ancient, &recent, &open].map(|commit| commit.call.id().to_string());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let store = place.open().await;
        for commit in [ancient, recent, open] {
            store.commit(commit).await.unwrap();
        }
        store.close().await;
    });

    let policy = place.dir.path().join("hasty.toml");
    std::fs::write(&policy, "[policy]\nring_limit = '20s'\n").unwrap();
    let what_if = ["what-if", "--policy", policy.to_str().unwrap()];
    let told = place.run(&what_if);
    assert!(told.contains("3 calls looked at, 2 would have ended otherwise (2 of them by estimate)"), "{told}");
    assert!(told.contains("2  completed -> no-answer"), "{told}");
    assert!(
        told.contains(" completed by provider at ") && told.contains(" no-answer by deadline ring-limit"),
        "{told}"
    );
    assert!(told.contains("it would have asked for reconcile, and asked for nothing"), "{told}");
    assert!(told.contains(&ids[0]) && told.contains(&ids[1]) && !told.contains(&ids[2]), "{told}");
    let lately = place.run(&[&what_if[..], &["--since", "7d"]].concat());
    assert!(lately.contains("1 calls looked at, 1 would") && lately.contains(&ids[1]), "{lately}");
    let newest = place.run(&[&what_if[..], &["--limit", "1"]].concat());
    assert!(newest.contains("1 calls looked at"), "{newest}");
    std::fs::write(&policy, "[policy]\nring_limit = '90s'\n").unwrap();
    assert!(place.run(&what_if).contains("3 calls looked at, 0 would"));

    let prune = ["prune", "--older-than", "90d"];
    let told = fails(&place.output(&prune));
    assert!(told.contains("--yes") && told.contains("--dry-run"), "{told}");
    assert!(place.run(&[&prune[..], &["--dry-run"]].concat()).starts_with("1 ended calls were born before "));
    assert!(place.run(&[&prune[..], &["--yes"]].concat()).starts_with("1 calls were removed"));
    assert!(place.run(&[&prune[..], &["--yes"]].concat()).starts_with("0 calls were removed"));
    assert!(fails(&place.output(&["replay", &ids[0]])).contains("there is no call"));
    for kept in &ids[1..] {
        assert!(place.run(&["replay", kept]).contains("the journal gives the stored call"));
    }
}

macro_rules! on_every_store {
    ($($law:ident),* $(,)?) => {
        on_every_store!(@ sqlite, $($law),*);
        on_every_store!(@ postgres, $($law),*);
        on_every_store!(@ mongo, $($law),*);
    };
    (@ $kind:ident, $($law:ident),*) => {
        mod $kind {
            $(
                #[test]
                fn $law() {
                    if let Some(place) = super::Place::$kind() {
                        super::$law(&place);
                    }
                }
            )*
        }
    };
}

on_every_store!(
    a_store_is_made_ready_by_migrate_and_only_by_it,
    a_server_serves_from_it,
    old_calls_are_asked_what_if_and_then_forgotten,
);

#[test]
fn a_store_that_cannot_be_used_says_what_to_do_and_shows_no_password() {
    let dir = tempfile::tempdir().unwrap();
    let missing = format!("sqlite:{}", dir.path().join("missing.db").display());
    for (url, said) in [
        ("postgres://app:hush-hush@127.0.0.1:9/calls", "no PostgreSQL server answers at"),
        ("postgres://app:hush-hush@127.0.0.1:port/calls", "the URL of the database cannot be read"),
        ("mongodb://app:hush-hush@127.0.0.1:9/calls?connectTimeoutMS=500", "cannot reach"),
        ("mongodb://app:hush-hush@127.0.0.1:9", "names no database"),
        ("redis://app:hush-hush@127.0.0.1:9", "must be sqlite:PATH, postgres://"),
        (&missing, "check that its directory exists"),
    ] {
        for args in
            [&["replay", "0192f0c1-2345-7abc-8def-0123456789ab"][..], &["prune", "--older-than", "90d", "--yes"]]
        {
            let output = configured(dir.path()).args(args).env("CALL_SERVER__STORE__URL", url).output().unwrap();
            let told = fails(&output);
            assert!(told.starts_with("call-server: store.url: ") && told.contains(said), "{url}: {told}");
            assert!(!told.contains("hush"), "{told}");
        }
    }
    assert!(!dir.path().join("missing.db").exists(), "looking makes nothing");
}

#[test]
fn config_check_masks_the_stores_password() {
    let dir = tempfile::tempdir().unwrap();
    let url = "postgres://app:hush-hush@db/calls";
    let mut command = configured(dir.path());
    let output = command.args(["config", "check"]).env("CALL_SERVER__STORE__URL", url).output().unwrap();
    let told = text(&output.stdout);
    assert!(output.status.success() && told.contains("store.url: postgres://app:•••@db/calls"), "{told}");
    assert!(!told.contains("hush"), "{told}");
}

#[test]
fn what_if_and_prune_refuse_what_they_do_not_understand() {
    let dir = tempfile::tempdir().unwrap();
    let policy = dir.path().join("policy.toml");
    std::fs::write(&policy, "[policy]\nring_limit = 'long'\n").unwrap();
    let policy = policy.to_str().unwrap();
    let run = |args: &[&str]| text(&configured(dir.path()).args(args).output().unwrap().stderr);
    assert!(run(&["what-if", "--policy", policy]).contains("policy.ring_limit: "));
    let help = text(&configured(dir.path()).args(["what-if", "--help"]).output().unwrap().stdout);
    assert!(help.contains("it is an estimate, and each line says so"), "{help}");
    assert!(run(&["what-if", "--policy", "nowhere.toml"]).contains("cannot read nowhere.toml"));
    assert!(run(&["what-if", "--policy", policy, "--since", "lately"]).contains("`lately` is no moment"));
    assert!(run(&["prune", "--older-than", "long"]).contains("write it like 90d"));
    assert!(run(&["prune"]).contains("--older-than"));
}

#[test]
fn the_demo_runs_on_an_empty_database_and_touches_no_other() {
    let place = Place::postgres().unwrap();
    let demo = ["demo", "--once", "--calm", "--calls", "10", "--speed", "50", "--store", &place.url];
    let told = place.run(&demo);
    assert!(told.contains("every journal folds to the stored call (1"), "{told}");
    assert!(fails(&place.output(&demo)).contains("holds calls: the demo needs an empty database"));
}

/// A server and its database are often started together.
#[test]
fn a_server_waits_a_while_for_a_database_that_starts_too() {
    let database = Postgres::shared().fresh();
    let proxy = databases::Proxy::to(Postgres::shared().address());
    let place = Place { url: database.url_through(proxy.address()), ..Place::new("postgres", Some(database)) };
    place.run(&["migrate"]);
    proxy.refuse();
    let heals = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(1500));
        proxy.heal();
        proxy
    });
    let (mut server, _) = place.serve();
    let _proxy = heals.join().unwrap();
    assert!(Command::new("sh").args(["-c", &format!("kill -TERM {}", server.id())]).status().unwrap().success());
    assert!(server.wait().unwrap().success());
}
