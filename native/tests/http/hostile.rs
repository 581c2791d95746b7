//! Clients that break the protocol or do not read.

use super::*;

#[tokio::test]
async fn closes_on_a_text_message_and_one_too_long() {
    let mut front = Front::start(HttpConfig::default()).await;
    let (mut client, mut bytes) = front.both().await;
    client.send(Message::text("hello")).await.unwrap();
    let error = timeout(PATIENCE, bytes.read(&mut [0; 9])).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    assert_eq!(close_code(&mut client).await, CloseCode::Unsupported);

    // Only the header of the frame: it is refused before its bytes arrive.
    let (mut client, mut bytes) = front.both().await;
    let head = [0x82, 0x80 | 127, 0, 0, 0, 0, 0, 0x10, 0, 1, 1, 2, 3, 4];
    client.get_mut().write_all(&head).await.unwrap();
    let error = timeout(PATIENCE, bytes.read(&mut [0; 9])).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    assert_eq!(close_code(&mut client).await, CloseCode::Size);
    assert_eq!(bytes.read(&mut [0; 9]).await.unwrap(), 0);

    // An unmasked frame.
    let (mut client, mut bytes) = front.both().await;
    client.get_mut().write_all(&[0x82, 1, b'x']).await.unwrap();
    let error = timeout(PATIENCE, bytes.read(&mut [0; 9])).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    assert_eq!(close_code(&mut client).await, CloseCode::Protocol);
}

/// Completes once all tasks are idle: with the clock paused, time passes only then.
async fn idle() {
    tokio::time::sleep(Duration::from_secs(10)).await;
}

#[tokio::test]
async fn does_not_write_to_a_client_that_does_not_read() {
    let mut front = Front::start(HttpConfig::default()).await;
    let (mut client, mut bytes) = front.both().await;
    tokio::time::pause();
    let piece = vec![7; 64 * 1024];
    let mut taken = 0;
    loop {
        tokio::select! {
            written = bytes.write(&piece) => taken += written.unwrap(),
            () = idle() => break,
        }
        assert!(taken < 64 << 20, "more than any socket buffers");
    }
    tokio::time::resume();
    // Once the client reads, all accepted bytes arrive.
    let rest = tokio::spawn(async move { bytes.shutdown().await });
    let mut came = 0;
    while let Message::Binary(message) =
        timeout(PATIENCE, client.next()).await.unwrap().unwrap().unwrap()
    {
        came += message.len();
    }
    assert_eq!(came, taken);
    rest.await.unwrap().unwrap();
}

#[tokio::test]
async fn disconnects_a_client_that_does_not_read_and_holds_few_bytes() {
    let mut front = Front::start(HttpConfig::default()).await;
    let (mut client, mut bytes) = front.both().await;
    tokio::time::pause();
    let began = Instant::now();
    let mut taken = 0;
    let error = loop {
        match bytes.write(&[7; 1000]).await {
            Ok(written) => taken += written,
            Err(error) => break error,
        }
        assert!(taken < 64 << 20, "more than any socket buffers");
    };
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    assert_eq!(began.elapsed().as_secs(), 60);
    drop(bytes);
    tokio::time::resume();
    let mut came = 0;
    while let Some(Ok(Message::Binary(message))) = timeout(PATIENCE, client.next()).await.unwrap() {
        came += message.len();
    }
    // The bytes in the sockets arrived; this process held the rest.
    assert!(came > 0 && taken - came <= 2 * 65 * 1024, "{came} of {taken}");
}

#[tokio::test]
async fn does_not_read_a_client_faster_than_its_reader() {
    let mut front = Front::start(HttpConfig::default()).await;
    let (mut client, mut bytes) = front.both().await;
    client.send(Message::binary("first")).await.unwrap();
    assert_eq!(bytes.read(&mut [0; 5]).await.unwrap(), 5);
    tokio::time::pause();
    let piece = Bytes::from(vec![7; 64 * 1024]);
    let mut sent = 0;
    loop {
        tokio::select! {
            done = client.send(Message::Binary(piece.clone())) => done.unwrap(),
            () = idle() => break,
        }
        sent += piece.len();
        assert!(sent < 64 << 20, "more than any socket buffers");
    }
    tokio::time::resume();
    let flushed = tokio::spawn(async move { client.flush().await.map(|()| client) });
    // The write that waited completes too.
    let mut came = vec![0; sent + piece.len()];
    timeout(PATIENCE, bytes.read_exact(&mut came)).await.unwrap().unwrap();
    assert!(came.iter().all(|&byte| byte == 7));
    flushed.await.unwrap().unwrap();
}

#[tokio::test]
async fn pings_and_then_closes_a_silent_client() {
    let mut front = Front::start(HttpConfig::default()).await;
    let began = Instant::now();
    let (mut client, mut bytes) = front.both().await;
    let opened = began.elapsed();
    // From here time passes as soon as all tasks are idle.
    tokio::time::pause();
    let error = bytes.read(&mut [0; 9]).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    // The silence counts; opening takes as long as the machine needs.
    let minute = Duration::from_secs(60);
    assert!((minute..minute + opened + Duration::from_secs(1)).contains(&began.elapsed()));
    tokio::time::resume();
    let mut came = [0; 3];
    client.get_mut().read_exact(&mut came).await.unwrap();
    assert_eq!(came, [0x89, 0, 0x88]);
}

#[tokio::test]
async fn answered_pings_keep_a_tunnel_open() {
    let mut front = Front::start(HttpConfig::default()).await;
    let (mut client, mut bytes) = front.both().await;
    tokio::time::pause();
    let began = Instant::now();
    let reading = tokio::spawn(async move { bytes.read(&mut [0; 9]).await });
    let mut pings = 0;
    while began.elapsed() < Duration::from_secs(600) {
        // Each answer is sent with the next read.
        let came = client.next().await.unwrap().unwrap();
        assert!(matches!(came, Message::Ping(_)), "{came:?}");
        pings += 1;
    }
    // One more, if the connection was open a moment before the count began.
    assert!((20..=21).contains(&pings), "{pings}");
    client.send(Message::binary("still here")).await.unwrap();
    assert_eq!(reading.await.unwrap().unwrap(), 9);
}

#[tokio::test]
async fn answers_pings_and_drops_a_flood_of_them() {
    let mut front = Front::start(HttpConfig::default()).await;
    let (mut client, mut bytes) = front.both().await;
    client.send(Message::Ping(Bytes::from_static(b"1"))).await.unwrap();
    client.send(Message::binary("x")).await.unwrap();
    assert_eq!(timeout(PATIENCE, bytes.read(&mut [0; 9])).await.unwrap().unwrap(), 1);
    let came = timeout(PATIENCE, client.next()).await.unwrap().unwrap().unwrap();
    assert_eq!(came, Message::Pong(Bytes::from_static(b"1")));
    // A client that does not receive answers is still read: answers that cannot be sent are dropped.
    let ping = [&[0x89, 0x80 | 100, 0, 0, 0, 0][..], &[7; 100]].concat();
    let socket = client.get_mut();
    let (mut none, flood) = ([0; 9], ping.repeat(1000));
    let mut sent = 0;
    while sent < 64 << 20 {
        tokio::select! {
            read = bytes.read(&mut none) => panic!("{read:?}"),
            written = socket.write_all(&flood) => written.unwrap(),
        }
        sent += flood.len();
    }
    socket.write_all(&[0x82, 0x81, 0, 0, 0, 0, b'x']).await.unwrap();
    assert_eq!(timeout(PATIENCE, bytes.read(&mut none)).await.unwrap().unwrap(), 1);
}

#[tokio::test]
async fn closes_on_a_frame_or_message_too_large() {
    let mut front = Front::start(HttpConfig::default()).await;
    let head = |first: u8, length: u32| {
        let mut head = vec![first, 0x80 | 127, 0, 0, 0, 0];
        head.extend(length.to_be_bytes());
        head.extend([0; 4]);
        head
    };
    for (frames, what) in [
        (vec![head(0x82, (1 << 20) + 1)], "a frame"),
        // Each frame is short enough, but not the message.
        (vec![head(0x02, 1 << 19), vec![0; 1 << 19], head(0x80, (1 << 19) + 1)], "a message"),
    ] {
        let (mut client, mut bytes) = front.both().await;
        let frames = frames.concat();
        let mut room = vec![0; 1 << 20];
        let read = async {
            loop {
                if let Err(error) = bytes.read(&mut room).await {
                    return error;
                }
            }
        };
        let (written, error) = tokio::join!(client.get_mut().write_all(&frames), read);
        written.unwrap();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{what}");
        assert_eq!(close_code(&mut client).await, CloseCode::Size, "{what}");
    }
}

#[tokio::test]
async fn closes_on_invalid_frames() {
    let mut front = Front::start(HttpConfig::default()).await;
    for frame in [
        &[0x80, 0x81, 0, 0, 0, 0, b'x'][..],
        &[0x02, 0x81, 0, 0, 0, 0, b'x', 0x82, 0x81, 0, 0, 0, 0, b'x'],
        &[0xc2, 0x81, 0, 0, 0, 0, b'x'],
        &[0x83, 0x81, 0, 0, 0, 0, b'x'],
        &[0x09, 0x80, 0, 0, 0, 0],
        &[0x89, 0x80 | 126, 0, 126, 0, 0, 0, 0],
    ] {
        let (mut client, mut bytes) = front.both().await;
        client.get_mut().write_all(frame).await.unwrap();
        let read = async {
            while bytes.read(&mut [0; 9]).await? > 0 {}
            Ok::<_, io::Error>(())
        };
        let error = timeout(PATIENCE, read).await.unwrap().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{frame:x?}");
        assert_eq!(close_code(&mut client).await, CloseCode::Protocol, "{frame:x?}");
    }
}

/// Opens as many connections as the limit allows, from several addresses.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn incomplete_requests_do_not_lock_out_other_clients() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).unwrap();
    let front = Front::start(HttpConfig::default()).await;
    let mut sockets = Vec::new();
    for number in 0..1100u32 {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        // A hundred from each address.
        let from = [127, 0, 1, (number / 100 + 1) as u8];
        socket.bind((from, 0).into()).unwrap();
        let mut socket = socket.connect(front.addr).await.unwrap();
        socket.write_all(b"GET / HTTP/1.1\r\nHost: 127").await.unwrap();
        sockets.push(socket);
        if number % 50 == 49 {
            let health = front.get("/healthz").await;
            assert!(health.starts_with("HTTP/1.1 200 "), "{number}: {health}");
        }
    }
}
