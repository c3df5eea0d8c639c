//! Bytes to values. Whatever comes in, nothing panics, and memory is bounded by the limits and what is there.
use bytes::{Buf, Bytes};

use super::{Xdr, count_out, padding};

/// Why bytes are no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// They end too early.
    #[error("{wanted} bytes more are wanted, and {left} are left")]
    Short {
        /// How many are wanted.
        wanted: u64,
        /// How many there are.
        left: usize,
    },
    /// More than the interface allows.
    #[error("a length of {length}, and the interface allows {most}")]
    TooLong {
        /// What the wire says.
        length: u32,
        /// What may be.
        most: u32,
    },
    /// A number that stands for nothing.
    #[error("{value} is no {of}")]
    Unknown {
        /// The number.
        value: i64,
        /// Of which type.
        of: &'static str,
    },
    /// What fills up a unit is not zero.
    #[error("padding that is not zero")]
    Padding,
    /// Deeper than the limit.
    #[error("values within values, more than {0} deep")]
    Deep(u32),
    /// More elements than the limit.
    #[error("more than {0} elements")]
    Many(u32),
    /// There is more than there should be.
    #[error("{0} bytes too many")]
    Tail(usize),
}

/// The bytes are not what the interface says. Whose fault it is: the sender's, or of whoever has another version of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at byte {at}: {reason}")]
pub struct DecodeError {
    /// Counted from where decoding began.
    pub at: usize,
    /// Why.
    pub reason: Reason,
}

/// What a decoder puts up with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Values within values: optional ones, and elements of arrays of arrays.
    pub depth: u32,
    /// Elements of all arrays and lists together.
    pub elements: u32,
    /// Whether bytes behind the last value are an error. Some servers send them.
    pub is_strict: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self { depth: 100, elements: 1 << 24, is_strict: false }
    }
}

/// Bytes on their way in. What is taken as bytes is not copied: it shares the message's memory.
#[derive(Debug)]
pub struct Decoder {
    bytes: Bytes,
    whole: usize,
    limits: Limits,
    depth: u32,
    elements: u32,
}

type Decoded<T> = Result<T, DecodeError>;

impl Decoder {
    /// Of these bytes, with the usual limits.
    pub fn new(bytes: Bytes) -> Self {
        Self::with_limits(bytes, Limits::default())
    }

    /// Of these bytes.
    pub fn with_limits(bytes: Bytes, limits: Limits) -> Self {
        Self { whole: bytes.len(), bytes, limits, depth: 0, elements: 0 }
    }

    /// Bytes that are left.
    pub fn remaining(&self) -> usize {
        self.bytes.len()
    }

    /// All that is left.
    pub fn rest(&mut self) -> Bytes {
        core::mem::take(&mut self.bytes)
    }

    /// An error where the decoder stands.
    pub fn fail(&self, reason: Reason) -> DecodeError {
        DecodeError { at: self.whole - self.bytes.len(), reason }
    }

    /// For generated code: a number just taken stands for nothing.
    pub fn unknown(&self, of: &'static str, value: i64) -> DecodeError {
        let at = (self.whole - self.bytes.len()).saturating_sub(super::UNIT_BYTES);
        DecodeError { at, reason: Reason::Unknown { value, of } }
    }

    /// What there is was enough; if the limits are strict, and no more.
    pub fn end(&self) -> Decoded<()> {
        if self.limits.is_strict && !self.bytes.is_empty() {
            return Err(self.fail(Reason::Tail(self.bytes.len())));
        }
        Ok(())
    }

    fn check(&self, wanted: u64) -> Decoded<()> {
        let left = self.bytes.len();
        if wanted > left as u64 { Err(self.fail(Reason::Short { wanted, left })) } else { Ok(()) }
    }

    pub(super) fn take<const N: usize>(&mut self) -> Decoded<[u8; N]> {
        let Some(bytes) = self.bytes.first_chunk::<N>() else {
            return Err(self.fail(Reason::Short { wanted: N as u64, left: self.bytes.len() }));
        };
        let bytes = *bytes;
        self.bytes.advance(N);
        Ok(bytes)
    }

    fn padded(&mut self, length: usize) -> Decoded<Bytes> {
        let padding = padding(length);
        self.check(length as u64 + padding as u64)?;
        let bytes = self.bytes.split_to(length);
        if self.bytes[..padding].iter().any(|byte| *byte != 0) {
            return Err(self.fail(Reason::Padding));
        }
        self.bytes.advance(padding);
        Ok(bytes)
    }

    fn length(&mut self, most: u32) -> Decoded<u32> {
        let length = u32::decode(self)?;
        if length > most {
            let at = self.whole - self.bytes.len() - super::UNIT_BYTES;
            return Err(DecodeError { at, reason: Reason::TooLong { length, most } });
        }
        Ok(length)
    }

    /// `opaque NAME[N]`.
    pub fn fixed<const N: usize>(&mut self) -> Decoded<[u8; N]> {
        let bytes = self.padded(N)?;
        count_out(N);
        bytes
            .as_ref()
            .try_into()
            .map_err(|_| self.fail(Reason::Short { wanted: N as u64, left: bytes.len() }))
    }

    /// `opaque NAME[N]`, where N is too much for an array.
    pub fn exactly(&mut self, length: u32) -> Decoded<Bytes> {
        self.padded(length as usize)
    }

    /// `opaque NAME<N>`.
    pub fn opaque(&mut self, most: u32) -> Decoded<Bytes> {
        let length = self.length(most)?;
        self.padded(length as usize)
    }

    /// `string NAME<N>`.
    pub fn string(&mut self, most: u32) -> Decoded<Bytes> {
        self.opaque(most)
    }

    /// Decodes what is within another value; more than the limit of it is refused.
    pub fn nested<T>(&mut self, inner: impl FnOnce(&mut Self) -> Decoded<T>) -> Decoded<T> {
        if self.depth >= self.limits.depth {
            return Err(self.fail(Reason::Deep(self.limits.depth)));
        }
        self.depth += 1;
        let decoded = inner(self);
        self.depth -= 1;
        decoded
    }

    fn count(&mut self) -> Decoded<()> {
        if self.elements >= self.limits.elements {
            return Err(self.fail(Reason::Many(self.limits.elements)));
        }
        self.elements += 1;
        Ok(())
    }

    /// `TYPE NAME<N>`.
    pub fn array<T>(&mut self, most: u32, each: impl Fn(&mut Self) -> Decoded<T>) -> Decoded<Vec<T>> {
        let length = self.length(most)?;
        self.array_of(length, each)
    }

    /// `TYPE NAME[N]`, where N is too much for an array.
    pub fn array_of<T>(&mut self, length: u32, each: impl Fn(&mut Self) -> Decoded<T>) -> Decoded<Vec<T>> {
        self.nested(|input| {
            // An element takes a unit or more, unless it is of no size at all: then it is counted.
            let room = (input.bytes.len() / super::UNIT_BYTES).min(length as usize);
            let mut items = Vec::with_capacity(room.min(CAPACITY_MAX / size_of::<T>().max(1)));
            for _ in 0..length {
                input.count()?;
                items.push(each(input)?);
            }
            Ok(items)
        })
    }

    /// `TYPE NAME[N]`.
    pub fn array_in_place<T, const N: usize>(
        &mut self,
        each: impl Fn(&mut Self) -> Decoded<T>,
    ) -> Decoded<[T; N]> {
        let items = self.array_of(N as u32, each)?;
        let count = items.len();
        items.try_into().map_err(|_| self.fail(Reason::Short { wanted: N as u64, left: count }))
    }

    /// `TYPE *NAME`.
    pub fn optional<T>(&mut self, each: impl FnOnce(&mut Self) -> Decoded<T>) -> Decoded<Option<T>> {
        if bool::decode(self)? { self.nested(each).map(Some) } else { Ok(None) }
    }

    /// `TYPE *NAME`, where TYPE is a list linked through its tail: one element after the other, however many.
    pub fn list<T>(&mut self, each: impl Fn(&mut Self) -> Decoded<T>) -> Decoded<Vec<T>> {
        self.nested(|input| {
            let mut items = Vec::new();
            while bool::decode(input)? {
                input.count()?;
                items.push(each(input)?);
            }
            Ok(items)
        })
    }

    /// `TYPE NAME`, where TYPE is such a list: at least one element.
    pub fn chain<T>(&mut self, each: impl Fn(&mut Self) -> Decoded<T>) -> Decoded<Vec<T>> {
        let first = self.nested(&each)?;
        let mut items = self.list(each)?;
        items.insert(0, first);
        Ok(items)
    }
}

/// Memory that an array is given at once, bytes; it grows as it is read.
const CAPACITY_MAX: usize = 64 << 10;
