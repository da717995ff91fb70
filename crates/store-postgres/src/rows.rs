//! Names from outside on their way into a column, and the numbers that stand for them in locks.

use std::borrow::Cow;

use call_core::Leg;

/// A name from outside (leg, subject, key) as it is kept in a column. PostgreSQL's text holds no NUL; it is written `\0`,
/// and `\` therefore `\\`.
pub(crate) fn name(text: &str) -> Cow<'_, str> {
    if text.contains(['\0', '\\']) {
        Cow::Owned(text.replace('\\', r"\\").replace('\0', r"\0"))
    } else {
        Cow::Borrowed(text)
    }
}

/// The name that is kept so.
pub(crate) fn named(kept: String) -> String {
    if !kept.contains('\\') {
        return kept;
    }
    let mut name = String::with_capacity(kept.len());
    let mut chars = kept.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => name.push(if chars.next() == Some('0') { '\0' } else { '\\' }),
            c => name.push(c),
        }
    }
    name
}

/// A leg as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LegName {
    pub(crate) provider: String,
    pub(crate) leg: String,
}

impl LegName {
    pub(crate) fn new(leg: &Leg) -> Self {
        Self { provider: name(leg.provider.as_str()).into_owned(), leg: name(&leg.id).into_owned() }
    }

    pub(crate) fn restore(provider: String, leg: String) -> Leg {
        Leg::new(named(provider).into(), named(leg))
    }

    /// The number of the advisory lock under which the leg is bound or its signals are parked, and under which its
    /// binding is announced. All servers on one database, of all versions, must agree on it: FNV-1a.
    pub(crate) fn lock(&self) -> i64 {
        const START: u64 = 0xcbf2_9ce4_8422_2325;
        const PRIME: u64 = 0x0100_0000_01b3;
        let bytes = self.provider.bytes().chain([0]).chain(self.leg.bytes());
        bytes.fold(START, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME)).cast_signed()
    }
}

#[cfg(test)]
mod tests {
    use call_core::ProviderName;

    use super::*;

    #[test]
    fn every_name_comes_back_and_none_is_taken_for_another() {
        let odd = ["", "CA1", "\0", "\\", "\\0", "\\\\0", "a\0b", "a\\\0", "ü\"\n"];
        let kept: Vec<_> = odd.iter().map(|text| name(text).into_owned()).collect();
        assert!(kept.iter().all(|text| !text.contains('\0')));
        assert_eq!(kept.iter().collect::<std::collections::BTreeSet<_>>().len(), odd.len());
        assert_eq!(kept.into_iter().map(named).collect::<Vec<_>>(), odd);
    }

    /// A running server of another version takes the same lock.
    #[test]
    fn the_lock_of_a_leg_never_changes() {
        let lock = |provider, leg: &str| LegName::new(&Leg::new(ProviderName::new(provider), leg)).lock();
        assert_eq!(lock("twilio", "CA1"), -3_026_849_591_345_626_462);
        assert_ne!(lock("twilio", "CA1"), lock("twilioC", "A1"));
    }
}
