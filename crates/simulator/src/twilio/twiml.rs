//! TwiML, read into a typed document. Attributes that Twilio does not know on an element are ignored with warning 12200,
//! which is what happens to `statusCallback` on `<Dial>`.

use super::xml::{Element, Malformed, parse};

/// A document, and what Twilio's debugger would say about it.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Document {
    pub(crate) verbs: Vec<Verb>,
    pub(crate) warnings: Vec<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Verb {
    /// Say, Play and Pause: they only take time (phone seconds).
    Sound {
        seconds: f64,
    },
    Gather(Gather),
    Record(Record),
    Dial(Dial),
    Hangup,
    Reject {
        busy: bool,
    },
    Redirect {
        url: String,
        method: Option<String>,
    },
    Connect {
        stream: Option<Stream>,
        action: Option<String>,
        method: Option<String>,
    },
    Start {
        stream: Stream,
    },
    Stop {
        name: String,
    },
    /// Understood by Twilio, not acted on here.
    Unknown(String),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Gather {
    pub(crate) action: Option<String>,
    pub(crate) method: Option<String>,
    pub(crate) dtmf: bool,
    pub(crate) speech: bool,
    pub(crate) timeout: f64,
    pub(crate) num_digits: Option<usize>,
    /// The key that ends the input; any other is part of it.
    pub(crate) finish_on: Option<char>,
    pub(crate) action_on_empty: bool,
    /// How long the nested Say, Play and Pause take.
    pub(crate) prompt: f64,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Record {
    pub(crate) action: Option<String>,
    pub(crate) method: Option<String>,
    pub(crate) max_length: f64,
    pub(crate) callback: Option<Callback>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Dial {
    pub(crate) action: Option<String>,
    pub(crate) method: Option<String>,
    pub(crate) timeout: f64,
    pub(crate) time_limit: f64,
    pub(crate) caller_id: Option<String>,
    pub(crate) record: bool,
    pub(crate) recording_callback: Option<Callback>,
    pub(crate) legs: Vec<Noun>,
}

/// Somebody to dial.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Noun {
    pub(crate) address: String,
    pub(crate) url: Option<String>,
    pub(crate) url_method: Option<String>,
    pub(crate) callback: Option<Callback>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Stream {
    pub(crate) url: String,
    pub(crate) name: Option<String>,
    pub(crate) callback: Option<Callback>,
}

/// A callback attribute trio.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Callback {
    pub(crate) url: String,
    pub(crate) method: Option<String>,
    /// Space separated, as the attribute has it.
    pub(crate) events: Option<String>,
}

/// Why a document cannot be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unreadable {
    pub(crate) code: u32,
    pub(crate) text: String,
}

/// Twilio's limit for a document.
const MOST_BYTES: usize = 64 * 1024;

pub(crate) fn read(text: &str) -> Result<Document, Unreadable> {
    if text.len() > MOST_BYTES {
        return Err(unreadable(11750, "TwiML response body too large"));
    }
    if text.trim().is_empty() {
        return Err(unreadable(11770, "empty TwiML response body"));
    }
    let root = parse(text).map_err(|Malformed(why)| unreadable(12100, &format!("document parse failure: {why}")))?;
    if root.name != "Response" {
        return Err(unreadable(12100, "document parse failure: root element is not <Response>"));
    }
    let mut document = Document::default();
    for element in &root.children {
        let verb = verb(element, &mut document.warnings);
        document.verbs.push(verb);
    }
    Ok(document)
}

fn unreadable(code: u32, text: &str) -> Unreadable {
    Unreadable { code, text: text.to_owned() }
}

fn verb(element: &Element, warnings: &mut Vec<String>) -> Verb {
    warn_unknown(element, warnings);
    for child in &element.children {
        warn_unknown(child, warnings);
    }
    let text = |name: &str| element.attribute(name).map(str::to_owned);
    match element.name.as_str() {
        "Say" | "Play" | "Pause" => Verb::Sound { seconds: sound(element) },
        "Gather" => {
            let input = element.attribute("input").unwrap_or("dtmf");
            Verb::Gather(Gather {
                action: text("action"),
                method: text("method"),
                dtmf: input.split(' ').any(|kind| kind == "dtmf"),
                speech: input.split(' ').any(|kind| kind == "speech"),
                timeout: element.number("timeout").unwrap_or(5.0),
                num_digits: element.number("numDigits").map(|count: f64| count as usize),
                finish_on: element.attribute("finishOnKey").unwrap_or("#").chars().next(),
                action_on_empty: element.attribute("actionOnEmptyResult") == Some("true"),
                prompt: element.children.iter().map(sound).sum(),
            })
        }
        "Record" => Verb::Record(Record {
            action: text("action"),
            method: text("method"),
            max_length: element.number("maxLength").unwrap_or(3600.0),
            callback: callback(element, "recordingStatusCallback"),
        }),
        "Dial" => Verb::Dial(dial(element)),
        "Hangup" => Verb::Hangup,
        "Reject" => Verb::Reject { busy: element.attribute("reason") == Some("busy") },
        "Redirect" => Verb::Redirect { url: element.text.trim().to_owned(), method: text("method") },
        "Connect" => Verb::Connect {
            stream: element.children.iter().find(|child| child.name == "Stream").map(stream),
            action: text("action"),
            method: text("method"),
        },
        "Start" => match element.children.iter().find(|child| child.name == "Stream") {
            Some(child) => Verb::Start { stream: stream(child) },
            None => Verb::Unknown("Start".into()),
        },
        "Stop" => match element.children.iter().find(|child| child.name == "Stream") {
            Some(child) => Verb::Stop { name: child.attribute("name").unwrap_or_default().to_owned() },
            None => Verb::Unknown("Stop".into()),
        },
        other => {
            warnings.push(format!("element <{other}> is not acted on"));
            Verb::Unknown(other.to_owned())
        }
    }
}

fn dial(element: &Element) -> Dial {
    let text = |name: &str| element.attribute(name).map(str::to_owned);
    // `<Dial>+1555…</Dial>` is short for a `<Number>` without attributes.
    let bare = Some(element.text.trim()).filter(|number| !number.is_empty()).map(|number| Noun {
        address: number.to_owned(),
        url: None,
        url_method: None,
        callback: None,
    });
    Dial {
        action: text("action"),
        method: text("method"),
        timeout: element.number("timeout").unwrap_or(30.0),
        time_limit: element.number("timeLimit").unwrap_or(14_400.0),
        caller_id: text("callerId"),
        record: element.attribute("record").is_some_and(|record| record.starts_with("record-from")),
        recording_callback: callback(element, "recordingStatusCallback"),
        legs: element.children.iter().filter_map(noun).chain(bare).collect(),
    }
}

fn noun(element: &Element) -> Option<Noun> {
    let address = element.text.trim();
    let address = match element.name.as_str() {
        "Number" | "Sip" => address.to_owned(),
        "Client" => {
            let identity = element.children.iter().find(|child| child.name == "Identity");
            format!("client:{}", identity.map_or(address, |identity| identity.text.trim()))
        }
        _ => return None,
    };
    Some(Noun {
        address,
        url: element.attribute("url").map(str::to_owned),
        url_method: element.attribute("method").map(str::to_owned),
        callback: callback(element, "statusCallback"),
    })
}

fn stream(element: &Element) -> Stream {
    Stream {
        url: element.attribute("url").unwrap_or_default().to_owned(),
        name: element.attribute("name").map(str::to_owned),
        callback: callback(element, "statusCallback"),
    }
}

fn callback(element: &Element, name: &str) -> Option<Callback> {
    Some(Callback {
        url: element.attribute(name)?.to_owned(),
        method: element.attribute(&format!("{name}Method")).map(str::to_owned),
        events: element.attribute(&format!("{name}Event")).map(str::to_owned),
    })
}

/// Phone seconds that an element takes to be heard.
fn sound(element: &Element) -> f64 {
    let once = match element.name.as_str() {
        "Say" => 0.5 + 0.35 * element.text.split_whitespace().count() as f64,
        "Play" => 5.0,
        "Pause" => return element.number("length").unwrap_or(1.0),
        _ => return 0.0,
    };
    match element.number("loop") {
        // Zero means "until the call ends".
        Some(0.0) => once * 1000.0,
        Some(times) => once * times,
        None => once,
    }
}

fn warn_unknown(element: &Element, warnings: &mut Vec<String>) {
    let Some(known) = known_attributes(&element.name) else { return };
    for (name, _) in &element.attributes {
        if !known.split(' ').any(|attribute| attribute == name) {
            warnings.push(format!("attribute {name} is not allowed on <{}>", element.name));
        }
    }
}

fn known_attributes(element: &str) -> Option<&'static str> {
    Some(match element {
        "Dial" => {
            "action method timeout timeLimit callerId callReason answerOnBridge hangupOnStar record \
             recordingStatusCallback recordingStatusCallbackMethod recordingStatusCallbackEvent recordingTrack \
             recordingConfigurationId trim ringTone referUrl referMethod sequential events"
        }
        "Number" => {
            "url method sendDigits byoc statusCallback statusCallbackEvent statusCallbackMethod machineDetection \
             machineDetectionTimeout machineDetectionSpeechThreshold machineDetectionSpeechEndThreshold \
             machineDetectionSilenceTimeout amdStatusCallback amdStatusCallbackMethod"
        }
        "Client" => "url method statusCallback statusCallbackEvent statusCallbackMethod",
        "Redirect" => "method",
        "Reject" => "reason",
        "Pause" => "length",
        "Hangup" => "",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_callback_is_read_on_the_noun_and_never_on_dial() {
        let document = read(
            r#"<Response><Dial statusCallback="http://a.example/dial" timeout="7" action="/after?x=1&amp;y=2">
                 <Number statusCallback="http://a.example/leg" statusCallbackEvent="ringing answered">+12025550100</Number>
               </Dial></Response>"#,
        )
        .unwrap();
        let Verb::Dial(dial) = &document.verbs[0] else { panic!("{document:?}") };
        assert_eq!(dial.timeout, 7.0);
        assert_eq!(dial.action.as_deref(), Some("/after?x=1&y=2"));
        assert_eq!(dial.legs[0].callback.as_ref().unwrap().url, "http://a.example/leg");
        assert_eq!(document.warnings, ["attribute statusCallback is not allowed on <Dial>"]);
    }

    #[test]
    fn broken_documents_have_twilios_codes() {
        for (text, code) in [
            ("<Response><Say>hi</Response>", 12100),
            ("<Reply/>", 12100),
            ("  ", 11770),
            ("<Response/><Response/>", 12100),
            (&format!("<Response><Say>{}</Say></Response>", "a".repeat(70_000)), 11750),
        ] {
            assert_eq!(read(text).unwrap_err().code, code, "{text:.40}");
        }
    }

    #[test]
    fn prompts_take_time() {
        let document = read(
            "<Response><Gather numDigits='1'><Say>press a key &amp; wait</Say><Pause length='3'/></Gather></Response>",
        );
        let Verb::Gather(gather) = &document.unwrap().verbs[0] else { panic!() };
        assert!((gather.prompt - (0.5 + 0.35 * 5.0 + 3.0)).abs() < 1e-9);
    }
}
