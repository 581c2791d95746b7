use std::time::Duration;

use xcher_core::registry::RelayId;

use super::super::Cluster;
use super::*;

fn outbox() -> Outbox {
    let name = "net".parse().expect("a name");
    let subjects = Subjects::new(&name, RelayId([1; 8]));
    let servers = "nats://h".parse().expect("a server");
    let cluster = Cluster { servers, name, site: None, credentials: None, tls_ca: None };
    Outbox::new(subjects, Arc::new(Status::new(&cluster)))
}

fn nick(text: &str) -> Subject {
    Subject::Nick(text.into())
}

fn request(number: u64, bytes: usize) -> Action {
    let (id, timeout) = (RequestId(number), Duration::from_secs(2));
    Action::Request { id, to: nick("kim"), bytes: vec![0; bytes], timeout }
}

/// Returns what waits, in order.
fn queue(outbox: &Outbox) -> Vec<String> {
    let entries = std::iter::from_fn(|| outbox.pop());
    let text = entries.map(|entry| match entry {
        Entry::Subscribe(subject) => format!("+{}", subject.name()),
        Entry::Unsubscribe(subject) => format!("-{}", subject.name()),
        Entry::Send { to, reply, bytes } => format!("{to} {reply:?} {}", bytes.len()),
        Entry::Flush(_) => "flush".into(),
    });
    text.collect()
}

#[test]
fn entries_keep_the_order_of_their_actions() {
    let outbox = outbox();
    outbox.open();
    outbox.carry_out(Action::Subscribe(Subject::All));
    outbox.carry_out(request(7, 3));
    outbox.carry_out(Action::Unsubscribe(Subject::All));
    outbox.carry_out(Action::Publish { to: Subject::All, bytes: b"hi".to_vec() });
    let asked = r#"xcher.net.n.a2lt Some("xcher.net.i.0101010101010101.7") 3"#;
    assert_eq!(queue(&outbox), ["+all", asked, "-all", "xcher.net.all None 2"]);
    assert!(outbox.answered(RequestId(7)) && !outbox.answered(RequestId(7)));
    assert!(outbox.take_failed().is_empty());
}

#[test]
fn requests_fail_at_once_without_nats_and_subscriptions_wait() {
    let outbox = outbox();
    outbox.carry_out(Action::Subscribe(Subject::All));
    outbox.carry_out(request(1, 3));
    outbox.carry_out(Action::Publish { to: Subject::All, bytes: b"hi".to_vec() });
    assert_eq!(outbox.take_failed(), [RequestId(1)]);
    assert!(queue(&outbox).is_empty());
    outbox.open();
    outbox.carry_out(request(2, 3));
    let queue = queue(&outbox);
    assert_eq!((queue.len(), &*queue[0]), (2, "+all"), "{queue:?}");
}

#[test]
fn lost_connection_fails_requests_and_keeps_subscriptions() {
    let outbox = outbox();
    outbox.open();
    outbox.carry_out(Action::Subscribe(nick("a")));
    let reply = outbox.requested("xcher.net.i.x.1".into());
    outbox.carry_out(request(1, 3));
    outbox.carry_out(request(2, 3));
    outbox.close();
    assert_eq!(outbox.take_failed(), [RequestId(1), RequestId(2)]);
    outbox.open();
    outbox.carry_out(Action::Reply { to: reply, bytes: b"late".to_vec() });
    assert_eq!(queue(&outbox), [format!("+{}", nick("a").name())]);
    assert!(!outbox.answered(RequestId(1)));
}

#[test]
fn clients_that_come_and_go_while_nats_is_away_cost_nothing() {
    let outbox = outbox();
    outbox.open();
    outbox.carry_out(Action::Subscribe(nick("held")));
    assert_eq!(queue(&outbox).len(), 1);
    outbox.close();
    for _ in 0..1000 {
        outbox.carry_out(Action::Subscribe(nick("new")));
        outbox.carry_out(Action::Unsubscribe(nick("new")));
        outbox.carry_out(Action::Unsubscribe(nick("held")));
        outbox.carry_out(Action::Subscribe(nick("held")));
    }
    outbox.carry_out(Action::Unsubscribe(nick("held")));
    assert_eq!(outbox.lock().changes.len(), 1);
    outbox.open();
    assert_eq!(queue(&outbox), [format!("-{}", nick("held").name())]);
}

#[test]
fn more_than_a_mebibyte_does_not_wait() {
    let outbox = outbox();
    outbox.open();
    for number in 0..100 {
        outbox.carry_out(request(number, 16 << 10));
    }
    let failed = outbox.take_failed();
    assert!((35..40).contains(&failed.len()), "{}", failed.len());
    assert_eq!(queue(&outbox).len(), 100 - failed.len());
    outbox.carry_out(request(200, 16 << 10));
    assert!(outbox.take_failed().is_empty(), "there is room again");
}

#[tokio::test]
async fn a_flush_ends_when_the_connection_is_lost() {
    let outbox = Arc::new(outbox());
    outbox.flushed().await;
    outbox.open();
    let waits = tokio::spawn({
        let outbox = Arc::clone(&outbox);
        async move { outbox.flushed().await }
    });
    while outbox.lock().queue.is_empty() {
        tokio::task::yield_now().await;
    }
    outbox.close();
    waits.await.expect("a flush");
}
