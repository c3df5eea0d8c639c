//! What travels with a call through a kernel: how long its client will wait, and which call of which client it is.
//!
//! It is a credential of a flavour of its own, so that the message stays one of RFC 5531:
//!
//! | offset, bytes | what | |
//! |---|---|---|
//! | 0 | microseconds the client waits yet, when it sends | unsigned hyper |
//! | 8 | 0 if that is all, 1 if an identity follows, 2 if it is to run exactly once besides | unsigned int |
//! | 12 | the client, chosen at random | opaque, 16 |
//! | 28 | which of its calls | unsigned hyper |
//! | 36 | its calls below this are over | unsigned hyper |
use std::time::Duration;

use bytes::{Bytes, BytesMut};

use crate::message::Auth;

/// `sndr` in ASCII.
const FLAVOR: u32 = 0x736e_6472;
/// Where in a call's message the time left stands: behind six numbers, the flavour and its length.
const LEFT_AT: usize = 32;

/// Which call it is, the same in each of its copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Identity {
    /// Of which client; chosen at random.
    pub(crate) client: u128,
    /// Which of its calls.
    pub(crate) sequence: u64,
    /// Its calls below this are over: nobody asks for their results any more.
    pub(crate) floor: u64,
}

/// A credential of our flavour that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoPass;

/// Bytes of a pass without an identity, and with one.
const PLAIN_BYTES: usize = 12;
const BYTES_MAX: usize = 44;

/// What a call says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pass {
    /// How long its client waits, from when it was sent.
    pub(crate) left: Duration,
    /// Which it is, if that matters: exactly once, or orphans are looked for.
    pub(crate) identity: Option<Identity>,
    /// Whether it is to run exactly once.
    pub(crate) is_once: bool,
}

impl Pass {
    pub(crate) fn credential(&self) -> Auth {
        let mut body = [0; BYTES_MAX];
        body[..8].copy_from_slice(&micros(self.left).to_be_bytes());
        let mut length = PLAIN_BYTES;
        if let Some(Identity { client, sequence, floor }) = self.identity {
            body[11] = 1 + u8::from(self.is_once);
            body[12..28].copy_from_slice(&client.to_be_bytes());
            body[28..36].copy_from_slice(&sequence.to_be_bytes());
            body[36..].copy_from_slice(&floor.to_be_bytes());
            length = BYTES_MAX;
        }
        Auth { flavor: FLAVOR, body: Bytes::copy_from_slice(&body[..length]) }
    }

    /// The pass in a credential, if it has one: an error if it is of that flavour and none.
    pub(crate) fn of(credential: &Auth) -> Option<Result<Self, NoPass>> {
        (credential.flavor == FLAVOR).then(|| Self::parse(&credential.body).ok_or(NoPass))
    }

    fn parse(body: &[u8]) -> Option<Self> {
        let (left, rest) = body.split_first_chunk()?;
        let (kind, rest) = rest.split_first_chunk()?;
        let left = Duration::from_micros(u64::from_be_bytes(*left));
        let is_once = match u32::from_be_bytes(*kind) {
            0 => return rest.is_empty().then_some(Self { left, identity: None, is_once: false }),
            1 => false,
            2 => true,
            _ => return None,
        };
        let (client, rest) = rest.split_first_chunk()?;
        let (sequence, rest) = rest.split_first_chunk()?;
        let floor = rest.try_into().ok()?;
        let [sequence, floor] = [*sequence, floor].map(u64::from_be_bytes);
        let identity = Some(Identity { client: u128::from_be_bytes(*client), sequence, floor });
        Some(Self { left, identity, is_once })
    }

    /// The same call, sent again when its client waits only for so long.
    pub(crate) fn renew(call: &Bytes, left: Duration) -> Bytes {
        let mut copy = BytesMut::from(&call[..]);
        if let Some(place) = copy.get_mut(LEFT_AT..LEFT_AT + 8) {
            place.copy_from_slice(&micros(left).to_be_bytes());
        }
        copy.freeze()
    }
}

fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::CallHeader;
    use crate::xdr::{Decoder, Encoder};

    #[test]
    fn a_pass_comes_through_and_its_time_can_be_renewed() {
        let identity = Some(Identity { client: 7, sequence: 8, floor: 6 });
        for (identity, is_once) in [(identity, false), (identity, true), (None, false)] {
            let pass = Pass { left: Duration::from_millis(25), identity, is_once };
            let header = CallHeader { credential: pass.credential(), ..CallHeader::default() };
            let mut out = Encoder::new();
            header.encode(&mut out).unwrap();
            let call = out.finish();
            let read = |call: Bytes| {
                Pass::of(&CallHeader::decode(&mut Decoder::new(call)).unwrap().credential).unwrap()
            };
            assert_eq!(read(call.clone()), Ok(pass));
            let later = Pass { left: Duration::from_micros(3), ..pass };
            assert_eq!(read(Pass::renew(&call, later.left)), Ok(later));
        }
        assert_eq!(Pass::of(&Auth::default()), None);
        let identity = Some(Identity { client: 7, sequence: 8, floor: 6 });
        let whole = Pass { left: Duration::MAX, identity, is_once: true }.credential().body;
        for length in 0..whole.len() {
            let cut = Auth { flavor: FLAVOR, body: whole.slice(..length) };
            assert_eq!(Pass::of(&cut), Some(Err(NoPass)), "{length}");
        }
    }
}
