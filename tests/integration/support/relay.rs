//! An address that stays the same while the server behind it is restarted at another, and that can cut connections.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
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
}

impl Relay {
    pub(crate) fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let behind = Arc::new(Mutex::new(Behind { target, open: Vec::new() }));
        let shared = Arc::clone(&behind);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let target = shared.lock().unwrap().target;
                // Whoever finds nobody behind it is cut off, as by a server that is down.
                let Ok(server) = TcpStream::connect(target) else { continue };
                let copies = [client.try_clone().unwrap(), server.try_clone().unwrap()];
                shared.lock().unwrap().open.extend(copies);
                pass(client.try_clone().unwrap(), server.try_clone().unwrap());
                pass(server, client);
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
}

fn pass(mut from: TcpStream, mut to: TcpStream) {
    thread::spawn(move || {
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
}
