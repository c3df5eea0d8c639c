//! Messages as the kernel keeps them.
use bytes::Bytes;

/// What is copied into memory of its own with its count of owners beside it: up to so many bytes, and up to as many more.
const SHORT_BYTES: usize = 64;
const SHORT_BYTES_MAX: usize = 120;

/// A short message and its memory in one.
struct Short<const BYTES: usize> {
    length: u8,
    bytes: [u8; BYTES],
}

impl<const BYTES: usize> Short<BYTES> {
    /// `length` is that of `message`, and no more than `BYTES`.
    fn of(message: &[u8], length: u8) -> Bytes {
        let mut bytes = [0; BYTES];
        bytes[..message.len()].copy_from_slice(message);
        Bytes::from_owner(Self { length, bytes })
    }
}

impl<const BYTES: usize> AsRef<[u8]> for Short<BYTES> {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

/// A copy of a message. A short one takes one allocation, however many share it; [`Bytes::copy_from_slice`] takes another
/// when a second owner comes, which every message that is kept until it is acknowledged has.
pub fn copied(message: &[u8]) -> Bytes {
    match u8::try_from(message.len()) {
        Ok(0) => Bytes::new(),
        Ok(length) if message.len() <= SHORT_BYTES => Short::<SHORT_BYTES>::of(message, length),
        Ok(length) if message.len() <= SHORT_BYTES_MAX => Short::<SHORT_BYTES_MAX>::of(message, length),
        _ => Bytes::copy_from_slice(message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_what_was_copied() {
        let bytes: alloc::vec::Vec<u8> = (0..=255).cycle().take(300).collect();
        for length in 0..bytes.len() {
            let copy = copied(&bytes[..length]);
            assert_eq!(copy, bytes[..length]);
            assert_eq!(copy.clone(), copy);
        }
    }
}
