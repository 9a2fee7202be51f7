//! What senders send, in the shapes that they document; values are ours.

use super::*;
use proptest::prelude::*;

/// <https://prometheus.io/docs/alerting/latest/configuration/#webhook_config>
const ALERTMANAGER: &str = include_str!("samples/alertmanager.json");
/// <https://grafana.com/docs/grafana/latest/alerting/configure-notifications/manage-contact-points/integrations/webhook-notifier/>
const GRAFANA: &str = include_str!("samples/grafana.json");
/// `server/notification-providers/webhook.js` of <https://github.com/louislam/uptime-kuma>
const UPTIME_KUMA: &str = include_str!("samples/uptime-kuma.json");
/// <https://docs.slack.dev/legacy/legacy-messaging/legacy-secondary-message-attachments>, as Alertmanager's
/// `slack_configs` sends them: `notify/slack/slack.go` of <https://github.com/prometheus/alertmanager>
const SLACK_ATTACHMENTS: &str = include_str!("samples/slack-attachments.json");
/// <https://docs.slack.dev/reference/block-kit/blocks>
const SLACK_BLOCKS: &str = include_str!("samples/slack-blocks.json");

fn of(kind: &str) -> Content {
    Content { kind: (!kind.is_empty()).then(|| kind.to_owned()), ..Content::default() }
}

fn said(kind: &str, body: &str) -> String {
    read(&of(kind), body.as_bytes()).unwrap_or_else(|unsaid| panic!("{body}: {unsaid}")).text.as_str().to_owned()
}

#[track_caller]
fn unsaid(kind: &str, body: &str) -> Unsaid {
    read(&of(kind), body.as_bytes()).expect_err(body)
}

fn percents(text: &str) -> String {
    text.bytes().flat_map(|byte| ["%".to_owned(), format!("{byte:02x}")]).collect()
}

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

#[test]
fn alerts_are_said_one_by_one() {
    assert_eq!(
        said(JSON, ALERTMANAGER),
        "FIRING DiskAlmostFull (db1:9100): 5 % are left on /var | RESOLVED DiskAlmostFull: db2:9100 has room again. | \
         and 3 more"
    );
    assert_eq!(said(JSON, GRAFANA), "FIRING Pump too warm: The pump in hall 2 has 81 °C");
    let bare =
        r#"{"alerts": [{"status": "firing", "labels": {"alertname": "Up"}}, {"annotations": {"message": "so"}}]}"#;
    assert_eq!(said(JSON, bare), "FIRING Up | so");
    // Without alerts it is what others send.
    assert_eq!(said(JSON, r#"{"alerts": [], "title": "Test", "message": "from Grafana"}"#), "Test | from Grafana");
}

#[test]
fn what_slack_and_mattermost_take_is_taken() {
    assert_eq!(
        said(JSON, r#"{"text": "Hello, this is some text\nThis is more text. 🎉"}"#),
        "Hello, this is some text | This is more text. 🎉"
    );
    assert_eq!(
        said(JSON, SLACK_ATTACHMENTS),
        "On call: bob | [FIRING:1] DiskAlmostFull | 5 % are left on /var | It fills up within 4 hours. | Severity: page | \
         Left, in %: 5 | a chart of the disk"
    );
    assert_eq!(
        said(JSON, SLACK_BLOCKS),
        "Deployed | *shop* 1.4.2 is live | by: bob | It took 3 min, https://ci.example.org/512 | build 512"
    );
    let both = r#"{"text": "short", "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "long"}}]}"#;
    assert_eq!(said(JSON, both), "short", "the text stands in for the blocks");
    let inside = r#"{"attachments": [{"blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "in"}}]}]}"#;
    assert_eq!(said(JSON, inside), "in");
}

#[test]
fn what_others_send_of_their_own_is_taken() {
    assert_eq!(said(JSON, UPTIME_KUMA), "[Shop] [🔴 Down] connect ECONNREFUSED 192.0.2.7:443");
    let boundary = "--------------------------026030535154230345463542";
    let parts = |name: &str, value: &str| {
        format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n--{boundary}--\r\n")
    };
    let kind = format!("multipart/form-data; boundary={boundary}");
    assert_eq!(said(&kind, &parts("data", UPTIME_KUMA)), "[Shop] [🔴 Down] connect ECONNREFUSED 192.0.2.7:443");
    assert_eq!(said(&kind, &parts("text", "one\r\ntwo")), "one | two");
    // apprise's json://, and Gotify.
    let apprise = r#"{"version": "1.0", "title": "Backup", "message": "done", "attachments": [], "type": "info"}"#;
    assert_eq!(said(JSON, apprise), "Backup | done");
    assert_eq!(said(JSON, r#"{"title": "Backup", "message": "done", "priority": 5, "extras": {}}"#), "Backup | done");
    assert_eq!(said(JSON, r#"{"title": "done", "message": "done"}"#), "done");
    assert_eq!(said("application/vnd.x+json; charset=utf-8", "\"done\""), "done");
}

#[test]
fn what_people_type_behind_curl_is_taken() {
    for (kind, body, text) in [
        (FORM, "backup done", "backup done"),
        (FORM, "50 % & counting, load=5", "50 % & counting, load=5"),
        (FORM, "text=50+%25+%26+counting", "50 % & counting"),
        (FORM, "text=50 % done", "50 % done"),
        (FORM, "title=Backup&message=done%0Ain+5+min", "Backup | done | in 5 min"),
        (FORM, "backup%20done%3A%2050%20%25", "backup done: 50 %"),
        (FORM, "backup+done", "backup+done"),
        (FORM, "level=5", "level=5"),
        (FORM, r#"{"text": "Hello, world."}"#, "Hello, world."),
        (FORM, r#"{"level": 5} is no text"#, r#"{"level": 5} is no text"#),
        (FORM, r#"payload={"text": "Hello & so on"}"#, "Hello & so on"),
        (FORM, "payload=%7B%22text%22%3A+%22Hello%22%7D", "Hello"),
        (FORM, "channel=%23ops&text=Hello", "Hello"),
        ("", "text=a", "a"),
        ("", "one\n\n  two\t\r\nthree\n", "one | two | three"),
        ("text/plain", r#"{"text": "as it is"}"#, r#"{"text": "as it is"}"#),
        ("text/plain; charset=utf-8", "text=as it is", "text=as it is"),
        ("Text/Markdown", "*done*", "*done*"),
    ] {
        assert_eq!(said(kind, body), text, "{kind} {body}");
    }
    let titled = Content { title: Some("Backup".to_owned()), ..of("text/plain") };
    assert_eq!(read(&titled, b"done").unwrap().text.as_str(), "Backup | done");
}

#[test]
fn what_says_nothing_is_refused() {
    for (kind, body) in [
        (JSON, "{}"),
        (JSON, r#"{"text": ""}"#),
        (JSON, r#"{"text": " \n\t"}"#),
        (JSON, r#"{"text": null, "level": 5}"#),
        (JSON, "[]"),
        (JSON, "7"),
        (FORM, ""),
        ("text/plain", "\n \n"),
        ("text/plain", "\u{200b}"),
    ] {
        assert_eq!(unsaid(kind, body), Unsaid::Empty, "{kind} {body}");
    }
    assert!(matches!(unsaid(JSON, "backup done"), Unsaid::Json(_)));
    assert!(matches!(unsaid(JSON, &"[".repeat(BODY_MAX)), Unsaid::Json(_)), "it is not read ever deeper");
    assert_eq!(unsaid("image/png", "x"), Unsaid::Kind("image/png".to_owned()));
    assert_eq!(unsaid("text/plain", "\u{1b}[31mred"), Unsaid::Text(TextError::Character));
    assert_eq!(read(&of(JSON), b"{\"text\": \"\xff\"}"), Err(Unsaid::Utf8));
    assert_eq!(read(&Content { is_coded: true, ..of(JSON) }, b"{}"), Err(Unsaid::Coded));
    for bad in ["multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=x"] {
        assert_eq!(unsaid(bad, "--y\r\n\r\nx\r\n--y--"), Unsaid::Form, "{bad}");
    }
    let file = "--x\r\ncontent-disposition: form-data; name=\"text\"; filename=\"a\"\r\n\r\nbytes\r\n--x--\r\n";
    assert_eq!(unsaid("multipart/form-data; boundary=\"x\"", file), Unsaid::Empty);
}

#[test]
fn a_long_text_is_cut_at_a_character() {
    let fits = "x".repeat(TEXT_MAX);
    assert_eq!(read(&of(""), fits.as_bytes()).map(|said| said.cut), Ok(false));
    for (character, kept) in [("x", TEXT_MAX - 3), ("é", (TEXT_MAX - 3) / 2), ("🎉", (TEXT_MAX - 3) / 4)] {
        let Said { text, cut, .. } = read(&of(""), character.repeat(TEXT_MAX + 1).as_bytes()).unwrap();
        assert_eq!((text.as_str(), cut), (format!("{}…", character.repeat(kept)).as_str(), true));
    }
    // England's flag, of which a part is worse than nothing.
    let flag = "\u{1f3f4}\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}";
    for before in TEXT_MAX - 40..TEXT_MAX - 2 {
        let Said { text, .. } = read(&of(""), format!("{}{flag} and on", "x".repeat(before)).as_bytes()).unwrap();
        assert!(text.as_str().len() <= TEXT_MAX && text.as_str().starts_with('x'));
    }
}

#[test]
fn a_key_may_be_in_quotes() {
    let with = |key: &str| read(&Content { key: Some(key.to_owned()), ..of("") }, b"x").map(|said| said.key);
    assert_eq!(with("backup-1"), Ok(Some("backup-1".into())));
    assert_eq!(with("\"backup-1\""), Ok(Some("backup-1".into())));
    assert_eq!(with(&"k".repeat(KEY_MAX)), Ok(Some("k".repeat(KEY_MAX).into())));
    for bad in ["", "\"\"", "two words", "a\tb", "\u{202e}", &"k".repeat(KEY_MAX + 1)] {
        assert_eq!(with(bad), Err(Unsaid::Key), "{bad:?}");
    }
}

#[test]
fn answers_are_json() {
    let shown = |answer: Final, cut| {
        let response = response(&answer, cut);
        let Body::Text("application/json", text) = response.body else { panic!() };
        let retry = response.fields.into_iter().find(|(name, _)| *name == "Retry-After").map(|(_, value)| value);
        (response.status, text, retry)
    };
    assert_eq!(shown(Final::MessageId(17), false), (Status::Ok, "{\"ok\":true,\"id\":17}\n".to_owned(), None));
    assert_eq!(shown(Final::MessageId(17), true).1, "{\"ok\":true,\"id\":17,\"cut\":true}\n");
    let slow = Refusal::new(Code::SlowDown, "not so \"fast\".").retry_after(3);
    let text = "{\"ok\":false,\"code\":\"slow-down\",\"text\":\"not so \\\"fast\\\".\"}\n".to_owned();
    assert_eq!(shown(slow.into(), false), (Status::TooMany, text, Some("3".to_owned())));
    for (code, expected) in [
        (Code::BadCredentials, Status::NotFound),
        (Code::Muted, Status::Forbidden),
        (Code::Conflict, Status::Conflict),
        (Code::Storage, Status::Unavailable),
        (Code::Internal, Status::Internal),
        (Code::BadText, Status::BadRequest),
    ] {
        assert_eq!(shown(Refusal::new(code, "no").into(), false).0, expected, "{code}");
    }
}

#[test]
fn a_path_names_a_hook() {
    assert_eq!(token("/hook/t0"), Some(Digest::of("t0")));
    assert_eq!(token("/hooks/t0"), Some(Digest::of("t0")), "as apprise makes of mmosts://");
    for other in ["/hook", "/", "/hookt0", "/x/hook/t0"] {
        assert_eq!(token(other), None, "{other}");
    }
}

proptest! {
    /// Whatever a body is, it says one line that may be said, or nothing.
    #[test]
    fn any_body_says_one_text_or_none(
        kind in prop::sample::select(vec![JSON, FORM, "", "text/plain", "multipart/form-data; boundary=x"]),
        body in "(--x|text|payload|data|=|&|%|[0-9a-f]{2}|\\{|\\}|\"|:|,|\\[|\\]|\r\n|\n|Content-Disposition: form-data; name=|.){0,60}",
    ) {
        if let Ok(Said { text, cut, .. }) = read(&of(kind), body.as_bytes()) {
            prop_assert!(!cut && text.as_str().len() <= TEXT_MAX && check_text(text.as_str()).is_ok());
            prop_assert_eq!(text.as_str(), text.as_str().trim());
        }
    }

    /// What a form encodes is what is said.
    #[test]
    fn a_form_says_what_was_encoded(words in prop::collection::vec("[!-~äß☃🎉]{1,8}", 1..9)) {
        let text = words.join(" ");
        let encoded = percents(&text);
        prop_assert_eq!(said(FORM, &format!("text={encoded}")), text.clone());
        prop_assert_eq!(said(FORM, &encoded), text.clone());
        let object = serde_json::json!({ "text": text }).to_string();
        prop_assert_eq!(said(JSON, &object), text.clone());
        prop_assert_eq!(said(FORM, &format!("payload={}", percents(&object))), text);
    }

    #[test]
    fn a_text_longer_than_a_line_is_cut(line in "[a-zäß☃🎉\u{301} \n]{1,20}x", times in 100usize..2000) {
        let Said { text, cut, .. } = read(&of("text/plain"), line.repeat(times).as_bytes()).unwrap();
        prop_assert!(text.as_str().len() <= TEXT_MAX);
        prop_assert_eq!(cut, text.as_str().ends_with(CUT));
    }
}
