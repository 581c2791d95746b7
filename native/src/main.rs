//! The `xcher` command.

fn main() {}
