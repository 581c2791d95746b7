//! What two sides agree on, whoever answers and whoever is in between (sections 9, 11 and 12).

#![allow(clippy::unwrap_used)]

mod between;
mod late;
mod outcomes;
mod random;
mod records;
mod talker;
