//! A TCP proxy that fails on demand: what can happen to the line between a server and its database.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, sleep};
use std::time::Duration;

use crate::port;

/// How often a waiting proxy looks for callers.
const PAUSE: Duration = Duration::from_millis(2);

/// The line. Dropping it cuts it.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    line: Arc<Line>,
}

#[derive(Debug)]
struct Line {
    target: SocketAddr,
    /// Gone while callers are refused.
    listener: Mutex<Option<TcpListener>>,
    state: Mutex<State>,
    cuts: AtomicUsize,
}

#[derive(Debug, Default)]
struct State {
    delay: Duration,
    swallows: bool,
    trap: Option<Trap>,
    links: Vec<Arc<Link>>,
    closed: bool,
}

/// What makes the line break by itself, once.
#[derive(Debug)]
enum Trap {
    /// So many more bytes of an answer pass.
    After(usize),
    /// The answer to a request that holds these bytes does not pass.
    AnswerTo(Vec<u8>),
}

/// One caller and its connection to the target.
#[derive(Debug)]
struct Link {
    caller: TcpStream,
    target: TcpStream,
    fate: Mutex<Fate>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Fate {
    Passes,
    /// Bytes are missing, so that nothing that follows may arrive.
    Mute,
    /// The target's next answer passes up to here.
    Doomed(usize),
}

impl Proxy {
    /// Opens a line to `target`.
    ///
    /// # Panics
    /// When its port is taken.
    #[must_use]
    pub fn to(target: SocketAddr) -> Self {
        let port = port::reserve();
        let listener = Mutex::new(Some(listen(port)));
        let line = Arc::new(Line { target, listener, state: Mutex::default(), cuts: AtomicUsize::new(0) });
        let accepting = Arc::clone(&line);
        thread::spawn(move || accepting.accept());
        Self { port, line }
    }

    /// Where callers reach it.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// Ends every fault. Connections that lost bytes stay mute; others live on.
    ///
    /// # Panics
    /// When its port is taken.
    pub fn heal(&self) {
        let mut state = self.line.state();
        (state.delay, state.swallows, state.trap) = (Duration::ZERO, false, None);
        drop(state);
        let mut listener = self.line.listener.lock().unwrap_or_else(PoisonError::into_inner);
        listener.get_or_insert_with(|| listen(self.port));
    }

    /// Whatever is sent, either way, arrives so much later.
    pub fn delay(&self, delay: Duration) {
        self.line.state().delay = delay;
    }

    /// Cuts every connection now; new ones pass. Gives how many there were.
    pub fn cut(&self) -> usize {
        let links = std::mem::take(&mut self.line.state().links);
        for link in &links {
            self.line.cut(link);
        }
        links.len()
    }

    /// Half open: connections are made and stay, and nothing arrives on either side.
    pub fn swallow(&self) {
        self.line.state().swallows = true;
    }

    /// Cuts every connection and refuses new ones.
    pub fn refuse(&self) {
        *self.line.listener.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.cut();
    }

    /// The next connection that is answered is cut after so many bytes of the answer; none, if that is 0. Once.
    pub fn cut_after(&self, bytes: usize) {
        self.line.state().trap = Some(Trap::After(bytes));
    }

    /// The next request that holds `needle` (within one write of its sender) reaches the target, and when the answer
    /// comes the connection is cut instead: exactly the answer to a commit is lost. Once.
    pub fn cut_answer_to(&self, needle: impl Into<Vec<u8>>) {
        self.line.state().trap = Some(Trap::AnswerTo(needle.into()));
    }

    /// How many connections have been cut: that a fault did strike.
    #[must_use]
    pub fn cuts(&self) -> usize {
        self.line.cuts.load(Ordering::SeqCst)
    }

    /// How many connections are open.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.line.state().links.len()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.line.state().closed = true;
        self.refuse();
    }
}

fn listen(port: u16) -> TcpListener {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect("a reserved port is free");
    listener.set_nonblocking(true).expect("a listener need not block");
    listener
}

impl Line {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn accept(self: Arc<Self>) {
        while !self.state().closed {
            let accepted = {
                let listener = self.listener.lock().unwrap_or_else(PoisonError::into_inner);
                // Linked while nobody else may refuse, so that no caller is overlooked by a cut.
                listener.as_ref().and_then(|listener| listener.accept().ok()).map(|(caller, _)| self.link(caller))
            };
            if accepted.is_none() {
                sleep(PAUSE);
            }
        }
    }

    /// A caller whose target cannot be reached is hung up on.
    fn link(self: &Arc<Self>, caller: TcpStream) {
        let Ok(target) = TcpStream::connect(self.target) else { return };
        for stream in [&caller, &target] {
            let _ = stream.set_nonblocking(false);
            let _ = stream.set_nodelay(true);
        }
        let link = Arc::new(Link { caller, target, fate: Mutex::new(Fate::Passes) });
        self.state().links.push(Arc::clone(&link));
        for answers in [false, true] {
            let (line, link) = (Arc::clone(self), Arc::clone(&link));
            thread::spawn(move || line.carry(&link, answers));
        }
    }

    /// Carries requests or answers until one side closes or the line is cut.
    fn carry(&self, link: &Arc<Link>, answers: bool) {
        let (mut from, mut to) = if answers { (&link.target, &link.caller) } else { (&link.caller, &link.target) };
        let mut chunk = vec![0; 64 * 1024];
        loop {
            let length = match from.read(&mut chunk) {
                Ok(0) => break,
                Ok(length) => length,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(_) => break,
            };
            let (fate, delay) = self.judge(link, answers, &chunk[..length]);
            sleep(delay);
            let passes = match fate {
                Fate::Passes => length,
                Fate::Mute => continue,
                Fate::Doomed(passes) if answers => passes,
                Fate::Doomed(_) => length,
            };
            if to.write_all(&chunk[..passes]).is_err() {
                break;
            }
            if answers && let Fate::Doomed(_) = fate {
                self.cut(link);
                break;
            }
        }
        // The other side hears of the end; this link is no more.
        let _ = to.shutdown(Shutdown::Write);
        if answers {
            self.state().links.retain(|other| !Arc::ptr_eq(other, link));
        }
    }

    /// What becomes of a chunk.
    fn judge(&self, link: &Link, answers: bool, chunk: &[u8]) -> (Fate, Duration) {
        let mut state = self.state();
        let mut fate = link.fate.lock().unwrap_or_else(PoisonError::into_inner);
        if state.swallows {
            *fate = Fate::Mute;
        }
        match &mut state.trap {
            Some(Trap::After(left)) if answers && *fate == Fate::Passes => {
                if chunk.len() > *left {
                    *fate = Fate::Doomed(*left);
                    state.trap = None;
                } else {
                    *left -= chunk.len();
                }
            }
            Some(Trap::AnswerTo(needle)) if !answers && chunk.windows(needle.len()).any(|part| part == needle) => {
                *fate = Fate::Doomed(0);
                state.trap = None;
            }
            Some(_) | None => {}
        }
        (*fate, state.delay)
    }

    fn cut(&self, link: &Link) {
        self.cuts.fetch_add(1, Ordering::SeqCst);
        // One that is closed already is cut enough.
        let _ = link.caller.shutdown(Shutdown::Both);
        let _ = link.target.shutdown(Shutdown::Both);
    }
}
