//! Many runs in one table: mean and spread over seeds, and how far each arm is from the first.

use std::fmt::Write;

use crate::eval::decide::Measure;
use crate::eval::parts::ALL;
use crate::eval::report::Report;
use crate::statistics::{Spread, spread};

/// What the arms got on one benchmark.
pub struct Summary {
    benchmark: String,
    data: String,
    n_seeds: usize,
    measures: Vec<Measure>,
    cells: Vec<Cell>,
}

/// One number of one arm, and its lead over the first arm with the same seed.
struct Cell {
    arm: String,
    subset: String,
    n: usize,
    chance: f64,
    share: Spread,
    lead: Spread,
}

/// Sums a report up whose models are the runs of `arms`, each with `n_seeds` seeds in the same order.
///
/// # Panics
/// If the report has another number of models.
pub fn summarize(report: &Report, arms: &[String], n_seeds: usize) -> Summary {
    assert_eq!(report.models.len(), arms.len() * n_seeds, "one model a run");
    let first = &report.models[0];
    let measures = headline(first.rows.iter().map(|row| row.measure));
    let mut cells = Vec::new();
    for (arm, models) in arms.iter().zip(report.models.chunks(n_seeds)) {
        for (place, row) in first.rows.iter().enumerate() {
            if !measures.contains(&row.measure) {
                continue;
            }
            let own: Vec<f64> = models.iter().map(|model| model.rows[place].share).collect();
            let theirs = report.models.iter().map(|model| model.rows[place].share);
            let leads: Vec<f64> = own.iter().zip(theirs).map(|(own, other)| own - other).collect();
            cells.push(Cell {
                arm: arm.clone(),
                subset: row.subset.clone(),
                n: row.n,
                chance: row.chance,
                share: spread(&own),
                lead: spread(&leads),
            });
        }
    }
    let (benchmark, data) = (report.benchmark.clone(), report.data.clone());
    Summary { benchmark, data, n_seeds, measures, cells }
}

/// The measures that a table shows: all of them, but of squares only the symmetric ones.
fn headline(measures: impl Iterator<Item = Measure>) -> Vec<Measure> {
    let one_sided = [Measure::FirstImage, Measure::SecondImage, Measure::FirstText, Measure::SecondText];
    let mut shown: Vec<Measure> = measures.filter(|measure| !one_sided.contains(measure)).collect();
    shown.sort();
    shown.dedup();
    shown
}

impl Summary {
    /// The table as Markdown, in percent.
    pub fn markdown(&self) -> String {
        let mut text = format!(
            "{}: {}; mean ± standard deviation over {} seeds in %, a tie is a miss\n\n",
            self.benchmark, self.data, self.n_seeds
        );
        self.table(&mut text, |cell| {
            let deviation = cell.share.deviation.map(|deviation| format!(" ± {:.1}", 100.0 * deviation));
            format!("{:.1}{}", 100.0 * cell.share.mean, deviation.unwrap_or_default())
        });
        let firsts = self.cells.first().map(|cell| cell.arm.as_str()).unwrap_or_default();
        if self.n_seeds > 1 && self.cells.iter().any(|cell| cell.arm != firsts) {
            let _ = write!(
                text,
                "\nPoints ahead of {firsts}, the same seed [95 % by Student's t over seeds]\n\n"
            );
            self.table(&mut text, |cell| match cell.lead.interval {
                Some([low, high]) if cell.arm != firsts => {
                    format!("{:+.1} [{:+.1}, {:+.1}]", 100.0 * cell.lead.mean, 100.0 * low, 100.0 * high)
                }
                _ => String::new(),
            });
        }
        text
    }

    /// One row an arm and subset, one column a measure, and chance below. Rows of empty cells are left out.
    fn table(&self, text: &mut String, show: impl Fn(&Cell) -> String) {
        let names: Vec<&str> = self.measures.iter().map(|measure| measure.name()).collect();
        let rules = "---|".repeat(3 + names.len());
        let _ = writeln!(text, "| arm | subset | n | {} |\n|{rules}", names.join(" | "));
        let mut chance: Vec<String> = Vec::new();
        for row in self.cells.chunk_by(|a, b| (&a.arm, &a.subset) == (&b.arm, &b.subset)) {
            let shown: Vec<String> = row.iter().map(&show).collect();
            if shown.iter().any(|cell| !cell.is_empty()) {
                let (arm, subset, n) = (&row[0].arm, &row[0].subset, row[0].n);
                let _ = writeln!(text, "| {arm} | {subset} | {n} | {} |", shown.join(" | "));
            }
            if row[0].subset == ALL || chance.is_empty() {
                chance = row.iter().map(|cell| format!("{:.1}", 100.0 * cell.chance)).collect();
            }
        }
        if show(&self.cells[0]).is_empty() {
            return;
        }
        let _ = writeln!(text, "| chance | | | {} |", chance.join(" | "));
    }
}
