//! The serving side.
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures::StreamExt;
use sendrec_measure::{Fallible, Server, Tell};
use tarpc::context::Context;
use tarpc::serde_transport::tcp;
use tarpc::server::{BaseChannel, Channel};
use tarpc::tokio_serde::formats::Bincode;

use crate::service::{Messages, Nagle};

/// Of one connection.
#[derive(Default)]
struct Connection {
    server: Server,
    /// A message that comes in pieces, and how many of its bytes have come.
    whole: Vec<u8>,
    come: usize,
}

impl Connection {
    fn put(&mut self, length: usize, offset: usize, piece: &[u8]) -> Option<Bytes> {
        if self.come == 0 {
            self.whole = vec![0; length];
        }
        self.whole.get_mut(offset..)?.get_mut(..piece.len())?.copy_from_slice(piece);
        self.come += piece.len();
        (self.come == length).then(|| {
            self.come = 0;
            self.server.answer(std::mem::take(&mut self.whole))
        })
    }
}

#[derive(Clone, Default)]
struct Answering(Arc<Mutex<Connection>>);

impl Answering {
    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Messages for Answering {
    async fn exchange(self, _: Context, message: Bytes) -> Bytes {
        self.connection().server.answer(message)
    }

    async fn put(self, _: Context, length: u64, offset: u64, piece: Bytes) -> Option<Bytes> {
        self.connection().put(length as usize, offset as usize, &piece)
    }
}

pub(crate) async fn serve(tell: Tell<'_>, nagle: Nagle) -> Fallible<()> {
    let mut incoming = tcp::listen((Ipv4Addr::LOCALHOST, 0), Bincode::default).await?;
    tell(&incoming.local_addr().to_string())?;
    while let Some(transport) = incoming.next().await {
        // A client that is gone already is none.
        let Ok(transport) = transport else { continue };
        nagle.set(transport.get_ref())?;
        let requests = BaseChannel::with_defaults(transport).execute(Answering::default().serve());
        // A task for each connection, and, since an answer never waits, none for each request.
        tokio::spawn(requests.for_each(|answer| answer));
    }
    Ok(())
}
