//! Events and questions of a control connection.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::LinkMessage;
use crate::secure::PublicKey;
use crate::stream::Digest;
use crate::{FileName, InvalidName, LeftOut, NotStored, ProtocolError, Size, Stat};

/// The meaning of a line from the peer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The negotiation has ended: call [`Session::proceed`](super::Session::proceed).
    Agreed {
        /// The key that the peer proved to hold; `None` if the session is unencrypted.
        key: Option<PublicKey>,
    },
    /// Both sides have proved the same code (section 12).
    Authenticated,
    /// The peer listens for one of this side's requests (section 15).
    Port {
        /// The number of the request.
        number: u64,
        /// The peer's port, 1–65535.
        port: u16,
    },
    /// The peer sets up a link by WebRTC, or tried to: an error ends the link alone (section 24).
    Link(Result<LinkMessage, ProtocolError>),
    /// The peer offers a file (section 17).
    Offered {
        /// The file.
        name: FileName,
        /// Its size.
        size: Size,
        /// Its metadata.
        stat: Stat,
    },
    /// The peer offers a file with an invalid name.
    InvalidOffer(InvalidName),
    /// The peer leaves a file out of its listing or offer (section 20).
    LeftOut(LeftOut),
    /// The offer is complete.
    OfferEnd {
        /// Files offered, including those with invalid names.
        entries: u64,
    },
    /// The peer declines an offered file.
    Declined {
        /// The file.
        name: Box<str>,
    },
    /// The peer claims to hold a long-term key (section 12.3).
    OwnKey {
        /// The key.
        key: PublicKey,
        /// The proof.
        proof: [u8; 32],
    },
    /// The peer announces how many files it will request (section 19).
    Want(Want),
    /// The peer reports if it stored requested files (section 19).
    Receipt(Receipt),
    /// The peer wants a file but will not request it (section 19).
    Unasked {
        /// The file.
        name: FileName,
        /// The reason.
        reason: NotStored,
    },
    /// The exchange of safety words advanced (section 11.5).
    SafetyWords {
        /// The three words, once the exchange is complete.
        words: Option<Box<str>>,
    },
    /// The peer asks a question, queued after older ones: see
    /// [`Session::question`](super::Session::question).
    Question,
    /// The peer asks about an invalid name. The session answers NO in order.
    InvalidQuestion(InvalidName),
    /// One entry of the requested listing.
    Entry {
        /// The file.
        name: FileName,
        /// Its size.
        size: Size,
        /// Its metadata.
        stat: Stat,
    },
    /// One entry of the listing with an invalid name, which cannot be requested.
    InvalidEntry(InvalidName),
    /// The listing is complete.
    ListEnd {
        /// Entries, including those with invalid names.
        entries: u64,
    },
    /// The answer to [`Session::check`](super::Session::check).
    Answer {
        /// The file.
        name: Box<str>,
        /// True if it is shared.
        yes: bool,
    },
    /// The peer refuses a requested file.
    Refused {
        /// The file.
        name: Box<str>,
    },
    /// The peer refuses one of this side's requests (section 19).
    RequestRefused {
        /// The number of the request.
        number: u64,
    },
    /// A line without effect was ignored, such as a verb of a later version.
    Ignored {
        /// The verb or the line, escaped.
        verb: Box<str>,
    },
    /// X_END: the peer closes the connection next.
    End,
}

/// A question of the peer. Answer in the order of the questions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// Asks for the listing: answer with [`Session::answer_entry`](super::Session::answer_entry), then
    /// [`Session::answer_list_end`](super::Session::answer_list_end).
    List,
    /// Asks if a file is shared: answer with [`Session::answer_check`](super::Session::answer_check).
    Check(FileName),
    /// Requests a file: [`Session::take_request`](super::Session::take_request), and
    /// [`Session::refuse_request`](super::Session::refuse_request) if it cannot be sent.
    Request(Request),
    /// Requests a batch: [`Session::take_batch`](super::Session::take_batch).
    Batch(Batch),
}

/// An announcement of the files that a requester wants (section 19). Each adds to the earlier ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Want {
    /// Wanted files.
    pub files: u64,
    /// The sum of their known sizes, in bytes.
    pub bytes: u64,
    /// Files of this or earlier announcements that the requester already has and will not request.
    pub already_stored: u64,
}

/// A requester's report that files of one of its requests are stored or not (section 19).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The number of the request.
    pub number: u64,
    /// The index of the first file, from 0; below [`MAX_FILES`](crate::batch::MAX_FILES).
    pub at: u64,
    /// The number of files, at least one.
    pub count: u64,
    /// The reason why they are not stored; `None` if they are stored, under their names and synced to disk.
    pub not_stored: Option<NotStored>,
}

/// A requested batch (section 18).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Names and sizes in bytes; at least one.
    pub files: Vec<(FileName, u64)>,
    /// The requester's port; 0 asks this side to listen (section 15).
    pub port: u16,
    /// The number of earlier requests of the peer.
    pub number: u64,
}

/// A requested file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The file.
    pub name: FileName,
    /// The size that the requester expects.
    pub size: Size,
    /// The requester's port; 0 asks this side to listen (section 15).
    pub port: u16,
    /// The length and digest of the requester's partial file (section 14).
    pub partial: Option<(u64, Digest)>,
    /// The number of earlier requests of the peer.
    pub number: u64,
}
