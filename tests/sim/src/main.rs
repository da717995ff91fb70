//! The simulation from the command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    sim::command::main()
}
