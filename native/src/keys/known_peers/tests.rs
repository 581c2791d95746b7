#![allow(clippy::unwrap_used)]

use std::fs;

use super::*;

fn key(number: usize) -> PublicKey {
    let mut bytes = [9; 32];
    bytes[..8].copy_from_slice(&(number as u64).to_le_bytes());
    PublicKey::new(bytes)
}

fn nick(text: &str) -> Nick {
    Nick::parse(text).unwrap()
}

fn relay(text: &str) -> RelayAddress {
    text.parse().unwrap()
}

#[test]
fn what_is_pinned_is_known_at_that_relay_alone() {
    let folder = tempfile::tempdir().unwrap();
    let known = KnownPeers::open(&folder.path().join("new")).unwrap();
    assert!(known.list().unwrap().is_empty() && !folder.path().join("new").exists());
    assert!(known.forget(|_| true).unwrap().is_empty() && !folder.path().join("new").exists());
    let (here, page) = (relay("r.example:1"), relay("https://r.example/#amy"));
    known.pin(&here, &nick("amy"), key(1)).unwrap();
    known.pin(&page, &nick("amy"), key(2)).unwrap();
    known.pin(&here, &nick("bob"), key(3)).unwrap();
    assert_eq!(known.of(&relay("R.example:01")).unwrap().len(), 2);
    let through = known.of(&relay("wss://r.example/xcher")).unwrap();
    assert_eq!(through, [(nick("amy"), key(2))]);
    assert!(known.of(&relay("r.example:2")).unwrap().is_empty());
    let other = KnownPeers::open(&folder.path().join("new")).unwrap();
    assert_eq!(other.list().unwrap(), known.list().unwrap());
    assert_eq!(known.forget(|peer| peer.nick == nick("amy")).unwrap().len(), 2);
    assert_eq!(other.of(&here).unwrap(), [(nick("bob"), key(3))]);
}

#[test]
fn another_key_is_pinned_only_where_the_user_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let known = KnownPeers::open(folder.path()).unwrap();
    let (here, amy) = (relay("r:1"), nick("amy"));
    let first = known.pin(&here, &amy, key(1)).unwrap();
    let before = fs::read(folder.path().join(FILE)).unwrap();
    assert_eq!(known.pin(&here, &amy, key(1)).unwrap(), first);
    let error = known.pin(&here, &amy, key(2)).unwrap_err();
    let KeysError::OtherKey { pinned, .. } = &error else { panic!("{error}") };
    assert_eq!(*pinned, key(1));
    assert_eq!(fs::read(folder.path().join(FILE)).unwrap(), before);
    assert_eq!(known.replace(&here, &amy, key(1)).unwrap(), (first, None));
    assert_eq!(known.replace(&here, &amy, key(2)).unwrap().1, Some(key(1)));
    assert_eq!(known.of(&here).unwrap(), [(amy, key(2))]);
}

#[test]
fn writers_at_once_lose_nothing() {
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
fn a_file_that_is_not_understood_is_never_written() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(FILE);
    let known = KnownPeers::open(folder.path()).unwrap();
    known.pin(&relay("r:1"), &nick("amy"), key(1)).unwrap();
    let half = fs::read(&file).unwrap();
    fs::write(&file, &half[..half.len() - 5]).unwrap();
    for error in [
        KnownPeers::open(folder.path()).unwrap_err(),
        known.list().unwrap_err(),
        known.of(&relay("r:1")).unwrap_err(),
        known.pin(&relay("r:1"), &nick("bob"), key(2)).unwrap_err(),
        known.replace(&relay("r:1"), &nick("amy"), key(2)).unwrap_err(),
        known.forget(|_| true).unwrap_err(),
    ] {
        assert!(matches!(error, KeysError::BadLine { line: 2, .. }), "{error}");
    }
    assert_eq!(fs::read(&file).unwrap(), half[..half.len() - 5]);
}
