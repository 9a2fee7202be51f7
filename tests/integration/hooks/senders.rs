//! The programs that people post with: curl, and apprise, which `.ci/apprise` gets.

use super::room_with_hook;
use crate::support::{Client, Server};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// Runs it, with that to read; it must end well.
fn run(command: &mut Command, input: &[u8]) -> Output {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?} can't be started: {error}"));
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} ended with {}: {said}", output.status);
    output
}

/// curl, which trusts the server's own certificate and fails where a request does.
fn curl(server: &Server, path: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new("curl");
    let address = server.tls();
    command.args(["--silent", "--show-error", "--fail-with-body", "--max-time", "20", "--cacert"]);
    command.arg(server.data().join("certificate.pem"));
    command.args(["--resolve", &format!("localhost:{}:{}", address.port(), address.ip())]);
    command.args(arguments).arg(format!("https://localhost:{}{path}", address.port()));
    command
}

#[track_caller]
fn is_said(client: &mut Client, said: &str) {
    client.read_until(&format!("[ops] backup: {said}"));
}

#[test]
#[ignore = "needs curl"]
fn curl_posts_in_every_way() {
    let server = Server::start();
    let (mut alice, path) = room_with_hook(&server);
    let long = "x".repeat(10_000);
    let json = "Content-Type: application/json";
    for (arguments, input, said) in [
        (&["-d", "backup done"][..], "", "backup done"),
        (&["-d", "{\"text\": \"without a type\"}"], "", "without a type"),
        (&["--json", "{\"text\": \"with a type\"}"], "", "with a type"),
        (&["-H", json, "-d", "{\"text\": \"as Slack has it\"}"], "", "as Slack has it"),
        (&["--data-urlencode", "text=50 % & counting"], "", "50 % & counting"),
        (&["--data-urlencode", "payload={\"text\": \"as Slack had it\"}"], "", "as Slack had it"),
        (&["--data-urlencode", "50 % & so on: done"], "", "50 % & so on: done"),
        (&["-H", "Title: Backup", "-d", "as ntfy has it"], "", "Backup | as ntfy has it"),
        (&["--data-binary", "@-"], "one\ntwo\n", "one | two"),
        (&["-T", "-"], "of unknown length\n", "of unknown length"),
        (&["-F", "text=in parts"], "", "in parts"),
        (&["-H", "Expect: 100-continue", "-d", &long], "", "x…"),
        (&["-H", "Transfer-Encoding: chunked", "-d", "in chunks"], "", "in chunks"),
    ] {
        let answer = run(&mut curl(&server, &path, arguments), input.as_bytes()).stdout;
        assert!(answer.starts_with(b"{\"ok\":true,\"id\":"), "{arguments:?}: {}", String::from_utf8_lossy(&answer));
        is_said(&mut alice, said);
    }
    // Cron's mail is for those whose curl fails.
    let refused = curl(&server, "/hook/t0", &["-d", "x"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(22), "{refused:?}");
    assert!(refused.stdout.starts_with(b"{\"ok\":false,\"code\":\"bad-credentials\""), "{refused:?}");
}

#[test]
#[ignore = "needs apprise, from .ci/apprise"]
fn apprise_posts_in_its_ways() {
    let program = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/tools/apprise/venv/bin/apprise");
    assert!(program.exists(), "{} is missing: .ci/apprise gets it", program.display());
    let server = Server::start();
    let (mut alice, path) = room_with_hook(&server);
    let (address, token) = (server.tls(), path.trim_start_matches("/hook/"));
    for (url, said) in [
        (format!("jsons://{address}{path}?verify=no"), "Backup | done, in 5 min"),
        (format!("forms://{address}{path}?verify=no"), "Backup | done, in 5 min"),
        (format!("mmosts://{address}/{token}?verify=no"), "…done, in 5 min"),
    ] {
        let mut apprise = Command::new(&program);
        apprise.args(["--title", "Backup", "--body", "done, in 5 min", &url]);
        run(&mut apprise, b"");
        is_said(&mut alice, said);
    }
}
