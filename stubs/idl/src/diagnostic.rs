//! What is wrong with an interface file, and the text that says so: what, where (with carets), why and what to do.
use std::fmt::Write as _;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use crate::source::{Sources, Span};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth a look; code is made all the same.
    Warning,
    /// No code is made.
    Error,
}

/// One thing that is wrong.
#[derive(Clone, Debug)]
pub(crate) struct Diagnostic {
    pub(crate) severity: Severity,
    pub(crate) title: String,
    /// Where, and what is said under the carets.
    pub(crate) primary: (Span, String),
    /// Other places that matter.
    pub(crate) others: Vec<(Span, String)>,
    pub(crate) help: Option<String>,
}

impl Diagnostic {
    pub(crate) fn error(span: Span, title: impl Into<String>, label: impl Into<String>) -> Self {
        let (primary, others) = ((span, label.into()), Vec::new());
        Self { severity: Severity::Error, title: title.into(), primary, others, help: None }
    }

    pub(crate) fn warning(span: Span, title: impl Into<String>, label: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(span, title, label) }
    }

    pub(crate) fn and(mut self, span: Span, label: impl Into<String>) -> Self {
        self.others.push((span, label.into()));
        self
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// What is wrong with a file and those it includes, in the order of their text.
#[derive(Debug)]
pub struct Diagnostics {
    pub(crate) sources: Sources,
    pub(crate) list: Vec<Diagnostic>,
}

/// So many are shown; who has more has one fault that brings the rest.
const SHOWN_MAX: usize = 100;

impl Diagnostics {
    /// How many are errors.
    pub fn errors(&self) -> usize {
        self.list.iter().filter(|one| one.severity == Severity::Error).count()
    }

    /// Whether there is none, not even a warning.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The text for a terminal, with or without colours; empty if nothing is wrong.
    pub fn render(&self, coloured: bool) -> String {
        let renderer = if coloured { Renderer::styled() } else { Renderer::plain() };
        let mut list: Vec<_> = self.list.iter().collect();
        list.sort_by_key(|one| (one.primary.0.file, one.primary.0.start));
        let mut text = String::new();
        for one in list.iter().take(SHOWN_MAX) {
            text.push_str(&self.render_one(one, &renderer));
            text.push_str("\n\n");
        }
        if let Some(more) = list.len().checked_sub(SHOWN_MAX).filter(|more| *more > 0) {
            let _ = writeln!(text, "... and {more} more\n");
        }
        text
    }

    fn render_one(&self, one: &Diagnostic, renderer: &Renderer) -> String {
        let level = match one.severity {
            Severity::Warning => Level::WARNING,
            Severity::Error => Level::ERROR,
        };
        let mut files = vec![one.primary.0.file];
        for (span, _) in &one.others {
            if !files.contains(&span.file) {
                files.push(span.file);
            }
        }
        let mut group = annotate_snippets::Group::with_title(level.primary_title(one.title.as_str()));
        for id in files {
            let file = self.sources.file(id);
            let mut snippet = Snippet::source(file.text.as_str()).path(file.name.as_str());
            if one.primary.0.file == id {
                let annotation = AnnotationKind::Primary.span(clip(one.primary.0, &file.text));
                snippet = snippet.annotation(annotation.label(one.primary.1.as_str()));
            }
            for (span, label) in one.others.iter().filter(|(span, _)| span.file == id) {
                let annotation = AnnotationKind::Context.span(clip(*span, &file.text));
                snippet = snippet.annotation(annotation.label(label.as_str()));
            }
            group = group.element(snippet);
        }
        if let Some(help) = &one.help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        renderer.render(&[group])
    }
}

/// Within the text, and at its end the last byte.
fn clip(span: Span, text: &str) -> std::ops::Range<usize> {
    let range = span.range();
    let end = range.end.min(text.len());
    range.start.min(end)..end
}
