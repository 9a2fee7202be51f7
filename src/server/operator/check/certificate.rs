//! The certificate chain and its key.

use super::{Area, Report, Severity};
use crate::server::certificate::{
    CERTIFICATE_FILE, CertificateError, CertificateWarning, Identity, is_in_order, unfinished,
};
use crate::server::config::Config;
use crate::server::operator::tls::{load, paths};

pub(super) fn check(config: &Config, now: jiff::Timestamp, report: &mut Report) {
    let (certificate, key) = paths(config);
    match (config.certificate.is_none(), certificate.exists(), key.exists()) {
        (true, false, false) => {
            let data = config.data.display();
            report.good(Area::Certificate, format!("none yet; the first start makes a self-signed one in {data}"));
            return;
        }
        (true, true, false) if unfinished(&config.data) => {
            let file = config.data.join(CERTIFICATE_FILE);
            report.good(Area::Certificate, format!("{} is half made; the next start goes on with it", file.display()));
            return;
        }
        (true, true, false) => {
            report.error(Area::Certificate, CertificateError::HalfMissing { missing: key, present: certificate });
            return;
        }
        (true, false, true) => {
            report.error(Area::Certificate, CertificateError::HalfMissing { missing: certificate, present: key });
            return;
        }
        _ => {}
    }
    let in_order = |report: &mut Report, severity| {
        report.add(
            severity,
            Area::Certificate,
            format!(
                "the certificates in {} are not in order: the server's own comes first, and after each the one that issued it. Take the file that the authority calls the full chain",
                certificate.display()
            ),
        );
    };
    let chain = Identity::read_certificate(&certificate).map(|(_, chain)| chain);
    let is_ordered = chain.as_ref().is_ok_and(|chain| is_in_order(chain));
    let identity = match load(config) {
        Ok(identity) => identity,
        // The key may well belong to one further down.
        Err(CertificateError::Mismatch { .. }) if chain.is_ok() && !is_ordered => {
            in_order(report, Severity::Error);
            return;
        }
        Err(error @ CertificateError::Mismatch { .. }) => {
            report.error(Area::Certificate, format!("{error} Name the two files that were made together (certificate, key), or import them again: chitchatd tls import DIR"));
            return;
        }
        Err(error) => {
            report.error(Area::Certificate, error);
            return;
        }
    };
    if !is_ordered {
        // Many clients sort it out, and some don't.
        in_order(report, Severity::Warning);
    }
    for warning in identity.warnings(now) {
        let clients_refuse_it =
            matches!(warning, CertificateWarning::Expired { .. } | CertificateWarning::NotValidYet { .. });
        report.add(if clients_refuse_it { Severity::Error } else { Severity::Warning }, Area::Certificate, warning);
    }
    let (name, details) = (&config.name, identity.details());
    if !identity.is_for(name) {
        let cure = if identity.is_made_by_the_server() {
            "People who compare its fingerprint need not mind. For a new one, remove it and its key and start the server"
        } else {
            "Set the name that people connect to (name), or get a certificate for this one"
        };
        report.warning(
            Area::Certificate,
            format!(
                "the certificate in {} is for {}, not for {name}. {cure}",
                certificate.display(),
                details.names.join(", ")
            ),
        );
    }
    if !report.has_fault(Area::Certificate) {
        let kind = if details.self_signed { "self-signed" } else { "by an authority" };
        report.good(
            Area::Certificate,
            format!(
                "{} is {kind}, for {}, valid until {}",
                certificate.display(),
                details.names.join(", "),
                details.until(now)
            ),
        );
    }
}
