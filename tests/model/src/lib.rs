#![doc = include_str!("../README.md")]

mod action;
mod ask;
mod bounds;
mod laws;
mod network;
mod shelf;
mod stage;
mod task;
mod world;

pub use action::{Action, How};
pub use ask::{Known, Refusal, Reply, Request, Said, Unit};
pub use bounds::{Bounds, Flaw, LINE, STEP, Trouble, policy};
pub use laws::Everything;
pub use network::{Event, Line, Message, Phone, key, number};
pub use shelf::{Past, Row, Shelf};
pub use stage::{Heard, Stand, play};
pub use task::{Outcome, Task};
pub use world::{Hand, User, World};
