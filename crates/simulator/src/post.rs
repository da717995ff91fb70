//! Telling the world: messages about a call, in order and once, unless a fault strikes.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use rand::Rng;
use reqwest::RequestBuilder;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::{
    fault::Fault,
    outage::Backlog,
    record::Record,
    truth::{Purpose, Sent},
    world::World,
};

/// How long a message waits for its predecessor to be answered, on the wall clock. Providers wait not at all; this much
/// keeps a healthy receiver's view in order without letting a slow one hold everything up.
const ORDER_PATIENCE: Duration = Duration::from_secs(1);

/// The longest that a reordered message waits for a successor, in phone seconds.
const SWAP_SECONDS: f64 = 10.0;

/// How a provider's messages get out: signed its way, repeated its way.
pub(crate) trait Courier: Send + Sync + 'static {
    /// Sends the message filed at `index`, as often as the provider would.
    fn send(&self, record: &Record, index: usize) -> impl Future<Output = ()> + Send;

    /// The same message with a false claim (the call has ended), signed with a key that is not the account's.
    fn forge(&self) -> Forgery;
}

/// A message that the provider never sent.
pub(crate) struct Forgery {
    pub(crate) request: RequestBuilder,
    pub(crate) params: Vec<(String, String)>,
    pub(crate) json: Option<Value>,
}

/// A message to be sent.
pub(crate) struct Mailing {
    pub(crate) sent: Sent,
    /// The name of the occasion for faults.
    pub(crate) on: &'static str,
    /// Whether it tells that the call has ended.
    pub(crate) is_end: bool,
}

impl World {
    /// Files a message and sends it in the background.
    pub(crate) fn post(self: &Arc<Self>, record: &Arc<Record>, mailing: Mailing, courier: impl Courier) {
        let Mailing { sent, on, is_end } = mailing;
        let url = sent.url.clone();
        let index = record.file(sent);
        let (place, before, mine) = record.mail.post();
        let fate = self.fate(record, index, on, is_end);
        let letter = Letter { url, index, place, before, mine };
        let (world, record) = (Arc::clone(self), Arc::clone(record));
        self.run(async move { world.deliver(&record, letter, fate, &courier).await });
    }

    fn fate(&self, record: &Record, index: usize, on: &str, is_end: bool) -> Fate {
        let strikes = |fault| {
            let struck = self.faults.strikes(fault, record.occasion(on));
            if struck {
                record.mark(index, fault);
            }
            struck
        };
        let forged = strikes(Fault::CallbackForged);
        let garbage = strikes(Fault::CallbackGarbage);
        let outage = self.outage.now().map(|outage| outage.callbacks);
        let way = if outage == Some(Backlog::Lost) {
            record.mark(index, Fault::Outage);
            Way::Lost
        } else if outage == Some(Backlog::Late) {
            record.mark(index, Fault::Outage);
            Way::AfterOutage
        } else if strikes(Fault::CallbackLost) || (is_end && strikes(Fault::EndNeverSent)) {
            Way::Lost
        } else if strikes(Fault::CallbackLate) {
            let to = record.look(|record| record.to.clone());
            let mut draw = self.dice.about(&["late", &to, on]);
            Way::Late(draw.random_range(1.0..30.0))
        } else if strikes(Fault::CallbackReordered) {
            Way::Swapped
        } else if strikes(Fault::CallbackDoubled) {
            Way::Twice
        } else {
            Way::Straight
        };
        Fate { forged, garbage, way }
    }

    async fn deliver(&self, record: &Record, letter: Letter, fate: Fate, courier: &impl Courier) {
        if fate.garbage {
            self.litter(record, &letter.url).await;
        }
        if fate.forged {
            self.impostor(record, &letter.url, courier.forge()).await;
        }
        let send = || courier.send(record, letter.index);
        match fate.way {
            Way::Straight | Way::Twice => {
                if let Some(before) = &letter.before {
                    let _ = tokio::time::timeout(ORDER_PATIENCE, before.cancelled()).await;
                }
                send().await;
                if fate.way == Way::Twice {
                    send().await;
                }
            }
            Way::Lost => {
                letter.mine.cancel();
                return;
            }
            Way::Late(seconds) => {
                letter.mine.cancel();
                self.suffer(seconds).await;
                send().await;
            }
            Way::AfterOutage => {
                letter.mine.cancel();
                self.outage.over().await;
                send().await;
            }
            Way::Swapped => {
                letter.mine.cancel();
                let mut delivered = record.mail.delivered.subscribe();
                tokio::select! {
                    _ = delivered.wait_for(|upto| *upto > letter.place + 1) => {}
                    () = self.suffer(SWAP_SECONDS) => {}
                }
                send().await;
            }
        }
        letter.mine.cancel();
        record.mail.delivered.send_modify(|upto| *upto = (*upto).max(letter.place + 1));
    }

    /// Something that is no message, at the message's address.
    async fn litter(&self, record: &Record, url: &str) {
        let body = "{\"CallSid\": [\u{0}, \"%%%\"";
        let request = self.http.post(url).header("Content-Type", "application/json").body(body);
        self.impostor(record, url, Forgery { request, params: Vec::new(), json: None }).await;
    }

    /// Sends what the provider never sent.
    pub(crate) async fn impostor(&self, record: &Record, url: &str, forgery: Forgery) {
        let at = Timestamp::now();
        let outcome = forgery.request.timeout(self.config.answer_timeout).send().await;
        let (answer, error) = match outcome {
            Ok(response) => (Some(response.status().as_u16()), None),
            Err(error) => (None, Some(error.to_string())),
        };
        let took_ms = at.duration_until(Timestamp::now()).as_millis().max(0) as u64;
        record.file(Sent {
            event_at: at,
            params: forgery.params,
            json: forgery.json,
            attempts: vec![crate::truth::Attempt { at, took_ms, answer, error }],
            ..Sent::new(Purpose::Forgery, "POST", url)
        });
    }
}

/// A message on its way.
struct Letter {
    url: String,
    index: usize,
    place: u64,
    before: Option<CancellationToken>,
    mine: CancellationToken,
}

/// What becomes of it.
struct Fate {
    forged: bool,
    garbage: bool,
    way: Way,
}

#[derive(PartialEq)]
enum Way {
    Straight,
    Twice,
    Lost,
    Late(f64),
    AfterOutage,
    Swapped,
}
