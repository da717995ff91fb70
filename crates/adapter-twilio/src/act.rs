//! An effect, as a request to Twilio. Pure: the client sends what is made here.

use call_core::{Call, CallId, Effect, Fact, Gathered, Leg, Refused, Signal, Speaker, SpeechFact, Turn};

use crate::callback::Callback;
use crate::script::{self, is_over, seconds, time_limit};
use crate::twiml::{Response, Sound};
use crate::{NAME, sid};

/// Twilio's limit for a document in a request (twilio.md §2.2).
const MOST_TWIML: usize = 4000;
/// Twilio's limit for ringing.
const MOST_RING_SECONDS: u64 = 600;

/// A request to Twilio's REST API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// How.
    pub method: Method,
    /// Below the base URL, beginning with `/`.
    pub path: String,
    /// The form of a `POST`, the query of a `GET`.
    pub pairs: Vec<(&'static str, String)>,
}

/// How a [`Request`] is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Changes.
    Post,
}

/// What to do at Twilio.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Make the call.
    Dial(Request),
    /// End a leg.
    Hangup {
        /// Which.
        leg: Leg,
        /// How.
        request: Request,
    },
    /// Change a call that is in progress: give it another document, begin a recording or end it.
    Change {
        /// How.
        request: Request,
        /// What is true once Twilio has taken it.
        done: Vec<Signal>,
        /// What is true if the call is no longer in progress.
        moot: Vec<Signal>,
    },
    /// Read what became of a leg, by its name.
    Fetch(Leg),
    /// Search for the call by ours.
    Find(Request),
    /// There is nothing to do; this is already true.
    Nothing(Vec<Signal>),
    /// It cannot be done.
    Refuse {
        /// Why, for people.
        why: String,
    },
}

/// Makes requests for one account.
#[derive(Debug, Clone)]
pub struct Account {
    sid: String,
    public_url: String,
}

impl Account {
    /// The account `sid`, whose callbacks reach us at `public_url`.
    #[must_use]
    pub fn new(sid: impl Into<String>, public_url: impl Into<String>) -> Self {
        Self { sid: sid.into(), public_url: public_url.into() }
    }

    /// What an effect means at Twilio.
    #[must_use]
    pub fn act(&self, call: &Call, effect: &Effect) -> Act {
        let first = call.legs().first().map(|first| &first.leg);
        match (effect, first) {
            (Effect::Dial, _) => Act::Dial(self.dial(call)),
            (Effect::Hangup { leg }, _) => match self.hangup(leg) {
                Some(request) => Act::Hangup { leg: leg.clone(), request },
                None => Act::Refuse { why: format!("not a Twilio call: {leg}") },
            },
            (Effect::Reconcile, Some(leg)) => Act::Fetch(leg.clone()),
            (Effect::Reconcile, None) => Act::Find(self.find(call)),
            // The media session of an ending call closes with the call.
            (Effect::CloseStream, _) if is_over(call) => Act::Nothing(Vec::new()),
            // The hang-up silences the call; nothing is being said any more.
            (Effect::Hush, _) if is_over(call) => Act::Nothing(interrupted(call, None)),
            (Effect::Speak { .. } | Effect::Play { .. } | Effect::Hush | Effect::Gather(_), _) if streams(call) => {
                Act::Refuse {
                    why: "the call is connected to an audio stream, which a new document would end; speak there"
                        .to_owned(),
                }
            }
            (Effect::Speak { operation, text }, Some(leg)) => {
                let twiml = script::sound(call, &self.public_url, operation, Sound::say(text));
                let mut done = vec![said(call, operation, text)];
                done.extend(interrupted(call, Some(operation)));
                self.redirect(leg, &twiml, done, vec![unplayed(operation)])
            }
            (Effect::Play { operation, url }, Some(leg)) => {
                let twiml = script::sound(call, &self.public_url, operation, Sound::Play { url: url.clone() });
                self.redirect(leg, &twiml, interrupted(call, Some(operation)), vec![unplayed(operation)])
            }
            (Effect::Gather(wish), Some(leg)) => {
                let prompt = (!wish.prompt.is_empty()).then(|| said(call, &wish.operation, &wish.prompt));
                let done = prompt.into_iter().chain(cut(call, None)).collect();
                self.redirect(leg, &script::keys(call, &self.public_url, wish), done, vec![nothing(&wish.operation)])
            }
            (Effect::Hush, Some(leg)) => {
                let twiml = script::listen(call, &self.public_url, Vec::new());
                self.redirect(leg, &twiml, interrupted(call, None), interrupted(call, None))
            }
            (Effect::OpenStream, Some(leg)) => {
                self.redirect(leg, &script::stream(call, &self.public_url), interrupted(call, None), Vec::new())
            }
            (Effect::CloseStream, Some(leg)) => {
                let twiml = script::listen(call, &self.public_url, Vec::new());
                self.redirect(leg, &twiml, Vec::new(), Vec::new())
            }
            (Effect::Transfer { to }, Some(leg)) => {
                let twiml = script::connect(call, &self.public_url, to, None);
                self.redirect(leg, &twiml, interrupted(call, None), Vec::new())
            }
            (Effect::Bridge { .. }, _) => {
                Act::Refuse { why: "Twilio cannot bridge two calls: transfer the caller instead".to_owned() }
            }
            (Effect::StartRecording, Some(leg)) => {
                let mut pairs = self.told_of_recordings(call.id());
                pairs.push(("RecordingChannels", "dual".to_owned()));
                self.record(leg, ".json", pairs)
            }
            (Effect::StopRecording, Some(leg)) => {
                self.record(leg, "/Twilio.CURRENT.json", vec![("Status", "stopped".to_owned())])
            }
            (Effect::Publish(_), _) => Act::Nothing(Vec::new()),
            (_, None) => Act::Refuse { why: "the call has no Twilio leg yet".to_owned() },
            (_, Some(_)) => Act::Refuse { why: format!("Twilio cannot {}", effect.as_str()) },
        }
    }

    /// Places the call. Not idempotent at Twilio: only ever sent once (twilio.md §2.6).
    fn dial(&self, call: &Call) -> Request {
        let url = |callback: Callback| callback.url(&self.public_url);
        let (plan, id) = (call.plan(), call.id());
        let mut pairs = vec![
            ("To", plan.to.clone()),
            ("From", plan.from.clone()),
            ("Url", url(Callback::Voice(id))),
            ("Method", post()),
            // The same again: a second chance after all retries, some seconds later.
            ("FallbackUrl", url(Callback::Voice(id))),
            ("FallbackMethod", post()),
            ("StatusCallback", url(Callback::Status(id))),
            ("StatusCallbackMethod", post()),
            ("TimeLimit", time_limit(call).to_string()),
        ];
        // One key per event: joined in one value, Twilio accepts the call and sends nothing (twilio.md §2.2).
        pairs.extend(["initiated", "ringing", "answered", "completed"].map(|e| ("StatusCallbackEvent", e.to_owned())));
        if let Some(ring_for) = plan.ring_for {
            pairs.push(("Timeout", seconds(ring_for, MOST_RING_SECONDS).to_string()));
        }
        if plan.record {
            pairs.push(("Record", true.to_string()));
            pairs.extend(self.told_of_recordings(id));
        }
        if plan.detect_machine {
            pairs.push(("MachineDetection", "Enable".to_owned()));
            // In the background: otherwise the callee hears silence until the verdict.
            pairs.push(("AsyncAmd", true.to_string()));
            pairs.push(("AsyncAmdStatusCallback", url(Callback::Amd(id))));
            pairs.push(("AsyncAmdStatusCallbackMethod", post()));
        }
        self.request(Method::Post, "/Calls.json", pairs)
    }

    /// Ends a leg by `completed`, whatever its state.
    ///
    /// `canceled` would be the finer word for a call that rings, but has no effect on one that is answered: if the callee
    /// picks up while it travels, they would stay on the line. `completed` ends a call in every state.
    fn hangup(&self, leg: &Leg) -> Option<Request> {
        Some(self.request(Method::Post, &call_path(leg)?, vec![("Status", "completed".to_owned())]))
    }

    /// Reads one leg. `None` if it is not Twilio's.
    #[must_use]
    pub fn fetch(&self, leg: &Leg) -> Option<Request> {
        Some(self.request(Method::Get, &call_path(leg)?, Vec::new()))
    }

    /// Lists the calls between the call's numbers, the newest first. Not filtered by time: a queued call has no start
    /// time and would be hidden (twilio.md §2.5).
    fn find(&self, call: &Call) -> Request {
        let plan = call.plan();
        let pairs = vec![("To", plan.to.clone()), ("From", plan.from.clone()), ("PageSize", "50".to_owned())];
        self.request(Method::Get, "/Calls.json", pairs)
    }

    /// Lists the legs that a leg has dialled. `None` if it is not Twilio's.
    #[must_use]
    pub fn children(&self, leg: &Leg) -> Option<Request> {
        call_path(leg)?;
        Some(self.request(Method::Get, "/Calls.json", vec![("ParentCallSid", leg.id.clone())]))
    }

    /// Lists a leg's HTTP exchanges; our URLs in them carry our name for the call. `None` if it is not Twilio's.
    #[must_use]
    pub fn events(&self, leg: &Leg) -> Option<Request> {
        call_path(leg)?;
        Some(self.request(Method::Get, &format!("/Calls/{}/Events.json", leg.id), vec![("PageSize", "50".to_owned())]))
    }

    /// Lists a leg's recordings. `None` if it is not Twilio's.
    #[must_use]
    pub fn recordings(&self, leg: &Leg) -> Option<Request> {
        call_path(leg)?;
        Some(self.request(Method::Get, &format!("/Calls/{}/Recordings.json", leg.id), Vec::new()))
    }

    /// Reads one recording. `None` if it is not one's name.
    #[must_use]
    pub fn recording(&self, id: &str) -> Option<Request> {
        sid::is(sid::RECORDING, id).then(|| self.request(Method::Get, &format!("/Recordings/{id}.json"), Vec::new()))
    }

    fn told_of_recordings(&self, call: CallId) -> Vec<(&'static str, String)> {
        let mut pairs = vec![
            ("RecordingStatusCallback", Callback::Recording(call).url(&self.public_url)),
            ("RecordingStatusCallbackMethod", post()),
        ];
        pairs.extend(["in-progress", "completed", "absent"].map(|e| ("RecordingStatusCallbackEvent", e.to_owned())));
        pairs
    }

    /// Begins a recording of a leg, or changes the one that is being made.
    fn record(&self, leg: &Leg, which: &str, pairs: Vec<(&'static str, String)>) -> Act {
        if call_path(leg).is_none() {
            return Act::Refuse { why: format!("not a Twilio call: {leg}") };
        }
        let path = format!("/Calls/{}/Recordings{which}", leg.id);
        let ended = Refused::Recording { why: "the call has ended, or nothing is being recorded".to_owned() };
        let moot = vec![Signal::new(Fact::Refused(ended))];
        Act::Change { request: self.request(Method::Post, &path, pairs), done: Vec::new(), moot }
    }

    fn redirect(&self, leg: &Leg, twiml: &Response, done: Vec<Signal>, moot: Vec<Signal>) -> Act {
        let xml = twiml.to_xml();
        if xml.chars().count() > MOST_TWIML {
            return Act::Refuse { why: format!("too long: Twilio takes {MOST_TWIML} characters of TwiML") };
        }
        match call_path(leg) {
            Some(path) => Act::Change { request: self.request(Method::Post, &path, vec![("Twiml", xml)]), done, moot },
            None => Act::Refuse { why: format!("not a Twilio call: {leg}") },
        }
    }

    fn request(&self, method: Method, path: &str, pairs: Vec<(&'static str, String)>) -> Request {
        Request { method, path: format!("/2010-04-01/Accounts/{}{path}", self.sid), pairs }
    }
}

fn call_path(leg: &Leg) -> Option<String> {
    (leg.provider == NAME && sid::is(sid::CALL, &leg.id)).then(|| format!("/Calls/{}.json", leg.id))
}

/// Whether one of a call's HTTP exchanges names our call: in a URL of ours, or in the request that made it.
pub(crate) fn names(event: &serde_json::Value, call: CallId) -> bool {
    event.to_string().contains(&call.to_string())
}

fn streams(call: &Call) -> bool {
    call.state().operations.iter().any(|operation| operation.speech.is_none())
}

/// The agent's words, for the transcript: Twilio has them and begins to say them.
fn said(call: &Call, operation: &str, text: &str) -> Signal {
    let turn = Turn { speaker: Speaker::Agent, text: text.to_owned() };
    Signal::new(Fact::Turn(turn)).keyed(format!("{}:speak:{operation}", call.id()))
}

/// What a new document ends: it replaces whatever was being said, and the wish for keys.
fn interrupted(call: &Call, except: Option<&str>) -> Vec<Signal> {
    let keys = call.state().gathering.as_ref().map(|wish| nothing(&wish.operation));
    cut(call, except).into_iter().chain(keys).collect()
}

/// The end of all speech that is running, but `except`.
fn cut(call: &Call, except: Option<&str>) -> Vec<Signal> {
    let running = call.state().operations.iter().filter_map(|operation| operation.speech.as_deref());
    running.filter(|operation| Some(*operation) != except).map(unplayed).collect()
}

fn unplayed(operation: &str) -> Signal {
    Signal::new(Fact::Speech(SpeechFact { operation: operation.to_owned(), played: false }))
}

fn nothing(gather: &str) -> Signal {
    Signal::new(Fact::Gathered(Gathered::nothing(gather)))
}

fn post() -> String {
    "POST".to_owned()
}
