//! Everything that a call may ask of a provider, by name.

use std::num::NonZeroU8;
use std::time::Duration;

use call_core::port::Provider as _;
use call_core::{Call, Command, Conduct, Effect, Gather, Key, Leg, Plan, Script};

use crate::{Adapter, Stage, tell};

/// A call, and what it asks for.
#[derive(Debug, Clone)]
pub struct Act {
    /// What it is called in [`Adapter::CANNOT`] and on the page of providers.
    pub name: &'static str,
    /// The call that asks.
    pub call: Call,
    /// What for.
    pub effect: Effect,
}

/// The stage of an adapter.
///
/// # Panics
/// If the adapter does not admit its own script.
#[must_use]
pub fn stage<A: Adapter>() -> Stage {
    let provider = A::provider("http://127.0.0.1:9");
    let mut stage = Stage { provider: A::NAME, leg: A::LEGS[0], conduct: Conduct::Asked };
    let admitted = provider.admit(&stage.plan(A::script()));
    stage.conduct = admitted.expect("an adapter admits its own script");
    stage
}

/// The scripts that a call may have.
#[must_use]
pub fn scripts() -> [(&'static str, Script); 7] {
    let connect = |to: &str| Script::Connect { to: to.to_owned(), caller_id: Some("+15550000009".to_owned()) };
    [
        ("say", Script::Say { text: "Fish & chips <now>".to_owned() }),
        ("converse", Script::Converse { greeting: "Hello!".to_owned() }),
        ("connect to a number", connect("+15550000003")),
        ("connect to a SIP address", connect("sip:desk@example.com")),
        ("connect to a client", connect("client:ann")),
        ("stream", Script::Stream),
        ("agent", Script::Agent { id: Some("agent_0123456789abcdef".to_owned()) }),
    ]
}

/// Everything that a call with a script of the adapter's own may ask for.
#[must_use]
pub fn acts<A: Adapter>() -> Vec<Act> {
    let stage = stage::<A>();
    let plain = || stage.plan(A::script());
    let speak = |operation: &str| Effect::Speak { operation: operation.to_owned(), text: "One & <two>".to_owned() };
    let sound = "https://example.com/hold.mp3?by=Tom&Jerry";
    let play = |operation: &str| Effect::Play { operation: operation.to_owned(), url: sound.to_owned() };
    let transfer = |to: &str| Effect::Transfer { to: to.to_owned() };
    let streaming = {
        let mut call = stage.live(plain());
        tell(&mut call, Command::OpenStream);
        call
    };
    let gather = |name, keys: Gather| {
        let mut call = stage.live(plain());
        tell(&mut call, Command::Gather(keys.clone()));
        Act { name, call, effect: Effect::Gather(keys) }
    };
    let other = Leg::new(A::NAME, A::LEGS[1]);
    let act = |name, call, effect| Act { name, call, effect };
    vec![
        act("dial", stage.dialing(plain()), Effect::Dial),
        act("dial, ring for some time", stage.dialing(Plan { ring_for: Some(RING_FOR), ..plain() }), Effect::Dial),
        act("dial, record", stage.dialing(Plan { record: true, ..plain() }), Effect::Dial),
        act("dial, detect machines", stage.dialing(Plan { detect_machine: true, ..plain() }), Effect::Dial),
        act("answer", stage.inbound(plain()), Effect::Answer),
        act("hang up", stage.live(plain()), Effect::Hangup { leg: stage.leg() }),
        act("ask by the provider's name", stage.live(plain()), Effect::Reconcile),
        act("ask by our name", stage.dialing(plain()), Effect::Reconcile),
        act("speak", stage.talking(plain(), &["a"]), speak("a")),
        act("speak in place of other words", stage.talking(plain(), &["a", "b"]), speak("b")),
        act("play a sound", stage.talking(plain(), &["a"]), play("a")),
        act("play in place of words", stage.talking(plain(), &["a", "b"]), play("b")),
        act("hush", stage.talking(plain(), &["a"]), Effect::Hush),
        gather("gather keys", keys(4, Some(Key::HASH))),
        gather("gather many keys", keys(u8::MAX, None)),
        gather("gather keys, asking for them", Gather { prompt: "One & <two>".to_owned(), ..keys(1, None) }),
        act("open the stream", streaming.clone(), Effect::OpenStream),
        act("close the stream", streaming, Effect::CloseStream),
        act("transfer to a number", stage.live(plain()), transfer("+15550000004")),
        act("transfer to a SIP address", stage.live(plain()), transfer("sip:desk@example.com")),
        act("transfer to a client", stage.live(plain()), transfer("client:ann")),
        act("bridge", stage.live(plain()), Effect::Bridge { leg: other }),
        act("start to record", stage.live(plain()), Effect::StartRecording),
        act("stop to record", stage.live(plain()), Effect::StopRecording),
    ]
}

fn keys(most: u8, until: Option<Key>) -> Gather {
    let (most, pause) = (NonZeroU8::new(most).expect("at least one"), Duration::from_secs(5));
    Gather { operation: "pin".to_owned(), prompt: String::new(), most, until, pause }
}

const RING_FOR: Duration = Duration::from_millis(24_500);
