//! Runs a few hosts step by step and checks what each sends, keeps and refuses.

#![allow(clippy::unwrap_used)]

mod call_paths;
mod codes;
mod declines;
mod driver;
mod fairness;
mod fake_link;
mod insider;
mod links;
mod meeting;
mod moves;
mod near;
mod neighbours;
mod net;
mod offers;
mod offline;
mod passive;
mod pins;
mod pipes;
mod punch;
mod reach;
mod receipts;
mod resume;
mod silence;
mod slow_negotiation;
mod tickets;
mod unreadable;
