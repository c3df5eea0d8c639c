//! The figures for a browser: a plot for each thing that grows, and one of the timers.
use std::fmt::Write;

use sendrec_measure::{Fallible, Spread};

use super::What;
use super::show::Document;
use crate::picture::{Axes, Series, picture};
use crate::timers::plot::grouped;

const STYLE: &str = "body{font:15px/1.45 sans-serif;max-width:1180px;margin:2em auto;padding:0 1em;color:#222}\
table{border-collapse:collapse;font-size:13px}td,th{padding:2px 9px;border-bottom:1px solid #ddd;text-align:right}\
svg{max-width:100%;height:auto}";

/// The whole page; `timers` is a picture.
pub(super) fn page(document: &Document, timers: &str) -> Fallible<String> {
    let mut page = String::from("<!doctype html><html lang=en><meta charset=utf-8>");
    let _ = write!(
        page,
        "<title>sendrec bench growth</title><style>{STYLE}</style><h1>What a call costs as a system grows</h1><p>{}</p>",
        document.machine
    );
    for what in What::ALL {
        let _ = write!(page, "<h2>{}</h2>", what.name());
        if let Some(growth) = document.growth(what) {
            let _ = write!(page, "<p>{growth}</p>");
        }
        let points = document.rows_of(what).map(|row| (row.size as f64, row.figure.median)).collect();
        let axes =
            Axes { title: what.unit(), x: what.name(), y: what.unit(), show_x: &|size| grouped(*size) };
        let mut pictures = Vec::new();
        picture(&axes, &[Series::new(0, "median".into(), points)], &mut pictures)?;
        page.extend(pictures);
        page.push_str("<table><tr><th>size<th>median (least–most)</tr>");
        for row in document.rows_of(what) {
            let _ = write!(page, "<tr><td>{}<td>{}</tr>", row.size, Spread::show(Some(row.figure), 1));
        }
        page.push_str("</table>");
    }
    let _ = write!(page, "<h2>Timers</h2>{timers}</html>");
    Ok(page)
}
