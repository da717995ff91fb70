//! What the store holds, read straight from it.

use call_core::journal::{self, Entry};
use call_core::port::{Counts, Filter, Page, ParkedSignal, Store};
use call_core::{Call, CallId, Disposition, Input, Outcome, Signal, Timestamp};

use crate::town::Keepsake;

/// Everything in one store.
#[derive(Debug)]
pub struct Ledger {
    /// Every call, oldest first.
    pub lives: Vec<Life>,
    /// Signals that wait for their call.
    pub mailbox: Vec<ParkedSignal>,
    /// The store's own counts.
    pub counts: Counts,
    /// Where it was, for as long as somebody looks at it.
    pub keepsake: Option<Keepsake>,
}

/// One call and its journal.
#[derive(Debug)]
pub struct Life {
    /// The call as it is stored.
    pub call: Call,
    /// Everything that reached it.
    pub journal: Vec<Entry>,
}

impl Ledger {
    /// Reads everything in a store, whether servers use it or not, and closes it.
    ///
    /// # Panics
    /// When it cannot be read.
    pub async fn read(store: &dyn Store) -> Self {
        let mut lives = Vec::new();
        let mut page = Page { before: None, limit: 200 };
        loop {
            let calls = store.list(&Filter::default(), &page).await.expect("calls can be listed");
            let Some(last) = calls.last() else { break };
            page.before = Some(last.id());
            for call in calls {
                let journal = store.journal(call.id()).await.expect("a journal can be read");
                lives.push(Life { call, journal });
            }
        }
        lives.reverse();
        let mailbox = store.mailbox(1000).await.expect("the mailbox can be read");
        let now = Timestamp::from_millis(jiff::Timestamp::now().as_millisecond());
        let counts = store.counts(now).await.expect("the counts can be read");
        store.close().await;
        Self { lives, mailbox, counts, keepsake: None }
    }

    /// One call.
    ///
    /// # Panics
    /// When there is no such call.
    #[must_use]
    pub fn life(&self, id: &str) -> &Life {
        let id: CallId = id.parse().expect("a call id");
        self.lives.iter().find(|life| life.call.id() == id).unwrap_or_else(|| panic!("the store has no call {id}"))
    }
}

impl Life {
    /// How it ended.
    ///
    /// # Panics
    /// When it has not.
    #[must_use]
    pub fn outcome(&self) -> &Outcome {
        self.call.outcome().unwrap_or_else(|| panic!("call {} has not ended: {:?}", self.call.id(), self.call.phase()))
    }

    /// How it ended, in one word.
    #[must_use]
    pub fn disposition(&self) -> Disposition {
        self.outcome().disposition
    }

    /// The provider's name for its first leg.
    #[must_use]
    pub fn sid(&self) -> Option<&str> {
        self.call.legs().first().map(|first| first.leg.id.as_str())
    }

    /// When the store took it for ended, first of all: not when the provider says that it was.
    #[must_use]
    pub fn closed_at(&self) -> Option<Timestamp> {
        let (mut call, _) = Call::born(self.call.birth().clone());
        self.journal.iter().find_map(|entry| {
            call.handle(&entry.input, entry.at);
            call.has_ended().then_some(entry.at)
        })
    }

    /// The journal's entries of the provider's progress event with this sequence number about this leg.
    pub fn events<'a>(&'a self, leg: &'a str, order: u64) -> impl Iterator<Item = &'a Entry> {
        self.journal.iter().filter(move |entry| match &entry.input {
            Input::Signal(signal) => {
                signal.order == Some(order) && signal.leg.as_ref().is_some_and(|known| known.id == leg)
            }
            Input::Command(_) | Input::Tick => false,
        })
    }

    /// Whether there is one.
    #[must_use]
    pub fn has_event(&self, leg: &str, order: u64) -> bool {
        self.events(leg, order).next().is_some()
    }

    /// Whether the journal has the provider's event of this identity.
    #[must_use]
    pub fn has_key(&self, key: &str) -> bool {
        self.facts().any(|signal| signal.key.as_deref() == Some(key))
    }

    /// Every signal that reached it, in order, whatever became of it.
    pub fn facts(&self) -> impl Iterator<Item = &Signal> {
        self.journal.iter().filter_map(|entry| match &entry.input {
            Input::Signal(signal) => Some(signal),
            Input::Command(_) | Input::Tick => None,
        })
    }

    /// Lives the call again from its journal.
    ///
    /// # Errors
    /// What went another way.
    pub fn refold(&self) -> Result<(), String> {
        let again = journal::fold(self.call.birth(), &self.journal).map_err(|error| error.to_string())?;
        if again == self.call {
            return Ok(());
        }
        Err(format!("the fold gives {:#?}, stored is {:#?}", again.state(), self.call.state()))
    }
}
