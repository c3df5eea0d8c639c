//! Views of a trace: the ladder as a picture, as a page, as a capture, and the joined trace in formats of other tools.
//!
//! All of them tell the story of the text ladder ([`crate::ladder`]) from the same joined trace: every packet once, with
//! its fate and the rule that caused it. Deliberately not here: files, and what a terminal can show, which is the
//! command's.
pub(crate) mod datagram;
mod drawing;
mod events;
mod html;
mod json;
mod mermaid;
mod pcapng;
mod shiviz;
mod svg;
#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::ladder::{self, Style};
use crate::trace::Joined;

/// A dissector in Lua, which teaches Wireshark and tshark the protocol's packets.
pub const DISSECTOR: &str = include_str!("sendrec.lua");

/// No drawing and no diagram has more rows, unless the [`Page`] says otherwise: browsers become slow.
pub const ROWS_MAX: usize = 2_000;

/// In which form a trace is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum View {
    /// The ladder in text, 80 columns wide.
    #[default]
    Text,
    /// The ladder as a picture.
    Svg,
    /// One page with the picture, every event, and keys to step through them.
    Html,
    /// A capture with a packet for each departure, for Wireshark.
    Pcapng,
    /// The joined trace as one document, whose fields the head of `view/json.rs` describes.
    Json,
    /// A sequence diagram in Mermaid's language.
    Mermaid,
    /// A log with vector clocks for ShiViz.
    Shiviz,
}

impl View {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Text, Self::Svg, Self::Html, Self::Pcapng, Self::Json, Self::Mermaid, Self::Shiviz];

    /// Its name, as a command takes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Svg => "svg",
            Self::Html => "html",
            Self::Pcapng => "pcapng",
            Self::Json => "json",
            Self::Mermaid => "mermaid",
            Self::Shiviz => "shiviz",
        }
    }

    /// Whether it is made of bytes that a terminal should not see.
    pub const fn is_binary(self) -> bool {
        matches!(self, Self::Pcapng)
    }
}

impl std::fmt::Display for View {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// No view has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no view is called {0:?}: text, svg, html, pcapng, json, mermaid and shiviz are")]
pub struct UnknownView(String);

impl std::str::FromStr for View {
    type Err = UnknownView;

    fn from_str(text: &str) -> Result<Self, UnknownView> {
        let found = Self::ALL.into_iter().find(|view| view.name() == text);
        found.ok_or_else(|| UnknownView(text.to_owned()))
    }
}

/// What was claimed of a run, and whether it held.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Claim {
    /// What was claimed.
    pub text: String,
    /// Whether it held.
    pub held: bool,
}

/// What stands round a view: views that have no place for it leave it out. The default is nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Over it.
    pub title: String,
    /// What is seen and why, a paragraph each.
    pub explanation: Vec<String>,
    /// What was claimed of the run.
    pub claims: Vec<Claim>,
    /// The drawing leaves out what was before, counted from the first event.
    pub from: Option<Duration>,
    /// The drawing has so many rows at most, [`ROWS_MAX`] if nothing is said.
    pub limit: Option<usize>,
}

/// Renders joined traces.
pub fn render(joined: &Joined, view: View, page: &Page) -> Vec<u8> {
    match view {
        View::Text => {
            let style = Style { from: page.from, limit: page.limit, ..Style::default() };
            ladder::draw(joined, &style).into_bytes()
        }
        View::Svg => svg::render(joined, page).into_bytes(),
        View::Html => html::render(joined, page).into_bytes(),
        View::Pcapng => pcapng::render(joined),
        View::Json => json::render(joined, page).into_bytes(),
        View::Mermaid => mermaid::render(joined, page).into_bytes(),
        View::Shiviz => shiviz::render(joined).into_bytes(),
    }
}

/// Text of others made safe in XML and HTML, in content and in attributes: no markup, no characters XML forbids.
pub(crate) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            '\n' | '\t' => safe.push(' '),
            '\u{fffe}' | '\u{ffff}' => safe.push('\u{fffd}'),
            character if character.is_control() => safe.push('\u{fffd}'),
            character => safe.push(character),
        }
    }
    safe
}
