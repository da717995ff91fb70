//! Every run ends: no state is reached from itself. Together with the law that nothing is left to do at the end, this is
//! liveness, without any assumption of fairness.
//!
//! (The `eventually` of stateright does not look past a state that two runs share; so it is not used.)

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use model::{Bounds, Event, Trouble, World};

fn print(world: &World) -> u64 {
    let mut hasher = DefaultHasher::new();
    world.hash(&mut hasher);
    hasher.finish()
}

/// Walks every edge, depth first. Says how many states there are; panics at a circle.
fn walk(bounds: &Bounds) -> usize {
    /// Whether a state's run has been walked to its ends, or is being walked.
    type Walked = HashMap<u64, bool>;
    fn visit(world: &World, bounds: &Bounds, walked: &mut Walked) {
        let name = print(world);
        match walked.insert(name, false) {
            Some(true) => drop(walked.insert(name, true)),
            Some(false) => panic!("a circle: {world:#?}"),
            None => {
                let mut actions = Vec::new();
                world.actions(bounds, &mut actions);
                for action in actions {
                    visit(&world.after(&action, bounds).0, bounds, walked);
                }
                walked.insert(name, true);
            }
        }
    }
    let mut walked = Walked::new();
    visit(&World::new(bounds), bounds, &mut walked);
    walked.len()
}

#[test]
fn every_run_ends() {
    let ended: &[Event] = &[Event::Ended];
    let one = Trouble::default;
    let crash = Bounds { webhooks: ended, trouble: Trouble { crashes: 1, ..one() }, ..Bounds::default() };
    let cut = Bounds { trouble: Trouble { cuts: 1, ..one() }, ..crash };
    let hangup = Bounds { hangup: true, webhooks: &[], trouble: Trouble { silences: 1, ..one() }, ..crash };
    let echo = Bounds { webhooks: &[], trouble: Trouble { deferrals: 1, echoes: 1, ..one() }, ..crash };
    let slow = Bounds { webhooks: &[], trouble: Trouble { delays: 1, renewals: 1, ..one() }, ..crash };
    let doubled = Bounds { trouble: Trouble { doubles: 1, ..one() }, ..crash };
    let sweep = Bounds { nameless: ended, sweep: true, ..crash };
    let lives = [("crash", crash), ("cut", cut), ("hang-up", hangup), ("echo", echo), ("slow", slow)];
    for (what, bounds) in lives.into_iter().chain([("doubled", doubled), ("sweep", sweep)]) {
        println!("{what}: {} states, no circle", walk(&bounds));
    }
}
