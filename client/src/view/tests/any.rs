//! What holds for the views of any trace: formats are what they claim to be, and every packet is there once.
use std::collections::{BTreeSet, HashSet};

use roxmltree::{Document, Node, ParsingOptions};
use sendrec_core::rng::Rng;
use sendrec_core::trace::PacketNote;
use sendrec_core::wire::Flags;
use serde_json::Value;

use super::scenes;
use crate::ladder::tests::random::{ends, traces};
use crate::trace::{Joined, join};
use crate::view::datagram::checksum;
use crate::view::{Claim, Page, View, render, shiviz};

const SEEDS: u64 = 150;

fn text(joined: &Joined, view: View, page: &Page) -> String {
    String::from_utf8(render(joined, view, page)).unwrap()
}

fn joined(seed: u64) -> Joined {
    join(traces(&mut Rng::new(seed)))
}

fn count(document: &Document<'_>, class: &str) -> usize {
    let has = |node: &Node<'_, '_>| {
        node.attribute("class").is_some_and(|classes| classes.split(' ').any(|other| other == class))
    };
    document.descendants().filter(has).count()
}

/// A page without what is no XML in it.
fn without_script(page: &str) -> String {
    let (before, rest) = page.split_once("<script>").unwrap();
    format!("{before}{}", rest.split_once("</script>").unwrap().1)
}

fn parse(text: &str) -> Document<'_> {
    Document::parse_with_options(text, ParsingOptions { allow_dtd: true, ..ParsingOptions::default() })
        .unwrap()
}

#[test]
fn pictures_are_well_formed_and_draw_every_packet_once() {
    for seed in 0..SEEDS {
        let joined = joined(seed);
        let picture = text(&joined, View::Svg, &Page::default());
        let page = without_script(&text(&joined, View::Html, &Page::default()));
        for text in [&picture, &page] {
            let document = parse(text);
            let drawn = count(&document, "tip") + count(&document, "cross") - count(&document, "crash");
            assert_eq!(drawn, ends(&joined), "seed {seed}\n{text}");
        }
    }
}

#[test]
fn fragments_are_unique_and_stay() {
    let fragments = |joined: &Joined| -> Vec<String> {
        let page = without_script(&text(joined, View::Html, &Page::default()));
        let document = parse(&page);
        let articles = document.descendants().filter(|node| node.has_tag_name("article"));
        articles.map(|node| node.attribute("id").unwrap().to_owned()).collect()
    };
    for seed in 0..SEEDS {
        let first = fragments(&joined(seed));
        assert_eq!(first.len(), joined(seed).moments.len());
        assert_eq!(first.iter().collect::<HashSet<_>>().len(), first.len(), "seed {seed}");
        assert_eq!(first, fragments(&joined(seed)), "seed {seed}");
        // The order in which files are given does not matter.
        let mut other = traces(&mut Rng::new(seed));
        other.reverse();
        let other: BTreeSet<_> = fragments(&join(other)).into_iter().collect();
        assert_eq!(first.into_iter().collect::<BTreeSet<_>>(), other, "seed {seed}");
    }
}

#[test]
fn links_within_the_page_lead_somewhere() {
    for seed in 0..SEEDS {
        let page = without_script(&text(&joined(seed), View::Html, &Page::default()));
        let document = parse(&page);
        let ids: HashSet<_> = document.descendants().filter_map(|node| node.attribute("id")).collect();
        for link in document.descendants().filter_map(|node| node.attribute("href")) {
            assert!(ids.contains(link.strip_prefix('#').unwrap()), "seed {seed}: {link}");
        }
        let rows = document.descendants().filter_map(|node| node.attribute("data-events"));
        for id in rows.flat_map(|ids| ids.split(' ')) {
            assert!(ids.contains(id), "seed {seed}: {id}");
        }
    }
}

#[test]
fn json_has_every_packet_and_moment_once() {
    for seed in 0..SEEDS {
        let joined = joined(seed);
        let document: Value = serde_json::from_str(&text(&joined, View::Json, &Page::default())).unwrap();
        let moments = document["moments"].as_array().unwrap();
        let packets = document["packets"].as_array().unwrap();
        assert_eq!((moments.len(), packets.len()), (joined.moments.len(), joined.packets.len()));
        let at = |id: &Value| moments.iter().position(|moment| moment["id"] == *id).unwrap();
        for (packet, passage) in packets.iter().zip(&joined.packets) {
            let departure = Some(&packet["departure"]).filter(|id| !id.is_null()).map(at);
            assert_eq!(departure, passage.departure, "seed {seed}");
            let arrivals = packet["arrivals"].as_array().unwrap().iter();
            let arrivals: Vec<_> = arrivals.map(|arrival| at(&arrival["moment"])).collect();
            assert!(arrivals.iter().copied().eq(passage.arrivals.iter().map(|arrival| arrival.moment)));
        }
    }
}

#[test]
fn mermaid_has_an_arrow_for_each_end() {
    for seed in 0..SEEDS {
        let joined = joined(seed);
        let diagram = text(&joined, View::Mermaid, &Page::default());
        let is_arrow = |line: &&str| ["->>m", "-->>m", "-xm"].iter().any(|head| line.contains(head));
        assert_eq!(diagram.lines().filter(is_arrow).count(), ends(&joined), "seed {seed}\n{diagram}");
        assert!(diagram.starts_with("sequenceDiagram\n"), "{diagram}");
    }
}

/// Which moments come before which: by the order on each machine, and from a departure to its arrivals.
fn before(joined: &Joined) -> Vec<Vec<bool>> {
    let count = joined.moments.len();
    let mut before = vec![vec![false; count]; count];
    let mut last = vec![None; joined.machines.len()];
    for (place, moment) in joined.moments.iter().enumerate() {
        let arrives = |packet: usize| {
            let packet = &joined.packets[packet];
            let here = packet.arrivals.iter().any(|arrival| arrival.moment == place);
            packet.departure.filter(|_| here)
        };
        let previous = last[moment.machine].replace(place);
        for earlier in [previous, moment.packet.and_then(arrives)].into_iter().flatten() {
            for (other, after) in before.iter_mut().enumerate() {
                after[place] |= other == earlier || after[earlier];
            }
        }
    }
    before
}

#[test]
fn vector_clocks_are_happens_before() {
    let mut concurrent = 0;
    for seed in 0..SEEDS {
        let joined = joined(seed);
        let clocks = shiviz::clocks(&joined);
        let before = before(&joined);
        for a in 0..clocks.len() {
            for b in a + 1..clocks.len() {
                let knows = |machine: &usize| clocks[b].get(machine).copied().unwrap_or(0);
                let below = clocks[a].iter().all(|(machine, count)| *count <= knows(machine));
                assert_eq!(below, before[a][b], "seed {seed}: {a} {b}");
                concurrent += usize::from(!below);
            }
        }
    }
    assert!(concurrent > 1_000, "{concurrent}");
}

#[test]
fn shiviz_can_parse_its_log() {
    for seed in 0..SEEDS {
        let joined = joined(seed);
        let log = text(&joined, View::Shiviz, &Page::default());
        let lines: Vec<_> = log.lines().collect();
        // The first two are the expression, and no delimiter of executions.
        assert_eq!(lines[..2], [r"(?<event>.*)\n(?<host>\S*) (?<clock>{.*})", ""]);
        assert_eq!(lines.len(), 2 + 2 * joined.moments.len());
        let mut counts = std::collections::HashMap::new();
        for pair in lines[2..].chunks(2) {
            let (host, clock) = pair[1].split_once(' ').unwrap();
            let clock: std::collections::HashMap<String, u64> = serde_json::from_str(clock).unwrap();
            let count = counts.entry(host).or_insert(0);
            *count += 1;
            assert_eq!(clock[host], *count, "seed {seed}\n{log}");
        }
    }
}

/// The datagrams of a capture, by the blocks' own lengths.
fn datagrams(capture: &[u8]) -> Vec<Vec<u8>> {
    let number = |at: usize| u32::from_le_bytes(capture[at..at + 4].try_into().unwrap());
    let (mut at, mut datagrams) = (0, Vec::new());
    while at < capture.len() {
        let length = number(at + 4) as usize;
        assert_eq!(number(at + length - 4) as usize, length);
        if number(at) == 6 {
            let captured = number(at + 20) as usize;
            datagrams.push(capture[at + 28..at + 28 + captured].to_vec());
        }
        at += length;
    }
    datagrams
}

#[test]
fn a_capture_has_a_sound_datagram_for_each_packet() {
    for seed in 0..SEEDS {
        let joined = joined(seed);
        let datagrams = datagrams(&render(&joined, View::Pcapng, &Page::default()));
        assert_eq!(datagrams.len(), joined.packets.len());
        for (datagram, packet) in datagrams.iter().zip(&joined.packets) {
            assert_eq!(checksum(&[&datagram[..20]]), 0, "seed {seed}");
            let length = u16::from_be_bytes([datagram[24], datagram[25]]).to_be_bytes();
            assert_eq!(checksum(&[&datagram[12..20], &[0, 17], &length, &datagram[20..]]), 0, "seed {seed}");
            assert_eq!(datagram[29], 0x10 | packet.note.kind as u8);
        }
    }
}

/// Runs in which messages go in pieces and packets die.
fn transfers() -> Vec<Joined> {
    let mut all = Vec::new();
    for seed in 1..=12 {
        for transfer in
            ["blast,selective", "blast=20,full", "window=6,ack-every=2", "blast,go-back-n,checksum"]
        {
            let switches = format!("seed={seed};transfer={transfer};fault=loss=0.15,seed={seed}");
            let scenario = crate::lab::find("burst-selective").unwrap();
            all.push(crate::lab::run(scenario, &switches.parse().unwrap()).joined);
        }
    }
    all
}

#[test]
fn a_capture_of_transfers_reads_as_what_was_sent_with_every_list_of_what_is_missing() {
    let mut listed = 0;
    for joined in transfers() {
        let datagrams = datagrams(&render(&joined, View::Pcapng, &Page::default()));
        assert_eq!(datagrams.len(), joined.packets.len());
        for (datagram, packet) in datagrams.iter().zip(&joined.packets) {
            let view = sendrec_core::wire::View::new(&datagram[28..]).unwrap();
            assert_eq!(PacketNote::new(view.header(), view.payload().len()), packet.note);
            if let Some(progress) = &packet.progress {
                assert_eq!(progress.pieces, Some(32), "{packet:?}");
                let missing = progress.missing.as_ref().unwrap_or_else(|| panic!("{packet:?}"));
                listed += usize::from(!missing.is_empty());
            }
        }
    }
    assert!(listed > 100, "only {listed} lists");
}

/// What a report lists as missing goes again, and nothing else does: under selective repeat, without time-outs.
#[test]
fn what_is_said_to_be_missing_is_what_goes_again() {
    let scenario = crate::lab::find("burst-selective").unwrap();
    let joined = crate::lab::run(scenario, &Default::default()).joined;
    let piece = |packet: &&crate::trace::Passage| packet.note.offset / 1_024;
    let again = joined
        .packets
        .iter()
        .filter(|packet| packet.note.part.is_some() && packet.note.flags().has(Flags::AGAIN));
    let again: BTreeSet<u32> = again.map(|packet| piece(&packet)).collect();
    let lists = joined.packets.iter().filter_map(|packet| packet.progress.as_ref()?.missing.clone());
    let missing: BTreeSet<u32> = lists.flatten().flatten().collect();
    assert!(!again.is_empty());
    assert_eq!(again, missing);
}

#[test]
fn text_of_others_is_text() {
    let evil = "</script><script>alert(1)</script>\u{1}\n\"'&;#{}%%";
    let joined = scenes::lost_reply(evil, evil);
    let claims = vec![Claim { text: evil.to_owned(), held: true }];
    let page = Page { title: evil.to_owned(), explanation: vec![evil.to_owned()], claims, ..Page::default() };
    for view in View::ALL {
        let rendered = render(&joined, view, &page);
        let rendered = String::from_utf8_lossy(&rendered);
        if matches!(view, View::Svg | View::Html) {
            assert!(!rendered.contains("<script>alert"), "{view}: {rendered}");
        }
        match view {
            View::Svg => drop(parse(&rendered)),
            View::Html => drop(parse(&without_script(&rendered))),
            View::Json => drop(serde_json::from_str::<Value>(&rendered).unwrap()),
            View::Mermaid => {
                // Nothing of it begins a line of its own.
                let known = ["participant ", "Note ", "m0", "m1", "%% ", "title: ", "---", "sequenceDiagram"];
                for line in rendered.lines().map(str::trim_start) {
                    assert!(known.iter().any(|known| line.starts_with(known)), "{line}");
                }
            }
            View::Text | View::Pcapng | View::Shiviz => {}
        }
    }
}

#[test]
fn what_is_cut_is_said() {
    let joined = joined(3);
    let page = Page { limit: Some(2), ..Page::default() };
    for view in [View::Text, View::Svg, View::Html, View::Mermaid] {
        assert!(text(&joined, view, &page).contains("Cut: "), "{view}");
    }
}

/// Of a cut drawing, what is not drawn has no place in it.
#[test]
fn what_is_cut_away_is_not_pointed_at() {
    let joined = scenes::located_and_crashed();
    let page = |from_ms, limit| Page {
        from: Some(std::time::Duration::from_millis(from_ms)),
        limit: Some(limit),
        ..Page::default()
    };
    let shown = |page: &Page| -> Vec<bool> {
        let text = text(&joined, View::Html, page);
        let points = text.split_once("const points = ").unwrap().1.split_once(";\n").unwrap().0;
        let points: Vec<Value> = serde_json::from_str(points).unwrap();
        points.iter().map(|point| point["shown"].as_bool().unwrap()).collect()
    };
    let all = shown(&page(0, 1_000));
    assert!(all.iter().all(|shown| *shown));
    let some = shown(&page(3, 3));
    assert!(!some[0] && !some[all.len() - 1], "{some:?}");
    assert!(some.iter().any(|shown| *shown), "{some:?}");
}

#[test]
fn nothing_is_a_trace_too() {
    for view in View::ALL {
        assert!(!render(&join(Vec::new()), view, &Page::default()).is_empty(), "{view}");
    }
}

#[test]
fn views_are_known_by_their_names() {
    for view in View::ALL {
        assert_eq!(view.to_string().parse(), Ok(view));
    }
    assert!("gif".parse::<View>().unwrap_err().to_string().contains("pcapng"));
}
