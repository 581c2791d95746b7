//! The lifetime of a certificate, and when to renew it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use x509_cert::Certificate;
use x509_cert::der::Decode as _;
use x509_cert::time::Time;

/// The time in which a certificate is valid.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Validity {
    pub(super) from: SystemTime,
    pub(super) until: SystemTime,
}

/// The longest time between two certificates, if the clock says that the new one needs renewal already.
const MAX_PAUSE: Duration = Duration::from_secs(12 * 60 * 60);

impl Validity {
    /// Reads that of a certificate in DER.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    pub(super) fn of(der: &[u8]) -> Result<Self, String> {
        let certificate = Certificate::from_der(der).map_err(|error| error.to_string())?;
        let validity = certificate.tbs_certificate.validity;
        let at = |time: Time| UNIX_EPOCH + time.to_unix_duration();
        Ok(Self { from: at(validity.not_before), until: at(validity.not_after) })
    }

    /// Returns when to renew it: after two thirds of its lifetime, or up to a thirtieth later. `jitter`, from 0 to 1,
    /// spreads the servers whose certificates were issued together.
    pub(super) fn renewal(&self, jitter: f64) -> SystemTime {
        self.from + self.lifetime().mul_f64(2.0 / 3.0 + jitter / 30.0)
    }

    /// Returns the least time until the next certificate: the clock of this machine may be wrong.
    pub(super) fn pause(&self) -> Duration {
        (self.lifetime() / 3).min(MAX_PAUSE)
    }

    /// Returns what is wrong with this machine's clock if the certificate is new.
    pub(super) fn contradicts(&self, now: SystemTime) -> Option<&'static str> {
        if now < self.from {
            Some("the new certificate is not valid yet by this machine's clock: set the clock")
        } else if now >= self.until {
            Some("the new certificate has expired by this machine's clock: set the clock")
        } else {
            None
        }
    }

    fn lifetime(&self) -> Duration {
        self.until.duration_since(self.from).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    #[test]
    fn renews_after_two_thirds_of_the_lifetime() {
        let from = UNIX_EPOCH + 20_000 * DAY;
        let validity = Validity { from, until: from + 90 * DAY };
        let near = |a: SystemTime, b: SystemTime| {
            let apart = a.duration_since(b).or_else(|_| b.duration_since(a));
            apart.is_ok_and(|apart| apart < Duration::from_secs(1))
        };
        assert!(near(validity.renewal(0.0), from + 60 * DAY));
        assert!(near(validity.renewal(1.0), from + 63 * DAY));
        assert_eq!(validity.pause(), MAX_PAUSE);
        let short = Validity { from, until: from + Duration::from_secs(30) };
        assert_eq!(short.pause(), Duration::from_secs(10));
        // Ends before it begins.
        let invalid = Validity { from, until: UNIX_EPOCH };
        assert_eq!((invalid.renewal(1.0), invalid.pause()), (from, Duration::ZERO));
    }

    #[test]
    fn a_new_certificate_shows_that_the_clock_is_wrong() {
        let from = UNIX_EPOCH + 20_000 * DAY;
        let validity = Validity { from, until: from + 90 * DAY };
        assert_eq!(validity.contradicts(from), None);
        assert!(
            validity.contradicts(from - DAY).is_some_and(|text| text.contains("not valid yet"))
        );
        assert!(validity.contradicts(from + 91 * DAY).is_some_and(|text| text.contains("expired")));
    }

    #[test]
    fn reads_a_certificate() {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(["relay.example".to_owned()]).expect("a name");
        params.not_before = date_time_ymd(2026, 1, 1);
        params.not_after = date_time_ymd(2063, 1, 1);
        let certificate = params.self_signed(&key).expect("a certificate");
        let validity = Validity::of(certificate.der()).expect("its validity");
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        assert_eq!(validity, Validity { from: at(1_767_225_600), until: at(2_934_835_200) });
        for broken in [&b""[..], b"\x30\x80", &[0xff; 99], &certificate.der()[..40]] {
            assert!(Validity::of(broken).is_err());
        }
    }
}
