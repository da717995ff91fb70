#![doc = include_str!("../README.md")]

mod book;
mod functions;
mod http;

pub use book::{Appointment, Book, Refused};
pub use functions::{Invocation, Reply, answer};
pub use http::{Practice, router};
