//! Calls through generated stubs: over the kernel, and as ONC RPC (slide 38: the same call over plain UDP and over TCP).
use std::collections::VecDeque;
use std::net::{TcpListener, UdpSocket};
use std::sync::Mutex;

use sendrec_kernel::{Node, NodeConfig};
use sendrec_measure::{Check, Client, Cores, Fallible, Outcome, Server, Tell, Workload, drive, now};
use sendrec_stubs::{Bytes, Context, Pending, Refusal, Remote, Services, onc};

use crate::answers::answers_1;
use crate::kernel::{serve_by, with_process};

/// By threads of its own or not, it answers as a peer's server does.
struct Answers(Mutex<Server>);

impl answers_1::Server for Answers {
    fn answer(&self, _: &Context<'_>, message: Bytes) -> Result<Bytes, Refusal> {
        let mut server = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        Ok(server.answer(message))
    }
}

fn service() -> answers_1::Dispatch<Answers> {
    answers_1::Dispatch(Answers(Mutex::default()))
}

/// Any caller's stub: a call and its answer.
struct Blocking<C> {
    stub: answers_1::Client<C>,
}

impl<C: sendrec_stubs::Caller> Client for Blocking<C> {
    async fn call(&mut self, message: &[u8], check: Check<'_>) -> Fallible<()> {
        check(&self.stub.answer(message)?)
    }

    fn begin(&mut self, _: &[u8]) -> Fallible<()> {
        Err("an ONC RPC client here has one call at a time".into())
    }

    async fn finish(&mut self, _: Check<'_>) -> Fallible<()> {
        Err("no call is outstanding".into())
    }
}

/// A stub over the kernel: several calls may be under way.
struct Starting<'p, 't> {
    blocking: Blocking<Remote<'p, 't, Node>>,
    outstanding: VecDeque<Pending<'p, 't, Node, Bytes>>,
}

impl Client for Starting<'_, '_> {
    async fn call(&mut self, message: &[u8], check: Check<'_>) -> Fallible<()> {
        self.blocking.call(message, check).await
    }

    fn begin(&mut self, message: &[u8]) -> Fallible<()> {
        self.outstanding.push_back(self.blocking.stub.start_answer(message)?);
        Ok(())
    }

    async fn finish(&mut self, check: Check<'_>) -> Fallible<()> {
        check(&self.outstanding.pop_front().ok_or("no call is outstanding")?.wait()?)
    }
}

pub(crate) fn serve(tell: Tell<'_>) -> Fallible<()> {
    serve_by(NodeConfig::default(), tell, |me| {
        sendrec_stubs::serve(me, &[&service()]);
    })
}

pub(crate) fn call(address: &str, workload: Workload, _: Cores) -> Fallible<Outcome> {
    with_process(NodeConfig::default(), address, |me, server| {
        let blocking = Blocking { stub: answers_1::Client::new(Remote::new(me, server)) };
        now(drive(Starting { blocking, outstanding: VecDeque::new() }, workload))
    })
}

fn call_onc(caller: impl sendrec_stubs::Caller, workload: Workload) -> Fallible<Outcome> {
    now(drive(Blocking { stub: answers_1::Client::new(caller) }, workload))
}

pub(crate) fn serve_onc_udp(tell: Tell<'_>) -> Fallible<()> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    tell(&socket.local_addr()?.to_string())?;
    Err(onc::serve_udp(&socket, &Services::new().with(service())).into())
}

pub(crate) fn call_onc_udp(address: &str, workload: Workload, _: Cores) -> Fallible<Outcome> {
    call_onc(onc::UdpCaller::connect(address)?, workload)
}

pub(crate) fn serve_onc_tcp(tell: Tell<'_>) -> Fallible<()> {
    const CONNECTIONS_MAX: usize = 16;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    tell(&listener.local_addr()?.to_string())?;
    Err(onc::serve_tcp(&listener, &Services::new().with(service()), CONNECTIONS_MAX).into())
}

pub(crate) fn call_onc_tcp(address: &str, workload: Workload, _: Cores) -> Fallible<Outcome> {
    call_onc(onc::TcpCaller::connect(address)?, workload)
}
