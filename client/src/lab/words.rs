//! The small words of scenario files: steps and claims are lines of words, names, times and quoted texts.
use std::fmt;
use std::time::Duration;

use sendrec_core::fault::parse_span;

/// One word of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// Anything without blanks that is not quoted.
    Bare(String),
    /// What stood between quotation marks.
    Quoted(String),
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bare(word) => f.write_str(word),
            Self::Quoted(text) => write!(f, "\"{text}\""),
        }
    }
}

/// What a text that is repeated comes to at most.
const TEXT_BYTES_MAX: u64 = 1 << 20;

/// The words of a line, taken from the front.
#[derive(Clone, Debug)]
pub(super) struct Words {
    words: std::vec::IntoIter<Word>,
}

/// What is wrong with a line, in words.
pub(super) type Wrong = String;

impl Words {
    /// Splits a line. Within quotation marks `\"` and `\\` stand for themselves.
    pub(super) fn of(line: &str) -> Result<Self, Wrong> {
        let mut words = Vec::new();
        let mut rest = line.chars().peekable();
        while let Some(&c) = rest.peek() {
            if c.is_whitespace() {
                rest.next();
            } else if c == '"' {
                rest.next();
                words.push(Word::Quoted(quoted(&mut rest)?));
            } else {
                let mut word = String::new();
                while let Some(c) = rest.next_if(|c| !c.is_whitespace() && *c != '"') {
                    word.push(c);
                }
                words.push(Word::Bare(word));
            }
        }
        Ok(Self { words: words.into_iter() })
    }

    pub(super) fn peek(&self) -> Option<&Word> {
        self.words.as_slice().first()
    }

    pub(super) fn next(&mut self) -> Option<Word> {
        self.words.next()
    }

    /// Takes the next word if it is this one.
    pub(super) fn eat(&mut self, word: &str) -> bool {
        let is = matches!(self.peek(), Some(Word::Bare(bare)) if bare == word);
        if is {
            self.words.next();
        }
        is
    }

    /// The next word, which must be bare.
    pub(super) fn bare(&mut self, what: &str) -> Result<String, Wrong> {
        match self.next() {
            Some(Word::Bare(word)) => Ok(word),
            Some(Word::Quoted(text)) => Err(format!("expected {what}, found the text \"{text}\"")),
            None => Err(format!("expected {what}, found the end")),
        }
    }

    /// The next word, which must be quoted; `x 200` behind it has it so often.
    pub(super) fn text(&mut self) -> Result<String, Wrong> {
        match self.next() {
            Some(Word::Quoted(text)) if self.eat("x") => {
                let times = self.number("how often the text is to stand")?;
                if (text.len() as u64).saturating_mul(times) > TEXT_BYTES_MAX {
                    return Err(format!("a text is {TEXT_BYTES_MAX} bytes long at most"));
                }
                Ok(text.repeat(times as usize))
            }
            Some(Word::Quoted(text)) => Ok(text),
            Some(Word::Bare(word)) => Err(format!("expected a text in quotation marks, found '{word}'")),
            None => Err("expected a text in quotation marks, found the end".to_owned()),
        }
    }

    /// A text, if one is next.
    pub(super) fn maybe_text(&mut self) -> Result<Option<String>, Wrong> {
        match self.peek() {
            Some(Word::Quoted(_)) => self.text().map(Some),
            _ => Ok(None),
        }
    }

    pub(super) fn span(&mut self) -> Result<Duration, Wrong> {
        let word = self.bare("a time such as 5ms")?;
        parse_span(&word).map_err(|reason| format!("'{word}': {reason}"))
    }

    pub(super) fn number(&mut self, what: &str) -> Result<u64, Wrong> {
        let word = self.bare(what)?;
        word.parse().map_err(|_| format!("expected {what}, found '{word}'"))
    }

    /// Nothing may follow.
    pub(super) fn end(mut self) -> Result<(), Wrong> {
        match self.next() {
            None => Ok(()),
            Some(word) => Err(format!("'{word}' is one word too many")),
        }
    }
}

fn quoted(rest: &mut impl Iterator<Item = char>) -> Result<String, Wrong> {
    let mut text = String::new();
    while let Some(c) = rest.next() {
        match c {
            '"' => return Ok(text),
            '\\' => text.push(rest.next().ok_or("a text ends in a backslash")?),
            c => text.push(c),
        }
    }
    Err("a quotation mark is not closed".to_owned())
}

/// Names that come close to one that does not exist.
pub(super) fn did_you_mean<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.collect();
    let near = known.iter().map(|other| (distance(name, other), *other)).min();
    match near {
        Some((far, other)) if far <= 2 => format!("; did you mean '{other}'?"),
        _ if known.is_empty() => String::new(),
        _ => format!("; there are {}", known.join(", ")),
    }
}

/// Levenshtein's distance: how many letters must change to make one word the other.
pub fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, c) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, d) in b.iter().enumerate() {
            let change = diagonal + usize::from(c != *d);
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[b.len()]
}
