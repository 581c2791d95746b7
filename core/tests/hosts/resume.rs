//! Files that go on where they stopped (section 14).

use xcher_core::peer::{Error, Event, SessionId};

use crate::net::{Net, trust};

fn file() -> Vec<u8> {
    (0..1000u32).flat_map(u32::to_le_bytes).collect()
}

const SIZE: u64 = 4000;

/// A has part of a file of B's.
fn net(left: &[u8]) -> (Net, SessionId) {
    let mut net = Net::new(vec![("a", Some(trust(1))), ("b", Some(trust(2)))]);
    net.hosts[1].files.insert("x".into(), file());
    net.hosts[0].left.insert("x".into(), left.into());
    let session = net.call(0, "b");
    (net, session)
}

fn from(net: &Net) -> Vec<u64> {
    let started = |event: &Event| match event {
        Event::Started { from, .. } => Some(*from),
        _ => None,
    };
    net.hosts[0].events.iter().filter_map(started).collect()
}

#[test]
fn what_is_there_is_not_sent_again() {
    for there in [1, 31, 32, 33, 100, 3999, 4000] {
        let (mut net, session) = net(&file()[..there]);
        net.get(0, session, "x", SIZE);
        assert_eq!(net.hosts[0].stored["x"], file());
        assert_eq!((net.hosts[1].sent, from(&net)), (SIZE - there as u64, vec![there as u64]));
    }
}

#[test]
fn what_is_not_how_it_begins_is_sent_whole() {
    let mut other = file()[..2000].to_vec();
    other[1999] ^= 1;
    for left in [other, vec![9], [file(), vec![7]].concat(), Vec::new()] {
        let (mut net, session) = net(&left);
        net.get(0, session, "x", SIZE);
        assert_eq!(net.hosts[0].stored["x"], file());
        assert_eq!((net.hosts[1].sent, from(&net)), (SIZE, vec![0]), "{}", left.len());
    }
}

#[test]
fn a_file_that_changed_meanwhile_is_refused_or_sent_whole() {
    // Another size than was listed: NO to both.
    let (mut net, session) = net(&file()[..100]);
    net.hosts[1].files.insert("x".into(), vec![1; 10]);
    net.get(0, session, "x", SIZE);
    assert_eq!(net.errors(0), [Error::Refused]);
    assert_eq!(net.hosts[0].left["x"], &file()[..100], "what is there stays");

    // While it is being read.
    let (mut net, session) = self::net(&file()[..100]);
    net.hosts[1].slow = true;
    net.get(0, session, "x", SIZE);
    net.hosts[1].files.insert("x".into(), vec![1; 4000]);
    let transfer = net.hosts[1].held.iter().find_map(|input| match input {
        xcher_core::peer::Input::Opened { transfer, .. } => Some(*transfer),
        _ => None,
    });
    let transfer = transfer.unwrap();
    net.hosts[1].held =
        vec![xcher_core::peer::Input::Opened { transfer, digest: Err("it changed".into()) }];
    net.release(1);
    assert_eq!(net.hosts[0].stored["x"], vec![1; 4000]);
    assert_eq!(net.hosts[1].sent, SIZE);
}

/// A file that becomes another one between the look at its beginning and the rest.
#[test]
fn a_file_of_two_halves_is_not_stored() {
    let (mut net, session) = net(&file()[..100]);
    net.hosts[1].slow = true;
    net.get(0, session, "x", SIZE);
    net.hosts[1].files.insert("x".into(), vec![1; 4000]);
    net.release(1);
    assert_eq!(net.errors(0), [Error::Altered]);
    assert!(net.hosts[0].stored.is_empty());
    // What is left of it is no beginning of either, and is not gone on with.
    net.get(0, session, "x", SIZE);
    assert_eq!(net.hosts[0].stored["x"], vec![1; 4000]);
}

#[test]
fn a_session_that_is_lost_while_it_is_looked_leaves_what_is_there() {
    for slow in [0, 1] {
        let (mut net, session) = net(&file()[..100]);
        net.hosts[slow].slow = true;
        net.get(0, session, "x", SIZE);
        net.cut_all();
        // So long may what was asked for still begin to come.
        net.wait(6);
        net.release(slow);
        net.wait(40);
        assert!(net.hosts[0].stored.is_empty());
        assert!(net.hosts.iter().all(|host| !host.peer.is_busy()), "nothing stays open");
        assert!(net.listeners.is_empty());
        assert_eq!(net.hosts[0].left["x"], &file()[..100]);
        let failed = |event: &&Event| matches!(event, Event::Failed { .. });
        assert_eq!(net.hosts[0].events.iter().filter(failed).count(), 1);
        // And the next try goes on with it.
        let session = net.call(0, "b");
        net.get(0, session, "x", SIZE);
        assert_eq!((net.hosts[0].stored["x"].clone(), net.hosts[1].sent), (file(), SIZE - 100));
    }
}

/// By whom was called, and from whom this host dials, it is the same.
#[test]
fn it_goes_on_either_way() {
    let mut net = Net::new(vec![("a", Some(trust(1))), ("b", Some(trust(2)))]);
    net.hosts[0].files.insert("x".into(), file());
    net.hosts[1].left.insert("x".into(), file()[..2000].into());
    net.call(0, "b");
    let (session, _) = net.opened(1).unwrap();
    net.get(1, session, "x", SIZE);
    assert_eq!((net.hosts[1].stored["x"].clone(), net.hosts[0].sent), (file(), SIZE - 2000));
    // A beginning that is another: NO, and all of it.
    net.hosts[1].left.insert("x".into(), vec![9; 10]);
    net.get(1, session, "x", SIZE);
    assert_eq!((net.hosts[1].stored["x"].clone(), net.hosts[0].sent), (file(), 2 * SIZE - 2000));
}

#[test]
fn in_the_clear_nothing_is_gone_on_with() {
    let mut net = Net::new(vec![("a", Some(trust(1))), ("b", None)]);
    net.hosts[1].files.insert("x".into(), file());
    net.hosts[0].left.insert("x".into(), file()[..2000].into());
    let session = net.call(0, "b");
    net.get(0, session, "x", SIZE);
    assert_eq!((net.hosts[0].stored["x"].clone(), net.hosts[1].sent), (file(), SIZE));
}

/// Nobody makes this host read files on by asking for them and going away.
#[test]
fn a_beginning_is_read_no_further_once_its_session_is_over() {
    let (mut net, session) = net(&file()[..100]);
    net.hosts[1].slow = true;
    net.get(0, session, "x", SIZE);
    assert_eq!(net.hosts[1].held.len(), 1, "it is being read");
    net.cut_all();
    assert_eq!(net.hosts[1].abandoned.len(), 1);
    assert!(!net.hosts[1].peer.is_busy());
    net.release(1);
    assert!(!net.hosts[1].peer.is_busy(), "nobody is dialled any more");
}
