//! The library's face, over a relay on real sockets.

#![allow(clippy::unwrap_used)]

mod bridge_urls;
mod examples;
#[path = "../patience/mod.rs"]
mod patience;

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use futures_util::{FutureExt as _, StreamExt as _, TryStreamExt as _};
use patience::{PATIENCE, timeout};
use tempfile::TempDir;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;
use xcher::core::code::Code;
use xcher::core::peer::{CallPolicy, Delivery};
use xcher::core::secure::Entropy;
use xcher::core::{Device, RelayLimits};
use xcher::peer::Encryption;
use xcher::relay::{Relay, RelayConfig};
use xcher::{Error, ErrorCode, Event, Options, Peer, Session};

/// Runs a relay until the test's runtime ends.
async fn relay() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    let limits = RelayLimits::default();
    let relay = Relay::new(RelayConfig { limits, ..RelayConfig::default() }).unwrap();
    tokio::spawn(async move { relay.run(listener, std::future::pending()).await });
    address.to_string()
}

fn write(folder: &Path, name: &str, bytes: &[u8]) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

/// A folder `photos` with two files, one of them of 3 MiB.
fn photos() -> (TempDir, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let large: Vec<u8> = (0..3_000_000_u32).map(|at| (at % 251) as u8).collect();
    write(folder.path(), "photos/large.jpg", &large);
    write(folder.path(), "photos/small.txt", b"small");
    (folder, large)
}

/// A peer that shares [`photos`], one that calls it, and their folders.
struct Pair {
    relay: String,
    kim: Peer,
    shared: TempDir,
    large: Vec<u8>,
    received: TempDir,
    alice: Peer,
    session: Session,
}

impl Pair {
    async fn new() -> Self {
        let relay = relay().await;
        let (shared, large) = photos();
        let kim =
            Peer::connect(&relay, Options::new().nick("kim").device(Device::Phone)).await.unwrap();
        let share = kim.share(shared.path().join("photos")).await.unwrap();
        assert_eq!(share.name(), "photos");
        let received = tempfile::tempdir().unwrap();
        let options = Options::new().nick("alice").save_to(received.path());
        let alice = Peer::connect(&relay, options).await.unwrap();
        let session = alice.open("kim").await.unwrap();
        Self { relay, kim, shared, large, received, alice, session }
    }
}

fn code_of<T: std::fmt::Debug>(result: Result<T, Error>) -> ErrorCode {
    result.unwrap_err().code()
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_checks_and_stores_what_a_nick_shares() {
    let Pair { alice, kim, session, received, large, shared: _shared, .. } = Pair::new().await;
    let mut online = alice.who().await.unwrap();
    online.sort();
    assert_eq!(online, ["alice", "kim"]);
    assert!(session.is_encrypted() && !session.is_incoming());
    assert_eq!(session.device(), Some(Device::Phone));
    assert_eq!(kim.open("alice").await.unwrap().device(), None);
    assert_eq!(session.safety_words().await.unwrap().split(' ').count(), 3);
    let mut files: Vec<_> = session.list().try_collect().await.unwrap();
    files.sort_by(|a, b| a.name().cmp(b.name()));
    let listed: Vec<_> = files.iter().map(|file| (file.name(), file.size())).collect();
    let expected = [("photos/large.jpg", Some(large.len() as u64)), ("photos/small.txt", Some(5))];
    assert_eq!(listed, expected);
    assert!(session.check("photos/small.txt").await.unwrap());
    assert!(!session.check("photos/other.txt").await.unwrap());
    let stored = session.get(&files[0]).await.unwrap();
    assert_eq!(stored.path, received.path().join("photos/large.jpg"));
    assert!(std::fs::read(stored.path).unwrap() == large);
    let stored = session.get("photos/small.txt").await.unwrap();
    assert_eq!(std::fs::read(stored.path).unwrap(), b"small");
    assert_eq!(code_of(session.get("photos/other.txt").await), ErrorCode::Refused);
    session.end();
    session.closed().await.unwrap();
    kim.close().await;
    assert_eq!(code_of(kim.who().await), ErrorCode::Cancelled);
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_a_file_as_it_arrives() {
    let Pair { session, received, large, kim: _kim, shared: _shared, .. } = Pair::new().await;
    let mut bytes = Vec::new();
    let mut reader = session.get("photos/large.jpg").reader();
    reader.read_to_end(&mut bytes).await.unwrap();
    assert!(bytes == large);
    // Several at once, with their small files, and nothing lands in the folder.
    let read = |name: &'static str| {
        let mut reader = session.get(name).reader();
        async move {
            let mut bytes = Vec::new();
            reader.read_to_end(&mut bytes).await.unwrap();
            bytes.len()
        }
    };
    let lengths = futures_util::future::join_all(
        (0..40).map(|at| read(if at % 2 == 0 { "photos/small.txt" } else { "photos/large.jpg" })),
    );
    let total: usize = lengths.await.iter().sum();
    assert_eq!(total, 20 * (5 + large.len()));
    assert_eq!(std::fs::read_dir(received.path()).unwrap().count(), 0);
    let mut missing = session.get("photos/other.txt").reader();
    let error = missing.read_to_end(&mut Vec::new()).await.unwrap_err();
    let error = error.into_inner().unwrap().downcast::<Error>().unwrap();
    assert_eq!(error.code(), ErrorCode::Refused);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_download_is_cancelled_and_resumes_later() {
    let Pair { relay, session, received, kim, .. } = Pair::new().await;
    let folder = tempfile::tempdir().unwrap();
    let bytes: Vec<u8> = (0..20_000_000_u32).map(|at| (at % 253) as u8).collect();
    write(folder.path(), "film.mkv", &bytes);
    let share = kim.share(folder.path().join("film.mkv")).await.unwrap();
    let slow = Options::new().nick("slow").save_to(received.path());
    let slow = slow.receive_rate((1 << 20).try_into().unwrap());
    let slow = Peer::connect(&relay, slow).await.unwrap();
    let from_kim = slow.open("kim").await.unwrap();
    let mut events = slow.events();
    let download = tokio::spawn(from_kim.get("film.mkv").into_future());
    loop {
        match timeout(PATIENCE, events.next()).await.unwrap().unwrap() {
            Event::Progress { bytes, .. } if bytes > 1 << 20 => break,
            _ => {}
        }
    }
    download.abort();
    drop((download.await.unwrap_err(), from_kim, slow));
    let partial = received.path().join(".xcher-partial");
    let kept = || std::fs::read_dir(&partial).is_ok_and(|kept| kept.count() > 0);
    assert!(kept(), "nothing was kept");
    // The peer that resumes has another key of its own; the provider's is the same.
    let stored = session.get("film.mkv").await.unwrap();
    assert!(std::fs::read(stored.path).unwrap() == bytes);
    share.stop();
    let name = "film.mkv";
    while session.check(name).await.unwrap() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

// On one thread, a call cannot be answered before it is dropped.
#[tokio::test]
async fn dropping_what_waits_withdraws_it() {
    let Pair { session, alice, kim: _kim, shared: _shared, .. } = Pair::new().await;
    // A listing that is dropped at once does not stop the next.
    drop(session.list());
    assert_eq!(session.list().try_collect::<Vec<_>>().await.unwrap().len(), 2);
    let mut reader = session.get("photos/large.jpg").reader();
    reader.read_exact(&mut [0; 100]).await.unwrap();
    drop(reader);
    assert_eq!(session.list().try_collect::<Vec<_>>().await.unwrap().len(), 2);
    // A call that is not waited for is withdrawn, and the next is answered.
    assert!(alice.open("kim").now_or_never().is_none());
    alice.open("kim").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_listing_waits_for_its_reader() {
    let relay = relay().await;
    let folder = tempfile::tempdir().unwrap();
    for at in 0..5_000 {
        write(folder.path(), &format!("many/{at:05}"), b"");
    }
    let kim = Peer::connect(&relay, Options::new().nick("kim")).await.unwrap();
    kim.share(folder.path().join("many")).await.unwrap();
    let alice = Peer::connect(&relay, Options::new().nick("alice")).await.unwrap();
    let session = alice.open("kim").await.unwrap();
    let mut listing = session.list();
    let mut names = vec![listing.try_next().await.unwrap().unwrap().name().to_owned()];
    // Nothing is lost while nobody reads.
    tokio::time::sleep(Duration::from_millis(200)).await;
    while let Some(file) = listing.try_next().await.unwrap() {
        names.push(file.name().to_owned());
    }
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 5_000);
    drop(kim);
}

#[tokio::test(flavor = "multi_thread")]
async fn sends_to_the_holder_of_a_code_and_reports_what_is_stored() {
    let relay = relay().await;
    let (shared, large) = photos();
    let sending = Peer::send(&relay, [shared.path().join("photos")], Options::new()).await.unwrap();
    let mut events = sending.peer().events();
    let received = tempfile::tempdir().unwrap();
    let bob = Peer::connect(&relay, Options::new().save_to(received.path())).await.unwrap();
    let other = Code::random(&mut Entropy::new([7; 32])).to_string();
    let wrong = format!("{}{}", &sending.code()[..4], &other[4..]);
    assert_eq!(code_of(bob.open(&wrong).await), ErrorCode::WrongCode);
    let session = bob.open(sending.code()).await.unwrap();
    assert!(session.is_authenticated());
    let files: Vec<_> = session.list().try_collect().await.unwrap();
    session.announce(&files);
    for file in &files {
        session.get(file).await.unwrap();
    }
    session.end();
    let sent = timeout(PATIENCE, sending.done()).await.unwrap().unwrap();
    assert_eq!((sent.stored, sent.bytes), (2, large.len() as u64 + 5));
    let mut delivered = Vec::new();
    while delivered.len() < 2 {
        if let Event::Delivered { name, delivery: Delivery::Stored, .. } =
            timeout(PATIENCE, events.next()).await.unwrap().unwrap()
        {
            delivered.push(name);
        }
    }
    delivered.sort();
    assert_eq!(delivered, ["photos/large.jpg", "photos/small.txt"]);
    sending.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_have_the_codes_that_they_document() {
    let relay = relay().await;
    assert_eq!(code_of(Peer::connect("not a relay", Options::new()).await), ErrorCode::Misuse);
    assert_eq!(code_of(Peer::connect(&relay, Options::new().nick("a b")).await), ErrorCode::Misuse);
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = closed.local_addr().unwrap().to_string();
    drop(closed);
    let unreachable = Peer::connect(&nobody, Options::new().nick("a")).await;
    assert_eq!(code_of(unreachable), ErrorCode::Unreachable);
    let kim = Peer::connect(&relay, Options::new().nick("kim")).await.unwrap();
    assert_eq!(
        code_of(Peer::connect(&relay, Options::new().nick("kim")).await),
        ErrorCode::NickTaken
    );
    assert_eq!(code_of(kim.open("").await), ErrorCode::Misuse);
    assert_eq!(code_of(kim.open("nobody").await), ErrorCode::Unreachable);
    assert_eq!(code_of(kim.share("/no/such/path").await), ErrorCode::Local);
    let plain = Options::new().nick("plain").encryption(Encryption::Disable);
    let _plain = Peer::connect(&relay, plain).await.unwrap();
    let strict = Options::new().nick("strict").encryption(Encryption::Require);
    let strict = Peer::connect(&relay, strict).await.unwrap();
    assert_eq!(code_of(strict.open("plain").await), ErrorCode::NotEncrypted);
    let session = kim.open("plain").await.unwrap();
    assert_eq!(code_of(session.safety_words().await), ErrorCode::NotEncrypted);
    assert_eq!(code_of(session.get("x").await), ErrorCode::Refused);
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_calls_and_sessions_as_events() {
    let relay = relay().await;
    let options = Options::new().nick("kim").calls(CallPolicy::Ask);
    let kim = Peer::connect(&relay, options).await.unwrap();
    let mut events = kim.events();
    let alice = Peer::connect(&relay, Options::new().nick("alice")).await.unwrap();
    let open = tokio::spawn(async move {
        let session = alice.open("kim").await.unwrap();
        (alice, session)
    });
    let call = loop {
        let event = timeout(PATIENCE, events.next()).await.unwrap();
        if let Event::Call(call) = event.unwrap() {
            break call;
        }
    };
    assert_eq!(call.nick(), Some("alice"));
    call.accept();
    let session = loop {
        let event = timeout(PATIENCE, events.next()).await.unwrap();
        if let Event::Session(session) = event.unwrap() {
            break session;
        }
    };
    assert!(session.is_incoming());
    let (alice, opened) = open.await.unwrap();
    drop((alice, opened));
    // The last handle of the side that opened it ends it.
    timeout(PATIENCE, session.closed()).await.unwrap().unwrap();
}
