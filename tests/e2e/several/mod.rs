//! Several servers, one store: what only they can get wrong.

mod basics;
mod kills;
mod providers;
mod rolling;
mod skew;
mod takeover;
