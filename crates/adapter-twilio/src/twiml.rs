//! TwiML, typed: what Twilio ignores cannot be written.
//!
//! `<Dial>` has no `statusCallback`; only the nouns inside it do (twilio.md §5.3, post-mortem 3.1). So [`Dial`] has no
//! such field, and [`Noun`] has. A `<Stream>` has no query string, so its values are [`Stream::parameters`]. Only sounds
//! nest in a `<Gather>`.
//!
//! ```
//! use adapter_twilio::twiml::{Response, Sound, Verb};
//!
//! let twiml = Response::from([Verb::Sound(Sound::say("Tom & Jerry")), Verb::Hangup]);
//! assert!(twiml.to_xml().ends_with("<Response><Say>Tom &amp; Jerry</Say><Hangup/></Response>"));
//! ```

use crate::xml::Xml;

/// A whole document.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Response(pub Vec<Verb>);

impl<const N: usize> From<[Verb; N]> for Response {
    fn from(verbs: [Verb; N]) -> Self {
        Self(verbs.into())
    }
}

/// What Twilio does, one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verb {
    /// `<Say>`, `<Play>` or `<Pause>`.
    Sound(Sound),
    /// Hears keys and words.
    Gather(Gather),
    /// Records the caller.
    Record(Record),
    /// Goes on with another document.
    Redirect {
        /// Where it is.
        url: String,
    },
    /// Ends the call.
    Hangup,
    /// Does not answer an incoming call; as the first verb it costs nothing.
    Reject {
        /// Whether the caller hears the busy tone.
        busy: bool,
    },
    /// Connects the caller to others.
    Dial(Dial),
    /// Opens a two-way audio stream. The document goes on when our side closes it.
    Connect(Stream),
    /// Opens a one-way audio stream and goes on at once.
    Start(Stream),
    /// Stops a one-way stream.
    Stop {
        /// The stream's name.
        name: String,
    },
}

/// Something to hear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sound {
    /// Words.
    Say {
        /// The words.
        text: String,
        /// Twilio's name of a voice; its default if absent.
        voice: Option<String>,
        /// Such as `en-US`; its default if absent.
        language: Option<String>,
    },
    /// A sound file.
    Play {
        /// Where it is.
        url: String,
    },
    /// Keys.
    Digits {
        /// Such as `12ww3`; `w` waits half a second.
        digits: String,
    },
    /// Silence.
    Pause {
        /// How long.
        seconds: u32,
    },
}

/// `<Gather>`: hears keys and words, and asks `action` what to do with them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gather {
    /// What to hear.
    pub input: Input,
    /// Who is asked next.
    pub action: String,
    /// How long to wait for the caller to begin, and for each further key, in seconds.
    pub timeout: u32,
    /// How many keys are enough; more than anybody presses if absent.
    pub most: Option<u8>,
    /// The key that ends the input, or none; Twilio's default (`#`) if absent.
    pub until: Option<Option<char>>,
    /// Whether `action` is asked even if nothing was heard; otherwise the document goes on.
    pub action_on_empty_result: bool,
    /// What is heard meanwhile; the caller may interrupt it.
    pub prompt: Vec<Sound>,
}

/// What a `<Gather>` hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// Keys.
    Dtmf,
    /// Words.
    Speech,
    /// Both.
    Both,
}

/// `<Record>`: records the caller, and asks `action` what to do then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Who is asked next.
    pub action: String,
    /// The longest recording, in seconds.
    pub max_length: u32,
    /// Who is told of the recording.
    pub recording: Option<Recording>,
}

/// Who is told of a recording, and of what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recording {
    /// Our URL.
    pub url: String,
}

/// `<Dial>`: connects the caller to the first of `nouns` who answers, and asks `action` what to do when that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dial {
    /// Who is asked next. Without it the document would simply go on.
    pub action: String,
    /// How long it rings, in seconds; Twilio's default (30) if absent.
    pub timeout: Option<u32>,
    /// The longest connection, in seconds; Twilio's default (14 400) if absent.
    pub time_limit: Option<u32>,
    /// The number to show; the caller's if absent.
    pub caller_id: Option<String>,
    /// Who is told of a recording, if the connection is to be recorded.
    pub recording: Option<Recording>,
    /// Whom to ring, at most ten, all at once.
    pub nouns: Vec<Noun>,
}

/// Somebody to ring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Noun {
    /// Whom.
    pub target: Target,
    /// Who is told of this leg's progress. Twilio tells it here and nowhere else.
    pub status: Option<StatusCallback>,
}

/// What a [`Noun`] is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// `<Number>`, in E.164.
    Number(String),
    /// `<Client>`, by its name.
    Client(String),
    /// `<Sip>`, with its `sip:`.
    Sip(String),
}

/// Who is told of a leg's progress: always all of it (initiated, ringing, answered, completed).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusCallback {
    /// Our URL.
    pub url: String,
}

/// `<Stream>`: an audio stream to a WebSocket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stream {
    /// `wss://…`, without a query: Twilio drops it.
    pub url: String,
    /// The stream's name, unique in the call.
    pub name: Option<String>,
    /// Who is told of the stream's progress.
    pub status: Option<StatusCallback>,
    /// `<Parameter>`s: name and value together below 500 characters.
    pub parameters: Vec<(String, String)>,
}

impl Response {
    /// Twilio refuses a longer document (11750).
    pub const MOST_BYTES: usize = 64 * 1024;

    /// The document as Twilio reads it.
    #[must_use]
    pub fn to_xml(&self) -> String {
        let mut xml = Xml::new();
        xml.open("Response", &[]);
        self.0.iter().for_each(|verb| verb.write(&mut xml));
        xml.close("Response");
        xml.finish()
    }
}

impl Sound {
    /// Words in Twilio's default voice.
    #[must_use]
    pub fn say(text: impl Into<String>) -> Self {
        Self::Say { text: text.into(), voice: None, language: None }
    }

    fn write(&self, xml: &mut Xml) {
        match self {
            Self::Say { text, voice, language } => {
                xml.leaf("Say", &some([("voice", voice.clone()), ("language", language.clone())]), text);
            }
            Self::Play { url } => xml.leaf("Play", &[], url),
            Self::Digits { digits } => xml.empty("Play", &[("digits", digits.clone())]),
            Self::Pause { seconds } => xml.empty("Pause", &[("length", seconds.to_string())]),
        }
    }
}

impl Verb {
    fn write(&self, xml: &mut Xml) {
        match self {
            Self::Sound(sound) => sound.write(xml),
            Self::Gather(gather) => gather.write(xml),
            Self::Record(record) => record.write(xml),
            Self::Redirect { url } => xml.leaf("Redirect", &[("method", post())], url),
            Self::Hangup => xml.empty("Hangup", &[]),
            Self::Reject { busy } => {
                xml.empty("Reject", &[("reason", if *busy { "busy" } else { "rejected" }.to_owned())]);
            }
            Self::Dial(dial) => dial.write(xml),
            Self::Connect(stream) => stream.write("Connect", xml),
            Self::Start(stream) => stream.write("Start", xml),
            Self::Stop { name } => {
                xml.open("Stop", &[]);
                xml.empty("Stream", &[("name", name.clone())]);
                xml.close("Stop");
            }
        }
    }
}

impl Gather {
    fn write(&self, xml: &mut Xml) {
        let input = match self.input {
            Input::Dtmf => "dtmf",
            Input::Speech => "speech",
            Input::Both => "dtmf speech",
        };
        let mut attributes = vec![
            ("input", input.to_owned()),
            ("action", self.action.clone()),
            ("method", post()),
            ("timeout", self.timeout.to_string()),
        ];
        if !matches!(self.input, Input::Dtmf) {
            attributes.push(("speechTimeout", "auto".to_owned()));
        }
        attributes.extend(some([
            ("numDigits", self.most.map(|most| most.to_string())),
            ("finishOnKey", self.until.map(|key| key.map(String::from).unwrap_or_default())),
        ]));
        attributes.push(("actionOnEmptyResult", self.action_on_empty_result.to_string()));
        xml.open("Gather", &attributes);
        self.prompt.iter().for_each(|sound| sound.write(xml));
        xml.close("Gather");
    }
}

impl Record {
    fn write(&self, xml: &mut Xml) {
        let mut attributes =
            vec![("action", self.action.clone()), ("method", post()), ("maxLength", self.max_length.to_string())];
        attributes.extend(self.recording.iter().flat_map(Recording::attributes));
        xml.empty("Record", &attributes);
    }
}

impl Recording {
    fn attributes(&self) -> [(&'static str, String); 3] {
        [
            ("recordingStatusCallback", self.url.clone()),
            ("recordingStatusCallbackMethod", post()),
            ("recordingStatusCallbackEvent", "completed absent".to_owned()),
        ]
    }
}

impl Dial {
    fn write(&self, xml: &mut Xml) {
        let mut attributes = vec![("action", self.action.clone()), ("method", post())];
        attributes.extend(some([
            ("timeout", self.timeout.map(|s| s.to_string())),
            ("timeLimit", self.time_limit.map(|s| s.to_string())),
            ("callerId", self.caller_id.clone()),
        ]));
        if let Some(recording) = &self.recording {
            attributes.push(("record", "record-from-answer".to_owned()));
            attributes.extend(recording.attributes());
        }
        xml.open("Dial", &attributes);
        self.nouns.iter().for_each(|noun| noun.write(xml));
        xml.close("Dial");
    }
}

impl Noun {
    fn write(&self, xml: &mut Xml) {
        let attributes: Vec<_> = self.status.iter().flat_map(StatusCallback::with_events).collect();
        match &self.target {
            Target::Number(number) => xml.leaf("Number", &attributes, number),
            Target::Client(name) => xml.leaf("Client", &attributes, name),
            Target::Sip(address) => xml.leaf("Sip", &attributes, address),
        }
    }
}

impl StatusCallback {
    /// TwiML wants one attribute with spaces, REST one key per event; mixed up, all events are lost (twilio.md §2.2).
    fn with_events(&self) -> [(&'static str, String); 3] {
        let [url, method] = self.attributes();
        [url, ("statusCallbackEvent", "initiated ringing answered completed".to_owned()), method]
    }

    fn attributes(&self) -> [(&'static str, String); 2] {
        [("statusCallback", self.url.clone()), ("statusCallbackMethod", post())]
    }
}

impl Stream {
    fn write(&self, verb: &str, xml: &mut Xml) {
        let mut attributes = vec![("url", self.url.clone())];
        attributes.extend(some([("name", self.name.clone())]));
        attributes.extend(self.status.iter().flat_map(StatusCallback::attributes));
        xml.open(verb, &[]);
        xml.open("Stream", &attributes);
        for (name, value) in &self.parameters {
            xml.empty("Parameter", &[("name", name.clone()), ("value", value.clone())]);
        }
        xml.close("Stream");
        xml.close(verb);
    }
}

impl Target {
    /// What `to` means in a script: `sip:address`, `client:name`, or else a number.
    #[must_use]
    pub fn parse(to: &str) -> Self {
        match to.split_once(':') {
            Some(("client", name)) => Self::Client(name.to_owned()),
            Some(("sip" | "sips", _)) => Self::Sip(to.to_owned()),
            Some(_) | None => Self::Number(to.to_owned()),
        }
    }
}

fn some<const N: usize>(attributes: [(&'static str, Option<String>); N]) -> Vec<(&'static str, String)> {
    attributes.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

fn post() -> String {
    "POST".to_owned()
}
