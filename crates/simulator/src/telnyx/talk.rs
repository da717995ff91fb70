//! What is heard on an answered leg: words and files one after the other, and keys that are asked for.

use std::{collections::VecDeque, sync::Arc};

use serde_json::{Value, json};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};

use super::{
    Face,
    call::Call,
    event::Event,
    gather::{Gather, Gathering},
};

/// Something to be heard.
#[derive(Debug)]
pub(super) enum Cue {
    /// Play it after what plays already.
    Play(Sound),
    /// Stop what plays, and with `all` what waits.
    Stop { all: bool },
    /// Ask for keys.
    Gather(Gather),
    /// Ask no longer.
    GatherStop,
}

/// Words or a file.
#[derive(Debug, Clone)]
pub(super) struct Sound {
    /// `speak` or `playback`.
    pub(super) kind: SoundKind,
    /// Phone seconds.
    pub(super) seconds: f64,
}

#[derive(Debug, Clone)]
pub(super) enum SoundKind {
    /// `speak`.
    Speak,
    /// `playback_start`, with what its events repeat.
    Playback(Value),
}

/// Phone seconds that words take to be said.
pub(super) fn spoken(words: &str) -> f64 {
    0.5 + 0.35 * words.split_whitespace().count() as f64
}

/// Phone seconds that a file takes to be heard.
pub(super) const FILE_SECONDS: f64 = 5.0;

impl SoundKind {
    fn event(&self, spoken: &'static str, played: &'static str) -> Event {
        match self {
            Self::Speak => Event::on_leg(spoken),
            Self::Playback(facts) => {
                let facts = facts.as_object().into_iter().flatten();
                facts.fold(Event::on_leg(played), |event, (name, value)| event.with(name, value.clone()))
            }
        }
    }

    fn started(&self) -> Event {
        self.event("call.speak.started", "call.playback.started")
    }

    fn ended(&self, status: &str) -> Event {
        self.event("call.speak.ended", "call.playback.ended").with("status", status)
    }
}

/// The sounds of one leg.
pub(super) struct Talk {
    face: Arc<Face>,
    call: Arc<Call>,
    playing: Option<(SoundKind, Instant)>,
    waiting: VecDeque<Sound>,
    gathering: Option<Gathering>,
}

impl Talk {
    pub(super) fn new(face: &Arc<Face>, call: &Arc<Call>) -> Self {
        let (face, call) = (Arc::clone(face), Arc::clone(call));
        Self { face, call, playing: None, waiting: VecDeque::new(), gathering: None }
    }

    /// Plays and listens until it is dropped.
    pub(super) async fn run(&mut self, cues: &mut mpsc::UnboundedReceiver<Cue>) {
        loop {
            self.play_next();
            let played = self.playing.as_ref().map(|(_, until)| *until);
            let pressed = self.gathering.as_ref().map(Gathering::next);
            tokio::select! {
                Some(cue) = cues.recv() => self.take(cue),
                () = at(played) => self.finish("completed"),
                () = at(pressed) => self.listen(),
            }
        }
    }

    fn take(&mut self, cue: Cue) {
        match cue {
            Cue::Play(sound) => self.waiting.push_back(sound),
            Cue::Stop { all } => {
                if all {
                    self.waiting.clear();
                }
                self.finish("cancelled");
            }
            Cue::Gather(gather) => {
                self.stop_gathering("cancelled");
                self.gathering = Some(Gathering::new(gather, &self.call, self.face.world.scale));
            }
            Cue::GatherStop => self.stop_gathering("cancelled"),
        }
    }

    fn play_next(&mut self) {
        if self.playing.is_none()
            && let Some(Sound { kind, seconds }) = self.waiting.pop_front()
        {
            self.face.tell(&self.call, kind.started());
            self.playing = Some((kind, Instant::now() + self.face.world.scale.real(seconds)));
        }
    }

    fn finish(&mut self, status: &str) {
        if let Some((kind, _)) = self.playing.take() {
            self.face.tell(&self.call, kind.ended(status));
        }
    }

    /// The person presses a key, or the patience for one is over.
    fn listen(&mut self) {
        let Some(gathering) = &mut self.gathering else { return };
        if let Some(key) = gathering.press() {
            self.face.tell(&self.call, Event::new("call.dtmf.received").with("digit", key.to_string()));
        }
        if let Some(status) = gathering.is_over() {
            self.stop_gathering(status);
        }
    }

    fn stop_gathering(&mut self, status: &str) {
        if let Some(gathering) = self.gathering.take() {
            let digits = json!(gathering.digits());
            self.face.tell(&self.call, Event::new("call.gather.ended").with("digits", digits).with("status", status));
        }
    }

    /// The call is over: what still plays is cut.
    pub(super) fn hang_up(mut self) {
        self.finish("call_hangup");
        self.stop_gathering("call_hangup");
    }
}

async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
