//! The pair is created once, kept, and checked; and TLS clients accept it.

use super::*;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConnection};

fn directory() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn in_directory(directory: &tempfile::TempDir) -> Result<Identity, CertificateError> {
    Identity::load_or_create(directory.path(), "chat.example.org", jiff::Timestamp::now())
}

fn mode(path: PathBuf) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn listed(directory: &tempfile::TempDir) -> Vec<String> {
    let names = fs::read_dir(directory.path()).unwrap();
    let mut names: Vec<String> = names.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_pair_is_created_once_and_kept() {
    let directory = directory();
    let first = in_directory(&directory).unwrap();
    assert_eq!(listed(&directory), [CERTIFICATE_FILE, KEY_FILE]);
    assert_eq!(mode(directory.path().join(KEY_FILE)), 0o600);
    assert_eq!(mode(directory.path().join(CERTIFICATE_FILE)), 0o644);
    let second = in_directory(&directory).unwrap();
    assert_eq!(first.fingerprint(), second.fingerprint());
    assert_eq!((second.chain(), second.key()), (first.chain(), first.key()));
    let shown = first.fingerprint().to_string();
    assert_eq!(shown.len(), 7 + 64);
    assert!(shown[7..].bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)), "{shown}");
}

#[test]
fn a_missing_half_is_named_and_nothing_is_created() {
    for (gone, kept) in [(KEY_FILE, CERTIFICATE_FILE), (CERTIFICATE_FILE, KEY_FILE)] {
        let directory = directory();
        in_directory(&directory).unwrap();
        fs::remove_file(directory.path().join(gone)).unwrap();
        let error = in_directory(&directory).unwrap_err();
        let CertificateError::HalfMissing { missing, .. } = &error else { panic!("{error}") };
        assert!(missing.ends_with(gone));
        assert_eq!(listed(&directory), [kept]);
    }
}

/// Whatever ends the process, or the power, while the pair is made.
#[test]
fn a_first_start_that_was_interrupted_begins_anew_or_goes_on() {
    let (whole, interrupted) = (directory(), directory());
    let made = in_directory(&whole).unwrap();
    let file = |name: &str| interrupted.path().join(name);
    fs::write(file(NEW_KEY_FILE), "half a ke").unwrap();
    in_directory(&interrupted).unwrap();
    assert_eq!(listed(&interrupted), [CERTIFICATE_FILE, KEY_FILE]);
    fs::remove_file(file(KEY_FILE)).unwrap();
    fs::copy(whole.path().join(CERTIFICATE_FILE), file(CERTIFICATE_FILE)).unwrap();
    fs::copy(whole.path().join(KEY_FILE), file(NEW_KEY_FILE)).unwrap();
    assert_eq!(in_directory(&interrupted).unwrap().fingerprint(), made.fingerprint());
    assert_eq!(listed(&interrupted), [CERTIFICATE_FILE, KEY_FILE]);
}

#[test]
fn broken_and_foreign_files_are_named_and_kept() {
    let (ours, theirs) = (directory(), directory());
    in_directory(&ours).unwrap();
    in_directory(&theirs).unwrap();
    let path = |name: &str| ours.path().join(name);
    let key = fs::read(path(KEY_FILE)).unwrap();

    fs::copy(theirs.path().join(KEY_FILE), path(KEY_FILE)).unwrap();
    assert!(matches!(in_directory(&ours), Err(CertificateError::Mismatch { .. })));
    for broken in ["", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "\0\u{ff}"] {
        fs::write(path(KEY_FILE), broken).unwrap();
        let error = in_directory(&ours).unwrap_err();
        assert!(matches!(&error, CertificateError::BadKey { path } if path.ends_with(KEY_FILE)), "{error}");
        assert_eq!(fs::read(path(KEY_FILE)).unwrap(), broken.as_bytes());
    }
    fs::write(path(KEY_FILE), key).unwrap();
    for broken in ["", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "-----BEGIN CERT"] {
        fs::write(path(CERTIFICATE_FILE), broken).unwrap();
        let error = in_directory(&ours).unwrap_err();
        assert!(
            matches!(&error, CertificateError::BadCertificate { path } if path.ends_with(CERTIFICATE_FILE)),
            "{error}"
        );
    }
    let nowhere = Identity::load(Path::new("/nonexistent/c.pem"), Path::new("/nonexistent/k.pem"));
    let nowhere = nowhere.unwrap_err();
    assert!(nowhere.to_string().starts_with("can't read /nonexistent/c.pem: "), "{nowhere}");
    assert!(nowhere.to_string().contains("; correct certificate and key in the settings, or"), "{nowhere}");
}

/// Whether a TLS handshake in memory succeeds, with a client that trusts only this certificate.
fn handshake_succeeds(
    identity: &Identity,
    name: &'static str,
    version: &'static rustls::SupportedProtocolVersion,
) -> bool {
    let mut roots = RootCertStore::empty();
    roots.add(identity.chain()[0].clone()).unwrap();
    let client = ClientConfig::builder_with_provider(Arc::new(cryptography::provider()))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut client = ClientConnection::new(Arc::new(client), ServerName::try_from(name).unwrap()).unwrap();
    let mut server = ServerConnection::new(identity.server_config().unwrap()).unwrap();
    // Far more turns than any handshake takes.
    for _ in 0..10 {
        let mut wire = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut wire).unwrap();
        }
        let mut unread = &wire[..];
        while !unread.is_empty() {
            server.read_tls(&mut unread).unwrap();
        }
        if server.process_new_packets().is_err() {
            return false;
        }
        wire.clear();
        while server.wants_write() {
            server.write_tls(&mut wire).unwrap();
        }
        let mut unread = &wire[..];
        while !unread.is_empty() {
            client.read_tls(&mut unread).unwrap();
        }
        if client.process_new_packets().is_err() {
            return false;
        }
    }
    !client.is_handshaking() && !server.is_handshaking() && client.protocol_version() == Some(version.version)
}

#[test]
fn clients_that_trust_it_accept_it_for_its_names() {
    let identity = in_directory(&directory()).unwrap();
    for version in [&rustls::version::TLS13, &rustls::version::TLS12] {
        for name in ["chat.example.org", "localhost", "127.0.0.1", "::1"] {
            assert!(handshake_succeeds(&identity, name, version), "{name} {version:?}");
        }
        assert!(!handshake_succeeds(&identity, "other.example.org", version));
    }
}

#[test]
fn what_is_not_valid_today_or_not_private_is_a_warning() {
    let directory = directory();
    let path = |name: &str| directory.path().join(name);
    let warnings = |now: &str| {
        let now = now.parse().unwrap();
        let identity = Identity::load_or_create(directory.path(), "localhost", now).unwrap();
        identity.warnings(now).iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert!(warnings("2026-11-22T12:00:00Z").is_empty());
    assert!(warnings("2036-11-07T23:59:59Z").is_empty());
    let [due] = &warnings("2036-11-21T23:59:59Z")[..] else { panic!("one warning") };
    assert!(due.contains("certificate.pem expires on 2036-11-22, less than a day from now. Import one"), "{due}");
    let [expired] = &warnings("2037-01-01T00:00:00Z")[..] else { panic!("one warning") };
    assert!(expired.contains("certificate.pem expired at 2036-11-22T00:00:00Z: "), "{expired}");
    let [early] = &warnings("1970-01-01T00:00:00Z")[..] else { panic!("one warning") };
    assert!(early.contains("certificate.pem is not valid before 2026-11-21T00:00:00Z: "), "{early}");
    for (mode, private) in [(0o400, true), (0o640, true), (0o604, false), (0o602, false)] {
        fs::set_permissions(path(KEY_FILE), fs::Permissions::from_mode(mode)).unwrap();
        let told = warnings("2026-11-22T12:00:00Z");
        assert_eq!(told.is_empty(), private, "{mode:o}: {told:?}");
        assert!(private || told[0].contains(&format!("chmod o= {}", path(KEY_FILE).display())), "{told:?}");
    }
}

#[test]
fn the_dates_of_an_authoritys_certificate_are_checked_as_well() {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.distinguished_name.push(DnType::CommonName, "An authority");
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority = rcgen::CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(["chat.example.org".to_owned()]).unwrap();
    (params.not_before, params.not_after) = (rcgen::date_time_ymd(2026, 1, 1), rcgen::date_time_ymd(2026, 4, 1));
    let issued = params.signed_by(&key, &authority).unwrap();
    let directory = directory();
    let (chain, key_file) = (directory.path().join("chain.pem"), directory.path().join("k.pem"));
    fs::write(&chain, issued.pem() + &authority.pem()).unwrap();
    fs::write(&key_file, key.serialize_pem()).unwrap();
    fs::set_permissions(&key_file, fs::Permissions::from_mode(0o600)).unwrap();
    let identity = Identity::load(&chain, &key_file).unwrap();
    let told = |now: &str| identity.warnings(now.parse().unwrap()).iter().map(ToString::to_string).collect::<Vec<_>>();
    let fine = ["2026-01-01T00:00:00Z", "2026-03-18T00:00:00Z"].map(told);
    assert_eq!(fine, [Vec::<String>::new(), Vec::new()]);
    for (now, words) in [
        ("2025-12-31T23:59:59Z", "is not valid before 2026-01-01T00:00:00Z"),
        ("2026-03-18T00:00:01Z", "expires on 2026-04-01, in 13 days. Renew it"),
        ("2026-03-30T12:00:00Z", "expires on 2026-04-01, in 1 day. Renew it"),
        ("2026-04-01T00:00:00Z", "expires on 2026-04-01, less than a day from now. "),
        ("2026-04-01T00:00:01Z", "expired at 2026-04-01T00:00:00Z: clients refuse it"),
    ] {
        let told = told(now);
        assert!(told.len() == 1 && told[0].contains(words), "{now}: {told:?}");
    }
    let details = identity.details();
    assert_eq!((details.names.as_slice(), details.self_signed), (&["chat.example.org".to_owned()][..], false));
    assert_eq!(details.issuer, "CN=An authority");
}

#[test]
fn a_certificate_says_for_whom_it_is_and_for_how_long() {
    let details = in_directory(&directory()).unwrap().details().clone();
    assert_eq!(details.names, ["chat.example.org", "localhost", "127.0.0.1", "::1"]);
    assert_eq!((details.issuer.as_str(), details.self_signed), ("CN=chat.example.org", true));
    let day = 86_400;
    let at = |seconds: i64| jiff::Timestamp::from_second(details.not_after.as_second() + seconds).unwrap();
    assert_eq!([at(-day), at(-1), at(0), at(1)].map(|now| details.days_left(now)), [1, 0, 0, -1]);
    assert_eq!([at(-14 * day), at(-14 * day + 1)].map(|now| details.is_due(now)), [false, true]);
    // One of six days is reminded of when two of them are left.
    let from = jiff::Timestamp::from_second(details.not_after.as_second() - 6 * day).unwrap();
    let brief = Details { not_before: from, ..details.clone() };
    assert_eq!([at(-2 * day), at(-2 * day + 1)].map(|now| brief.is_due(now)), [false, true]);
    assert!(details.until(at(1)).ends_with(", which is over"));
    assert_eq!(Details::of(&CertificateDer::from(vec![1, 2, 3])), None);
}

#[test]
fn an_imported_pair_comes_before_the_self_signed_one_which_is_kept() {
    let (ours, theirs) = (directory(), directory());
    let own = in_directory(&ours).unwrap();
    let other = in_directory(&theirs).unwrap();
    let read = |name: &str| fs::read(theirs.path().join(name)).unwrap();
    fs::write(ours.path().join(IMPORTED_FILE), [read(KEY_FILE), read(CERTIFICATE_FILE)].concat()).unwrap();
    assert!(in_directory(&ours).unwrap().is(&other));
    assert!(Identity::load_from(ours.path()).unwrap().is(&other));
    fs::remove_file(ours.path().join(IMPORTED_FILE)).unwrap();
    assert!(Identity::load_from(ours.path()).unwrap().is(&own));
}

#[test]
fn only_a_pair_that_the_server_made_is_removed_for_a_new_one() {
    let ours = directory();
    let own = in_directory(&ours).unwrap();
    // The settings may name files that are called the same.
    let named = Identity::load(&ours.path().join(CERTIFICATE_FILE), &ours.path().join(KEY_FILE)).unwrap();
    let late = own.details().not_after - jiff::Span::new().hours(24);
    let told = |identity: &Identity| identity.expiry(late).unwrap().to_string();
    assert!(told(&own).contains("remove it and its key, then run chitchatd reload"), "{}", told(&own));
    assert!(told(&named).ends_with(RENEW), "{}", told(&named));
}

#[test]
fn it_is_valid_from_yesterday_for_ten_years() {
    let leap_day: jiff::Timestamp = "2028-02-29T12:00:00Z".parse().unwrap();
    for name in ["localhost", "192.0.2.1", "2001:db8::1", &["abcdefgh"; 20].join(".")] {
        let (certificate, _) = generate(name, leap_day).unwrap();
        let der = String::from_utf8_lossy(certificate.der()).into_owned();
        // UTCTime: two digits of the year, then month, day and time.
        assert!(der.contains("280228000000Z") && der.contains("380228000000Z"), "{name}");
    }
}

#[test]
#[ignore = "needs openssl and timeout"]
fn openssl_accepts_it_as_its_own_authority() {
    let directory = directory();
    in_directory(&directory).unwrap();
    let file = directory.path().join(CERTIFICATE_FILE);
    for (name, accepted) in [("chat.example.org", true), ("other.example.org", false)] {
        let mut verify = std::process::Command::new("timeout");
        verify.args([
            "10",
            "openssl",
            "verify",
            "-x509_strict",
            "-purpose",
            "sslserver",
            "-verify_hostname",
            name,
            "-CAfile",
        ]);
        let output = verify.args([&file, &file]).output().unwrap();
        assert_eq!(output.status.success(), accepted, "{name}: {output:?}");
    }
}
