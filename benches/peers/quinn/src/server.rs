//! The serving side.
use std::sync::{Arc, Mutex, PoisonError};

use quinn::rustls::pki_types::PrivatePkcs8KeyDer;
use quinn::{Connection, Incoming, RecvStream, SendStream, ServerConfig};
use rcgen::CertifiedKey;
use sendrec_measure::{Fallible, Server, Tell};

use crate::wire;

/// Serves under a certificate of its own, which it tells with the address.
pub(crate) async fn serve(tell: Tell<'_>) -> Fallible<()> {
    let CertifiedKey { cert, signing_key } = rcgen::generate_simple_self_signed([wire::NAME.into()])?;
    let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der());
    let mut config = ServerConfig::with_single_cert(vec![cert.der().clone()], key.into())?;
    config.transport_config(wire::transport().into());
    let endpoint = wire::endpoint(Some(config))?;
    tell(&format!("{}/{}", endpoint.local_addr()?, hex::encode(cert.der())))?;
    while let Some(incoming) = endpoint.accept().await {
        tokio::spawn(serve_connection(incoming));
    }
    Ok(())
}

/// Until the client is gone.
async fn serve_connection(incoming: Incoming) -> Result<(), quinn::ConnectionError> {
    let connection: Connection = incoming.await?;
    let server = Arc::new(Mutex::new(Server::default()));
    loop {
        let (answer, message) = connection.accept_bi().await?;
        tokio::spawn(serve_stream(server.clone(), answer, message));
    }
}

async fn serve_stream(
    server: Arc<Mutex<Server>>,
    mut answer: SendStream,
    mut message: RecvStream,
) -> Fallible<()> {
    let message = wire::take(&mut message).await?;
    let bytes = server.lock().unwrap_or_else(PoisonError::into_inner).answer(message);
    wire::put(&mut answer, bytes).await
}
