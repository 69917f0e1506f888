//! Cells that are not in the file exactly as they came: how many, and the first of each kind.

use std::fmt;

/// How a cell differs from what came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IssueKind {
    /// Characters XML forbids were escaped or left out.
    Escaped,
    /// Text longer than a cell holds was cut.
    Truncated,
    /// A value that a spreadsheet would change, or that is not of its type, is text.
    KeptAsText,
    /// A value that is not of its type became null.
    Nulled,
    /// Characters that the encoding lacks were replaced.
    Unmappable,
    /// Text that would run as a formula got a character in front.
    Neutralised,
}

const KINDS: [IssueKind; 6] = [
    IssueKind::Escaped,
    IssueKind::Truncated,
    IssueKind::KeptAsText,
    IssueKind::Nulled,
    IssueKind::Unmappable,
    IssueKind::Neutralised,
];

impl fmt::Display for IssueKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Escaped => "escaped",
            Self::Truncated => "truncated",
            Self::KeptAsText => "kept_as_text",
            Self::Nulled => "nulled",
            Self::Unmappable => "unmappable",
            Self::Neutralised => "neutralised",
        })
    }
}

/// All cells of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Issue {
    /// How the cells differ.
    pub kind: IssueKind,
    /// How many there are, at least 1.
    pub cells: u64,
    /// 1-based data row of the first.
    pub first_row: u64,
    /// 0-based column of the first.
    pub first_column: usize,
}

/// Counts of one file.
#[derive(Debug, Default)]
pub(crate) struct Fidelity {
    found: [Option<Issue>; KINDS.len()],
}

impl Fidelity {
    pub(crate) fn count(&mut self, kind: IssueKind, row: u64, column: usize) {
        let issue = self.found[kind as usize].get_or_insert(Issue {
            kind,
            cells: 0,
            first_row: row,
            first_column: column,
        });
        issue.cells += 1;
    }

    /// Adds the counts of rows that follow.
    pub(crate) fn add(&mut self, later: &Self) {
        for issue in later.found.iter().flatten() {
            match &mut self.found[issue.kind as usize] {
                Some(found) => found.cells += issue.cells,
                none => *none = Some(*issue),
            }
        }
    }

    pub(crate) fn issues(&self) -> Vec<Issue> {
        self.found.iter().flatten().copied().collect()
    }
}
