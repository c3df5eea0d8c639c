//! The peer: TCP over loopback, a message there and a few bytes back.
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use super::buffers;
use sendrec_measure::Fallible;
use sendrec_measure::Load;

/// A write or a connection that takes longer has failed.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A socket whose buffers are as UDP's, or grow as the system likes.
fn socket(enlarged: bool) -> Fallible<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    if enlarged {
        buffers::enlarge(&socket)?;
    }
    Ok(socket)
}

/// Listens; connections that come inherit its buffers.
pub(crate) fn listener(enlarged: bool) -> Fallible<TcpListener> {
    let socket = socket(enlarged)?;
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())?;
    socket.listen(1)?;
    Ok(socket.into())
}

/// Takes messages of one connection, until it ends.
pub(crate) fn serve(listener: &TcpListener) -> Fallible<()> {
    let (mut stream, _) = listener.accept()?;
    stream.set_nodelay(true)?;
    let mut place = Vec::new();
    let mut length = [0; 8];
    while stream.read_exact(&mut length).is_ok() {
        place.resize(u64::from_be_bytes(length) as usize, 0);
        // Memory is there: what follows is measured.
        stream.write_all(&length)?;
        stream.read_exact(&mut place)?;
        stream.write_all(&length)?;
        stream.write_all(&crc32fast::hash(&place).to_be_bytes())?;
    }
    Ok(())
}

/// The sending side.
pub(crate) struct Stream {
    stream: TcpStream,
    write_bytes: usize,
}

impl Stream {
    pub(crate) fn connect(server: &str, enlarged: bool, write_bytes: usize) -> Fallible<Self> {
        // Before it connects: the window's scale is fixed then.
        let socket = socket(enlarged)?;
        socket.connect(&server.parse::<SocketAddr>()?.into())?;
        let stream = TcpStream::from(socket);
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        Ok(Self { stream, write_bytes })
    }

    /// One message there and the answer back.
    pub(crate) fn send(&mut self, load: &Load) -> Fallible<Duration> {
        let length = (load.bytes.len() as u64).to_be_bytes();
        let mut answer = [0; 8];
        self.stream.write_all(&length)?;
        self.stream.read_exact(&mut answer)?;
        let start = Instant::now();
        for part in load.bytes.chunks(self.write_bytes) {
            self.stream.write_all(part)?;
        }
        self.stream.read_exact(&mut answer)?;
        let elapsed = start.elapsed();
        let mut checksum = [0; 4];
        self.stream.read_exact(&mut checksum)?;
        if answer == length && checksum == load.checksum.to_be_bytes() {
            Ok(elapsed)
        } else {
            Err("TCP brought another message".into())
        }
    }
}
