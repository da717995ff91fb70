//! The generator: requests made beforehand, written to keep-alive connections, and of each response no more read than
//! its status and its length, so that the generator takes as little of the processor as it can.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

/// A connection and what to send on it.
pub(crate) type Lane = (Connection, Vec<Box<[u8]>>);

/// Connects, as providers do once and then for many messages; one after the other, for this is not what is measured.
pub(crate) async fn connect(server: SocketAddr, requests: Vec<Vec<Box<[u8]>>>) -> Vec<Lane> {
    let mut lanes = Vec::with_capacity(requests.len());
    for requests in requests {
        lanes.push((Connection::open(server).await, requests));
    }
    lanes
}

/// Each connection sends its next request when the last one is answered. Says how long each answer took.
pub(crate) async fn closed(lanes: Vec<Lane>) -> Vec<Duration> {
    let mut running = JoinSet::new();
    for (mut connection, lane) in lanes {
        running.spawn(async move {
            let mut took = Vec::with_capacity(lane.len());
            for request in lane {
                let start = Instant::now();
                connection.send(&request).await;
                took.push(start.elapsed());
            }
            took
        });
    }
    running.join_all().await.concat()
}

/// All connections together send `rate` requests a second. Says how long after its appointed time each was answered, so
/// that a request which had to wait for a slow one before it counts as slow too (no coordinated omission).
///
/// `late` is told of how much of that the generator itself came late, with its connection free: it has to share the
/// processor with what it measures.
pub(crate) async fn open(lanes: Vec<Lane>, rate: f64, late: &mut Vec<Duration>) -> Vec<Duration> {
    let mut running = JoinSet::new();
    let start = Instant::now() + Duration::from_millis(50);
    let count = lanes.len();
    for (first, (mut connection, lane)) in lanes.into_iter().enumerate() {
        running.spawn(async move {
            let mut took = Vec::with_capacity(lane.len());
            for (turn, request) in lane.into_iter().enumerate() {
                let at = start + Duration::from_secs_f64((turn * count + first) as f64 / rate);
                let free = at.max(Instant::now());
                sleep_until(at).await;
                let late = free.elapsed();
                connection.send(&request).await;
                took.push((at.elapsed(), late));
            }
            took
        });
    }
    let (took, by_generator): (Vec<_>, Vec<_>) = running.join_all().await.concat().into_iter().unzip();
    late.extend(by_generator);
    took
}

pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    async fn open(server: SocketAddr) -> Self {
        let stream = TcpStream::connect(server).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, buffer: Vec::with_capacity(4096) }
    }

    /// Returns once the answer is there, which must be a success.
    async fn send(&mut self, request: &[u8]) {
        self.stream.write_all(request).await.unwrap();
        self.buffer.clear();
        while !self.is_answered() {
            assert_ne!(self.stream.read_buf(&mut self.buffer).await.unwrap(), 0, "the server hung up");
        }
        assert!(self.buffer.starts_with(b"HTTP/1.1 2"), "{}", String::from_utf8_lossy(&self.buffer));
    }

    fn is_answered(&self) -> bool {
        const END: &[u8] = b"\r\n\r\n";
        let Some(end) = self.buffer.windows(END.len()).position(|window| window == END) else { return false };
        let head = String::from_utf8_lossy(&self.buffer[..end]);
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        self.buffer.len() >= end + END.len() + length.unwrap_or(0_usize)
    }
}
