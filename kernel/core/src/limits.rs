//! Every bound of the kernel in one place, its unit in its name.
//!
//! What a person may set is a field of [`crate::Config`] and takes its default from here; the rest is fixed.
use core::time::Duration;

/// The largest UDP payload there is: 65,535 less the IPv4 and UDP headers.
pub const DATAGRAM_BYTES_MAX: usize = 65_507;
/// The default packet, header included: an Ethernet frame's 1,500 bytes less the IPv4 and UDP headers.
pub const PACKET_BYTES_DEFAULT: usize = 1_472;
/// The smallest packet a configuration or a transfer may ask for: one with the shortest piece. Every control packet fits.
pub const PACKET_BYTES_MIN: usize =
    crate::wire::HEADER_BYTES + crate::wire::FRAGMENT_BYTES + crate::wire::PIECE_BYTES_MIN as usize;
/// The longest message, if nothing else is said.
pub const MESSAGE_BYTES_DEFAULT: usize = 1 << 30;
/// The longest message there can be: its length has four bytes in a header.
pub const MESSAGE_BYTES_MAX: usize = (u32::MAX - (1 << 17)) as usize;
/// Memory for messages on their way here, if nothing else is said.
pub const ARRIVING_BYTES_DEFAULT: usize = 2 << 30;
/// What may be under way to a machine that says nothing else: a UDP socket's usual buffer, with what the system charges for
/// each packet taken off.
pub const RECEIVE_BYTES_DEFAULT: usize = 96 << 10;
/// Bytes of a message that go before anything is granted.
pub const FIRST_FLIGHT_BYTES_DEFAULT: usize = 16 << 10;
/// A message on its way here of which nothing more comes is given up after so long.
pub const ARRIVAL_IDLE: Duration = Duration::from_secs(30);
/// A transfer's turn, when several are to go: so many bytes, then the next one's.
pub const TURN_BYTES: usize = 64 << 10;
/// Pieces of one message: a gibibyte in pieces of a kibibyte.
pub const PIECES_MAX: u32 = 1 << 20;
/// Packets that one report takes at most; what they have no room for is in the next report.
pub const REPORT_PACKETS_MAX: usize = 8;
/// A transfer of which the receiver takes nothing more is given up after so long, whatever it answers.
pub const NO_PROGRESS: Duration = Duration::from_secs(30);
/// Pieces that a receiver lets be under way at most.
pub const PIECES_UNDER_WAY_MAX: u32 = 1 << 16;

/// Sequence numbers a client process may have awaited at one machine, from the floor up: the window W.
pub const WINDOW_DEFAULT: u32 = 1_024;
/// The largest window a configuration may ask for; a server's table of one client grows to four bytes a number.
pub const WINDOW_MAX: u32 = 65_536;
/// Bytes of cached replies a kernel keeps until they are acknowledged, all clients together.
pub const CACHE_BYTES_DEFAULT: usize = 64 << 20;
/// A reply larger than this is acknowledged at once, not when the next request happens to go.
pub const LARGE_REPLY_BYTES: usize = 16 << 10;

/// Processes on one kernel.
pub const PROCESSES_MAX: usize = 65_536;
/// Threads of one process that may wait in `receive` at once.
pub const RECEIVERS_MAX: usize = 4_096;
/// Waits (blocked calls, completions) of one kernel.
pub const WAITS_MAX: usize = 1 << 20;
/// Messages in a mailbox that asks for nothing else.
pub const MAILBOX_MESSAGES_DEFAULT: usize = 1_024;
/// Bytes in a mailbox that asks for nothing else.
pub const MAILBOX_BYTES_DEFAULT: usize = 16 << 20;
/// What one message is charged besides its payload, in bytes.
pub const MESSAGE_OVERHEAD_BYTES: usize = 128;

/// Machines a kernel remembers; the one heard of longest ago gives way once its packets must have died.
pub const PEERS_MAX: usize = 65_536;
/// Client processes, of all machines, that a server remembers.
pub const WINDOWS_MAX: usize = 1 << 18;
/// Requests of other machines held at once (queued, executing, or answered and not yet acknowledged).
pub const SERVED_MAX: usize = 1 << 20;
/// Conversations (client process and server machine) a kernel remembers.
pub const CONVERSATIONS_MAX: usize = 1 << 18;

/// How long a packet may live in the network.
pub const PACKET_LIFE: Duration = Duration::from_secs(30);

/// The server's delay before it acknowledges a request that has no reply yet (slide 19c).
pub const LATE_ACK_DEFAULT: Duration = Duration::from_millis(5);
/// The client's delay before the acknowledgement of a reply goes alone.
pub const ACK_DELAY_DEFAULT: Duration = Duration::from_millis(10);
/// The retransmission time-out towards a machine of which no round trip is known.
pub const RETRANSMIT_FIRST_DEFAULT: Duration = Duration::from_millis(100);
/// The retransmission time-out is never below this (above it come the late-ACK delay and the round trip).
pub const RETRANSMIT_MIN_DEFAULT: Duration = Duration::from_millis(2);
/// Backing off stops here.
pub const RETRANSMIT_MAX_DEFAULT: Duration = Duration::from_secs(2);
/// How often a packet is sent again before its sender gives up.
pub const RETRIES_DEFAULT: u32 = 10;
/// The time between an acknowledgement and the question whether the server still lives.
pub const PROBE_INTERVAL_DEFAULT: Duration = Duration::from_secs(1);
/// The first wait after TA; each further one is twice as long, and each is jittered by a half.
pub const TRY_AGAIN_DEFAULT: Duration = Duration::from_millis(5);
/// How many TA in a row are borne before the call fails with *refused*.
pub const TRY_AGAINS_DEFAULT: u32 = 12;
/// Timers fire at multiples of this; the sweep looks at its entries as often while one is armed.
pub const SWEEP_INTERVAL_DEFAULT: Duration = Duration::from_millis(1);
/// Requests of this kernel's processes to other machines outstanding at once.
pub const OUTGOING_MAX: usize = 1 << 20;
/// A TA asks for at least this wait.
pub const TRY_AGAIN_HINT: Duration = Duration::from_millis(1);
/// Requests between processes of one kernel that are not answered yet.
pub const RENDEZVOUS_MAX: usize = 1 << 20;
/// Answers to its sends that a process may leave unread in its mailbox and go on sending.
pub const ANSWERS_MAX: usize = 1 << 16;
/// Client processes of one machine that a server remembers: one machine does not keep all others out.
pub const WINDOWS_PER_MACHINE_MAX: u32 = 1 << 14;
/// The first wait for a HERE.
pub const LOCATE_FIRST_DEFAULT: Duration = Duration::from_millis(100);
/// How often LOCATE is sent again before its sender gives up.
pub const LOCATE_RETRIES_DEFAULT: u32 = 4;
/// Places of sparse ids that a kernel remembers; the one learned longest ago gives way.
pub const PLACES_MAX: usize = 4_096;
/// Sparse ids that a kernel searches for at once.
pub const SEARCHES_MAX: usize = 4_096;
/// Requests and questions that wait until a sparse id is found.
pub const SEEKERS_MAX: usize = 1 << 16;
/// How often one request follows its sparse id to another place.
pub const MOVES_MAX: u32 = 8;
/// Bytes kept by a process that keeps the unexpected for a while and says nothing else.
pub const KEEP_BYTES_DEFAULT: usize = 1 << 20;
