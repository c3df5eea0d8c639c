//! What stands behind `#if` and `#elif`: numbers, names (0 if not defined), `defined(NAME)`, `!`, comparisons, `&&`, `||`
//! and parentheses.
use crate::lexer::{Macros, is_word, number};
use crate::token::Kind;

/// Parentheses and names within others.
const DEPTH_MAX: usize = 1_000;

/// Whether the condition holds; `None` if it is not understood.
pub(crate) fn holds(text: &str, macros: &Macros) -> Option<bool> {
    let words = condition_words(text);
    let mut reader = Condition { words: &words, macros, depth: 0 };
    let value = reader.any()?;
    reader.words.is_empty().then_some(value != 0)
}

fn condition_words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = if is_word(first) {
            rest.find(|next: char| !is_word(next)).unwrap_or(rest.len())
        } else if ["&&", "||", "==", "!=", "<=", ">="].iter().any(|pair| rest.starts_with(pair)) {
            2
        } else {
            first.len_utf8()
        };
        words.push(rest[..length].into());
        rest = rest[length..].trim_start();
    }
    words
}

/// Reads a condition; `None` where it is not understood.
struct Condition<'a> {
    words: &'a [String],
    macros: &'a Macros,
    depth: usize,
}

impl Condition<'_> {
    fn next_is(&mut self, word: &str) -> bool {
        let is = self.words.first().is_some_and(|next| next == word);
        if is {
            self.words = &self.words[1..];
        }
        is
    }

    fn any(&mut self) -> Option<i128> {
        let mut value = self.all()?;
        while self.next_is("||") {
            let other = self.all()?;
            value = i128::from(value != 0 || other != 0);
        }
        Some(value)
    }

    fn all(&mut self) -> Option<i128> {
        let mut value = self.comparison()?;
        while self.next_is("&&") {
            let other = self.comparison()?;
            value = i128::from(value != 0 && other != 0);
        }
        Some(value)
    }

    fn comparison(&mut self) -> Option<i128> {
        let value = self.one()?;
        let compare: fn(&i128, &i128) -> bool = match self.words.first().map(String::as_str) {
            Some("==") => i128::eq,
            Some("!=") => i128::ne,
            Some("<") => i128::lt,
            Some(">") => i128::gt,
            Some("<=") => i128::le,
            Some(">=") => i128::ge,
            _ => return Some(value),
        };
        self.words = &self.words[1..];
        let other = self.one()?;
        Some(i128::from(compare(&value, &other)))
    }

    fn one(&mut self) -> Option<i128> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return None;
        }
        if self.next_is("!") {
            return Some(i128::from(self.one()? == 0));
        }
        if self.next_is("(") {
            let value = self.any()?;
            return self.next_is(")").then_some(value);
        }
        let (word, rest) = self.words.split_first()?;
        self.words = rest;
        if word == "defined" {
            let in_parentheses = self.next_is("(");
            let (name, rest) = self.words.split_first()?;
            self.words = rest;
            let value = i128::from(self.macros.contains_key(name));
            return (!in_parentheses || self.next_is(")")).then_some(value);
        }
        if word.starts_with(|first: char| first.is_ascii_digit()) {
            return number(word).ok();
        }
        if !word.starts_with(is_word) {
            return None;
        }
        match self.macros.get(word).map(|found| found.body.as_slice()) {
            Some([Kind::Number(value)]) => Some(*value),
            Some([Kind::Word(other)]) if other != word => {
                let words = [other.clone()];
                Condition { words: &words, macros: self.macros, depth: self.depth }.one()
            }
            _ => Some(0),
        }
    }
}
