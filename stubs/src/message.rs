//! The call and reply messages of RFC 5531, section 9, in front of arguments and results.
//!
//! | call | reply, accepted | reply, denied |
//! |---|---|---|
//! | xid | xid | xid |
//! | 0 (CALL) | 1 (REPLY) | 1 (REPLY) |
//! | 2, the version of this protocol | 0 (MSG_ACCEPTED) | 1 (MSG_DENIED) |
//! | program, version, procedure | verifier | 0 (RPC_MISMATCH), low, high; or 1 (AUTH_ERROR), why |
//! | credential, verifier | what came of it, [`Accepted`] | |
//! | arguments | result, or lowest and highest version | |
use bytes::Bytes;

use crate::xdr::{DecodeError, Decoder, EncodeError, Encoder, Reason, Xdr};

/// The version of this protocol.
pub const RPC_VERSION: u32 = 2;
/// Bytes a credential or a verifier may have.
const AUTH_BYTES_MAX: u32 = 400;
/// Bytes of a call before its arguments, if nobody is named.
pub const CALL_BYTES: usize = 40;
/// Bytes of a successful reply before its result, if nobody is named.
pub const REPLY_BYTES: usize = 24;

const CALL: u32 = 0;
const REPLY: u32 = 1;
const ACCEPTED: u32 = 0;
const DENIED: u32 = 1;
const RPC_MISMATCH: u32 = 0;

/// Who calls, or proof of it: a flavour and what it says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Auth {
    /// 0 names nobody.
    pub flavor: u32,
    /// No more than 400 bytes.
    pub body: Bytes,
}

impl Xdr for Auth {
    fn encode(&self, out: &mut Encoder) -> Result<(), EncodeError> {
        self.flavor.encode(out)?;
        out.opaque(&self.body, AUTH_BYTES_MAX)
    }

    fn decode(input: &mut Decoder) -> Result<Self, DecodeError> {
        Ok(Self { flavor: Xdr::decode(input)?, body: input.opaque(AUTH_BYTES_MAX)? })
    }
}

/// What stands before the arguments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallHeader {
    /// Tells replies apart, where nothing else does.
    pub xid: u32,
    /// Which program.
    pub program: u32,
    /// Which version of it.
    pub version: u32,
    /// Which procedure of that.
    pub procedure: u32,
    /// Who calls.
    pub credential: Auth,
    /// Proof of it.
    pub verifier: Auth,
}

/// Why bytes are no call that can be answered by running it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadCall {
    /// Not a call at all: whoever sent it gets no answer.
    NoCall,
    /// A call of another version of this protocol.
    OtherProtocol {
        /// Of which call.
        xid: u32,
    },
}

impl CallHeader {
    /// The header's bytes.
    pub fn encode(&self, out: &mut Encoder) -> Result<(), EncodeError> {
        encode_call(self.xid, [self.program, self.version, self.procedure], out)?;
        self.credential.encode(out)?;
        self.verifier.encode(out)
    }

    /// The header at the front of `input`.
    pub fn decode(input: &mut Decoder) -> Result<Self, BadCall> {
        Self::parse(input).unwrap_or(Err(BadCall::NoCall))
    }

    fn parse(input: &mut Decoder) -> Result<Result<Self, BadCall>, DecodeError> {
        let (xid, kind) = (u32::decode(input)?, u32::decode(input)?);
        if kind != CALL {
            return Ok(Err(BadCall::NoCall));
        }
        if u32::decode(input)? != RPC_VERSION {
            return Ok(Err(BadCall::OtherProtocol { xid }));
        }
        Ok(Ok(Self {
            xid,
            program: Xdr::decode(input)?,
            version: Xdr::decode(input)?,
            procedure: Xdr::decode(input)?,
            credential: Xdr::decode(input)?,
            verifier: Xdr::decode(input)?,
        }))
    }
}

fn encode_call(xid: u32, of: [u32; 3], out: &mut Encoder) -> Result<(), EncodeError> {
    let [program, version, procedure] = of;
    [xid, CALL, RPC_VERSION, program, version, procedure].iter().try_for_each(|number| number.encode(out))
}

/// The beginning of a call - xid, program, version, procedure - by somebody who proves nothing.
pub(crate) fn begin_call(
    [xid, program, version, procedure]: [u32; 4],
    credential: &Auth,
    out: &mut Encoder,
) -> Result<(), EncodeError> {
    encode_call(xid, [program, version, procedure], out)?;
    credential.encode(out)?;
    [0_u32, 0].iter().try_for_each(|number| number.encode(out))
}

/// What came of a call that was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// It ran; its result follows.
    Success,
    /// The program is not here.
    NoSuchProgram,
    /// It is, in these versions.
    VersionMismatch {
        /// The lowest.
        low: u32,
        /// The highest.
        high: u32,
    },
    /// The version has no such procedure.
    NoSuchProcedure,
    /// The arguments cannot be read.
    GarbageArguments,
    /// It failed.
    SystemError,
}

/// What came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// The server has looked at the call.
    Accepted(Accepted),
    /// The server speaks other versions of this protocol.
    OtherProtocol {
        /// The lowest.
        low: u32,
        /// The highest.
        high: u32,
    },
    /// The server does not believe who calls.
    AuthError(u32),
}

impl Xdr for Reply {
    fn encode(&self, out: &mut Encoder) -> Result<(), EncodeError> {
        let accepted = match self {
            Self::Accepted(accepted) => accepted,
            Self::OtherProtocol { low, high } => {
                return [DENIED, RPC_MISMATCH, *low, *high].iter().try_for_each(|number| number.encode(out));
            }
            Self::AuthError(why) => {
                return [DENIED, 1, *why].iter().try_for_each(|number| number.encode(out));
            }
        };
        ACCEPTED.encode(out)?;
        Auth::default().encode(out)?;
        match accepted {
            Accepted::Success => 0_u32.encode(out),
            Accepted::NoSuchProgram => 1_u32.encode(out),
            Accepted::VersionMismatch { low, high } => {
                [2, *low, *high].iter().try_for_each(|number| number.encode(out))
            }
            Accepted::NoSuchProcedure => 3_u32.encode(out),
            Accepted::GarbageArguments => 4_u32.encode(out),
            Accepted::SystemError => 5_u32.encode(out),
        }
    }

    fn decode(input: &mut Decoder) -> Result<Self, DecodeError> {
        match u32::decode(input)? {
            ACCEPTED => {
                Auth::decode(input)?;
                Ok(Self::Accepted(match u32::decode(input)? {
                    0 => Accepted::Success,
                    1 => Accepted::NoSuchProgram,
                    2 => Accepted::VersionMismatch { low: Xdr::decode(input)?, high: Xdr::decode(input)? },
                    3 => Accepted::NoSuchProcedure,
                    4 => Accepted::GarbageArguments,
                    5 => Accepted::SystemError,
                    other => return Err(input.unknown("accept_stat", i64::from(other))),
                }))
            }
            DENIED => match u32::decode(input)? {
                RPC_MISMATCH => {
                    Ok(Self::OtherProtocol { low: Xdr::decode(input)?, high: Xdr::decode(input)? })
                }
                1 => Ok(Self::AuthError(Xdr::decode(input)?)),
                other => Err(input.unknown("reject_stat", i64::from(other))),
            },
            other => Err(input.unknown("reply_stat", i64::from(other))),
        }
    }
}

/// The beginning of a reply to the call of that number.
pub fn begin_reply(xid: u32, reply: Reply, out: &mut Encoder) -> Result<(), EncodeError> {
    xid.encode(out)?;
    REPLY.encode(out)?;
    reply.encode(out)
}

/// The reply at the front of `input`, and which call it is to.
pub fn parse_reply(input: &mut Decoder) -> Result<(u32, Reply), DecodeError> {
    let (xid, kind) = (u32::decode(input)?, u32::decode(input)?);
    if kind != REPLY {
        return Err(input.fail(Reason::Unknown { value: i64::from(kind), of: "reply" }));
    }
    Ok((xid, Reply::decode(input)?))
}
