use super::*;
use crate::server::net::listening::listen;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::JoinHandle;

/// The deadline of every wait; longer than any of the server's.
const PATIENCE: Duration = Duration::from_secs(20);

const GET: &[u8] = b"GET /metrics HTTP/1.1\r\nHost: here.example:9428\r\n\r\n";

struct Served {
    address: SocketAddr,
    stop: Arc<StopHandle>,
    thread: Option<JoinHandle<()>>,
}

impl Served {
    fn start(page: Page) -> Self {
        let listener = listen("127.0.0.1:0".parse().unwrap(), "metrics").unwrap();
        let address = listener.local_addr().unwrap();
        let server = MetricsServer::new(vec![listener], "here.example".to_owned(), page).unwrap();
        let stop = server.stopper();
        let thread = std::thread::spawn(move || server.run());
        Self { address, stop, thread: Some(thread) }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    fn ask(&self, request: &[u8]) -> String {
        let (mut stream, mut answer) = (self.connect(), String::new());
        stream.write_all(request).unwrap();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.stop.stop();
        let ended = self.thread.take().map(JoinHandle::join);
        assert!(std::thread::panicking() || ended.is_some_and(|ended| ended.is_ok()));
    }
}

#[test]
fn each_gets_an_answer_and_is_closed() {
    let served = Served::start(Box::new(|| Some("rooms 1\n".repeat(100_000))));
    let answer = served.ask(GET);
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert_eq!(body, "rooms 1\n".repeat(100_000));
    assert!(head.ends_with(&format!("\r\nContent-Length: {}\r\nConnection: close", body.len())), "{head}");
    // However it arrives, and whatever comes behind it.
    let mut stream = served.connect();
    for byte in GET {
        stream.write_all(&[*byte]).unwrap();
    }
    let mut again = String::new();
    stream.read_to_string(&mut again).unwrap();
    for again in [again, served.ask(&[GET, GET].concat())] {
        assert_eq!(again.split_once("\r\n\r\n").unwrap().1, body);
    }
    assert!(served.ask(b"POST /metrics HTTP/1.0\r\n\r\n").contains("405 Method Not Allowed\r\n"));
    assert!(served.ask(b"POST /metrics HTTP/1.0\r\n\r\n").contains("\r\nAllow: GET\r\n"));
    assert!(served.ask(b"GET / HTTP/1.0\r\n\r\n").ends_with("\r\n\r\nThere is only /metrics here.\n"));
    let elsewhere = served.ask(b"GET /metrics HTTP/1.1\r\nHost: evil.example:9428\r\n\r\n");
    assert!(
        elsewhere.starts_with("HTTP/1.1 421 Misdirected Request\r\n") && !elsewhere.contains("rooms"),
        "{elsewhere}"
    );
    assert!(served.ask(b"hello\r\n\r\n").starts_with("HTTP/1.1 400 Bad Request\r\n"));
}

#[test]
fn a_server_that_does_not_answer_is_unavailable() {
    let served = Served::start(Box::new(|| None));
    assert!(served.ask(GET).starts_with("HTTP/1.1 503 Service Unavailable\r\n"));
}

#[test]
fn one_page_is_good_for_a_crowd() {
    let written = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&written);
    let page = move || {
        counted.fetch_add(1, Ordering::Relaxed);
        Some("rooms 1\n".to_owned())
    };
    let served = Served::start(Box::new(page));
    let began = Instant::now();
    let crowd = 200;
    for _ in 0..crowd {
        assert!(served.ask(GET).ends_with("rooms 1\n"));
    }
    let most = 1 + began.elapsed().as_millis() / FRESH.as_millis();
    assert!(u128::from(written.load(Ordering::Relaxed)) <= most, "{written:?} pages for {crowd} who asked");
}

#[test]
fn silent_ones_keep_nobody_out_and_are_closed() {
    let served = Served::start(Box::new(|| Some("rooms 1\n".to_owned())));
    let began = Instant::now();
    let mut silent: Vec<TcpStream> = (0..100).map(|_| served.connect()).collect();
    for some in &mut silent {
        // Those who have sent half a request wait as well; those who were closed already can't.
        let _ = some.write_all(b"GET /metr");
        assert!(served.ask(GET).ends_with("rooms 1\n"));
    }
    assert!(began.elapsed() < PEER_DEADLINE, "they have waited for the silent ones: {:?}", began.elapsed());
    for mut closed in silent {
        assert!(matches!(closed.read(&mut [0]), Ok(0) | Err(_)), "a silent one was answered");
    }
    assert!(began.elapsed() < PATIENCE, "a silent one was never closed");
}

#[test]
fn an_endless_request_ends() {
    let served = Served::start(Box::new(|| Some("rooms 1\n".to_owned())));
    for endless in [b"x".repeat(1 << 16), b"GET /metrics HTTP/1.1\r\nX: y\r\n".repeat(1 << 10)] {
        let mut stream = served.connect();
        let began = Instant::now();
        while stream.write_all(&endless).is_ok() {
            assert!(began.elapsed() < PATIENCE, "it is read for ever");
        }
    }
    // What one sends after the request is no reason not to be answered, unless it never ends.
    assert!(served.ask(&[GET, &b"x".repeat(1000)].concat()).ends_with("rooms 1\n"));
}

/// Who takes none of the answer is closed, too.
#[test]
fn who_does_not_read_is_closed() {
    let served = Served::start(Box::new(|| Some("rooms 1\n".repeat(4 << 20))));
    let mut stream = served.connect();
    stream.write_all(GET).unwrap();
    let began = Instant::now();
    while stream.write_all(b"x").is_ok() {
        assert!(began.elapsed() < PATIENCE, "it is waited for for ever");
        std::thread::yield_now();
    }
    assert!(served.ask(GET).len() > 4 << 20);
}
