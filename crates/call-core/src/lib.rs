//! The call lifecycle.

mod machine;
pub mod port;

pub use machine::journal;
pub use machine::*;
