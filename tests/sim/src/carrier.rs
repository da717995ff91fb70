//! The provider as the outbox meets it: acts on the network, and answers as ambiguously as providers do.

use std::future::pending;
use std::time::Duration;

use async_trait::async_trait;
use call_core::port::{Answer, Inadmissible, Provider};
use call_core::{
    Call, Conduct, DialAnswer, Effect, EffectId, Fact, HangupAnswer, Plan, Progress, ProviderName, Report, Signal,
};

use crate::clock::sleep;
use crate::invariants::Seen;
use crate::network::{News, PROVIDER, Station};
use crate::rare::Rare;
use crate::server::NAMES;
use crate::time::{MS, SEC};
use crate::trace::short;
use crate::world::{Event, Sim, World};

/// One server's client of the provider.
pub(crate) struct Carrier {
    pub(crate) sim: Sim,
    pub(crate) server: usize,
}

/// What the way to the provider, or back, does to a request.
enum Way {
    Through,
    Answer(Answer),
    Death,
}

fn unknown(why: &str) -> Answer {
    Answer::Unknown { why: why.to_owned() }
}

impl World {
    fn there(&mut self, server: usize, call: &Call, effect: &Effect) -> Way {
        if !self.servers.all[server].up {
            return Way::Death;
        }
        if self.now < self.provider_down_until {
            return Way::Answer(if self.provider_refuses { self.put_off() } else { unknown("timed out") });
        }
        if matches!(effect, Effect::Dial) && self.dice.one_in(self.weather.ghosts) {
            let wait = self.dice.within(SEC, 300 * SEC);
            self.after(wait, Event::Ghost(Box::new(call.clone())));
            return Way::Answer(unknown("timed out"));
        }
        if self.dice.one_in(self.weather.timeout_before) {
            return Way::Answer(unknown("timed out"));
        }
        if self.dice.one_in(self.weather.later) {
            return Way::Answer(self.put_off());
        }
        if matches!(effect, Effect::Dial) && self.dice.one_in(self.weather.refused) {
            return Way::Answer(Answer::Refused { why: "21211".to_owned() });
        }
        Way::Through
    }

    fn put_off(&mut self) -> Answer {
        let after = self.dice.pick(&[None, Some(1), Some(20)]).map(Duration::from_secs);
        Answer::Later { after, why: "20429".to_owned() }
    }

    fn back(&mut self, server: usize) -> Way {
        if !self.servers.all[server].up {
            return Way::Death;
        }
        if self.dice.one_in(self.weather.crash / 2) {
            self.rarely(Rare::CrashWhilePerforming);
            crate::server::crash(self, server);
            return Way::Death;
        }
        if self.dice.one_in(self.weather.timeout_after) {
            return Way::Answer(unknown("503"));
        }
        Way::Through
    }

    fn request_time(&mut self) -> u64 {
        if self.dice.one_in(self.weather.slow) {
            return self.dice.within(2 * SEC, 20 * SEC);
        }
        self.dice.within(5 * MS, 300 * MS)
    }

    fn carry_out(&mut self, call: &Call, id: &EffectId, effect: &Effect) -> Answer {
        let phone = match effect {
            Effect::Hangup { leg } => self.network.find(leg),
            _ => self.network.of(call),
        };
        let phone = match (effect, phone) {
            (Effect::Dial, _) => return self.dial(call, false),
            (Effect::Reconcile, _) => return self.look_up(call),
            (_, Some(phone)) => phone,
            (_, None) => return Answer::Refused { why: "no such call".to_owned() },
        };
        if let Some(answer) = self.objects(phone, id, effect) {
            return answer;
        }
        if *effect != Effect::Answer {
            self.done(call, effect);
        }
        match effect {
            Effect::Answer => self.pick_up(phone, call),
            Effect::Hangup { .. } => self.hang_up(phone),
            Effect::Speak { operation, .. } if self.speak(phone, operation) => Answer::Done(Vec::new()),
            Effect::OpenStream if self.open_stream(phone) => Answer::Done(Vec::new()),
            Effect::Gather(gather) if self.listen_for_keys(phone, gather) => Answer::Done(Vec::new()),
            Effect::Speak { .. } | Effect::OpenStream | Effect::Gather(_) => {
                Answer::Refused { why: "not in progress".to_owned() }
            }
            Effect::Hush => {
                self.hush(phone);
                Answer::Done(Vec::new())
            }
            Effect::CloseStream => {
                self.close_stream(phone);
                Answer::Done(Vec::new())
            }
            Effect::Transfer { .. } if self.network.phones[phone].station == Station::Talking => {
                self.transfer(phone, call.id());
                Answer::Done(Vec::new())
            }
            Effect::Transfer { .. } => Answer::Refused { why: "not in progress".to_owned() },
            _ => Answer::Done(Vec::new()),
        }
    }

    /// A phone will ring. A ghost does so long after anybody believed in it.
    pub(crate) fn dial(&mut self, call: &Call, ghost: bool) -> Answer {
        let phone = self.create(Some(call.id()), None, Station::Queued);
        self.network.phones[phone].ghost = ghost;
        self.network.phones[phone].conduct = call.plan().conduct;
        if call.plan().conduct == Conduct::Asked && self.dice.percent(40) {
            self.network.phones[phone].script = Some(call.plan().script.clone());
        }
        self.network.dialled.insert(call.id(), phone);
        self.trace.line(self.now, "net", || format!("{} is dialled: P{phone}", short(call.id())));
        let sim = self.sim();
        self.show(&sim.store, &Seen::Dialled { call, phone });
        if self.dice.one_in(self.weather.foreign) {
            self.foreign(phone);
        }
        let leg = self.network.phones[phone].leg.clone();
        Answer::Done(vec![Signal::new(Fact::Dialed(DialAnswer::Accepted)).on(leg)])
    }

    fn hang_up(&mut self, phone: usize) -> Answer {
        let state = &mut self.network.phones[phone];
        let leg = state.leg.clone();
        let answer = if state.station == Station::Over {
            self.rarely(Rare::HangupTooLate);
            HangupAnswer::AlreadyEnded
        } else {
            if !std::mem::replace(&mut state.cutting, true) {
                let slow = self.dice.one_in(self.weather.slow_hangup);
                let wait = if slow { self.dice.within(10 * SEC, 60 * SEC) } else { self.dice.within(0, SEC) };
                self.after(wait, Event::Network(News::Cut { phone }));
            }
            HangupAnswer::Accepted
        };
        Answer::Done(vec![Signal::new(Fact::HangupAnswer(answer)).on(leg)])
    }

    /// What the provider's API shows: the truth, as it was a moment ago.
    fn look_up(&mut self, call: &Call) -> Answer {
        let at = self.now.saturating_sub(self.dice.within(0, self.weather.lag));
        let phone = self.network.of(call);
        let station = phone.and_then(|phone| Some((phone, self.network.phones[phone].as_of(at)?)));
        let Some((phone, station)) = station else {
            self.network.gone.insert(call.id(), self.now);
            return Answer::Done(vec![Signal::new(Fact::Report(Report::Gone))]);
        };
        let state = &self.network.phones[phone];
        let report = match station {
            Station::Queued => Report::Unanswered { progress: Progress::Queued },
            Station::Initiated => Report::Unanswered { progress: Progress::Initiated },
            Station::Ringing => Report::Unanswered { progress: Progress::Ringing },
            Station::Talking => Report::InProgress,
            Station::Over => state.hungup.clone().map_or(Report::Gone, Report::Ended),
        };
        Answer::Done(vec![Signal::new(Fact::Report(report)).on(state.leg.clone())])
    }
}

#[async_trait]
impl Provider for Carrier {
    fn name(&self) -> ProviderName {
        PROVIDER
    }

    fn admit(&self, plan: &Plan) -> Result<Conduct, Inadmissible> {
        Ok(plan.conduct)
    }

    async fn perform(&self, call: &Call, id: &EffectId, effect: &Effect) -> Answer {
        let wait = {
            let mut world = self.sim.world();
            let now = world.now;
            world.trace.line(now, NAMES[self.server], || {
                format!("{} performs {}#{}.{}", short(id.call), effect.as_str(), id.version, id.index)
            });
            world.show(&self.sim.store, &Seen::Performing { call, id, effect });
            world.request_time() / 2
        };
        sleep(&self.sim, wait).await;
        let way = self.sim.world().there(self.server, call, effect);
        let answer = match way {
            Way::Through => self.sim.world().carry_out(call, id, effect),
            Way::Answer(answer) => {
                if matches!(answer, Answer::Unknown { .. }) {
                    sleep(&self.sim, 5 * SEC).await;
                }
                return answer;
            }
            Way::Death => return pending().await,
        };
        let wait = self.sim.world().request_time();
        sleep(&self.sim, wait).await;
        let way = self.sim.world().back(self.server);
        match way {
            Way::Through => answer,
            Way::Answer(unknown) => unknown,
            Way::Death => pending().await,
        }
    }
}
