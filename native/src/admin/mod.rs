//! What operators of a relay or bridge watch and do, at a listener of its own: metrics, health, kicks, bans, quotas
//! and reloads.

mod client;
#[cfg(feature = "cluster")]
mod cluster;
mod guard;
mod handover;
mod listener;
mod metrics;
mod process;
mod quotas;
mod readiness;
mod reload;
mod routes;
mod server;
mod servers;
mod status;
mod target;
mod watched;

pub(crate) use client::{AdminClient, AskError};
pub(crate) use handover::take_over;
pub(crate) use listener::AdminListener;
pub(crate) use quotas::{AccountUse, QuotaList, ResetRequest, WasReset};
pub(crate) use readiness::{DRAINING, Readiness, STARTING, STOPPING};
pub(crate) use reload::{AwaitedReloads, Reloaded, reloads};
pub(crate) use routes::{
    BanList, BanRequest, Disconnected, HostLine, HostList, KickRequest, Lifted, UnbanRequest,
};
pub(crate) use server::{Admin, Running};
pub(crate) use servers::Servers;
pub(crate) use status::Status;
