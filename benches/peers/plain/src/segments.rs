//! The floor of what goes together: equal datagrams leave in one call that the system takes apart, and come in together.
//!
//! Calls that are begun before one waits leave as one; the server sends back what came together. Long messages are sendrec's
//! own floor: as much under way as the receiver's buffer holds, acknowledged four times a window, nothing ever sent again.
use std::collections::VecDeque;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::ops::Range;

use quinn_udp::{RecvMeta, Transmit, UdpSockRef, UdpSocketState};
use sendrec_benches::{Flood, FloodStyle, Sink, looking};
use sendrec_measure::{Check, Client, Cores, FACTS, Fallible, Outcome, Tell, Workload, drive, facts_of, now};

/// Stands before each message, as sendrec's does.
const HEADER_BYTES: usize = sendrec_core::wire::HEADER_BYTES;
/// What one receive may bring.
const BATCH_BYTES: usize = 1 << 16;
/// A long message's datagrams: the longest there are.
const SEGMENT_BYTES: usize = 65_507;

struct Socket {
    udp: UdpSocket,
    state: UdpSocketState,
}

impl Socket {
    fn bind() -> Fallible<Self> {
        let udp = UdpSocket::bind("127.0.0.1:0")?;
        let state = UdpSocketState::new(UdpSockRef::from(&udp))?;
        udp.set_nonblocking(true)?;
        Ok(Self { udp, state })
    }

    fn send(&self, to: SocketAddr, contents: &[u8], segment: usize) -> io::Result<()> {
        let segment_size = (contents.len() > segment).then_some(segment);
        let transmit = Transmit { destination: to, ecn: None, contents, segment_size, src_ip: None };
        loop {
            match self.state.try_send(UdpSockRef::from(&self.udp), &transmit) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => std::thread::yield_now(),
                sent => return sent,
            }
        }
    }

    /// What came together, and how long each of its datagrams is.
    fn receive(&self, buffer: &mut [u8]) -> io::Result<RecvMeta> {
        looking(&self.udp, None, || {
            let mut meta = [RecvMeta::default()];
            let mut slices = [io::IoSliceMut::new(buffer)];
            self.state.recv(UdpSockRef::from(&self.udp), &mut slices, &mut meta)?;
            Ok(meta[0])
        })
    }
}

pub(crate) fn serve(tell: Tell<'_>) -> Fallible<()> {
    let (socket, sink) = (Socket::bind()?, Sink::bind()?);
    tell(&format!("{},{}", socket.udp.local_addr()?, sink.address()?))?;
    std::thread::spawn(move || sink.serve().map_err(|error| eprintln!("{error}")));
    let mut buffer = vec![0; BATCH_BYTES];
    loop {
        let meta = socket.receive(&mut buffer)?;
        socket.send(meta.addr, &buffer[..meta.len], meta.stride)?;
    }
}

struct Caller {
    socket: Socket,
    server: SocketAddr,
    flood: Flood,
    /// Begun calls that have not left, all of one length.
    leaving: Vec<u8>,
    datagram_bytes: usize,
    /// What came, and where in it the answers lie that nobody has taken.
    buffer: Vec<u8>,
    come: VecDeque<Range<usize>>,
    /// What the sink said of the last long message.
    facts: [u8; 12],
}

impl Caller {
    fn leave(&mut self) -> Fallible<()> {
        if !self.leaving.is_empty() {
            self.socket.send(self.server, &self.leaving, self.datagram_bytes)?;
            self.leaving.clear();
        }
        Ok(())
    }
}

impl Client for Caller {
    async fn call(&mut self, message: &[u8], check: Check<'_>) -> Fallible<()> {
        if message == FACTS {
            return check(&self.facts);
        }
        self.begin(message)?;
        self.finish(check).await
    }

    fn begin(&mut self, message: &[u8]) -> Fallible<()> {
        let datagram_bytes = HEADER_BYTES + message.len();
        if datagram_bytes > SEGMENT_BYTES {
            return Err("longer than a datagram".into());
        }
        let segments = self.leaving.len() / self.datagram_bytes.max(1);
        if datagram_bytes != self.datagram_bytes
            || self.leaving.len() + datagram_bytes > SEGMENT_BYTES
            || segments >= self.socket.state.max_gso_segments()
        {
            self.leave()?;
        }
        self.datagram_bytes = datagram_bytes;
        self.leaving.extend_from_slice(&[0; HEADER_BYTES]);
        self.leaving.extend_from_slice(message);
        Ok(())
    }

    async fn finish(&mut self, check: Check<'_>) -> Fallible<()> {
        if self.come.is_empty() {
            self.leave()?;
            let meta = self.socket.receive(&mut self.buffer)?;
            let begins = (0..meta.len).step_by(meta.stride.max(1));
            self.come.extend(begins.map(|begin| begin..(begin + meta.stride).min(meta.len)));
        }
        let answer = self.come.pop_front().ok_or("nothing came")?;
        check(self.buffer[answer].get(HEADER_BYTES..).unwrap_or_default())
    }

    async fn send(&mut self, message: &bytes::Bytes, check: Check<'_>) -> Fallible<()> {
        self.flood.send(message)?;
        // The last acknowledgement says how much is there.
        check(&(message.len() as u64).to_be_bytes())?;
        self.facts = facts_of(message.len(), self.flood.checksum()?);
        Ok(())
    }
}

pub(crate) fn call(address: &str, workload: Workload, _: Cores) -> Fallible<Outcome> {
    let (server, sink) = address.split_once(',').ok_or("there should be two addresses")?;
    let caller = Caller {
        socket: Socket::bind()?,
        server: server.parse()?,
        flood: Flood::new(sink, FloodStyle::Flood, SEGMENT_BYTES)?,
        leaving: Vec::with_capacity(BATCH_BYTES),
        datagram_bytes: 0,
        buffer: vec![0; BATCH_BYTES],
        come: VecDeque::new(),
        facts: [0; 12],
    };
    now(drive(caller, workload))
}
