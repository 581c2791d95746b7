//! Asks a bridge at which address and port it sees a connection (PROTOCOL.md, section 10.1).

use std::net::{IpAddr, SocketAddr};

use axum::body::Body;
use hyper::Request;
use hyper::client::conn::http1;
use hyper::header::HOST;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_util::either::Either;

use super::connect;
use crate::host::{Service, TlsRoots};
use crate::relay_address::BridgeUrl;

/// The most bytes of an answer.
const MAX_ANSWER_LEN: usize = 256;

/// A connection as the bridge sees it.
pub(super) struct Seen {
    /// Its local address here.
    pub(super) local: SocketAddr,
    pub(super) ip: IpAddr,
    /// The port, unless a proxy hides it.
    pub(super) port: Option<u16>,
}

/// Asks the bridge, at this of its addresses. The connection comes from `local`, if that is given.
///
/// # Errors
///
/// Why there is no answer.
pub(super) async fn ask(
    bridge: &BridgeUrl,
    remote: IpAddr,
    local: Option<SocketAddr>,
    roots: &TlsRoots,
) -> Result<Seen, String> {
    let path = bridge.path_of("address").ok_or("its WebSocket is not at the usual path")?;
    let remote = SocketAddr::new(remote, bridge.port);
    let socket = connect::to(remote, local).await.map_err(|error| error.to_string())?;
    let local = socket.local_addr().map_err(|error| error.to_string())?;
    let text = get(bridge, socket, &path, roots).await?;
    let (ip, port) = parse(&text).ok_or("it is older and does not say")?;
    Ok(Seen { local, ip, port })
}

async fn get(
    bridge: &BridgeUrl,
    socket: TcpStream,
    path: &str,
    roots: &TlsRoots,
) -> Result<String, String> {
    let socket = match bridge.tls {
        true => {
            let secured = roots.connect(&bridge.host, socket, Service::Bridge).await;
            Either::Left(secured.map_err(|error| error.to_string())?)
        }
        false => Either::Right(socket),
    };
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(socket)).await.map_err(|error| error.to_string())?;
    let request = Request::get(path).header(HOST, bridge.authority()).body(Body::empty());
    let request = request.map_err(|error| error.to_string())?;
    let exchange = async {
        let response = sender.send_request(request).await.map_err(|error| error.to_string())?;
        let status = response.status();
        if !status.is_success() {
            return Err(format!("it answers {status}"));
        }
        let body = axum::body::to_bytes(Body::new(response.into_body()), MAX_ANSWER_LEN).await;
        let body = body.map_err(|error| error.to_string())?;
        Ok(String::from_utf8_lossy(&body).into_owned())
    };
    tokio::select! {
        biased;
        text = exchange => text,
        _ = connection => Err("it closes the connection".into()),
    }
}

fn parse(text: &str) -> Option<(IpAddr, Option<u16>)> {
    let line = text.strip_suffix('\n')?;
    let (ip, port) = match line.split_once(' ') {
        Some((ip, port)) => (ip, Some(port.parse().ok()?)),
        None => (line, None),
    };
    Some((ip.parse::<IpAddr>().ok()?.to_canonical(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_one_line() {
        let ip = IpAddr::from([192, 0, 2, 7]);
        assert_eq!(parse("192.0.2.7 40000\n"), Some((ip, Some(40000))));
        assert_eq!(parse("192.0.2.7\n"), Some((ip, None)));
        for other in ["", "192.0.2.7", "<html>\n", "192.0.2.7 x\n", "192.0.2.7 1 2\n", "ok\n"] {
            assert_eq!(parse(other), None, "{other:?}");
        }
    }
}
