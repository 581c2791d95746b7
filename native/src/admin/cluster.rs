//! The cluster, as a relay's operator watches it.

use std::fmt;

use super::metrics::Families;
use super::status::{Reason, Status};
use super::watched::Watched;
use crate::relay::{BusState, ClusterStatus};

impl Watched for ClusterStatus {
    fn encode(&self, families: &mut Families<'_>) -> fmt::Result {
        let is_connected = self.state() == BusState::Connected;
        let help = "1 while the relay is connected to the bus of its cluster";
        families.gauge("xcher_cluster_connected", help, u64::from(is_connected))?;
        let others = self.others().map_or(0, |others| others.relays);
        let help = "Other relays of the cluster that were heard lately";
        families.gauge("xcher_cluster_relays", help, others as u64)?;
        let requests = self.requests();
        let outcomes = [
            ("answered", requests.answered),
            ("nobody", requests.nobody),
            ("failed", requests.failed),
        ];
        let help = "Requests to other relays of the cluster, by their outcome";
        families.counters("xcher_cluster_requests", help, "outcome", outcomes)?;
        let help = "Connections to the bus that were lost";
        families.counter("xcher_cluster_losses", help, self.losses())?;
        let help = "Messages of other relays that were dropped: too long, too late or too many";
        families.counter("xcher_cluster_dropped", help, self.dropped())
    }

    fn add_to(&self, status: &mut Status) {
        let why = match self.state() {
            BusState::Connected => return,
            BusState::Connecting => "not connected yet",
            BusState::Lost { is_refused: true, .. } => "NATS refuses this relay; the log says why",
            BusState::Lost { .. } => "NATS is not reachable; local hosts go on",
        };
        status.reasons.push(Reason { name: "cluster".to_owned(), why: why.to_owned() });
    }
}
