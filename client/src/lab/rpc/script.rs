//! The steps of a script that are about remote procedure calls, as lines that a person writes.
//!
//! | step | what it does |
//! |---|---|
//! | `procedures`, `procedures kept` | serves sum and incr through generated stubs (slides 31 and 53); kept, with a journal (slide 37) |
//! | `variable` | serves a variable, to which others may have a pointer (slide 32) |
//! | `rpc TO sum 4 7` | calls sum |
//! | `rpc TO incr 0 by value`, `by restore`, `by reference at WHO` | calls incr(i, i) with i = 0, and says what i is then |
//! | `rpc TO runs` | how often sum has run on its machine, crashes or not |
//! | `rpc TO missing program`, `missing version`, `missing procedure` | calls what is not there |
//! | `rpc TO mistyped "4"` | calls sum as if it took a text and gave one |
//! | `rpc TO work 5s`, `rpc TO lock` | has it work so long, with a lock; takes the lock and gives it back |
//! | `jobs CURE` | serves work and lock; the cure is `none`, `extermination`, `reincarnation`, `gentle` or `expiration 500ms` (slide 37) |
//! | `warden CURE` | looks after this machine's orphans |
//! | `come-back CURE at WHO` | what a client does when it starts, towards a server it may have called |
//! | `binder` | serves as a binder (slides 33-35) |
//! | `offer BINDER "adder" 1`, `withdraw BINDER "adder" 1` | registers this process - `at WHO` behind it, another - with its interface's text; and no longer |
//! | `find BINDER "adder" 1` | looks it up |
//! | `interface BINDER "adder" 1` | fetches the text |
//! | `import BINDER "adder" 1 sum 4 7` | looks it up and calls it |
//! | `write TO "page" "text"` | writes into a file of a file server, by a call |
//! | `browse TO "page"`, `browse unchecked TO "page"` | reads it through a cache, which asks whether its copy is the newest, or does not |
//! | `reads-as PEER` | understands records as its machine does: `little-endian`, `big-endian` or `ebcdic` (slide 32) |
//! | `convey TO 5 "JILL" as PEER FORM` | sends a record as its machine has it in memory: `raw`, `swapped` or `canonical` |
//!
//! A call may say how it goes: `maybe`, `at-least-once`, `at-most-once` or `exactly-once`, and `within 5s`.
use std::time::Duration;

use sendrec_stubs::CallSemantics;
use sendrec_stubs::orphans::OrphanCure;

use super::representation::{Form, Peer};
use crate::lab::script::{Whom, within};
use crate::lab::words::{Words, Wrong};

/// A procedure and its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Procedure {
    /// The sum of two numbers (slide 31).
    Sum(i32, i32),
    /// incr(i, i), with this i (exercise 2).
    Incr(i32, Passing),
    /// How often sum has run.
    Runs,
    /// Of a program that nobody has.
    MissingProgram,
    /// Of a version that nobody has.
    MissingVersion,
    /// A number that no procedure has.
    MissingProcedure,
    /// Sum, as if it took this text and gave one.
    Mistyped(String),
    /// Takes so long, and has the lock meanwhile.
    Work(Duration),
    /// Takes the lock, if it is free.
    Lock,
}

/// How a parameter is passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Passing {
    /// A copy goes there.
    Value,
    /// And back (slide 30).
    Restore,
    /// A pointer goes there, to the variable that this process has; each use of it is a call back (slide 32).
    Reference(Whom),
}

/// How a call goes, where it is to go otherwise than calls do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Calling {
    /// How often it may run.
    pub semantics: Option<CallSemantics>,
    /// How long one waits.
    pub within: Option<Duration>,
}

/// A service at a binder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Who is the binder.
    pub binder: Whom,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: u32,
    /// Where it is, if not at the process that registers it.
    pub at: Option<Whom>,
}

/// One of the steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RpcStep {
    /// Serves the examples' procedures.
    Procedures {
        /// With a journal.
        kept: bool,
    },
    /// Serves a variable.
    Variable,
    /// Calls a procedure through its stub.
    Call(Whom, Procedure, Calling),
    /// Serves work that takes long.
    Jobs(OrphanCure),
    /// Looks after orphans.
    Warden(OrphanCure),
    /// Sees to its own orphans.
    ComeBack(OrphanCure, Whom),
    /// Serves as a binder.
    Binder,
    /// Registers this process.
    Offer(Service),
    /// And no longer.
    Withdraw(Service),
    /// Looks a service up.
    Find(Service),
    /// Fetches its interface.
    Interface(Service),
    /// Looks it up and calls it.
    Import(Service, Procedure),
    /// Writes into a file.
    Write {
        /// Of whom.
        whom: Whom,
        /// Which.
        file: String,
        /// What.
        text: String,
    },
    /// Reads a file through a cache.
    Browse {
        /// Of whom.
        whom: Whom,
        /// Which.
        file: String,
        /// Whether its copy is compared with the file first.
        checked: bool,
    },
    /// Understands records.
    ReadsAs(Peer),
    /// Sends one.
    Convey {
        /// To whom.
        whom: Whom,
        /// A number.
        number: i32,
        /// And letters.
        text: String,
        /// What the machine is like.
        peer: Peer,
        /// How the record goes.
        form: Form,
    },
}

impl RpcStep {
    /// How many results it has at most: servers have none.
    pub(in crate::lab) const fn results(&self) -> u64 {
        match self {
            Self::Procedures { .. }
            | Self::Variable
            | Self::Jobs(_)
            | Self::Warden(_)
            | Self::Binder
            | Self::ReadsAs(_) => 0,
            _ => 1,
        }
    }

    /// What it begins with, and what else tells its kind.
    #[cfg(test)]
    pub(in crate::lab) fn name(&self) -> String {
        match self {
            Self::Procedures { kept: false } => "procedures".to_owned(),
            Self::Procedures { kept: true } => "procedures kept".to_owned(),
            Self::Variable => "variable".to_owned(),
            Self::Call(_, procedure, _) => format!("rpc {}", procedure.name()),
            Self::Jobs(_) => "jobs".to_owned(),
            Self::Warden(_) => "warden".to_owned(),
            Self::ComeBack(..) => "come-back".to_owned(),
            Self::Binder => "binder".to_owned(),
            Self::Offer(_) => "offer".to_owned(),
            Self::Withdraw(_) => "withdraw".to_owned(),
            Self::Find(_) => "find".to_owned(),
            Self::Interface(_) => "interface".to_owned(),
            Self::Import(..) => "import".to_owned(),
            Self::Write { .. } => "write".to_owned(),
            Self::Browse { checked: true, .. } => "browse".to_owned(),
            Self::Browse { checked: false, .. } => "browse unchecked".to_owned(),
            Self::ReadsAs(_) => "reads-as".to_owned(),
            Self::Convey { form, .. } => format!("convey {}", form.name()),
        }
    }
}

impl Procedure {
    #[cfg(test)]
    const fn name(&self) -> &'static str {
        match self {
            Self::Sum(..) => "sum",
            Self::Incr(..) => "incr",
            Self::Runs => "runs",
            Self::MissingProgram => "missing program",
            Self::MissingVersion => "missing version",
            Self::MissingProcedure => "missing procedure",
            Self::Mistyped(_) => "mistyped",
            Self::Work(_) => "work",
            Self::Lock => "lock",
        }
    }
}

/// What a step can begin with.
pub(in crate::lab) const NAMES: [&str; 16] = [
    "procedures",
    "variable",
    "rpc",
    "jobs",
    "warden",
    "come-back",
    "binder",
    "offer",
    "withdraw",
    "find",
    "interface",
    "import",
    "write",
    "browse",
    "reads-as",
    "convey",
];

/// Reads a step that begins with `name`, if it is one of these.
pub(in crate::lab) fn parse(name: &str, words: &mut Words) -> Result<Option<RpcStep>, Wrong> {
    let step = match name {
        "procedures" => RpcStep::Procedures { kept: words.eat("kept") },
        "variable" => RpcStep::Variable,
        "rpc" => {
            let (whom, procedure) = (whom(words)?, procedure(words)?);
            RpcStep::Call(whom, procedure, calling(words)?)
        }
        "jobs" => RpcStep::Jobs(cure(words)?),
        "warden" => RpcStep::Warden(cure(words)?),
        "come-back" => {
            let cure = cure(words)?;
            if !words.eat("at") {
                return Err("expected at, and the server".to_owned());
            }
            RpcStep::ComeBack(cure, whom(words)?)
        }
        "binder" => RpcStep::Binder,
        "offer" => RpcStep::Offer(service(words)?),
        "withdraw" => RpcStep::Withdraw(service(words)?),
        "find" => RpcStep::Find(service(words)?),
        "interface" => RpcStep::Interface(service(words)?),
        "import" => RpcStep::Import(service(words)?, procedure(words)?),
        "write" => RpcStep::Write { whom: whom(words)?, file: words.text()?, text: words.text()? },
        "browse" => {
            let checked = !words.eat("unchecked");
            RpcStep::Browse { whom: whom(words)?, file: words.text()?, checked }
        }
        "reads-as" => RpcStep::ReadsAs(words.bare("a kind of machine")?.parse()?),
        "convey" => {
            let (whom, number, text) = (whom(words)?, int(words)?, words.text()?);
            if !words.eat("as") {
                return Err("expected as, and a kind of machine".to_owned());
            }
            let peer = words.bare("a kind of machine")?.parse()?;
            RpcStep::Convey {
                whom,
                number,
                text,
                peer,
                form: words.bare("raw, swapped or canonical")?.parse()?,
            }
        }
        _ => return Ok(None),
    };
    Ok(Some(step))
}

fn whom(words: &mut Words) -> Result<Whom, Wrong> {
    crate::lab::script::parse_whom(&words.bare("a process")?)
}

fn int(words: &mut Words) -> Result<i32, Wrong> {
    let number = words.number("a number")?;
    i32::try_from(number).map_err(|_| format!("{number} is more than an int holds"))
}

fn service(words: &mut Words) -> Result<Service, Wrong> {
    let (binder, name, version) = (whom(words)?, words.text()?, words.number("a version")?);
    let version = u32::try_from(version).map_err(|_| format!("there is no version {version}"))?;
    let at = if words.eat("at") { Some(whom(words)?) } else { None };
    Ok(Service { binder, name, version, at })
}

fn cure(words: &mut Words) -> Result<OrphanCure, Wrong> {
    match words.bare("a cure")?.as_str() {
        "none" => Ok(OrphanCure::None),
        "extermination" => Ok(OrphanCure::Extermination),
        "reincarnation" => Ok(OrphanCure::Reincarnation),
        "gentle" => Ok(OrphanCure::GentleReincarnation),
        "expiration" => Ok(OrphanCure::Expiration { quantum: words.span()? }),
        other => {
            Err(format!("expected none, extermination, reincarnation, gentle or expiration, found '{other}'"))
        }
    }
}

fn calling(words: &mut Words) -> Result<Calling, Wrong> {
    const ALL: [(&str, CallSemantics); 4] = [
        ("maybe", CallSemantics::Maybe),
        ("at-least-once", CallSemantics::AtLeastOnce),
        ("at-most-once", CallSemantics::AtMostOnce),
        ("exactly-once", CallSemantics::ExactlyOnce),
    ];
    let semantics = ALL.into_iter().find(|(name, _)| words.eat(name)).map(|(_, semantics)| semantics);
    Ok(Calling { semantics, within: within(words)? })
}

fn procedure(words: &mut Words) -> Result<Procedure, Wrong> {
    match words.bare("a procedure")?.as_str() {
        "sum" => Ok(Procedure::Sum(int(words)?, int(words)?)),
        "incr" => {
            let i = int(words)?;
            if !words.eat("by") {
                return Err("expected by value, by restore or by reference at WHO".to_owned());
            }
            let passing = match words.bare("value, restore or reference")?.as_str() {
                "value" => Passing::Value,
                "restore" => Passing::Restore,
                "reference" => {
                    if !words.eat("at") {
                        return Err("expected at, and the process that has the variable".to_owned());
                    }
                    Passing::Reference(whom(words)?)
                }
                other => return Err(format!("expected value, restore or reference, found '{other}'")),
            };
            Ok(Procedure::Incr(i, passing))
        }
        "runs" => Ok(Procedure::Runs),
        "missing" => match words.bare("program, version or procedure")?.as_str() {
            "program" => Ok(Procedure::MissingProgram),
            "version" => Ok(Procedure::MissingVersion),
            "procedure" => Ok(Procedure::MissingProcedure),
            other => Err(format!("expected program, version or procedure, found '{other}'")),
        },
        "mistyped" => Ok(Procedure::Mistyped(words.text()?)),
        "work" => Ok(Procedure::Work(words.span()?)),
        "lock" => Ok(Procedure::Lock),
        other => Err(format!("expected sum, incr, runs, missing, mistyped, work or lock, found '{other}'")),
    }
}
