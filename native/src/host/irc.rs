//! Connections to an IRC server, whose channel takes the place of a relay (PROTOCOL.md, section 22).

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::either::Either;
use xcher_core::irc::{IrcClient, IrcConfig, IrcOutput};

use super::connection::{Connection, WhyClosed};
use super::loopback::loopback_pair;
use super::setup::IrcOptions;
use super::tls_roots::{Service, TlsRoots};
use crate::irc_url::IrcUrl;

/// Time for the server to complete the TLS handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Time for either side to take what is written to it.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// The most bytes read at a time.
const READ_LEN: usize = 16 << 10;

/// The error of a connection without TLS that is not permitted.
pub(crate) const NOT_ENCRYPTED: &str = "the connection would not be encrypted; use ircs://";

/// Connects to the server of a channel. The connection that is returned takes and gives what one to a relay does.
/// `barred` is kept from one connection to the next.
///
/// # Errors
///
/// If there is no server, its certificate is invalid, it would be used without TLS over a network, or somebody there
/// has decided that this host is not wanted.
pub(super) async fn connect(
    url: &IrcUrl,
    options: IrcOptions,
    allow_private: bool,
    tls_roots: &TlsRoots,
    barred: WhyClosed,
) -> io::Result<Connection> {
    if let Some(reason) = barred.get() {
        return Err(io::Error::other(&**reason));
    }
    let server = TcpStream::connect((url.host.as_str(), url.port)).await?;
    server.set_nodelay(true)?;
    let (local, remote) = (server.local_addr()?, server.peer_addr()?);
    check_cleartext(url, &options, remote)?;
    let server = match url.tls {
        true => {
            let handshake = tls_roots.connect(&url.host, server, Service::Irc);
            let silent = |_| {
                let text = "the server does not answer in TLS; the port for TLS is usually 6697";
                io::Error::new(io::ErrorKind::TimedOut, text)
            };
            Either::Left(timeout(HANDSHAKE_TIMEOUT, handshake).await.map_err(silent)??)
        }
        false => Either::Right(server),
    };
    let (channel, credentials) = (url.channel.clone(), options.credentials);
    let config = IrcConfig { channel, credentials, allow_private };
    let client = IrcClient::new(config, local.ip());
    let (near, far) = loopback_pair().await?;
    let connection = Connection::new(near, local, remote);
    let why_closed = connection.why_closed.clone();
    tokio::spawn(run(client, server, far, [why_closed, barred]));
    Ok(connection)
}

/// Refuses to send nicks, addresses and passwords unencrypted over a network.
fn check_cleartext(url: &IrcUrl, options: &IrcOptions, remote: SocketAddr) -> io::Result<()> {
    match url.tls || remote.ip().to_canonical().is_loopback() || options.allow_cleartext {
        true => Ok(()),
        false => Err(io::Error::other(NOT_ENCRYPTED)),
    }
}

/// Passes what either side writes through the client, until one of them has ended.
async fn run<S: AsyncRead + AsyncWrite>(
    mut client: IrcClient,
    server: S,
    mut host: TcpStream,
    [why_closed, barred]: [WhyClosed; 2],
) {
    let started = Instant::now();
    let (mut server_read, mut server_write) = tokio::io::split(server);
    let (mut host_read, mut host_write) = host.split();
    let (mut from_server, mut from_host) = (vec![0; READ_LEN], vec![0; READ_LEN]);
    loop {
        let deadline = client.next_deadline().map(|at| started + at);
        let mut output = IrcOutput::default();
        let ended = tokio::select! {
            read = server_read.read(&mut from_server) => match read {
                Ok(0) => Some("the server closed the connection".into()),
                Ok(len) => {
                    client.receive_from_server(&from_server[..len], started.elapsed(), &mut output);
                    None
                }
                Err(error) => Some(error.to_string()),
            },
            read = host_read.read(&mut from_host) => match read {
                // The host drops a connection that it has given up.
                Ok(0) | Err(_) => break,
                Ok(len) => {
                    client.receive_from_host(&from_host[..len], started.elapsed(), &mut output);
                    None
                }
            },
            () = super::sleep_until(deadline) => {
                client.tick(started.elapsed(), &mut output);
                None
            }
        };
        let ended = ended.map(Into::into).or(output.reason);
        if let Some(reason) = ended.clone() {
            // Set once: this is the end.
            if output.is_barred {
                let _ = barred.set(reason.clone());
            }
            let _ = why_closed.set(reason);
        }
        let written = async {
            server_write.write_all(&output.to_server).await?;
            server_write.flush().await?;
            host_write.write_all(&output.to_host).await
        };
        let is_written = matches!(timeout(WRITE_TIMEOUT, written).await, Ok(Ok(())));
        if output.is_over || ended.is_some() || !is_written {
            break;
        }
    }
    let _ = timeout(HANDSHAKE_TIMEOUT, server_write.shutdown()).await;
}
