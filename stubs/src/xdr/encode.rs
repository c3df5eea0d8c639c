//! Values to bytes.
use bytes::{BufMut, Bytes, BytesMut};

use super::{count_in, padding};

/// A value has no form on the wire. Nothing was sent; change the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// It is longer than its interface allows.
    #[error("{length} {what}, and the interface allows no more than {most}")]
    TooLong {
        /// Bytes or elements.
        what: &'static str,
        /// How many there are.
        length: usize,
        /// How many may be.
        most: u32,
    },
    /// It is of another length than its interface says.
    #[error("{length} {what}, and the interface says {exactly}")]
    Length {
        /// Bytes or elements.
        what: &'static str,
        /// How many there are.
        length: usize,
        /// How many there must be.
        exactly: u32,
    },
    /// A union's default case was given with a value that has a case of its own.
    #[error("the default case of a union, for a value that has a case of its own")]
    Case,
    /// A list that stands for its first element is empty.
    #[error("an empty list where the interface has at least one element")]
    EmptyList,
}

/// Bytes on their way out.
#[derive(Debug, Default)]
pub struct Encoder {
    bytes: BytesMut,
}

type Encoded = Result<(), EncodeError>;

impl Encoder {
    /// With nothing in it.
    pub fn new() -> Self {
        Self::default()
    }

    /// With room for so many bytes.
    pub fn with_capacity(bytes: usize) -> Self {
        Self { bytes: BytesMut::with_capacity(bytes) }
    }

    /// Bytes so far.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether nothing was put in.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// What was put in.
    pub fn finish(self) -> Bytes {
        self.bytes.freeze()
    }

    /// Drops what was put in after the first so many bytes.
    pub fn truncate(&mut self, bytes: usize) {
        self.bytes.truncate(bytes);
    }

    /// What was put in after the first so many bytes.
    pub(crate) fn tail(&self, from: usize) -> Bytes {
        Bytes::copy_from_slice(self.bytes.get(from..).unwrap_or_default())
    }

    /// Puts in what is encoded already.
    pub(crate) fn append(&mut self, bytes: &[u8]) {
        self.bytes.put_slice(bytes);
    }

    pub(super) fn put<const N: usize>(&mut self, bytes: [u8; N]) {
        self.bytes.put_slice(&bytes);
    }

    fn padded(&mut self, bytes: &[u8]) {
        count_in(bytes.len());
        self.bytes.put_slice(bytes);
        self.bytes.put_bytes(0, padding(bytes.len()));
    }

    fn length(&mut self, what: &'static str, length: usize, most: u32) -> Encoded {
        match u32::try_from(length) {
            Ok(short) if short <= most => {
                self.put(short.to_be_bytes());
                Ok(())
            }
            _ => Err(EncodeError::TooLong { what, length, most }),
        }
    }

    /// `opaque NAME[N]`.
    pub fn fixed<const N: usize>(&mut self, bytes: &[u8; N]) -> Encoded {
        self.padded(bytes);
        Ok(())
    }

    /// `opaque NAME[N]`, where N is too much for an array.
    pub fn exactly(&mut self, bytes: &[u8], exactly: u32) -> Encoded {
        if bytes.len() != exactly as usize {
            return Err(EncodeError::Length { what: "bytes", length: bytes.len(), exactly });
        }
        self.padded(bytes);
        Ok(())
    }

    /// `opaque NAME<N>`.
    pub fn opaque(&mut self, bytes: &[u8], most: u32) -> Encoded {
        self.length("bytes", bytes.len(), most)?;
        self.padded(bytes);
        Ok(())
    }

    /// `opaque NAME<N>` of at most `room` bytes that `fill` writes where they are to be, and returns how many: nothing is
    /// copied, as slide 40 would have it.
    pub fn opaque_in_place<E>(
        &mut self,
        room: u32,
        fill: impl FnOnce(&mut [u8]) -> Result<usize, E>,
    ) -> Result<(), E> {
        let at = self.bytes.len();
        self.bytes.resize(at + 4 + room as usize, 0);
        let filled = match fill(&mut self.bytes[at + 4..]) {
            Ok(filled) => filled.min(room as usize),
            Err(error) => {
                self.bytes.truncate(at);
                return Err(error);
            }
        };
        self.bytes[at..at + 4].copy_from_slice(&(filled as u32).to_be_bytes());
        self.bytes.truncate(at + 4 + filled);
        self.bytes.put_bytes(0, padding(filled));
        if self.bytes.len() < self.bytes.capacity() / 2 {
            // Whoever keeps the message would keep all that room.
            self.bytes = BytesMut::from(&self.bytes[..]);
        }
        Ok(())
    }

    /// `string NAME<N>`.
    pub fn string(&mut self, text: &[u8], most: u32) -> Encoded {
        self.opaque(text, most)
    }

    /// `TYPE NAME<N>`.
    pub fn array<T>(&mut self, items: &[T], most: u32, each: impl Fn(&T, &mut Self) -> Encoded) -> Encoded {
        self.length("elements", items.len(), most)?;
        items.iter().try_for_each(|item| each(item, self))
    }

    /// `TYPE NAME[N]`.
    pub fn array_of<T>(
        &mut self,
        items: &[T],
        exactly: u32,
        each: impl Fn(&T, &mut Self) -> Encoded,
    ) -> Encoded {
        if items.len() != exactly as usize {
            return Err(EncodeError::Length { what: "elements", length: items.len(), exactly });
        }
        items.iter().try_for_each(|item| each(item, self))
    }

    /// `TYPE *NAME`.
    pub fn optional<T>(&mut self, item: &Option<T>, each: impl Fn(&T, &mut Self) -> Encoded) -> Encoded {
        self.put(u32::from(item.is_some()).to_be_bytes());
        item.iter().try_for_each(|item| each(item, self))
    }

    /// `TYPE *NAME`, where TYPE is a list linked through its tail: before each element a 1, behind the last a 0.
    pub fn list<T>(&mut self, items: &[T], each: impl Fn(&T, &mut Self) -> Encoded) -> Encoded {
        for item in items {
            self.put(1_u32.to_be_bytes());
            each(item, self)?;
        }
        self.put(0_u32.to_be_bytes());
        Ok(())
    }

    /// `TYPE NAME`, where TYPE is such a list: its first element has no 1 before it, since it is always there.
    pub fn chain<T>(&mut self, items: &[T], each: impl Fn(&T, &mut Self) -> Encoded) -> Encoded {
        let Some((first, rest)) = items.split_first() else { return Err(EncodeError::EmptyList) };
        each(first, self)?;
        self.list(rest, each)
    }
}
