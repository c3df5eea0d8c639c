//! File names as clients send them: bytes, relative to the root, `/` between the parts.
use crate::message::Code;

/// MAX_PATH of slide 12: the longest filename, bytes.
pub const MAX_PATH_BYTES: usize = 1_024;

/// A name that is at least of the right form. That it does not lead out of the root is the store's to see to: a
/// symbolic link may lead anywhere, whatever the name looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name<'a>(&'a [u8]);

impl<'a> Name<'a> {
    /// Checks the form. `.` is the root.
    pub fn new(bytes: &'a [u8]) -> Result<Self, Code> {
        let bytes = bytes.strip_suffix(b"/").unwrap_or(bytes);
        let bad_part = |part: &[u8]| part.is_empty() || part == b"..";
        if bytes.is_empty()
            || bytes.len() > MAX_PATH_BYTES
            || bytes.contains(&0)
            || bytes.split(|byte| *byte == b'/').any(bad_part)
        {
            return Err(Code::E_BAD_NAME);
        }
        Ok(Self(bytes))
    }

    /// The bytes, without a `/` at either end.
    pub const fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// Whether it is the root itself.
    pub fn is_root(self) -> bool {
        self.parts().next().is_none()
    }

    /// Its parts, `.` left out.
    pub fn parts(self) -> impl Iterator<Item = &'a [u8]> {
        self.0.split(|byte| *byte == b'/').filter(|part| *part != b".")
    }
}
