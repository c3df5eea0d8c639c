//! Words and signs of the language.
use crate::source::Span;

/// What a token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A name or a keyword.
    Word(String),
    /// A number; the sign is its own.
    Number(i128),
    /// Text between double quotes.
    Text(String),
    /// One of `{}[]<>();:,=*`.
    Sign(char),
    /// `/* @inout NAME */` and its like: the words after the `@`.
    Mark(Vec<String>),
    /// After the last.
    End,
}

/// One of them.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) span: Span,
    /// The comment that ends right before it, if any.
    pub(crate) before: Option<Span>,
    /// The comment that begins on its line, behind it.
    pub(crate) behind: Option<Span>,
}

impl Kind {
    pub(crate) fn is_sign(&self, sign: char) -> bool {
        *self == Self::Sign(sign)
    }

    pub(crate) fn is_word(&self, word: &str) -> bool {
        matches!(self, Self::Word(own) if own == word)
    }

    /// As messages name it.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Word(word) => format!("`{word}`"),
            Self::Number(number) => format!("the number {number}"),
            Self::Text(_) => "a text".into(),
            Self::Sign(sign) => format!("`{sign}`"),
            Self::Mark(words) => format!("the mark @{}", words.join(" ")),
            Self::End => "the end of the file".into(),
        }
    }
}
