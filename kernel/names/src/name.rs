//! What a name is.
use std::fmt;
use std::str::FromStr;

/// Bytes of the longest name.
pub const NAME_BYTES_MAX: usize = 255;

/// A process's name: 1 to 255 printable ASCII characters without a space. Written `name:files` where an address is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Box<str>);

/// The text is no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a name is 1 to {NAME_BYTES_MAX} printable ASCII characters without spaces, for example name:files")]
pub struct BadName;

impl Name {
    /// What an address by name begins with.
    pub const PREFIX: &str = "name:";

    /// The name in `bytes`, as it comes in a message.
    pub fn new(bytes: &[u8]) -> Result<Self, BadName> {
        let right = (1..=NAME_BYTES_MAX).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic);
        let text = if right { std::str::from_utf8(bytes).ok() } else { None };
        text.map(|text| Self(text.into())).ok_or(BadName)
    }

    /// Without the prefix.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", Self::PREFIX, self.0)
    }
}

impl FromStr for Name {
    type Err = BadName;

    /// Takes it with or without its prefix.
    fn from_str(text: &str) -> Result<Self, BadName> {
        Self::new(text.strip_prefix(Self::PREFIX).unwrap_or(text).as_bytes())
    }
}
