//! Resuming incomplete downloads (section 14).

use xcher_core::peer::{Error, Event, SessionId};

use crate::net::{Net, encryption};

fn file() -> Vec<u8> {
    (0..1000u32).flat_map(u32::to_le_bytes).collect()
}

const SIZE: u64 = 4000;

/// A has part of a file of B's.
fn net(left: &[u8]) -> (Net, SessionId) {
    let mut net = Net::new(vec![("a", Some(encryption(1))), ("b", Some(encryption(2)))]);
    net.hosts[1].files.insert("x".into(), file());
    net.hosts[0].partials.insert("x".into(), left.into());
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
fn existing_bytes_are_not_sent_again() {
    for there in [1, 31, 32, 33, 100, 3999, 4000] {
        let (mut net, session) = net(&file()[..there]);
        net.get(0, session, "x", SIZE);
        assert_eq!(net.hosts[0].stored["x"], file());
        assert_eq!((net.hosts[1].sent, from(&net)), (SIZE - there as u64, vec![there as u64]));
    }
}

#[test]
fn wrong_beginning_is_replaced_by_the_complete_file() {
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
fn changed_file_is_refused_or_sent_completely() {
    // The size differs from the listed one: both requests get NO.
    let (mut net, session) = net(&file()[..100]);
    net.hosts[1].files.insert("x".into(), vec![1; 10]);
    net.get(0, session, "x", SIZE);
    assert_eq!(net.errors(0), [Error::Refused]);
    assert_eq!(net.hosts[0].partials["x"], &file()[..100], "the partial file is gone");

    // The file changes while it is read.
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

/// The file changes between the comparison of its beginning and the rest.
#[test]
fn file_mixed_from_two_versions_is_not_stored() {
    let (mut net, session) = net(&file()[..100]);
    net.hosts[1].slow = true;
    net.get(0, session, "x", SIZE);
    net.hosts[1].files.insert("x".into(), vec![1; 4000]);
    net.release(1);
    assert_eq!(net.errors(0), [Error::Altered]);
    assert!(net.hosts[0].stored.is_empty());
    // The partial file is a beginning of neither version, and is not resumed.
    net.get(0, session, "x", SIZE);
    assert_eq!(net.hosts[0].stored["x"], vec![1; 4000]);
}

#[test]
fn session_lost_during_lookup_keeps_the_partial_file() {
    for slow in [0, 1] {
        let (mut net, session) = net(&file()[..100]);
        net.hosts[slow].slow = true;
        net.get(0, session, "x", SIZE);
        net.cut_all();
        // A requested file may still begin to arrive for 5 s.
        net.wait(6);
        net.release(slow);
        net.wait(40);
        assert!(net.hosts[0].stored.is_empty());
        assert!(net.hosts.iter().all(|host| !host.peer.is_busy()), "a host is still busy");
        assert!(net.listeners.is_empty());
        assert_eq!(net.hosts[0].partials["x"], &file()[..100]);
        let failed = |event: &&Event| matches!(event, Event::Failed { .. });
        assert_eq!(net.hosts[0].events.iter().filter(failed).count(), 1);
        // The next attempt resumes.
        let session = net.call(0, "b");
        net.get(0, session, "x", SIZE);
        assert_eq!((net.hosts[0].stored["x"].clone(), net.hosts[1].sent), (file(), SIZE - 100));
    }
}

/// The callee resumes as the caller does.
#[test]
fn resumes_in_either_direction() {
    let mut net = Net::new(vec![("a", Some(encryption(1))), ("b", Some(encryption(2)))]);
    net.hosts[0].files.insert("x".into(), file());
    net.hosts[1].partials.insert("x".into(), file()[..2000].into());
    net.call(0, "b");
    let (session, _) = net.opened(1).unwrap();
    net.get(1, session, "x", SIZE);
    assert_eq!((net.hosts[1].stored["x"].clone(), net.hosts[0].sent), (file(), SIZE - 2000));
    // A wrong beginning gets NO, and then the complete file.
    net.hosts[1].partials.insert("x".into(), vec![9; 10]);
    net.get(1, session, "x", SIZE);
    assert_eq!((net.hosts[1].stored["x"].clone(), net.hosts[0].sent), (file(), 2 * SIZE - 2000));
}

#[test]
fn does_not_resume_in_an_unencrypted_session() {
    let mut net = Net::new(vec![("a", Some(encryption(1))), ("b", None)]);
    net.hosts[1].files.insert("x".into(), file());
    net.hosts[0].partials.insert("x".into(), file()[..2000].into());
    let session = net.call(0, "b");
    net.get(0, session, "x", SIZE);
    assert_eq!((net.hosts[0].stored["x"].clone(), net.hosts[1].sent), (file(), SIZE));
}

/// A peer cannot make this host read files by requesting them and disconnecting.
#[test]
fn stops_reading_a_beginning_when_the_session_ends() {
    let (mut net, session) = net(&file()[..100]);
    net.hosts[1].slow = true;
    net.get(0, session, "x", SIZE);
    assert_eq!(net.hosts[1].held.len(), 1, "the beginning is not being read");
    net.cut_all();
    assert_eq!(net.hosts[1].abandoned.len(), 1);
    assert!(!net.hosts[1].peer.is_busy());
    net.release(1);
    assert!(!net.hosts[1].peer.is_busy(), "the requester is dialled");
}
