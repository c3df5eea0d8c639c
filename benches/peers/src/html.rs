//! The report for a browser: one file, nothing fetched. Goals, then each workload's picture and table.
use std::fmt::Write;

use sendrec_benches::page::{begin, escaped};
use sendrec_measure::Fallible;

use crate::catalogue::{Unit, WORKLOADS};
use crate::document::{Document, Row};
use crate::output::{COLUMNS, cells, unit};
use crate::plot;

/// The whole page.
pub(crate) fn page(document: &Document) -> Fallible<String> {
    let mut page = begin("sendrec beside its peers", "sendrec beside its peers");
    let _ = write!(
        page,
        "<p>{}<br><code>{}</code><br>Medians of {} rounds of {} s, all peers in turn; a line from the least to the most. \
         A ratio is that of a round to the floor's in the same round.</p>",
        escaped(&document.machine.to_string()),
        escaped(&document.command),
        document.rounds,
        document.seconds
    );
    goals(document, &mut page);
    for workload in WORKLOADS {
        let rows: Vec<&Row> = document.rows.iter().filter(|row| row.workload == workload.key).collect();
        let Some(first) = rows.first() else { continue };
        let _ = write!(page, "<h2>{}</h2>", escaped(workload.name));
        let is_less_better = matches!(workload.unit, Unit::Micros | Unit::Switches);
        if let Some(picture) = plot::svg(&rows, unit(first), is_less_better)? {
            page.push_str(&picture);
        }
        table(&rows, &mut page);
    }
    if !document.left_out.is_empty() {
        page.push_str("<h2>Left out</h2><ul>");
        for reason in &document.left_out {
            let _ = write!(page, "<li>{}", escaped(reason));
        }
        page.push_str("</ul>");
    }
    // As JSON a script's end can stand in a string alone, and there it may be written otherwise.
    let figures = serde_json::to_string(document)?.replace("</", "<\\/");
    let _ = write!(page, "<script type=\"application/json\" id=figures>{figures}</script></html>");
    Ok(page)
}

fn goals(document: &Document, page: &mut String) {
    if document.goals.is_empty() {
        return;
    }
    page.push_str("<h2>Goals</h2><table><tr><th class=t>what<th class=t>placement<th>value<th>least–most<th class=t>goal<th class=t></tr>");
    for goal in &document.goals {
        let (class, reached) = if goal.is_reached { ("r", "reached") } else { ("m", "missed") };
        let _ = write!(
            page,
            "<tr><td class=t>{}<td class=t>{}<td>{:.2}<td>{:.2}–{:.2}<td class=t>{}<td class=\"t {class}\">{reached}</tr>",
            escaped(goal.what),
            goal.placement,
            goal.value.median,
            goal.value.min,
            goal.value.max,
            goal.goal
        );
    }
    page.push_str("</table>");
}

fn table(rows: &[&Row], page: &mut String) {
    page.push_str("<div class=wide><table>");
    let mut placement = "";
    for row in rows {
        if placement != row.placement {
            placement = row.placement;
            let columns: String = COLUMNS.iter().skip(1).map(|column| format!("<th>{column}")).collect();
            let _ = write!(page, "<tr><th class=t>{placement}<th>{}{columns}</tr>", unit(row));
        }
        let class = if row.peer.starts_with("sendrec") { " class=own" } else { "" };
        let cells: String = cells(row).iter().map(|cell| format!("<td>{cell}")).collect();
        let _ = write!(page, "<tr{class}><td class=t>{}{cells}</tr>", escaped(row.peer));
    }
    page.push_str("</table></div>");
}
