//! The seeds that once broke something, kept so that they are run first.

/// The seeds of `seeds.txt`, with what each of them showed.
pub fn kept() -> impl Iterator<Item = (u64, &'static str)> {
    include_str!("../seeds.txt").lines().filter_map(|line| {
        let (seed, why) = line.split_once('#').unwrap_or((line, ""));
        Some((seed.trim().parse().ok()?, why.trim()))
    })
}
