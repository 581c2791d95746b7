//! The PROXY protocol: a header before everything else, in which a proxy tells the address of its client.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use ipnet::IpNet;
use proxy_header::{ParseConfig, Protocol, ProxyHeader};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::time::timeout;

/// Time for a proxy to send the header, which it does at once.
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
/// How a header of version 1 begins.
const V1: &[u8] = b"PROXY ";
/// How a header of version 2 begins.
const V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// The length of a header of version 2 without what its last two bytes count.
const V2_FIXED_LEN: usize = 16;
/// The longest header of version 1, with its line end.
const MAX_V1_LEN: usize = 107;
/// The longest header of version 2: the addresses, and a few fields that say more about the client.
const MAX_V2_LEN: usize = 4096;

/// Which connections begin with a header.
#[derive(Debug, Default)]
pub(crate) struct ProxyRule {
    /// Connections of these networks, and those to Unix sockets; `None` if no connection does.
    pub(crate) networks: Option<Vec<IpNet>>,
}

impl ProxyRule {
    /// Returns true if a connection from here begins with a header; `None` is a Unix socket.
    pub(crate) fn applies_to(&self, from: Option<SocketAddr>) -> bool {
        let Some(networks) = &self.networks else { return false };
        from.is_none_or(|from| is_in(networks, from))
    }
}

/// Returns true if an address is in one of these networks.
pub(crate) fn is_in(networks: &[IpNet], at: SocketAddr) -> bool {
    networks.iter().any(|network| network.contains(&at.ip().to_canonical()))
}

/// Reads the header, and nothing of what follows it. Returns the client's address; `None` if the proxy speaks for
/// itself, as it does to see whether this server is there, or does not know the address.
///
/// # Errors
///
/// If the stream begins with anything else, or the header is too long or takes more than 5 s.
pub(crate) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<SocketAddr>> {
    timeout(HEADER_TIMEOUT, read_header(stream)).await.unwrap_or_else(|_| {
        Err(io::Error::new(io::ErrorKind::TimedOut, "expected a PROXY header within 5 s"))
    })
}

async fn read_header(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<SocketAddr>> {
    let mut header = Vec::with_capacity(MAX_V1_LEN);
    // Byte by byte: what follows belongs to the client, and another protocol is refused at its first byte.
    loop {
        header.push(stream.read_u8().await?);
        if header == V1 || header == V2 {
            break;
        }
        if !(V1.starts_with(&header) || V2.starts_with(&header)) {
            return Err(invalid("expected a PROXY header, got something else"));
        }
    }
    if header == V1 {
        while !header.ends_with(b"\n") {
            if header.len() == MAX_V1_LEN {
                return Err(invalid("expected a PROXY header, got a longer line"));
            }
            header.push(stream.read_u8().await?);
        }
    } else {
        header.resize(V2_FIXED_LEN, 0);
        stream.read_exact(&mut header[V2.len()..]).await?;
        let rest = usize::from(u16::from_be_bytes([header[14], header[15]]));
        if V2_FIXED_LEN + rest > MAX_V2_LEN {
            return Err(invalid("expected a PROXY header of at most 4096 bytes, got a longer one"));
        }
        header.resize(V2_FIXED_LEN + rest, 0);
        stream.read_exact(&mut header[V2_FIXED_LEN..]).await?;
    }
    client(&header)
}

fn client(header: &[u8]) -> io::Result<Option<SocketAddr>> {
    let parsed = ProxyHeader::parse(header, ParseConfig::default());
    let (parsed, length) =
        parsed.map_err(|_| invalid("expected a PROXY header, got a malformed one"))?;
    if length != header.len() {
        return Err(invalid("expected a PROXY header, got a malformed one"));
    }
    let Some(address) = parsed.proxied_address() else { return Ok(None) };
    let ip = address.source.ip().to_canonical();
    if address.protocol != Protocol::Stream || ip.is_unspecified() || ip.is_multicast() {
        return Err(invalid("expected the address of a TCP client in the PROXY header"));
    }
    Ok(Some(SocketAddr::new(ip, address.source.port())))
}

fn invalid(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::panic;

    use tokio::io::AsyncWriteExt as _;

    use super::*;

    fn v2(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
        [V2, &[command, family], &length, rest].concat()
    }

    /// `192.0.2.7:40000` to `198.51.100.1:9247`, and a field of another kind.
    const OF_V4: &[u8] = &[192, 0, 2, 7, 198, 51, 100, 1, 0x9c, 0x40, 0x24, 0x1f, 4, 0, 1, 0];

    fn of_v6() -> Vec<u8> {
        let ip = |ip: &str| ip.parse::<std::net::Ipv6Addr>().unwrap().octets();
        [&ip("2001:db8::7")[..], &ip("2001:db8::1")[..], &[0x9c, 0x40, 0x24, 0x1f][..]].concat()
    }

    fn valid() -> Vec<(Vec<u8>, Option<&'static str>)> {
        let v1 = |text: &str| text.as_bytes().to_vec();
        vec![
            (v1("PROXY TCP4 192.0.2.7 198.51.100.1 40000 9247\r\n"), Some("192.0.2.7:40000")),
            (v1("PROXY TCP6 2001:db8::7 2001:db8::1 40000 9247\r\n"), Some("[2001:db8::7]:40000")),
            (v1("PROXY TCP6 ::ffff:192.0.2.7 ::1 40000 9247\r\n"), Some("192.0.2.7:40000")),
            (v1("PROXY UNKNOWN\r\n"), None),
            (v1("PROXY UNKNOWN 2001:db8::7 2001:db8::1 40000 9247\r\n"), None),
            (v2(0x21, 0x11, OF_V4), Some("192.0.2.7:40000")),
            (v2(0x21, 0x21, &of_v6()), Some("[2001:db8::7]:40000")),
            (v2(0x20, 0x00, &[]), None),
            (v2(0x20, 0x11, OF_V4), None),
            (v2(0x21, 0x00, &[]), None),
            (v2(0x21, 0x31, &[0; 216]), None),
        ]
    }

    #[tokio::test]
    async fn reads_headers_split_at_every_byte_and_nothing_of_what_follows() {
        for (header, expected) in valid() {
            let expected = expected.map(|text| text.parse().unwrap());
            for split in 0..header.len() {
                let (mut ours, mut theirs) = tokio::io::duplex(8 << 10);
                let (first, second) = header.split_at(split);
                let write = async {
                    theirs.write_all(first).await.unwrap();
                    tokio::task::yield_now().await;
                    theirs.write_all(second).await.unwrap();
                    theirs.write_all(b"X_NICK").await.unwrap();
                };
                let (got, ()) = tokio::join!(read(&mut ours), write);
                assert_eq!(got.unwrap(), expected, "{}", header.escape_ascii());
                let mut rest = [0; 6];
                ours.read_exact(&mut rest).await.unwrap();
                assert_eq!(&rest, b"X_NICK", "{}", header.escape_ascii());
            }
        }
    }

    #[tokio::test]
    async fn refuses_everything_else_without_waiting_for_more() {
        let v1 = |text: &str| text.as_bytes().to_vec();
        let endless = format!("PROXY UNKNOWN {}", "x".repeat(200));
        for bytes in [
            v1("X_NICK bob\n"),
            v1("GET / HTTP/1.1\r\n"),
            v1("\x16\x03\x01\x02"),
            v1("PROXY\n"),
            v1("PROXY UDP4 192.0.2.7 198.51.100.1 40000 9247\r\n"),
            v1("PROXY TCP4 192.0.2.7 198.51.100.1 40000\r\n"),
            v1("PROXY TCP4 192.0.2.7 198.51.100.1 40000 65536\r\n"),
            v1("PROXY TCP4 2001:db8::7 2001:db8::1 40000 9247\r\n"),
            v1("PROXY TCP4 192.0.2.7 198.51.100.1 40000 9247\n"),
            v1("PROXY TCP4 192.0.2.7 198.51.100.1 40000 9247 1\r\n"),
            v1("PROXY TCP4 0.0.0.0 198.51.100.1 40000 9247\r\n"),
            v1("PROXY TCP4 224.0.0.1 198.51.100.1 40000 9247\r\n"),
            v1("PROXY \r\n"),
            v1(&endless),
            v2(0x11, 0x11, OF_V4),
            v2(0x22, 0x11, OF_V4),
            v2(0x21, 0x12, OF_V4),
            v2(0x21, 0x44, OF_V4),
            v2(0x21, 0x11, &OF_V4[..11]),
            v2(0x21, 0x31, &[0; 215]),
            [V2, &[0x21, 0x11, 0xff, 0xff]].concat(),
        ] {
            // Open: nothing but these bytes decides.
            let (mut ours, mut theirs) = tokio::io::duplex(8 << 10);
            theirs.write_all(&bytes).await.unwrap();
            let error = read_header(&mut ours).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{}", bytes.escape_ascii());
        }
    }

    #[tokio::test]
    async fn random_bytes_do_no_harm() {
        let mut random = fastrand::Rng::with_seed(9);
        for _ in 0..20_000 {
            let mut header = match random.bool() {
                true => valid()[random.usize(..valid().len())].0.clone(),
                false => v2(0x21, random.u8(..), &[7; 40]),
            };
            for _ in 0..random.usize(1..4) {
                let at = random.usize(..header.len());
                header[at] = random.u8(..);
            }
            header.truncate(random.usize(1..=header.len()));
            let outcome = panic::catch_unwind(|| client(&header));
            assert!(outcome.is_ok(), "{}", header.escape_ascii());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_header_is_given_up() {
        let (mut ours, mut theirs) = tokio::io::duplex(64);
        let slow = async {
            for byte in b"PROXY TCP4 192.0.2.7 198.51.100.1 40000 9247\r\n" {
                tokio::time::sleep(Duration::from_secs(1)).await;
                if theirs.write_all(&[*byte]).await.is_err() {
                    return;
                }
            }
        };
        let read = async {
            let error = read(&mut ours).await.unwrap_err();
            drop(ours);
            error
        };
        let (error, ()) = tokio::join!(read, slow);
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
