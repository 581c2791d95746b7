//! A program that uses the crate alone. Its wasm imports are those of the crate, which
//! `core/tests/wasm_imports.rs` checks.

use std::hint::black_box;
use std::time::Duration;

use xcher_core::peer::{self, Config, ConnId};
use xcher_core::{Nick, Peer, Registry, RelayLimits, Stat, registry};

fn main() {
    // Hidden from the optimiser, so that it removes nothing.
    let bytes: &[u8] = black_box(b"X_NICK a YES\nX_ADDR 127.0.0.1\nX_FILELIST\nX_CHK a\nX_END\n");
    let now = black_box(Duration::ZERO);
    let nick = black_box("a").parse::<Nick>();

    let mut registry = Registry::new(RelayLimits::default(), [7; 32]);
    let mut actions = Vec::new();
    let conn = registry::ConnId(black_box(1));
    let from = black_box(([127, 0, 0, 1], 4000).into());
    registry.handle(registry::Input::Connected { conn, from }, now, &mut actions);
    registry.handle(registry::Input::Received { conn, bytes }, now, &mut actions);
    registry.handle(registry::Input::Tick, now, &mut actions);
    drop(black_box(actions));

    // A host with a session and a transfer, which reaches all of its code.
    let mut peer = Peer::new(Config { nicks: nick.into_iter().collect(), ..Config::default() });
    let mut actions = Vec::new();
    peer.start(now, &mut actions);
    for number in 0..black_box(9) {
        let conn = ConnId(number);
        let connected = peer::Input::Connected { conn, local: from, remote: from };
        peer.handle(connected, now, &mut actions);
        peer.handle(peer::Input::Received { conn, bytes }, now, &mut actions);
    }
    if let Ok(nick) = black_box("b").parse::<Nick>()
        && let Ok(session) = peer.open(nick, now, &mut actions)
    {
        black_box(peer.list(session, now, &mut actions)).ok();
        if let Ok(name) = xcher_core::FileName::new(black_box("a")) {
            let size = xcher_core::Size::Exact(black_box(1));
            black_box(peer.get(session, name, size, Stat::default(), now, &mut actions)).ok();
        }
    }
    peer.stop(now, &mut actions);
    drop(black_box(actions));
}
