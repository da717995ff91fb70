//! The legs of a call: the provider's names for its parts.

use serde::{Deserialize, Serialize};

use super::{Hungup, Leg};

/// One leg and what is known of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LegState {
    /// The provider's name for it.
    pub leg: Leg,
    /// Its part in the call.
    pub role: Role,
    /// Whether it was answered.
    #[serde(default)]
    pub answered: bool,
    /// How it ended, once it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Hungup>,
    /// The call's version at which its hang-up was last asked for. An older hang-up effect is no longer wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hangup: Option<u64>,
}

/// A leg's part in the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// The leg that makes the call: its end is the call's end.
    First,
    /// The leg that a `connect` script rings: how it ends is how the call ends.
    Target,
    /// Any other leg, such as a transfer. Its end changes nothing by itself.
    Transfer,
}

/// The legs of one call, the first one first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Legs(Vec<LegState>);

impl Legs {
    /// The leg that makes the call, once its name is known.
    #[must_use]
    pub fn first(&self) -> Option<&LegState> {
        self.of(Role::First)
    }

    /// The leg that a `connect` script rang, once it is known.
    #[must_use]
    pub fn target(&self) -> Option<&LegState> {
        self.of(Role::Target)
    }

    /// What is known of a leg.
    #[must_use]
    pub fn get(&self, leg: &Leg) -> Option<&LegState> {
        self.0.iter().find(|l| l.leg == *leg)
    }

    /// All legs, in the order in which they became known.
    pub fn iter(&self) -> impl Iterator<Item = &LegState> {
        self.0.iter()
    }

    fn of(&self, role: Role) -> Option<&LegState> {
        self.0.iter().find(|l| l.role == role)
    }

    pub(super) fn first_mut(&mut self) -> Option<&mut LegState> {
        self.0.iter_mut().find(|l| l.role == Role::First)
    }

    pub(super) fn get_mut(&mut self, leg: &Leg) -> Option<&mut LegState> {
        self.0.iter_mut().find(|l| l.leg == *leg)
    }

    pub(super) fn bind(&mut self, leg: Leg, role: Role) {
        self.0.push(LegState { leg, role, answered: false, ended: None, hangup: None });
    }
}
