//! The report for a browser: one file, nothing fetched. Plots, tables, the model, the machine, and every sample.
use std::fmt::Write;

use super::case::Size;
use super::document::{DEVIATION_MAX, Document, Row};
use super::plot;
use super::show::{
    self, AVERAGE, COLUMNS, OFF_COLUMN, TEXT_COLUMNS, digits, fairness_cells, is_off, seconds, spread,
};
use crate::page::{begin, escaped};
use sendrec_measure::Fallible;

/// Between the ends of a range.
const DASH: &str = "–";

/// Cells of a row, the first so many of them text.
fn cells(tag: &str, texts: usize, cells: &[String]) -> String {
    let cell = |(place, text): (usize, &String)| {
        let class = if place < texts { " class=t" } else { "" };
        format!("<{tag}{class}>{}</{tag}>", escaped(text))
    };
    cells.iter().enumerate().map(cell).collect()
}

/// The whole page.
pub(crate) fn page(document: &Document) -> Fallible<String> {
    let mut page = begin("sendrec bench bulk", "Long messages, measured");
    let _ = write!(
        page,
        "<p>{}<br><code>{}</code><br>{} rounds (least–most): {AVERAGE}; seed {}; a megabyte is 10<sup>6</sup> bytes.</p>",
        escaped(&document.machine.to_string()),
        escaped(&document.command),
        document.rounds,
        document.seed
    );
    let lines: String = document.configured.iter().map(|line| format!("<li>{}", escaped(line))).collect();
    let _ = write!(page, "<p>The kernels run as by default, but:</p><ul>{lines}</ul>");
    if let Some(granted) = &document.granted {
        let _ = write!(page, "<p>{granted}.</p>");
    }
    ratios(document, &mut page);
    let mut places: Vec<&str> = document.rows.iter().map(|row| &row.place[..]).collect();
    places.dedup();
    for place in places {
        let _ = write!(page, "<h2>{}</h2>", escaped(place));
        for picture in plot::plots(document, place)? {
            page.push_str(&picture);
        }
        rows(document, place, &mut page);
    }
    peers(document, &mut page);
    model(document, &mut page);
    for (title, list) in [("Left out", &document.skipped), ("Failed", &document.failed)] {
        if !list.is_empty() {
            let lines: String = list.iter().map(|line| format!("<li>{}", escaped(line))).collect();
            let _ = write!(page, "<h2>{title}</h2><ul>{lines}</ul>");
        }
    }
    // As JSON a script's end can stand in a string alone, and there it may be written otherwise.
    let samples = serde_json::to_string(document)?.replace("</", "<\\/");
    let _ = write!(
        page,
        "<h2>Samples</h2><p>Every sample, as <code>--json</code> has it, is in this page: \
         <button onclick=\"this.nextElementSibling.textContent=document.getElementById('samples').textContent\">show</button>\
         <pre></pre></p><script type=\"application/json\" id=samples>{samples}</script></html>"
    );
    Ok(page)
}

fn rows(document: &Document, place: &str, page: &mut String) {
    let head = cells("th", TEXT_COLUMNS, &COLUMNS.map(String::from));
    let _ = write!(page, "<div class=wide><table><tr>{head}</tr>");
    for row in document.rows.iter().filter(|row| row.place == place) {
        let _ = write!(page, "{}", line(row));
    }
    page.push_str("</table></div>");
    let far = document.deviations().filter(|(row, _)| row.place == place).count();
    let all = document.rows.iter().filter(|row| row.place == place).count();
    let percent = DEVIATION_MAX * 100.0;
    let _ =
        write!(page, "<p>Off by more than {percent} % of the prediction: {far} of {all} rows, marked.</p>");
}

fn line(row: &Row) -> String {
    let all = show::cells(row, DASH, |found| spread(found, DASH, digits));
    let class = if is_off(row) { " class=off" } else { "" };
    let (texts, numbers) = all.split_at(TEXT_COLUMNS);
    let (before, off) = numbers.split_at(OFF_COLUMN - TEXT_COLUMNS);
    let (texts, before, after) =
        (cells("td", texts.len(), texts), cells("td", 0, before), cells("td", 0, &off[1..]));
    format!("<tr{class}>{texts}{before}<td class=d>{}</td>{after}</tr>", escaped(&off[0]))
}

fn ratios(document: &Document, page: &mut String) {
    if document.ratios.is_empty() {
        return;
    }
    page.push_str("<h2>Ratios</h2><table><tr><th class=t>how many times as fast<th class=t>placement<th>message<th>ratio<th>goal</tr>");
    for ratio in &document.ratios {
        let class = ratio.is_reached().map_or("", |reached| if reached { " class=r" } else { " class=m" });
        let value = spread(ratio.value, DASH, |value| format!("{value:.2}"));
        let goal = ratio.goal.map_or(String::new(), |goal| goal.to_string());
        let texts = [ratio.name.clone(), ratio.placement.clone()];
        let message = Size(ratio.message_bytes);
        let texts = cells("td", 2, &texts);
        let _ = write!(page, "<tr>{texts}<td>{message}<td{class}>{value}<td>{goal}</tr>");
    }
    page.push_str("</table>");
}

fn peers(document: &Document, page: &mut String) {
    if !document.peers.is_empty() {
        page.push_str("<h2>Floors and peers</h2><table><tr><th class=t>the same message<th class=t>placement<th>message<th>time<th>MB/s</tr>");
        for peer in &document.peers {
            let texts = cells("td", 2, &[peer.full_name(), peer.placement.clone()]);
            let numbers = [
                Size(peer.message_bytes).to_string(),
                spread(peer.seconds, DASH, seconds),
                spread(peer.megabytes_per_second, DASH, digits),
            ];
            let _ = write!(page, "<tr>{texts}{}</tr>", cells("td", 0, &numbers));
        }
        page.push_str("</table>");
    }
    if !document.fairness.is_empty() {
        page.push_str("<h2>Small calls beside a long message</h2><table><tr><th class=t>null call<th class=t>placement<th>p50, us<th>p99, us<th>MB/s meanwhile</tr>");
        for row in &document.fairness {
            let [name, placement, figures @ ..] = fairness_cells(row, DASH);
            let (texts, numbers) = (cells("td", 2, &[name, placement]), cells("td", 0, &figures));
            let _ = write!(page, "<tr>{texts}{numbers}</tr>");
        }
        page.push_str("</table>");
    }
}

fn model(document: &Document, page: &mut String) {
    if document.models.is_empty() {
        return;
    }
    page.push_str("<h2>The prediction</h2>");
    let _ = write!(page, "<pre>{}</pre>", escaped(super::model::EXPLANATION));
    page.push_str("<table><tr><th class=t>place<th>each packet<th>each byte<th>turn R<th>start<th>time-out T<th>under way, bytes<th class=t>from</tr>");
    for model in &document.models {
        let c = &model.constants;
        let numbers = [
            seconds(c.packet),
            format!("{:.3} ns", c.byte * 1e9),
            seconds(c.turn),
            seconds(c.start),
            seconds(c.timeout),
            format!("{:.0}", c.under_way_bytes),
        ];
        let (place, from) = (escaped(&model.place), escaped(&model.from));
        let _ = write!(
            page,
            "<tr><td class=t>{place}</td>{}<td class=t>{from}</td></tr>",
            cells("td", 0, &numbers)
        );
    }
    page.push_str("</table>");
}
