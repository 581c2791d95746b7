//! State of a session, shared between the task that owns the host and the session's handles.

use std::net::SocketAddr;

use xcher_core::Device;
use xcher_core::peer::{Path, Security};

use super::error::Error;

/// State of a session.
#[derive(Clone, Debug)]
pub(super) struct SessionState {
    pub(super) address: SocketAddr,
    pub(super) nick: Option<String>,
    pub(super) incoming: bool,
    pub(super) path: Path,
    pub(super) security: Security,
    pub(super) device: Option<Device>,
    pub(super) words: Option<String>,
    pub(super) ended: Option<Result<(), Error>>,
}
