//! What a command prints.

use std::fmt::Arguments;
use std::io::{ErrorKind, Write as _, stdout};

/// Prints a line, as `println!` does, but ends the program without a fuss when the reader has seen enough (`| head`).
macro_rules! say {
    ($($part:tt)*) => { $crate::cli::print::line(format_args!($($part)*)) };
}

pub(super) fn line(text: Arguments<'_>) {
    if let Err(error) = writeln!(stdout(), "{text}") {
        std::process::exit(i32::from(error.kind() != ErrorKind::BrokenPipe));
    }
}
