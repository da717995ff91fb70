//! The laws of [`Store`], one function each, named as a sentence. One line makes them all tests of
//! a store:
//!
//! ```
//! use call_core::testkit::{MemoryStore, laws::FreshStore};
//! use std::sync::Arc;
//!
//! struct Fresh(Arc<MemoryStore>);
//!
//! impl FreshStore for Fresh {
//!     type Store = MemoryStore;
//!
//!     async fn fresh() -> Self {
//!         Self(Arc::new(MemoryStore::new()))
//!     }
//!
//!     fn store(&self) -> Arc<MemoryStore> {
//!         Arc::clone(&self.0)
//!     }
//! }
//!
//! call_core::store_laws!(tokio::test, Fresh);
//! ```

pub mod commits;
pub mod deadlines;
mod dice;
pub mod effects;
pub mod formats;
pub mod identity;
pub mod journal;
pub mod mailbox;
pub mod model;
pub mod reads;
pub mod retention;
pub mod servers;
mod stage;

use std::future::Future;
use std::sync::Arc;

use crate::port::Store;

/// How the laws get at a store.
pub trait FreshStore: Sized + Send + Sync + 'static {
    /// The store under test.
    type Store: Store;

    /// An empty store, with whatever must live as long as it does.
    fn fresh() -> impl Future<Output = Self> + Send;

    /// The store.
    fn store(&self) -> Arc<Self::Store>;

    /// Another server's hand on the same store: connections of its own, if it has any.
    fn beside(&self) -> impl Future<Output = Arc<Self::Store>> + Send {
        let same = self.store();
        async { same }
    }

    /// Closes the store and opens it again on what it kept. `None` if it keeps nothing.
    fn reopen(self) -> impl Future<Output = Option<Self>> + Send {
        async { None }
    }
}

/// Makes each law of [`Store`](crate::port::Store) a test of its own.
///
/// The first argument is the attribute of an async test, such as `tokio::test(flavor = "multi_thread")`; the second is
/// a type that implements [`FreshStore`].
#[macro_export]
macro_rules! store_laws {
    ($test:meta, $fresh:ty) => {
        $crate::store_laws! { @each [$test] $fresh;
            commits: a_commit_is_read_back_exactly, a_stale_version_is_refused_and_writes_nothing,
                a_birth_does_not_replace_a_call, a_call_that_is_not_there_cannot_change,
                of_many_racing_commits_exactly_one_wins, many_calls_commit_at_once,
                repeating_a_commit_after_an_unknown_answer_is_safe, what_was_acknowledged_is_there_after_reopening;
            identity: one_open_call_per_subject, of_many_racing_births_for_a_subject_one_wins,
                a_leg_belongs_to_one_call, an_idempotency_key_makes_one_call,
                the_first_refusal_is_the_one_that_helps, a_refused_commit_leaves_no_trace;
            effects: effects_appear_only_with_their_commit, a_claimed_effect_is_hidden_until_its_lease_ends,
                a_lapsed_lease_is_claimed_again_and_counts_an_attempt,
                a_late_settlement_of_a_lapsed_claim_changes_nothing, an_effect_settled_later_waits_until_then,
                a_claim_is_settled_once, no_effect_is_claimed_twice_by_racing_workers,
                settling_with_a_commit_is_one_step, a_settled_effect_never_comes_back,
                effects_are_claimed_oldest_first, a_held_claim_stays_hidden;
            mailbox: parking_a_bound_leg_returns_its_call, parked_signals_are_kept_in_order,
                a_parked_signal_is_adopted_with_its_commit_or_stays, parking_and_binding_race_loses_nothing,
                stranded_signals_are_found, parked_signals_expire,
                a_parked_signals_name_is_never_used_again;
            deadlines: due_finds_exactly_the_due_open_calls_earliest_first, an_ended_call_is_never_due;
            journal: the_journal_folds_to_the_stored_call,
                ignored_inputs_grow_the_journal_and_change_nothing_else,
                ignored_inputs_that_raced_keep_the_journal_in_order;
            reads: what_does_not_exist_is_not_found, list_pages_newest_first_and_filters, counts_tell_the_truth,
                a_store_answers;
            retention: a_call_is_forgotten_whole, only_old_calls_that_are_over_are_forgotten;
            servers: what_one_server_stores_the_other_one_reads, of_steps_racing_on_two_servers_one_wins,
                one_call_a_subject_however_many_servers,
                parking_on_one_server_and_binding_on_another_loses_nothing,
                two_servers_share_the_outbox_without_overlap, another_server_takes_over_when_the_lease_ends,
                two_servers_adopt_a_parked_signal_once, two_sweepers_act_once_on_each_deadline,
                servers_a_minute_apart_dial_nobody_twice;
            formats: every_saved_format_still_loads, times_survive_to_the_millisecond,
                unicode_and_odd_strings_survive;
            model: any_history_reads_as_in_the_reference_store;
        }
    };
    (@each [$test:meta] $fresh:ty; $($topic:ident: $($law:ident),+;)+) => {
        $($(
            #[$test]
            async fn $law() {
                $crate::testkit::laws::$topic::$law::<$fresh>().await;
            }
        )+)+
    };
}
