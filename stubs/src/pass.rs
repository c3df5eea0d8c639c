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
use crate::xdr::{DecodeError, Decoder, EncodeError, Encoder, Xdr};

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

impl Xdr for Identity {
    fn encode(&self, out: &mut Encoder) -> Result<(), EncodeError> {
        out.fixed(&self.client.to_be_bytes())?;
        self.sequence.encode(out)?;
        self.floor.encode(out)
    }

    fn decode(input: &mut Decoder) -> Result<Self, DecodeError> {
        let client = u128::from_be_bytes(input.fixed()?);
        Ok(Self { client, sequence: Xdr::decode(input)?, floor: Xdr::decode(input)? })
    }
}

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
        let mut out = Encoder::with_capacity(44);
        let encoded = self.encode(&mut out);
        debug_assert_eq!(encoded, Ok(()), "44 bytes are within every bound");
        Auth { flavor: FLAVOR, body: out.finish() }
    }

    /// The pass in a credential, if it has one.
    pub(crate) fn of(credential: &Auth) -> Option<Result<Self, DecodeError>> {
        (credential.flavor == FLAVOR).then(|| {
            let mut input = Decoder::new(credential.body.clone());
            let left = Duration::from_micros(Xdr::decode(&mut input)?);
            let (identity, is_once) = match u32::decode(&mut input)? {
                0 => (None, false),
                1 => (Some(Identity::decode(&mut input)?), false),
                2 => (Some(Identity::decode(&mut input)?), true),
                other => return Err(input.unknown("pass", i64::from(other))),
            };
            Ok(Self { left, identity, is_once })
        })
    }

    fn encode(&self, out: &mut Encoder) -> Result<(), EncodeError> {
        micros(self.left).encode(out)?;
        match &self.identity {
            None => 0_u32.encode(out),
            Some(identity) => {
                (1 + u32::from(self.is_once)).encode(out)?;
                identity.encode(out)
            }
        }
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
        let cut = Auth { flavor: FLAVOR, body: Bytes::from_static(&[0; 9]) };
        assert!(Pass::of(&cut).unwrap().is_err());
    }
}
