//! The program `call-server`: everything is in the library.

use std::process::ExitCode;

use clap::Parser;

/// A webhook is many small allocations, and much of what one thread allocates is freed by another.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    call_server::cli::Cli::parse().run()
}
