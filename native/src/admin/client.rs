//! Asks a relay or bridge as its operator.

use std::time::Duration;

use axum::body::Body;
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::listener::Connection;
use crate::net::socket_address::SocketAddress;

/// The most bytes of an answer: 10,000 bans, with room to spare.
const MAX_ANSWER_LEN: usize = 4 << 20;
/// Time for an answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A relay or bridge, as its operator reaches it.
pub(crate) struct AdminClient {
    /// Its listener for operators.
    pub(crate) at: SocketAddress,
    /// The token that it requires.
    pub(crate) token: Option<String>,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum AskError {
    /// It does not answer, or not as this program does.
    Unreachable(String),
    /// It refuses, with a reason for people, which is not escaped.
    Refused(String),
}

impl AdminClient {
    /// Reads what is at `path`.
    ///
    /// # Errors
    ///
    /// Why there is no answer.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, AskError> {
        read(&self.ask(Method::GET, path, Body::empty()).await?)
    }

    /// Has `request` carried out.
    ///
    /// # Errors
    ///
    /// Why it is not.
    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        request: &impl Serialize,
    ) -> Result<T, AskError> {
        let body = serde_json::to_vec(request).map_err(unreachable)?;
        read(&self.ask(Method::POST, path, body.into()).await?)
    }

    async fn ask(&self, method: Method, path: &str, body: Body) -> Result<Vec<u8>, AskError> {
        let asked = timeout(TIMEOUT, self.exchange(method, path, body)).await;
        asked.unwrap_or_else(|_| Err(AskError::Unreachable("it does not answer".to_owned())))
    }

    async fn exchange(&self, method: Method, path: &str, body: Body) -> Result<Vec<u8>, AskError> {
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(self.connect().await?)).await.map_err(unreachable)?;
        let mut request = Request::builder().method(method).uri(path).header(HOST, self.host());
        request = request.header(CONTENT_TYPE, "application/json");
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        let request = request.body(body).map_err(unreachable)?;
        let exchange = async {
            let response = sender.send_request(request).await.map_err(unreachable)?;
            let status = response.status();
            let body = axum::body::to_bytes(Body::new(response.into_body()), MAX_ANSWER_LEN);
            let body = body.await.map_err(unreachable)?;
            if status.is_success() {
                return Ok(body.to_vec());
            }
            let reason = String::from_utf8_lossy(&body).trim_end().to_owned();
            Err(match status {
                // This program has all paths that it asks for.
                StatusCode::NOT_FOUND => unreachable("its answer is not that of --admin"),
                _ if reason.is_empty() => unreachable(format!("it answers {status}")),
                _ => AskError::Refused(reason),
            })
        };
        tokio::select! {
            biased;
            answer = exchange => answer,
            _ = connection => Err(unreachable("it closes the connection")),
        }
    }

    fn host(&self) -> String {
        match &self.at {
            SocketAddress::Tcp(at) => at.to_string(),
            SocketAddress::Unix(_) => "localhost".to_owned(),
        }
    }

    async fn connect(&self) -> Result<Box<dyn Connection>, AskError> {
        match &self.at {
            SocketAddress::Tcp(at) => {
                Ok(Box::new(TcpStream::connect(at).await.map_err(unreachable)?))
            }
            #[cfg(unix)]
            SocketAddress::Unix(path) => {
                let socket = tokio::net::UnixStream::connect(path).await;
                Ok(Box::new(socket.map_err(unreachable)?))
            }
            #[cfg(not(unix))]
            SocketAddress::Unix(_) => Err(unreachable("this system has no Unix sockets")),
        }
    }
}

fn read<T: DeserializeOwned>(answer: &[u8]) -> Result<T, AskError> {
    serde_json::from_slice(answer).map_err(|_| unreachable("its answer is not that of --admin"))
}

fn unreachable(error: impl ToString) -> AskError {
    AskError::Unreachable(error.to_string())
}
