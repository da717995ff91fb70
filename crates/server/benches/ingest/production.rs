//! The server as it runs in production, but for its address: workers, log and all.

use std::fs::File;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use adapter_twilio::{TwilioConfig, TwilioHook};
use call_core::port::{Clock as _, Store, Switchboard};
use call_core::{Disposition, Timestamp, journal};
use call_server::telemetry;
use call_server::{App, Overrides, RunningApp, SystemClock};
use futures::{StreamExt as _, stream};
use tokio::runtime::{Handle, Runtime};
use tracing_appender::non_blocking::WorkerGuard;
use tracing_subscriber::filter::dynamic_filter_fn;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::workload::Workload;

pub(crate) const ACCOUNT: &str = "AC0123456789abcdef0123456789abcdef";
pub(crate) const AUTH_TOKEN: &str = "0123456789abcdef0123456789abcdef";
pub(crate) const PUBLIC_URL: &str = "https://calls.example.com";

/// A server that runs.
pub(crate) struct Production {
    runtime: Runtime,
    app: RunningApp,
}

impl Production {
    pub(crate) fn start(url: &str) -> Self {
        let settings = format!(
            "server.listen = \"127.0.0.1:0\"\nserver.public_url = \"{PUBLIC_URL}\"\n\
             twilio.account_sid = \"{ACCOUNT}\"\nstore.url = \"{url}\"\n"
        );
        let token = ("CALL_SERVER__TWILIO__AUTH_TOKEN".to_owned(), AUTH_TOKEN.to_owned());
        let config =
            call_server::config::Source::default().with_text(settings).with_environment([token]).read().unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().thread_name("server").enable_all().build().unwrap();
        let app = runtime.block_on(App::start(config, Overrides::default())).unwrap();
        Self { runtime, app }
    }

    pub(crate) fn runtime(&self) -> &Handle {
        self.runtime.handle()
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.app.local_addr()
    }

    pub(crate) fn store(&self) -> Arc<dyn Store> {
        self.app.store()
    }

    pub(crate) fn switchboard(&self) -> Switchboard {
        self.app.switchboard().clone()
    }

    pub(crate) async fn bear(&self, workload: &Workload) {
        bear(&*self.store(), workload).await;
    }

    /// That nothing acknowledged was lost: every call has come to its end, and its journal says why.
    pub(crate) async fn expect_ended(&self, workload: &Workload) {
        let store = &*self.store();
        let check = |id| async move {
            let call = store.load(id).await.unwrap().unwrap();
            assert_eq!(call.outcome().unwrap().disposition, Disposition::Completed);
        };
        stream::iter(workload.ids()).for_each_concurrent(64, check).await;
        let id = workload.ids().last().unwrap();
        let (call, entries) = (store.load(id).await.unwrap().unwrap(), store.journal(id).await.unwrap());
        assert_eq!(journal::fold(call.birth(), &entries).unwrap(), call);
    }

    pub(crate) fn stop(self) {
        self.runtime.block_on(self.app.shutdown());
    }
}

/// Stores the calls that a workload is about.
pub(crate) async fn bear(store: &dyn Store, workload: &Workload) {
    stream::iter(workload.births().to_vec())
        .for_each_concurrent(256, |birth| async { store.commit(birth).await.unwrap() })
        .await;
}

/// The webhooks of the server's account.
pub(crate) fn hook() -> TwilioHook {
    TwilioHook::new(&TwilioConfig::new(ACCOUNT, AUTH_TOKEN, PUBLIC_URL)).unwrap()
}

pub(crate) fn now() -> Timestamp {
    SystemClock.now()
}

/// A log that can be turned off.
pub(crate) struct Log {
    on: Arc<AtomicBool>,
    _guard: WorkerGuard,
}

/// Writes the log as `serve` does, but to a file.
pub(crate) fn log_to(file: &Path) -> Log {
    let on = Arc::new(AtomicBool::new(true));
    let asked = on.clone();
    let (background, guard) = telemetry::background(File::create(file).unwrap());
    let lines =
        tracing_subscriber::fmt::layer().with_target(false).with_ansi(false).with_writer(background).with_filter(
            dynamic_filter_fn(move |metadata, _| {
                *metadata.level() <= tracing::Level::INFO && asked.load(Ordering::Relaxed)
            }),
        );
    tracing_subscriber::registry().with(lines).init();
    Log { on, _guard: guard }
}

impl Log {
    pub(crate) fn mute(&self) {
        self.on.store(false, Ordering::Relaxed);
    }

    pub(crate) fn unmute(&self) {
        self.on.store(true, Ordering::Relaxed);
    }
}
