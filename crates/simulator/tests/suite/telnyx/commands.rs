//! What commands do to a call that lives, and to one that does not.

use std::time::Duration;

use serde_json::{Value, json};
use simulator::{Config, Person, Status};

use super::bench::{Bench, path};
use crate::backend::{PHONE, quick};

/// A call that is answered, with a person who stays.
async fn talking(person: Person) -> (Bench, String) {
    let bench = Bench::new().await;
    bench.network.set_person(PHONE, person);
    let id = bench.talk(&json!({})).await;
    bench.heard("call.answered").await;
    (bench, id)
}

fn code((status, body): &(u16, Value)) -> (u16, &str) {
    (*status, body["errors"][0]["code"].as_str().unwrap_or_default())
}

#[tokio::test]
async fn hanging_up_ends_the_call_and_is_not_possible_twice() {
    let (bench, id) = talking(Person::talks(3600.0)).await;
    bench.command(&id, "hangup", &json!({})).await;
    assert_eq!(bench.network.call(&id).unwrap().status, Status::Completed);
    for action in ["hangup", "answer", "streaming_start", "client_state_update"] {
        let answer = bench.act(&id, action, &json!({ "client_state": "eA==", "stream_url": "wss://a.example" })).await;
        assert_eq!(code(&answer), (422, "90018"), "{action}");
    }
    let hangup = bench.heard("call.hangup").await;
    assert_eq!((&hangup["hangup_cause"], &hangup["hangup_source"]), (&json!("normal_clearing"), &json!("caller")));
    let wishes: Vec<_> = bench.network.call(&id).unwrap().hangups;
    assert_eq!(wishes.iter().map(|wish| wish.found).collect::<Vec<_>>(), [Status::InProgress]);
}

#[tokio::test]
async fn a_call_that_rings_can_be_cancelled_and_takes_no_words() {
    let bench = Bench::new().await;
    bench.network.set_person(PHONE, Person::no_answer());
    let id = bench.call(&json!({ "timeout_secs": 600 })).await;
    bench.until(&id, |record| record.rang_at.is_some()).await;
    let words = json!({ "payload": "hello", "voice": "Telnyx.NaturalHD.astra" });
    assert_eq!(code(&bench.act(&id, "speak", &words).await), (422, "90034"));
    let record = json!({ "format": "mp3", "channels": "single" });
    assert_eq!(code(&bench.act(&id, "record_start", &record).await), (422, "90020"));
    bench.command(&id, "hangup", &json!({})).await;
    assert_eq!(bench.network.call(&id).unwrap().status, Status::Canceled);
    assert_eq!(bench.heard("call.hangup").await["hangup_cause"], "originator_cancel");
}

#[tokio::test]
async fn words_take_their_time_and_follow_each_other() {
    let (bench, id) = talking(Person::talks(3600.0)).await;
    let said = |payload: &str, state: &str| json!({ "payload": payload, "voice": "male", "client_state": state });
    let begun = tokio::time::Instant::now();
    bench.command(&id, "speak", &said(&"word ".repeat(20), "b25l")).await;
    bench
        .command(&id, "playback_start", &json!({ "audio_url": "https://a.example/x.mp3", "client_state": "dHdv" }))
        .await;
    let ended = bench.heard("call.playback.ended").await;
    // Seven and a half phone seconds of words and five of music.
    assert!(begun.elapsed() >= Duration::from_secs_f64(12.5 / 200.0), "{:?}", begun.elapsed());
    assert_eq!((&ended["status"], &ended["media_url"]), (&json!("completed"), &json!("https://a.example/x.mp3")));
    assert_eq!(
        bench.events()[2..],
        ["call.speak.started", "call.speak.ended", "call.playback.started", "call.playback.ended"]
    );
    assert_eq!(bench.told("call.speak.ended")[0]["status"], "completed");
    // The last state written goes with every later event, whoever it was meant for.
    assert_eq!(bench.told("call.speak.ended")[0]["client_state"], "dHdv");
    assert!(ended.get("from").is_none(), "events of sounds do not repeat the parties: {ended}");
}

#[tokio::test]
async fn sounds_can_be_stopped_and_end_with_the_call() {
    let (bench, id) = talking(Person::talks(3600.0)).await;
    let long = json!({ "payload": "a ".repeat(1000), "voice": "male" });
    bench.command(&id, "speak", &long).await;
    bench.heard("call.speak.started").await;
    bench.command(&id, "playback_stop", &json!({})).await;
    assert_eq!(bench.heard("call.speak.ended").await["status"], "cancelled");
    bench.command(&id, "playback_start", &json!({ "media_name": "music", "loop": "infinity" })).await;
    bench.heard("call.playback.started").await;
    bench.command(&id, "hangup", &json!({})).await;
    let ended = bench.heard("call.playback.ended").await;
    assert_eq!((&ended["status"], &ended["media_name"]), (&json!("call_hangup"), &json!("music")));
    bench.settle().await;
    let events = bench.events();
    assert_eq!(events[events.len() - 2..], ["call.playback.ended", "call.hangup"]);
}

#[tokio::test]
async fn people_press_keys_when_asked() {
    let (bench, id) = talking(Person::talks(3600.0).pressing("12#9")).await;
    bench.command(&id, "gather", &json!({ "maximum_digits": 5 })).await;
    let ended = bench.heard("call.gather.ended").await;
    assert_eq!((&ended["digits"], &ended["status"]), (&json!("12"), &json!("valid")));
    let keys: Vec<Value> = bench.told("call.dtmf.received").iter().map(|key| key["digit"].clone()).collect();
    assert_eq!(keys, ["1", "2", "#"]);
    let asked = json!({ "payload": "your number please", "voice": "male", "valid_digits": "345", "maximum_digits": 1 });
    bench.command(&id, "gather_using_speak", &asked).await;
    bench.until(&id, |_| bench.told("call.gather.ended").len() == 2).await;
    let ended = bench.heard("call.gather.ended").await;
    assert_eq!((&ended["digits"], &ended["status"]), (&json!("1"), &json!("invalid")));
}

#[tokio::test]
async fn people_who_press_nothing_are_waited_for() {
    let (bench, id) = talking(Person::talks(3600.0)).await;
    bench
        .command(&id, "gather_using_audio", &json!({ "audio_url": "https://a.example/x.mp3", "timeout_millis": 2000 }))
        .await;
    let ended = bench.heard("call.gather.ended").await;
    assert_eq!((&ended["digits"], &ended["status"]), (&json!(""), &json!("timeout")));
    bench.command(&id, "gather", &json!({ "timeout_millis": 600_000, "initial_timeout_millis": 600_000 })).await;
    bench.command(&id, "gather_stop", &json!({})).await;
    bench.until(&id, |_| bench.told("call.gather.ended").len() == 2).await;
    assert_eq!(bench.heard("call.gather.ended").await["status"], "cancelled");
}

#[tokio::test]
async fn streams_start_once_and_stop() {
    let (bench, id) = talking(Person::talks(3600.0)).await;
    let stream = json!({ "stream_url": "wss://a.example/media" });
    assert_eq!(code(&bench.act(&id, "streaming_stop", &json!({})).await), (422, "90048"));
    bench.command(&id, "streaming_start", &stream).await;
    assert_eq!(bench.heard("streaming.started").await["stream_url"], "wss://a.example/media");
    assert_eq!(code(&bench.act(&id, "streaming_start", &stream).await), (422, "90045"));
    bench.command(&id, "streaming_stop", &json!({})).await;
    bench.heard("streaming.stopped").await;
    bench.command(&id, "streaming_start", &json!({ "stream_url": "gopher://a.example" })).await;
    assert_eq!(bench.heard("streaming.failed").await["stream_params"]["stream_url"], "gopher://a.example");
}

#[tokio::test]
async fn a_stream_of_the_dial_lives_as_long_as_the_call() {
    let bench = Bench::new().await;
    bench.network.set_person(PHONE, Person::talks(10.0));
    bench.live(&json!({ "stream_url": "wss://a.example/media" })).await;
    assert_eq!(
        bench.events(),
        ["call.initiated", "call.answered", "streaming.started", "streaming.stopped", "call.hangup"]
    );
}

#[tokio::test]
async fn recordings_are_told_of_without_the_control_id() {
    let bench = Bench::new().await;
    bench.network.set_person(PHONE, Person::talks(10.0));
    let (_, answer) = bench.dial(&json!({ "record": "record-from-answer", "record_format": "wav" })).await;
    let id = answer["data"]["recording_id"].as_str().unwrap().to_owned();
    bench.settle().await;
    let saved = bench.heard("call.recording.saved").await;
    assert_eq!(saved.get("call_control_id"), None);
    assert_eq!(saved["call_leg_id"], answer["data"]["call_leg_id"]);
    let url = saved["recording_urls"]["wav"].as_str().unwrap();
    assert!(url.contains(&id));
    let sound = reqwest::get(url).await.unwrap();
    assert_eq!((sound.status().as_u16(), &sound.headers()["content-type"]), (200, &"audio/wav".parse().unwrap()));
    assert!(sound.bytes().await.unwrap().len() > 10 * 8000, "ten seconds at the least");
    assert_eq!(bench.events().last().unwrap(), "call.recording.saved");
}

#[tokio::test]
async fn an_mp3_is_made_of_silent_frames_and_is_gone_after_ten_minutes() {
    let bench = Bench::with(Config { speed: 400.0, ..quick() }, |_| {}).await;
    bench.network.set_person(PHONE, Person::talks(10.0));
    bench.live(&json!({ "record": "record-from-answer" })).await;
    let saved = bench.heard("call.recording.saved").await;
    let url = saved["recording_urls"]["mp3"].as_str().unwrap();
    let sound = reqwest::get(url).await.unwrap().bytes().await.unwrap();
    assert_eq!((sound.len() % 104, &sound[..4]), (0, &[0xff, 0xfb, 0x10, 0xc4][..]));
    assert!(sound.len() / 104 >= 382, "38.28 frames a second: {}", sound.len());
    let deadline = tokio::time::Instant::now() + crate::backend::PATIENCE;
    while reqwest::get(url).await.unwrap().status() == 200 {
        assert!(tokio::time::Instant::now() < deadline, "never gone");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn calls_that_nobody_commands_are_hung_up_where_that_is_switched_on() {
    let bench = Bench::with(Config { speed: 20.0, ..quick() }, |_| {}).await;
    let change = json!({
        "application_name": "impatient",
        "webhook_event_url": format!("{}/app", bench.url),
        "webhook_api_version": "2",
        "first_command_timeout": true,
        "first_command_timeout_secs": 20,
    });
    let place = format!("/call_control_applications/{}", bench.connection);
    assert_eq!(bench.send(reqwest::Method::PATCH, &place, &change).await.0, 200);
    bench.network.set_person(PHONE, Person::talks(3600.0));
    let forgotten = bench.live(&json!({})).await;
    assert_eq!(
        (bench.heard("call.hangup").await["hangup_source"].clone(), forgotten.hangups.len()),
        (json!("caller"), 0)
    );
    bench.network.set_person(PHONE, Person::talks(30.0));
    let id = bench.call(&json!({})).await;
    bench.command(&id, "client_state_update", &json!({ "client_state": "eA==" })).await;
    bench.settle().await;
    assert_eq!(bench.heard("call.hangup").await["hangup_source"], "callee");
}

#[tokio::test]
async fn recordings_start_and_stop_by_command() {
    let (bench, id) = talking(Person::talks(3600.0)).await;
    bench.command(&id, "record_start", &json!({ "format": "mp3", "channels": "single" })).await;
    bench.command(&id, "record_pause", &json!({})).await;
    bench.command(&id, "record_resume", &json!({})).await;
    bench.command(&id, "record_stop", &json!({})).await;
    assert_eq!(bench.heard("call.recording.saved").await["channels"], "single");
    bench.command(&id, "hangup", &json!({})).await;
    bench.settle().await;
    assert_eq!(bench.told("call.recording.saved").len(), 1);
}

#[tokio::test]
async fn what_a_person_says_is_transcribed() {
    let (bench, id) = talking(Person::talks(3600.0).saying("Grüße aus Zürich")).await;
    bench.command(&id, "transcription_start", &json!({})).await;
    let told = bench.heard("call.transcription").await;
    assert_eq!(told["transcription_data"]["transcript"], "Grüße aus Zürich");
}

#[tokio::test]
async fn a_dial_may_ask_for_transcription() {
    let bench = Bench::new().await;
    bench.network.set_person(PHONE, Person::talks(3600.0).saying("Hello?"));
    bench.talk(&json!({ "transcription": true })).await;
    assert_eq!(bench.heard("call.transcription").await["transcription_data"]["transcript"], "Hello?");
}

#[tokio::test]
async fn the_state_on_a_call_can_be_changed_without_an_event() {
    let (bench, id) = talking(Person::talks(3600.0)).await;
    let before = bench.events().len();
    bench.command(&id, "client_state_update", &json!({ "client_state": "bmV3" })).await;
    assert_eq!(bench.get(&path(&id)).await.1["data"]["client_state"], "bmV3");
    assert_eq!(bench.events().len(), before);
    bench.command(&id, "hangup", &json!({})).await;
    assert_eq!(bench.heard("call.hangup").await["client_state"], "bmV3");
}

#[tokio::test]
async fn a_command_id_counts_for_sixty_seconds() {
    // A phone minute is one second.
    let bench = Bench::with(Config { speed: 60.0, ..quick() }, |_| {}).await;
    bench.network.set_person(PHONE, Person::talks(36_000.0));
    let dial = json!({ "command_id": "11111111-2222-4333-8444-555555555555" });
    let first = bench.dial(&dial).await;
    assert_eq!(bench.dial(&dial).await, first, "the repetition changes nothing");
    assert_eq!(bench.network.calls().len(), 1);
    let other = json!({ "command_id": "at once" });
    let (one, two) = tokio::join!(bench.dial(&other), bench.dial(&other));
    assert_eq!((one, bench.network.calls().len()), (two, 2));

    let id = first.1["data"]["call_control_id"].as_str().unwrap();
    bench.until(id, |record| record.answered_at.is_some()).await;
    let words = json!({ "payload": "one", "voice": "male", "command_id": "once" });
    bench.command(id, "speak", &words).await;
    bench.command(id, "speak", &words).await;
    bench.command(id, "speak", &json!({ "payload": "two", "voice": "male", "command_id": "twice" })).await;
    bench.until(id, |_| bench.told("call.speak.ended").len() == 2).await;
    tokio::time::sleep(Duration::from_millis(1050)).await;
    assert_eq!(bench.told("call.speak.ended").len(), 2);
    bench.command(id, "speak", &words).await;
    bench.until(id, |_| bench.told("call.speak.ended").len() == 3).await;
    assert_ne!(bench.dial(&dial).await.1, first.1, "after the window it is a new call");
    assert_eq!(bench.network.calls().len(), 3);
}

#[tokio::test]
async fn a_refused_command_may_be_repeated_under_its_id() {
    let bench = Bench::new().await;
    bench.network.set_person(PHONE, Person::talks(3600.0));
    let id = bench.call(&json!({})).await;
    let words = json!({ "payload": "one", "voice": "male", "command_id": "once" });
    assert_eq!(code(&bench.act(&id, "speak", &words).await), (422, "90034"));
    bench.until(&id, |record| record.answered_at.is_some()).await;
    bench.command(&id, "speak", &words).await;
    bench.heard("call.speak.ended").await;
}
