//! The NATS servers of a cluster, as a user names them.

use std::fmt;
use std::str::FromStr;

use async_nats::ServerAddr;
use percent_encoding::percent_decode_str;

/// The addresses of one or more NATS servers, and the user, password or token for them. Displayed without these.
#[derive(Clone)]
pub struct NatsServers {
    pub(super) addresses: Vec<ServerAddr>,
    pub(super) login: Login,
}

/// How to log in at the servers, if their addresses say so.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Login {
    None,
    Token(String),
    User { name: String, password: String },
}

/// A text does not name NATS servers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServersError(&'static str);

/// The most servers: more are found by asking one.
const MAX_SERVERS: usize = 64;

impl NatsServers {
    /// True if a server's address requires TLS.
    pub(super) fn require_tls(&self) -> bool {
        self.addresses.iter().any(ServerAddr::tls_required)
    }
}

impl FromStr for NatsServers {
    type Err = ServersError;

    /// Parses `nats://HOST:4222` or `tls://HOST:4222`, several of them with commas between. A user and password, or a
    /// token, stand before the host: `nats://user:password@HOST`, `nats://token@HOST`. Characters that a URL cannot
    /// have are escaped with `%`.
    fn from_str(text: &str) -> Result<Self, ServersError> {
        let mut login = Login::None;
        let mut addresses = Vec::new();
        for text in text.split(',') {
            let address =
                text.trim().parse::<ServerAddr>().map_err(|_| ServersError(NOT_SERVERS))?;
            let mut url = address.into_inner();
            let has_path = !matches!(url.path(), "" | "/");
            if !matches!(url.scheme(), "nats" | "tls")
                || url.host_str().is_none_or(str::is_empty)
                || has_path
                || url.query().is_some()
                || url.fragment().is_some()
            {
                return Err(ServersError(NOT_SERVERS));
            }
            let given = login_in(url.username(), url.password())?;
            if given != Login::None {
                if login != Login::None && login != given {
                    return Err(ServersError(
                        "a list with several users; the servers of a cluster know the same one",
                    ));
                }
                login = given;
            }
            // The client writes addresses to its log.
            url.set_password(None)
                .and_then(|()| url.set_username(""))
                .map_err(|()| ServersError(NOT_SERVERS))?;
            addresses.push(ServerAddr::from_url(url).map_err(|_| ServersError(NOT_SERVERS))?);
        }
        if addresses.len() > MAX_SERVERS {
            return Err(ServersError(
                "a list of more than 64 servers; name a few, which know the others",
            ));
        }
        Ok(Self { addresses, login })
    }
}

const NOT_SERVERS: &str = "not the URL of a NATS server, such as nats://nats.example:4222 or \
     tls://user:password@nats.example:4222, nor several with commas between";

fn login_in(user: &str, password: Option<&str>) -> Result<Login, ServersError> {
    let plain = |text: &str| {
        let decoded = percent_decode_str(text).decode_utf8();
        decoded.map(|text| text.into_owned()).map_err(|_| ServersError(NOT_SERVERS))
    };
    Ok(match (plain(user)?, password) {
        (user, None) if user.is_empty() => Login::None,
        (token, None) => Login::Token(token),
        (name, Some(password)) => Login::User { name, password: plain(password)? },
    })
}

impl fmt::Display for NatsServers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, address) in self.addresses.iter().enumerate() {
            let comma = if number == 0 { "" } else { "," };
            let url = address.as_url_str();
            write!(f, "{comma}{}", url.strip_suffix('/').unwrap_or(url))?;
        }
        Ok(())
    }
}

impl fmt::Debug for NatsServers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NatsServers({self})")
    }
}

impl fmt::Display for ServersError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for ServersError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn servers(text: &str) -> NatsServers {
        text.parse().expect(text)
    }

    #[test]
    fn one_or_several_servers_are_parsed() {
        for (text, shown) in [
            ("nats://h:4222", "nats://h:4222"),
            ("nats.example", "nats://nats.example"),
            ("nats://[::1]:4222, tls://b:1", "nats://[::1]:4222,tls://b:1"),
        ] {
            let parsed = servers(text);
            assert_eq!(parsed.to_string(), shown);
            assert!(parsed.login == Login::None);
            assert_eq!(parsed.require_tls(), text.contains("tls"));
        }
        let many = ["nats://h"; 65].join(",");
        let bad = [
            "",
            "nats://",
            "http://h",
            "ws://h",
            "nats://h/path",
            "nats://h,",
            "nats://h?a",
            "x y",
            &many,
        ];
        for bad in bad {
            assert!(bad.parse::<NatsServers>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_login_is_taken_from_the_address_and_never_shown() {
        for (text, login) in [
            ("nats://kim:p%40ss@h", ("kim", Some("p@ss"))),
            ("tls://s3cret@h:1,tls://s3cret@g:1", ("s3cret", None)),
            ("nats://kim:p%40ss@h,nats://g", ("kim", Some("p@ss"))),
        ] {
            let parsed = servers(text);
            let found = match &parsed.login {
                Login::None => ("", None),
                Login::Token(token) => (token.as_str(), None),
                Login::User { name, password } => (name.as_str(), Some(password.as_str())),
            };
            assert_eq!(found, login);
            for shown in
                [format!("{parsed}"), format!("{parsed:?}"), format!("{:?}", parsed.addresses)]
            {
                assert!(
                    !shown.contains("kim")
                        && !shown.contains("p%40ss")
                        && !shown.contains("s3cret"),
                    "{shown}"
                );
            }
        }
        assert!("nats://a:b@h,nats://c:d@h".parse::<NatsServers>().is_err());
    }
}
