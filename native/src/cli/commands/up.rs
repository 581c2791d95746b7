//! `xcher up`: a relay, its bridge and a provider in one process.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use tokio::sync::oneshot;
use xcher_core::addr::{Scope, scope};

use super::relay::Ports;
use super::share;
use crate::cli::check::check;
use crate::cli::exit::CliError;
use crate::cli::online_host::OnlineHost;
use crate::cli::options::{Common, UpArgs, UsersArgs};
use crate::cli::ui::share_link;
use crate::cli::ui::shell_word::shell_word;
use crate::http;

/// Runs a relay with its bridge and shares files, until stopped.
pub(crate) async fn run(common: &Common, args: &UpArgs) -> Result<(), CliError> {
    if args.start.check {
        return check(common, Some(&args.relay), &args.relay.bridge, &UsersArgs::default());
    }
    let ports = Ports::open(common, &args.relay, &args.start, None).await?;
    let Some(bound) = ports.plain() else {
        let text = "the host of this process connects to the relay over TCP; add --listen IP:PORT";
        return Err(CliError::usage(text));
    };
    let reached = SocketAddr::new(own_address(bound.ip()), bound.port());
    let any_address = args.relay.any_address;
    let registered =
        SocketAddr::new(own_route(bound.ip(), reached.ip(), any_address), bound.port());
    let own = common.at(registered.into());
    let others = common.at(reached.into());
    let page = match args.relay.bridge.acme.acme_domain.first() {
        // The certificate is for the name alone, at the usual port.
        Some(name) => Some(format!("https://{name}/")),
        None => ports.front.as_ref().and_then(|front| front.url(own_address)),
    };
    let (stop, stopped) = oneshot::channel::<()>();
    let serve = ports.serve(common, &args.relay, async move |servers| {
        // The sender is dropped when sharing has ended.
        let _ = stopped.await;
        servers.stopping();
    });
    let share = async {
        let bridge = &args.relay.bridge;
        let hook_token = &bridge.access_args.hook_token_file;
        let secrets = [&bridge.tls_key, &bridge.operator.admin_token_file, hook_token];
        let secrets: Vec<_> = secrets.into_iter().flatten().cloned().collect();
        let shared = share::run(&own, &args.share, &secrets, |online| {
            print_how_to_fetch(online, &others, page.as_deref());
        })
        .await;
        drop(stop);
        shared
    };
    let (served, shared) = tokio::join!(serve, share);
    served.and(shared)
}

/// Returns the address where other hosts reach a relay that listens on all of this host's. Nothing is
/// sent: the system only says which of its addresses it would use.
fn own_address(listen: IpAddr) -> IpAddr {
    if !listen.is_unspecified() {
        return listen;
    }
    let (any, far): (IpAddr, &str) = match listen {
        IpAddr::V4(_) => ([0; 4].into(), "192.0.2.1:9"),
        IpAddr::V6(_) => ([0; 16].into(), "[2001:db8::1]:9"),
    };
    let asked = UdpSocket::bind((any, 0)).and_then(|socket| {
        socket.connect(far)?;
        socket.local_addr()
    });
    match (asked, listen) {
        (Ok(address), _) => address.ip(),
        (Err(_), IpAddr::V4(_)) => Ipv4Addr::LOCALHOST.into(),
        (Err(_), IpAddr::V6(_)) => Ipv6Addr::LOCALHOST.into(),
    }
}

/// Returns the address at which the host of this process reaches the relay. `reached` is the one that other hosts
/// use. Over loopback the host also answers callers on its own machine, which it refuses over any other address
/// (PROTOCOL.md, section 6); the relay, which is this process, lets no one else name a loopback address.
fn own_route(listen: IpAddr, reached: IpAddr, any_address: bool) -> IpAddr {
    // A relay that forwards any address does let others, and a loopback relay brings no link-local callers.
    if !listen.is_unspecified() || any_address || scope(reached) == Scope::LinkLocal {
        return reached;
    }
    match listen {
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    }
}

fn print_how_to_fetch(online: &OnlineHost, others: &Common, page: Option<&str>) {
    let Some(nick) = online.host.nick() else { return };
    let what = format!("{} --all", shell_word(nick.as_str()));
    let command = share_link::get_command(&what, others);
    online.output.note(format_args!("to fetch it all in another terminal: {command}"));
    match (page, http::missing_page_notice()) {
        (Some(page), None) => {
            online.output.note(format_args!("in a browser: {}", share_link::to_nick(page, nick)));
        }
        (Some(_), Some(how)) => online.output.note(format_args!("{how}")),
        (None, _) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_route_is_loopback_only_if_no_one_else_can_name_it() {
        let route = |listen: &str, reached: &str, any_address| {
            let [listen, reached] = [listen, reached].map(|ip| ip.parse().expect(ip));
            own_route(listen, reached, any_address).to_string()
        };
        assert_eq!(route("0.0.0.0", "192.168.1.5", false), "127.0.0.1");
        assert_eq!(route("0.0.0.0", "9.9.9.9", false), "127.0.0.1");
        assert_eq!(route("::", "fd00::5", false), "::1");
        for (listen, reached, any_address) in [
            ("192.168.1.5", "192.168.1.5", false),
            ("127.0.0.1", "127.0.0.1", false),
            ("0.0.0.0", "192.168.1.5", true),
            ("::", "fd00::5", true),
            ("0.0.0.0", "169.254.1.2", false),
            ("::", "fe80::5", false),
        ] {
            assert_eq!(route(listen, reached, any_address), reached);
        }
    }
}
