//! Two legs connected to each other.

use std::sync::Arc;

use super::{
    Face,
    call::{Call, Order},
    event::Event,
};
use crate::truth::Status;

impl Face {
    /// Connects two answered legs: both are told.
    pub(super) fn bridge(self: &Arc<Self>, one: &Arc<Call>, other: &Arc<Call>) {
        one.bridge(&other.sid);
        other.bridge(&one.sid);
        for call in [one, other] {
            self.tell(call, Event::new("call.bridged"));
        }
    }

    /// A transferred leg that is picked up joins the one that it was made from.
    pub(super) fn joined(self: &Arc<Self>, call: &Arc<Call>) {
        let Some(parent) = call.plan.parent.as_deref().and_then(|parent| self.find(parent)) else { return };
        if parent.status() == Status::InProgress {
            self.bridge(&parent, call);
        } else {
            call.command(Order::End);
        }
    }

    /// A leg has ended: the one on the other side leaves too, unless it was told to stay; legs that still ring for it
    /// stop ringing.
    pub(super) fn part(&self, call: &Arc<Call>) {
        if let Some(other) = call.bridged().and_then(|other| self.find(&other))
            && !other.unbridge()
        {
            other.command(Order::End);
        }
        for child in call.children().iter().filter_map(|child| self.find(child)) {
            if child.status() != Status::InProgress {
                child.command(Order::End);
            }
        }
    }
}
