//! Obeying TwiML on an answered leg.

use std::sync::Arc;

use super::{
    Face,
    call::{Call, RecordPlan},
    hook::Hook,
    twiml::{self, Callback, Gather, Record, Verb},
};
use crate::truth::Purpose;

/// Where instructions come from.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    /// The text itself (`Twiml=`).
    Inline(String),
    /// A request, with parameters beyond those of every request.
    Fetch(Hook, Vec<(String, String)>),
    /// Already loaded.
    Ready(Script),
    /// Loading failed: the caller hears an error message.
    Nothing,
}

impl Source {
    /// The same, sending one more parameter if anything is sent.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        if let Self::Fetch(_, extra) = &mut self {
            extra.push((name.to_owned(), value.to_owned()));
        }
        self
    }
}

/// A document and the address that relative ones in it start from.
#[derive(Debug, Clone)]
pub(crate) struct Script {
    pub(crate) verbs: Vec<Verb>,
    pub(crate) base: Option<String>,
}

/// Why obeying stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The last verb is done.
    RanOut,
    /// A verb ended the call, or the person left.
    HungUp,
}

enum Next {
    Verb,
    Goto(Source),
    End,
}

/// An answered leg.
#[derive(Clone, Copy)]
pub(crate) struct Leg<'a> {
    pub(crate) face: &'a Arc<Face>,
    pub(crate) call: &'a Arc<Call>,
}

/// Phone seconds of "we're sorry, an application error has occurred".
const APOLOGY_SECONDS: f64 = 3.0;
/// Phone seconds before a person answers a prompt.
const REACTION_SECONDS: f64 = 1.5;
/// Phone seconds that a person speaks after a beep.
const MESSAGE_SECONDS: f64 = 5.0;

impl Leg<'_> {
    /// Runs documents until one runs out or hangs up. Dropping the future interrupts whatever runs, cleanly.
    pub(crate) async fn obey(self, first: Source) -> Ending {
        let mut source = first;
        loop {
            let Some(script) = self.load(source).await else {
                self.pause(APOLOGY_SECONDS).await;
                return Ending::HungUp;
            };
            match self.run(&script).await {
                Next::Goto(other) => source = other,
                Next::Verb => return Ending::RanOut,
                Next::End => return Ending::HungUp,
            }
        }
    }

    /// Loads a document, from the fallback address if the first fails. The debugger learns why.
    pub(crate) async fn load(self, source: Source) -> Option<Script> {
        let (hook, extra) = match source {
            Source::Nothing => return None,
            Source::Ready(script) => return Some(script),
            Source::Inline(text) => return self.read(&text, None).ok(),
            Source::Fetch(hook, extra) => (hook, extra),
        };
        let code = match self.fetch(Purpose::Instructions, &hook, extra).await {
            Ok(script) => return Some(script),
            Err(code) => code,
        };
        let fallback = self.call.plan.fallback.clone()?;
        let extra = vec![("ErrorCode".into(), code.to_string()), ("ErrorUrl".into(), hook.url)];
        self.fetch(Purpose::Fallback, &fallback, extra).await.ok()
    }

    async fn fetch(self, purpose: Purpose, hook: &Hook, extra: Vec<(String, String)>) -> Result<Script, u32> {
        let Self { face, call } = self;
        face.world.outage.over().await;
        let mut params = call.params(&face.world.config.account_sid);
        params.extend(extra);
        let Some(answer) = face.ask(call, purpose, hook, params).await else {
            call.warn(11200, "HTTP retrieval failure: no answer", &hook.url);
            return Err(11200);
        };
        if !(200..300).contains(&answer.status) {
            call.warn(11200, format!("HTTP retrieval failure: status {}", answer.status), &hook.url);
            return Err(11200);
        }
        let kind = answer.content_type.split(';').next().unwrap_or_default().trim();
        // "Nothing to say" needs no type: 204 and empty bodies are common answers to `action`.
        if answer.body.is_empty() && answer.status == 204 {
            return Ok(Script { verbs: Vec::new(), base: Some(hook.url.clone()) });
        }
        if !matches!(kind, "text/xml" | "application/xml") {
            call.warn(12300, format!("invalid content type {kind:?}"), &hook.url);
            return Err(12300);
        }
        self.read(&answer.body, Some(&hook.url))
    }

    fn read(self, text: &str, base: Option<&str>) -> Result<Script, u32> {
        let url = base.unwrap_or_default();
        let document = twiml::read(text).map_err(|unreadable| {
            self.call.warn(unreadable.code, unreadable.text, url);
            unreadable.code
        })?;
        for warning in document.warnings {
            self.call.warn(12200, warning, url);
        }
        Ok(Script { verbs: document.verbs, base: base.map(str::to_owned) })
    }

    async fn run(self, script: &Script) -> Next {
        for verb in &script.verbs {
            match self.perform(verb, script).await {
                Next::Verb => {}
                next @ (Next::Goto(_) | Next::End) => return next,
            }
        }
        Next::Verb
    }

    async fn perform(self, verb: &Verb, script: &Script) -> Next {
        match verb {
            Verb::Sound { seconds } => {
                self.pause(*seconds).await;
                Next::Verb
            }
            Verb::Gather(gather) => self.gather(gather, script).await,
            Verb::Record(record) => self.record(record, script).await,
            Verb::Dial(dial) => self.dial(dial, script).await,
            Verb::Hangup | Verb::Reject { .. } => Next::End,
            Verb::Redirect { url, method } => self.go(script, Some(url), method.as_deref(), Vec::new()),
            Verb::Connect { stream, action, method } => {
                self.connect(stream.as_ref(), script).await;
                match action {
                    Some(action) => self.go(script, Some(action), method.as_deref(), Vec::new()),
                    None => Next::Verb,
                }
            }
            Verb::Start { stream } => {
                if let Some(running) = self.face.start_stream(self.call, stream, script.base.as_deref()) {
                    // It runs beside the document and stops with the call.
                    running.detach();
                }
                Next::Verb
            }
            Verb::Stop { name } => {
                self.face.stop_stream(self.call, name);
                Next::Verb
            }
            Verb::Unknown(_) => Next::Verb,
        }
    }

    /// A bidirectional stream holds the document until its socket closes; with nobody at the socket yet, that is when
    /// something else ends it.
    async fn connect(self, stream: Option<&twiml::Stream>, script: &Script) {
        let running = match stream {
            Some(stream) => match self.face.start_stream(self.call, stream, script.base.as_deref()) {
                Some(running) => Some(running),
                None => return,
            },
            // ConversationRelay and its like: the same wait, nothing to tell.
            None => None,
        };
        std::future::pending::<()>().await;
        drop(running);
    }

    async fn gather(self, gather: &Gather, script: &Script) -> Next {
        self.pause(gather.prompt).await;
        let person = self.call.person();
        let mut input: Vec<(String, String)> = Vec::new();
        if let Some(digits) = person.digits.filter(|_| gather.dtmf) {
            let most = gather.num_digits.unwrap_or(usize::MAX);
            let pressed: String = digits.chars().take_while(|key| Some(*key) != gather.finish_on).take(most).collect();
            let last = digits.chars().nth(pressed.chars().count()).filter(|_| pressed.chars().count() < most);
            if last.is_none() && pressed.chars().count() < most {
                // Is there another key?
                self.pause(gather.timeout).await;
            }
            input.push(("Digits".into(), pressed));
            input.push(("FinishedOnKey".into(), last.map(String::from).unwrap_or_default()));
        } else if let Some(speech) = person.speech.filter(|_| gather.speech) {
            input.push(("SpeechResult".into(), speech));
            input.push(("Confidence".into(), "0.92".into()));
        }
        if input.is_empty() {
            self.pause(gather.timeout).await;
            if !gather.action_on_empty {
                return Next::Verb;
            }
            input.push(("Digits".into(), String::new()));
        } else {
            self.pause(REACTION_SECONDS).await;
        }
        self.go(script, gather.action.as_deref(), gather.method.as_deref(), input)
    }

    async fn record(self, record: &Record, script: &Script) -> Next {
        let callback = record.callback.as_ref();
        let hook = callback
            .and_then(|Callback { url, method, .. }| Hook::within(script.base.as_deref(), url, method.as_deref()));
        let plan = RecordPlan::simple(hook, callback.and_then(|callback| callback.events.as_deref()));
        let sid = self.face.begin_recording(self.call, "RecordVerb", &plan).sid;
        let facts = |face: &Face| {
            let duration = face.change_recording(&sid, |recording| recording.duration).flatten();
            vec![
                ("RecordingUrl".to_owned(), face.recording_url(&sid)),
                ("RecordingSid".to_owned(), sid.clone()),
                ("RecordingDuration".to_owned(), duration.unwrap_or(0).to_string()),
            ]
        };
        let interrupted = OnDrop::new(|| {
            self.face.end_recording(self.call, &sid);
            let mut facts = facts(self.face);
            facts.push(("Digits".into(), "hangup".into()));
            self.ask_and_ignore(self.go(script, record.action.as_deref(), record.method.as_deref(), facts));
        });
        self.pause(record.max_length.min(MESSAGE_SECONDS)).await;
        interrupted.disarm();
        self.face.end_recording(self.call, &sid);
        self.go(script, record.action.as_deref(), record.method.as_deref(), facts(self.face))
    }

    /// On to another document; no address means the current one.
    pub(super) fn continue_at(
        self,
        script: &Script,
        url: Option<&str>,
        method: Option<&str>,
        extra: Vec<(String, String)>,
    ) -> Option<Source> {
        let base = script.base.as_deref();
        let hook = match url.or(base) {
            Some(url) => Hook::within(base, url, method),
            None => None,
        };
        if hook.is_none() {
            self.call.warn(11100, "invalid URL format", url.unwrap_or_default());
        }
        hook.map(|hook| Source::Fetch(hook, extra))
    }

    fn go(self, script: &Script, url: Option<&str>, method: Option<&str>, extra: Vec<(String, String)>) -> Next {
        Next::Goto(self.continue_at(script, url, method, extra).unwrap_or(Source::Nothing))
    }

    /// A verb that was interrupted still reports to its `action`; the answer no longer matters.
    fn ask_and_ignore(self, next: Next) {
        let Next::Goto(Source::Fetch(hook, extra)) = next else { return };
        self.report_to(hook, extra);
    }

    pub(super) fn report_to(self, hook: Hook, extra: Vec<(String, String)>) {
        if self.face.world.is_stopping() {
            return;
        }
        let (face, call) = (Arc::clone(self.face), Arc::clone(self.call));
        self.face.world.run(async move {
            let mut params = call.params(&face.world.config.account_sid);
            params.extend(extra);
            face.ask(&call, Purpose::Instructions, &hook, params).await;
        });
    }

    pub(super) async fn pause(self, seconds: f64) {
        self.face.world.scale.sleep(seconds).await;
    }

    async fn dial(self, dial: &twiml::Dial, script: &Script) -> Next {
        match super::dial::dial(self, dial, script).await {
            Some(result) => match &dial.action {
                Some(action) => self.go(script, Some(action), dial.method.as_deref(), result),
                None => Next::Verb,
            },
            None => Next::End,
        }
    }
}

/// Runs when a future is dropped in the middle of a verb.
pub(super) struct OnDrop<F: FnMut()>(Option<F>);

impl<F: FnMut()> OnDrop<F> {
    pub(super) fn new(run: F) -> Self {
        Self(Some(run))
    }

    pub(super) fn disarm(mut self) {
        self.0 = None;
    }
}

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        if let Some(run) = &mut self.0 {
            run();
        }
    }
}
