//! `--predict`: the ladder is hidden from a packet on, and each next packet is to be foretold.
use std::io::{BufRead, Write};

use sendrec::lab::Run;
use sendrec::ladder::{Style, draw};
use sendrec::trace::Passage;

use super::args::HowArgs;
use super::show::head;
use crate::cli::Failure;
use crate::cli::ladder::style;
use crate::cli::output::{say, write};

/// What a person is to type for a packet.
fn answer(run: &Run, packet: &Passage) -> String {
    let sender = run.joined.machines[packet.from].role.clone().unwrap_or_default();
    format!("{sender} {}", packet.note.kind)
}

/// `from` counts packets from 1: it is the first one that is hidden.
pub(super) fn run(run: &Run, how: &HowArgs, from: usize) -> Result<(), Failure> {
    let style = Style { unfold: how.unfold, ..style(how.width, how.ascii) };
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
        let expected = packets.get(place).map_or("end".to_owned(), |packet| answer(run, packet));
        let mut out = anstream::stderr();
        let _ = write!(out, "packet {}? ", place + 1);
        let _ = out.flush();
        let Some(line) = lines.next() else {
            return Err(Failure::new("--predict", "the input ended before the packets did"));
        };
        let line = line.map_err(|error| Failure::new("stdin", error))?;
        let said = line.split_whitespace().collect::<Vec<_>>().join(" ");
        asked += 1;
        if said != "end" && said.split(' ').count() != 2 {
            say(format_args!("    write MACHINE TYPE, e.g. \"client REQ\", or \"end\""))?;
        }
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
