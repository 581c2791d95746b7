use std::time::Duration;

use xcher_core::peer::{Config, Event, Input};
use xcher_core::{Peer, Size, Stat};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let now = Duration::ZERO; // A driver reads a monotonic clock.
    let file = b"Hello, Bob!";
    let mut network = Network::new(file);
    for nick in ["alice", "bob"] {
        let mut peer = Peer::new(Config { nicks: vec![nick.parse()?], ..Config::default() });
        let mut actions = Vec::new();
        peer.start(now, &mut actions);
        network.add(peer, actions);
    }
    // The run loop: report an input, then carry out all actions that it causes. A driver also
    // waits until `Peer::next_deadline` and then reports `Input::Tick`.
    while let Some((host, received)) = network.next() {
        let (peer, mut actions) = (network.peer(host), Vec::new());
        match received {
            Received::Input(input) => peer.handle(input, now, &mut actions),
            Received::Bytes(conn, bytes) => {
                peer.handle(Input::Received { conn, bytes: &bytes }, now, &mut actions);
            }
            // Bob, the last to come online, calls Alice and fetches her file.
            Received::Event(Event::Online { nick }) if nick.as_str() == "bob" => {
                peer.open("alice".parse()?, now, &mut actions)?;
            }
            Received::Event(Event::Opened { session, incoming: false, .. }) => {
                let (name, size) = ("hello.txt".parse()?, Size::Exact(file.len() as u64));
                peer.get(session, name, size, Stat::default(), now, &mut actions)?;
            }
            Received::Event(_) => {}
        }
        network.carry_out(host, actions);
    }
    assert_eq!(network.stored(), Some(&file[..]));
    Ok(())
}
