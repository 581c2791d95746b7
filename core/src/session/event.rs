//! What the other side of a control connection says.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::secure::PublicKey;
use crate::stream::Digest;
use crate::{FileName, InvalidName, LeftOut, NotStored, Size, Stat};

/// What a line of the other side's means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Both sides know what they can do: [`Session::proceed`](super::Session::proceed).
    Agreed {
        /// The key that the other side proved to hold; `None` where all is in the clear.
        key: Option<PublicKey>,
    },
    /// Both sides know the same code (section 12).
    Authenticated,
    /// Where the other side listens, for one of our requests (section 15).
    Port {
        /// The number of the request.
        number: u64,
        /// 1–65535.
        port: u16,
    },
    /// One file that the other side offers (section 17).
    Offered {
        /// The file.
        name: FileName,
        /// Its size.
        size: Size,
        /// What else is told of it.
        stat: Stat,
    },
    /// One file of an offer, with a name that is none.
    InvalidOffer(InvalidName),
    /// The other side has this, and cannot include it in its list or offer (section 20).
    LeftOut(LeftOut),
    /// The offer is complete.
    OfferEnd {
        /// How many files it held, bad names included.
        entries: u64,
    },
    /// The other side does not want a file that was offered to it.
    Declined {
        /// The file.
        name: Box<str>,
    },
    /// The other side says that it also holds this key (section 12.3).
    OwnKey {
        /// Which.
        key: PublicKey,
        /// What shows it.
        proof: [u8; 32],
    },
    /// How many files the other side will request (section 19).
    Want(Want),
    /// What became of files that the other side requested (section 19).
    Receipt(Receipt),
    /// The other side wants a file and does not request it (section 19).
    Unasked {
        /// The file.
        name: FileName,
        /// Why.
        reason: NotStored,
    },
    /// What both users see if nobody is between them (section 11.5).
    SafetyWords {
        /// Three words, once they are known.
        words: Option<Box<str>>,
    },
    /// A question came. It waits behind older ones: see [`Session::question`](super::Session::question).
    Question,
    /// A question came with a name that is none; it gets its NO in its turn.
    InvalidQuestion(InvalidName),
    /// One file of the list that we asked for.
    Entry {
        /// The file.
        name: FileName,
        /// Its size.
        size: Size,
        /// What else is told of it.
        stat: Stat,
    },
    /// One file of the list, with a name that is none: it cannot be asked for.
    InvalidEntry(InvalidName),
    /// The list is complete.
    ListEnd {
        /// How many files it held, bad names included.
        entries: u64,
    },
    /// The answer to [`Session::check`](super::Session::check).
    Answer {
        /// The file.
        name: Box<str>,
        /// Whether it is shared.
        yes: bool,
    },
    /// The other side will not send a file that we requested.
    Refused {
        /// The file.
        name: Box<str>,
    },
    /// The other side will not send what one of our requests asked for (section 19).
    RequestRefused {
        /// The number of the request.
        number: u64,
    },
    /// A verb of a later version came and was passed over.
    Ignored {
        /// The verb, escaped.
        verb: Box<str>,
    },
    /// X_END: the other side closes next.
    End,
}

/// What the other side asked. Answers are given in the order of the questions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// Everything that is shared: [`Session::answer_entry`](super::Session::answer_entry), then [`Session::answer_list_end`](super::Session::answer_list_end).
    List,
    /// Whether a file is shared: [`Session::answer_check`](super::Session::answer_check).
    Check(FileName),
    /// A file, to be sent to the other end of the connection:
    /// [`Session::take_request`](super::Session::take_request), and [`Session::refuse`](super::Session::refuse) if it cannot be.
    Request(Request),
    /// Many files in one connection: [`Session::take_batch`](super::Session::take_batch).
    Batch(Batch),
}

/// What a requester wants to have at the end (section 19). Each adds to those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Want {
    /// Files that it wants.
    pub files: u64,
    /// Their sizes together, as far as they are known, in bytes.
    pub bytes: u64,
    /// Those of the files, of this report or of earlier ones, that it has already and will not request.
    pub already_stored: u64,
}

/// What a requester reports of files of one of its requests (section 19).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The number of the request.
    pub number: u64,
    /// The first of the files, from 0; below [`MAX_FILES`](crate::batch::MAX_FILES).
    pub at: u64,
    /// How many, at least one.
    pub count: u64,
    /// Why they are not stored; `None` where they are, under their names and synced.
    pub not_stored: Option<NotStored>,
}

/// Files that the other side requested together (section 18).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Names and sizes in bytes, at least one.
    pub files: Vec<(FileName, u64)>,
    /// Where it listens; 0 where this side is to.
    pub port: u16,
    /// How much it requested before.
    pub number: u64,
}

/// A file that the other side requested.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The file.
    pub name: FileName,
    /// The size the other side believes it has.
    pub size: Size,
    /// Where it listens; 0 where this side is to.
    pub port: u16,
    /// What it has of it: so many bytes of this sum.
    pub partial: Option<(u64, Digest)>,
    /// How many it requested before.
    pub number: u64,
}
