//! The gate to the kernel, and the API a process has.
//!
//! [`Trap`] is what a driver implements: a node over real sockets and threads, a world in virtual time. [`Process`]
//! is what a program holds: the blocking calls of the lecture, their non-blocking forms, deadlines. The same program
//! text runs over either. Deliberately not here: sockets, mio, and every rule of the protocol.
//!
//! # Slides 13 and 14, line by line
//!
//! ```
//! use sendrec_sim::World;
//! use sendrec_trap::{Address, From, LocalId, Process, Received, SpawnOptions, Trap};
//!
//! const FILE_SERVER: LocalId = LocalId(1);
//! const READ: u8 = 2;
//! const OK: u8 = 0;
//! const E_BAD_OPCODE: u8 = 1;
//!
//! fn do_read(m1: &Received, m2: &mut Vec<u8>) -> u8 {
//!     m2.extend_from_slice(&m1.message[1..]);
//!     OK
//! }
//!
//! // Slide 13, the server.
//! fn server<T: Trap + ?Sized>(me: &Process<'_, T>) {
//!     while let Ok(m1) = me.receive(From::Any) {                   // receive(FILE_SERVER, &m1)
//!         let mut m2 = vec![0];                                    // struct message m2
//!         let r = match m1.message.first() {                       // case (m1.opcode) {
//!             Some(&READ) => do_read(&m1, &mut m2),                // case READ: r = do_read(&m1, &m2); break
//!             _ => E_BAD_OPCODE,                                   // default: r = E_BAD_OPCODE }
//!         };
//!         m2[0] = r;                                               // m2.result = r
//!         me.send(m1.source, m2).unwrap();                         // send(m1.source, &m2)
//!     }
//! }
//!
//! // Slide 14, the client.
//! fn read<T: Trap + ?Sized>(me: &Process<'_, T>, file_server: Address, buf: &mut Vec<u8>) -> u8 {
//!     let mut m1 = vec![READ];                                     // m1.opcode = READ
//!     m1.extend_from_slice(b"hello");                              // strcpy(&m1.filename, src)
//!     me.send(file_server, m1).unwrap();                           // send(FILE_SERVER, &m1)
//!     let m1 = me.receive(From::One(file_server)).unwrap();        // receive(CLIENT, &m1)
//!     if m1.message[0] == OK {                                     // if (m1.result == OK)
//!         buf.extend_from_slice(&m1.message[1..]);                 //     strcpy(buf, &m1.data)
//!     }
//!     m1.message[0]                                                // return m1.result
//! }
//!
//! let mut world = World::new(1);
//! let (near, far) = (world.boot(), world.boot());
//! let file_server = Address::new(world.machine(far), FILE_SERVER);
//! let well_known = SpawnOptions { local_id: Some(FILE_SERVER), ..SpawnOptions::default() };
//! world.spawn(far, well_known, |me| server(me));
//! world.spawn(near, SpawnOptions::default(), move |me| {
//!     let mut buf = Vec::new();
//!     assert_eq!(read(me, file_server, &mut buf), OK);
//!     assert_eq!(buf, b"hello");
//! });
//! world.run();
//! ```
#![forbid(unsafe_code)]

mod completion;
mod error;
mod message;
mod process;
mod recorder;

use std::sync::Arc;

pub use bytes::{Bytes, BytesMut};
pub use completion::{Completion, Drive, Interrupt, Slot};
pub use crossbeam_channel::Sender;
pub use error::{Down, PingError, SendError, SendFailure};
pub use message::{Message, To};
pub use process::{How, Process};
pub use recorder::Recorder;
pub use sendrec_core::{
    Address, Buffering, CallError, Config, Epoch, From, Handing, Instant, LocalId, Machine, Options, Outcome,
    Overflow, ReceiveError, Received, Reliability, ReplyError, Semantics, Source, SparseId, SpawnError,
    SpawnOptions, Syscall, Target,
    trace::{Observer, Step},
};

/// Takes what came of a receive; says whether it wants the next one.
pub type Deliver = Box<dyn FnMut(Outcome) -> bool + Send>;

/// What a driver offers to the processes on it.
///
/// A process handle borrows one. Entering runs the call in the kernel; if the kernel says so, the caller waits - by
/// blocking its thread on a node, by suspending its coroutine in a world.
pub trait Trap {
    /// The time, by the clock that deadlines are of.
    fn now(&self) -> Instant;

    /// The machine this kernel is.
    fn machine(&self) -> Machine;

    /// How sends go that say nothing else.
    fn options(&self) -> Options;

    /// The largest message that can be sent, bytes.
    fn message_bytes_max(&self) -> usize;

    /// Makes a process.
    fn spawn(&self, options: SpawnOptions) -> Result<LocalId, SpawnError>;

    /// Ends a process. Unknown ids are ignored.
    fn exit(&self, process: LocalId);

    /// Enters the kernel and waits until the call is over, or the deadline has passed. What came at the same moment
    /// as the deadline is brought, not lost.
    fn enter(&self, process: LocalId, call: Syscall, deadline: Option<Instant>) -> Outcome;

    /// Replies, and then receives the next message from `from`, for which it waits: what a server does between two requests.
    /// A driver that can does both in one entry if a message waits already. What came of the receive; what came of the reply
    /// if it failed, and then nothing is received.
    fn reply_and_receive(&self, process: LocalId, reply: Syscall, from: From) -> Result<Outcome, Outcome> {
        match self.enter(process, reply, None) {
            Outcome::Replied(_) => {
                Ok(self.enter(process, Syscall::Receive { from, wait: true, blocking: true }, None))
            }
            failed => Err(failed),
        }
    }

    /// Enters the kernel and does not wait: what comes of the call goes into the slot returned.
    fn submit(&self, process: LocalId, call: Syscall) -> Arc<Slot>;

    /// Waits until the slot is full, or the deadline has passed. False if it is still empty.
    fn wait(&self, slot: &Arc<Slot>, deadline: Option<Instant>) -> bool;

    /// Hands every message for the process that comes from here on to `deliver`, until that says that it wants no more
    /// or the process ends: an interrupt for each (slide 17).
    fn subscribe(&self, process: LocalId, from: From, deliver: Deliver);

    /// The process has found a computation of `client` to be an orphan: for the trace (slide 37).
    fn orphan(&self, _process: LocalId, _client: Address) {}

    /// A stub has taken a step of a call for the process: for those who measure or trace (slides 29 and 39).
    fn step(&self, _process: LocalId, _step: Step) {}

    /// Takes back the call whose outcome is to go into the slot; it is filled with what that leaves. A full slot stays
    /// as it is.
    fn cancel(&self, slot: &Arc<Slot>);
}
