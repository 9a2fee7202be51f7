//! An address that stays the same while the server behind it is restarted at another, and that can cut connections.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// Passes connections on to whatever it is pointed at. Its threads end with the test.
pub(crate) struct Relay {
    /// Where it listens.
    pub address: SocketAddr,
    behind: Arc<Mutex<Behind>>,
}

struct Behind {
    target: SocketAddr,
    open: Vec<TcpStream>,
    /// Of the connections that are open: whether what the server says is dropped.
    is_silent: Arc<AtomicBool>,
}

impl Relay {
    pub(crate) fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let behind = Arc::new(Mutex::new(Behind { target, open: Vec::new(), is_silent: Arc::default() }));
        let shared = Arc::clone(&behind);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let target = shared.lock().unwrap().target;
                // Whoever finds nobody behind it is cut off, as by a server that is down.
                let Ok(server) = TcpStream::connect(target) else { continue };
                let copies = [client.try_clone().unwrap(), server.try_clone().unwrap()];
                let is_silent = {
                    let mut behind = shared.lock().unwrap();
                    behind.open.extend(copies);
                    Arc::clone(&behind.is_silent)
                };
                pass(client.try_clone().unwrap(), server.try_clone().unwrap(), Arc::default());
                pass(server, client, is_silent);
            }
        });
        Self { address, behind }
    }

    /// From now on, connections go there.
    pub(crate) fn point_at(&self, target: SocketAddr) {
        self.behind.lock().unwrap().target = target;
    }

    /// Ends all connections.
    pub(crate) fn cut(&self) {
        for socket in self.behind.lock().unwrap().open.drain(..) {
            let _ = socket.shutdown(Shutdown::Both);
        }
    }

    /// From now on, what the server says on the connections that are open is dropped, and they stay open.
    pub(crate) fn silence(&self) {
        let mut behind = self.behind.lock().unwrap();
        behind.is_silent.store(true, Ordering::Relaxed);
        behind.is_silent = Arc::default();
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, is_silent: Arc<AtomicBool>) {
    thread::spawn(move || {
        let mut buffer = [0; 16 * 1024];
        while let Ok(read @ 1..) = from.read(&mut buffer) {
            if !is_silent.load(Ordering::Relaxed) && to.write_all(&buffer[..read]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Write);
    });
}
