//! A second, deliberately simple statement of phase order, endings and correction. It runs beside the machine on random
//! histories; the two must agree after every input.

#![allow(missing_docs, reason = "a test")]

use std::time::Duration;

use call_core::testkit::any;
use call_core::{
    Call, CallId, Command, DialAnswer, Disposition, Fact, HangupAnswer, Hungup, Input, PhaseName, Plan, Policy,
    Progress, ProviderName, Report, Signal, Step, Timestamp,
};
use proptest::prelude::*;

#[derive(Debug)]
struct Model {
    phase: PhaseName,
    progress: Option<Progress>,
    told: [bool; 3],
    answered: bool,
    leg: bool,
    over: bool,
    hung_up: bool,
    asking: bool,
    disposition: Option<Disposition>,
    duration: Option<Duration>,
    inferred: bool,
    corrected: bool,
    keys: Vec<String>,
}

impl Model {
    /// Whether the input changes anything.
    fn handle(&mut self, input: &Input) -> bool {
        match input {
            Input::Signal(Signal { key: Some(key), .. }) if self.keys.contains(key) => false,
            Input::Signal(signal) => {
                let undialed = matches!(signal.fact, Fact::Dialed(DialAnswer::Refused { .. } | DialAnswer::Withdrawn));
                let named = signal.leg.is_some() && !self.leg && !undialed;
                self.leg |= named;
                let moved = self.fact(&signal.fact);
                if named {
                    self.over |= matches!(signal.fact, Fact::Ended(_) | Fact::Report(Report::Ended(_)));
                    if self.phase == PhaseName::Dialing {
                        self.rise(Progress::Queued);
                    }
                    self.chase();
                }
                if moved || named {
                    self.keys.extend(signal.key.clone());
                }
                moved || named
            }
            Input::Command(Command::Hangup { .. }) if self.phase < PhaseName::Ending => {
                (self.phase, self.hung_up) = (PhaseName::Ending, self.leg);
                true
            }
            Input::Command(_) | Input::Tick => false,
        }
    }

    fn fact(&mut self, fact: &Fact) -> bool {
        use PhaseName::{Dialing, Ended, Ending, Live, Ringing};
        match (self.phase, fact) {
            (Dialing, Fact::Dialed(DialAnswer::Accepted)) => self.progress(Progress::Queued),
            (Ringing | Live, Fact::Dialed(_)) => false,
            (Ending | Ended, Fact::Dialed(DialAnswer::Accepted)) => self.chase(),
            (Ended, Fact::Dialed(_)) => false,
            (Dialing, Fact::Dialed(DialAnswer::Unknown { .. })) => true,
            (Ending, Fact::Dialed(DialAnswer::Unknown { .. })) => !self.hung_up,
            (Dialing, Fact::Dialed(_)) => self.end(&Hungup::new(Disposition::Failed), false),
            (Ending, Fact::Dialed(_)) => !self.hung_up && self.end(&Hungup::new(Disposition::Canceled), false),
            (_, Fact::Progress(progress)) => self.progress(*progress) | self.chase(),
            (Dialing | Ringing | Live, Fact::Answered | Fact::Report(Report::InProgress)) => self.answer(fact),
            (Ending | Ended, Fact::Answered) => !std::mem::replace(&mut self.answered, true) | self.chase(),
            (_, Fact::Ended(hungup) | Fact::Report(Report::Ended(hungup))) => self.end(hungup, false),
            (Ended, Fact::Report(_)) => {
                matches!(fact, Fact::Report(Report::InProgress | Report::Unanswered { .. })) && self.chase()
            }
            (Ending, Fact::Report(Report::Gone)) if self.hung_up => {
                let wished = if self.answered { Disposition::Completed } else { Disposition::Canceled };
                self.end(&Hungup::new(wished), true)
            }
            (phase, Fact::Report(report)) => {
                match report {
                    Report::Unanswered { progress } if phase < Live => drop(self.progress(*progress)),
                    Report::Unanswered { .. } | Report::InProgress => drop(self.chase()),
                    Report::Ended(_) | Report::Gone | Report::Unreachable { .. } => {}
                }
                true
            }
            (Ending, Fact::HangupAnswer(HangupAnswer::AlreadyEnded)) => {
                self.hung_up && !std::mem::replace(&mut self.asking, true)
            }
            (_, fact) => {
                assert!(matches!(fact, Fact::HangupAnswer(_)), "not in this model: {fact:?}");
                false
            }
        }
    }

    fn progress(&mut self, progress: Progress) -> bool {
        let news = !std::mem::replace(&mut self.told[progress as usize], true);
        let rises = self.phase < PhaseName::Live && self.progress < Some(progress);
        if rises {
            self.rise(progress);
        }
        news || rises
    }

    fn rise(&mut self, progress: Progress) {
        (self.phase, self.progress) = (PhaseName::Ringing, Some(progress));
    }

    fn answer(&mut self, fact: &Fact) -> bool {
        let news = self.phase < PhaseName::Live || (*fact == Fact::Answered && !self.answered);
        self.answered = true;
        self.phase = PhaseName::Live;
        news || *fact != Fact::Answered
    }

    /// Truth replaces inference once; of the truths the first stays, and what it lacked is filled in.
    fn end(&mut self, hungup: &Hungup, inferred: bool) -> bool {
        let missing = self.duration.is_none() && hungup.duration.is_some();
        let changes = self.disposition.is_none() || self.inferred;
        if changes {
            self.corrected = self.disposition.is_some_and(|was| was != hungup.disposition);
            (self.phase, self.disposition, self.inferred) = (PhaseName::Ended, Some(hungup.disposition), inferred);
        }
        if changes || missing {
            self.duration = self.duration.or(hungup.duration);
            self.over |= self.leg && !inferred;
        }
        changes || missing
    }

    /// A leg of a call that is given up is hung up, once.
    fn chase(&mut self) -> bool {
        let chases = self.phase >= PhaseName::Ending && self.leg && !self.over && !self.hung_up;
        self.hung_up |= chases;
        chases
    }
}

/// Inputs that the model knows, about one leg, some of them unnamed or twice.
fn input() -> impl Strategy<Value = Input> {
    let fact = any::fact().prop_filter("known to the model", |fact| {
        matches!(
            fact,
            Fact::Dialed(_)
                | Fact::Progress(_)
                | Fact::Answered
                | Fact::Ended(_)
                | Fact::Report(_)
                | Fact::HangupAnswer(_)
        )
    });
    let fact = fact.prop_map(|mut fact| {
        if let Fact::Ended(hungup) | Fact::Report(Report::Ended(hungup)) = &mut fact {
            (hungup.cause, hungup.sip_code) = (None, None);
        }
        fact
    });
    let signal = (fact, any::<bool>(), proptest::option::of(0..20_u8)).prop_map(|(fact, named, key)| Signal {
        leg: named.then(any::first_leg),
        key: key.map(|key| key.to_string()),
        ..Signal::new(fact)
    });
    prop_oneof![8 => signal.prop_map(Input::Signal), 1 => Just(Input::Command(Command::hangup())), 1 => Just(Input::Tick)]
}

proptest! {
    #[test]
    fn the_machine_agrees_with_the_model(inputs in prop::collection::vec(input(), 0..24)) {
        let born = Timestamp::from_millis(1_800_000_000_000);
        let plan = Plan::new(ProviderName::new("any"), "+15550100", "+15550199");
        let (mut call, _) = Call::dial(CallId::new(born, [7; 10]), plan, Policy::default(), born);
        let mut model = Model {
            phase: PhaseName::Dialing, progress: None, told: [false; 3], answered: false, leg: false, over: false,
            hung_up: false, asking: false, disposition: None, duration: None, inferred: false, corrected: false,
            keys: Vec::new(),
        };
        for input in &inputs {
            let before = call.version();
            let changes = model.handle(input);
            let applied = matches!(call.handle(input, born), Step::Applied(_));
            prop_assert_eq!(changes, applied, "{:?} {:?} {:?}", input, model, call.state());
            prop_assert_eq!(call.version() - before, u64::from(changes));
            prop_assert_eq!(call.phase_name(), model.phase, "{:?}", input);
            prop_assert_eq!(call.outcome().map(|o| o.disposition), model.disposition, "{:?}", input);
            prop_assert_eq!(call.outcome().is_some_and(|o| o.corrected), model.corrected, "{:?}", input);
        }
    }
}
