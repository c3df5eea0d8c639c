//! What is measured: the peers, and what each is asked to do.

/// A program that is one peer or several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    /// A package of this workspace.
    Package(&'static str),
    /// A source in C, and what the compiler is told besides; what a machine lacks if it does not compile.
    C {
        /// In the folder `c`, without its ending.
        source: &'static str,
        flags: &'static [&'static str],
        needs: &'static str,
    },
}

/// A peer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer {
    /// As reports have it.
    pub(crate) name: &'static str,
    pub(crate) program: Program,
    /// As its program calls it.
    pub(crate) argument: &'static str,
}

const fn package(name: &'static str, package: &'static str, argument: &'static str) -> Peer {
    Peer { name, program: Program::Package(package), argument }
}

const fn c(name: &'static str, program: Program, argument: &'static str) -> Peer {
    Peer { name, program, argument }
}

const PLAIN: &str = "sendrec-peer-plain";
const OWN: &str = "sendrec-peer-own";
const TARPC: &str = "sendrec-peer-tarpc";
const TONIC: &str = "sendrec-peer-tonic";
const QUINN: &str = "sendrec-peer-quinn";
const CAPNP: &str = "sendrec-peer-capnp";
const ICEORYX2: &str = "sendrec-peer-iceoryx2";
const TIRPC: Program = Program::C {
    source: "tirpc",
    flags: &["-I/usr/include/tirpc", "-ltirpc", "-pthread"],
    needs: "libtirpc-dev",
};
const ZEROMQ: Program = Program::C { source: "zeromq", flags: &["-pthread", "-lzmq"], needs: "libzmq3-dev" };
const NNG: Program = Program::C { source: "nng", flags: &["-pthread", "-lnng"], needs: "libnng-dev" };

/// What calls are compared with: it waits as a node does.
pub(crate) const UDP: &str = "raw UDP, yielding";
/// What calls are compared with while the cores are busy.
pub(crate) const UDP_BLOCKING: &str = "raw UDP, blocking";
/// What long messages are compared with.
pub(crate) const SEGMENTS: &str = "raw UDP, segmented";
pub(crate) const TCP: &str = "TCP";
pub(crate) const CHANNEL: &str = "crossbeam-channel, in one process";
pub(crate) const NULL: &str = "sendrec, kernel";
pub(crate) const SINGLE: &str = "sendrec, kernel, packets one by one";
pub(crate) const LOCAL: &str = "sendrec, within a node";
pub(crate) const STUBS: &str = "sendrec, stubs";
pub(crate) const TIRPC_UDP: &str = "libtirpc, UDP";
pub(crate) const TIRPC_TCP: &str = "libtirpc, TCP";
pub(crate) const ZEROMQ_IPC: &str = "ZeroMQ, ipc";
pub(crate) const ZEROMQ_TCP: &str = "ZeroMQ, TCP";

/// All, in the order in which they are measured.
pub(crate) const PEERS: [Peer; 29] = [
    package(UDP_BLOCKING, PLAIN, "udp-block"),
    package(UDP, PLAIN, "udp-yield"),
    package(NULL, OWN, "null"),
    package(SINGLE, OWN, "null-single"),
    package(SEGMENTS, PLAIN, "udp-segments"),
    package(TCP, PLAIN, "tcp"),
    package("unix socket", PLAIN, "unix"),
    package(CHANNEL, PLAIN, "channel"),
    package(LOCAL, OWN, "local"),
    package(STUBS, OWN, "stubs"),
    package("sendrec, ONC RPC over UDP", OWN, "onc-udp"),
    package("sendrec, ONC RPC over TCP", OWN, "onc-tcp"),
    c(TIRPC_UDP, TIRPC, "tirpc-udp"),
    c(TIRPC_TCP, TIRPC, "tirpc-tcp"),
    c(ZEROMQ_IPC, ZEROMQ, "zeromq-ipc"),
    c(ZEROMQ_TCP, ZEROMQ, "zeromq-tcp"),
    c("nng, ipc", NNG, "nng-ipc"),
    c("nng, TCP", NNG, "nng-tcp"),
    package("iceoryx2, waiting", ICEORYX2, "iceoryx2"),
    package("iceoryx2, polling", ICEORYX2, "iceoryx2-poll"),
    package("tarpc, one thread", TARPC, "tarpc"),
    package("tarpc, one thread, Nagle's delay", TARPC, "tarpc-nagle"),
    package("tarpc, several threads", TARPC, "tarpc-threads"),
    package("tonic, one thread", TONIC, "tonic"),
    package("tonic, several threads", TONIC, "tonic-threads"),
    package("quinn, one thread", QUINN, "quinn"),
    package("quinn, several threads", QUINN, "quinn-threads"),
    package("Cap'n Proto, TCP", CAPNP, "capnp"),
    package("Cap'n Proto, unix socket", CAPNP, "capnp-unix"),
];

/// How a workload is told in figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Of a call, us.
    Micros,
    /// Calls per second.
    Rate,
    /// Of long messages, GB/s one way.
    Speed,
    /// Context switches.
    Switches,
}

/// What peers are asked to do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Workload {
    /// As it is typed.
    pub(crate) key: &'static str,
    /// As reports have it.
    pub(crate) name: &'static str,
    /// As a peer's program is told; a file's copies are not asked of them.
    pub(crate) told: Option<&'static str>,
    pub(crate) unit: Unit,
    /// The peer that all are compared with.
    pub(crate) floor: Option<&'static str>,
    /// Bytes of a long message.
    pub(crate) bytes: u64,
    /// Beside a process on each core that does nothing but run.
    pub(crate) is_loaded: bool,
    /// Takes seconds, however short a round is.
    pub(crate) is_long: bool,
    /// So many rounds are enough: each takes long.
    pub(crate) rounds_max: u32,
}

impl Workload {
    const fn calls(key: &'static str, name: &'static str, told: &'static str) -> Self {
        Self {
            key,
            name,
            told: Some(told),
            unit: Unit::Micros,
            floor: Some(UDP),
            bytes: 0,
            is_loaded: false,
            is_long: false,
            rounds_max: u32::MAX,
        }
    }

    const fn rate(key: &'static str, name: &'static str, told: &'static str) -> Self {
        Self { unit: Unit::Rate, ..Self::calls(key, name, told) }
    }

    const fn bulk(key: &'static str, name: &'static str, told: &'static str, bytes: u64) -> Self {
        Self { unit: Unit::Speed, floor: Some(TCP), bytes, ..Self::calls(key, name, told) }
    }
}

/// Of a file that is copied.
pub(crate) const FILE_BYTES: u64 = 256 << 20;

/// All.
pub(crate) const WORKLOADS: [Workload; 13] = [
    Workload::calls("null", "null call: 64 bytes there and back", "null"),
    Workload::calls("after-idle", "null call after 10 ms of idleness", "idle"),
    Workload {
        floor: Some(UDP_BLOCKING),
        is_loaded: true,
        ..Workload::calls("busy", "null call, a busy process on each core", "null")
    },
    Workload::calls("1k", "1 KiB there and back", "call:1024"),
    Workload::calls("64k", "64 KiB there and back", "call:65536"),
    Workload::rate("1", "1 call outstanding", "rate:1"),
    Workload::rate("8", "8 calls outstanding", "rate:8"),
    Workload::rate("64", "64 calls outstanding", "rate:64"),
    Workload::bulk("1m", "1 MiB one way", "bulk:1048576", 1 << 20),
    Workload::bulk("64m", "64 MiB one way", "bulk:67108864", 64 << 20),
    Workload {
        is_long: true,
        rounds_max: 1,
        ..Workload::bulk("1g", "1 GiB one way", "bulk:1073741824", 1 << 30)
    },
    Workload {
        told: None,
        is_long: true,
        floor: Some(crate::files::COPY),
        ..Workload::bulk("file", "a file of 256 MiB", "", FILE_BYTES)
    },
    Workload {
        unit: Unit::Switches,
        floor: None,
        is_long: true,
        rounds_max: 1,
        ..Workload::calls("idle", "idle after a call: context switches of both sides", "quiet")
    },
];
