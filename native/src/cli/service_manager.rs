//! Tells the service manager that started this process, systemd or one that speaks its protocol, what state it is
//! in (sd_notify(3)). Without one, nothing is sent.

/// Tells that connections are accepted, or that a reload has ended.
pub(crate) fn ready() {
    #[cfg(target_os = "linux")]
    send(&[sd_notify::NotifyState::Ready]);
}

/// Tells that files and options are read again, until [`ready`].
pub(crate) fn reloading() {
    #[cfg(target_os = "linux")]
    match sd_notify::NotifyState::monotonic_usec_now() {
        Ok(now) => send(&[sd_notify::NotifyState::Reloading, now]),
        Err(error) => tracing::warn!(%error, "cannot tell the service manager of a reload"),
    }
}

/// Tells that the process stops.
pub(crate) fn stopping() {
    #[cfg(target_os = "linux")]
    send(&[sd_notify::NotifyState::Stopping]);
}

#[cfg(target_os = "linux")]
fn send(states: &[sd_notify::NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "cannot reach the service manager at NOTIFY_SOCKET");
    }
}
