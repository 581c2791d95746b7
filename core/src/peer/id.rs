//! The ids by which a [`Peer`](crate::Peer) and its driver name things.

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u64);
    )*};
}

ids! {
    /// A connection: to the relay, a control connection or a data connection.
    ConnId,
    /// A listener.
    ListenerId,
    /// A session with one peer.
    SessionId,
    /// A file that is transferred, or waits to be.
    TransferId,
}
