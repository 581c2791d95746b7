//! The clients that may open tunnels: the settings that can change while the server runs.

use std::io;
use std::sync::Arc;

use ipnet::IpNet;
use xcher_core::registry::Users;

use super::host_name::HostNames;
use super::origin::Origin;
use super::token::Tokens;

/// The clients that may open tunnels.
#[derive(Clone, Default)]
pub struct Access {
    /// Origins, such as `https://example.org`, whose pages may open tunnels besides this server's own.
    pub allow_origin: Vec<String>,
    /// The token that a tunnel must bring, unless it brings a user's; without both, anyone may open tunnels.
    pub token: Option<String>,
    /// The users who may open tunnels with tokens of their own, and whether others may without a token.
    pub users: Option<Arc<Users>>,
    /// Host names accepted besides addresses, `localhost` and the names in the certificate.
    pub host_names: Vec<String>,
    /// Networks of reverse proxies whose `X-Forwarded-For` is trusted.
    pub trusted_proxies: Vec<IpNet>,
    /// True if connections from these networks, and those to Unix sockets, must begin with a header of the PROXY
    /// protocol, which tells the client's address.
    pub proxy_protocol: bool,
}

/// The same settings, parsed for comparison with requests.
pub(super) struct Rules {
    pub(super) allow_origin: Vec<Origin>,
    pub(super) tokens: Tokens,
    pub(super) host_names: HostNames,
    pub(super) trusted_proxies: Vec<IpNet>,
    pub(super) proxy_protocol: bool,
}

impl Rules {
    /// # Errors
    ///
    /// `InvalidInput` for an invalid origin or host name.
    pub(super) fn new(access: &Access) -> io::Result<Self> {
        let invalid = |error: String| io::Error::new(io::ErrorKind::InvalidInput, error);
        let origins =
            access.allow_origin.iter().map(|text| Origin::read(text)).collect::<Result<_, _>>();
        let host_names = HostNames::new(access.host_names.iter().map(String::as_str));
        Ok(Self {
            allow_origin: origins.map_err(invalid)?,
            tokens: Tokens::new(access.token.as_deref(), access.users.clone()),
            host_names: host_names.map_err(invalid)?,
            trusted_proxies: access.trusted_proxies.clone(),
            proxy_protocol: access.proxy_protocol,
        })
    }
}
