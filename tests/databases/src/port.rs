//! A port that a server can come back to after it was killed.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

/// Below the ephemeral range, out of which the system may give any port to an outgoing connection while its server is
/// down; and beside the range that the end-to-end tests take theirs from.
const FIRST: u16 = 12_000;
const LAST: u16 = 20_000;

/// A free port on loopback, given out once per process.
pub(crate) fn reserve() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Processes that run side by side begin at different places.
    let offset = (std::process::id().wrapping_mul(97) % u32::from(LAST - FIRST)) as u16;
    for _ in FIRST..LAST {
        let port = FIRST + (offset + NEXT.fetch_add(1, Ordering::Relaxed)) % (LAST - FIRST);
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
    panic!("no free port between {FIRST} and {LAST}");
}
