//! The one write that a step is.
//!
//! A birth is an insertion, a step an update of the document with the version that it began from; an input that was
//! ignored is an update whatever the version. The unique indexes judge in the same write: key, legs, subject. If one of
//! them refuses, the reasons are looked up afterwards, in the order of the contract, for which of several refusals the
//! server reports first is its own affair.

use call_core::port::{Commit, Lane, Settle, StoreError};
use call_core::{CallId, Leg};
use mongodb::bson::{Bson, Document, doc};
use mongodb::options::ReturnDocument;
use serde::Deserialize;
use tracing::warn;

use crate::calls::{Named, date, find_key, leg_name};
use crate::connection::Work;
use crate::error::{Refused, failed, is_duplicate, is_write_conflict, unavailable};
use crate::journal::{self, Extent};
use crate::mailbox;
use crate::outbox::{self, earliest, earliest_of, item, settled};
use crate::schema::CALLS;

/// How often a write is tried again whose obstacle is gone when it is looked for: a call that ended meanwhile, an update
/// that got into another one's way.
const TRIES: u32 = 5;

/// Stores one step of one call.
pub(crate) async fn commit(work: &Work<'_>, commit: Commit) -> Result<(), StoreError> {
    let step = Step::of(&commit)?;
    let extent = step.store(work).await?;
    // The step is stored and will be acknowledged. What is left is put in order by whoever comes next, if not by us.
    if let Err(error) = step.tidy(work, extent).await {
        warn!(call = %step.id, %error, "a step is stored, and something beside it is left to be tidied up");
    }
    Ok(())
}

/// A commit made ready.
#[derive(Debug)]
struct Step<'c> {
    commit: &'c Commit,
    id: CallId,
    /// What changes with the version; `None` is a field that is not there.
    fields: Vec<(&'static str, Option<Bson>)>,
    entries: Vec<Document>,
    items: Vec<Document>,
}

impl<'c> Step<'c> {
    fn of(commit: &'c Commit) -> Result<Self, StoreError> {
        let call = &commit.call;
        let mut fields = Vec::new();
        let mut items = Vec::new();
        if commit.moves() {
            let (_, state) = commit.to_json()?;
            let legs: Vec<String> = commit.legs().map(leg_name).collect();
            fields = vec![
                ("version", Some(call.version().cast_signed().into())),
                ("phase", Some(call.phase_name().as_str().into())),
                ("disposition", call.outcome().map(|outcome| outcome.disposition.as_str().into())),
                ("open", Some((!call.has_ended()).into())),
                ("deadline", call.next_deadline().map(|at| date(at).into())),
                ("legs", (!legs.is_empty()).then(|| legs.into())),
                ("state", Some(state.into())),
            ];
            for (id, effect) in commit.effects.iter() {
                items.push(item(id, effect, commit.at())?);
            }
        }
        let entries = commit.entries.iter().map(journal::unnumbered).collect::<Result<_, _>>()?;
        Ok(Self { commit, id: call.id(), fields, entries, items })
    }

    /// Writes the step, or says what stands against it.
    async fn store(&self, work: &Work<'_>) -> Result<Extent, StoreError> {
        for _ in 0..TRIES {
            let answer = if self.commit.moves() && self.commit.base == 0 {
                work.try_ask(work.collection(CALLS).insert_one(self.birth()?)).await.map(|_| Some(self.at_birth()))
            } else {
                let calls = work.collection::<Extent>(CALLS);
                let update = calls.find_one_and_update(self.found_by(), self.pipeline());
                let extent = doc! { "_id": 0, "grown": 1, "spilled": 1 };
                work.try_ask(update.return_document(ReturnDocument::After).projection(extent)).await
            };
            match answer {
                Ok(Some(extent)) => return Ok(extent),
                Ok(None) => return Err(StoreError::Conflict),
                Err(error) if is_duplicate(&error) => {
                    if let Some(refusal) = self.obstacle(work).await? {
                        return Err(refusal);
                    }
                }
                Err(error) if is_write_conflict(&error) => {}
                Err(error) => return Err(failed(error)),
            }
        }
        Err(unavailable(Refused::Contended))
    }

    /// The document of a call that is born.
    fn birth(&self) -> Result<Document, StoreError> {
        let (call, commit) = (&self.commit.call, self.commit);
        let mut document = doc! { "_id": self.id.to_string() };
        let fields = self.fields.iter().filter_map(|(name, value)| Some((*name, value.clone()?)));
        document.extend(fields.map(|(name, value)| (name.to_owned(), value)));
        if let Some(subject) = call.subject() {
            document.insert("subject", &subject.0);
        }
        if let Some(key) = &commit.key {
            document.insert("key", &key.key);
            document.insert("digest", &key.digest);
        }
        document.insert("born", date(call.birth().at));
        document.insert("from", &call.plan().from);
        document.insert("to", &call.plan().to);
        document.insert("birth", commit.to_json()?.0);

        document.insert("outbox", self.items.clone());
        for (_, effect) in commit.effects.iter() {
            // All of one commit are visible from the same moment.
            document.insert(earliest_of(Lane::of(effect)), date(commit.at()));
        }
        let entries = (0_i64..).zip(&self.entries).map(|(seq, entry)| {
            let mut numbered = doc! { "seq": seq };
            numbered.extend(entry.clone());
            numbered
        });
        document.insert("entries", entries.collect::<Vec<_>>());
        document.insert("grown", self.at_birth().grown);
        document.insert("spilled", 0_i64);
        if !commit.adopts.is_empty() {
            document.insert("adopted", commit.adopts.clone());
        }
        Ok(document)
    }

    const fn at_birth(&self) -> Extent {
        Extent { grown: self.entries.len() as i64, spilled: 0 }
    }

    fn found_by(&self) -> Document {
        let mut found_by = doc! { "_id": self.id.to_string() };
        if self.commit.moves() {
            found_by.insert("version", self.commit.base.cast_signed());
        }
        found_by
    }

    /// The change of a call that is there. Nothing from outside stands in it but as a literal: a text may look like an
    /// expression.
    fn pipeline(&self) -> Vec<Document> {
        let mut set = Document::new();
        for (name, value) in &self.fields {
            let value = value.clone().map(|value| doc! { "$literal": value }.into());
            set.insert(*name, value.unwrap_or_else(|| Bson::from("$$REMOVE")));
        }
        let entries = (0_i64..).zip(&self.entries).map(|(n, entry)| {
            doc! { "$mergeObjects": [{ "seq": { "$add": ["$grown", n] } }, { "$literal": entry.clone() }] }
        });
        set.insert("entries", doc! { "$concatArrays": ["$entries", entries.collect::<Vec<_>>()] });
        set.insert("grown", doc! { "$add": ["$grown", self.at_birth().grown] });
        let adopts = &self.commit.adopts;
        if !adopts.is_empty() {
            let before = doc! { "$ifNull": ["$adopted", []] };
            set.insert("adopted", doc! { "$setUnion": [before, adopts.clone()] });
        }
        let own = self.settles().filter(|settle| settle.id.call == self.id);
        if own.is_none() && self.items.is_empty() {
            return vec![doc! { "$set": set }];
        }
        let rest = own.map_or_else(|| "$outbox".into(), |settle| settled("$outbox".into(), settle));
        set.insert("outbox", doc! { "$concatArrays": [rest, { "$literal": self.items.clone() }] });
        vec![doc! { "$set": set }, earliest()]
    }

    fn settles(&self) -> Option<&Settle> {
        self.commit.settles.as_ref()
    }

    /// What stands against the step, in the order of the contract. `None` if it is gone.
    async fn obstacle(&self, work: &Work<'_>) -> Result<Option<StoreError>, StoreError> {
        #[derive(Deserialize)]
        struct Versioned {
            version: i64,
        }
        let calls = work.collection::<Versioned>(CALLS);
        let stored = calls.find_one(doc! { "_id": self.id.to_string() }).projection(doc! { "_id": 0, "version": 1 });
        let stored = work.ask(stored).await?.map_or(0, |call| call.version);
        if stored != self.commit.base.cast_signed() {
            return Ok(Some(StoreError::Conflict));
        }
        if let Some(key) = &self.commit.key
            && let Some((other, _)) = find_key(work, &key.key).await?
        {
            return Ok(Some(StoreError::KeyTaken(other)));
        }
        for leg in self.commit.legs() {
            if let Some(other) = self.other_on(work, leg).await? {
                return Ok(Some(StoreError::LegTaken(other)));
            }
        }
        let Some(subject) = self.commit.call.subject() else { return Ok(None) };
        let holder = doc! { "subject": &subject.0, "open": true };
        let holder = self.other(work, holder).await?.filter(|_| !self.commit.call.has_ended());
        Ok(holder.map(StoreError::SubjectBusy))
    }

    async fn other_on(&self, work: &Work<'_>, leg: &Leg) -> Result<Option<CallId>, StoreError> {
        self.other(work, doc! { "legs": leg_name(leg) }).await
    }

    /// Another call than this one.
    async fn other(&self, work: &Work<'_>, found_by: Document) -> Result<Option<CallId>, StoreError> {
        let calls = work.collection::<Named>(CALLS);
        let found = work.ask(calls.find_one(found_by).projection(doc! { "_id": 1 })).await?;
        let other = found.map(|call| call.id()).transpose()?;
        Ok(other.filter(|other| *other != self.id))
    }

    /// What a step changes in other documents. None of it is part of the step: signals that are adopted are hidden by
    /// the mark in the call, a full block of the journal may wait for the next commit, and an effect of another call,
    /// which no part of the engine settles so, is claimed again when its lease ends.
    async fn tidy(&self, work: &Work<'_>, extent: Extent) -> Result<(), StoreError> {
        mailbox::remove(work, &self.commit.adopts).await?;
        if let Some(other) = self.settles().filter(|settle| settle.id.call != self.id) {
            outbox::settle(work, std::slice::from_ref(other)).await?;
        }
        if extent.is_full() {
            journal::spill(work, self.id).await?;
        }
        Ok(())
    }
}
