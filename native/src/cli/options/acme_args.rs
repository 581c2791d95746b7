//! The options of a certificate that an authority issues while the server runs (ACME).

use std::path::PathBuf;

use axum::http::Uri;
use clap::Args;

use super::common::Common;
use crate::acme::AcmeConfig;
use crate::cli::exit::CliError;
use crate::host::TlsRoots;
use crate::http::host_name;

/// The directory of Let's Encrypt.
const LETS_ENCRYPT: &str = "https://acme-v02.api.letsencrypt.org/directory";
/// The most names of one certificate, as of Let's Encrypt.
const MAX_NAMES: usize = 100;
/// The longest URL of a directory, and the longest address, in bytes.
const MAX_TEXT_LEN: usize = 1024;

#[derive(Clone, Debug, Args)]
pub(crate) struct AcmeArgs {
    /// Serve TLS at --http with a certificate for this name from an authority (ACME), and renew it; several names with
    /// commas between
    ///
    /// By this you accept the authority's terms of service. It connects to port 443 of each name, which must lead to
    /// --http (TLS-ALPN-01). Account and certificate are kept in --data-dir.
    #[arg(long, env = "XCHER_ACME_DOMAIN", value_name = "NAME", value_delimiter = ',')]
    #[arg(value_parser = domain)]
    pub(crate) acme_domain: Vec<String>,
    /// Tell the authority this address, so that it can write about the certificate
    #[arg(long, env = "XCHER_ACME_EMAIL", value_name = "ADDRESS", value_parser = email)]
    #[arg(hide_short_help = true)]
    pub(crate) acme_email: Option<String>,
    /// Use the authority with this ACME directory [default: Let's Encrypt]
    #[arg(long, env = "XCHER_ACME_DIRECTORY", value_name = "URL", value_parser = directory)]
    #[arg(hide_short_help = true)]
    pub(crate) acme_directory: Option<String>,
    /// Trust the CA certificates in this PEM file for --acme-directory, instead of the system's
    #[arg(long, env = "XCHER_ACME_CA", value_name = "FILE", hide_short_help = true)]
    pub(crate) acme_ca: Option<PathBuf>,
}

impl AcmeArgs {
    /// Returns the certificate to obtain, and reads the file that this needs.
    pub(crate) fn config(&self, common: &Common) -> Result<Option<AcmeConfig>, CliError> {
        if self.acme_domain.is_empty() {
            let alone = [
                ("--acme-email", self.acme_email.is_some()),
                ("--acme-directory", self.acme_directory.is_some()),
                ("--acme-ca", self.acme_ca.is_some()),
            ];
            return match alone.iter().find(|(_, given)| *given) {
                Some((option, _)) => Err(CliError::usage(format!(
                    "{option} needs the name of this server; set it with --acme-domain"
                ))),
                None => Ok(None),
            };
        }
        if self.acme_domain.len() > MAX_NAMES {
            let text = format!(
                "a certificate has at most {MAX_NAMES} names; leave out some --acme-domain"
            );
            return Err(CliError::usage(text));
        }
        let roots = self.acme_ca.as_deref().map(TlsRoots::only).transpose();
        let roots = roots.map_err(CliError::usage)?.unwrap_or_default();
        let hint = "to trust it, name the PEM file of its authority with --acme-ca";
        let mut names = self.acme_domain.clone();
        names.sort();
        names.dedup();
        Ok(Some(AcmeConfig {
            names,
            email: self.acme_email.clone(),
            directory: self.acme_directory.clone().unwrap_or_else(|| LETS_ENCRYPT.to_owned()),
            roots: roots.with_hint(hint),
            folder: common.data_folder()?,
        }))
    }
}

/// Parses a name that an authority can validate over TLS.
fn domain(text: &str) -> Result<String, String> {
    let name = host_name(text)?;
    match name.contains('.') && name.parse::<std::net::IpAddr>().is_err() && name.len() <= 253 {
        true => Ok(name),
        false => {
            Err("not a name such as relay.example, by which all the world finds this server"
                .to_owned())
        }
    }
}

fn directory(text: &str) -> Result<String, String> {
    let uri = text.parse::<Uri>().ok().filter(|_| text.len() <= MAX_TEXT_LEN);
    let is_https = uri.is_some_and(|uri| uri.scheme_str() == Some("https") && uri.host().is_some());
    is_https.then(|| text.to_owned()).ok_or_else(|| "not a URL with https://".to_owned())
}

fn email(text: &str) -> Result<String, String> {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !b",?&%:<>\"".contains(&byte);
    let has_parts = text
        .split_once('@')
        .is_some_and(|(who, at)| !who.is_empty() && !at.is_empty() && !at.contains('@'));
    match has_parts && text.bytes().all(is_plain) && text.len() <= MAX_TEXT_LEN {
        true => Ok(text.to_owned()),
        false => Err("not an address such as admin@relay.example".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_what_an_authority_can_use() {
        assert_eq!(domain("Relay.Example.").as_deref(), Ok("relay.example"));
        for text in ["localhost", "192.0.2.1", "::1", "*.relay.example", "a b.c", "", "https://a.b"]
        {
            assert!(domain(text).is_err(), "{text}");
        }
        assert!(directory(LETS_ENCRYPT).is_ok());
        for text in ["http://a.example/dir", "a.example", "https://", "https:///x", "file:///x", ""]
        {
            assert!(directory(text).is_err(), "{text}");
        }
        assert!(email("a.b+c@relay.example").is_ok());
        for text in ["", "a", "@b", "a@", "a@b@c", "a@b,c@d", "a@b?cc=x", "a b@c", "mailto:a@b"] {
            assert!(email(text).is_err(), "{text}");
        }
    }
}
