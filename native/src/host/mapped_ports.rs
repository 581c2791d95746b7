//! The host's mapped ports, if it has any.

use super::event::HostEvent;

/// Mapped ports; none if the host was started without, or the library built without.
#[derive(Default)]
pub(super) struct MappedPorts {
    #[cfg(feature = "map-ports")]
    mapping: Option<on::Mapping>,
}

#[cfg(not(feature = "map-ports"))]
impl MappedPorts {
    pub(super) async fn next(&mut self) -> HostEvent {
        std::future::pending().await
    }

    pub(super) fn is_online_as(&self, _: Option<std::net::IpAddr>) {}

    pub(super) async fn stop(self) {}
}

#[cfg(feature = "map-ports")]
mod on {
    use std::net::IpAddr;
    use std::sync::Arc;

    use tokio::sync::mpsc;
    use xcher_core::peer::Purpose;

    use super::{HostEvent, MappedPorts};
    use crate::port_mapping::{Pool, PortMapping, PortMappingReport};

    pub(super) struct Mapping {
        ports: PortMapping,
        reports: mpsc::UnboundedReceiver<PortMappingReport>,
    }

    impl MappedPorts {
        /// Starts to map ports once the host is online.
        pub(in crate::host) fn start() -> Self {
            let (reporter, reports) = mpsc::unbounded_channel();
            Self { mapping: Some(Mapping { ports: PortMapping::start(reporter), reports }) }
        }

        /// Waits for the next report. Cancel safe.
        pub(in crate::host) async fn next(&mut self) -> HostEvent {
            if let Some(mapping) = &mut self.mapping
                && let Some(report) = mapping.reports.recv().await
            {
                return HostEvent::PortMapping(report);
            }
            std::future::pending().await
        }

        /// The relay knows this host, which names this address in its calls.
        pub(in crate::host) fn is_online_as(&self, named: Option<IpAddr>) {
            if let Some(mapping) = &self.mapping {
                mapping.ports.is_online_as(named);
            }
        }

        /// Returns the ports for a listener. Only a call by the external address listens at no address in
        /// particular; a data connection takes the way of its control connection.
        pub(in crate::host) fn pool(&self, ip: IpAddr, purpose: Purpose) -> Option<Arc<Pool>> {
            let pool = self.mapping.as_ref()?.ports.pool();
            let is_for_it = purpose == Purpose::Data || ip.is_unspecified();
            (is_for_it && pool.serves(ip)).then(|| Arc::clone(pool))
        }

        /// Deletes the mappings.
        pub(in crate::host) async fn stop(self) {
            if let Some(mapping) = self.mapping {
                mapping.ports.stop().await;
            }
        }
    }
}
