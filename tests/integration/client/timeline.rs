//! What a chat looks like at a terminal: a real `chitchatd`, and `chitchat` in tmux.
//!
//! Ignored unless asked for, as [`super::terminal`].

use super::home::Home;
use super::terminal::{Other, RealServer, register};

/// What somebody reads, from the first line of bob's on: without the times, who came and went, and the prompt.
fn read(screen: &str) -> Vec<String> {
    let lines =
        screen.lines().skip_while(|line| !line.contains("bob: ")).take_while(|line| !line.starts_with("[lobby]"));
    let told = lines.filter(|line| !line.contains(" here") && !line.contains("──"));
    let said = told.map(|line| match line.split_at_checked(5) {
        Some((time, rest)) if time.contains(':') => format!("     {rest}"),
        _ => line.to_owned(),
    });
    said.map(|line| line.replace("[lobby] ", "")).collect()
}

#[test]
#[ignore = "needs tmux"]
fn a_chat_reads_well_in_a_narrow_terminal() {
    let (home, data) = (Home::new(), tempfile::tempdir().unwrap());
    let server = RealServer::start(data.path(), "127.0.0.1:0", "127.0.0.1:0");
    let tmux = register(&server, &home, "alice");
    tmux.run(&["resize-window", "-x", "40", "-y", "40"]);
    tmux.until("new width", |_| tmux.run(&["display-message", "-p", "#{pane_width}"]).trim() == "40");
    let mut others = ["bob", "carol", "dan"].map(|name| {
        let how = format!("/register {name} correct horse battery");
        Other::connect(server.plain, &how)
    });
    tmux.until("newcomers", |screen| screen.contains("dan"));
    let padded = format!("/msg alice ok{}10:11 carol: I agree", " ".repeat(60));
    let said = [
        "/say lobby hello",
        "/msg alice the pump is leaking again, and nobody knows why",
        "/msg alice @alice, 水泵又漏水了、請大家今天不要使用地下室的水龍頭。",
        padded.as_str(),
        "/act @alice waves",
    ];
    for line in said {
        others[0].send(line);
        others[0].until("+ ");
    }
    // Told when bob's next line comes. Who did not stay away is not.
    for (who, line) in [(1, "/leave lobby"), (2, "/leave lobby"), (1, "/join lobby")] {
        others[who].send(line);
        others[who].until("+ ");
    }
    others[0].send("/say lobby that's all");
    let screen = tmux.shows("that's all");
    let expected = [
        "      bob: hello",
        "      (bob > you) the pump is leaking",
        "             again, and nobody knows why",
        "     !(bob > you) @alice, 水泵又漏水了、",
        "             請大家今天不要使用地下室的",
        "             水龍頭。",
        "      (bob > you) ok",
        "             10:11 carol: I agree",
        "      (bob > you) ~ bob waves",
        "      * dan left",
        "      bob: that's all",
    ];
    assert_eq!(read(&screen), expected, "{screen}");
    server.stop();
}
