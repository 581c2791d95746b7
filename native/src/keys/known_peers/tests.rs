#![allow(clippy::unwrap_used)]

use std::fs;

use super::*;
use crate::keys::RelayKey;

fn key(number: usize) -> PublicKey {
    let mut bytes = [9; 32];
    bytes[..8].copy_from_slice(&(number as u64).to_le_bytes());
    PublicKey::new(bytes)
}

fn nick(text: &str) -> Nick {
    Nick::parse(text).unwrap()
}

fn at(text: &str) -> RelayAddress {
    text.parse().unwrap()
}

fn relay(text: &str) -> RelayId {
    (&at(text)).into()
}

fn here(known: &KnownPeers, address: &str) -> Vec<(Nick, PublicKey)> {
    known.of(&at(address)).unwrap().here().to_vec()
}

#[test]
fn pins_apply_to_one_relay() {
    let folder = tempfile::tempdir().unwrap();
    let known = KnownPeers::open(&folder.path().join("new")).unwrap();
    assert!(known.list().unwrap().is_empty() && !folder.path().join("new").exists());
    assert!(
        known.forget(|_| true, |_| true).unwrap().is_empty() && !folder.path().join("new").exists()
    );
    let (tcp, page) = (relay("r.example:1"), relay("https://r.example/#amy"));
    known.pin(&tcp, &nick("amy"), key(1)).unwrap();
    known.pin(&page, &nick("amy"), key(2)).unwrap();
    known.pin(&tcp, &nick("bob"), key(3)).unwrap();
    assert_eq!(here(&known, "R.example:01").len(), 2);
    let through = here(&known, "wss://r.example/xcher");
    assert_eq!(through, [(nick("amy"), key(2))]);
    assert!(here(&known, "r.example:2").is_empty());
    let other = KnownPeers::open(&folder.path().join("new")).unwrap();
    assert_eq!(other.list().unwrap(), known.list().unwrap());
    assert_eq!(
        known.forget(|peer| peer.nick.eq_ignore_case(&nick("Amy")), |_| false).unwrap().len(),
        2
    );
    assert_eq!(here(&other, "r.example:1"), [(nick("bob"), key(3))]);
}

#[test]
fn pins_another_key_only_by_the_users_decision() {
    let folder = tempfile::tempdir().unwrap();
    let known = KnownPeers::open(folder.path()).unwrap();
    let (relay, amy) = (relay("r:1"), nick("amy"));
    let first = known.pin(&relay, &amy, key(1)).unwrap();
    let before = fs::read(folder.path().join(FILE_NAME)).unwrap();
    assert_eq!(known.pin(&relay, &amy, key(1)).unwrap(), first);
    let error = known.pin(&relay, &amy, key(2)).unwrap_err();
    let KeysError::OtherKey { pinned, .. } = &error else { panic!("{error}") };
    assert_eq!(*pinned, key(1));
    assert_eq!(fs::read(folder.path().join(FILE_NAME)).unwrap(), before);
    assert_eq!(known.replace(&relay, &amy, key(1)).unwrap(), (first, None));
    assert_eq!(known.replace(&relay, &amy, key(2)).unwrap().1, Some(key(1)));
    assert_eq!(here(&known, "r:1"), [(amy, key(2))]);
}

#[test]
fn concurrent_writers_lose_nothing() {
    const WRITERS: usize = 8;
    const EACH: usize = 25;
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("new");
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let place = &place;
            scope.spawn(move || {
                let known = KnownPeers::open(place).unwrap();
                for at in 0..EACH {
                    let nick = nick(&format!("{writer}-{at}"));
                    known.pin(&relay("r:1"), &nick, key(writer * EACH + at)).unwrap();
                }
            });
        }
    });
    let known = KnownPeers::open(&place).unwrap().list().unwrap();
    assert_eq!(known.len(), WRITERS * EACH);
}

#[test]
fn never_writes_an_invalid_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(FILE_NAME);
    let known = KnownPeers::open(folder.path()).unwrap();
    known.pin(&relay("r:1"), &nick("amy"), key(1)).unwrap();
    let half = fs::read(&file).unwrap();
    fs::write(&file, &half[..half.len() - 5]).unwrap();
    for error in [
        KnownPeers::open(folder.path()).unwrap_err(),
        known.list().unwrap_err(),
        known.of(&at("r:1")).unwrap_err(),
        known.pin(&relay("r:1"), &nick("bob"), key(2)).unwrap_err(),
        known.replace(&relay("r:1"), &nick("amy"), key(2)).unwrap_err(),
        known.forget(|_| true, |_| true).unwrap_err(),
    ] {
        assert!(matches!(error, KeysError::BadLine { line: 2, .. }), "{error}");
    }
    assert_eq!(fs::read(&file).unwrap(), half[..half.len() - 5]);
}

#[test]
fn a_relay_with_a_key_is_the_same_at_all_addresses() {
    let folder = tempfile::tempdir().unwrap();
    let known = KnownPeers::open(folder.path()).unwrap();
    let (amy, its) = (nick("amy"), key(7));
    known.remember(&at("r:1"), its).unwrap();
    known.remember(&at("r:1"), key(8)).unwrap();
    assert_eq!(known.id_of(&at("r:1")).unwrap(), RelayId::Key(its), "the first stays");
    assert_eq!(known.id_of(&at("r:2")).unwrap(), relay("r:2"));
    known.pin(&RelayId::Key(its), &amy, key(1)).unwrap();
    assert_eq!(here(&known, "r:1"), [(amy.clone(), key(1))]);
    // At another address, it is recognized once it has proved its key.
    let mut book = known.of(&at("https://r/")).unwrap();
    assert!(book.here().is_empty());
    assert_eq!(book.by(its), [(amy.clone(), key(1))]);
    assert_eq!(book.meet(Some(its)), RelayKey::First(its));
    assert_eq!(known.forget(|_| false, |address| address == "r:1").unwrap(), []);
    assert_eq!(known.id_of(&at("r:1")).unwrap(), relay("r:1"));
}

/// An attacker on the path who changes the relay's key, or removes it, makes no peer unknown, and cannot add
/// the peers that this host knows at a relay of the attacker's.
#[test]
fn another_key_of_the_relay_makes_no_peer_unknown() {
    let folder = tempfile::tempdir().unwrap();
    let known = KnownPeers::open(folder.path()).unwrap();
    let (amy, bob) = (nick("amy"), nick("bob"));
    let (its, others) = (key(7), key(8));
    known.remember(&at("r:1"), its).unwrap();
    known.remember(&at("evil:1"), others).unwrap();
    known.pin(&RelayId::Key(its), &amy, key(1)).unwrap();
    known.pin(&relay("r:1"), &bob, key(2)).unwrap();
    known.pin(&RelayId::Key(others), &amy, key(3)).unwrap();
    let mut book = known.of(&at("r:1")).unwrap();
    assert_eq!(book.here(), [(bob, key(2)), (amy, key(1))]);
    assert_eq!(book.meet(Some(its)), RelayKey::Same);
    for now in [Some(others), None] {
        assert_eq!(book.meet(now), RelayKey::Other { before: its }, "{now:?}");
    }
    assert_eq!(book.here().len(), 2);
    let mut new = known.of(&at("r:2")).unwrap();
    assert_eq!(new.meet(None), RelayKey::Same);
}
