//! Who a client is, and which of its calls are under way: for servers that remember calls, and for finding orphans.
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use sendrec_trap::Target;

use crate::Ledger;
use crate::orphans::protocol::{CallLog, CallLogs, Logged};
use crate::pass::Identity;
use crate::xdr::{Decoder, Encoder, Xdr};

/// A client's identity and its calls that are under way.
pub struct ClientIdentity {
    number: u128,
    calls: Mutex<Calls>,
    log: Option<Log>,
}

struct Log {
    ledger: Box<dyn Ledger + Send + Sync>,
    /// What stood in it: calls of earlier incarnations that nobody has seen to.
    earlier: OnceLock<CallLogs>,
}

#[derive(Debug, Default)]
struct Calls {
    next: u64,
    under_way: BTreeMap<u64, Target>,
}

impl fmt::Debug for ClientIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientIdentity")
            .field("number", &format_args!("{:#x}", self.number))
            .finish_non_exhaustive()
    }
}

impl ClientIdentity {
    /// A client that nobody else is: 16 bytes chosen at random.
    pub fn new(number: u128) -> Self {
        Self { number, calls: Mutex::default(), log: None }
    }

    /// One that writes each call down before it is sent, and strikes it out after, as extermination wants it (slide 37;
    /// [`crate::orphans`]).
    #[must_use]
    pub fn logging(self, ledger: impl Ledger + Send + Sync + 'static) -> Self {
        Self { log: Some(Log { ledger: Box::new(ledger), earlier: OnceLock::new() }), ..self }
    }

    /// Its number.
    pub const fn number(&self) -> u128 {
        self.number
    }

    /// Whether its calls are written down.
    pub(crate) const fn keeps_log(&self) -> bool {
        self.log.is_some()
    }

    fn calls(&self) -> MutexGuard<'_, Calls> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A call to `server` begins.
    pub(crate) fn begin(&self, server: Target) -> io::Result<Identity> {
        let mut calls = self.calls();
        let sequence = calls.next;
        calls.next += 1;
        calls.under_way.insert(sequence, server);
        let floor = calls.under_way.first_key_value().map_or(sequence, |(first, _)| *first);
        if let Err(error) = self.write(&calls) {
            calls.under_way.remove(&sequence);
            return Err(error);
        }
        Ok(Identity { client: self.number, sequence, floor })
    }

    /// It is over, whatever became of it.
    pub(crate) fn end(&self, sequence: u64) {
        let mut calls = self.calls();
        if calls.under_way.remove(&sequence).is_some()
            && let Err(error) = self.write(&calls)
        {
            // After a crash it would be asked about in vain.
            log::warn!("the log of calls cannot be written: {error}");
        }
    }

    fn write(&self, calls: &Calls) -> io::Result<()> {
        let Some(Log { ledger, earlier }) = &self.log else { return Ok(()) };
        let earlier = match earlier.get() {
            Some(earlier) => earlier,
            // Before the first call: what there is is not of this incarnation.
            None => {
                let mut found = read_log(&**ledger)?;
                found.truncate(EARLIER_MAX);
                earlier.get_or_init(|| found)
            }
        };
        let logged = calls
            .under_way
            .iter()
            .map(|(sequence, server)| Logged { sequence: *sequence, server: server.to_string().into() });
        let under_way = CallLog { client: self.number.to_be_bytes(), calls: logged.collect() };
        let all: CallLogs = std::iter::once(under_way).chain(earlier.iter().cloned()).collect();
        let mut out = Encoder::new();
        out.array(&all, LOGS_MAX, Xdr::encode).map_err(io::Error::other)?;
        ledger.write(&out.finish())
    }
}

/// Logs in one file, and how many of them may be of earlier incarnations.
const LOGS_MAX: u32 = 64;
const EARLIER_MAX: usize = LOGS_MAX as usize - 1;

/// What a log has; nothing if nothing was ever written, or all was struck out.
pub(crate) fn read_log(log: &dyn Ledger) -> io::Result<CallLogs> {
    let Some(bytes) = log.read()?.filter(|bytes| !bytes.is_empty()) else { return Ok(CallLogs::new()) };
    let wrong = |error| io::Error::new(io::ErrorKind::InvalidData, format!("not a log of calls: {error}"));
    let mut input = Decoder::new(bytes.into());
    let logs = input.array(LOGS_MAX, Xdr::decode).and_then(|logs| input.end().map(|()| logs));
    logs.map_err(wrong)
}
