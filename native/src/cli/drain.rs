//! Stops a server in order: first nobody new is accepted, and those who are there move or finish.

use std::fmt;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::admin::{DRAINING, Readiness, STOPPING};
use crate::bridge::Bridge;
use crate::cli::service_manager;
use crate::cli::signals::Signals;
use crate::cli::ui::output::Output;
use crate::http::Http;
use crate::relay::Relay;

/// Time between two looks at what is left.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);
/// Time between two looks at whether the listeners are closed, which takes milliseconds.
const CLOSE_INTERVAL: Duration = Duration::from_millis(5);

/// The parts of a server that drain.
#[derive(Clone)]
pub(crate) struct DrainingServers {
    /// A relay in this process.
    pub(crate) relay: Option<Relay>,
    /// A bridge and its HTTP server.
    pub(crate) bridge: Option<(Http, Bridge)>,
    /// Tells the operator that the server drains.
    pub(crate) readiness: Readiness,
}

impl DrainingServers {
    /// Waits for a signal to stop; then drains for at most `within`, or until another signal. The servers can be
    /// stopped when this returns.
    pub(crate) async fn drain_at(self, mut signals: Signals, within: Duration, output: Output) {
        signals.stop().await;
        service_manager::stopping();
        if !within.is_zero() {
            self.drain(signals, within, output).await;
        }
        self.readiness.set(STOPPING, "it was told to stop");
    }

    /// Says that the servers stop without draining.
    pub(crate) fn stopping(&self) {
        service_manager::stopping();
        self.readiness.set(STOPPING, "it was told to stop");
    }

    async fn drain(&self, mut signals: Signals, within: Duration, output: Output) {
        let until = Instant::now() + within;
        let seconds = within.as_secs();
        self.readiness.set(DRAINING, format!("it stops within {seconds} s"));
        // Before hosts and the operator are told: both go on to the next process, which needs the ports.
        self.close_listeners(until).await;
        output.note(format_args!("draining for at most {seconds} s; another signal stops at once"));
        self.begin(within);
        let drained = async {
            while !self.is_drained() && Instant::now() < until {
                sleep(LOOK_INTERVAL).await;
            }
        };
        tokio::select! {
            () = drained => {}
            () = signals.stop() => {}
        }
        match self.left() {
            Left { hosts: 0, connections: 0 } => output.note(format_args!("drained")),
            left => output.note(format_args!("stopping with {left}")),
        }
    }

    async fn close_listeners(&self, until: Instant) {
        if let Some((http, _)) = &self.bridge {
            http.drain();
        }
        if let Some(relay) = &self.relay {
            relay.close_listeners();
        }
        let listens = || {
            self.relay.as_ref().is_some_and(Relay::listens)
                || self.bridge.as_ref().is_some_and(|(http, _)| http.listens())
        };
        while listens() && Instant::now() < until {
            sleep(CLOSE_INTERVAL).await;
        }
    }

    fn begin(&self, within: Duration) {
        if let Some((_, bridge)) = &self.bridge {
            bridge.drain(within);
        }
        if let Some(relay) = &self.relay {
            relay.drain(within);
        }
    }

    fn is_drained(&self) -> bool {
        let carries = self.bridge.as_ref().is_some_and(|(_, bridge)| bridge.carried() > 0);
        let waits = match (&self.relay, &self.bridge) {
            (Some(relay), _) => !relay.is_drained(),
            (None, Some((_, bridge))) => !bridge.is_drained(),
            (None, None) => false,
        };
        !carries && !waits
    }

    fn left(&self) -> Left {
        Left {
            hosts: self.relay.as_ref().map_or(0, Relay::connections),
            connections: self.bridge.as_ref().map_or(0, |(_, bridge)| bridge.carried()),
        }
    }
}

/// What a server that stops cuts off.
struct Left {
    hosts: usize,
    connections: usize,
}

impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { hosts, connections } = self;
        write!(f, "{hosts} connections to the relay and {connections} through the bridge")
    }
}
