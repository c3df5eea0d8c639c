//! The matrix as one page that needs nothing but itself: the table; for each row its proofs and every message.
use std::fmt::Write as _;

use sendrec_core::wire::PacketType;

use super::promises::promises;
use super::table::{broken_words, heading, milliseconds, unseen_words};
use super::{Dimension, Matrix, Row};
use crate::view::escape;

/// Broken promises at the head of the page; all of them stand with their rows.
const BROKEN_SHOWN: usize = 10;
const STYLE: &str = include_str!("page.css");

/// The page.
pub fn html(matrix: &Matrix) -> String {
    let mut out = String::new();
    let _ = write!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>Slide 20, every combination</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <h1>Slide 20, every combination</h1>\n<p class=\"soft\">{}</p>\n",
        escape(&heading(matrix))
    );
    verdict(matrix, &mut out);
    table(matrix, &mut out);
    out.push_str(
        "<h2>Each row closely</h2>\n<p>The events that show its four choices in force, and each message of \
         the workload.</p>\n",
    );
    for row in &matrix.rows {
        details(row, &mut out);
    }
    out.push_str(
        "<h2>What was promised</h2>\n<p>By each choice to those rows that have it; under faults, only what \
         can be promised then.</p>\n<ul>\n",
    );
    for promise in promises() {
        let _ = writeln!(out, "<li><b>{}</b> {}</li>", escape(promise.whose()), escape(promise.text));
    }
    out.push_str("</ul>\n</body>\n</html>\n");
    out
}

fn verdict(matrix: &Matrix, out: &mut String) {
    let promises: usize = matrix.rows.iter().map(|row| row.promises).sum();
    if matrix.held() {
        let seen = if matrix.unseen() == 0 { ", and every choice was seen in force" } else { "" };
        let _ = writeln!(out, "<p class=\"held\">All {promises} promises held{seen}.</p>");
        unseen(matrix, out);
        return;
    }
    let broken = matrix.rows.iter().flat_map(|row| row.broken.iter().map(move |broken| (row, broken)));
    let _ = writeln!(out, "<p class=\"broken\">{} of {promises} promises did not hold:</p>\n<ul>", {
        broken.clone().count()
    });
    for (row, broken) in broken.clone().take(BROKEN_SHOWN) {
        let words = format!("row {} ({}): {}", row.number, row.combination, broken_words(broken));
        let _ = writeln!(out, "<li><a href=\"#row-{}\">{}</a></li>", row.number, escape(&words));
    }
    let more = broken.count().saturating_sub(BROKEN_SHOWN);
    if more > 0 {
        let _ = writeln!(out, "<li>and {more} more, which stand with their rows</li>");
    }
    out.push_str("</ul>\n");
    unseen(matrix, out);
}

fn unseen(matrix: &Matrix, out: &mut String) {
    if let Some(words) = unseen_words(matrix) {
        let _ = writeln!(out, "<p>{} They stand with their rows.</p>", escape(words.trim_end()));
    }
}

fn table(matrix: &Matrix, out: &mut String) {
    out.push_str(
        "<p>Packets of each type and runs are per message of the workload; ms is a plain call's \
         time on average; died are packets; a dot is none.</p>\n<div class=\"scroll\"><table>\n\
         <thead><tr><th class=\"number\">row</th>",
    );
    for dimension in Dimension::ALL {
        let _ = write!(out, "<th>{}</th>", dimension.name());
    }
    for kind in PacketType::ALL {
        let _ = write!(out, "<th class=\"number\">{}</th>", kind.name());
    }
    out.push_str(
        "<th class=\"number\">ms</th><th class=\"number\">runs</th><th class=\"number\">died</th>\
         <th>messages that never ran</th><th>callers were told</th></tr></thead>\n<tbody>\n",
    );
    for row in &matrix.rows {
        table_row(row, out);
    }
    out.push_str("</tbody></table></div>\n");
}

fn table_row(row: &Row, out: &mut String) {
    let first = row.number % 27 == 1;
    let mark = if row.broken.is_empty() { "held" } else { "broken" };
    let _ = write!(
        out,
        "<tr{}><td class=\"number\"><a class=\"{mark}\" href=\"#row-{1}\">{1}</a></td>",
        if first { " class=\"first\"" } else { "" },
        row.number
    );
    for name in row.combination.names() {
        let _ = write!(out, "<td class=\"choice\">{name}</td>");
    }
    for kind in PacketType::ALL {
        match row.per_message(kind) {
            0.0 => out.push_str("<td class=\"number soft\">·</td>"),
            count => {
                let _ = write!(out, "<td class=\"number\">{count:.2}</td>");
            }
        }
    }
    let _ = writeln!(
        out,
        "<td class=\"number\">{}</td><td class=\"number\">{:.2}</td><td class=\"number\">{}</td>\
         <td class=\"words\">{}</td><td class=\"words\">{}</td></tr>",
        milliseconds(row.facts.latency()),
        row.runs_per_message(),
        row.packets_lost(),
        escape(&row.lost()),
        escape(&row.told()),
    );
}

fn details(row: &Row, out: &mut String) {
    let open = if row.broken.is_empty() { "" } else { " open" };
    let _ = writeln!(
        out,
        "<details id=\"row-{0}\"{open}><summary>{0}. {1}</summary>\n<dl>",
        row.number, row.combination
    );
    for ((dimension, name), proof) in Dimension::ALL.into_iter().zip(row.combination.names()).zip(&row.proofs)
    {
        let shown = match proof {
            Some(proof) => escape(&format!(
                "event {} of {}, at {} ms: {}",
                proof.event,
                proof.machine,
                milliseconds(Some(proof.at)),
                proof.text
            )),
            None => "<span class=\"broken\">no event shows it</span>".to_owned(),
        };
        let _ = writeln!(out, "<dt>{}: {name}</dt><dd>{shown}</dd>", dimension.name());
    }
    out.push_str("</dl>\n");
    for broken in &row.broken {
        let _ = writeln!(out, "<p class=\"broken\">{}</p>", escape(&broken_words(broken)));
    }
    out.push_str(
        "<table><thead><tr><th>message</th><th>from</th><th class=\"number\">ms</th><th>run by</th>\
         <th>told</th></tr></thead><tbody>\n",
    );
    for asked in &row.facts.asked {
        let told = asked.told.as_deref().unwrap_or("nothing");
        let runs = if asked.runs.is_empty() { "nobody".to_owned() } else { asked.runs.join(", ") };
        let _ = writeln!(
            out,
            "<tr><td>{}</td><td>{}</td><td class=\"number\">{}</td><td>{}</td><td>{}</td></tr>",
            escape(&asked.text),
            escape(&asked.process),
            milliseconds(Some(asked.took)),
            escape(&runs),
            escape(told),
        );
    }
    out.push_str("</tbody></table>\n</details>\n");
}
