use std::time::Duration;

use sendrec_trap::{Address, Buffering, LocalId, Overflow};

use super::scenes::{SERVER, call, one_call, serve, traces, world};
use crate::ladder::{Style, draw};
use crate::trace::{Trace, join};

fn look(traces: Vec<Trace>) -> String {
    // A bar in front, so that spaces at the beginning of lines count.
    let drawn = draw(&join(traces), &Style::default());
    drawn.lines().map(|line| format!("|{line}\n")).collect()
}

#[test]
fn a_call() {
    insta::assert_snapshot!(look(one_call("", Duration::ZERO)), @r"
    |                    client                                 server
    |     ms          10.0.0.0:7000                          10.0.0.1:7000
    |  0.000                │                                      │ receive, blocked
    |         call server/1 ├─ REQ #1 seq 1 8B ───────────────────►│ runs the request
    |  1.000                │◄─────────────────── REP #1 seq 1 6B ─┤ reply
    |                       │                                      │ ends
    |  2.000                ├─ ACK #2 seq 1 ──────────────────────►│
    |             call done │                                      │
    |                       │                                      │
    |
    |  Packets           REQ 1, REP 1, ACK 1: 3 in all, none lost
    |  Operation ran     once, for 1 request
    |  Client was told   done 1
    ");
}

#[test]
fn a_call_whose_reply_is_lost() {
    insta::assert_snapshot!(look(one_call("drop=REP#1", Duration::ZERO)), @r"
    |                     client                             server
    |     ms           10.0.0.0:7000                      10.0.0.1:7000
    |  0.000                 │                                  │ receive, blocked
    |          call server/1 ├─ REQ #1 seq 1 8B ───────────────►│ runs the request
    |  1.000                 │  drop=REP#1 ╳── REP #1 seq 1 6B ─┤ reply
    |                        │                                  │ ends
    |120.000  timer: request ├─ REQ #2 seq 1 8B (again) ───────►│ duplicate, answered
    |121.000                 │◄── REP #2 seq 1 6B (from cache) ─┤
    |122.000                 ├─ ACK #3 seq 1 ──────────────────►│
    |              call done │                                  │
    |                        │                                  │
    |
    |  Packets           REQ 2, REP 2 (1 lost), ACK 1: 5 in all, 1 lost
    |  Operation ran     once, for 1 request
    |  Client was told   done 1
    ");
}

#[test]
fn slide_22_d() {
    insta::assert_snapshot!(look(one_call("", Duration::from_millis(1_500))), @r"
    |                      client                               server
    |      ms           10.0.0.0:7000                        10.0.0.1:7000
    |   0.000                 │                                    │ receive, blocked
    |           call server/1 ├─ REQ #1 seq 1 8B ─────────────────►│ runs the request
    |  21.000                 │◄──────────────────── ACK #1 seq 1 ─┤ timer: late ACK
    |1022.000  timer: request ├─ AYA #2 seq 1 ────────────────────►│
    |1023.000                 │◄────────── IAA #2 seq 1 executing ─┤
    |1501.000                 │◄───────────────── REP #3 seq 1 6B ─┤ reply
    |                         │                                    │ ends
    |1502.000                 ├─ ACK #3 seq 1 ────────────────────►│
    |               call done │                                    │
    |                         │                                    │
    |
    |  Packets           REQ 1, REP 1, ACK 2, AYA 1, IAA 1: 6 in all, none lost
    |  Operation ran     once, for 1 request
    |  Client was told   done 1
    ");
}

#[test]
fn a_request_that_comes_twice() {
    insta::assert_snapshot!(look(one_call("duplicate=REQ#1", Duration::ZERO)), @r"
    |                    client                           server
    |     ms          10.0.0.0:7000                    10.0.0.1:7000
    |  0.000                │                                │ receive, blocked
    |         call server/1 ├─ REQ #1 seq 1 8B ─────────────►│ runs the request
    |  1.000                │               ╶─ REQ (copy) ──►│ duplicate, in progress
    |                       │◄──────────────── ACK #1 seq 1 ─┤
    |                       │◄───────────── REP #2 seq 1 6B ─┤ reply
    |                       │                                │ ends
    |  2.000                ├─ ACK #2 seq 1 ────────────────►│
    |             call done │                                │
    |                       │                                │
    |
    |  Packets           REQ 1 (1 doubled), REP 1, ACK 2: 4 in all, none lost
    |  Operation ran     once, for 1 request
    |  Client was told   done 1
    ");
}

#[test]
fn packets_that_are_held_up() {
    insta::assert_snapshot!(look(one_call("reorder=1", Duration::from_millis(50))), @r"
    |                    client                                 server
    |     ms          10.0.0.0:7000                          10.0.0.1:7000
    |  0.000  call server/1 ├─ REQ #1 seq 1 8B ─────────────╮      │
    |                       │                               ╎      │ receive, blocked
    |  2.737                │                               ╰─────►│ delayed
    |                       │                                      │ runs the request
    | 23.000                │      ╭──────────────── ACK #1 seq 1 ─┤ timer: late ACK
    | 26.954        delayed │◄─────╯                               │
    | 52.737                │      ╭───────────── REP #2 seq 1 6B ─┤ reply
    |                       │      ╎                               │ ends
    | 54.867        delayed │◄─────╯                               │
    |                       ├─ ACK #2 seq 1 ────────────────╮      │
    |             call done │                               ╎      │
    | 60.112                │                               ╰─────►│ delayed
    |                       │                                      │
    |
    |  Packets           REQ 1, REP 1, ACK 2: 4 in all, none lost
    |  Operation ran     once, for 1 request
    |  Client was told   done 1
    ");
}

#[test]
fn a_process_that_is_not_there() {
    let mut world = world("");
    let (near, far) = (world.boot(), world.boot());
    let nobody = Address::new(world.machine(far), LocalId(7));
    call(&mut world, near, nobody);
    world.run();
    insta::assert_snapshot!(look(traces(&world, &["client", "server"])), @r"
    |                            client                          server
    |     ms                  10.0.0.0:7000                   10.0.0.1:7000
    |  0.000          call server/7 ├─ REQ #1 seq 1 8B ────────────►│ no such process
    |  1.000                        │◄ AU #1 seq 1 no such process ─┤
    |  2.000  call: no such process │                               │
    |                               │                               │
    |
    |  Packets           REQ 1, AU 1: 2 in all, none lost
    |  Operation ran     never
    |  Client was told   no such process 1
    ");
}

#[test]
fn a_mailbox_without_room() {
    let mut world = world("");
    let machines = [world.boot(), world.boot(), world.boot(), world.boot()];
    let server = Address::new(world.machine(machines[1]), SERVER);
    for client in [machines[0], machines[2], machines[3]] {
        call(&mut world, client, server);
    }
    let one = Buffering::Mailbox { messages: 1, bytes: 10_000, overflow: Overflow::TryAgain };
    serve(&mut world, machines[1], Some(one), 3, Duration::from_millis(8));
    world.run();
    insta::assert_snapshot!(look(traces(&world, &["client", "server", "client", "client"])), @r"
    |  client 1  10.0.0.0:7000
    |  server    10.0.0.1:7000
    |  client 2  10.0.0.2:7000
    |  client 3  10.0.0.3:7000
    |
    |     ms client 1      server      client 2     client 3
    |  0.000     │            ●            │            │  server: receive, blocked
    |            │            │◄── REQ #1 ─┤            │  client 2: call server/1
    |            │            │            │            │  server: runs the request
    |            │            │◄───────────┼─── REQ #1 ─┤  client 3: call server/1
    |            │            │            │            │  server: queued
    |            ├─ REQ #1 ──►│            │            │  client 1: call server/1
    |            │            │            │            │  server: no room
    |  1.000     │◄─── TA #1 ─┤            │            │  TA #1 seq 1 mailbox full
    |  7.000     ├─ REQ #2 ──►│            │            │  client 1: timer: request
    |            │            │            │            │  REQ #2 seq 1 8B (again)
    |            │            │            │            │  server: no room
    |  8.000     │◄─── TA #2 ─┤            │            │  TA #2 seq 1 mailbox full
    |  9.000     │            ├─ REP #3 ──►│            │  server: reply
    |            │            ●            │            │  server: runs the request
    | 10.000     │            │◄── ACK #2 ─┤            │
    |            │            │            ●            │  client 2: call done
    | 17.000     │            ├─ REP #4 ───┼───────────►│  server: reply
    |            │            ●            │            │  server: receive, blocked
    | 18.000     │            │◄───────────┼─── ACK #2 ─┤
    |            │            │            │            ●  client 3: call done
    | 24.000     ├─ REQ #3 ──►│            │            │  client 1: timer: request
    |            │            │            │            │  REQ #3 seq 1 8B (again)
    |            │            │            │            │  server: runs the request
    | 33.000     │◄── REP #5 ─┤            │            │  server: reply
    |            │            ●            │            │  server: ends
    | 34.000     ├─ ACK #4 ──►│            │            │
    |            ●            │            │            │  client 1: call done
    |            │            │            │            │
    |
    |  Packets           REQ 5, REP 3, ACK 3, TA 2: 13 in all, none lost
    |  Operation ran     3 times, for 3 requests
    |  Client was told   done 3
    ");
}

#[test]
fn processes_of_one_machine() {
    let mut world = world("");
    let machine = world.boot();
    let server = Address::new(world.machine(machine), SERVER);
    call(&mut world, machine, server);
    call(&mut world, machine, server);
    serve(&mut world, machine, None, 2, Duration::from_millis(8));
    world.run();
    insta::assert_snapshot!(look(traces(&world, &["both"])), @r"
    |  /1000  10.0.0.0:7000/1000
    |  /1001  10.0.0.0:7000/1001
    |  /1     10.0.0.0:7000/1
    |
    |     ms   /1000               /1001                /1
    |  0.000     │                   │                   ●  /1: receive, blocked
    |            ├─ request ─────────┼──────────────────►│  /1000: call /1
    |            │                   │                   │  /1: runs the request
    |            │                   ├─ request ────────►│  /1001: call /1
    |            │                   │                   │  /1: queued
    |  8.000     │◄──────────────────┼─────────── reply ─┤  /1: reply
    |            │                   │                   │  /1000: call done
    |            │                   │                   ●  /1: runs the request
    | 16.000     │                   │◄────────── reply ─┤  /1: reply
    |            │                   │                   │  /1001: call done
    |            │                   │                   │
    |
    |  Packets           none sent
    |  Operation ran     2 times, for 2 requests
    |  Client was told   done 2
    ");
}

#[test]
fn one_side_alone() {
    let mut traces = one_call("drop=REQ#1", Duration::ZERO);
    traces.retain(|trace| trace.header.role == "client");
    insta::assert_snapshot!(look(traces), @r"
    |                           client                                (not traced)
    |     ms                 10.0.0.0:7000                            10.0.0.1:7000
    |  0.000  call 10.0.0.1:7000/1 ├─ REQ #1 seq 1 8B ─────╳ drop=REQ#1     ┊
    |120.000        timer: request ├─ REQ #2 seq 1 8B (again) ─────────────►┊
    |122.000             call done │◄───────────────────── REP #1 seq 1 6B ─┤
    |                              ├─ ACK #3 seq 1 ────────────────────────►┊
    |                              │                                        ┊
    |
    |  Packets           REQ 2 (1 lost), REP 1, ACK 1: 4 in all, 1 lost
    |  Operation ran     not known: the server's trace is not here
    |  Client was told   done 1
    |  Note              10.0.0.1:7000 was not traced, so nobody knows what became of
    |                    packets to it.
    ");
}

#[test]
fn ascii() {
    let style = Style { ascii: true, ..Style::default() };
    let drawn = draw(&join(one_call("reorder=1,drop=ACK#1", Duration::from_millis(50))), &style);
    assert!(drawn.is_ascii());
    let drawn: String = drawn.lines().map(|line| format!("|{line}\n")).collect();
    insta::assert_snapshot!(drawn, @r"
    |                    client                                 server
    |     ms          10.0.0.0:7000                          10.0.0.1:7000
    |  0.000  call server/1 +- REQ #1 seq 1 8B -------------\      |
    |                       |                               !      | receive, blocked
    |  2.737                |                               \----->| delayed
    |                       |                                      | runs the request
    | 23.000                |    drop=ACK#1 X------- ACK #1 seq 1 -+ timer: late ACK
    | 52.737                |      /------------- REP #2 seq 1 6B -+ reply
    | 54.867        delayed |<-----/                               |
    |                       +- ACK #2 seq 1 -------X drop=ACK#1    |
    |             call done |                                      |
    |                       |                                      |
    |
    |  Packets           REQ 1, REP 1, ACK 2 (2 lost): 4 in all, 2 lost
    |  Operation ran     once, for 1 request
    |  Client was told   done 1
    ");
}

#[test]
fn cut() {
    let from = Some(Duration::from_millis(1_000));
    let style = Style { from, limit: Some(3), ..Style::default() };
    let drawn = draw(&join(one_call("", Duration::from_millis(1_500))), &style);
    let drawn: String = drawn.lines().map(|line| format!("|{line}\n")).collect();
    insta::assert_snapshot!(drawn, @r"
    | Left out: 3 rows with 2 packets before 1000.000 ms.
    |                      client                                        server
    |      ms           10.0.0.0:7000                                 10.0.0.1:7000
    |1022.000  timer: request ├─ AYA #2 seq 1 ─────────────────────────────►│
    |1023.000                 │◄─────────────────── IAA #2 seq 1 executing ─┤
    |1501.000                 │◄────────────────────────── REP #3 seq 1 6B ─┤ reply
    |                         │                                             │
    | Cut: 3 more rows with 1 packet not drawn.
    |
    |  Packets           REQ 1, REP 1, ACK 2, AYA 1, IAA 1: 6 in all, none lost
    |  Operation ran     once, for 1 request
    |  Client was told   done 1
    ");
}

/// A request of 24 pieces, of which one dies.
fn blast(style: &Style) -> String {
    let source = "name = \"m\"\ntitle = \"M\"\n[policy]\ntransfer = \"packet=1120\"\nlate-ack = \"never\"\n[network]\n\
                  faults = \"drop=REQ#5\"\n[[machine]]\nname = \"client\"\n[[machine.process]]\n\
                  script = ['call server \"kb\" x 12288']\n[[machine]]\nname = \"server\"\n[[machine.process]]\n\
                  script = ['serve 1 times reply \"yes\"']\n";
    let scenario = crate::lab::Scenario::parse(source, "m").unwrap();
    let run = crate::lab::run(&scenario, &crate::lab::Switches::default());
    draw(&run.joined, style).lines().map(|line| format!("|{line}\n")).collect()
}

#[test]
fn a_blast_of_which_a_piece_is_lost() {
    insta::assert_snapshot!(blast(&Style::default()), @r"
    |                    client                                 server
    |     ms          10.0.0.0:7000                          10.0.0.1:7000
    |  0.000  call server/1 │                                      │
    |                       │                                      │ receive, blocked
    |                       ├─ 4 REQ #1-#4 seq 1 pieces 1-4/24 ───►│
    |                       ├─ REQ #5 piece 5/24 ──╳ drop=REQ#5    │
    |                       ├─ 3 REQ #6-#8 seq 1 pieces 6-8/24 ───►│
    |  1.000                │      ╭── ACK #1 has 7/24, missing 5 ─┤
    |                       ├─ 5 REQ #9-#13 seq 1 pieces 9-13/24 ─►│
    |                       ├─ REQ #14 seq 1 piece 14/24 (asks) ──►│
    |                       │      ╎  ╭─ ACK has 13/24, missing 5 ─┤
    |  2.000                │◄─────╯  ╎                            │
    |                       ├─ REQ #15 seq 1 piece 5/24 (again) ──►│
    |                       ├─ 9 REQ seq 1 pieces 15-23/24 ───────►│
    |                       ├─ REQ #25 seq 1 piece 24/24 (asks) ──►│ runs the request
    |                       │◄────────╯                            │
    |  3.000                │◄─────────────────── REP #3 seq 1 3B ─┤ reply
    |                       │                                      │ ends
    |  4.000                ├─ ACK #26 seq 1 ─────────────────────►│
    |             call done │                                      │
    |                       │                                      │
    |
    |  Packets           REQ 25 (25 pieces, 1 again, 1 lost), REP 1, ACK 3 (2
    |                    reports): 29 in all, 1 lost
    |  Operation ran     once, for 1 request
    |  Client was told   done 1
    ");
}

#[test]
fn a_blast_unfolded() {
    let style = Style { unfold: true, limit: Some(12), tally: false, ..Style::default() };
    insta::assert_snapshot!(blast(&style), @r"
    |                    client                                 server
    |     ms          10.0.0.0:7000                          10.0.0.1:7000
    |  0.000  call server/1 │                                      │
    |                       │                                      │ receive, blocked
    |                       ├─ REQ #1 seq 1 piece 1/24 1024B ─────►│
    |                       ├─ REQ #2 seq 1 piece 2/24 1024B ─────►│
    |                       ├─ REQ #3 seq 1 piece 3/24 1024B ─────►│
    |                       ├─ REQ #4 seq 1 piece 4/24 1024B ─────►│
    |                       ├─ REQ #5 piece 5/24 ──╳ drop=REQ#5    │
    |                       ├─ REQ #6 seq 1 piece 6/24 1024B ─────►│
    |                       ├─ REQ #7 seq 1 piece 7/24 1024B ─────►│
    |                       ├─ REQ #8 seq 1 piece 8/24 1024B ─────►│
    |  1.000                │      ╭── ACK #1 has 7/24, missing 5 ─┤
    |                       ├─ REQ #9 seq 1 piece 9/24 1024B ─────►│
    |                       │      ╎                               │
    | Cut: 23 more rows with 19 packets not drawn.
    ");
}

#[test]
fn colours_are_escapes_and_nothing_else() {
    let joined = join(one_call("drop=REP#1", Duration::ZERO));
    let plain = draw(&joined, &Style::default());
    let coloured = draw(&joined, &Style { colour: true, ..Style::default() });
    assert!(!plain.contains('\u{1b}'));
    let mut stripped = String::new();
    let mut escaped = false;
    for character in coloured.chars() {
        match character {
            '\u{1b}' => escaped = true,
            'm' if escaped => escaped = false,
            _ if escaped => {}
            _ => stripped.push(character),
        }
    }
    assert_ne!(coloured, plain);
    assert_eq!(stripped, plain);
}

#[test]
fn long_ladders_repeat_their_heads() {
    let mut world = world("");
    let (near, far) = (world.boot(), world.boot());
    let server = Address::new(world.machine(far), SERVER);
    for _ in 0..20 {
        call(&mut world, near, server);
    }
    serve(&mut world, far, None, 20, Duration::ZERO);
    world.run();
    let drawn = look(traces(&world, &["client", "server"]));
    assert!(drawn.matches("10.0.0.0:7000").count() >= 3, "{drawn}");
}

#[test]
fn names_cannot_reach_the_terminal() {
    let mut traces = one_call("", Duration::ZERO);
    traces[0].header.role = "cl\u{1b}[2Jient\n\u{202e}".to_owned();
    let drawn = look(traces);
    assert!(drawn.contains("cl?[2Jient??"), "{drawn}");
    assert!(!drawn.contains('\u{1b}'));
}
