//! What the suites share: the swarm, the transfers, and a forwarding proxy that knows nothing of sendrec but where the type stands in a
//! packet.
#![forbid(unsafe_code)]

#[path = "../swarm/mod.rs"]
pub mod swarm;
#[path = "../transfers/mod.rs"]
pub mod transfers;

use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// The packet types of slide 21 by their codes, written down independently of the kernel.
const TYPES: [&str; 10] = ["?", "REQ", "REP", "ACK", "AYA", "IAA", "TA", "AU", "LOCATE", "HERE"];

/// Forwards datagrams between one client and one server, and reports each as it passes.
#[derive(Debug)]
pub struct Proxy {
    /// Where the client is to send.
    pub address: SocketAddr,
    /// A line for each packet: `C REQ` from the client, `S REP` from the server.
    pub seen: Receiver<String>,
    stop: std::sync::Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Proxy {
    /// A proxy before `server`.
    ///
    /// # Panics
    ///
    /// If the system gives no sockets.
    pub fn before(server: SocketAddr) -> Self {
        const LOOK_INTERVAL: Duration = Duration::from_millis(20);
        let near = UdpSocket::bind("127.0.0.1:0").expect("a socket for the client's side");
        let far = UdpSocket::bind("127.0.0.1:0").expect("a socket for the server's side");
        for socket in [&near, &far] {
            socket.set_read_timeout(Some(LOOK_INTERVAL)).expect("a read time-out");
        }
        let address = near.local_addr().expect("the proxy's address");
        let stop = std::sync::Arc::new(AtomicBool::new(false));
        let (report, seen) = channel();
        let client = std::sync::Arc::new(std::sync::Mutex::new(None::<SocketAddr>));

        let forward = |from: UdpSocket, to: UdpSocket, name: &'static str| {
            let (stop, report, client) = (stop.clone(), report.clone(), client.clone());
            thread::spawn(move || {
                let mut buffer = [0; 65_536];
                loop {
                    let (length, sender) = match from.recv_from(&mut buffer) {
                        Ok(received) => received,
                        Err(error)
                            if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
                                && !stop.load(Ordering::SeqCst) =>
                        {
                            continue;
                        }
                        Err(_) => return,
                    };
                    let target = if name == "C" {
                        *client.lock().expect("the client's address") = Some(sender);
                        Some(server)
                    } else {
                        *client.lock().expect("the client's address")
                    };
                    let kind = TYPES.get(usize::from(buffer[1] & 0x0f)).unwrap_or(&"?");
                    // Reported before it is sent: whoever is told by the packet finds it reported.
                    let _ = report.send(format!("{name} {kind}"));
                    if let Some(target) = target {
                        let _ = to.send_to(&buffer[..length], target);
                    }
                }
            })
        };
        let clone = |socket: &UdpSocket| socket.try_clone().expect("a second handle on a socket");
        let threads = vec![forward(clone(&near), clone(&far), "C"), forward(far, near, "S")];
        Self { address, seen, stop, threads }
    }

    /// Forwards what has been sent, stops, and returns what passed and was not taken yet.
    pub fn stop(mut self) -> Vec<String> {
        self.end();
        self.seen.try_iter().collect()
    }

    /// The threads end when they find nothing to forward.
    fn end(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.end();
    }
}
