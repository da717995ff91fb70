//! Planted bugs: named counterfactuals that the deterministic simulation must find, so that its silence means something.
//!
//! Wherever the core says `planted!(Name)` it names a bug that real systems have had in that place. The word is the
//! constant `false`, and the compiler forgets the condition around it, unless the feature `planted` is on; then it asks
//! whether this thread has that bug planted ([`plant`]). Only the simulation turns the feature on. No server does: a build
//! that has it behaves the same as long as nothing is planted, but it carries the switches.
//!
//! `cargo xtask sim --planted` plants one after the other and shows after how many calls each was found.

#[cfg(feature = "planted")]
mod bugs;

#[cfg(feature = "planted")]
pub use bugs::Bug;

/// Whether the named bug is planted: `false` but for the simulation's own test.
#[cfg(not(feature = "planted"))]
macro_rules! planted {
    ($bug:ident) => {
        false
    };
}

/// Without the feature the word costs nothing: it is known when the core is compiled.
#[cfg(not(feature = "planted"))]
const _: () = assert!(!planted!(LostUpdate));

/// Whether the named bug is planted on this thread.
#[cfg(feature = "planted")]
macro_rules! planted {
    ($bug:ident) => {
        $crate::planted::is($crate::planted::Bug::$bug)
    };
}

#[cfg(feature = "planted")]
std::thread_local! {
    static PLANTED: std::cell::Cell<Option<Bug>> = const { std::cell::Cell::new(None) };
}

/// Plants a bug on this thread in place of the one before; `None` makes the core sound again.
#[cfg(feature = "planted")]
pub fn plant(bug: Option<Bug>) {
    PLANTED.set(bug);
}

#[cfg(feature = "planted")]
pub(crate) fn is(bug: Bug) -> bool {
    PLANTED.get() == Some(bug)
}
