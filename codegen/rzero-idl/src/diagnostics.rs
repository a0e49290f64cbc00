//! What is wrong with a contract, told like a good compiler does.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode,
};

/// Problems that are shown; nobody reads more at once.
pub(crate) const MAX_PROBLEMS: usize = 50;

/// A marked stretch of a source text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Byte range in the source text.
    pub span: Range<usize>,
    /// What to write beside the caret.
    pub text: String,
}

/// One mistake: what, where, and the way out.
#[derive(Clone, Debug)]
pub struct Problem {
    message: String,
    help: Option<String>,
    source: Option<Arc<NamedSource<String>>>,
    marks: Vec<Mark>,
}

impl Problem {
    /// A mistake that is in no particular place of a file.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            help: None,
            source: None,
            marks: Vec::new(),
        }
    }

    /// Says what to do about it.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Says which file it is in. `name` is shown as it is.
    #[must_use]
    pub fn with_source(mut self, name: impl AsRef<str>, text: impl Into<String>) -> Self {
        self.source = Some(Arc::new(NamedSource::new(name, text.into())));
        self
    }

    /// The same for a source that other problems share.
    pub(crate) fn with_shared_source(mut self, source: &Arc<NamedSource<String>>) -> Self {
        self.source = Some(Arc::clone(source));
        self
    }

    /// Marks a stretch of the source. Ranges outside the text are cut to it.
    #[must_use]
    pub fn with_mark(mut self, span: Range<usize>, text: impl Into<String>) -> Self {
        self.marks.push(Mark {
            span,
            text: text.into(),
        });
        self
    }

    /// The message, lower case and without a full stop.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do about it.
    #[must_use]
    pub fn help_text(&self) -> Option<&str> {
        self.help.as_deref()
    }

    /// The marked stretches, the first one is where the mistake is.
    #[must_use]
    pub fn marks(&self) -> &[Mark] {
        &self.marks
    }

    /// File name, line and column (both from 1) of the first mark.
    #[must_use]
    pub fn place(&self) -> Option<(&str, usize, usize)> {
        let source = self.source.as_ref()?;
        let text = source.inner();
        let start = self
            .marks
            .first()
            .map_or(0, |mark| floor(text, mark.span.start));
        let before = &text[..start];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = before.matches('\n').count() + 1;
        Some((source.name(), line, start - line_start + 1))
    }

    fn key(&self) -> (String, Option<String>, Option<usize>) {
        let file = self.source.as_ref().map(|source| source.name().to_owned());
        (
            self.message.clone(),
            file,
            self.marks.first().map(|mark| mark.span.start),
        )
    }
}

/// The last character boundary at or before `at`.
fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Problem {}

impl Diagnostic for Problem {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help
            .as_ref()
            .map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source
            .as_deref()
            .map(|source| source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let text = self.source.as_ref()?.inner();
        let labels: Vec<LabeledSpan> = self
            .marks
            .iter()
            .enumerate()
            .map(|(at, mark)| {
                let start = floor(text, mark.span.start);
                let end = floor(text, mark.span.end).max(start);
                let label = Some(mark.text.clone());
                if at == 0 {
                    LabeledSpan::new_primary_with_span(label, start..end)
                } else {
                    LabeledSpan::new_with_span(label, start..end)
                }
            })
            .collect();
        (!labels.is_empty()).then(|| Box::new(labels.into_iter()) as Box<_>)
    }
}

/// All mistakes found in a set of contracts; there is at least one.
///
/// `Display` renders every one of them without colour; [`Diagnostics::render`] does so with
/// colour. It is a [`miette::Diagnostic`] too, for programs with a handler of their own.
#[derive(Clone)]
pub struct Diagnostics {
    problems: Vec<Problem>,
    more: usize,
}

impl Diagnostics {
    /// Collects problems; the same problem told twice is kept once, and what is beyond the first
    /// 50 is counted only.
    #[must_use]
    pub fn new(problems: Vec<Problem>) -> Self {
        let mut kept: Vec<Problem> = Vec::new();
        let mut more = 0;
        for problem in problems {
            if kept.iter().any(|known| known.key() == problem.key()) {
                continue;
            }
            if kept.len() < MAX_PROBLEMS {
                kept.push(problem);
            } else {
                more += 1;
            }
        }
        if kept.is_empty() {
            kept.push(Problem::new("the contracts could not be read"));
        }
        Self {
            problems: kept,
            more,
        }
    }

    /// The problems in the order they were found, at most 50.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// The text for a terminal; `color` adds ANSI colours.
    #[must_use]
    pub fn render(&self, color: bool) -> String {
        let theme = if color {
            GraphicalTheme::unicode()
        } else {
            GraphicalTheme::unicode_nocolor()
        };
        let handler = GraphicalReportHandler::new_themed(theme)
            .with_width(100)
            .with_links(false)
            .with_context_lines(1);
        let mut out = String::new();
        for problem in &self.problems {
            if handler.render_report(&mut out, problem).is_err() {
                out.push_str(problem.message());
                out.push('\n');
            }
        }
        let count = self.problems.len() + self.more;
        if count > 1 {
            out.push_str(&format!("\n{count} problems"));
            out.push_str(if self.more > 0 {
                ", the first 50 are shown\n"
            } else {
                "\n"
            });
        }
        out
    }
}

impl From<Problem> for Diagnostics {
    fn from(problem: Problem) -> Self {
        Self::new(vec![problem])
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.render(false).trim_end())
    }
}

impl fmt::Debug for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Diagnostics {}

impl Diagnostic for Diagnostics {
    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        Some(Box::new(
            self.problems
                .iter()
                .map(|problem| problem as &dyn Diagnostic),
        ))
    }
}
