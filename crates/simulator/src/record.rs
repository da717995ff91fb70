//! One call's page of the truth, with its mail: what every provider's calls have in common.

use std::sync::{
    Mutex,
    atomic::{AtomicU64, Ordering},
};

use jiff::Timestamp;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    fault::{Fault, Occasion},
    lock::locked,
    person::Person,
    truth::{CallRecord, Change, Direction, Notice, Sent, Status},
};

#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) sid: String,
    /// Where the person is: the caller of an inbound call, else the callee.
    pub(crate) person_at: String,
    pub(crate) mail: Mail,
    truth: Mutex<CallRecord>,
}

/// Keeps the messages about one call in their order, unless a fault says otherwise.
#[derive(Debug)]
pub(crate) struct Mail {
    sequence: AtomicU64,
    posted: AtomicU64,
    last: Mutex<Option<CancellationToken>>,
    /// One more than the index of the latest delivered message.
    pub(crate) delivered: watch::Sender<u64>,
}

impl Mail {
    fn new() -> Self {
        Self {
            sequence: AtomicU64::new(0),
            posted: AtomicU64::new(0),
            last: Mutex::new(None),
            delivered: watch::Sender::new(0),
        }
    }

    /// The place of a new message: its index, a token that its predecessor cancels, and its own.
    pub(crate) fn post(&self) -> (u64, Option<CancellationToken>, CancellationToken) {
        let mine = CancellationToken::new();
        let mut last = locked(&self.last);
        let index = self.posted.fetch_add(1, Ordering::Relaxed);
        (index, last.replace(mine.clone()), mine)
    }

    /// The number of the next progress event, where the provider numbers them.
    pub(crate) fn next_sequence(&self) -> u64 {
        self.sequence.fetch_add(1, Ordering::Relaxed)
    }
}

impl Record {
    pub(crate) fn new(truth: CallRecord) -> Self {
        let inbound = truth.direction == Direction::Inbound;
        let person_at = if inbound { truth.from.clone() } else { truth.to.clone() };
        Self { sid: truth.sid.clone(), person_at, mail: Mail::new(), truth: Mutex::new(truth) }
    }

    pub(crate) fn look<T>(&self, read: impl FnOnce(&CallRecord) -> T) -> T {
        read(&locked(&self.truth))
    }

    pub(crate) fn note<T>(&self, write: impl FnOnce(&mut CallRecord) -> T) -> T {
        write(&mut locked(&self.truth))
    }

    pub(crate) fn status(&self) -> Status {
        self.look(|record| record.status)
    }

    pub(crate) fn person(&self) -> Person {
        self.look(|record| record.person.clone())
    }

    pub(crate) fn enter(&self, status: Status) {
        self.enter_with(status, |_, _| {});
    }

    /// Changes the status, together with what `also` writes: no reader sees one without the other.
    pub(crate) fn enter_with(&self, status: Status, also: impl FnOnce(&mut CallRecord, Timestamp)) {
        self.note(|record| {
            let at = Timestamp::now();
            record.status = status;
            record.history.push(Change { at, status });
            match status {
                Status::Initiated => record.dialed_at = Some(at),
                Status::Ringing => record.rang_at = Some(at),
                Status::InProgress => record.answered_at = Some(at),
                Status::Queued => {}
                Status::Completed | Status::Busy | Status::NoAnswer | Status::Failed | Status::Canceled => {
                    record.ended_at = Some(at);
                }
            }
            also(record, at);
        });
    }

    pub(crate) fn warn(&self, code: u32, text: impl Into<String>, url: &str) {
        let notice = Notice { at: Timestamp::now(), code, text: text.into(), url: url.to_owned() };
        tracing::debug!(call = %self.sid, code, text = %notice.text, "provider's debugger");
        self.note(|record| record.notices.push(notice));
    }

    /// Files a request under this call; the index finds it again.
    pub(crate) fn file(&self, sent: Sent) -> usize {
        self.note(|record| {
            record.sent.push(sent);
            record.sent.len() - 1
        })
    }

    pub(crate) fn mark(&self, sent: usize, fault: Fault) {
        self.note(|record| {
            if let Some(sent) = record.sent.get_mut(sent) {
                sent.faults.push(fault);
            }
        });
    }

    /// A fault that struck the call itself, not one of its messages.
    pub(crate) fn suffered(&self, fault: Fault) {
        self.note(|record| record.faults.push(fault));
    }

    /// The occasion for a fault to strike this call.
    pub(crate) fn occasion<'a>(&'a self, on: &'a str) -> Occasion<'a> {
        Occasion { number: &self.person_at, call: Some(&self.sid), on }
    }
}
