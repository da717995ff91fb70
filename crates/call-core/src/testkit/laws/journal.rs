//! The journal explains everything: folding it gives the stored call again.

use super::FreshStore;
use super::dice::Dice;
use super::stage::*;
use crate::journal::{Entry, fold};
use crate::port::{Commit, Store};
use crate::{Call, CallId, Command, Disposition, Fact, Signal};

async fn journal(store: &impl Store, id: CallId) -> Vec<Entry> {
    store.journal(id).await.expect("a store answers")
}

/// Random lives, stored in random portions, with stale writers in between: the journal always tells the stored call.
pub async fn the_journal_folds_to_the_stored_call<F: FreshStore>() {
    let (_fresh, store) = fresh::<F>().await;
    let mut dice = Dice::new(7);
    let (mut applied, mut ignored) = (0, 0);
    for n in 0..12 {
        let mut now = at(i64::from(n) * 10);
        let mut call = keep(&*store, dial(n, now)).await;
        for _ in 0..25 {
            let mut commit = Commit::on(call.clone());
            for _ in 0..=dice.below(3) {
                now = now + ms(dice.below(20_000));
                match commit.handle(dice.input(&commit.call.clone(), now), now) {
                    None => applied += 1,
                    Some(_) => ignored += 1,
                }
            }
            let moves = commit.moves();
            if dice.chance(20) && moves {
                let mut rival = Commit::on(call.clone());
                rival.handle(Command::Reconcile.into(), now);
                store.commit(rival.clone()).await.expect("nobody was faster");
                if rival.moves() {
                    assert!(is_conflict(&store.commit(commit).await));
                    call = rival.call;
                    continue;
                }
            }
            call = keep(&*store, commit).await;
        }
        let stored = load(&*store, call.id()).await;
        assert_eq!(stored, call);
        let entries = journal(&*store, call.id()).await;
        let lived = fold(stored.birth(), &entries).expect("the journal tells the call's life");
        assert_eq!(lived, stored);
    }
    assert!(applied > 100 && ignored > 50, "the histories are worth the name: {applied} applied, {ignored} ignored");
}

/// An input that is ignored is written down with its reason, and that is all.
pub async fn ignored_inputs_grow_the_journal_and_change_nothing_else<F: FreshStore>() {
    let (_fresh, store) = fresh::<F>().await;
    let call = live(&*store, 1, &leg("CA1"), at(0)).await;
    let before = see(&*store, call.id()).await;
    let entries = journal(&*store, call.id()).await;
    let (idle, reason) = ignored_step(&call, answered(), at(9));
    for n in 1..=3 {
        keep(&*store, idle.clone()).await;
        let grown = journal(&*store, call.id()).await;
        assert_eq!(grown.len(), entries.len() + n);
        assert_eq!(grown.last().and_then(|entry| entry.ignored), Some(reason));
        assert_eq!(grown[..entries.len()], entries);
    }
    let after = see(&*store, call.id()).await;
    assert_eq!(load(&*store, call.id()).await, call);
    assert_eq!(before.without_journal(), after.without_journal());
}

/// A writer whose input was ignored needs no version, so its entry may arrive after newer ones: it is read in the place
/// where it happened.
pub async fn ignored_inputs_that_raced_keep_the_journal_in_order<F: FreshStore>() {
    let (_fresh, store) = fresh::<F>().await;
    let old = live(&*store, 1, &leg("CA1"), at(0)).await;
    let (late, _) = ignored_step(&old, answered(), at(5));
    let (later, _) = ignored_step(&old, accepted(&leg("CA1")), at(6));
    let new = keep(&*store, step(&old, Signal::new(Fact::Digits("1".to_owned())), at(7))).await;
    let new = keep(&*store, step(&new, ended(Disposition::Completed), at(8))).await;
    keep(&*store, late).await;
    keep(&*store, later).await;

    assert_eq!(load(&*store, old.id()).await, new, "the late entries did not bring the old call back");
    let entries = journal(&*store, old.id()).await;
    let seen: Vec<_> = entries.iter().map(|entry| (entry.version, entry.ignored.is_some(), entry.at)).collect();
    let expected = [
        (1, false, at(0)),
        (2, false, at(0)),
        (3, true, at(5)),
        (3, true, at(6)),
        (3, false, at(7)),
        (4, false, at(8)),
    ];
    assert_eq!(seen, expected);
    let lived: Call = fold(new.birth(), &entries).expect("the journal tells the call's life");
    assert_eq!(lived, new);
}
