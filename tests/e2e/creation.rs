//! Creating calls: idempotency keys, tokens, and wishes that are refused.

use futures::future::join_all;
use serde_json::json;
use tests::{Town, Wish};

use crate::{CAST, SOON, STAYS};

#[tokio::test]
pub(crate) async fn creation_with_the_same_key_gives_the_same_call() {
    let town = Town::new("idempotency").await;
    let wish = Wish::to(CAST[0]).about("user-1");
    // A client that is impatient: eight times the same request at once.
    let answers = join_all((0..8).map(|_| town.api.try_place(&wish, Some("order-17")))).await;
    let answers: Vec<_> = answers.into_iter().map(Result::unwrap).collect();
    let id = answers[0].body["id"].as_str().unwrap().to_owned();
    assert!(answers.iter().all(|answer| answer.body["id"] == json!(id)), "{answers:#?}");
    let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 200, 200, 200, 200, 200, 201], "one creation, seven repetitions");
    town.acknowledge(&id);

    let other = town.api.try_place(&Wish::to(CAST[1]), Some("order-17")).await.unwrap();
    assert_eq!(other.status, 422, "another wish under the same key: {:#}", other.body);
    assert!(other.body.to_string().contains(&id), "it names the call that the key made: {:#}", other.body);

    town.api.until_ended(&id, SOON).await;
    let late = town.api.try_place(&wish, Some("order-17")).await.unwrap();
    assert_eq!((late.status, &late.body["id"]), (200, &json!(id)), "long after, still the same call");
    let (ledger, truth) = town.close().await;
    assert_eq!((ledger.lives.len(), truth.len()), (1, 1));
}

#[tokio::test]
pub(crate) async fn a_racing_subject_gets_one_call() {
    let town = Town::new("racing-subject").await;
    let wish = Wish::to(STAYS).about("user-1");
    let answers = join_all((0..8).map(|_| town.api.try_place(&wish, None))).await;
    let answers: Vec<_> = answers.into_iter().map(Result::unwrap).collect();
    let made: Vec<_> = answers.iter().filter(|answer| answer.status == 201).collect();
    assert_eq!(made.len(), 1, "{answers:#?}");
    let id = made[0].body["id"].as_str().unwrap();
    town.acknowledge(id);
    for refused in answers.iter().filter(|answer| answer.status != 201) {
        assert_eq!((refused.status, &refused.body["open_call"]), (409, &json!(id)));
    }
    town.api.until_phase(id, &["live"], SOON).await;
    assert_eq!(town.api.hang_up(id).await.status, 202);
    let again = town.api.hang_up(id).await;
    assert_eq!(again.status, 409, "the first wish wins: {:#}", again.body);
    let (_, truth) = town.close().await;
    assert_eq!(truth.len(), 1);
}

#[tokio::test]
async fn a_wish_that_cannot_be_granted_is_refused_and_leaves_nothing() {
    let town = Town::new("bad-wishes").await;
    let url = format!("{}/v1/calls", town.api.base());
    let bare = town.http.post(&url).json(&Wish::to(CAST[0])).send().await.unwrap();
    assert_eq!(bare.status(), 401, "no token");
    let wrong = town.http.post(&url).bearer_auth("wrong").json(&Wish::to(CAST[0])).send().await.unwrap();
    assert_eq!(wrong.status(), 401, "a wrong token");
    for wish in [
        Wish::to("0155 0100"),
        Wish::to(CAST[0]).about("  "),
        Wish::to(CAST[0]).doing(json!({ "do": "dance" })),
        Wish::to(CAST[0]).doing(json!({ "do": "connect", "to": "nobody" })),
    ] {
        let refused = town.api.try_place(&wish, None).await.unwrap();
        assert_eq!(refused.status, 422, "{wish:?}: {:#}", refused.body);
        assert!(refused.body["detail"].is_string() && refused.body["remedy"].is_string(), "{:#}", refused.body);
    }
    assert_eq!(town.api.get("/v1/calls/01a2b3c4-0000-7000-8000-000000000000").await.status, 404);
    assert_eq!(town.api.get("/v1/calls/seventeen").await.status, 400);
    let (ledger, truth) = town.close().await;
    assert_eq!((ledger.lives.len(), truth.len()), (0, 0));
}
