//! What each choice promises, written by hand from slides 15 to 20: rules to read, apart from the code that runs.
//!
//! A promise belongs to one choice, or to every row. Where two choices meet, it says so in its words. Deliberately
//! not here: how what they speak of was measured.
use std::time::Duration;

use sendrec_core::Reliability;
use sendrec_core::config::Handing;
use sendrec_core::wire::PacketType as P;
use serde::Serialize;

use super::combination::{Combination, Dimension, KEEP, Keeping, ROOM};
use super::measure::{Asked, Exchange, Facts};
use super::proofs::Proof;
use crate::lab::script::Manner;
use crate::lab::switches::Addressing;

/// The late-ACK delay of the workload.
const LATE_ACK: Duration = Duration::from_millis(20);
/// Messages that come while their receiver sleeps, longer before it wakes than anything is kept for a while.
const EARLY: [&str; 4] = ["early 1", "early 2", "early 3", "early 4"];
/// One that comes shortly before it wakes.
const LATE: &str = "late";
/// One that comes when it waits.
const LAST: &str = "last";
/// Calls to the process that moved, after it had.
const MOVED: [&str; 2] = ["after", "again"];
/// Who has its sparse id and its name then, on another machine.
const HEIR: &str = "heir";
/// What a caller is told whose server is not where it was.
const GONE: &str = "no such process";
/// What a caller is told who gives up.
const TIMED_OUT: &str = "timed out";

/// Whom a promise binds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    Every,
    Addressing(Addressing),
    Blocking(Manner),
    Buffering(Keeping),
    Reliability(Reliability),
    /// Both ways of being reliable.
    Reliable,
}

/// When a promise can be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    /// Whatever goes wrong.
    Always,
    /// Packets may die, but no machine and no process.
    AllLive,
    /// Nothing goes wrong on purpose.
    Calm,
    /// And time is virtual: no computer is too slow.
    CalmWorld,
}

/// One promise.
#[derive(Clone, Copy, Debug)]
pub struct Promise {
    of: Of,
    when: When,
    /// In words.
    pub text: &'static str,
    check: fn(&Combination, &Facts) -> Result<(), String>,
}

/// A promise that did not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Broken {
    /// Whose it is; `None` if it is every row's.
    pub dimension: Option<Dimension>,
    /// What was promised.
    pub promise: String,
    /// What was found.
    pub found: String,
}

impl Promise {
    /// The dimension whose choice gives it, if one does.
    pub const fn dimension(&self) -> Option<Dimension> {
        match self.of {
            Of::Every => None,
            Of::Addressing(_) => Some(Dimension::Addressing),
            Of::Blocking(_) => Some(Dimension::Blocking),
            Of::Buffering(_) => Some(Dimension::Buffering),
            Of::Reliability(_) | Of::Reliable => Some(Dimension::Reliability),
        }
    }

    /// Whose it is, in a word or two.
    pub const fn whose(&self) -> &'static str {
        match self.of {
            Of::Every => "every row:",
            Of::Addressing(Addressing::Place) => "place:",
            Of::Addressing(Addressing::Sparse) => "sparse:",
            Of::Addressing(Addressing::Name) => "name:",
            Of::Blocking(Manner::Blocking) => "blocking:",
            Of::Blocking(Manner::Copied) => "copied:",
            Of::Blocking(Manner::Lent) => "lent:",
            Of::Buffering(Keeping::Discard) => "discard:",
            Of::Buffering(Keeping::Keep) => "keep:",
            Of::Buffering(Keeping::Mailbox) => "mailbox:",
            Of::Reliability(Reliability::Unreliable) => "unreliable:",
            Of::Reliability(Reliability::AckEach) => "ack-each:",
            Of::Reliability(Reliability::ReplyAcks) => "reply-acks:",
            Of::Reliable => "ack-each and reply-acks:",
        }
    }

    fn binds(&self, combination: &Combination) -> bool {
        match self.of {
            Of::Every => true,
            Of::Addressing(addressing) => addressing == combination.addressing,
            Of::Blocking(blocking) => blocking == combination.blocking,
            Of::Buffering(buffering) => buffering == combination.buffering,
            Of::Reliability(reliability) => reliability == combination.reliability,
            Of::Reliable => is_reliable(combination),
        }
    }

    const fn is_given(&self, facts: &Facts) -> bool {
        let weather = facts.weather;
        match self.when {
            When::Always => true,
            When::AllLive => weather.all_live,
            When::Calm => weather.calm,
            When::CalmWorld => weather.calm && weather.world,
        }
    }
}

/// The promises, in the order of slide 20.
pub fn promises() -> &'static [Promise] {
    &PROMISES
}

/// What came of the promises of a row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// How many there were.
    pub promises: usize,
    /// Those that did not hold.
    pub broken: Vec<Broken>,
    /// The choices that no event showed in force, since what went wrong on purpose let nothing come that far.
    pub unseen: Vec<Dimension>,
}

/// Checks the promises of a combination. That an event shows each choice in force is promised where nothing goes wrong
/// on purpose; else nobody can promise that anything came that far.
pub fn check(combination: &Combination, facts: &Facts, proofs: &[Option<Proof>; 4]) -> Checked {
    let given = PROMISES.iter().filter(|promise| promise.binds(combination) && promise.is_given(facts));
    let mut checked = Checked::default();
    for promise in given {
        checked.promises += 1;
        if let Err(found) = (promise.check)(combination, facts) {
            let (dimension, promise) = (promise.dimension(), promise.text.to_owned());
            checked.broken.push(Broken { dimension, promise, found });
        }
    }
    for (dimension, proof) in Dimension::ALL.into_iter().zip(proofs) {
        if proof.is_none() && !facts.weather.calm {
            checked.unseen.push(dimension);
            continue;
        }
        checked.promises += 1;
        if proof.is_none() {
            let choice = combination.names()[dimension as usize];
            checked.broken.push(Broken {
                dimension: Some(dimension),
                promise: format!("an event shows that it was {choice}"),
                found: "there is none".to_owned(),
            });
        }
    }
    checked
}

const fn promise(
    of: Of,
    when: When,
    text: &'static str,
    check: fn(&Combination, &Facts) -> Result<(), String>,
) -> Promise {
    Promise { of, when, text, check }
}

const PLACE: Of = Of::Addressing(Addressing::Place);
const SPARSE: Of = Of::Addressing(Addressing::Sparse);
const NAME: Of = Of::Addressing(Addressing::Name);
const BLOCKING: Of = Of::Blocking(Manner::Blocking);
const COPIED: Of = Of::Blocking(Manner::Copied);
const LENT: Of = Of::Blocking(Manner::Lent);
const DISCARD: Of = Of::Buffering(Keeping::Discard);
const KEEPING: Of = Of::Buffering(Keeping::Keep);
const MAILBOX: Of = Of::Buffering(Keeping::Mailbox);
const UNRELIABLE: Of = Of::Reliability(Reliability::Unreliable);
const ACK_EACH: Of = Of::Reliability(Reliability::AckEach);
const REPLY_ACKS: Of = Of::Reliability(Reliability::ReplyAcks);

#[rustfmt::skip]
static PROMISES: [Promise; 36] = [
    promise(Of::Every, When::AllLive, "every caller is told something", |_, f| {
        none(f.asked.iter().filter(|asked| asked.told.is_none()))
    }),
    promise(Of::Every, When::AllLive, "who is answered was heard: the server has run it", |_, f| {
        none(f.asked.iter().filter(|asked| !asked.one_way && asked.well && asked.runs.is_empty()))
    }),
    promise(Of::Every, When::AllLive, "nothing runs more often than copies of its request arrive", |_, f| {
        let arrived: usize = f.exchanges.iter().map(|exchange| exchange.arrived).sum();
        at_most("runs", f.asked.iter().map(|asked| asked.runs.len()).sum(), arrived)
    }),
    promise(Of::Every, When::Calm, "plain calls are answered, each after one run", |_, f| {
        let is_wrong = |asked: &&Asked| !asked.well || asked.runs.len() != 1;
        none(f.asked.iter().filter(|asked| asked.process == "asker").filter(is_wrong))
    }),
    promise(Of::Every, When::Calm, "a message to one who waits for it arrives", |_, f| runs_once(f, LAST)),

    promise(PLACE, When::Always, "nobody is searched for", |_, f| {
        equal("LOCATE and HERE", f.count(P::Locate).sent + f.count(P::Here).sent, 0)
    }),
    promise(PLACE, When::Always, "nobody is asked for a name", |_, f| equal("lookups", f.lookups, 0)),
    promise(PLACE, When::Always, "who has moved is not followed", |_, f| equal("runs there", f.heir_runs, 0)),
    promise(PLACE, When::Calm, "who calls one that has moved is told: no such process", |_, f| {
        MOVED.iter().try_for_each(|text| is_told(f, text, GONE))
    }),
    promise(SPARSE, When::Always, "nobody is asked for a name", |_, f| equal("lookups", f.lookups, 0)),
    promise(SPARSE, When::Calm, "the five servers are found, and the moved one once more", |_, f| {
        equal("ids found", f.located, 6)
    }),
    promise(SPARSE, When::Calm,
        "the place it had is given up, once; and so is one whose silence a caller has waited out", |_, f| {
        let silent = f.asked.iter().filter(|asked| asked.told.as_deref() == Some(TIMED_OUT)).count();
        at_least("mislaid", f.mislaid, 1)?;
        at_most("mislaid", f.mislaid, 1 + silent)
    }),
    promise(SPARSE, When::Calm,
        "who calls one that has moved is answered from there; but a kernel that had given the buffer back \
         when the packet was sent has nothing left to send again, and says: no such process", |c, f| {
        let over = c.reliability == Reliability::Unreliable && c.blocking != Manner::Blocking;
        if over { is_told(f, MOVED[0], GONE)? } else { is_answered_by(f, MOVED[0], HEIR)? }
        is_answered_by(f, MOVED[1], HEIR)
    }),
    promise(NAME, When::Always, "nobody is searched for", |_, f| {
        equal("LOCATE and HERE", f.count(P::Locate).sent + f.count(P::Here).sent, 0)
    }),
    promise(NAME, When::Calm, "every message's receiver is looked up", |_, f| {
        at_least("requests to the name server", f.lookups, f.asked.len())
    }),
    promise(NAME, When::Calm, "who calls one that has moved is answered from there", |_, f| {
        MOVED.iter().try_for_each(|text| is_answered_by(f, text, HEIR))
    }),

    promise(BLOCKING, When::Always, "no caller runs on", |_, f| {
        equal("callers that ran on", f.handed.iter().filter(|handed| handed.runs_on).count(), 0)
    }),
    promise(BLOCKING, When::Always, "no buffer is lent: it is its owner's when the call returns", |_, f| {
        equal("lent", f.handed.iter().filter(|handed| handed.handing == Handing::Lent).count(), 0)?;
        equal("came back", f.buffers_freed, 0)
    }),
    promise(COPIED, When::Always, "every caller runs on, its message copied", |_, f| {
        let copied = |handed: &&super::measure::Handed| {
            handed.runs_on && handed.handing == Handing::Copied && handed.copied_bytes > 0
        };
        equal("copied", f.handed.iter().filter(copied).count(), f.handed.len())
    }),
    promise(COPIED, When::Always, "no buffer has to come back", |_, f| {
        equal("came back", f.buffers_freed, 0)
    }),
    promise(LENT, When::Always, "every caller runs on, its buffer lent and nothing copied", |_, f| {
        let lent = |handed: &&super::measure::Handed| {
            handed.runs_on && handed.handing == Handing::Lent && handed.copied_bytes == 0
        };
        equal("lent", f.handed.iter().filter(lent).count(), f.handed.len())
    }),
    promise(LENT, When::Calm, "every lent buffer comes back", |_, f| {
        equal("came back", f.buffers_freed, f.handed.len())
    }),

    promise(DISCARD, When::Always, "no message ever waits", |_, f| equal("waited", f.mailboxes.queued, 0)),
    promise(DISCARD, When::Always, "nobody is told to try again", |_, f| equal("TA", f.count(P::Ta).sent, 0)),
    promise(DISCARD, When::Calm, "the unexpected is lost, unless sent again until it is expected", |c, f| {
        EARLY.iter().chain([&LATE]).try_for_each(|text| comes_if(f, text, is_reliable(c)))
    }),
    promise(KEEPING, When::Always, "what waits is soon taken, or thrown away", |_, f| {
        let bound = KEEP + f.weather.slack();
        let oldest = f.mailboxes.oldest_taken;
        if oldest <= bound { Ok(()) } else { Err(format!("one was taken after {oldest:?}")) }
    }),
    promise(KEEPING, When::Always, "no more wait than there is room for; nobody has to try again", |_, f| {
        at_most("waited at once", f.mailboxes.queued_max, ROOM)?;
        equal("TA", f.count(P::Ta).sent, 0)
    }),
    promise(KEEPING, When::Calm, "what comes long before it is expected is thrown away in time", |_, f| {
        at_least("thrown away", f.mailboxes.expired, 1)
    }),
    promise(KEEPING, When::CalmWorld,
        "what comes long before it is expected is lost, unless sent again; what comes shortly before is not",
        |c, f| {
            EARLY.iter().try_for_each(|text| comes_if(f, text, is_reliable(c)))?;
            runs_once(f, LATE)
        }),
    promise(MAILBOX, When::Always, "no more wait than there is room for; time throws nothing away", |_, f| {
        at_most("waited at once", f.mailboxes.queued_max, ROOM)?;
        equal("thrown away", f.mailboxes.expired, 0)
    }),
    promise(MAILBOX, When::CalmWorld, "the unexpected waits until it is wanted; one of the crowd finds no \
        room: TA has it try again where anything is sent again, else it is lost", |c, f| {
        EARLY.iter().chain([&LATE]).try_for_each(|text| runs_once(f, text))?;
        let lost = f.lost().filter(|asked| asked.process.starts_with("crowd")).count();
        if is_reliable(c) {
            at_least("TA", f.count(P::Ta).sent, 1)?;
            equal("lost", lost, 0)
        } else {
            equal("lost", lost, 1)
        }
    }),

    promise(UNRELIABLE, When::AllLive, "REQ REP: nothing is acknowledged, refused, or sent again", |_, f| {
        for exchange in &f.exchanges {
            if exchange.packets.iter().any(|kind| !["REQ", "REP", "AU"].contains(kind)) {
                return Err(shown(exchange));
            }
        }
        equal("sent again", f.count(P::Req).again + f.count(P::Rep).again, 0)
    }),
    promise(UNRELIABLE, When::Calm, "what was lost nobody is told of: its caller gives up, who wanted no \
        reply believes it sent", |_, f| {
        let misled = |asked: &&Asked| {
            let told = if asked.one_way { "sent" } else { TIMED_OUT };
            !MOVED.contains(&asked.text.as_str()) && asked.told.as_deref() != Some(told)
        };
        none(f.lost().filter(misled))
    }),
    promise(Of::Reliable, When::AllLive, "at most once; and once, if its sender is told so", |_, f| {
        let wrong = |asked: &&Asked| asked.runs.len() > 1 || (asked.well && asked.runs.len() != 1);
        none(f.asked.iter().filter(wrong))
    }),
    promise(ACK_EACH, When::AllLive, "undisturbed it is REQ ACK REP ACK, and one-way REQ ACK", |_, f| {
        every(f, |exchange| if exchange.one_way { exchange.packets == ["REQ", "ACK"] } else {
            exchange.packets == ["REQ", "ACK", "REP", "ACK"]
        })
    }),
    promise(REPLY_ACKS, When::AllLive, "undisturbed it is REQ REP ACK, with an ACK between them if and only if \
        the reply is late; and one-way REQ ACK", |c, f| {
        every(f, |exchange| {
            let held = exchange.held.unwrap_or_default();
            // What is kept for a while is as if it had not come: its time begins when it is taken.
            let quick = if c.buffering == Keeping::Keep { KEEP.max(LATE_ACK) } else { LATE_ACK };
            let (may_be_late, may_be_quick) = (held >= LATE_ACK, held <= quick + f.weather.slack());
            match &exchange.packets[..] {
                ["REQ", "ACK"] => exchange.one_way,
                ["REQ", "REP", "ACK"] => !exchange.one_way && may_be_quick,
                ["REQ", "ACK", "REP", "ACK"] => !exchange.one_way && may_be_late,
                _ => false,
            }
        })
    }),
];

fn is_reliable(combination: &Combination) -> bool {
    combination.reliability != Reliability::Unreliable
}

fn equal(what: &str, found: usize, wanted: usize) -> Result<(), String> {
    if found == wanted { Ok(()) } else { Err(format!("{what}: {found}, not {wanted}")) }
}

fn at_least(what: &str, found: usize, wanted: usize) -> Result<(), String> {
    if found >= wanted { Ok(()) } else { Err(format!("{what}: {found}, below {wanted}")) }
}

fn at_most(what: &str, found: usize, wanted: usize) -> Result<(), String> {
    if found <= wanted { Ok(()) } else { Err(format!("{what}: {found}, above {wanted}")) }
}

/// There is no such message.
fn none<'a>(mut wrong: impl Iterator<Item = &'a Asked>) -> Result<(), String> {
    match wrong.next() {
        None => Ok(()),
        Some(asked) => Err(shown_message(asked)),
    }
}

fn message<'a>(facts: &'a Facts, text: &str) -> Result<&'a Asked, String> {
    facts.message(text).ok_or_else(|| format!("\"{text}\" was never sent"))
}

fn runs_once(facts: &Facts, text: &str) -> Result<(), String> {
    comes_if(facts, text, true)
}

/// The message has run once, or not at all.
fn comes_if(facts: &Facts, text: &str, comes: bool) -> Result<(), String> {
    let asked = message(facts, text)?;
    if asked.runs.len() == usize::from(comes) { Ok(()) } else { Err(shown_message(asked)) }
}

fn is_told(facts: &Facts, text: &str, wanted: &str) -> Result<(), String> {
    let asked = message(facts, text)?;
    if asked.told.as_deref() == Some(wanted) { Ok(()) } else { Err(shown_message(asked)) }
}

fn is_answered_by(facts: &Facts, text: &str, who: &str) -> Result<(), String> {
    let asked = message(facts, text)?;
    if asked.well && asked.runs == [who] { Ok(()) } else { Err(shown_message(asked)) }
}

/// All undisturbed exchanges are like this, but for those with a process that has moved, and those so long under
/// way that the client's kernel asks whether the server lives.
fn every(facts: &Facts, like: impl Fn(&Exchange) -> bool) -> Result<(), String> {
    let ordinary = |exchange: &&Exchange| {
        exchange.undisturbed && !exchange.packets.iter().any(|kind| ["AU", "AYA"].contains(kind))
    };
    match facts.exchanges.iter().filter(ordinary).find(|exchange| !like(exchange)) {
        None => Ok(()),
        Some(exchange) => Err(shown(exchange)),
    }
}

fn shown(exchange: &Exchange) -> String {
    let held = exchange.held.map(|held| format!(", held for {held:?}")).unwrap_or_default();
    format!("{} of {} at {}{held}", exchange.packets.join(" "), exchange.process, exchange.server)
}

fn shown_message(asked: &Asked) -> String {
    let told = asked.told.as_deref().unwrap_or("nothing");
    format!("\"{}\" ran {} times, and {} was told: {told}", asked.text, asked.runs.len(), asked.process)
}
