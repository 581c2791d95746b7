//! What happens to calls when the link to the relay is lost.

use std::time::Duration;

use xcher_core::Nick;
use xcher_core::peer::{Action, Config, ConnId, Input, Path, PathPolicy, Peer};

/// A host that is online, with its link to the relay.
fn online() -> (Peer, ConnId) {
    let nick = Nick::parse("a").unwrap();
    let mut peer =
        Peer::new(Config { nicks: vec![nick], via: PathPolicy::Auto, ..Config::default() });
    let mut actions = Vec::new();
    peer.start(Duration::ZERO, &mut actions);
    let [Action::DialRelay { conn }] = actions[..] else { panic!("{actions:?}") };
    let [local, remote] = ["10.0.0.1:5000", "10.0.0.9:9247"].map(|at| at.parse().unwrap());
    take(&mut peer, 0, Input::Connected { conn, local, remote });
    take(&mut peer, 0, Input::Received { conn, bytes: b"X_NICK a YES\nX_ADDR 10.0.0.1\n" });
    assert!(peer.nick().is_some());
    (peer, conn)
}

fn take(peer: &mut Peer, at: u64, input: Input<'_>) -> Vec<Action> {
    let mut actions = Vec::new();
    peer.handle(input, Duration::from_secs(at), &mut actions);
    actions
}

/// The listener at the bridge comes when the link that its X_INIT would go over is gone.
#[test]
fn nothing_is_said_over_a_link_that_is_not_there() {
    let (mut peer, link) = online();
    let mut actions = Vec::new();
    peer.open(Nick::parse("b").unwrap(), Duration::ZERO, &mut actions).unwrap();
    let [Action::Listen { listener, .. }] = actions[..] else { panic!("{actions:?}") };
    take(&mut peer, 0, Input::Listening { listener, allocated_at: None, port: 4000 });
    // Somebody comes and says nothing.
    let conn = peer.new_conn();
    let [local, remote] = ["10.0.0.1:4000", "10.0.0.2:5000"].map(|at| at.parse().unwrap());
    take(&mut peer, 1, Input::Accepted { listener, conn, local, remote });
    take(&mut peer, 2, Input::Tick);
    let actions = take(&mut peer, 3, Input::Tick);
    let at_bridge = |action: &Action| match action {
        Action::Listen { listener, path: Path::Bridge, .. } => Some(*listener),
        _ => None,
    };
    let lent = actions.iter().find_map(at_bridge).expect("a port of the bridge's");
    take(&mut peer, 3, Input::Closed { conn: link, why: None });
    let actions = take(&mut peer, 4, Input::Tick);
    let dials = |action: &Action| matches!(action, Action::DialRelay { .. });
    assert!(actions.iter().any(dials), "{actions:?}");
    let allocated_at = Some([10, 0, 0, 9].into());
    let actions = take(&mut peer, 4, Input::Listening { listener: lent, allocated_at, port: 4001 });
    let writes = |action: &Action| matches!(action, Action::Write { .. });
    assert!(!actions.iter().any(writes), "{actions:?}");
    let stops =
        |action: &Action| matches!(action, Action::StopListening { listener } if *listener == lent);
    assert!(actions.iter().any(stops), "{actions:?}");
    assert!(peer.is_busy(), "who came first may still speak");
}
