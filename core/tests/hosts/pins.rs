//! Pinned keys (section 11.6).

use xcher_core::peer::{Error, KeyStatus, Security, WhyUnencrypted};
use xcher_core::secure::PublicKey;
use xcher_core::{Nick, ProtocolError};

use crate::net::{Net, encryption, key};

fn nick(text: &str) -> Nick {
    Nick::parse(text).unwrap()
}

fn known(net: &Net, host: usize) -> Option<(PublicKey, KeyStatus)> {
    match net.opened(host)?.1 {
        Security::Encrypted { key, status: known } => Some((key, known)),
        Security::Unencrypted(_) => None,
    }
}

#[test]
fn pins_a_called_nick_at_first_sight() {
    let mut net = Net::new(vec![("a", Some(encryption(1))), ("b", Some(encryption(2)))]);
    net.call(0, "b");
    assert_eq!(known(&net, 0), Some((key(2), KeyStatus::FirstSeen)));
    assert_eq!(known(&net, 1), Some((key(1), KeyStatus::Unpinned)), "a caller chooses its nick");
    assert_eq!(net.hosts[0].pins, [(nick("b"), key(2))]);
    assert_eq!(net.hosts[1].pins, []);
    net.call(0, "b");
    assert_eq!(known(&net, 0), Some((key(2), KeyStatus::Pinned)));
    assert_eq!(net.hosts[0].pins.len(), 1, "pinned twice");
}

#[test]
fn does_not_pin_a_nick_of_digits() {
    let mut net = Net::new(vec![("a", Some(encryption(1))), ("4821", Some(encryption(2)))]);
    net.call(0, "4821");
    assert_eq!(known(&net, 0), Some((key(2), KeyStatus::Unpinned)));
    assert_eq!(net.hosts[0].pins, []);
}

#[test]
fn rejects_a_changed_key() {
    for pinned in [0, 1] {
        let mut encryptions = [encryption(1), encryption(2)];
        let (of, expected) = (["b", "a"][pinned], PublicKey::new([9; 32]));
        encryptions[pinned].pin(nick(of), expected);
        let [a, b] = encryptions;
        let mut net = Net::new(vec![("a", Some(a)), ("b", Some(b))]);
        net.hosts[1 - pinned].files.insert("x".into(), vec![1]);
        let session = net.call(0, "b");
        net.with(0, |peer, now, actions| _ = peer.list(session, now, actions));
        net.wait(40);
        assert!(net.opened(pinned).is_none() && known(&net, pinned).is_none());
        assert!(net.hosts[0].stored.is_empty() && net.hosts[pinned].pins.is_empty());
        assert!(net.hosts.iter().all(|host| host.looked_up == 0 && !host.peer.is_busy()));
        if pinned == 1 {
            let got = key(1);
            let error = Error::Protocol(ProtocolError::KeyChanged { expected, got });
            assert_eq!(net.errors(1), [error]);
        }
    }
}

#[test]
fn pinned_nick_gets_no_unencrypted_session() {
    let mut a = encryption(1);
    a.pin(nick("b"), key(2));
    let mut net = Net::new(vec![("a", Some(a)), ("b", None), ("c", None)]);
    net.hosts[1].files.insert("x".into(), vec![1]);
    let session = net.call(0, "b");
    net.with(0, |peer, now, actions| _ = peer.list(session, now, actions));
    net.wait(40);
    assert!(net.opened(0).is_none() && net.hosts[1].looked_up == 0);
    // A nick without a pin gets an unencrypted session.
    net.call(0, "c");
    net.wait(3);
    assert_eq!(net.opened(0).unwrap().1, Security::Unencrypted(WhyUnencrypted::PeerUnsupported));
    // An unencrypted call by the pinned nick is refused.
    let session = net.call(1, "a");
    net.with(1, |peer, now, actions| peer.list(session, now, actions)).unwrap();
    net.wait(40);
    assert_eq!(net.errors(0).last(), Some(&Error::Protocol(ProtocolError::Unencrypted)));
}

#[test]
fn required_encryption_allows_no_other_session() {
    for caller in [0, 1] {
        let mut net = Net::new(vec![("a", Some(encryption(1).required())), ("b", None)]);
        net.hosts[0].files.insert("x".into(), vec![1]);
        let session = net.call(caller, ["b", "a"][caller]);
        net.with(caller, |peer, now, actions| _ = peer.list(session, now, actions));
        net.wait(40);
        assert!(net.opened(0).is_none());
        assert_eq!((net.hosts[0].looked_up, net.hosts[1].looked_up), (0, 0));
    }
    let both = [encryption(1).required(), encryption(2).required()].map(Some);
    let [a, b] = both;
    let mut net = Net::new(vec![("a", a), ("b", b)]);
    net.call(0, "b");
    assert!(known(&net, 0).is_some() && known(&net, 1).is_some());
}
