//! Commands of the package's `driver.js`.

use wasm_bindgen::prelude::*;
use xcher_core::peer::{SessionId, TransferId};

/// The kind of a command, and in brackets the fields that it has. `size` is spelled as on the wire,
/// `modified` in seconds and NaN if unknown; `reason` is one of the type `NotStored` in `index.d.ts`.
#[wasm_bindgen]
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// Goes online.
    Start = "start",
    /// Disconnects in order.
    Stop = "stop",
    /// Takes the description of this end of a link (tunnel, message).
    Described = "described",
    /// Takes the report that the WebSocket, or the channel of a link, is open (tunnel).
    Opened = "opened",
    /// Takes the report that it was closed, or could not be opened (tunnel, message).
    Lost = "lost",
    /// Passes deadlines and moves bytes.
    Turn = "turn",
    /// Asks for the nicks at the relay.
    Who = "who",
    /// Calls a nick, or the host with a code (nick). Returns the session.
    Open = "open",
    /// Accepts or rejects a call (session, accept).
    Answer = "answer",
    /// Sets the key that is pinned for a nick, none if empty (nick, key).
    SetPin = "setPin",
    /// Requests the listing (session).
    List = "list",
    /// Takes the report that so many entries of it were read (session, entries).
    EntriesRead = "entriesRead",
    /// Asks whether the peer shares a file (session, name).
    Check = "check",
    /// Adds a file for the next `get` or `offer`, which takes all that were added (name, size, modified,
    /// text, folder).
    AddFile = "addFile",
    /// Requests the added files (session). Returns the transfer of the first; those of the others follow it.
    Get = "get",
    /// Offers the added files (session). Returns the number of the offer.
    Offer = "offer",
    /// Declines an offered file (session, name).
    Decline = "decline",
    /// Announces how much the application wants, and how many of the files it has already (session, files,
    /// bytes, here).
    Announce = "announce",
    /// Takes the report that a complete file is stored (transfer).
    Stored = "stored",
    /// Takes the report that a complete file is stored later, with others (transfer).
    Defer = "defer",
    /// Takes the report that a file cannot be stored (transfer, reason, message).
    NotStored = "notStored",
    /// Takes the report that the reader of a file has room (transfer).
    ReadMore = "readMore",
    /// Takes the report that the bytes asked for cannot be read (transfer, message).
    ReadFailed = "readFailed",
    /// Takes the report that all of a prefix was supplied, or that it cannot be read (transfer, complete).
    PrefixEnd = "prefixEnd",
    /// Cancels a transfer (transfer).
    Cancel = "cancel",
    /// Ends a session (session).
    End = "end",
    /// Shares a file (name, size, modified, text, folder).
    Share = "share",
    /// Stops sharing a file (name).
    Unshare = "unshare",
}

#[wasm_bindgen]
extern "C" {
    /// An object of the package, whose fields are read by name: a getter for each would take more bytes.
    pub type Fields;

    #[wasm_bindgen(method, structural, indexing_getter)]
    pub(super) fn text(this: &Fields, field: &str) -> String;
    #[wasm_bindgen(method, structural, indexing_getter)]
    pub(super) fn number(this: &Fields, field: &str) -> f64;
    #[wasm_bindgen(method, structural, indexing_getter)]
    pub(super) fn bytes(this: &Fields, field: &str) -> Vec<u8>;
}

impl Fields {
    pub(super) fn session(&self) -> SessionId {
        SessionId(self.number("session") as u64)
    }

    pub(super) fn transfer(&self) -> TransferId {
        TransferId(self.number("transfer") as u64)
    }

    /// Returns a field of the type boolean.
    pub(super) fn flag(&self, field: &str) -> bool {
        self.number(field) != 0.0
    }
}
