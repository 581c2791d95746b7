//! Clients that do too much of something.

use super::*;

/// Ends when nobody has anything to do: with the clock paused, time passes only then.
async fn nothing_moves() {
    tokio::time::sleep(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn a_stream_that_never_reads_and_the_others_go_on() {
    let front = front().await;
    let mut alice = front.open(HERE).await;
    let (_listener, at) = alice.await_caller("alice").await;
    let mut flood = TcpStream::connect(at).await.unwrap();
    let (_unread, _) = alice.visitor().await;
    let mut other = TcpStream::connect(at).await.unwrap();
    let (mut visit, _) = alice.visitor().await;
    tokio::time::pause();
    let piece = vec![7; 64 << 10];
    let mut taken = 0;
    loop {
        tokio::select! {
            written = flood.write(&piece) => taken += written.unwrap(),
            () = nothing_moves() => break,
        }
        assert!(taken < 64 << 20, "more than any socket buffers");
    }
    tokio::time::resume();
    for _ in 0..100 {
        other.write_all(b"question").await.unwrap();
        let mut came = [0; 8];
        soon(visit.read_exact(&mut came)).await.unwrap();
        visit.write_all(b"answer").await.unwrap();
        soon(other.read_exact(&mut came[..6])).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_tunnel_without_a_stream_is_closed_and_one_with_a_stream_is_not() {
    let bridge = bridge(Rates::default());
    let began = tokio::time::Instant::now();
    let (mut unused, used) =
        (Tunnel::in_memory(&bridge, HERE), Tunnel::in_memory(&bridge, "9.9.9.9:1"));
    let _relay = used.join("alice").await;
    (&mut unused.run).await.unwrap();
    assert_eq!(began.elapsed().as_secs(), 120);
    tokio::time::sleep(Duration::from_secs(3600)).await;
    used.refused("X_DIAL 8.8.8.8 8080", "that an X_INIT brought").await;
}

/// Descriptors of this process.
#[cfg(target_os = "linux")]
fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Alone in its process, where tests run each in a thread: it counts descriptors.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_hundred_thousand_resets_leave_no_descriptor() {
    const RESETS: usize = 100_000;
    if std::env::var_os("XCHER_TEST_ALONE").is_none() {
        let name = "endurance::a_hundred_thousand_resets_leave_no_descriptor";
        let mut alone = std::process::Command::new(std::env::current_exe().unwrap());
        alone.args(["--exact", name]).env("XCHER_TEST_ALONE", "1");
        assert!(alone.status().unwrap().success());
        return;
    }
    let front = front().await;
    let mut alice = front.open(HERE).await;
    let (_listener, at) = alice.await_caller("alice").await;
    // While this connection lives, its host may be dialled.
    let _session = TcpStream::connect(at).await.unwrap();
    let (_visit, _) = alice.visitor().await;
    let target = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let dial = format!("X_DIAL {}", fields(target.local_addr().unwrap()));
    let accepting = tokio::spawn(async move {
        let mut last = None;
        loop {
            let (socket, _) = target.accept().await.unwrap();
            socket.set_zero_linger().unwrap();
            last.replace(socket);
        }
    });
    let before = descriptors();
    let mut answered = 0;
    for number in 0..RESETS {
        // Some once they are connected, some before, most before they say what they are for.
        if number % 20 == 0 {
            let (_stream, answer) = alice.ask(&dial).await;
            answered += usize::from(answer == "YES");
        } else {
            let text = if number % 20 == 1 { format!("{dial}\n") } else { "X_D".to_owned() };
            drop(soon(alice.say_part(&text)).await);
        }
    }
    assert!(answered > RESETS / 20 * 9 / 10, "{answered} connected");
    accepting.abort();
    soon(async {
        // The target's listener is gone by then, too.
        while descriptors() >= before {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let (_listener, _) = alice.listen().await;
}
