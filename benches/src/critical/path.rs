//! The steps of slide 39 and of the way back, and how long each took in each call: what the two logs say, laid end to end.
use sendrec_trap::Step;

use super::log::{Mark, Stamp};

/// Whose step it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Client,
    Server,
}

/// A step of the path: from the end of the one before to its mark.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stage {
    pub(super) side: Side,
    /// As slide 39 counts them; those of the way back are not on it.
    pub(super) number: Option<u8>,
    pub(super) name: &'static str,
    mark: Mark,
}

const fn there(side: Side, number: u8, name: &'static str, mark: Mark) -> Stage {
    Stage { side, number: Some(number), name, mark }
}

const fn back(side: Side, name: &'static str, mark: Mark) -> Stage {
    Stage { side, number: None, name, mark }
}

use Mark::Of;
use Side::{Client, Server};

/// In the order in which they are taken here. Slide 39 has the address before the copy, and the timer last; and it fills
/// in the header after the arguments.
pub(super) const STAGES: [Stage; 34] = [
    there(Client, 1, "call the stub", Of(Step::Called)),
    there(Client, 2, "prepare a message buffer", Of(Step::Prepared)),
    there(Client, 4, "fill in the message header", Of(Step::HeaderFilled)),
    there(Client, 3, "marshal the parameters", Of(Step::Marshalled)),
    there(Client, 5, "trap to the kernel", Of(Step::Trapped)),
    there(Client, 6, "switch context to the kernel", Of(Step::Entered)),
    there(Client, 8, "determine the destination address", Of(Step::Addressed)),
    there(Client, 9, "put the address in the header", Of(Step::Headed)),
    there(Client, 11, "start the timer", Of(Step::Armed)),
    there(Client, 7, "copy the message into the network's buffer", Of(Step::Copied)),
    there(Client, 10, "set up the network interface", Of(Step::Transmitted)),
    there(Server, 12, "handle the interrupt", Of(Step::Interrupted)),
    there(Server, 13, "check the packet's validity", Of(Step::Checked)),
    there(Server, 14, "decide which stub gets it", Of(Step::Decided)),
    there(Server, 16, "copy the message to the stub", Of(Step::CopiedOut)),
    there(Server, 15, "see whether the stub waits", Of(Step::Handed)),
    there(Server, 17, "switch context to the stub", Of(Step::Woken)),
    there(Server, 18, "unmarshal the parameters", Of(Step::Unmarshalled)),
    there(Server, 20, "set them up (19) and call the server", Mark::Inside),
    there(Server, 21, "perform the service", Mark::Done),
    back(Server, "return to the stub", Of(Step::Performed)),
    back(Server, "marshal the result", Of(Step::ResultMarshalled)),
    back(Server, "trap to the kernel", Of(Step::Trapped)),
    back(Server, "switch context to the kernel", Of(Step::Entered)),
    back(Server, "header, and keep the reply", Of(Step::Headed)),
    back(Server, "copy the reply into the network's buffer", Of(Step::Copied)),
    back(Server, "set up the network interface", Of(Step::Transmitted)),
    back(Client, "handle the interrupt", Of(Step::Interrupted)),
    back(Client, "check the packet, find its call", Of(Step::Checked)),
    back(Client, "copy the reply to the stub", Of(Step::CopiedOut)),
    back(Client, "wake the one who waits", Of(Step::Handed)),
    back(Client, "switch context to the stub", Of(Step::Woken)),
    back(Client, "unmarshal the result", Of(Step::Unmarshalled)),
    back(Client, "return to the client", Mark::End),
];

/// How long each stage of one call took, nanoseconds. Their sum is the call.
pub(super) type Call = [u64; STAGES.len()];

/// Reads the logs as calls, each with which it was. What is no whole call - another thread has done a part of it - is left
/// out.
pub(super) fn calls(client: &[Stamp], server: &[Stamp]) -> Vec<(usize, Call)> {
    let mut whole = Vec::new();
    let mut number = 0;
    let mut from = 0;
    for call in client.split_inclusive(|stamp| stamp.mark == Mark::End) {
        let Some(begin) = call.iter().position(|stamp| stamp.mark == Mark::Begin) else { continue };
        let (began, ended) = (call[begin].at, call[call.len() - 1].at);
        from += server[from..].partition_point(|stamp| stamp.at < began);
        // What the server does after the call has ended, such as to come back from its send, is the call's too.
        let until = from + server[from..].iter().take_while(|stamp| is_of(stamp, ended)).count();
        whole.extend(one(began, &call[begin + 1..], &server[from..until]).map(|call| (number, call)));
        number += 1;
    }
    whole
}

/// Whether a server's mark can belong to a call that ended then.
fn is_of(stamp: &Stamp, ended: u64) -> bool {
    stamp.at <= ended || stamp.mark == Of(Step::Transmitted)
}

/// One call of marks that were made in it.
fn one(began: u64, client: &[Stamp], server: &[Stamp]) -> Option<Call> {
    let mut ends = [0; STAGES.len()];
    let (mut of_client, mut of_server) = (client, server);
    for (place, stage) in STAGES.iter().enumerate() {
        let stamps = match stage.side {
            Side::Client => &mut of_client,
            Side::Server => &mut of_server,
        };
        // A datagram that has come before the one that matters - an acknowledgement - is passed over.
        let next = STAGES.get(place + 1).map(|next| next.mark);
        let found = if stage.mark == Of(Step::Interrupted) {
            let end = stamps.iter().position(|stamp| Some(stamp.mark) == next)?;
            stamps[..end].iter().rposition(|stamp| stamp.mark == stage.mark)?
        } else {
            stamps.iter().position(|stamp| stamp.mark == stage.mark)?
        };
        ends[place] = stamps[found].at;
        *stamps = &stamps[found + 1..];
    }
    // The other side may run before the system call that woke it is over: then that step ends where the next one does.
    for place in (0..ends.len() - 1).rev() {
        ends[place] = ends[place].min(ends[place + 1]);
    }
    let mut last = began;
    Some(ends.map(|end| {
        let took = end.saturating_sub(last);
        last = last.max(end);
        took
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The stamps of a call in which each stage takes one nanosecond more than the one before.
    fn stamps(began: u64) -> (Vec<Stamp>, Vec<Stamp>, u64) {
        let mut client = vec![Stamp { mark: Mark::Begin, at: began }];
        let mut server = Vec::new();
        let mut at = began;
        for (place, stage) in STAGES.iter().enumerate() {
            at += place as u64 + 1;
            let stamps = if stage.side == Client { &mut client } else { &mut server };
            stamps.push(Stamp { mark: stage.mark, at });
        }
        (client, server, at)
    }

    #[test]
    fn stages_are_laid_end_to_end_and_sum_to_the_call() {
        let (mut client, mut server, ended) = stamps(1_000);
        let (more, others, _) = stamps(ended + 500);
        client.extend(more);
        server.extend(others);
        let each = std::array::from_fn(|place| place as u64 + 1);
        assert_eq!(calls(&client, &server), [(0, each), (1, each)]);
    }

    #[test]
    fn a_send_that_ends_after_its_packet_has_arrived_is_cut_there() {
        let (mut client, server, _) = stamps(1_000);
        let arrived = server[0].at;
        let sent = client.iter_mut().find(|stamp| stamp.mark == Of(Step::Transmitted)).unwrap();
        sent.at = arrived + 5;
        let (_, call) = calls(&client, &server)[0];
        let whole: u64 = call.iter().sum();
        assert_eq!(whole, (1..=STAGES.len() as u64).sum::<u64>());
        assert_eq!(call[11], 0, "the interrupt");
    }

    #[test]
    fn a_call_that_another_thread_has_done_a_part_of_is_left_out() {
        let (mut client, mut server, _) = stamps(1_000);
        server.retain(|stamp| stamp.mark != Of(Step::Checked));
        let (more, others, _) = stamps(100_000);
        client.extend(more);
        server.extend(others);
        let found: Vec<_> = calls(&client, &server).into_iter().map(|(number, _)| number).collect();
        assert_eq!(found, [1]);
    }

    #[test]
    fn slide_39_is_there_step_by_step() {
        let mut numbers: Vec<_> = STAGES.iter().filter_map(|stage| stage.number).collect();
        numbers.push(19);
        numbers.sort_unstable();
        assert_eq!(numbers, (1..=21).collect::<Vec<_>>());
    }
}
