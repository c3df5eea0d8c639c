//! Calls to and from those who speak ONC RPC over UDP and TCP (RFC 5531; the transports of slides 24-27), without a kernel.
//!
//! Over TCP a call runs once or, if the connection breaks, perhaps. Over UDP nobody keeps duplicates out, so a call that
//! must run at most once is sent once; one that may run again is sent again, after longer and longer waits.
//!
//! Deliberately not here: the port mapper. Who calls says the port.
use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs, UdpSocket};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};

use crate::{CallError, CallOptions, CallSemantics, Caller, Procedure, Services};

/// The longest datagram.
const DATAGRAM_BYTES_MAX: usize = 65_507;
/// The longest message over TCP, bytes.
pub const RECORD_BYTES_MAX: usize = 1 << 30;
/// A record's pieces may be of no bytes at all; so many are too many.
const FRAGMENTS_MAX: usize = 1 << 16;
/// How long one waits over UDP before a call is sent again, at first.
const RESEND_FIRST: Duration = Duration::from_millis(500);
/// Of a fragment's header: this is the last.
const LAST: u32 = 1 << 31;
/// Memory for a record grows in steps of so many bytes, as it comes.
const STEP_BYTES: usize = 64 << 10;

/// The next call's number: other than those before, and not the same in each run.
#[derive(Debug)]
struct Xids(AtomicU32);

impl Xids {
    fn new() -> Self {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        Self(AtomicU32::new(now.map_or(1, |now| now.subsec_nanos() ^ now.as_secs() as u32)))
    }

    fn next(&self) -> u32 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}

fn network(server: SocketAddr, error: &io::Error) -> CallError {
    CallError::Network { server: server.to_string(), error: error.to_string() }
}

fn timed_out(server: SocketAddr, options: &CallOptions) -> CallError {
    CallError::TimedOut { server: server.to_string(), seconds: options.timeout.as_secs_f64() }
}

fn resolved(server: impl ToSocketAddrs) -> io::Result<SocketAddr> {
    let mut addresses = server.to_socket_addrs()?;
    addresses.next().ok_or_else(|| io::Error::new(ErrorKind::NotFound, "the name has no address"))
}

/// A server reached over UDP. One call at a time.
#[derive(Debug)]
pub struct UdpCaller {
    server: SocketAddr,
    socket: Mutex<UdpSocket>,
    xids: Xids,
    options: CallOptions,
}

impl UdpCaller {
    /// The server at that address and port.
    pub fn connect(server: impl ToSocketAddrs) -> io::Result<Self> {
        let server = resolved(server)?;
        let any: SocketAddr =
            if server.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0_u16; 8], 0).into() };
        let socket = UdpSocket::bind(any)?;
        socket.connect(server)?;
        let options = CallOptions::default();
        Ok(Self { server, socket: Mutex::new(socket), xids: Xids::new(), options })
    }

    /// With calls that go so.
    #[must_use]
    pub fn with(self, options: CallOptions) -> Self {
        Self { options, ..self }
    }
}

impl Caller for UdpCaller {
    fn next_xid(&self) -> u32 {
        self.xids.next()
    }

    fn exchange(&self, procedure: &Procedure, call: Bytes) -> Result<Bytes, CallError> {
        let failed = |error: &io::Error| network(self.server, error);
        let socket = self.socket.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let deadline = Instant::now() + self.options.timeout;
        let again = self.options.semantics == CallSemantics::AtLeastOnce || procedure.is_idempotent;
        let mut wait = RESEND_FIRST;
        let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
        loop {
            socket.send(&call).map_err(|error| failed(&error))?;
            let until = if again { deadline.min(Instant::now() + wait) } else { deadline };
            wait *= 2;
            loop {
                let left = until.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    break;
                }
                socket.set_read_timeout(Some(left)).map_err(|error| failed(&error))?;
                match socket.recv(&mut buffer) {
                    // An answer to a call before this one is passed over.
                    Ok(length) if buffer.get(..4) == call.get(..4) => {
                        buffer.truncate(length);
                        return Ok(buffer.into());
                    }
                    Ok(_) => {}
                    Err(error) if is_timeout(&error) => break,
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(error) => return Err(failed(&error)),
                }
            }
            if Instant::now() >= deadline {
                return Err(timed_out(self.server, &self.options));
            }
        }
    }

    fn server(&self) -> String {
        self.server.to_string()
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

/// A server reached over TCP. One call at a time; a connection that breaks is made again for the next.
pub struct TcpCaller {
    server: SocketAddr,
    stream: Mutex<Option<TcpStream>>,
    xids: Xids,
    options: CallOptions,
}

impl fmt::Debug for TcpCaller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TcpCaller").field("server", &self.server).finish_non_exhaustive()
    }
}

impl TcpCaller {
    /// The server at that address and port.
    pub fn connect(server: impl ToSocketAddrs) -> io::Result<Self> {
        let server = resolved(server)?;
        let stream = open(server, CallOptions::default().timeout)?;
        let options = CallOptions::default();
        Ok(Self { server, stream: Mutex::new(Some(stream)), xids: Xids::new(), options })
    }

    /// With calls that go so.
    #[must_use]
    pub fn with(self, options: CallOptions) -> Self {
        Self { options, ..self }
    }

    fn over(&self, stream: &mut TcpStream, call: &Bytes) -> io::Result<Bytes> {
        let deadline = Instant::now() + self.options.timeout;
        let left = || deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        stream.set_write_timeout(Some(left()))?;
        write_record(stream, call)?;
        loop {
            stream.set_read_timeout(Some(left()))?;
            let Some(answer) = read_record(stream)? else { return Err(ErrorKind::UnexpectedEof.into()) };
            if answer.get(..4) == call.get(..4) {
                return Ok(answer);
            }
        }
    }
}

fn open(server: SocketAddr, timeout: Duration) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&server, timeout)?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

impl Caller for TcpCaller {
    fn next_xid(&self) -> u32 {
        self.xids.next()
    }

    fn exchange(&self, _procedure: &Procedure, call: Bytes) -> Result<Bytes, CallError> {
        let mut kept = self.stream.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let opened = match kept.take() {
            Some(stream) => Ok(stream),
            None => open(self.server, self.options.timeout),
        };
        let answered = opened.and_then(|mut stream| {
            let answer = self.over(&mut stream, &call)?;
            // One that failed is in the middle of something, and not used again.
            *kept = Some(stream);
            Ok(answer)
        });
        answered.map_err(|error| {
            if is_timeout(&error) {
                timed_out(self.server, &self.options)
            } else {
                network(self.server, &error)
            }
        })
    }

    fn server(&self) -> String {
        self.server.to_string()
    }
}

/// A message as a record of one fragment (RFC 5531, section 11).
fn write_record(stream: &mut impl Write, message: &[u8]) -> io::Result<()> {
    let length = u32::try_from(message.len()).ok().filter(|length| *length < LAST);
    let length = length.ok_or_else(|| io::Error::new(ErrorKind::InvalidInput, "the message is too long"))?;
    // Together, or they leave in two segments.
    let mut record = BytesMut::with_capacity(4 + message.len());
    record.extend_from_slice(&(LAST | length).to_be_bytes());
    record.extend_from_slice(message);
    stream.write_all(&record)
}

/// A message of one or more fragments; `None` at the end of the stream.
fn read_record(stream: &mut impl Read) -> io::Result<Option<Bytes>> {
    let too_long = || io::Error::new(ErrorKind::InvalidData, "the record is too long");
    let mut message = BytesMut::new();
    for fragment in 0..FRAGMENTS_MAX {
        let mut head = [0; 4];
        match stream.read_exact(&mut head) {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof && fragment == 0 => return Ok(None),
            read => read?,
        }
        let head = u32::from_be_bytes(head);
        let length = (head & !LAST) as usize;
        if message.len() + length > RECORD_BYTES_MAX {
            return Err(too_long());
        }
        let end = message.len() + length;
        while message.len() < end {
            let start = message.len();
            message.resize(end.min(start + STEP_BYTES), 0);
            stream.read_exact(&mut message[start..])?;
        }
        if head & LAST != 0 {
            return Ok(Some(message.freeze()));
        }
    }
    Err(too_long())
}

/// Answers calls that come to the socket, until that fails.
pub fn serve_udp(socket: &UdpSocket, services: &Services<'_>) -> io::Error {
    let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
    loop {
        let (length, from) = match socket.recv_from(&mut buffer) {
            Ok(received) => received,
            // Of an answer sent before: its client is gone.
            Err(error) if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::ConnectionRefused) => {
                continue;
            }
            Err(error) => return error,
        };
        let Some(answer) = services.answer(Bytes::copy_from_slice(&buffer[..length])) else { continue };
        if let Err(error) = socket.send_to(&answer, from) {
            log::debug!("the answer to {from}: {error}");
        }
    }
}

/// Answers calls over the connections that come, each in a thread of its own, until no more can be accepted. Of more
/// than `connections_max` at once those over it are closed.
pub fn serve_tcp(listener: &TcpListener, services: &Services<'_>, connections_max: usize) -> io::Error {
    let open = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        loop {
            let (mut stream, from) = match listener.accept() {
                Ok(accepted) => accepted,
                Err(error)
                    if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::ConnectionAborted) =>
                {
                    continue;
                }
                Err(error) => return error,
            };
            if open.fetch_add(1, Ordering::AcqRel) >= connections_max {
                log::warn!("{from}: {connections_max} connections are open already");
                open.fetch_sub(1, Ordering::AcqRel);
                continue;
            }
            let open = &open;
            scope.spawn(move || {
                if let Err(error) = answer_over(&mut stream, services) {
                    log::debug!("{from}: {error}");
                }
                open.fetch_sub(1, Ordering::AcqRel);
            });
        }
    })
}

fn answer_over(stream: &mut TcpStream, services: &Services<'_>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    while let Some(call) = read_record(stream)? {
        // Whoever sends what is no call does not speak this protocol.
        let Some(answer) = services.answer(call) else { return Ok(()) };
        write_record(stream, &answer)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_in_fragments_of_any_size() {
        let mut wire = Vec::new();
        for (length, last) in [(3_u32, 0), (0, 0), (2, LAST)] {
            wire.extend((length | last).to_be_bytes());
            wire.extend(std::iter::repeat_n(length as u8, length as usize));
        }
        write_record(&mut wire, b"next").unwrap();
        let mut stream = &wire[..];
        assert_eq!(read_record(&mut stream).unwrap().as_deref(), Some(&[3, 3, 3, 2, 2][..]));
        assert_eq!(read_record(&mut stream).unwrap().as_deref(), Some(&b"next"[..]));
        assert_eq!(read_record(&mut stream).unwrap(), None);
    }

    #[test]
    fn lengths_on_the_wire_allocate_little_and_cut_records_are_an_error() {
        let mut huge = (LAST - 1).to_be_bytes().to_vec();
        huge.extend([0; 100]);
        assert_eq!(read_record(&mut &huge[..]).unwrap_err().kind(), ErrorKind::InvalidData);
        let mut cut = (LAST | (1 << 29)).to_be_bytes().to_vec();
        cut.extend([0; 100]);
        assert_eq!(read_record(&mut &cut[..]).unwrap_err().kind(), ErrorKind::UnexpectedEof);
        let endless = [0_u8; 4].repeat(FRAGMENTS_MAX + 1);
        assert_eq!(read_record(&mut &endless[..]).unwrap_err().kind(), ErrorKind::InvalidData);
    }
}
