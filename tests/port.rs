//! Ports that stay ours while their owner is down.
//!
//! A server that is killed and started again must come back on the same port, for its callback URLs name it. Ports of
//! the ephemeral range will not do: while the server is down, the system may give its port to any outgoing connection.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

const FIRST: u16 = 20_000;
const LAST: u16 = 32_000;

/// A free port on loopback below the ephemeral range, given out once per process.
///
/// # Panics
/// When no port is free.
#[must_use]
pub fn reserve() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Test processes that run side by side begin at different places.
    let offset = (std::process::id().wrapping_mul(97) % u32::from(LAST - FIRST)) as u16;
    for _ in FIRST..LAST {
        let port = FIRST + (offset + NEXT.fetch_add(1, Ordering::Relaxed)) % (LAST - FIRST);
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
    panic!("no free port between {FIRST} and {LAST}");
}
