//! The calling side.
use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use quinn::rustls::RootCertStore;
use quinn::{ClientConfig, Connection, VarInt};
use sendrec_measure::{Check, Client, Fallible, Outcome, Workload, drive};
use tokio::task::JoinHandle;

use crate::wire;

struct Caller {
    connection: Connection,
    outstanding: VecDeque<JoinHandle<Fallible<Bytes>>>,
}

async fn exchange(connection: &Connection, message: Bytes) -> Fallible<Bytes> {
    let (mut sending, mut receiving) = connection.open_bi().await?;
    wire::put(&mut sending, message).await?;
    wire::take(&mut receiving).await
}

impl Client for Caller {
    async fn call(&mut self, message: &[u8], check: Check<'_>) -> Fallible<()> {
        self.send(&Bytes::copy_from_slice(message), check).await
    }

    fn begin(&mut self, message: &[u8]) -> Fallible<()> {
        let connection = self.connection.clone();
        let message = Bytes::copy_from_slice(message);
        self.outstanding.push_back(tokio::spawn(async move { exchange(&connection, message).await }));
        Ok(())
    }

    async fn finish(&mut self, check: Check<'_>) -> Fallible<()> {
        let oldest = self.outstanding.pop_front().ok_or("no call is outstanding")?;
        check(&oldest.await??)
    }

    async fn send(&mut self, message: &Bytes, check: Check<'_>) -> Fallible<()> {
        check(&exchange(&self.connection, message.clone()).await?)
    }
}

pub(crate) async fn call(address: &str, workload: Workload) -> Fallible<Outcome> {
    let (address, certificate) = address.split_once('/').ok_or("there is no certificate in the address")?;
    let mut trusted = RootCertStore::empty();
    trusted.add(hex::decode(certificate)?.into())?;
    let mut config = ClientConfig::with_root_certificates(Arc::new(trusted))?;
    config.transport_config(wire::transport().into());
    let endpoint = wire::endpoint(None)?;
    let connection = endpoint.connect_with(config, address.parse()?, wire::NAME)?.await?;
    let outcome =
        drive(Caller { connection: connection.clone(), outstanding: VecDeque::new() }, workload).await;
    // The server need not wait for it any longer.
    connection.close(VarInt::from_u32(0), &[]);
    endpoint.wait_idle().await;
    outcome
}
