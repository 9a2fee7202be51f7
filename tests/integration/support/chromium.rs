//! A real browser, Chromium without a screen, driven by the DevTools protocol.

use serde_json::{Value, json};
use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tungstenite::stream::MaybeTlsStream;
use tungstenite::{Message, WebSocket};

/// How long the browser may take for what a person waits for.
const PATIENCE: Duration = Duration::from_secs(30);

/// One browser, with a profile of its own.
pub(crate) struct Chromium {
    process: Child,
    socket: WebSocket<MaybeTlsStream<TcpStream>>,
    sent: u64,
    _profile: tempfile::TempDir,
}

/// One page of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tab {
    session: String,
}

impl Chromium {
    pub(crate) fn start() -> Self {
        let profile = tempfile::tempdir().unwrap();
        let mut process = Command::new("chromium")
            .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--ignore-certificate-errors", "--no-first-run"])
            .args(["--remote-debugging-port=0", "--hide-scrollbars", "--lang=en-US", "about:blank"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .env("TZ", "UTC")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("chromium is there");
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let url = lines
            .find_map(|line| line.ok()?.strip_prefix("DevTools listening on ").map(str::to_owned))
            .expect("chromium says where its tools listen");
        std::thread::spawn(move || lines.for_each(drop));
        let (socket, _) = tungstenite::connect(url).unwrap();
        if let MaybeTlsStream::Plain(stream) = socket.get_ref() {
            stream.set_read_timeout(Some(4 * PATIENCE)).unwrap();
        }
        Self { process, socket, sent: 0, _profile: profile }
    }

    /// Opens a page at a path of the server.
    pub(crate) fn open(&mut self, server: SocketAddr, path: &str) -> Tab {
        let target = self.call(None, "Target.createTarget", json!({"url": "about:blank"}))["targetId"].clone();
        let attached = self.call(None, "Target.attachToTarget", json!({"targetId": target, "flatten": true}));
        let tab = Tab { session: attached["sessionId"].as_str().unwrap().to_owned() };
        self.resize(&tab, 1100, 760);
        self.go(&tab, server, path);
        tab
    }

    /// Goes to a path of the server.
    pub(crate) fn go(&mut self, tab: &Tab, server: SocketAddr, path: &str) {
        let url = format!("https://localhost:{}{path}", server.port());
        self.call(Some(tab), "Page.navigate", json!({"url": url}));
        self.wait(tab, "document.readyState === 'complete' && location.protocol === 'https:'");
    }

    pub(crate) fn resize(&mut self, tab: &Tab, width: u32, height: u32) {
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500});
        self.call(Some(tab), "Emulation.setDeviceMetricsOverride", metrics);
        self.call(Some(tab), "Emulation.setTouchEmulationEnabled", json!({"enabled": width < 500}));
    }

    /// Emulates what the person has set, such as `("prefers-color-scheme", "dark")`.
    pub(crate) fn prefer(&mut self, tab: &Tab, feature: &str, value: &str) {
        let features = json!({"features": [{"name": feature, "value": value}]});
        self.call(Some(tab), "Emulation.setEmulatedMedia", features);
    }

    /// The value of an expression.
    #[track_caller]
    pub(crate) fn eval(&mut self, tab: &Tab, expression: &str) -> Value {
        let asked = json!({"expression": expression, "returnByValue": true, "awaitPromise": true, "userGesture": true});
        let answer = self.call(Some(tab), "Runtime.evaluate", asked);
        assert!(answer.get("exceptionDetails").is_none(), "{expression}: {answer}");
        answer["result"]["value"].clone()
    }

    /// Waits until an expression is true.
    #[track_caller]
    pub(crate) fn wait(&mut self, tab: &Tab, expression: &str) {
        let until = Instant::now() + PATIENCE;
        while self
            .eval(tab, &format!("(() => {{ try {{ return Boolean({expression}) }} catch {{ return false }} }})()"))
            != json!(true)
        {
            if Instant::now() > until {
                let text = self.eval(tab, "document.body.innerText");
                panic!("never true: {expression}\nthe page says:\n{}", text.as_str().unwrap_or_default());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits until an element's text contains this.
    #[track_caller]
    pub(crate) fn wait_text(&mut self, tab: &Tab, selector: &str, text: &str) {
        self.wait(tab, &format!("document.querySelector({})?.textContent.includes({})", json!(selector), json!(text)));
    }

    #[track_caller]
    pub(crate) fn click(&mut self, tab: &Tab, selector: &str) {
        self.wait(tab, &format!("document.querySelector({})", json!(selector)));
        self.eval(tab, &format!("document.querySelector({}).click()", json!(selector)));
    }

    /// Opens a menu, and takes what is called so.
    #[track_caller]
    pub(crate) fn choose(&mut self, tab: &Tab, opener: &str, label: &str) {
        self.click(tab, opener);
        self.wait(tab, "!document.querySelector('#menu').hidden");
        let item =
            format!("[...document.querySelectorAll('#menu button')].find(item => item.innerText === {})", json!(label));
        self.wait(tab, &item);
        self.eval(tab, &format!("{item}.click()"));
    }

    /// Types a text where the focus is.
    pub(crate) fn type_text(&mut self, tab: &Tab, text: &str) {
        self.call(Some(tab), "Input.insertText", json!({"text": text}));
    }

    /// Presses a key, such as `Enter` or `Shift-Tab`.
    pub(crate) fn press(&mut self, tab: &Tab, key: &str) {
        let (key, modifiers) = key.strip_prefix("Shift-").map_or((key, 0), |key| (key, 8));
        let code = match key {
            "Enter" => 13,
            "Tab" => 9,
            "Escape" => 27,
            "ArrowUp" => 38,
            "ArrowDown" => 40,
            other => panic!("{other}"),
        };
        let text = if key == "Enter" { "\r" } else { "" };
        for kind in ["keyDown", "keyUp"] {
            let event = json!({"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code, "text": text,
                "modifiers": modifiers});
            self.call(Some(tab), "Input.dispatchKeyEvent", event);
        }
    }

    /// Puts a text into a field.
    pub(crate) fn fill(&mut self, tab: &Tab, selector: &str, text: &str) {
        self.wait(tab, &format!("document.querySelector({})", json!(selector)));
        self.eval(tab, &format!("(e => {{ e.focus(); e.select(); }})(document.querySelector({}))", json!(selector)));
        self.type_text(tab, text);
    }

    /// Says a text in the conversation that is shown.
    pub(crate) fn say(&mut self, tab: &Tab, text: &str) {
        self.fill(tab, "#typed", text);
        self.press(tab, "Enter");
    }

    /// Fills in the form of the entrance, and waits for the chat.
    pub(crate) fn log_in(&mut self, tab: &Tab, name: &str, password: &str) {
        self.fill(tab, "#name", name);
        self.fill(tab, "#password", password);
        self.press(tab, "Enter");
        self.wait(tab, "!document.querySelector('#chat').hidden && document.querySelector('#me').innerText !== ''");
    }

    /// Writes what is seen into a PNG file.
    pub(crate) fn screenshot(&mut self, tab: &Tab, file: &Path) {
        let shot = self.call(Some(tab), "Page.captureScreenshot", json!({"format": "png"}));
        let bytes = data_encoding::BASE64.decode(shot["data"].as_str().unwrap().as_bytes()).unwrap();
        File::create(file).unwrap().write_all(&bytes).unwrap();
    }

    #[track_caller]
    pub(crate) fn call(&mut self, tab: Option<&Tab>, method: &str, parameters: Value) -> Value {
        self.sent += 1;
        let mut call = json!({"id": self.sent, "method": method, "params": parameters});
        if let Some(tab) = tab {
            call["sessionId"] = json!(tab.session);
        }
        self.socket.send(Message::text(call.to_string())).unwrap();
        let until = Instant::now() + 4 * PATIENCE;
        loop {
            assert!(Instant::now() < until, "chromium does not answer {method}");
            let Message::Text(text) = self.socket.read().expect("chromium answers") else { continue };
            let answer: Value = serde_json::from_str(&text).unwrap();
            if answer["id"] == json!(self.sent) {
                assert!(answer.get("error").is_none(), "{method}: {answer}");
                return answer["result"].clone();
            }
        }
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
