//! A server dies with work in hand: another one does it within ten seconds, with the lease that is the default.

use std::time::Duration;

use call_core::{DialAnswer, Disposition, Fact, Input, Timestamp};
use serde_json::json;
use simulator::{Fault, RestRequest, Rule};
use tests::{On, Town, Wish, until};

use crate::{CAST, SOON, STAYS};

/// What an operator is promised.
const PROMISE: Duration = Duration::from_secs(10);

#[tokio::test]
async fn on_postgres_another_server_takes_over_what_a_dead_one_had_in_hand() {
    take_over(On::Postgres).await;
}

#[tokio::test]
async fn on_mongo_another_server_takes_over_what_a_dead_one_had_in_hand() {
    take_over(On::Mongo).await;
}

async fn take_over(on: On) {
    if on.is_skipped() {
        return;
    }
    // The provider does not answer, and no deadline of a call comes before the lease: only the outbox can go on.
    let town = Town::named("takeover").on(on).servers(2).hold(60.0).set("twilio.timeout", "'60s'");
    let town = town.set("outbox.lease", "'8s'").set("outbox.poll", "'250ms'").set("policy.confirm_limit", "'20s'");
    let town = town.set("policy.dial_answer", "'20s'").set("policy.dial_limit", "'20s'");
    let town = town.build_without_servers().await;
    let [first, second] = &town.servers[..] else { panic!("two servers were asked for") };
    first.start().await;

    let live = town.place(&Wish::to(STAYS).doing(json!({ "do": "stream" }))).await;
    first.api.until_phase(&live, &["live"], SOON).await;
    town.network.inject(Rule::new(Fault::TimeoutBefore).on("update").times(1)).await;
    town.network.inject(Rule::new(Fault::TimeoutAfter).on("create").number(CAST[0]).times(1)).await;
    // The word of the network would tell how the dial went; the taker is to find out by itself.
    town.network.inject(Rule::new(Fault::CallbackLost).number(CAST[0])).await;
    let dialled = town.place(&Wish::to(CAST[0])).await;
    assert!(first.api.hang_up(&live).await.status < 300);
    let held = async || {
        let requests = town.network.requests().await;
        requests.into_iter().filter(|request| request.fault.is_some()).collect::<Vec<RestRequest>>()
    };
    until("both requests hang at the provider", SOON, held, |held| held.len() == 2).await;

    second.start().await;
    let killed = Timestamp::from_millis(jiff::Timestamp::now().as_millisecond());
    first.kill_nine().await;
    second.api.until_ended(&live, PROMISE + Duration::from_secs(2)).await;
    let hangups = async || {
        let requests = town.network.requests().await;
        let live =
            requests.into_iter().filter(|request| request.method == "POST" && request.path.contains("/Calls/CA"));
        live.map(|request| Timestamp::from_millis(request.at.as_millisecond())).collect::<Vec<_>>()
    };
    let hangups = hangups().await;
    assert_eq!(hangups.len(), 2, "asked once by each server");
    let hangup = hangups[1] - killed;

    second.api.until_ended(&dialled, Duration::from_secs(40)).await;
    let (ledger, truth) = town.close().await;
    let is_unknown = |input: &Input| match input {
        Input::Signal(signal) => matches!(&signal.fact, Fact::Dialed(DialAnswer::Unknown { .. })),
        Input::Command(_) | Input::Tick => false,
    };
    let taken = ledger.life(&dialled).journal.iter().find(|entry| is_unknown(&entry.input));
    let dial = taken.expect("the dial is taken over as one of unknown outcome").at - killed;
    println!("{on:?}: after a kill, another server hung up after {hangup:?} and took the dial over after {dial:?}");
    assert!(hangup <= PROMISE && dial <= PROMISE, "hang-up after {hangup:?}, dial after {dial:?}");
    assert_eq!(ledger.life(&live).disposition(), Disposition::Completed);
    assert_eq!(truth.iter().filter(|record| record.to == CAST[0]).count(), 1, "and it was not dialled again");
}
