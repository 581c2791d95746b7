//! What became of the packets of clients, for the counts and logs of a relay's operator.

use alloc::vec::Vec;

use super::{Action, ConnId};

/// Declares an enum whose variants each have a label that never changes: for the names of counts, which
/// must be few and must not come from outside.
macro_rules! labelled {
    (
        $(#[$about:meta])*
        pub enum $name:ident {
            $($(#[$of_variant:meta])* $variant:ident = $label:literal,)+
        }
    ) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$of_variant])* $variant,)+
        }

        impl $name {
            /// All values. The index of each is `self as usize`.
            pub const ALL: [Self; [$(Self::$variant),+].len()] = [$(Self::$variant),+];

            /// Returns a short name in lower case or of a verb, which stays the same for programs.
            pub const fn label(self) -> &'static str {
                match self {
                    $(Self::$variant => $label,)+
                }
            }
        }
    };
}
pub(super) use labelled;

/// What became of a client's packet. Packets that ask for nothing, such as X_PONG, have no outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// Its X_INIT was forwarded.
    Called {
        /// The connection that holds the nick; `None` at another relay of the cluster.
        callee: Option<ConnId>,
    },
    /// Its X_MEET invited it and another host to a rendezvous.
    Invited {
        /// The connection of the other host; `None` at another relay of the cluster.
        callee: Option<ConnId>,
    },
    /// It was shown the address of a host that it meets, and that host its own.
    Introduced {
        /// The other rendezvous; `None` at another relay of the cluster.
        other: Option<ConnId>,
    },
    /// It is known for whom it counts, from its token or because it has none (section 5.11).
    Identified,
    /// It told how it reached a host that it had called.
    Connected {
        /// How.
        path: CallPath,
    },
    /// It has a nick from now on.
    Registered,
    /// It has proved its key at this relay.
    Proved,
    /// The packet was refused.
    Refused {
        /// What it asked for.
        asked: Asked,
        /// The rule that forbids it.
        rule: Rule,
    },
}

/// Reports what became of a client's packet.
pub(super) fn record(conn: ConnId, outcome: Outcome, actions: &mut Vec<Action>) {
    actions.push(Action::Record { conn, outcome });
}

labelled! {
    /// How a caller reached its callee, as it tells the relay (section 5.12).
    pub enum CallPath {
        /// Over a socket of the caller.
        Direct = "direct",
        /// Behind the NAT that both share.
        Near = "near",
        /// By hole punching.
        Punched = "punched",
        /// Through a bridge.
        Bridge = "bridge",
        /// Not at all: nobody connected back in time.
        None = "none",
    }
}

labelled! {
    /// A kind of packet that a client sends to the relay.
    pub enum Asked {
        /// A call.
        Init = "X_INIT",
        /// An invitation to hole punching, or the arrival at a rendezvous.
        Meet = "X_MEET",
        /// A nick.
        Nick = "X_NICK",
        /// The list of nicks.
        Who = "X_WHO",
        /// Its own address.
        Addr = "X_ADDR",
        /// A sign of life.
        Ping = "X_PING",
        /// Capabilities.
        Caps = "X_CAPS",
        /// A proof of a key.
        Key = "X_KEY",
        /// A user's token.
        Token = "X_TOKEN",
        /// The path of a call.
        Path = "X_PATH",
        /// A call that is declined.
        Decline = "X_DECLINE",
        /// Anything else.
        Other = "other",
    }
}

impl Asked {
    /// Returns the kind of a packet with this verb.
    pub(super) fn of_verb(verb: &str) -> Self {
        let known = Self::ALL.into_iter().find(|asked| asked.label() == verb);
        known.unwrap_or(Self::Other)
    }
}

labelled! {
    /// A rule by which the relay refuses packets (section 5).
    pub enum Rule {
        /// X_NICK comes first.
        NickFirst = "nick_first",
        /// X_CAPS with certain words comes first.
        CapsFirst = "caps_first",
        /// The packet is not due: a second nick or proof, or anything on a rendezvous.
        NotDue = "not_due",
        /// An X_INIT names an address of its sender only (section 6).
        Address = "address",
        /// X_INIT, X_MEET and X_WHO of a connection are limited.
        AskRate = "ask_rate",
        /// Calls of an address to absent nicks, and its questions about codes, are limited.
        GuessRate = "guess_rate",
        /// Bytes of answers to an address are limited.
        AnswerRate = "answer_rate",
        /// The nick is not online.
        NoSuchNick = "no_such_nick",
        /// The callee did not read, and was closed.
        CalleeNotReading = "callee_not_reading",
        /// The callee does not support hole punching.
        NoHolePunching = "no_hole_punching",
        /// Meetings that wait are limited.
        WaitingMeetings = "waiting_meetings",
        /// No such invitation.
        NoInvitation = "no_invitation",
        /// One of both has an IPv4 address, the other an IPv6 address.
        OtherFamily = "other_family",
        /// Another connection has the nick, or one alike.
        NickTaken = "nick_taken",
        /// The text is not a nick.
        NickInvalid = "nick_invalid",
        /// The other relays of the cluster cannot be asked (section 23).
        Unreachable = "unreachable",
        /// Another relay of the cluster refused it, for a reason that the X_ERR has.
        OtherRelay = "other_relay",
        /// The relay stops and invites nobody any more (section 5.9).
        Draining = "draining",
        /// The operator banned the nick, or one alike.
        NickBanned = "nick_banned",
        /// The relay needs a token (section 5.11).
        NoToken = "no_token",
        /// The token is no user's.
        WrongToken = "wrong_token",
        /// Wrong tokens of an address are limited.
        TokenRate = "token_rate",
        /// Connections of a user are limited.
        UserFull = "user_full",
        /// The nick, or one alike, is reserved for another user, or for other keys.
        NickReserved = "nick_reserved",
        /// The user may have other nicks only, or the operator's lists do not allow the nick or one alike.
        NickNotAllowed = "nick_not_allowed",
        /// The operator's lists do not allow the host's key, or it has proved none.
        KeyNotAllowed = "key_not_allowed",
        /// The operator's hook refused it.
        Hook = "hook",
        /// The operator's hook did not answer.
        HookFailed = "hook_failed",
        /// The proof does not match the key.
        KeyProof = "key_proof",
        /// A packet has other fields.
        Syntax = "syntax",
        /// The verb is unknown.
        UnknownVerb = "unknown_verb",
        /// The line is not a packet.
        NotXcher = "not_xcher",
        /// The line is too long or not UTF-8.
        BadLine = "bad_line",
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeSet;

    use super::super::CloseReason;
    use super::*;

    #[test]
    fn labels_are_distinct_and_indexes_agree() {
        fn check<T: Copy>(all: &[T], index: fn(T) -> usize, label: fn(T) -> &'static str) {
            let labels: BTreeSet<_> = all.iter().map(|one| label(*one)).collect();
            assert_eq!(labels.len(), all.len());
            assert!(all.iter().enumerate().all(|(at, one)| index(*one) == at));
        }
        check(&CallPath::ALL, |one| one as usize, CallPath::label);
        check(&Asked::ALL, |one| one as usize, Asked::label);
        check(&Rule::ALL, |one| one as usize, Rule::label);
        check(&CloseReason::ALL, |one| one as usize, CloseReason::label);
    }

    #[test]
    fn a_verb_from_outside_is_one_of_few() {
        assert_eq!(Asked::of_verb("X_INIT"), Asked::Init);
        for verb in ["", "-", "other", "x_init", "X_INIT bob", "GET"] {
            assert_eq!(Asked::of_verb(verb), Asked::Other, "{verb}");
        }
    }
}
