//! The cost of the system calls alone: the lower bound for any chat server's delivery.
//!
//! One thread writes the same prepared bytes to each of some sockets in turn, like a server that sends
//! several lines to all members of a room with one write each. They are read in a separate process. No
//! lines are parsed, nothing is decided, encrypted or stored.
//!
//! ```text
//! cargo run --release -p bench --bin floor -- [SOCKETS]
//! ```

use mio::net::TcpStream as Reading;
use mio::{Events, Interest, Poll, Token};
use rustix::time::{ClockId, clock_gettime};
use std::error::Error;
use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::process::{Command, Stdio};
use std::time::Duration;

/// A line as ChitChat and the IRC servers deliver it for a text of 64 bytes.
const LINE_BYTES: usize = 112;
/// Lines in one write.
const LINES: [usize; 4] = [1, 4, 16, 64];
/// Writes of one measurement.
const WRITES: usize = 100_000;
/// How long a reader waits for more.
const PATIENCE: Duration = Duration::from_secs(5);

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [flag, address, sockets] if flag == "--read" => read(address.parse()?, sockets.parse()?),
        [sockets] => write(sockets.parse()?),
        _ => write(100),
    }
}

/// Writes in rounds, each of which waits until the reader has everything, and measures this process.
fn write(sockets: usize) -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut reader = Command::new(std::env::current_exe()?)
        .args(["--read", &listener.local_addr()?.to_string(), &sockets.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut streams = Vec::new();
    for _ in 0..sockets {
        let (stream, _) = listener.accept()?;
        stream.set_nodelay(true)?;
        streams.push(stream);
    }
    let mut orders = reader.stdin.take().ok_or("the reader has no input")?;
    let mut answers = BufReader::new(reader.stdout.take().ok_or("the reader has no output")?);
    println!("{sockets} sockets, lines of {LINE_BYTES} bytes\n\nlines a write   us a write   us a delivery");
    for lines in LINES {
        let bytes = vec![b'x'; lines * LINE_BYTES];
        let rounds = (WRITES / sockets).max(1);
        let mut answer = String::new();
        let before = processor_time();
        for _ in 0..rounds {
            writeln!(orders, "{}", sockets * bytes.len())?;
            for stream in &mut streams {
                stream.write_all(&bytes)?;
            }
            answer.clear();
            answers.read_line(&mut answer)?;
        }
        let each = (processor_time() - before).as_secs_f64() * 1e6 / (rounds * sockets) as f64;
        println!("{lines:13} {each:12.2} {:15.3}", each / lines as f64);
    }
    drop(orders);
    reader.wait()?;
    Ok(())
}

/// Reads as many bytes as it is told, confirms that, and waits for the next order.
fn read(address: SocketAddr, sockets: usize) -> Result<(), Box<dyn Error>> {
    let mut poll = Poll::new()?;
    let mut streams = Vec::new();
    for place in 0..sockets {
        let stream = std::net::TcpStream::connect(address)?;
        stream.set_nonblocking(true)?;
        let mut stream = Reading::from_std(stream);
        poll.registry().register(&mut stream, Token(place), Interest::READABLE)?;
        streams.push(stream);
    }
    let (mut events, mut buffer) = (Events::with_capacity(1024), vec![0; 256 * 1024]);
    for order in std::io::stdin().lines() {
        let mut left: usize = order?.trim().parse()?;
        while left > 0 {
            poll.poll(&mut events, Some(PATIENCE))?;
            if events.is_empty() {
                return Err("nothing came".into());
            }
            for event in &events {
                loop {
                    match streams[event.token().0].read(&mut buffer) {
                        Ok(0) => return Err("the writer ended".into()),
                        Ok(read) => left -= read,
                        Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                        Err(error) => return Err(error.into()),
                    }
                }
            }
        }
        println!("read");
    }
    Ok(())
}

fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32)
}
