//! Events of a host.

use std::path::PathBuf;

use xcher_core::peer::{Event, SessionId, TransferId};
use xcher_core::secure::PublicKey;
use xcher_core::{FileName, Nick};

use crate::files::{EscapedName, NotShared};
use crate::keys::KeysError;

/// An event of a host.
#[derive(Debug)]
pub enum HostEvent {
    /// An event of the protocol.
    Peer(Event),
    /// A file in a shared folder is not shared.
    NotShared(NotShared),
    /// A file is shared under another name than it has.
    Escaped(EscapedName),
    /// The relay proved another key than it first had at this address, or none.
    RelayKeyChanged {
        /// The key that it had.
        before: PublicKey,
        /// The key that it has.
        now: Option<PublicKey>,
    },
    /// A key that was seen for the first time could not be stored.
    PinFailed {
        /// The peer's nick; `None` for the relay's own key.
        nick: Option<Nick>,
        /// The error.
        why: KeysError,
    },
    /// Ports are mapped, or cannot be.
    #[cfg(feature = "map-ports")]
    PortMapping(crate::port_mapping::PortMappingReport),
    /// A text that [`Host::get_text`](super::Host::get_text) requested is complete.
    /// [`Host::text_shown`](super::Host::text_shown) answers.
    Text {
        /// The transfer.
        transfer: TransferId,
        /// Its session.
        session: SessionId,
        /// The name under which the peer sent it.
        name: FileName,
        /// The text, as the peer wrote it.
        text: Box<str>,
    },
    /// The partial file of a transfer that ended early was kept.
    PartialKept {
        /// The transfer.
        transfer: TransferId,
        /// Its session.
        session: SessionId,
        /// The partial file.
        path: PathBuf,
        /// Its length.
        bytes: u64,
    },
}
