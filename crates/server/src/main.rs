//! The program `call-server`: everything is in the library.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    call_server::cli::Cli::parse().run()
}
