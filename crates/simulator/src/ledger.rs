//! The book of truth: every call and every request of every provider, in the order in which they came.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use crate::{
    config::Number,
    lock::locked,
    provider::Provider,
    record::Record,
    truth::{CallRecord, RestRequest},
};

#[derive(Debug, Default)]
pub(crate) struct Ledger {
    calls: Mutex<Calls>,
    requests: Mutex<Vec<RestRequest>>,
    numbers: Mutex<HashMap<String, Number>>,
}

#[derive(Debug, Default)]
struct Calls {
    all: Vec<Arc<Record>>,
    by_sid: HashMap<String, usize>,
    met: HashMap<String, u64>,
}

impl Ledger {
    pub(crate) fn new(numbers: &[Number]) -> Self {
        let ledger = Self::default();
        for number in numbers {
            ledger.set_number(number.clone());
        }
        ledger
    }

    /// Opens a page for a call.
    pub(crate) fn open(&self, truth: CallRecord) -> Arc<Record> {
        let record = Arc::new(Record::new(truth));
        let mut calls = locked(&self.calls);
        let index = calls.all.len();
        calls.by_sid.insert(record.sid.clone(), index);
        calls.all.push(Arc::clone(&record));
        record
    }

    /// How often the person at this number was met before now.
    pub(crate) fn meet(&self, number: &str) -> u64 {
        let mut calls = locked(&self.calls);
        let met = calls.met.entry(number.to_owned()).or_default();
        *met += 1;
        *met - 1
    }

    pub(crate) fn find(&self, sid: &str) -> Option<Arc<Record>> {
        let calls = locked(&self.calls);
        calls.by_sid.get(sid).and_then(|index| calls.all.get(*index)).cloned()
    }

    /// The truth about every call, oldest first.
    pub(crate) fn records(&self) -> Vec<CallRecord> {
        let all = locked(&self.calls).all.clone();
        all.iter().map(|record| record.look(CallRecord::clone)).collect()
    }

    pub(crate) fn records_to(&self, number: &str) -> Vec<CallRecord> {
        let mut records = self.records();
        records.retain(|record| record.to == number);
        records
    }

    pub(crate) fn file(&self, request: RestRequest) {
        locked(&self.requests).push(request);
    }

    pub(crate) fn requests(&self) -> Vec<RestRequest> {
        locked(&self.requests).clone()
    }

    pub(crate) fn set_number(&self, number: Number) {
        locked(&self.numbers).insert(number.number.clone(), number);
    }

    /// Whether any number is this provider's.
    pub(crate) fn serves(&self, provider: Provider) -> bool {
        locked(&self.numbers).values().any(|number| number.provider == provider)
    }

    /// All of them, in order.
    pub(crate) fn numbers(&self) -> Vec<Number> {
        let mut numbers: Vec<Number> = locked(&self.numbers).values().cloned().collect();
        numbers.sort_by(|one, other| one.number.cmp(&other.number));
        numbers
    }

    pub(crate) fn number(&self, number: &str) -> Option<Number> {
        locked(&self.numbers).get(number).cloned()
    }
}
