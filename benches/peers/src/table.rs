//! Tables in Markdown, and what became of goals.

/// What a figure should be.
#[derive(Debug, Clone, Default)]
pub struct Goal {
    /// In the unit of the row.
    pub absolute: Option<f64>,
    /// Figures depend on the machine, so what counts are ratios to others of the same run.
    pub relative: Vec<Relative>,
    /// More is better.
    pub is_floor: bool,
}

#[derive(Debug, Clone)]
pub struct Relative {
    pub factor: f64,
    pub to: &'static str,
    pub of: f64,
}

impl Goal {
    pub fn most(absolute: f64) -> Goal {
        Goal { absolute: Some(absolute), ..Goal::default() }
    }

    pub fn least(absolute: f64) -> Goal {
        Goal { is_floor: true, ..Goal::most(absolute) }
    }

    pub fn times(factor: f64, to: &'static str, of: f64) -> Goal {
        Goal::default().and_times(factor, to, of)
    }

    pub fn and_times(mut self, factor: f64, to: &'static str, of: f64) -> Goal {
        self.relative.push(Relative { factor, to, of });
        self
    }

    /// The goal, and what became of it.
    pub fn cells(&self, value: f64) -> (String, String) {
        let sign = if self.is_floor { ">=" } else { "<=" };
        let mut wanted = Vec::new();
        let mut verdict = Vec::new();
        if let Some(absolute) = self.absolute {
            wanted.push(format!("{sign} {}", figure(absolute)));
            verdict.push(self.verdict(value, absolute));
        }
        for Relative { factor, to, of } in &self.relative {
            wanted.push(format!("{sign} {} {to}", ratio(*factor)));
            verdict.push(self.verdict(value, factor * of));
        }
        // Of two that say the same, one is enough.
        if verdict.iter().all(|one| one == "met") {
            verdict.truncate(1);
        }
        (wanted.join("; "), verdict.join("; "))
    }

    fn verdict(&self, value: f64, wanted: f64) -> String {
        let over = if self.is_floor { wanted / value } else { value / wanted };
        if over <= 1.0 { "met".into() } else { format!("missed: {}", ratio(over)) }
    }
}

/// Three digits that count.
pub fn figure(value: f64) -> String {
    match value {
        0.0 => "0".into(),
        value if value >= 100.0 => format!("{value:.0}"),
        value if value >= 10.0 => format!("{value:.1}"),
        value if value >= 1.0 => format!("{value:.2}"),
        value if value >= 0.001 => format!("{value:.3}"),
        value => format!("{value:.6}"),
    }
}

pub fn ratio(value: f64) -> String {
    format!("{}x", figure(value))
}

/// A time in the unit that suits it.
pub fn time(nanoseconds: f64) -> String {
    match nanoseconds {
        time if time < 1e3 => format!("{} ns", figure(time)),
        time if time < 1e6 => format!("{} us", figure(time / 1e3)),
        time if time < 1e9 => format!("{} ms", figure(time / 1e6)),
        time => format!("{} s", figure(time / 1e9)),
    }
}

/// Prints a table. The first cells of columns are left-aligned.
pub fn print(header: &[&str], rows: &[Vec<String>]) {
    println!("| {} |", header.join(" | "));
    println!("|{}", "---|".repeat(header.len()));
    for row in rows {
        println!("| {} |", row.join(" | "));
    }
    println!();
}
