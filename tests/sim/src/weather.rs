//! What goes wrong in a run, and how often. Each seed draws its own (swarm testing): a world in which everything fails a
//! little finds less than many worlds in which a few things fail a lot.

use crate::dice::Dice;
use crate::time::{MS, SEC};

/// The odds of each fault: once in so many occasions, 0 for never. Times are in microseconds.
#[derive(Debug, Clone, Default)]
pub(crate) struct Weather {
    /// At the store: another task runs first.
    pub(crate) yields: u32,
    /// At the store: the answer takes some milliseconds.
    pub(crate) latency: u32,
    /// At the store: the answer takes up to half a minute, as after a pause of the process.
    pub(crate) stall: u32,
    /// At the store: refused before anything was done.
    pub(crate) refuse: u32,
    /// At the store: done, but the answer is lost.
    pub(crate) lose_answer: u32,
    /// At any await: the server dies.
    pub(crate) crash: u32,
    /// How many times the store is down for a while.
    pub(crate) store_outages: u64,
    /// How far apart two servers' clocks are, at most. No more than a minute: at two, a ring limit of two minutes can lapse
    /// as the phone begins to ring, and nobody could keep it.
    pub(crate) skew: u64,
    /// How often a clock jumps, in jumps a server.
    pub(crate) jumps: u64,

    /// At the provider: no answer, and nothing was done.
    pub(crate) timeout_before: u32,
    /// At the provider: done, but no answer.
    pub(crate) timeout_after: u32,
    /// At the provider: no answer to a dial, and it is dialled minutes later.
    pub(crate) ghosts: u32,
    /// At the provider: refused for now (429, connection refused).
    pub(crate) later: u32,
    /// At the provider: a dial refused for good (4xx).
    pub(crate) refused: u32,
    /// At the provider: the answer takes longer than a lease.
    pub(crate) slow: u32,
    /// How old the truth is that the provider tells when asked, at most.
    pub(crate) lag: u64,
    /// How many times the provider is down for a while.
    pub(crate) provider_outages: u64,

    /// At a provider that is commanded: what was answered just now counts as not answered yet.
    pub(crate) unready: u32,

    /// A message is never sent.
    pub(crate) lost: u32,
    /// A message is a minute late.
    pub(crate) late: u32,
    /// A message is sent twice.
    pub(crate) doubled: u32,
    /// A message does not carry our name.
    pub(crate) nameless: u32,
    /// How many times a message is sent again that was not acknowledged.
    pub(crate) retries: u32,
    /// A message about a call that is not ours arrives with a placed call.
    pub(crate) foreign: u32,
    /// The audio stream does not open.
    pub(crate) no_stream: u32,
    /// A hang-up takes so long that the engine asks again.
    pub(crate) slow_hangup: u32,
}

impl Weather {
    /// Nothing goes wrong, but nothing is in order either.
    pub(crate) fn calm() -> Self {
        Self { yields: 2, latency: 6, ..Self::default() }
    }

    /// The weather of a seed.
    pub(crate) fn draw(dice: &mut Dice) -> Self {
        let mut weather = Self {
            yields: dice.pick(&[2, 2, 4]),
            latency: dice.pick(&[3, 6, 12]),
            retries: dice.pick(&[0, 1, 3, 6]),
            lag: dice.pick(&[0, 0, SEC, 5 * SEC]),
            ..Self::default()
        };
        if dice.percent(8) {
            return weather;
        }
        let often = |dice: &mut Dice, odds: [u32; 3]| if dice.percent(50) { 0 } else { dice.pick(&odds) };
        weather.stall = often(dice, [3200, 1200, 240]);
        weather.refuse = often(dice, [400, 100, 25]);
        weather.lose_answer = often(dice, [160, 40, 12]);
        weather.crash = often(dice, [2400, 800, 200]);
        weather.store_outages = u64::from(often(dice, [1, 1, 3]));
        weather.skew = dice.pick(&[0, 0, 300 * MS, 5 * SEC, 60 * SEC]);
        weather.jumps = if weather.skew > 0 { dice.below(3) } else { 0 };
        weather.timeout_before = often(dice, [30, 10, 4]);
        weather.timeout_after = often(dice, [30, 10, 4]);
        weather.ghosts = often(dice, [60, 20, 6]);
        weather.later = often(dice, [30, 10, 4]);
        weather.refused = often(dice, [40, 20, 10]);
        weather.slow = often(dice, [40, 20, 8]);
        weather.provider_outages = u64::from(often(dice, [1, 1, 3]));
        weather.unready = often(dice, [10, 4, 2]);
        weather.lost = often(dice, [30, 8, 3]);
        weather.late = often(dice, [30, 8, 4]);
        weather.doubled = often(dice, [20, 6, 3]);
        weather.nameless = often(dice, [20, 6, 3]);
        weather.foreign = often(dice, [20, 6, 3]);
        weather.no_stream = often(dice, [10, 4, 2]);
        weather.slow_hangup = often(dice, [10, 4, 2]);
        weather
    }

    /// How far a clock is ahead, in milliseconds.
    pub(crate) fn clock(&self, dice: &mut Dice) -> i64 {
        let skew = self.skew / MS;
        dice.within(0, skew).cast_signed() - (skew / 2).cast_signed()
    }

    /// The faults stop. What makes up a network stays: latency, reordering, reads that lag.
    pub(crate) fn heal(&mut self) {
        *self = Self { yields: self.yields, latency: self.latency, retries: 6, lag: self.lag, ..Self::default() };
    }
}
