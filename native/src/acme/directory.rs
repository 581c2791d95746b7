//! The requests to an authority: HTTPS, one connection each, bounded in time and bytes.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, HOST, RETRY_AFTER};
use axum::http::response::Parts;
use axum::http::{HeaderValue, Request, Uri};
use bytes::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::host::{Service, TlsRoots};

/// Time for one request and its answer.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// The most bytes of an answer; a chain of certificates has some KiB.
const MAX_ANSWER_LEN: usize = 1 << 20;

/// A client of one authority.
pub(super) struct DirectoryClient {
    pub(super) roots: TlsRoots,
    pub(super) answers: Answers,
}

/// What the answers of an authority demand beyond their contents. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Answers(Arc<Mutex<Option<Duration>>>);

impl Answers {
    /// Returns the wait that the last answer demanded, if it was an error.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, answer: &Parts) {
        let is_error = answer.status.is_client_error() || answer.status.is_server_error();
        let wait = answer.headers.get(RETRY_AFTER).filter(|_| is_error).and_then(wait_of);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = wait;
    }
}

impl HttpClient for DirectoryClient {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let (roots, answers) = (self.roots.clone(), self.answers.clone());
        Box::pin(async move {
            let asked = timeout(REQUEST_TIMEOUT, exchange(&roots, request, &answers)).await;
            let silent = |_| Err(io::Error::new(io::ErrorKind::TimedOut, "it does not answer"));
            asked.unwrap_or_else(silent).map_err(|error| Error::Other(error.into()))
        })
    }
}

async fn exchange(
    roots: &TlsRoots,
    request: Request<BodyWrapper<Bytes>>,
    answers: &Answers,
) -> io::Result<BytesResponse> {
    let (mut head, body) = request.into_parts();
    let uri = head.uri;
    if uri.scheme_str() != Some("https") {
        return Err(io::Error::other("an ACME directory has URLs with https://"));
    }
    let authority = uri.authority().ok_or_else(|| io::Error::other("its URL names no host"))?;
    let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
    let port = authority.port_u16().unwrap_or(443);
    let named = match authority.port_u16() {
        None => authority.host().to_owned(),
        Some(port) => format!("{}:{port}", authority.host()),
    };
    head.headers.insert(HOST, HeaderValue::try_from(named).map_err(io::Error::other)?);
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    head.uri = path.parse::<Uri>().map_err(io::Error::other)?;

    let socket = TcpStream::connect((host.as_str(), port)).await?;
    let socket = roots.connect(&host, socket, Service::Authority).await?;
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(socket)).await.map_err(io::Error::other)?;
    let exchange = async {
        let answer = sender.send_request(Request::from_parts(head, body)).await;
        let (parts, body) = answer.map_err(io::Error::other)?.into_parts();
        answers.note(&parts);
        let status = parts.status;
        let is_error = status.is_client_error() || status.is_server_error();
        if is_error && !is_json(&parts) {
            return Err(io::Error::other(format!("it answers {status}")));
        }
        let body = axum::body::to_bytes(Body::new(body), MAX_ANSWER_LEN);
        let body = body.await.map_err(io::Error::other)?;
        Ok(BytesResponse { parts, body: Box::new(body) })
    };
    tokio::pin!(connection);
    tokio::select! {
        biased;
        answer = exchange => answer,
        _ = &mut connection => Err(io::Error::other("it closes the connection")),
    }
}

fn is_json(answer: &Parts) -> bool {
    let kind = answer.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.contains("json"))
}

/// Returns the wait in a Retry-After: seconds, or a date.
fn wait_of(value: &HeaderValue) -> Option<Duration> {
    let value = value.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = httpdate::parse_http_date(value).ok()?;
    until.duration_since(SystemTime::now()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_seconds_and_dates() {
        let wait = |text: &'static str| wait_of(&HeaderValue::from_static(text));
        assert_eq!(wait("120"), Some(Duration::from_secs(120)));
        assert_eq!(wait("Fri, 31 Dec 1999 23:59:59 GMT"), None);
        let year = Duration::from_secs(365 * 24 * 60 * 60);
        assert!(wait("Thu, 31 Dec 2099 23:59:59 GMT").is_some_and(|wait| wait > year));
        for text in ["", "-1", "soon", "99999999999999999999999"] {
            assert_eq!(wait(text), None, "{text}");
        }
    }
}
