//! What a node is told when it boots, and why it may not.
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::discovery::Discovery;
use sendrec_core::fault::{FaultError, Faults};
use sendrec_trap::{Config, Epoch, Machine, Observer, Recorder};

/// What fault rules call machines: `drop=REP#1@server>client`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// This node.
    pub own: String,
    /// Others, so far as they are known at boot; [`crate::Node::name_machine`] adds to them.
    pub machines: BTreeMap<Machine, String>,
}

/// Everything a node is told. `NodeConfig::default()` listens on a port of 127.0.0.1 that the system chooses.
pub struct NodeConfig {
    /// Where to listen. Port 0 lets the system choose, and is known to have had no incarnation before.
    pub listen: SocketAddr,
    /// What others are to send to, if that is not where it listens: needed where it listens on all addresses.
    pub advertise: Option<SocketAddr>,
    /// The kernel's configuration.
    pub kernel: Config,
    /// What the network under this node does to packets it sends.
    pub faults: Option<Faults>,
    /// What rules of `faults` call machines; `None` takes no rule that names any.
    pub names: Option<Names>,
    /// Who takes events down; turns tracing on.
    pub recorder: Option<Box<dyn Recorder>>,
    /// The epoch of this boot; `None` takes the wall clock's microseconds.
    pub epoch: Option<Epoch>,
    /// Whether the system is asked how long a packet the path to a machine carries, when a long message is to go there;
    /// else packets are as long as the kernel's configuration says.
    pub ask_paths: bool,
    /// How the node asks everyone who has a sparse id, and whether it hears when it is asked.
    pub discovery: Discovery,
    /// Whether packets of a thread that goes on sending at once wait for each other, and leave together: answers while more
    /// messages wait in a mailbox, calls that are started and not waited for.
    pub coalesce: bool,
    /// Who is told of the steps of calls (slide 39), by the threads that take them and in the middle of them.
    pub observer: Option<Observer>,
}

impl Default for NodeConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            advertise: None,
            kernel: Config::default(),
            faults: None,
            names: None,
            recorder: None,
            epoch: None,
            ask_paths: true,
            discovery: Discovery::Off,
            coalesce: true,
            observer: None,
        }
    }
}

impl std::fmt::Debug for NodeConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NodeConfig")
            .field("listen", &self.listen)
            .field("advertise", &self.advertise)
            .field("kernel", &self.kernel)
            .field("faults", &self.faults)
            .field("names", &self.names)
            .field("recorder", &self.recorder.is_some())
            .field("epoch", &self.epoch)
            .field("ask_paths", &self.ask_paths)
            .field("discovery", &self.discovery)
            .field("coalesce", &self.coalesce)
            .finish()
    }
}

/// Why a node could not boot. Nothing was left behind.
#[derive(Debug, thiserror::Error)]
pub enum BootError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// It listens on all addresses, and nobody can send to "all".
    #[error(
        "{listen} listens on all addresses, which nobody can send to: say with --advertise HOST:PORT which one others are to use"
    )]
    NeedsAdvertise {
        /// Where it was to listen.
        listen: SocketAddr,
    },
    /// The address to advertise is no single one.
    #[error("{advertise} cannot be advertised: name an address others can send to")]
    BadAdvertise {
        /// Which.
        advertise: SocketAddr,
    },
    /// A node cannot harm its packets so.
    #[error("{0}")]
    Faults(#[from] FaultError),
    /// The multicast group and the node do not go together, or the system does not do multicast.
    #[error(
        "cannot ask or hear {group} from {listen}: {source}; name machines instead (--discover HOST:PORT,...)"
    )]
    Multicast {
        /// The group.
        group: SocketAddr,
        /// Where the node listens.
        listen: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The system gave no poll, waker or thread.
    #[error("cannot set up the node: {0}")]
    System(#[from] std::io::Error),
}

/// The epoch of a boot now: larger than that of every earlier boot, as long as the clock is not set back; if it is,
/// the peers that know better say so, and the kernel follows.
pub(crate) fn epoch_now() -> Epoch {
    let micros = SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| since.as_micros() as u64);
    Epoch(micros.max(1))
}

/// The machine number of a node that is bound to `bound`.
pub(crate) fn machine_of(bound: SocketAddr, advertise: Option<SocketAddr>) -> Result<Machine, BootError> {
    match advertise {
        Some(mut advertise) => {
            if advertise.port() == 0 {
                advertise.set_port(bound.port());
            }
            if advertise.ip().is_unspecified() {
                return Err(BootError::BadAdvertise { advertise });
            }
            Ok(Machine::new(advertise))
        }
        None if is_wildcard(bound.ip()) => Err(BootError::NeedsAdvertise { listen: bound }),
        None => Ok(Machine::new(bound)),
    }
}

pub(crate) fn is_wildcard(ip: IpAddr) -> bool {
    ip.to_canonical().is_unspecified()
}
