//! Scripts: what a process of a scenario does, step by step, as lines that a person writes.
//!
//! | step | what it does |
//! |---|---|
//! | `sleep 5ms` | lets so much time pass |
//! | `call TO "text"` | sends a request and waits for its reply |
//! | `send TO "text"` | sends a request; its reply comes by `receive` |
//! | `tell TO "text"` | sends a one-way message |
//! | `start NAME call TO "text"` | starts a call and runs on; also `start NAME send` |
//! | `wait NAME`, `test NAME`, `cancel NAME` | waits for what was started; looks; takes it back |
//! | `scribble NAME "text"` | writes into the buffer of what was started |
//! | `receive`, `receive from WHO`, `try-receive` | takes a message |
//! | `reply`, `reply "text"`, `reply to NAME "text"` | answers the last request, with what it said if no text is given |
//! | `hold NAME` | remembers the last request under a name |
//! | `forward TO` | hands the last request on |
//! | `serve`, `serve 3 times` | receives and replies, over and over; `work 5ms` and `reply "text"` may follow |
//! | `ping WHO`, `locate WHO`, `locate anew WHO` | asks whether it lives; where it is |
//! | `interrupts`, `interrupt` | has messages come by interrupt from here on; waits for the next one |
//! | `names` | serves as a name server |
//! | `files "NAME" 32768` | serves as the file server of slide 13, with one file of so many bytes in memory |
//! | `read TO "NAME" 32768`, `read TO "NAME" 32768 by 1024` | reads so many bytes of a file, in one call or so many a call (slide 14) |
//! | `register NAME`, `unregister NAME` | at the name server |
//! | `repeat 3 [...]`, `forever [...]` | the steps in the list that follows in the file |
//! | `exit` | ends the process |
//!
//! `"text" x 200` is the text two hundred times. `within 50ms` at the end of a step bounds its wait. `copied` and `lent` after a text say how a message is handed to
//! the kernel: the caller then runs on, and waits for the completion when the step says so. TO is a process by name, a
//! `sparse:` id, a `name:`, or `sender`. Steps about remote
//! procedure calls have a table of their own ([`super::rpc::script`]). Deliberately not here: doing any of it.
use std::time::Duration;

use sendrec_core::SparseId;

use super::rpc::script::{self as rpc, RpcStep};
use super::words::{Word, Words, Wrong};

/// Whom a step is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whom {
    /// A process of the scenario, by its name or its machine's.
    Process(String),
    /// Whoever has this sparse id.
    Sparse(SparseId),
    /// Whoever is registered under this name.
    Name(String),
    /// Whom the last message came from.
    Sender,
}

/// How a message is handed to the kernel (slide 17).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Manner {
    /// The caller waits until the send is over.
    #[default]
    Blocking,
    /// It is copied, and the caller runs on.
    Copied,
    /// Its buffer is lent, and the caller runs on.
    Lent,
}

impl Manner {
    /// All three, in the order of slide 20.
    pub const ALL: [Self; 3] = [Self::Blocking, Self::Copied, Self::Lent];
}

/// What a message is sent as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A request whose reply the step waits for.
    Call,
    /// A request.
    Send,
    /// One-way.
    Tell,
}

/// A message to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sending {
    /// As what.
    pub kind: Kind,
    /// To whom.
    pub to: Whom,
    /// What.
    pub text: String,
    /// How it is handed over; `None` as the scenario's switches say.
    pub manner: Option<Manner>,
    /// How long to wait.
    pub within: Option<Duration>,
}

/// One step of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Lets time pass.
    Sleep(Duration),
    /// Sends, and waits as its kind and manner say.
    Send(Sending),
    /// Starts sending under a name.
    Start(String, Sending),
    /// Waits for what was started.
    Wait(String, Option<Duration>),
    /// Whether it is over.
    Test(String),
    /// Takes it back.
    Cancel(String),
    /// Writes into its buffer.
    Scribble(String, String),
    /// Takes a message.
    Receive {
        /// Of whom alone.
        from: Option<Whom>,
        /// How long to wait; zero looks only.
        within: Option<Duration>,
    },
    /// Answers.
    Reply {
        /// Which request; the last one if none is named.
        to: Option<String>,
        /// With what; with what was asked if with nothing.
        text: Option<String>,
        /// How it is handed over.
        manner: Option<Manner>,
    },
    /// Remembers the last request.
    Hold(String),
    /// Hands the last request on.
    Forward(Whom),
    /// Receives and replies.
    Serve {
        /// How often; for ever if not said.
        times: Option<u64>,
        /// How long each takes.
        work: Option<Duration>,
        /// With what; with what was asked if with nothing.
        text: Option<String>,
    },
    /// Whether it lives.
    Ping(Whom, Option<Duration>),
    /// Where it is.
    Locate {
        /// Who.
        whom: Whom,
        /// Whether to ask even if that is known.
        anew: bool,
    },
    /// Messages come by interrupt from here on.
    Interrupts,
    /// Waits for the next one.
    Interrupt(Option<Duration>),
    /// Serves as a name server.
    Names,
    /// Serves as a file server, with one file of so many bytes.
    Files(String, u32),
    /// Reads a file of one.
    Read {
        /// Whose.
        whom: Whom,
        /// Which.
        file: String,
        /// How much.
        bytes: u32,
        /// Bytes a call.
        by: u32,
    },
    /// Of remote procedure calls.
    Rpc(RpcStep),
    /// Registers this process.
    Register(String),
    /// And no longer.
    Unregister(String),
    /// Steps so often; for ever if not said.
    Repeat(Option<u64>, Vec<Step>),
    /// Ends.
    Exit,
}

impl Step {
    /// Whether it waits no longer than it says.
    pub const fn is_bounded(&self) -> bool {
        match self {
            Self::Wait(_, within)
            | Self::Receive { within, .. }
            | Self::Ping(_, within)
            | Self::Interrupt(within)
            | Self::Send(Sending { within, .. }) => within.is_some(),
            Self::Locate { .. } | Self::Register(_) | Self::Unregister(_) => true,
            _ => false,
        }
    }
}

/// How many results steps can have at most; `None` if there is no end to them.
pub(super) fn results_max(steps: &[Step]) -> Option<u64> {
    steps.iter().try_fold(0u64, |sum, step| {
        let results = match step {
            Step::Sleep(_) | Step::Hold(_) | Step::Interrupts | Step::Names | Step::Exit => 0,
            Step::Rpc(step) => step.results(),
            Step::Serve { times, .. } => (*times)?,
            Step::Repeat(times, inner) => match results_max(inner)? {
                0 => 0,
                each => each.saturating_mul((*times)?),
            },
            _ => 1,
        };
        Some(sum.saturating_add(results))
    })
}

/// Whether a line asks for a list of steps behind it.
pub(super) fn wants_list(line: &str) -> bool {
    let first = line.split_whitespace().next();
    matches!(first, Some("repeat" | "forever"))
}

/// Reads a step that stands alone.
pub(super) fn parse(line: &str) -> Result<Step, Wrong> {
    let mut words = Words::of(line)?;
    let name = words.bare("a step")?;
    let step = match name.as_str() {
        "sleep" => Step::Sleep(words.span()?),
        "call" => Step::Send(sending(Kind::Call, &mut words)?),
        "send" => Step::Send(sending(Kind::Send, &mut words)?),
        "tell" => Step::Send(sending(Kind::Tell, &mut words)?),
        "start" => start(&mut words)?,
        "wait" => Step::Wait(words.bare("a name")?, within(&mut words)?),
        "test" => Step::Test(words.bare("a name")?),
        "cancel" => Step::Cancel(words.bare("a name")?),
        "scribble" => Step::Scribble(words.bare("a name")?, words.text()?),
        "receive" => {
            let from = if words.eat("from") { Some(whom(&mut words)?) } else { None };
            Step::Receive { from, within: within(&mut words)? }
        }
        "try-receive" => Step::Receive { from: None, within: Some(Duration::ZERO) },
        "reply" => {
            let to = if words.eat("to") { Some(words.bare("a name")?) } else { None };
            let text = words.maybe_text()?;
            Step::Reply { to, text, manner: manner(&mut words) }
        }
        "hold" => Step::Hold(words.bare("a name")?),
        "forward" => Step::Forward(whom(&mut words)?),
        "serve" => serve(&mut words)?,
        "ping" => Step::Ping(whom(&mut words)?, within(&mut words)?),
        "locate" => {
            let anew = words.eat("anew");
            Step::Locate { whom: whom(&mut words)?, anew }
        }
        "interrupts" => Step::Interrupts,
        "interrupt" => Step::Interrupt(within(&mut words)?),
        "names" => Step::Names,
        "files" => Step::Files(words.text()?, bytes(&mut words)?),
        "read" => {
            let (whom, file, bytes) = (whom(&mut words)?, words.text()?, self::bytes(&mut words)?);
            let by = if words.eat("by") { self::bytes(&mut words)? } else { bytes };
            Step::Read { whom, file, bytes, by }
        }
        "register" => Step::Register(words.bare("a name")?),
        "unregister" => Step::Unregister(words.bare("a name")?),
        "exit" => Step::Exit,
        "repeat" | "forever" => {
            return Err(format!("'{name}' wants a list of steps behind it: \"repeat 3\", [...]"));
        }
        other => match rpc::parse(other, &mut words)? {
            Some(step) => Step::Rpc(step),
            None => {
                let known = NAMES.iter().chain(&rpc::NAMES).copied();
                return Err(format!("no such step: '{other}'{}", super::words::did_you_mean(other, known)));
            }
        },
    };
    words.end()?;
    Ok(step)
}

/// What a step can begin with.
pub(super) const NAMES: [&str; 27] = [
    "sleep",
    "call",
    "send",
    "tell",
    "start",
    "wait",
    "test",
    "cancel",
    "scribble",
    "receive",
    "try-receive",
    "reply",
    "hold",
    "forward",
    "serve",
    "ping",
    "locate",
    "interrupts",
    "interrupt",
    "names",
    "files",
    "read",
    "register",
    "unregister",
    "repeat",
    "forever",
    "exit",
];

/// A number of bytes that a file of a scenario may have.
fn bytes(words: &mut Words) -> Result<u32, Wrong> {
    const FILE_BYTES_MAX: u32 = 1 << 24;
    let number = words.number("a number of bytes")?;
    let bytes = u32::try_from(number).ok().filter(|bytes| (1..=FILE_BYTES_MAX).contains(bytes));
    bytes.ok_or_else(|| format!("expected from 1 to {FILE_BYTES_MAX} bytes, found {number}"))
}

/// Reads the head of a list of steps.
pub(super) fn parse_head(line: &str) -> Result<Option<u64>, Wrong> {
    let mut words = Words::of(line)?;
    let times = if words.eat("forever") {
        None
    } else {
        words.eat("repeat");
        Some(words.number("how often")?)
    };
    words.end()?;
    Ok(times)
}

fn start(words: &mut Words) -> Result<Step, Wrong> {
    let name = words.bare("a name")?;
    let kind = match words.bare("call or send")?.as_str() {
        "call" => Kind::Call,
        "send" => Kind::Send,
        "tell" => return Err("a one-way message has no reply to run on from: write tell alone".to_owned()),
        other => return Err(format!("expected call or send, found '{other}'")),
    };
    Ok(Step::Start(name, sending(kind, words)?))
}

fn serve(words: &mut Words) -> Result<Step, Wrong> {
    let times = match words.peek() {
        Some(Word::Bare(word)) if word.bytes().all(|byte| byte.is_ascii_digit()) => {
            let times = words.number("how often")?;
            words.eat("times");
            Some(times)
        }
        _ => None,
    };
    let work = if words.eat("work") { Some(words.span()?) } else { None };
    let text = if words.eat("reply") { Some(words.text()?) } else { None };
    Ok(Step::Serve { times, work, text })
}

fn sending(kind: Kind, words: &mut Words) -> Result<Sending, Wrong> {
    let to = whom(words)?;
    let text = words.text()?;
    let manner = manner(words);
    Ok(Sending { kind, to, text, manner, within: within(words)? })
}

fn manner(words: &mut Words) -> Option<Manner> {
    if words.eat("copied") {
        Some(Manner::Copied)
    } else if words.eat("lent") {
        Some(Manner::Lent)
    } else if words.eat("blocking") {
        Some(Manner::Blocking)
    } else {
        None
    }
}

pub(super) fn within(words: &mut Words) -> Result<Option<Duration>, Wrong> {
    if words.eat("within") { words.span().map(Some) } else { Ok(None) }
}

fn whom(words: &mut Words) -> Result<Whom, Wrong> {
    let word = words.bare("a process")?;
    parse_whom(&word)
}

/// Reads whom a step is about.
pub(super) fn parse_whom(word: &str) -> Result<Whom, Wrong> {
    if word == "sender" {
        return Ok(Whom::Sender);
    }
    if word.starts_with(SparseId::PREFIX) {
        return word.parse().map(Whom::Sparse).map_err(|error| format!("'{word}': {error}"));
    }
    Ok(match word.strip_prefix("name:") {
        Some(name) => Whom::Name(name.to_owned()),
        None => Whom::Process(word.to_owned()),
    })
}
