//! One exhaustive check, and what it prints.

use std::time::Instant;

use model::{Bounds, Everything};
use stateright::{Checker, Expectation, HasDiscoveries, Model};

/// Looks at every state within bounds: every law holds, and every sight is seen.
pub(crate) fn holds(what: &str, bounds: Bounds) {
    let begun = Instant::now();
    let checker = Everything(bounds).checker().finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
    println!(
        "{what}: {} states, {} steps, {} deep, {:.1} s",
        checker.unique_state_count(),
        checker.state_count(),
        checker.max_depth(),
        begun.elapsed().as_secs_f32(),
    );
    let discoveries = checker.discoveries();
    for property in checker.model().properties() {
        let found = discoveries.get(property.name);
        match (property.expectation, found) {
            (Expectation::Sometimes, None) => panic!("{what}: never seen: {}", property.name),
            (Expectation::Always | Expectation::Eventually, Some(path)) => {
                let actions = path.clone().into_actions();
                panic!("{what}: broken: {}\n{actions:#?}\n{:#?}", property.name, path.last_state());
            }
            _ => {}
        }
    }
}

/// Looks until a law is broken, and says which (one may break several) and in how many steps.
pub(crate) fn breaks(bounds: Bounds) -> Vec<(&'static str, usize)> {
    let checker = Everything(bounds).checker().finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
    let is_law = |name| checker.model().property(name).expectation.discovery_is_failure();
    let broken = checker.discoveries().into_iter().filter(|(name, _)| is_law(name));
    broken.map(|(law, path)| (law, path.into_actions().len())).collect()
}
