//! Asks a relay what it supports and where it sees this host (PROTOCOL.md, section 5).

use std::io;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use xcher_core::secure::{PublicKey, RelayKeyChallenge};
use xcher_core::{LineBuffer, Quoted, RelayPacket};

/// What a relay answered.
#[derive(Debug)]
pub(super) struct RelayAnswers {
    pub(super) round_trip: Duration,
    /// The address and port at which it sees this host; the port only if it supports hole punching.
    pub(super) seen: Option<(IpAddr, Option<u16>)>,
    pub(super) supports_hole_punching: bool,
    /// The key that it proved.
    pub(super) key: Option<PublicKey>,
}

/// The words whose meaning for this network is checked.
const CAPS: &str = "from key ticket near meet";
const TOKEN: &str = "doctor";

/// Asks a relay over a fresh connection. May wait forever.
///
/// # Errors
///
/// The relay's own refusal, or that it is no relay.
pub(super) async fn ask(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
) -> Result<RelayAnswers, String> {
    let mut lines = LineBuffer::new();
    let asked = Instant::now();
    let questions = [RelayPacket::Ping(TOKEN), RelayPacket::Caps(CAPS), RelayPacket::Addr];
    let mut out = Vec::new();
    for question in questions {
        question.encode(&mut out);
    }
    write(stream, &out).await?;
    let (mut round_trip, mut words, mut seen) = (None, String::new(), None);
    read_until(stream, &mut lines, |packet| match packet {
        RelayPacket::Pong(TOKEN) => {
            round_trip = Some(asked.elapsed());
            None
        }
        RelayPacket::Caps(own) => {
            words = (*own).to_owned();
            None
        }
        RelayPacket::AddrAnswer { ip, port } => {
            seen = Some((ip.to_canonical(), *port));
            Some(Ok(()))
        }
        RelayPacket::Err { verb: "X_ADDR", .. } => Some(Ok(())),
        // An older relay does not know all packets.
        RelayPacket::Err { verb: "X_PING" | "X_CAPS", .. } => None,
        RelayPacket::Err { reason, .. } => Some(Err(format!("it says {}", Quoted(reason)))),
        _ => None,
    })
    .await?;
    let round_trip = round_trip.unwrap_or_else(|| asked.elapsed());
    let supports = |word| words.split(' ').any(|own| own == word);
    let key = match supports("key") {
        true => Some(prove(stream, &mut lines).await?),
        false => None,
    };
    Ok(RelayAnswers { round_trip, seen, supports_hole_punching: supports("meet"), key })
}

/// Makes the relay prove its key (section 5.6).
async fn prove(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    lines: &mut LineBuffer,
) -> Result<PublicKey, String> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| error.to_string())?;
    let mut challenge = Some(RelayKeyChallenge::new(seed));
    let key = challenge.as_ref().map(|challenge| challenge.key().to_string()).unwrap_or_default();
    write(stream, &RelayPacket::Key(&key).to_line()).await?;
    read_until(stream, lines, |packet| match packet {
        RelayPacket::Key(fields) => {
            let proved = challenge.take().and_then(|challenge| challenge.verify(fields));
            Some(proved.ok_or_else(|| "it does not prove the key that it shows".to_owned()))
        }
        RelayPacket::Err { reason, .. } => Some(Err(format!("it says {}", Quoted(reason)))),
        _ => None,
    })
    .await
}

async fn write(stream: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> Result<(), String> {
    let written = async {
        stream.write_all(bytes).await?;
        stream.flush().await
    };
    written.await.map_err(|error: io::Error| error.to_string())
}

/// Reads packets until `take` returns something.
async fn read_until<T>(
    stream: &mut (impl AsyncRead + Unpin),
    lines: &mut LineBuffer,
    mut take: impl FnMut(&RelayPacket<'_>) -> Option<Result<T, String>>,
) -> Result<T, String> {
    loop {
        while let Some(line) = lines.next_line().map_err(no_relay)? {
            if let Some(done) = take(&RelayPacket::parse(line).map_err(no_relay)?) {
                return done;
            }
        }
        let mut chunk = [0; 1024];
        let read = stream.read(&mut chunk).await.map_err(|error| error.to_string())?;
        if read == 0 {
            return Err("it closes the connection".into());
        }
        lines.receive(&chunk[..read]);
    }
}

fn no_relay(error: impl std::fmt::Display) -> String {
    format!("it is no relay: {error}")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    async fn answered(text: &str) -> Result<RelayAnswers, String> {
        let (mut ours, mut theirs) = tokio::io::duplex(16 << 10);
        theirs.write_all(text.as_bytes()).await.unwrap();
        theirs.shutdown().await.unwrap();
        ask(&mut ours).await
    }

    #[tokio::test]
    async fn understands_relays_of_all_ages() {
        for (text, seen, punches) in [
            (
                "X_PONG doctor\nX_CAPS from ticket near meet\nX_ADDR 192.0.2.7 40000\n",
                Some(("192.0.2.7", Some(40000))),
                true,
            ),
            ("X_PONG doctor\nX_CAPS from\nX_ADDR 192.0.2.7\n", Some(("192.0.2.7", None)), false),
            (
                "X_ERR X_PING unknown verb\nX_ERR X_CAPS unknown verb\nX_ERR X_ADDR unknown verb\n",
                None,
                false,
            ),
        ] {
            let answers = answered(text).await.unwrap();
            let expected = seen.map(|(ip, port)| (ip.parse().unwrap(), port));
            assert_eq!((answers.seen, answers.supports_hole_punching), (expected, punches));
        }
    }

    #[tokio::test]
    async fn says_what_is_no_relay() {
        for (text, why) in [
            ("HTTP/1.1 400 Bad Request\r\n\r\n", "it is no relay"),
            ("", "closes the connection"),
            ("X_ERR - too many connections: the limit is 3\n", "too many connections"),
            ("X_CAPS key\nX_ADDR ::1\nX_KEY AAAA\n", "does not prove the key"),
            (&"x".repeat(9000), "it is no relay"),
        ] {
            let error = answered(text).await.unwrap_err();
            assert!(error.contains(why), "{error}");
        }
    }
}
