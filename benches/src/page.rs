//! What reports for a browser have in common: one file, nothing fetched.

const STYLE: &str = "body{font:15px/1.45 sans-serif;max-width:1180px;margin:2em auto;padding:0 1em;color:#222}\
table{border-collapse:collapse;margin:1em 0;font-size:13px}td,th{padding:2px 9px;border-bottom:1px solid #ddd;text-align:right}\
td.t,th.t{text-align:left}tr.off td.d{color:#b00020;font-weight:bold}tr.own td{font-weight:bold}svg{max-width:100%;height:auto}\
code,pre{background:#f4f4f4;padding:1px 4px}pre{padding:.8em;white-space:pre-wrap}.wide{overflow-x:auto}.r{color:#00695c}.m{color:#b00020}";

/// A page's begin, up to its heading.
pub fn begin(title: &str, heading: &str) -> String {
    let (title, heading) = (escaped(title), escaped(heading));
    format!(
        "<!doctype html><html lang=en><meta charset=utf-8><title>{title}</title><style>{STYLE}</style><h1>{heading}</h1>"
    )
}

/// As text stands in a page.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
