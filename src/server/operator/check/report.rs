//! What was found, and how it is printed. Pure.

use crate::server::operator::json::{list, string};
use crate::server::operator::one_line;
use crate::server::sentence::sentence;
use std::fmt;

/// How bad something is. The worst is the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// As it should be.
    Good,
    /// The server works, and somebody should see to this.
    Warning,
    /// The server does not start, or does not do what it promises.
    Error,
}

impl Severity {
    /// Its word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// What is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Area {
    /// The settings.
    Settings,
    /// Whether a server runs.
    Server,
    /// The versions of the programs and of SQLite.
    Versions,
    /// Addresses and ports.
    Addresses,
    /// The certificate and its key.
    Certificate,
    /// Who may read and write the files.
    Permissions,
    /// Open files.
    Descriptors,
    /// The disk below the data directory.
    Disk,
    /// The databases.
    Database,
    /// How long ago the last backup was.
    Backup,
    /// The system's clock.
    Clock,
}

impl Area {
    /// Its word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Settings => "settings",
            Self::Server => "server",
            Self::Versions => "versions",
            Self::Addresses => "addresses",
            Self::Certificate => "certificate",
            Self::Permissions => "permissions",
            Self::Descriptors => "descriptors",
            Self::Disk => "disk",
            Self::Database => "database",
            Self::Backup => "backup",
            Self::Clock => "clock",
        }
    }
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What it is about.
    pub area: Area,
    /// What was found and where; and, unless it is good, what to do. One line.
    pub text: String,
}

/// Everything that was found, in the order in which it was looked at.
#[derive(Debug, Default)]
pub struct Report {
    findings: Vec<Finding>,
}

impl Report {
    pub(super) fn good(&mut self, area: Area, text: impl fmt::Display) {
        self.add(Severity::Good, area, text);
    }

    pub(super) fn warning(&mut self, area: Area, text: impl fmt::Display) {
        self.add(Severity::Warning, area, text);
    }

    pub(super) fn error(&mut self, area: Area, text: impl fmt::Display) {
        self.add(Severity::Error, area, text);
    }

    pub(super) fn add(&mut self, severity: Severity, area: Area, text: impl fmt::Display) {
        // Each finding is one sentence or more on one line, however the text came and whatever a file is called.
        let text = sentence(&one_line(&text.to_string()));
        self.findings.push(Finding { severity, area, text });
    }

    /// Whether anything but good was found of an area.
    pub(super) fn has_fault(&self, area: Area) -> bool {
        self.findings.iter().any(|finding| finding.area == area && finding.severity > Severity::Good)
    }

    /// All of it.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The worst of all.
    #[must_use]
    pub fn worst(&self) -> Severity {
        self.findings.iter().map(|finding| finding.severity).max().unwrap_or(Severity::Good)
    }

    /// For people: a line each, and how many there are.
    #[must_use]
    pub fn text(&self) -> String {
        let line = |finding: &Finding| {
            let Finding { severity, area, text } = finding;
            format!("{:<8} {:<12} {text}\n", severity.as_str(), area.as_str())
        };
        let lines: String = self.findings.iter().map(line).collect();
        let count = |severity| self.findings.iter().filter(|finding| finding.severity == severity).count();
        let counted = |number, what: &str| format!("{number} {what}{}", if number == 1 { "" } else { "s" });
        let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
        let verdict = match (errors, warnings) {
            (0, 0) => "All is good.".to_owned(),
            _ => format!("{}, {}.", counted(errors, "error"), counted(warnings, "warning")),
        };
        format!("{lines}{verdict}\n")
    }

    /// The same as JSON, in one line.
    #[must_use]
    pub fn json(&self) -> String {
        let finding = |finding: &Finding| {
            let Finding { severity, area, text } = finding;
            let (severity, area) = (severity.as_str(), area.as_str());
            format!("{{\"severity\":\"{severity}\",\"area\":\"{area}\",\"text\":{}}}", string(text))
        };
        let findings = list(self.findings.iter().map(finding));
        format!("{{\"worst\":\"{}\",\"findings\":{findings}}}\n", self.worst().as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_line_for_each_finding_and_one_for_all() {
        let mut report = Report::default();
        assert_eq!((report.worst(), report.text().as_str()), (Severity::Good, "All is good.\n"));
        report.good(Area::Settings, "they are good");
        report.error(Area::Disk, "/data is \"full\". Make room.");
        report.warning(Area::Clock, "is it right?");
        assert_eq!(
            report.text(),
            "good     settings     they are good.\n\
             error    disk         /data is \"full\". Make room.\n\
             warning  clock        is it right?\n\
             1 error, 1 warning.\n"
        );
        assert!(report.json().starts_with(r#"{"worst":"error","findings":[{"severity":"good","area":"settings","#));
        assert!(report.json().contains(r#""text":"/data is \"full\". Make room."}"#));
        assert!(report.has_fault(Area::Disk) && !report.has_fault(Area::Settings));
        report.warning(Area::Permissions, "a file called \x1b[2J\ngood     disk");
        assert_eq!(report.text().lines().count(), 5);
        assert!(report.text().contains(r"called \u{1b}[2J\ngood     disk."), "{}", report.text());
    }
}
