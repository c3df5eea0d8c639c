//! The steps of a remote procedure call, as slide 39 tells them apart: said when one is over, to whoever measures.
//!
//! Deliberately not here: a clock. Who listens has one.

/// A step that is over. What lies between two of them in time is the later one's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[repr(u8)]
pub enum Step {
    /// The client has called its stub.
    Called,
    /// The stub has a buffer for the message.
    Prepared,
    /// Its header is filled in.
    HeaderFilled,
    /// The arguments are in it.
    Marshalled,
    /// The stub has trapped to the kernel.
    Trapped,
    /// The kernel runs: on a node, its lock is taken.
    Entered,
    /// The destination is known.
    Addressed,
    /// It is in the packet's header.
    Headed,
    /// The timer is armed.
    Armed,
    /// The message is where the network takes it from.
    Copied,
    /// The network interface has it.
    Transmitted,
    /// A datagram has come in.
    Interrupted,
    /// It is a packet, and valid: a request that is new, or the reply to one that waits.
    Checked,
    /// Whose it is is known.
    Decided,
    /// It is copied out of the network's buffer.
    CopiedOut,
    /// It is handed to whoever waits for it, or in the mailbox.
    Handed,
    /// The stub runs, with the message.
    Woken,
    /// The arguments, or the result, are values.
    Unmarshalled,
    /// The procedure has run.
    Performed,
    /// Its result is in a message.
    ResultMarshalled,
}

impl Step {
    /// All of them.
    pub const ALL: [Self; 20] = [
        Self::Called,
        Self::Prepared,
        Self::HeaderFilled,
        Self::Marshalled,
        Self::Trapped,
        Self::Entered,
        Self::Addressed,
        Self::Headed,
        Self::Armed,
        Self::Copied,
        Self::Transmitted,
        Self::Interrupted,
        Self::Checked,
        Self::Decided,
        Self::CopiedOut,
        Self::Handed,
        Self::Woken,
        Self::Unmarshalled,
        Self::Performed,
        Self::ResultMarshalled,
    ];
}

/// Who is told of steps.
pub type Observer = fn(Step);
