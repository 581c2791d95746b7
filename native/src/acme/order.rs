//! One order of a certificate (RFC 8555, section 7.4), from the account to the chain.

use std::time::Duration;

use instant_acme::{
    Account, AccountBuilder, AuthorizationStatus, ChallengeStatus, ChallengeType, Error,
    Identifier, NewOrder, Order, OrderStatus, RetryPolicy,
};
use rcgen::{CertificateParams, CustomExtension, DistinguishedName, KeyPair};
use tokio::time::timeout;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use zeroize::Zeroizing;

use super::AcmeConfig;
use super::directory::{Answers, DirectoryClient};
use super::failure::Failure;
use super::stored::AccountKey;
use crate::http::issued_certificate::{IssuedCertificate, Proof};

/// Time for a whole order.
const ORDER_TIMEOUT: Duration = Duration::from_secs(5 * 60);
/// Time for the authority to validate the names, and again to issue the certificate.
const DECISION_TIMEOUT: Duration = Duration::from_secs(90);
/// Time until it is asked for its decision at first; later it is asked less often.
const FIRST_LOOK: Duration = Duration::from_millis(300);

/// What an order needs.
pub(super) struct Ordering<'a> {
    pub(super) config: &'a AcmeConfig,
    pub(super) account: AccountKey,
    /// Shows the proofs to the authority.
    pub(super) certificate: &'a IssuedCertificate,
}

impl Ordering<'_> {
    /// Obtains a certificate. Returns its key and its chain in PEM, not checked.
    ///
    /// # Errors
    ///
    /// Why there is none.
    pub(super) async fn run(self) -> Result<Zeroizing<String>, Failure> {
        let (certificate, directory) = (self.certificate, self.config.directory.clone());
        let ordered = timeout(ORDER_TIMEOUT, self.order()).await;
        certificate.end_proofs();
        let slow = |_| Err(Failure::unreachable(&directory, "the order took more than 5 minutes"));
        ordered.unwrap_or_else(slow)
    }

    async fn order(self) -> Result<Zeroizing<String>, Failure> {
        let Self { config, account, certificate } = self;
        let answers = Answers::default();
        let failed = |error: Error| Failure::of_request(&error, &config.directory, &answers);
        let client = DirectoryClient { roots: config.roots.clone(), answers: answers.clone() };
        let builder = Account::builder_with_http(Box::new(client));
        let account = log_in(builder, account, config).await.map_err(failed)?;
        let names: Vec<_> = config.names.iter().cloned().map(Identifier::Dns).collect();
        let mut order = account.new_order(&NewOrder::new(&names)).await.map_err(failed)?;

        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization.map_err(failed)?;
            // The authority may remember an earlier validation.
            if authorization.status == AuthorizationStatus::Valid {
                continue;
            }
            let name = authorization.identifier().to_string();
            let Some(mut challenge) = authorization.challenge(ChallengeType::TlsAlpn01) else {
                return Err(Failure::refused(
                    "the authority does not validate names over TLS (TLS-ALPN-01); use another with --acme-directory",
                ));
            };
            let proof = proof(&name, challenge.key_authorization().digest().as_ref());
            proof.and_then(|proof| certificate.prove(&name, proof)).map_err(Failure::refused)?;
            challenge.set_ready().await.map_err(failed)?;
        }

        let policy = RetryPolicy::new().initial_delay(FIRST_LOOK).timeout(DECISION_TIMEOUT);
        match order.poll_ready(&policy).await {
            Ok(OrderStatus::Ready) => {}
            Ok(_) | Err(Error::Api(_)) => {
                return Err(match refused(&mut order).await {
                    Some(failure) => failure,
                    None => Failure::refused("the authority could not validate the names"),
                });
            }
            Err(error) => return Err(failed(error)),
        }
        let key = Zeroizing::new(order.finalize().await.map_err(failed)?);
        let chain = order.poll_certificate(&policy).await.map_err(failed)?;
        Ok(Zeroizing::new([key.as_str(), chain.as_str()].concat()))
    }
}

/// Logs in with the account's key, by which the authority knows the account, or creates one.
async fn log_in(
    builder: AccountBuilder,
    key: AccountKey,
    config: &AcmeConfig,
) -> Result<Account, Error> {
    let (account, _) = builder.create_from_key(key, config.directory.clone()).await?;
    if let Some(email) = &config.email {
        account.update_contacts(&[&format!("mailto:{email}")]).await?;
    }
    Ok(account)
}

/// Returns the name that the authority could not validate, and why.
async fn refused(order: &mut Order) -> Option<Failure> {
    let mut authorizations = order.authorizations();
    while let Some(Ok(mut authorization)) = authorizations.next().await {
        let Ok(state) = authorization.refresh().await else { continue };
        let name = state.identifier().to_string();
        let invalid =
            state.challenges.iter().find(|challenge| challenge.status == ChallengeStatus::Invalid);
        if let Some(challenge) = invalid {
            return Some(Failure::of_validation(&name, challenge.error.as_ref()));
        }
    }
    None
}

/// Creates the certificate that proves to the authority that this server answers for the name (RFC 8737, section 3).
fn proof(name: &str, digest: &[u8]) -> Result<Proof, String> {
    let failed = |error: rcgen::Error| format!("cannot create a proof for the authority: {error}");
    let key = KeyPair::generate().map_err(failed)?;
    let mut params = CertificateParams::new([name.to_owned()]).map_err(failed)?;
    params.distinguished_name = DistinguishedName::new();
    params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
    let certificate = params.self_signed(&key).map_err(failed)?.der().to_vec();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    Ok(Proof { certificate, key })
}
