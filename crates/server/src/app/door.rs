//! The door: how connections are taken, and how it is shut without slamming it on anybody.
//!
//! A connection is made by the kernel before the server takes it. Whoever got so far when a listener is closed, is cut
//! off with a request on its way. So the kernel is told first to answer no more newcomers, then everybody who has come
//! is let in, and only then the listener is closed. Whoever comes later is refused at once, and a balancer goes elsewhere.

use std::collections::VecDeque;
use std::future::pending;
use std::net::SocketAddr;
use std::time::Duration;

use axum::serve::Listener;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::warn;

/// How long connections that are half made have to get through the door.
const HALF_MADE: Duration = Duration::from_millis(200);
/// How long the last ones in have to send the first byte of their request: until then the HTTP server takes a connection
/// for one that nobody uses.
const FIRST_WORD: Duration = Duration::from_millis(500);

/// Takes connections until `closing`, and those that had been made by then.
pub(super) struct Door {
    listener: Option<TcpListener>,
    address: SocketAddr,
    closing: CancellationToken,
    shut: CancellationToken,
    last_call: Option<Instant>,
    last: VecDeque<(TcpStream, SocketAddr)>,
}

impl Door {
    /// A door on `address`, to be shut when `closing` says so.
    pub(super) async fn open(address: SocketAddr, closing: CancellationToken) -> std::io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let (shut, last) = (CancellationToken::new(), VecDeque::new());
        Ok(Self { listener: Some(listener), address, closing, shut, last_call: None, last })
    }

    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Says when the door is shut, and the last one in has been heard.
    pub(super) fn shut(&self) -> CancellationToken {
        self.shut.clone()
    }

    /// Closes the listener with nobody left waiting behind it.
    fn close(&mut self) {
        let Some(listener) = self.listener.take() else { return };
        // Asked directly, since the runtime may not have heard of the last ones yet.
        let Ok(listener) = listener.into_std() else { return };
        while let Ok((stream, address)) = listener.accept() {
            if stream.set_nonblocking(true).is_ok()
                && let Ok(stream) = TcpStream::from_std(stream)
            {
                self.last.push_back((stream, address));
            }
        }
    }
}

impl Listener for Door {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        loop {
            if let Some(taken) = self.last.pop_front() {
                return taken;
            }
            let Some(listener) = &mut self.listener else {
                tokio::time::sleep(FIRST_WORD).await;
                self.shut.cancel();
                return pending().await;
            };
            match self.last_call {
                None => tokio::select! {
                    taken = Listener::accept(listener) => return taken,
                    () = self.closing.cancelled() => {
                        let grace = if turn_away_newcomers(listener) { HALF_MADE } else { Duration::ZERO };
                        self.last_call = Some(Instant::now() + grace);
                    }
                },
                Some(until) => tokio::select! {
                    taken = Listener::accept(listener) => return taken,
                    () = tokio::time::sleep_until(until) => self.close(),
                },
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        Ok(self.address)
    }
}

/// Lets the kernel drop what would begin a connection (a TCP segment with SYN set), so that nobody new gets half-way in.
/// Whoever knocks meanwhile knocks again after a second, and is refused then.
#[cfg(target_os = "linux")]
fn turn_away_newcomers(listener: &TcpListener) -> bool {
    use socket2::{SockFilter, SockRef};
    // Classic BPF: load the byte with the flags; if SYN is set take nothing of the segment, else all of it.
    const LOAD_BYTE: u16 = 0x30;
    const JUMP_IF_SET: u16 = 0x45;
    const RETURN: u16 = 0x06;
    let filter = [
        SockFilter::new(LOAD_BYTE, 0, 0, 13),
        SockFilter::new(JUMP_IF_SET, 0, 1, 0x02),
        SockFilter::new(RETURN, 0, 0, 0),
        SockFilter::new(RETURN, 0, 0, u32::MAX),
    ];
    let attached = SockRef::from(listener).attach_filter(&filter);
    if let Err(error) = &attached {
        warn!(%error, "newcomers cannot be turned away before the listener closes; one may be cut off");
    }
    attached.is_ok()
}

#[cfg(not(target_os = "linux"))]
const fn turn_away_newcomers(_: &TcpListener) -> bool {
    false
}
