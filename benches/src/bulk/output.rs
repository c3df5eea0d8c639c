//! Where a run's results go, and in which form.

use super::document::Document;
use super::options::BulkOptions;
use super::{html, text};
use crate::output::Output;
use sendrec_measure::Fallible;

/// Files that can be written.
pub(crate) struct Outputs {
    json: Option<Output>,
    csv: Option<Output>,
    html: Option<Output>,
}

/// How a document is told.
type Form = fn(&Document) -> Fallible<String>;

impl Outputs {
    /// Nothing is lost yet, nor if there is an error.
    pub(crate) fn open(options: &BulkOptions) -> Fallible<Self> {
        let paths = [&options.json, &options.csv, &options.html];
        let [json, csv, html] = Output::open_each(paths.map(Option::as_deref))?;
        Ok(Self { json, csv, html })
    }

    /// In every form asked for. What is left is for standard output: a table, unless something else goes there.
    pub(crate) fn write(self, document: &Document) -> Fallible<String> {
        let json = |document: &Document| Ok(serde_json::to_string_pretty(document)? + "\n");
        let csv = |document: &Document| Ok(text::csv(document));
        let forms: [(_, Form); 3] = [(self.json, json), (self.csv, csv), (self.html, html::page)];
        let mut printed = None;
        for (output, form) in forms {
            match output {
                None => {}
                Some(Output::Stdout) => printed = Some(form(document)?),
                Some(file) => file.write(&form(document)?)?,
            }
        }
        Ok(printed.unwrap_or_else(|| text::tables(document)))
    }
}
