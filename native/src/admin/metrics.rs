//! The metrics of `/metrics`. No label has a value from outside: each is one of a few.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeMetric as _, NoLabelSet, prometheus_text, text,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use xcher_core::registry::{Asked, CallPath, CloseReason, Rule};

use super::{Servers, process};
use crate::bridge::{BridgeState, QuotaState, StreamOutcome};
use crate::http::RequestOutcome;
use crate::relay::RelayState;

/// The format of an answer.
#[derive(Clone, Copy, Debug)]
pub(super) enum Format {
    /// <https://prometheus.io/docs/specs/om/open_metrics_spec/>
    OpenMetrics,
    /// Prometheus's own, for other readers.
    Prometheus,
}

impl Format {
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// Returns all metrics of the process. Reads files of the system.
///
/// # Errors
///
/// None in practice: the text is written to memory.
pub(super) fn encode(servers: &Arc<Servers>, format: Format) -> Result<String, fmt::Error> {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Scrape(Arc::clone(servers))));
    let mut answer = String::new();
    match format {
        Format::OpenMetrics => text::encode(&mut answer, &registry)?,
        Format::Prometheus => prometheus_text::encode(&mut answer, &registry)?,
    }
    Ok(answer)
}

struct Scrape(Arc<Servers>);

impl fmt::Debug for Scrape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scrape")
    }
}

impl Collector for Scrape {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Self(servers) = self;
        let mut families = Families(encoder);
        families.info("xcher_build", "The program", &[("version", env!("CARGO_PKG_VERSION"))])?;
        let uptime = servers.uptime().as_secs_f64();
        families.gauge_f64("xcher_uptime_seconds", "Time since the start", uptime)?;
        let status = servers.status();
        let help = "1 if new clients should come here";
        families.gauge("xcher_ready", help, u64::from(status.ready))?;
        families.gauge("xcher_bans", "Bans in force", status.bans as u64)?;
        servers.watched().iter().try_for_each(|part| part.encode(&mut families))?;
        process::encode(&mut families)
    }
}

/// The rules that can refuse a call. Their counts are there from the start, those of others once they are not 0.
const RULES_OF_CALLS: [Rule; 9] = [
    Rule::NoSuchNick,
    Rule::Address,
    Rule::AskRate,
    Rule::GuessRate,
    Rule::CalleeNotReading,
    Rule::Unreachable,
    Rule::OtherRelay,
    Rule::NickFirst,
    Rule::Syntax,
];
/// Likewise for hole punching.
const RULES_OF_MEETINGS: [Rule; 7] = [
    Rule::NoSuchNick,
    Rule::AskRate,
    Rule::GuessRate,
    Rule::NoHolePunching,
    Rule::WaitingMeetings,
    Rule::NoInvitation,
    Rule::OtherFamily,
];
/// Likewise for nicks.
const RULES_OF_NICKS: [Rule; 9] = [
    Rule::NickTaken,
    Rule::NickInvalid,
    Rule::NickBanned,
    Rule::NickNotAllowed,
    Rule::NickReserved,
    Rule::KeyNotAllowed,
    Rule::Hook,
    Rule::HookFailed,
    Rule::GuessRate,
];
/// The rules that limit a rate.
const RATES: [Rule; 3] = [Rule::AskRate, Rule::GuessRate, Rule::AnswerRate];

/// Writes families of metrics.
pub(crate) struct Families<'a>(DescriptorEncoder<'a>);

impl Families<'_> {
    /// Writes a metric that only grows. The name ends with `_total` in the answer.
    pub(crate) fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        let encoder = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        ConstCounter::new(value).encode(encoder)
    }

    /// As [`Self::counter`], with a fraction.
    pub(crate) fn counter_f64(&mut self, name: &str, help: &str, value: f64) -> fmt::Result {
        let encoder = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        ConstCounter::new(value).encode(encoder)
    }

    /// As [`Self::counter`], one for each value of a label. The values must be few and fixed.
    pub(crate) fn counters(
        &mut self,
        name: &str,
        help: &str,
        label: &'static str,
        values: impl IntoIterator<Item = (&'static str, u64)>,
    ) -> fmt::Result {
        let mut encoder = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (of, value) in values {
            let labels = [(label, of)];
            let mut encoder = encoder.encode_family(&labels)?;
            encoder.encode_counter::<NoLabelSet, _, u64>(&value, None)?;
        }
        Ok(())
    }

    /// Writes a metric that goes up and down.
    pub(crate) fn gauge(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        let encoder = self.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
        ConstGauge::new(value).encode(encoder)
    }

    /// As [`Self::gauge`], with a fraction.
    pub(crate) fn gauge_f64(&mut self, name: &str, help: &str, value: f64) -> fmt::Result {
        let encoder = self.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
        ConstGauge::new(value).encode(encoder)
    }

    /// Writes texts that do not change while the process runs.
    pub(crate) fn info(
        &mut self,
        name: &str,
        help: &str,
        labels: &[(&'static str, &'static str)],
    ) -> fmt::Result {
        let encoder = self.0.encode_descriptor(name, help, None, MetricType::Info)?;
        Info::new(labels.to_vec()).encode(encoder)
    }

    pub(super) fn relay(&mut self, state: &RelayState) -> fmt::Result {
        let RelayState { connections, max_connections, nicks, counts, .. } = state;
        self.gauge("xcher_connections", "Connections to the relay", *connections as u64)?;
        let help = "The most connections to the relay";
        self.gauge("xcher_connections_max", help, *max_connections as u64)?;
        self.gauge("xcher_nicks", "Nicks online, those of codes included", *nicks as u64)?;
        let help = "Connections to the relay, refused ones included";
        self.counter("xcher_connections_opened", help, counts.opened)?;
        let closed = CloseReason::ALL.into_iter();
        let closed = closed.map(|reason| (reason.label(), counts.closed(reason)));
        let by_client = ("closed_by_client", counts.closed_by_client);
        self.counters(
            "xcher_connections_closed",
            "Connections to the relay that ended, by the reason",
            "reason",
            closed.chain([by_client]),
        )?;
        let bytes = [("from_client", counts.received), ("to_client", counts.sent)];
        let help = "Bytes between the relay and its clients";
        self.counters("xcher_relay_bytes", help, "direction", bytes)?;
        let refused = |asked: Asked, always: &'static [Rule]| {
            let all = Rule::ALL.into_iter().map(move |rule| (rule, counts.refused(asked, rule)));
            all.filter(move |(rule, count)| *count > 0 || always.contains(rule))
                .map(|(rule, count)| (rule.label(), count))
        };
        let delivered = [("delivered", counts.called)].into_iter();
        let calls = delivered.chain(refused(Asked::Init, &RULES_OF_CALLS));
        self.counters("xcher_calls", "Calls (X_INIT), by their outcome", "outcome", calls)?;
        let paths = CallPath::ALL.into_iter().map(|path| (path.label(), counts.connected(path)));
        let help = "Calls by the path on which the callee connected back, as callers tell";
        self.counters("xcher_call_paths", help, "path", paths)?;
        let met = [("invited", counts.invited), ("introduced", counts.introduced)].into_iter();
        let met = met.chain(refused(Asked::Meet, &RULES_OF_MEETINGS));
        let help = "Hole punching (X_MEET), by its outcome";
        self.counters("xcher_meetings", help, "outcome", met)?;
        let registered = [("registered", counts.registered)].into_iter();
        let named = registered.chain(refused(Asked::Nick, &RULES_OF_NICKS));
        let help = "Requests for nicks, by their outcome";
        self.counters("xcher_nick_requests", help, "outcome", named)?;
        let of_all = |rule: Rule| {
            let counts = Asked::ALL.into_iter().map(|asked| counts.refused(asked, rule));
            (rule.label(), counts.sum::<u64>())
        };
        let rates = RATES.into_iter().map(of_all);
        let help = "Packets refused because of a rate, by the limit";
        self.counters("xcher_rate_refusals", help, "limit", rates)?;
        let rules = Rule::ALL.into_iter().map(of_all);
        self.counters("xcher_refusals", "Packets refused, by the rule", "rule", rules)
    }

    pub(super) fn bridge(&mut self, state: &BridgeState) -> fmt::Result {
        self.gauge("xcher_tunnels", "Open tunnels", state.tunnels as u64)?;
        self.gauge("xcher_streams", "Open streams of tunnels", state.streams as u64)?;
        self.gauge("xcher_allocated_ports", "Ports allocated to tunnels", state.ports as u64)?;
        let bytes = [("from_client", state.received), ("to_client", state.sent)];
        let help = "Bytes between the bridge and its clients, with what streams add to theirs";
        self.counters("xcher_tunnel_bytes", help, "direction", bytes)?;
        let outcomes = StreamOutcome::ALL.into_iter().map(StreamOutcome::label);
        let outcomes = outcomes.zip(state.outcomes);
        let help = "Streams of tunnels and visitors of ports, by their outcome";
        self.counters("xcher_stream_requests", help, "outcome", outcomes)
    }

    pub(super) fn quotas(&mut self, state: &QuotaState) -> fmt::Result {
        let help = "Bytes of tunnels in this calendar month, UTC";
        self.gauge("xcher_quota_bytes", help, state.bytes)?;
        if let Some(limit) = state.limit {
            let help = "The most bytes of all tunnels in a month";
            self.gauge("xcher_quota_bytes_max", help, limit)?;
        }
        let help = "Tunnels and streams refused because a quota was used up";
        self.counter("xcher_quota_refusals", help, state.refused)
    }

    pub(super) fn http(&mut self, outcomes: &[u64]) -> fmt::Result {
        let labels = RequestOutcome::ALL.into_iter().map(RequestOutcome::label);
        let outcomes = labels.zip(outcomes.iter().copied());
        let help = "Requests for tunnels, and others that were refused, by their outcome";
        self.counters("xcher_tunnel_requests", help, "outcome", outcomes)
    }
}
