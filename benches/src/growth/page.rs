//! The figures for a browser: a plot for each thing that grows, and one of the timers.
use std::fmt::Write;

use sendrec_measure::{Fallible, Spread};

use super::What;
use super::show::Document;
use crate::page::{begin, escaped};
use crate::picture::{Axes, Series, picture};
use crate::timers::plot::grouped;

/// The whole page; `timers` is a picture.
pub(super) fn page(document: &Document, timers: &str) -> Fallible<String> {
    let mut page = begin("sendrec bench growth", "What a call costs as a system grows");
    let _ = write!(page, "<p>{}</p>", escaped(&document.machine.to_string()));
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
