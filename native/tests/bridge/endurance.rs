//! Clients that use too much of a resource.

use tokio::io::{AsyncBufReadExt as _, BufReader};

use super::*;

/// Completes once all tasks are idle: with the clock paused, time passes only then.
async fn idle() {
    tokio::time::sleep(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn a_stream_that_does_not_read_does_not_block_others() {
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
            () = idle() => break,
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
async fn closes_a_tunnel_without_streams() {
    let bridge = bridge(Rates::default());
    let began = tokio::time::Instant::now();
    let (mut unused, used) =
        (Tunnel::in_memory(&bridge, HERE), Tunnel::in_memory(&bridge, "9.9.9.9:1"));
    let _relay = used.join("alice").await;
    (&mut unused.run).await.unwrap();
    assert_eq!(began.elapsed().as_secs(), 120);
    tokio::time::sleep(Duration::from_secs(3600)).await;
    used.refused("X_DIAL 8.8.8.8 8080", "is not authorised by any call or session").await;
}

/// Counts the open descriptors of this process.
#[cfg(target_os = "linux")]
fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Runs in a process of its own, because it counts descriptors and other tests run in threads.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_hundred_thousand_resets_leak_no_descriptor() {
    const RESETS: usize = 100_000;
    if std::env::var_os("XCHER_TEST_ALONE").is_none() {
        let name = "endurance::a_hundred_thousand_resets_leak_no_descriptor";
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
        // The target's listener is closed by then, too.
        while descriptors() >= before {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let (_listener, _) = alice.listen().await;
}

/// Writes the piece repeatedly until all tasks are idle, and returns the bytes written.
async fn write_until_blocked(mut to: impl AsyncWrite + Unpin, piece: &[u8]) -> usize {
    let mut taken = 0;
    loop {
        tokio::select! {
            written = to.write(&piece[taken % piece.len()..]) => taken += written.unwrap(),
            () = idle() => return taken,
        }
        assert!(taken < 512 << 20, "never blocked");
    }
}

/// Returns a yamux data frame with these flags.
fn frame(flags: u8, stream: u32, data: &[u8]) -> Vec<u8> {
    let mut frame = vec![0, 0, 0, flags];
    frame.extend(stream.to_be_bytes());
    frame.extend((data.len() as u32).to_be_bytes());
    frame.extend(data);
    frame
}

/// Frames of one byte take more memory than their bytes, which are all that yamux counts.
#[tokio::test(start_paused = true)]
async fn bounds_the_memory_of_a_tunnel() {
    const STREAMS: u32 = 3;
    let bridge = bridge(Rates::default());
    let mut alice = Tunnel::in_memory(&bridge, HERE);
    let mut to_alice = alice.join("alice").await;
    let (_listener, at) = alice.listen().await;
    // Bob's client sends yamux frames itself.
    let (ours, theirs) = tokio::io::duplex(64 << 10);
    let serve = bridge.clone();
    tokio::spawn(async move { serve.serve(theirs, HERE.parse().unwrap(), at.ip()).await });
    let (from, mut to) = tokio::io::split(ours);
    let mut from = BufReader::new(from);
    to.write_all(&frame(1, 1, b"X_RELAY\nX_NICK bob\n")).await.unwrap();
    let mut heard = Vec::new();
    while !heard.ends_with(b"X_NICK bob YES\n") {
        soon(from.read_until(b'\n', &mut heard)).await.unwrap();
    }
    let init = format!("X_INIT bob {}\n", fields(at));
    to_alice.write_all(init.as_bytes()).await.unwrap();
    while !heard.ends_with(init.as_bytes()) {
        soon(from.read_until(b'\n', &mut heard)).await.unwrap();
    }
    let answers =
        tokio::spawn(async move { tokio::io::copy(&mut from, &mut tokio::io::sink()).await });
    let mut unread = Vec::new();
    for stream in 1..=STREAMS {
        let dial = format!("X_DIAL {}\n", fields(at));
        to.write_all(&frame(1, 2 * stream + 1, dial.as_bytes())).await.unwrap();
        unread.push(alice.visitor().await);
    }
    let one_each: Vec<_> =
        (1..=STREAMS).flat_map(|stream| frame(0, 2 * stream + 1, b"x")).collect();
    let frames = write_until_blocked(to, &one_each.repeat(100)).await / 13;
    // Alice's client holds the first credit of each stream, and the pipes between the tunnels some more. Of its
    // own limit the bridge holds one byte in 65, and not the credit that Bob's client has.
    let on_the_way = STREAMS as usize * ((256 + 32) << 10);
    let held = frames - on_the_way.min(frames);
    assert!(held < (16 << 20) / 65 + 20_000, "{held} of {frames} frames are held");
    answers.abort();
}
