//! Cap'n Proto RPC as a peer: by TCP, and by a unix socket; tasks of one thread on either side.
use std::future::Future;
use std::process::ExitCode;

use capnp_rpc::{RpcSystem, new_client, rpc_twoparty_capnp::Side, twoparty};
use sendrec_measure::{Cores, Fallible, Outcome, Peer, Tell, Workload, drive, peer_program};
use tokio::io::{AsyncRead, AsyncWrite, BufReader, BufWriter};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::task::{LocalSet, spawn_local};
use tokio_util::compat::{TokioAsyncReadCompatExt, TokioAsyncWriteCompatExt};

use answering::Answering;
use answers_capnp::answers;
use caller::Caller;

mod answering;
mod caller;

#[allow(clippy::all, clippy::pedantic, missing_docs, unreachable_pub)]
mod answers_capnp {
    include!(concat!(env!("OUT_DIR"), "/answers_capnp.rs"));
}

fn main() -> ExitCode {
    peer_program(&[
        Peer { name: "capnp", serve: serve_tcp, call: call_tcp },
        Peer { name: "capnp-unix", serve: serve_unix, call: call_unix },
    ])
}

fn serve_tcp(tell: Tell<'_>) -> Fallible<()> {
    local(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        tell(&listener.local_addr()?.to_string())?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            answer_by(stream.into_split());
        }
    })
}

fn serve_unix(tell: Tell<'_>) -> Fallible<()> {
    local(async {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("socket");
        let listener = UnixListener::bind(&path)?;
        tell(&path.to_string_lossy())?;
        loop {
            answer_by(listener.accept().await?.0.into_split());
        }
    })
}

fn call_tcp(address: &str, workload: Workload, _: Cores) -> Fallible<Outcome> {
    local(async {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        drive(caller_by(stream.into_split()), workload).await
    })
}

fn call_unix(address: &str, workload: Workload, _: Cores) -> Fallible<Outcome> {
    local(async {
        let stream = UnixStream::connect(address).await?;
        drive(caller_by(stream.into_split()), workload).await
    })
}

/// Runs it, and the tasks it starts, on this thread.
fn local<R>(future: impl Future<Output = Fallible<R>>) -> Fallible<R> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    LocalSet::new().block_on(&runtime, future)
}

/// Answers whoever is at the other end, for as long as there is one.
fn answer_by(stream: (impl AsyncRead + Unpin + 'static, impl AsyncWrite + Unpin + 'static)) {
    let answers: answers::Client = new_client(Answering::default());
    spawn_local(RpcSystem::new(network(stream, Side::Server), Some(answers.client)));
}

fn caller_by(stream: (impl AsyncRead + Unpin + 'static, impl AsyncWrite + Unpin + 'static)) -> Caller {
    let mut system = RpcSystem::new(network(stream, Side::Client), None);
    let answers = system.bootstrap(Side::Server);
    spawn_local(system);
    Caller::new(answers)
}

fn network(
    (reads, writes): (impl AsyncRead + Unpin + 'static, impl AsyncWrite + Unpin + 'static),
    side: Side,
) -> Box<dyn capnp_rpc::VatNetwork<Side>> {
    let reads = BufReader::new(reads).compat();
    let writes = BufWriter::new(writes).compat_write();
    let mut network = twoparty::VatNetwork::new(reads, writes, side, capnp::message::ReaderOptions::new());
    // One piece of a long message may follow the other.
    network.set_window_size(caller::PIECE_BYTES);
    Box::new(network)
}
