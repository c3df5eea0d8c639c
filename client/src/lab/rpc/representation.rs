//! Machines that do not agree on what bytes mean (slide 32): two byte orders, two sets of letters, and a canonical form.
//!
//! A record is a number and four letters, in two words of four bytes. Sent raw, it goes as it is in memory: letters are
//! right where the sets of letters are the same, and numbers where the orders are. Swapped, each word is turned round on
//! its way, letters too. In canonical form - XDR, with letters in ASCII - each machine knows what it has to turn.
use std::str::FromStr;

use sendrec_stubs::Bytes;
use sendrec_stubs::xdr::{Decoder, Encoder, Xdr};
use sendrec_trap::{From, Process, Trap};

use super::procedures::outcome_of;

/// What a machine is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// The least significant byte comes first; ASCII.
    LittleEndian,
    /// The most significant comes first; ASCII.
    BigEndian,
    /// The most significant comes first; EBCDIC.
    Ebcdic,
}

/// How a record goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As it is in memory.
    Raw,
    /// With the bytes of each word turned round.
    Swapped,
    /// As both sides have agreed.
    Canonical,
}

impl FromStr for Peer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "little-endian" => Ok(Self::LittleEndian),
            "big-endian" => Ok(Self::BigEndian),
            "ebcdic" => Ok(Self::Ebcdic),
            other => Err(format!("expected little-endian, big-endian or ebcdic, found '{other}'")),
        }
    }
}

impl Form {
    const ALL: [Self; 3] = [Self::Raw, Self::Swapped, Self::Canonical];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Swapped => "swapped",
            Self::Canonical => "canonical",
        }
    }
}

impl FromStr for Form {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|form| form.name() == text);
        found.ok_or_else(|| format!("expected raw, swapped or canonical, found '{text}'"))
    }
}

/// A number and four letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) number: i32,
    /// ASCII.
    pub(super) letters: [u8; 4],
}

impl std::fmt::Display for Record {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let letters = self.letters.map(|letter| if letter.is_ascii_graphic() { letter } else { b'?' });
        write!(f, "{} {}", self.number, String::from_utf8_lossy(&letters))
    }
}

/// Letters and digits of EBCDIC (code page 37) lie in runs; what else there is comes as a question mark.
const RUNS: [(u8, u8, u8); 7] = [
    (b'A', 0xc1, 9),
    (b'J', 0xd1, 9),
    (b'S', 0xe2, 8),
    (b'a', 0x81, 9),
    (b'j', 0x91, 9),
    (b's', 0xa2, 8),
    (b'0', 0xf0, 10),
];

fn to_ebcdic(letter: u8) -> u8 {
    const QUESTION_MARK: u8 = 0x6f;
    let run = RUNS.into_iter().find(|(ascii, _, length)| (*ascii..ascii + length).contains(&letter));
    run.map_or(QUESTION_MARK, |(ascii, ebcdic, _)| letter - ascii + ebcdic)
}

fn from_ebcdic(letter: u8) -> u8 {
    // Where EBCDIC has a run that ends at 0xff, the sum of its ends is more than a byte.
    let run = RUNS.into_iter().find(|(_, ebcdic, length)| letter >= *ebcdic && letter - ebcdic < *length);
    run.map_or(b'?', |(ascii, ebcdic, _)| letter - ebcdic + ascii)
}

impl Peer {
    /// A record as this machine has it in memory.
    fn memory(self, record: Record) -> [u8; 8] {
        let number = match self {
            Self::LittleEndian => record.number.to_le_bytes(),
            Self::BigEndian | Self::Ebcdic => record.number.to_be_bytes(),
        };
        let letters = if self == Self::Ebcdic { record.letters.map(to_ebcdic) } else { record.letters };
        let mut memory = [0; 8];
        memory[..4].copy_from_slice(&number);
        memory[4..].copy_from_slice(&letters);
        memory
    }

    /// What those bytes in its memory mean to it.
    fn meaning(self, memory: [u8; 8]) -> Record {
        let [a, b, c, d, letters @ ..] = memory;
        let number = [a, b, c, d];
        let number = match self {
            Self::LittleEndian => i32::from_le_bytes(number),
            Self::BigEndian | Self::Ebcdic => i32::from_be_bytes(number),
        };
        Record { number, letters: if self == Self::Ebcdic { letters.map(from_ebcdic) } else { letters } }
    }

    /// The message that carries a record: first a word that says its form.
    pub(super) fn pack(self, record: Record, form: Form) -> Bytes {
        let mut out = Encoder::new();
        let body = match form {
            Form::Raw | Form::Swapped => self.memory(record),
            // Each machine turns what is otherwise there: its numbers to big-endian, its letters to ASCII.
            Form::Canonical => Self::BigEndian.memory(record),
        };
        let packed = (form as u32).encode(&mut out).and_then(|()| out.fixed(&body));
        debug_assert_eq!(packed, Ok(()), "twelve bytes have a form");
        out.finish()
    }

    /// What a message means to this machine.
    pub(super) fn unpack(self, message: Bytes) -> Option<Record> {
        let mut input = Decoder::new(message);
        let form = u32::decode(&mut input).ok()?;
        let form = Form::ALL.into_iter().find(|one| *one as u32 == form)?;
        let mut body: [u8; 8] = input.fixed().ok()?;
        Some(match form {
            Form::Raw => self.meaning(body),
            Form::Swapped => {
                body.chunks_mut(4).for_each(<[u8]>::reverse);
                self.meaning(body)
            }
            Form::Canonical => Self::BigEndian.meaning(body),
        })
    }
}

/// Answers each record with what it means here.
pub(super) fn serve<T: Trap + ?Sized>(me: &Process<'_, T>, peer: Peer) {
    while let Ok(request) = me.receive(From::Any) {
        let text = peer.unpack(request.message).map_or_else(|| "no record".to_owned(), |it| it.to_string());
        let _ = me.reply(request.source, text.into_bytes());
    }
}

/// Sends a record; what it is over there.
pub(super) fn convey<T: Trap + ?Sized>(
    me: &Process<'_, T>,
    server: sendrec_trap::Target,
    record: Record,
    peer: Peer,
    form: Form,
) -> Result<String, String> {
    let answer = me.call(server, peer.pack(record, form)).map_err(|error| outcome_of(&error))?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEERS: [Peer; 3] = [Peer::LittleEndian, Peer::BigEndian, Peer::Ebcdic];

    #[test]
    fn every_pair_agrees_in_canonical_form_and_on_what_is_theirs() {
        for number in [0, 5, -7, i32::MAX, 0x0102_0304] {
            for letters in [*b"JILL", *b"Zaz9"] {
                let record = Record { number, letters };
                for from in PEERS {
                    assert_eq!(from.unpack(from.pack(record, Form::Raw)), Some(record));
                    for to in PEERS {
                        assert_eq!(to.unpack(from.pack(record, Form::Canonical)), Some(record));
                    }
                }
            }
        }
    }

    #[test]
    fn slide_32_little_to_big() {
        let record = Record { number: 5, letters: *b"JILL" };
        let there = |form| Peer::BigEndian.unpack(Peer::LittleEndian.pack(record, form)).unwrap();
        assert_eq!(there(Form::Raw), Record { number: 5 << 24, letters: *b"JILL" });
        assert_eq!(there(Form::Swapped), Record { number: 5, letters: *b"LLIJ" });
    }

    #[test]
    fn ebcdic_is_code_page_37() {
        assert_eq!(b"JILL19az".map(to_ebcdic), [0xd1, 0xc9, 0xd3, 0xd3, 0xf1, 0xf9, 0x81, 0xa9]);
        for letter in (b'0'..=b'9').chain(b'A'..=b'Z').chain(b'a'..=b'z') {
            assert_eq!(from_ebcdic(to_ebcdic(letter)), letter);
        }
    }
}
