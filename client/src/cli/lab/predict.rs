//! `--predict`: the ladder is hidden from a packet on, and each next packet is to be foretold.
use std::io::{self, BufRead, Write};

use sendrec::lab::Run;
use sendrec::ladder::{Style, draw};
use sendrec::trace::Passage;
use sendrec_core::wire::PacketType;

use super::args::HowArgs;
use super::show::head;
use crate::cli::Failure;
use crate::cli::ladder::style;
use crate::cli::output::{say, write};

/// What a person is to type where there is no packet more.
const END: &str = "end";

/// What a person is to type for a packet.
fn answer(run: &Run, packet: &Passage) -> String {
    let sender = run.joined.machines[packet.from].role.clone().unwrap_or_default();
    format!("{sender} {}", packet.note.kind)
}

/// Asks what the packet at a place is until the answer can be understood; `None` if there is none. That the input ends
/// where the packets do says that they do.
fn ask(
    run: &Run,
    lines: &mut impl Iterator<Item = io::Result<String>>,
    place: usize,
) -> Result<Option<String>, Failure> {
    loop {
        let mut out = anstream::stderr();
        let _ = write!(out, "packet {}? ", place + 1);
        let _ = out.flush();
        let Some(line) = lines.next() else {
            return Ok((place == run.joined.packets.len()).then(|| END.to_owned()));
        };
        let line = line.map_err(|error| Failure::new("stdin", error))?;
        let said = line.split_whitespace().collect::<Vec<_>>().join(" ");
        match understood(run, &said) {
            Ok(()) => return Ok(Some(said)),
            Err(reason) => say(format_args!("    {reason}"))?,
        }
    }
}

/// Whether an answer can be one; a slip of the finger is no wrong one.
fn understood(run: &Run, said: &str) -> Result<(), String> {
    if said.eq_ignore_ascii_case(END) {
        return Ok(());
    }
    let Some((machine, kind)) = said.split_once(' ') else {
        return Err("write MACHINE TYPE, e.g. \"client REQ\", or \"end\"".to_owned());
    };
    let roles: Vec<&str> = run.joined.machines.iter().filter_map(|seen| seen.role.as_deref()).collect();
    if !roles.iter().any(|role| role.eq_ignore_ascii_case(machine)) {
        return Err(format!("no machine is called {machine}; there are {}", roles.join(", ")));
    }
    let kinds = PacketType::ALL.map(PacketType::name);
    if !kinds.iter().any(|name| name.eq_ignore_ascii_case(kind)) {
        return Err(format!("no packet is called {kind}; there are {}", kinds.join(", ")));
    }
    Ok(())
}

/// `from` counts packets from 1: it is the first one that is hidden.
pub(super) fn run(run: &Run, how: &HowArgs, from: usize) -> Result<(), Failure> {
    let style = style(how.width, how.ascii);
    write(head(run, style.colour, style.width).as_bytes())?;
    let packets = &run.joined.packets;
    if from == 0 || from > packets.len() {
        let reason =
            format!("there are packets 1 to {}; from which on are they to be foretold?", packets.len());
        return Err(Failure::new("--predict", reason));
    }
    let from = from - 1;
    if from > 0 {
        let before = Style { hidden_from: Some(from), tally: false, ..style };
        write(format!("\n{}", draw(&run.joined, &before)).as_bytes())?;
    }
    say("\nForetell each packet as MACHINE TYPE, e.g. \"client REQ\"; \"end\" if there is none.")?;
    let mut lines = std::io::stdin().lock().lines();
    let (mut right, mut asked) = (0, 0);
    for place in from..=packets.len() {
        let expected = packets.get(place).map_or(END.to_owned(), |packet| answer(run, packet));
        let Some(said) = ask(run, &mut lines, place)? else {
            return Err(Failure::new("--predict", "the input ended before the packets did"));
        };
        asked += 1;
        let fits = said.eq_ignore_ascii_case(&expected);
        right += usize::from(fits);
        let fate =
            packets.get(place).filter(|packet| packet.end.is_lost()).map_or("", |_| ", and it is lost");
        if fits {
            say(format_args!("{:>3} right: {expected}{fate}", place + 1))?;
        } else {
            say(format_args!("{:>3} no: {expected}{fate}; you said {said:?}", place + 1))?;
        }
    }
    write(format!("\n{}", draw(&run.joined, &style)).as_bytes())?;
    say(format_args!("\n{right} of {asked} right"))?;
    if right == asked { Ok(()) } else { Err(Failure::new("--predict", format!("{} wrong", asked - right))) }
}
