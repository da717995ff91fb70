//! Log lines, written by a thread of their own: whoever logs only leaves its line, and what gathers while others are
//! written goes out in one write.

use std::io::{self, Write};
use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// A lone line goes out at once; those that follow it so closely go out together.
const GATHER: Duration = Duration::from_millis(5);

/// So many bytes may wait. Then whoever logs waits too: slow is better than silent.
const MOST: usize = 1 << 20;

/// Takes lines, as `std::io::Write`. One call of `write` is one line, or several, but never a part of one.
///
/// A process that is killed loses what was logged in its last few milliseconds.
pub struct Background {
    state: Mutex<State>,
    /// Told when there are lines, or no more will come.
    news: Condvar,
    /// Told when lines were taken away.
    room: Condvar,
    out: Mutex<Box<dyn Write + Send>>,
}

#[derive(Default)]
struct State {
    lines: Vec<u8>,
    /// The thread waits for lines, and must be woken.
    resting: bool,
    /// There is no thread any more.
    closed: bool,
}

/// Waits, when it is dropped, until all lines are written. Those that come later are written by whoever logs them.
#[must_use = "dropping it ends writing in the background"]
pub struct Flush {
    background: Arc<Background>,
    thread: Option<JoinHandle<()>>,
}

impl Background {
    /// Starts the thread.
    ///
    /// # Errors
    /// The system has no more threads.
    pub fn start(out: impl Write + Send + 'static) -> io::Result<(Arc<Self>, Flush)> {
        let background = Arc::new(Self {
            state: Mutex::default(),
            news: Condvar::new(),
            room: Condvar::new(),
            out: Mutex::new(Box::new(out)),
        });
        let writing = background.clone();
        let thread = thread::Builder::new().name("log".to_owned()).spawn(move || writing.run())?;
        Ok((background.clone(), Flush { background, thread: Some(thread) }))
    }

    fn run(&self) {
        let mut lines = Vec::new();
        while self.take(&mut lines) {
            self.room.notify_all();
            // There is nobody to tell that the log cannot be written.
            let _ = self.write_out(&lines);
            lines.clear();
            let gathering = self.news.wait_timeout_while(self.lock(), GATHER, |state| !state.closed);
            drop(gathering);
        }
    }

    /// Waits for lines. `false` when there are none and no more will come.
    fn take(&self, lines: &mut Vec<u8>) -> bool {
        let mut state = self.lock();
        while state.lines.is_empty() && !state.closed {
            state.resting = true;
            state = self.news.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.resting = false;
        }
        mem::swap(&mut state.lines, lines);
        !lines.is_empty()
    }

    fn write_out(&self, lines: &[u8]) -> io::Result<()> {
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        out.write_all(lines)?;
        out.flush()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for &Background {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let full = |state: &mut State| state.lines.len() >= MOST && !state.closed;
        let mut state = self.room.wait_while(self.lock(), full).unwrap_or_else(PoisonError::into_inner);
        if state.closed {
            drop(state);
            return self.write_out(line).map(|()| line.len());
        }
        state.lines.extend_from_slice(line);
        let wake = mem::take(&mut state.resting);
        drop(state);
        if wake {
            self.news.notify_one();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Flush {
    fn drop(&mut self) {
        self.background.lock().closed = true;
        self.background.news.notify_all();
        self.background.room.notify_all();
        if let Some(thread) = self.thread.take() {
            // It does nothing that could panic but write, and then its lines are lost anyway.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// Tells what is written, one message a write.
    struct Told(mpsc::Sender<String>);

    impl Write for Told {
        fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
            self.0.send(String::from_utf8(lines.to_vec()).unwrap()).unwrap();
            Ok(lines.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_lone_line_is_written_without_waiting_for_others() {
        let (told, written) = mpsc::channel();
        let (background, _flush) = Background::start(Told(told)).unwrap();
        for line in ["one\n", "two\n"] {
            (&*background).write_all(line.as_bytes()).unwrap();
            assert_eq!(written.recv_timeout(Duration::from_secs(10)).unwrap(), line);
        }
    }

    #[test]
    fn every_line_is_written_once_and_whole_whoever_logs_and_however_much() {
        let (told, written) = mpsc::channel();
        let (background, flush) = Background::start(Told(told)).unwrap();
        // More than may wait.
        let long = "x".repeat(MOST / 40);
        thread::scope(|scope| {
            for who in 0..4 {
                let (mut background, long) = (&*background, &long);
                scope.spawn(move || {
                    for n in 0..100 {
                        background.write_all(format!("{who} {n:02} {long}\n").as_bytes()).unwrap();
                    }
                });
            }
        });
        drop(flush);
        (&*background).write_all(b"late\n").unwrap();
        drop(background);

        let all: String = written.iter().collect();
        let (last, mut lines) = (all.lines().last(), all.lines().collect::<Vec<_>>());
        assert_eq!(last, Some("late"), "what comes after the end is written all the same");
        assert_eq!(lines.len(), 401);
        assert!(lines[..400].iter().all(|line| line.len() == long.len() + 5), "no line is mixed with another one");
        lines.sort_unstable();
        lines.dedup();
        assert_eq!(lines.len(), 401);
    }
}
