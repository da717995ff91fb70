//! What must hold in every state, and what must be reachable for the check to mean anything.

use std::collections::BTreeMap;

use call_core::port::Job;
use call_core::{Effect, Subject};
use stateright::{Model, Property};

use crate::action::Action;
use crate::ask::{Refusal, Reply};
use crate::bounds::{Bounds, Trouble};
use crate::network::{Line, Phone, key, number};
use crate::task::{Outcome, Task};
use crate::world::{Hand, World};

/// The model: everything that can happen within bounds.
#[derive(Debug, Clone)]
pub struct Everything(pub Bounds);

impl Model for Everything {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        vec![World::new(&self.0)]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        world.actions(&self.0, actions);
    }

    fn next_state(&self, world: &World, action: Action) -> Option<World> {
        Some(world.after(&action, &self.0).0)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        laws().chain(sights(&self.0)).collect()
    }
}

type Predicate = fn(&Everything, &World) -> bool;

/// The laws. `design` sections are those of the project's design notes.
fn laws() -> impl Iterator<Item = Property<Everything>> {
    let laws: [(&'static str, Predicate); 10] = [
        // Law 3: a real person's phone rings.
        ("one wish rings a phone once at most", |_, world| world.lines.iter().all(|line| line.dials <= 1)),
        ("one wish makes one call at most", |_, world| {
            let calls = |number: &str| world.shelf.calls.values().filter(|call| call.plan().to == number).count();
            (0..world.lines.len()).all(|line| calls(&number(u8::try_from(line).unwrap_or(u8::MAX))) <= 1)
        }),
        ("a subject has one open call at most", |_, world| {
            let mut open = BTreeMap::<&Subject, u32>::new();
            for call in world.shelf.calls.values().filter(|call| !call.has_ended()) {
                if let Some(subject) = call.subject() {
                    *open.entry(subject).or_default() += 1;
                }
            }
            open.values().all(|n| *n <= 1)
        }),
        ("an acknowledged webhook is stored", |_, world| {
            let waits = |key: &str| world.shelf.mail.values().any(|(_, signal, _)| signal.key.as_deref() == Some(key));
            let stored = |key: &str| world.shelf.past.journal.contains(key) || waits(key);
            (0..).zip(&world.lines).all(|(number, line)| {
                line.events.iter().all(|&(event, acknowledged)| !acknowledged || stored(&key(number, event)))
            })
        }),
        ("an acknowledged wish is stored", |_, world| {
            (0..)
                .zip(&world.users)
                .all(|(wish, user)| user.placed != Some(Outcome::Done) || world.shelf.keys.contains_key(&number(wish)))
        }),
        // Law 5, and the first law of `Call`.
        ("the version counts the applied entries of the journal", |_, world| {
            let applied = |id| world.shelf.past.applied.get(id).copied().unwrap_or_default();
            world.shelf.calls.iter().all(|(id, call)| call.version() == 1 + applied(id))
        }),
        ("what was asked for waits or is settled, never both", |_, world| {
            let (past, outbox) = (&world.shelf.past, &world.shelf.outbox);
            past.asked.iter().all(|id| outbox.contains_key(id) != past.settled.contains(id))
        }),
        ("an effect is in one hand while its lease runs", |_, world| {
            let mut leases: Vec<_> = world.hands.iter().filter_map(running_lease(world)).collect();
            let all = leases.len();
            leases.sort_unstable();
            leases.dedup();
            leases.len() == all
        }),
        // Single flight: two hang-ups of one phone need a failure between them.
        ("a phone is hung up once, unless something failed", |model, world| {
            let Trouble { doubles, renewals, .. } = world.left;
            let harmless = (model.0.trouble.doubles - doubles) + (model.0.trouble.renewals - renewals);
            let failures = model.0.trouble.sum() - world.left.sum() - harmless;
            world.lines.iter().all(|line| line.hangups <= 1 + failures)
        }),
        // No call is stuck, nothing is left behind. Every run ends (`tests/ends.rs`), so this is liveness.
        ("when nothing more can happen, everything is done", |model, world| {
            let mut actions = Vec::new();
            if world.hands.is_empty() {
                world.actions(&model.0, &mut actions);
            }
            !world.hands.is_empty() || !actions.is_empty() || world.is_at_rest()
        }),
    ];
    laws.into_iter().map(|(law, holds)| Property::always(law, holds))
}

/// A job in hand whose lease has not ended, as the hand knows it.
fn running_lease(world: &World) -> impl Fn(&Hand) -> Option<call_core::EffectId> {
    |hand| jobs(hand).find(|job| job.lease > world.now).map(|job| job.id)
}

fn jobs(hand: &Hand) -> impl Iterator<Item = &Job> {
    hand.heard.iter().filter_map(|heard| if let Reply::Claimed(Some(job)) = &heard.reply { Some(&**job) } else { None })
}

/// What must be seen at least once, where the bounds allow it.
fn sights(bounds: &Bounds) -> impl Iterator<Item = Property<Everything>> + use<> {
    let Bounds { hands, wishes, trouble, .. } = *bounds;
    let (ours, lapses) = (wishes > 0, trouble.crashes + trouble.delays > 0);
    let sights: [(bool, &'static str, Predicate); 11] = [
        (true, "everything is done", |_, world| !world.shelf.calls.is_empty() && world.is_at_rest()),
        (hands > 1, "a race is lost", |_, world| heard(world, |reply| refused(reply) == Some(Refusal::Conflict))),
        (lapses, "another server takes over", |_, world| {
            world.hands.iter().any(|hand| jobs(hand).any(Job::may_be_done))
        }),
        (lapses && ours, "a dial is in doubt, and its phone rings", |_, world| {
            let in_doubt = |job: &Job| job.may_be_done() && job.effect == Effect::Dial;
            world.hands.iter().any(|hand| jobs(hand).any(in_doubt)) && world.lines[0].phone == Phone::Ringing
        }),
        (
            trouble.delays > 0 && ours && bounds.dial_limit == 1,
            "a phone rings for a call that was given up",
            |_, world| {
                let ended =
                    |line: &Line| line.call.and_then(|id| world.shelf.calls.get(&id)).is_some_and(|c| c.has_ended());
                world.lines.iter().any(|line| line.phone == Phone::Ringing && ended(line))
            },
        ),
        (trouble.renewals > 0, "a lease is renewed", |_, world| heard(world, |reply| *reply == Reply::Settled)),
        (trouble.cuts > 0 && ours, "a wish is stored, its answer is lost, and it is found again", |_, world| {
            let found = |hand: &Hand| matches!(hand.heard.first().map(|h| &h.reply), Some(Reply::Found(Some(_))));
            world.hands.iter().any(|hand| matches!(hand.task, Task::Place { .. }) && found(hand))
        }),
        (bounds.one_subject, "a wish is refused, for its subject has an open call", |_, world| {
            world.users.iter().any(|user| user.placed == Some(Outcome::Refused))
        }),
        (!bounds.nameless.is_empty(), "a signal waits for its leg", |_, world| !world.shelf.mail.is_empty()),
        (trouble.crashes > 0 && !bounds.nameless.is_empty(), "a crash leaves a signal behind", |_, world| {
            world.hands.is_empty() && !world.shelf.stranded().is_empty()
        }),
        (hands > 1 && !ours, "two first messages race for one record", |_, world| {
            heard(world, |reply| matches!(refused(reply), Some(Refusal::LegTaken(_))))
        }),
    ];
    let possible = sights.into_iter().filter(|(possible, ..)| *possible);
    possible.map(|(_, sight, seen)| Property::sometimes(sight, seen))
}

fn heard(world: &World, is: impl Fn(&Reply) -> bool) -> bool {
    world.hands.iter().any(|hand| hand.heard.iter().any(|heard| is(&heard.reply)))
}

const fn refused(reply: &Reply) -> Option<Refusal> {
    if let Reply::Committed(Err(refusal)) = reply { Some(*refusal) } else { None }
}
