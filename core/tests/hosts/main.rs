//! A few hosts that do one thing after the other: what each says, keeps, and lets nobody do.

#![allow(clippy::unwrap_used)]

mod codes;
mod driver;
mod fairness;
mod net;
mod offers;
mod offline;
mod passive;
mod pins;
mod pipes;
mod reach;
mod receipts;
mod resume;
mod silence;
mod tickets;
mod unreadable;
