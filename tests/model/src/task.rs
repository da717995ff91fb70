//! What a server does: production code, from its first request to its last.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use call_core::port::{
    Delivered, IdempotencyKey, Inbound, Lane, Outbox, PlaceError, Provider, Received, Sweep, Switchboard,
};
use call_core::{Address, CallId, Command, Conduct, Lookup, Plan, ProviderName};

use crate::bounds::{LINE, STEP, policy};
use crate::network::{Message, number};
use crate::stage::Stage;

/// A task of one server.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Task {
    /// A user asks for a call.
    Place {
        /// Which one; its number and key.
        wish: u8,
        /// How often that was asked before.
        before: u8,
        /// Whether it concerns the one subject.
        subject: bool,
        /// How many steps of the clock its dial is wanted for.
        dial_limit: u32,
    },
    /// A user asks to hang up.
    Hangup(CallId),
    /// A webhook.
    Deliver(Message),
    /// One turn of the outbox: an act at the provider.
    Act,
    /// One turn of the outbox: news for subscribers.
    Publish,
    /// A call's deadline.
    Tick(CallId),
    /// One sweep.
    Sweep,
}

/// How a task ended, for the one who asked for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Done: 2xx.
    Done,
    /// Refused for good: 4xx.
    Refused,
    /// Failed: 503, try again.
    Failed,
}

impl Task {
    /// Whether somebody waits for its outcome.
    #[must_use]
    pub const fn is_awaited(&self) -> bool {
        match self {
            Self::Place { .. } | Self::Hangup(_) | Self::Deliver(_) => true,
            Self::Act | Self::Publish | Self::Tick(_) | Self::Sweep => false,
        }
    }

    /// What makes a name unique: another for each request that may make a call.
    pub(crate) const fn random(&self) -> [u8; 10] {
        match self {
            Self::Place { wish, before, .. } => [*wish, *before, 0, 0, 0, 0, 0, 0, 0, 0],
            Self::Deliver(message) => [message.line, message.event as u8, message.before, 1, 0, 0, 0, 0, 0, 0],
            Self::Hangup(_) | Self::Act | Self::Publish | Self::Tick(_) | Self::Sweep => [u8::MAX; 10],
        }
    }

    /// The production code at work on this task.
    pub(crate) fn run(&self, stage: &Stage) -> Pin<Box<dyn Future<Output = Outcome>>> {
        let server = Server::on(stage);
        match self.clone() {
            Self::Place { wish, subject, dial_limit, .. } => {
                Box::pin(async move { server.place(wish, subject, dial_limit).await })
            }
            Self::Hangup(call) => {
                Box::pin(async move { end(server.switchboard.command(call, Command::hangup()).await) })
            }
            Self::Deliver(message) => Box::pin(async move { server.deliver(&message).await }),
            Self::Act => Box::pin(async move { server.act().await }),
            Self::Publish => Box::pin(async move { server.publish().await }),
            Self::Tick(call) => Box::pin(async move { end(server.switchboard.tick(call).await) }),
            Self::Sweep => Box::pin(async move { end(server.sweep.sweep(1, false).await) }),
        }
    }
}

fn end<T, E>(answer: Result<T, E>) -> Outcome {
    answer.map_or(Outcome::Failed, |_| Outcome::Done)
}

/// A server: what `call-server` wires together.
struct Server {
    switchboard: Switchboard,
    outbox: Outbox,
    sweep: Sweep,
}

impl Server {
    fn on(stage: &Stage) -> Self {
        let all = Arc::new(stage.clone());
        let keep_parked = Duration::from_secs(3600);
        let switchboard =
            Switchboard::new(all.clone(), all.clone(), all.clone(), all.clone(), Lookup::default(), keep_parked);
        let providers: BTreeMap<ProviderName, Arc<dyn Provider>> = [(LINE, all.clone() as Arc<dyn Provider>)].into();
        let outbox =
            Outbox::new(all.clone(), all.clone(), all.clone(), switchboard.clone(), providers, all.clone(), STEP);
        let sweep = Sweep::new(all.clone(), all, switchboard.clone());
        Self { switchboard, outbox, sweep }
    }

    async fn place(self, wish: u8, subject: bool, dial_limit: u32) -> Outcome {
        let plan = Plan::new(LINE, "us", number(wish));
        let plan = if subject { plan.about("someone") } else { plan };
        // The digest of a wish is its key: see `find_key` on the stage.
        let key = IdempotencyKey { key: number(wish), digest: number(wish) };
        match self.switchboard.place(plan, policy(dial_limit), Some(key)).await {
            Ok(_) => Outcome::Done,
            Err(PlaceError::Store(_)) => Outcome::Failed,
            Err(_) => Outcome::Refused,
        }
    }

    async fn deliver(self, message: &Message) -> Outcome {
        let begins = message.begins;
        let inbound =
            begins.then(|| Inbound { from: "them".to_owned(), to: number(message.line), conduct: Conduct::Asked });
        let address = Address { call: message.call, leg: message.leg(), begins };
        let received = Received { address, signals: vec![message.signal()], question: None, inbound };
        match self.switchboard.deliver(&received).await {
            Ok(Delivered::To(_) | Delivered::Parked) => Outcome::Done,
            Err(_) => Outcome::Failed,
        }
    }

    async fn act(self) -> Outcome {
        match self.outbox.claim(Lane::Acts, 1).await.as_deref() {
            Ok([job]) => end(self.outbox.perform(job).await),
            answer => end(answer),
        }
    }

    async fn publish(self) -> Outcome {
        match self.outbox.claim(Lane::News, 1).await {
            Ok(news) => end(self.outbox.publish(&news).await),
            Err(_) => Outcome::Failed,
        }
    }
}
