//! TCP without Nagle's delay, and unix sockets: a message there and back on one connection.
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};

use crate::measure::{Budget, Fallible, Figure, MESSAGE_BYTES, Tell, check_number, put_number, round_trips};

fn echo(mut stream: impl Read + Write) -> Fallible<()> {
    let mut message = [0; MESSAGE_BYTES];
    while stream.read_exact(&mut message).is_ok() {
        stream.write_all(&message)?;
    }
    Ok(())
}

fn call(mut stream: impl Read + Write, budget: Budget) -> Fallible<Figure> {
    let mut message = [0; MESSAGE_BYTES];
    round_trips(budget, |number| {
        put_number(&mut message, number);
        stream.write_all(&message)?;
        stream.read_exact(&mut message)?;
        check_number(&message, number)
    })
}

pub(crate) fn serve_tcp(tell: Tell<'_>) -> Fallible<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    tell(&listener.local_addr()?.to_string())?;
    let (stream, _) = listener.accept()?;
    stream.set_nodelay(true)?;
    echo(stream)
}

pub(crate) fn call_tcp(address: &str, budget: Budget) -> Fallible<Figure> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    call(stream, budget)
}

pub(crate) fn serve_unix(tell: Tell<'_>) -> Fallible<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("socket");
    let listener = UnixListener::bind(&path)?;
    tell(&path.to_string_lossy())?;
    echo(listener.accept()?.0)
}

pub(crate) fn call_unix(address: &str, budget: Budget) -> Fallible<Figure> {
    call(UnixStream::connect(address)?, budget)
}
