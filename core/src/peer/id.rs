//! What connections, listeners, sessions and transfers are called between a [`Peer`](crate::Peer) and its
//! driver.

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
    /// A port that is listened on.
    ListenerId,
    /// An exchange with one other host.
    SessionId,
    /// One file on its way, or waiting to be.
    TransferId,
}
