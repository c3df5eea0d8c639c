//! The two tables, cell by cell. What is ignored without a change of state is a dash.
use alloc::string::String;
use core::fmt::{Debug, Write};
use std::format;

use super::{ClientEvent, ClientState, ServerEvent, ServerState, client_step, server_step};

/// `State  Event  new state  action`, a block for each state.
fn table<S, E, A>(states: &[S], events: &[E], step: impl Fn(S, E) -> (S, A)) -> String
where
    S: Copy + Debug + PartialEq,
    E: Copy + Debug,
    A: Debug,
{
    let mut text = String::new();
    for &state in states {
        let _ = writeln!(text, "{state:?}");
        for &event in events {
            let (next, action) = step(state, event);
            let action = format!("{action:?}");
            let (event, next_name) = (format!("{event:?}"), format!("{next:?}"));
            let _ = if action == "Ignore" && next == state {
                writeln!(text, "  {event:<19} -")
            } else {
                writeln!(text, "  {event:<19} {next_name:<14} {action}")
            };
        }
        text.push('\n');
    }
    text
}

#[test]
fn the_client_s_table() {
    insta::assert_snapshot!("client", table(&ClientState::ALL, &ClientEvent::ALL, client_step));
}

#[test]
fn the_server_s_table() {
    insta::assert_snapshot!("server", table(&ServerState::ALL, &ServerEvent::ALL, server_step));
}

#[test]
fn what_is_over_stays_over() {
    for event in ClientEvent::ALL {
        assert_eq!(client_step(ClientState::Closed, event).0, ClientState::Closed);
    }
    for event in ServerEvent::ALL {
        assert_eq!(server_step(ServerState::Gone, event).0, ServerState::Gone);
    }
}

#[test]
fn every_request_can_be_ended_by_the_passage_of_time_once_it_was_sent() {
    for state in ClientState::ALL {
        let (next, _) = client_step(state, ClientEvent::Exhausted);
        let may_stay = matches!(state, ClientState::Held | ClientState::Closed);
        assert!(may_stay || next == ClientState::Closed, "{state:?}");
    }
}
