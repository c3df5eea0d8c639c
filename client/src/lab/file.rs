//! The form of a scenario's file, as TOML has it. What it means is `scenario`'s business.
use serde::Deserialize;
use toml::Spanned;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Scenario {
    pub(super) name: String,
    pub(super) title: String,
    #[serde(default)]
    pub(super) slides: Vec<u32>,
    #[serde(default)]
    pub(super) text: String,
    pub(super) seed: Option<u64>,
    /// How much of the ladder to draw, rows.
    pub(super) rows: Option<usize>,
    pub(super) udp: Option<bool>,
    /// Why it cannot run over UDP.
    pub(super) only_in_a_world: Option<String>,
    #[serde(default)]
    pub(super) exhibits: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) policy: Policy,
    #[serde(default)]
    pub(super) network: Network,
    #[serde(default)]
    pub(super) machine: Vec<Machine>,
    #[serde(default)]
    pub(super) claim: Vec<Claim>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Machine {
    pub(super) name: Spanned<String>,
    pub(super) clock_ahead: Option<Spanned<String>>,
    pub(super) drift_ppm: Option<i32>,
    pub(super) first_epoch: Option<u32>,
    pub(super) epoch_step: Option<i64>,
    #[serde(default)]
    pub(super) policy: Policy,
    #[serde(default)]
    pub(super) process: Vec<Process>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Process {
    pub(super) name: Option<Spanned<String>>,
    pub(super) id: Option<u32>,
    pub(super) sparse: Option<Spanned<String>>,
    pub(super) starts: Option<Spanned<String>>,
    pub(super) buffering: Option<Spanned<String>>,
    #[serde(default)]
    script: Vec<Spanned<toml::Value>>,
}

/// A step and where it stands, or the steps that the one before it repeats.
#[derive(Debug)]
pub(super) enum Line {
    Step(Spanned<String>),
    Steps(Vec<Line>),
    /// Neither text nor list.
    Other(usize),
}

impl Process {
    /// The script's lines. Within a list places are found by looking for the text, since only its whole has a place.
    pub(super) fn lines(&self, source: &str) -> Vec<Line> {
        let line = |value: &Spanned<toml::Value>| lines_in(value.get_ref(), value.span(), source);
        self.script.iter().map(line).collect()
    }
}

fn lines_in(value: &toml::Value, span: std::ops::Range<usize>, source: &str) -> Line {
    match value {
        toml::Value::String(text) => Line::Step(Spanned::new(span, text.clone())),
        toml::Value::Array(values) => {
            let mut from = span.start;
            let inner = values.iter().map(|value| {
                let text = value.as_str().map(|text| text.split(['"', '\\']).next().unwrap_or(""));
                let found = text.and_then(|text| source.get(from..span.end)?.find(text));
                let at = found.map_or(from, |found| from + found);
                from = at;
                lines_in(value, at..span.end, source)
            });
            Line::Steps(inner.collect())
        }
        _ => Line::Other(span.start),
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Claim {
    pub(super) text: String,
    pub(super) holds: Spanned<String>,
    #[serde(default)]
    pub(super) world_only: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Link {
    pub(super) latency: Option<Spanned<String>>,
    pub(super) jitter: Option<Spanned<String>>,
    pub(super) bandwidth: Option<Spanned<String>>,
    pub(super) queue: Option<usize>,
    pub(super) free_bytes: Option<usize>,
    pub(super) atm: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Between {
    pub(super) from: Spanned<String>,
    pub(super) to: Spanned<String>,
    #[serde(default)]
    pub(super) link: Link,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Network {
    #[serde(default)]
    pub(super) link: Link,
    #[serde(default)]
    pub(super) between: Vec<Between>,
    pub(super) atm: Option<Atm>,
    pub(super) faults: Option<Spanned<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Atm {
    pub(super) rate: Option<Spanned<String>>,
    pub(super) queue_cells: Option<usize>,
    pub(super) cell_loss: Option<Spanned<f64>>,
}

/// A value as text: `retries = 2` is as good as `retries = "2"`.
fn as_text(value: &Spanned<toml::Value>) -> Spanned<String> {
    let text = match value.get_ref() {
        toml::Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    Spanned::new(value.span(), text)
}

macro_rules! policy {
    ($($field:ident = $name:literal),+ $(,)?) => {
        /// Everything of a kernel's configuration that a scenario may set, as text.
        #[derive(Debug, Default, Deserialize)]
        #[serde(deny_unknown_fields, rename_all = "kebab-case")]
        pub(super) struct Policy {
            $($field: Option<Spanned<toml::Value>>,)+
        }

        impl Policy {
            /// The settings that are set, each by its name.
            pub(super) fn settings(&self) -> impl Iterator<Item = (&'static str, Spanned<String>)> {
                let all = [$(($name, self.$field.as_ref()),)+];
                all.into_iter().filter_map(|(name, value)| Some((name, as_text(value?))))
            }
        }
    };
}

policy! {
    reliability = "reliability",
    semantics = "semantics",
    buffering = "buffering",
    late_ack = "late-ack",
    ack_delay = "ack-delay",
    retransmit_first = "retransmit-first",
    retransmit_min = "retransmit-min",
    retransmit_max = "retransmit-max",
    retries = "retries",
    locate_first = "locate-first",
    locate_retries = "locate-retries",
    probe_interval = "probe-interval",
    try_again = "try-again",
    try_agains = "try-agains",
    window = "window",
    cache_bytes = "cache-bytes",
    transfer = "transfer",
    packet_bytes = "packet-bytes",
    message_bytes = "message-bytes",
    arriving_bytes = "arriving-bytes",
    receive_bytes = "receive-bytes",
    first_flight_bytes = "first-flight-bytes",
    checksum = "checksum",
    packet_life = "packet-life",
    timers = "timers",
    sweep_interval = "sweep-interval",
    trace_steps = "trace-steps",
}
