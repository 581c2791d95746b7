//! Reasons why the relay closes connections.

use core::fmt;

use super::outcome::labelled;

labelled! {
    /// The reason why the relay closes a connection. An X_ERR or X_END informs the client, unless it sent X_END
    /// itself, does not read, or is silent.
    pub enum CloseReason {
        /// The client sent X_END.
        End = "end",
        /// The first line is not an XCHER packet.
        NotXcher = "not_xcher",
        /// A line is too long or not UTF-8.
        BadLine = "bad_line",
        /// The client used up its attempts to get a nick.
        NickTries = "nick_tries",
        /// The client did not get a nick in time.
        NoNick = "no_nick",
        /// The client is silent, even after a ping.
        Silent = "silent",
        /// The client sent too many erroneous packets.
        TooManyErrors = "too_many_errors",
        /// The client does not read. Unsent bytes may be dropped.
        NotReading = "not_reading",
        /// The relay has as many connections as the limits allow.
        Full = "full",
        /// The address has as many connections as the limits allow.
        AddressFull = "address_full",
        /// It was silent, and the same host claimed its nick over another connection (section 5.6).
        Replaced = "replaced",
        /// It showed an invitation that its address does not have, or that was used or has expired (section 5.8).
        NotInvited = "not_invited",
        /// It waited for a rendezvous with a host that did not come.
        NotMet = "not_met",
        /// It had the address of the host that it met for as long as the limits allow.
        Met = "met",
        /// Another host of the cluster has its nick (section 23.3).
        NickLost = "nick_lost",
        /// It sent too much before the relay answered.
        TooMuchAhead = "too_much_ahead",
        /// It has no token, and the relay needs one (section 5.11).
        NoToken = "no_token",
        /// Its token is wrong, or its address sent too many wrong ones.
        WrongToken = "wrong_token",
        /// Its user has as many connections as the limits of that user allow.
        UserFull = "user_full",
        /// Its user was removed, or may not have its nick any more.
        NoLongerAllowed = "no_longer_allowed",
        /// The operator disconnected it.
        Kicked = "kicked",
        /// The operator banned its address or its nick.
        Banned = "banned",
        /// The operator's lists do not allow its address, its key or its nick.
        NotAllowed = "not_allowed",
        /// The operator's hook refused it.
        Hook = "hook",
        /// The relay stops.
        Stopped = "stopped",
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::End => "X_END",
            Self::NotXcher => "not XCHER",
            Self::BadLine => "line too long or not UTF-8",
            Self::NickTries => "too many attempts to get a nick",
            Self::NoNick => "no nick in time",
            Self::Silent => "silent",
            Self::TooManyErrors => "too many errors",
            Self::NotReading => "does not read",
            Self::Full => "too many connections",
            Self::AddressFull => "too many connections from its address",
            Self::Replaced => "replaced by another connection of its host",
            Self::NotInvited => "no such invitation",
            Self::NotMet => "the other host did not come to the rendezvous",
            Self::Met => "the rendezvous is over",
            Self::NoToken => "no token",
            Self::WrongToken => "wrong token",
            Self::UserFull => "too many connections of its user",
            Self::NoLongerAllowed => "its user may not any more",
            Self::Kicked => "disconnected by the operator",
            Self::Banned => "banned by the operator",
            Self::NotAllowed => "not allowed by the operator's lists",
            Self::Hook => "refused by the operator's hook",
            Self::NickLost => "its nick is another host's",
            Self::TooMuchAhead => "sent too much before an answer",
            Self::Stopped => "relay stops",
        })
    }
}
