//! What may be typed behind `sendrec lab`.
use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand};
use sendrec::lab::{Addressing, Manner, Switches, TransferChange, buffering, reliability};
use sendrec::view::View;
use sendrec_core::fault::Faults;
use sendrec_core::{Buffering, Reliability};

use crate::cli::Failure;
use crate::cli::args::{MatrixArgs, parse_view};

#[derive(Debug, ClapArgs)]
pub(crate) struct LabArgs {
    #[command(subcommand)]
    pub(crate) command: LabCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum LabCommand {
    /// Name the scenarios with their slides
    #[command(after_help = "Example:\n  sendrec lab list\n  sendrec lab list --json")]
    List(ListArgs),
    /// Run a scenario, draw it, explain it, and check what it claims
    #[command(
        after_help = "Example:\n  sendrec lab run lost-reply\n  sendrec lab run lost-reply --reliability unreliable\n  sendrec lab run lost-reply --udp --html lost-reply.html\n  sendrec lab run mine.toml --fault loss=0.1,crash=server@execute --seed 7\n\nExit status 0 if all claims held, 1 if one did not."
    )]
    Run(RunArgs),
    /// Run what belongs to a slide of the lecture
    #[command(after_help = "Example:\n  sendrec lab slide 22")]
    Slide(SlideArgs),
    /// Print a scenario's file, to start one's own from
    #[command(
        after_help = "Example:\n  sendrec lab show lost-reply > mine.toml\n  sendrec lab run mine.toml"
    )]
    Show(ShowArgs),
    /// Run two scenarios, or one with different switches, side by side
    #[command(
        after_help = "Example:\n  sendrec lab compare acknowledge-each reply-acknowledges\n  sendrec lab compare lost-reply 'lost-reply;reliability=unreliable'\n\nBehind a name stand switches: addressing, blocking, buffering, reliability, transfer, seed, fault."
    )]
    Compare(CompareArgs),
    /// Crash a server at every event of a call, under each semantics: how often it ran, and what its client believes
    #[command(
        after_help = "Example:\n  sendrec lab crash-table\n  sendrec lab crash-table --json\n\nExit status 0 if every promise was kept."
    )]
    CrashTable(CrashTableArgs),
    /// A machine of a scenario over UDP; `lab run --udp` starts it
    #[command(hide = true)]
    Machine,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct CrashTableArgs {
    /// One JSON object a line
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ListArgs {
    /// One JSON object a line
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct RunArgs {
    /// A built-in scenario, or a file
    #[arg(value_name = "NAME|FILE")]
    pub(crate) scenario: String,
    #[command(flatten)]
    pub(crate) how: HowArgs,
    /// Hide the ladder from this packet on, and ask for each next one: "server REP"
    #[arg(long, value_name = "PACKET", num_args = 0..=1, default_missing_value = "1", conflicts_with_all = ["view", "html", "json", "udp"])]
    pub(crate) predict: Option<usize>,
    /// Write the traces of its machines into this directory
    #[arg(long, value_name = "DIR")]
    pub(crate) traces: Option<PathBuf>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct SlideArgs {
    /// Which
    pub(crate) slide: u32,
    #[command(flatten)]
    pub(crate) how: HowArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ShowArgs {
    /// A built-in scenario
    pub(crate) name: String,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct CompareArgs {
    /// The one on the left: NAME or NAME;SWITCH=VALUE;...
    pub(crate) left: String,
    /// The one on the right
    pub(crate) right: String,
    #[command(flatten)]
    pub(crate) switches: SwitchArgs,
    /// One JSON object
    #[arg(long)]
    pub(crate) json: bool,
    /// Columns of the drawings and the table [default: the terminal's; 80 if there is none]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(60..=400))]
    pub(crate) width: Option<u16>,
}

/// How to run and how to show.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct HowArgs {
    #[command(flatten)]
    pub(crate) switches: SwitchArgs,
    /// Over UDP on loopback, each machine an OS process of its own; a crash is kill -9
    #[arg(long)]
    pub(crate) udp: bool,
    /// Show the run in this form
    #[arg(long = "as", value_name = "VIEW", value_parser = parse_view())]
    pub(crate) view: Option<View>,
    /// Write what --as says to this file
    #[arg(short, long, value_name = "FILE", requires = "view")]
    pub(crate) output: Option<PathBuf>,
    /// Write a page to look at in a browser
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// One JSON object: claims, what processes were told, packets
    #[arg(long, conflicts_with = "view")]
    pub(crate) json: bool,
    /// Columns of the drawing [default: the terminal's, at most 120; 80 if there is none]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(60..=400))]
    pub(crate) width: Option<u16>,
    /// Draw with ASCII characters alone
    #[arg(long)]
    pub(crate) ascii: bool,
    /// Draw every piece of a longer message in a row of its own
    #[arg(long)]
    pub(crate) unfold: bool,
}

/// The dimensions of slide 20, and faults.
#[derive(Clone, Debug, ClapArgs)]
#[command(next_help_heading = "Switches")]
pub(crate) struct SwitchArgs {
    /// Slides 15-16: place, sparse or name
    #[arg(long, value_name = "HOW")]
    addressing: Option<Addressing>,
    /// Slide 17: blocking, copied or lent
    #[arg(long, value_name = "HOW")]
    blocking: Option<Manner>,
    /// Slide 18: discard, "keep 50ms", mailbox, "mailbox 4 discard" (or try-again, or block)
    #[arg(long, value_name = "HOW", value_parser = buffering)]
    buffering: Option<Buffering>,
    /// Slide 19: unreliable, ack-each or reply-acks
    #[arg(long, value_name = "HOW", value_parser = reliability)]
    reliability: Option<Reliability>,
    /// Slide 38: blast, blast=16, stop-and-wait or window=8 (with ack-every=4); full, go-back-n or selective;
    /// packet=1024, gap=1ms, checksum: any of these, between commas
    #[arg(long, value_name = "HOW")]
    transfer: Option<TransferChange>,
    /// What decides chance; the same seed is the same run
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    #[command(flatten)]
    faults: FaultArgs,
}

/// The one fault vocabulary, and its short forms.
#[derive(Clone, Debug, Default, ClapArgs)]
#[command(next_help_heading = "Faults")]
pub(crate) struct FaultArgs {
    /// Rules, e.g. loss=0.1,drop=REP#1,crash=server@execute,restart=server@crash+20ms
    #[arg(long, value_name = "RULES")]
    fault: Vec<Faults>,
    /// Short for --fault loss=P
    #[arg(long, value_name = "P", allow_negative_numbers = true)]
    loss: Option<String>,
    /// Short for --fault drop=TYPE#N
    #[arg(long, value_name = "TYPE#N")]
    drop: Vec<String>,
    /// Short for --fault duplicate=TYPE#N, or of a probability
    #[arg(long, value_name = "TYPE#N|P", allow_negative_numbers = true)]
    duplicate: Vec<String>,
    /// Short for --fault reorder=P
    #[arg(long, value_name = "P", allow_negative_numbers = true)]
    reorder: Option<String>,
    /// Short for --fault corrupt=TYPE#N, or of a probability
    #[arg(long, value_name = "TYPE#N|P", allow_negative_numbers = true)]
    corrupt: Vec<String>,
    /// Short for --fault delay=TYPE#N:TIME, or of a time for all
    #[arg(long, value_name = "TYPE#N:TIME|TIME", allow_hyphen_values = true)]
    delay: Vec<String>,
    /// Short for --fault crash=WHO@POINT
    #[arg(long, value_name = "WHO@POINT")]
    crash: Vec<String>,
    /// Short for --fault restart=WHO@POINT
    #[arg(long, value_name = "WHO@POINT")]
    restart: Vec<String>,
}

impl FaultArgs {
    /// All of them as one set; what is wrong with one is said by its rule.
    pub(crate) fn faults(&self) -> Result<Faults, String> {
        let one = |name: &str, value: &Option<String>| {
            value.iter().map(|value| format!("{name}={value}")).collect()
        };
        let many =
            |name: &str, values: &[String]| values.iter().map(|value| format!("{name}={value}")).collect();
        let short: [Vec<String>; 8] = [
            one("loss", &self.loss),
            many("drop", &self.drop),
            many("duplicate", &self.duplicate),
            one("reorder", &self.reorder),
            many("corrupt", &self.corrupt),
            many("delay", &self.delay),
            many("crash", &self.crash),
            many("restart", &self.restart),
        ];
        let short: Faults = short.concat().join(",").parse().map_err(|error| format!("{error}"))?;
        Ok(self.fault.iter().fold(short, |all, more| all.and(more)))
    }
}

impl HowArgs {
    /// As the matrix has it, which is slide 20: what it has no use for is refused.
    pub(crate) fn matrix(&self) -> Result<MatrixArgs, Failure> {
        const WIDTH_MIN: u16 = 80;
        let SwitchArgs { addressing, blocking, buffering, reliability, transfer, seed, faults } =
            &self.switches;
        let choices = [
            ("--addressing", addressing.is_some()),
            ("--blocking", blocking.is_some()),
            ("--buffering", buffering.is_some()),
            ("--reliability", reliability.is_some()),
            ("--transfer", transfer.is_some()),
        ];
        if let Some((name, _)) = choices.into_iter().find(|(_, given)| *given) {
            let reason = "slide 20 is every choice at once; `sendrec matrix --only` shows some of its rows";
            return Err(Failure::new(name, reason));
        }
        let forms = [
            ("--output", self.output.is_some()),
            ("--as", self.view.is_some()),
            ("--ascii", self.ascii),
            ("--unfold", self.unfold),
        ];
        if let Some((name, _)) = forms.into_iter().find(|(_, given)| *given) {
            let reason = "slide 20 is a table, not a ladder; --json, --html FILE and `sendrec matrix --csv` are \
                          its other forms";
            return Err(Failure::new(name, reason));
        }
        Ok(MatrixArgs {
            seed: seed.unwrap_or(1),
            only: None,
            udp: self.udp,
            width: self.width.map(|width| width.max(WIDTH_MIN)),
            csv: false,
            json: self.json,
            html: self.html.clone(),
            faults: faults.clone(),
        })
    }
}

impl SwitchArgs {
    pub(crate) fn switches(&self) -> Result<Switches, String> {
        Ok(Switches {
            addressing: self.addressing,
            blocking: self.blocking,
            buffering: self.buffering,
            reliability: self.reliability,
            transfer: self.transfer,
            seed: self.seed,
            faults: self.faults.faults()?,
        })
    }
}
