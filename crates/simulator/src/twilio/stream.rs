//! Media streams as far as their status goes. The audio itself will be carried where [`Running`] is held: it lives exactly
//! as long as the WebSocket would.

use std::sync::Arc;

use jiff::Timestamp;

use super::{
    Face,
    call::Call,
    hook::Hook,
    twiml::{self, Callback},
};
use crate::{fault::Fault, lock::locked, truth::Purpose};

#[derive(Debug, Clone)]
pub(crate) struct Stream {
    pub(crate) sid: String,
    pub(crate) call_sid: String,
    pub(crate) name: String,
    pub(crate) running: bool,
    pub(crate) updated: Timestamp,
    hook: Option<Hook>,
}

/// A stream that stops when this is dropped, whatever ended it: the call, a redirect, the document.
pub(crate) struct Running {
    face: Arc<Face>,
    call: Arc<Call>,
    sid: String,
    attached: bool,
}

impl Running {
    pub(crate) fn sid(&self) -> String {
        self.sid.clone()
    }

    /// Lets the stream run on without its holder, until the call ends.
    pub(crate) fn detach(mut self) {
        self.attached = false;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.attached {
            self.face.stop_stream(&self.call, &self.sid);
        }
    }
}

impl Face {
    /// Starts a stream. `None`: it failed, and the failure has been told.
    pub(crate) fn start_stream(
        self: &Arc<Self>,
        call: &Arc<Call>,
        spec: &twiml::Stream,
        base: Option<&str>,
    ) -> Option<Running> {
        let sid = self.sids.make("MZ");
        let hook =
            spec.callback.as_ref().and_then(|Callback { url, method, .. }| Hook::within(base, url, method.as_deref()));
        let stream = Stream {
            call_sid: call.sid.clone(),
            name: spec.name.clone().unwrap_or_else(|| sid.clone()),
            running: true,
            updated: Timestamp::now(),
            hook,
            sid,
        };
        // Plain ws is allowed beside wss, because nobody has a certificate for loopback.
        let failure = if !spec.url.starts_with("wss://") && !spec.url.starts_with("ws://") {
            Some((31922, "unsupported scheme"))
        } else if self.world.faults.strikes(Fault::StreamFails, call.occasion("stream")) {
            Some((31921, "WebSocket - Connection - Close"))
        } else {
            None
        };
        if spec.url.contains('?') {
            call.warn(31923, "the query string of a stream URL is dropped", &spec.url);
        }
        if let Some((code, text)) = failure {
            call.warn(code, text, &spec.url);
            self.tell_stream(call, &stream, "stream-error", Some(text));
            return None;
        }
        locked(&self.streams).push(stream.clone());
        self.tell_stream(call, &stream, "stream-started", None);
        Some(Running { face: Arc::clone(self), call: Arc::clone(call), sid: stream.sid, attached: true })
    }

    /// Stops a stream by SID or name; a stopped one stays stopped.
    pub(crate) fn stop_stream(self: &Arc<Self>, call: &Arc<Call>, name: &str) -> Option<Stream> {
        let (stream, was_running) = {
            let mut streams = locked(&self.streams);
            let stream = streams
                .iter_mut()
                .find(|stream| stream.call_sid == call.sid && (stream.sid == name || stream.name == name))?;
            let was_running = std::mem::replace(&mut stream.running, false);
            stream.updated = Timestamp::now();
            (stream.clone(), was_running)
        };
        if was_running && !self.world.is_stopping() {
            self.tell_stream(call, &stream, "stream-stopped", None);
        }
        Some(stream)
    }

    pub(crate) fn stop_streams(self: &Arc<Self>, call: &Arc<Call>) {
        let sids: Vec<String> = locked(&self.streams)
            .iter()
            .filter(|stream| stream.call_sid == call.sid && stream.running)
            .map(|stream| stream.sid.clone())
            .collect();
        for sid in sids {
            self.stop_stream(call, &sid);
        }
    }

    pub(crate) fn find_stream(&self, sid: &str) -> Option<Stream> {
        locked(&self.streams).iter().find(|stream| stream.sid == sid).cloned()
    }

    fn tell_stream(self: &Arc<Self>, call: &Arc<Call>, stream: &Stream, event: &str, error: Option<&str>) {
        let Some(hook) = &stream.hook else { return };
        let mut params: Vec<(String, String)> = [
            ("AccountSid", self.world.config.account_sid.as_str()),
            ("CallSid", &stream.call_sid),
            ("StreamSid", &stream.sid),
            ("StreamName", &stream.name),
            ("StreamEvent", event),
            ("Timestamp", &Timestamp::now().to_string()),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        if let Some(error) = error {
            params.push(("StreamError".into(), error.to_owned()));
        }
        self.tell(call, Purpose::Stream, hook, params, "stream");
    }
}
