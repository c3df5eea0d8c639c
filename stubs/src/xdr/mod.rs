//! XDR, the canonical form of slide 32 (RFC 4506): big-endian, in units of four bytes.
//!
//! Encoding checks the bounds that an interface declares; decoding checks these first, then what is there, and grows as it
//! reads, so that no length on the wire makes it allocate. Generated code calls what is here.
//!
//! ```
//! use sendrec_stubs::xdr::{Decoder, Encoder, Xdr};
//!
//! let mut out = Encoder::new();
//! 7_u32.encode(&mut out).unwrap();
//! out.string(b"abcde", 255).unwrap();
//! let bytes = out.finish();
//! assert_eq!(&bytes[..], b"\0\0\0\x07\0\0\0\x05abcde\0\0\0");
//! let mut input = Decoder::new(bytes);
//! assert_eq!(u32::decode(&mut input), Ok(7));
//! assert_eq!(&input.string(255).unwrap()[..], b"abcde");
//! assert_eq!(input.end(), Ok(()));
//! ```
mod decode;
mod encode;
#[cfg(test)]
mod tests;

pub use decode::{DecodeError, Decoder, Limits, Reason};
pub use encode::{EncodeError, Encoder};

/// A type with a form on the wire.
pub trait Xdr: Sized {
    /// Appends its form. What is over a declared bound is an error, and `out` of no use then.
    fn encode(&self, out: &mut Encoder) -> Result<(), EncodeError>;
    /// Takes one from the front.
    fn decode(input: &mut Decoder) -> Result<Self, DecodeError>;
}

/// Units are of so many bytes.
const UNIT_BYTES: usize = 4;

thread_local! {
    static COPIED: std::cell::Cell<(u64, u64)> = const { std::cell::Cell::new((0, 0)) };
}

/// Bytes that this thread has copied into messages so far, and out of them: of opaque data and strings alone (slide 40).
pub fn copied_bytes() -> (u64, u64) {
    COPIED.get()
}

fn count_in(bytes: usize) {
    let (into, out) = COPIED.get();
    COPIED.set((into.wrapping_add(bytes as u64), out));
}

fn count_out(bytes: usize) {
    let (into, out) = COPIED.get();
    COPIED.set((into, out.wrapping_add(bytes as u64)));
}

/// Bytes that fill up the last unit.
const fn padding(bytes: usize) -> usize {
    (UNIT_BYTES - bytes % UNIT_BYTES) % UNIT_BYTES
}

/// Numbers as they are.
macro_rules! number {
    ($($type:ty)*) => {$(
        impl Xdr for $type {
            fn encode(&self, out: &mut Encoder) -> Result<(), EncodeError> {
                out.put(self.to_be_bytes());
                Ok(())
            }

            fn decode(input: &mut Decoder) -> Result<Self, DecodeError> {
                Ok(Self::from_be_bytes(input.take()?))
            }
        }
    )*};
}

number!(u32 i32 u64 i64 f32 f64);

/// Shorter numbers, which take a unit all the same.
macro_rules! short_number {
    ($($type:ty as $wide:ty)*) => {$(
        impl Xdr for $type {
            fn encode(&self, out: &mut Encoder) -> Result<(), EncodeError> {
                <$wide>::from(*self).encode(out)
            }

            fn decode(input: &mut Decoder) -> Result<Self, DecodeError> {
                let value = <$wide>::decode(input)?;
                Self::try_from(value).map_err(|_| input.unknown(stringify!($type), i64::from(value)))
            }
        }
    )*};
}

short_number!(u8 as u32 i8 as i32 u16 as u32 i16 as i32);

impl Xdr for bool {
    fn encode(&self, out: &mut Encoder) -> Result<(), EncodeError> {
        u32::from(*self).encode(out)
    }

    fn decode(input: &mut Decoder) -> Result<Self, DecodeError> {
        match u32::decode(input)? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(input.unknown("bool", i64::from(other))),
        }
    }
}

impl<T: Xdr> Xdr for Box<T> {
    fn encode(&self, out: &mut Encoder) -> Result<(), EncodeError> {
        T::encode(self, out)
    }

    fn decode(input: &mut Decoder) -> Result<Self, DecodeError> {
        T::decode(input).map(Box::new)
    }
}
