//! What a certificate says of itself: for whom it is, by whom, and until when.
//!
//! Read once, when the certificate is. Knows no file.

use super::Fingerprint;
use crate::protocol::names::to_text;
use rustls::pki_types::CertificateDer;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use x509_cert::certificate::{Certificate, TbsCertificate};
use x509_cert::der::Decode as _;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::time::Time;

/// Seconds of a day.
const DAY: i64 = 86_400;
/// Administrators are reminded when fewer days than this are left.
pub const REMIND_DAYS: i64 = 14;
/// The same for one that is short-lived: when less than this part of its time is left. Authorities issue some
/// for 6 days.
const REMIND_PART: i64 = 3;

/// What a certificate says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Details {
    /// The host names and addresses that it is for.
    pub names: Vec<String>,
    /// Who issued it.
    pub issuer: String,
    /// The first second of its validity.
    pub not_before: jiff::Timestamp,
    /// The last second of its validity.
    pub not_after: jiff::Timestamp,
    /// Whether it is its own authority.
    pub self_signed: bool,
    /// What people compare.
    pub fingerprint: Fingerprint,
}

impl Details {
    /// Reads them; `None` if it is no certificate.
    #[must_use]
    pub fn of(certificate: &CertificateDer<'_>) -> Option<Self> {
        let parsed = Certificate::from_der(certificate).ok()?;
        let parsed = parsed.tbs_certificate();
        Some(Self {
            names: names(parsed),
            issuer: to_text(&parsed.issuer().to_string()),
            not_before: timestamp(&parsed.validity().not_before),
            not_after: timestamp(&parsed.validity().not_after),
            self_signed: parsed.issuer() == parsed.subject(),
            fingerprint: Fingerprint::of(certificate),
        })
    }

    /// Whole days that are left; below 0 once it has expired.
    #[must_use]
    pub fn days_left(&self, now: jiff::Timestamp) -> i64 {
        self.not_after.as_second().saturating_sub(now.as_second()).div_euclid(DAY)
    }

    /// Whether it has to be renewed soon, and should have been already.
    #[must_use]
    pub fn is_due(&self, now: jiff::Timestamp) -> bool {
        let left = self.not_after.as_second().saturating_sub(now.as_second());
        let lasts = self.not_after.as_second().saturating_sub(self.not_before.as_second());
        left < (REMIND_DAYS * DAY).min(lasts / REMIND_PART)
    }

    /// `2027-02-27, in 90 days`
    #[must_use]
    pub fn until(&self, now: jiff::Timestamp) -> String {
        let date = self.not_after.to_zoned(jiff::tz::TimeZone::UTC).date();
        match self.days_left(now) {
            ..0 => format!("{date}, which is over"),
            0 => format!("{date}, less than a day from now"),
            1 => format!("{date}, in 1 day"),
            days => format!("{date}, in {days} days"),
        }
    }
}

/// Whether the first certificate is the server's own, and after each comes the one that issued it, as TLS wants it.
#[must_use]
pub fn is_in_order(chain: &[CertificateDer<'_>]) -> bool {
    let parsed: Vec<_> = chain.iter().filter_map(|one| Certificate::from_der(one).ok()).collect();
    parsed.len() == chain.len()
        && parsed.windows(2).all(|two| {
            two.first().map(|one| one.tbs_certificate().issuer())
                == two.last().map(|next| next.tbs_certificate().subject())
        })
}

fn names(parsed: &TbsCertificate) -> Vec<String> {
    let Ok(Some((_, SubjectAltName(names)))) = parsed.get_extension::<SubjectAltName>() else { return Vec::new() };
    let name = |name: &GeneralName| match name {
        GeneralName::DnsName(name) => Some(to_text(name.as_str())),
        GeneralName::IpAddress(bytes) => address(bytes.as_bytes()).map(|address| address.to_string()),
        // Nobody connects by the others.
        _ => None,
    };
    names.iter().filter_map(name).collect()
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = || <[u8; 4]>::try_from(bytes).ok().map(|bytes| Ipv4Addr::from(bytes).into());
    let v6 = || <[u8; 16]>::try_from(bytes).ok().map(|bytes| Ipv6Addr::from(bytes).into());
    v4().or_else(v6)
}

fn timestamp(time: &Time) -> jiff::Timestamp {
    let seconds = i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::MAX)
}
