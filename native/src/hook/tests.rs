#![allow(clippy::unwrap_used)]

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::time::sleep;

use super::*;

/// Runs a hook whose answers are these bytes, or that reads and never answers.
async fn hook(answer: Option<Vec<u8>>) -> Hook {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap()).parse().unwrap();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let answer = answer.clone();
            tokio::spawn(async move {
                let mut head = [0; 4096];
                while socket.read(&mut head).await.is_ok_and(|read| read > 0) {
                    match &answer {
                        Some(answer) if socket.write_all(answer).await.is_ok() => {}
                        Some(_) => return,
                        None => sleep(TIMEOUT * 100).await,
                    }
                }
            });
        }
    });
    Hook::new(url, Some("open-sesame"), HookFailure::Deny).unwrap()
}

fn ok(body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

fn asked() -> Asked {
    Asked::at_relay([192, 0, 2, 1].into(), None, None, None)
}

#[test]
fn a_question_has_all_fields_and_no_code() {
    let json = |nick: Option<&str>, key| {
        let nick = nick.map(|nick| Nick::parse(nick).unwrap());
        let user = UserName::parse("kim").unwrap();
        let user = nick.is_some().then_some(&user);
        let asked = Asked::at_relay([192, 0, 2, 1].into(), nick.as_ref(), key, user);
        serde_json::to_string(&asked).unwrap()
    };
    let rest = r#""address":"192.0.2.1""#;
    assert_eq!(
        json(None, None),
        format!(r#"{{"event":"connection",{rest},"nick":null,"key":null,"user":null}}"#)
    );
    let key = PublicKey::new([7; 32]);
    let nick = format!(r#"{{"event":"nick",{rest},"nick":"bob","key":"{key}","user":"kim"}}"#);
    assert_eq!(json(Some("bob"), Some(key)), nick);
    for code in ["4821", "4821-crossover-clockwork-glad"] {
        let asked = json(Some(code), None);
        assert!(asked.contains(r#""nick":"code""#) && !asked.contains("4821"), "{asked}");
    }
}

#[tokio::test]
async fn understands_answers_and_nothing_else() {
    for (body, answer) in [
        (r#"{"allow":true}"#, Answer::Allow),
        (r#"{"allow":true,"reason":"x","more":[1]}"#, Answer::Allow),
        (r#"{"allow":false}"#, Answer::Deny(String::new())),
        (r#"{"allow":false,"reason":"no subscription"}"#, Answer::Deny("no subscription".into())),
        (r#"{"allow":false,"need_key":true}"#, Answer::NeedKey),
    ] {
        assert_eq!(hook(Some(ok(body))).await.ask(&asked()).await, answer, "{body}");
    }
    let huge = [
        ok("")[..17].to_vec(),
        b"Content-Length: 1073741824\r\n\r\n".to_vec(),
        vec![b' '; 1 << 20],
    ];
    let endless_head = [b"HTTP/1.1 200 OK\r\nX: ".to_vec(), vec![b'x'; 1 << 20]];
    for answer in [
        ok(""),
        ok("true"),
        ok("{}"),
        ok(r#"{"allow":"yes"}"#),
        ok("\u{0}\u{1}"),
        b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
            .to_vec(),
        b"HTTP/1.1 204 No Content\r\n\r\n".to_vec(),
        b"HTTP/1.1 500 Oops\r\nContent-Length: 14\r\n\r\n{\"allow\":true}".to_vec(),
        b"SSH-2.0-OpenSSH_9.6\r\n".to_vec(),
        huge.concat(),
        endless_head.concat(),
    ] {
        let text = String::from_utf8_lossy(&answer[..answer.len().min(60)]).into_owned();
        let (hook, since) = (hook(Some(answer)).await, Instant::now());
        assert_eq!(hook.ask(&asked()).await, Answer::Failed, "{text}");
        assert!(since.elapsed() < TIMEOUT, "{text}: at once");
    }
}

#[tokio::test]
async fn nobody_answers_and_nobody_is_there() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", free.local_addr().unwrap()).parse().unwrap();
    drop(free);
    let hook = Hook::new(url, None, HookFailure::Deny).unwrap();
    assert_eq!(hook.ask(&asked()).await, Answer::Failed);
    assert_eq!(hook.counts().outcomes[HookOutcome::Unreachable as usize], 1);
}

#[tokio::test]
async fn questions_to_a_hook_that_never_answers_are_bounded_and_end() {
    let hook = hook(None).await;
    let since = Instant::now();
    let most = MAX_ASKED + MAX_WAITING;
    let all: Vec<_> = (0..most + 100)
        .map(|_| {
            let hook = hook.clone();
            tokio::spawn(async move { hook.ask(&asked()).await })
        })
        .collect();
    for one in all {
        assert_eq!(one.await.unwrap(), Answer::Failed);
    }
    let counts = hook.counts().outcomes;
    assert_eq!(counts[HookOutcome::Busy as usize], 100, "{counts:?}");
    assert_eq!(counts[HookOutcome::TimedOut as usize], most as u64, "{counts:?}");
    // Each has its own time, however many wait.
    assert!(since.elapsed() < TIMEOUT * 4, "{:?}", since.elapsed());
    assert_eq!(hook.0.waiting.load(Ordering::Relaxed), 0);
}

#[test]
fn a_token_that_is_no_header_is_refused() {
    let url: HookUrl = "http://127.0.0.1:1/".parse().unwrap();
    assert!(Hook::new(url.clone(), Some("a\nb"), HookFailure::Deny).is_err());
    let hook = Hook::new(url, Some("ab"), HookFailure::Deny).unwrap();
    assert!(hook.set_token(Some("a\r\nX: y")).is_err());
    assert!(!format!("{hook:?}").contains("Bearer ab"), "{hook:?}");
}
