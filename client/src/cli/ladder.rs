//! `sendrec ladder`: traces joined and shown in one of the views; `sendrec dissector`, which goes with one of them.
use std::fs;
use std::io::IsTerminal;
use std::time::Duration;

use sendrec::ladder::{Style, draw};
use sendrec::trace::{Trace, join, read};
use sendrec::view::{DISSECTOR, Page, View, render};

use super::Failure;
use super::args::LadderArgs;
use super::output::{terminal_columns, write};

/// Columns where nothing else is known.
const WIDTH_DEFAULT: usize = 80;

/// How to draw on stdout: as wide as the terminal up to a limit, in colour if it is one and NO_COLOR is not set.
pub(crate) fn style(width: Option<u16>, ascii: bool) -> Style {
    const WIDTH_MAX: u16 = 120;
    let stdout = std::io::stdout();
    let terminal = stdout.is_terminal();
    let width = width.or_else(|| terminal_columns().map(|columns| columns.clamp(60, WIDTH_MAX)));
    let colour = anstream::AutoStream::choice(&stdout) != anstream::ColorChoice::Never;
    let ascii = ascii || (terminal && !locale_is_utf8());
    Style { width: width.map_or(WIDTH_DEFAULT, usize::from), colour, ascii, ..Style::default() }
}

/// Whether the terminal is said to understand more than ASCII.
fn locale_is_utf8() -> bool {
    let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let locale = set("LC_ALL").or_else(|| set("LC_CTYPE")).or_else(|| set("LANG")).unwrap_or_default();
    let locale = locale.to_ascii_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

pub(crate) fn run(args: &LadderArgs) -> Result<(), Failure> {
    let mut traces: Vec<Trace> = Vec::new();
    for path in &args.traces {
        let trace = read(path).map_err(|error| Failure::Said(error.to_string()))?;
        if !trace.events.is_empty() && traces.iter().any(|other| other.header == trace.header) {
            return Err(Failure::new(
                path.display(),
                "the same node's trace was given before; name each once",
            ));
        }
        if trace.torn {
            log::warn!("{}: its last line is torn; its writer was stopped while writing", path.display());
        }
        traces.push(trace);
    }
    let from = match args.from {
        Some(from) => Some(
            Duration::try_from_secs_f64(from / 1e3)
                .map_err(|_| Failure::new("--from", "expected milliseconds, not below 0"))?,
        ),
        None => None,
    };
    let joined = join(traces);
    let bytes = if args.view == View::Text {
        let mut style = style(args.width, args.ascii);
        if args.output.is_some() {
            style.colour = false;
        }
        draw(&joined, &Style { from, limit: args.limit, ..style }).into_bytes()
    } else {
        let page = Page { title: args.title.clone(), from, limit: args.limit, ..Page::default() };
        render(&joined, args.view, &page)
    };
    match &args.output {
        Some(path) => fs::write(path, bytes).map_err(|error| Failure::new(path.display(), error)),
        None if args.view.is_binary() && std::io::stdout().is_terminal() => Err(Failure::new(
            args.view,
            "a terminal cannot show it; write it to a file with -o FILE, or into a pipe",
        )),
        None => write(&bytes),
    }
}

/// `sendrec dissector`.
pub(crate) fn dissector() -> Result<(), Failure> {
    write(DISSECTOR.as_bytes())
}
